//! A real process, under a disk that fails and a kernel that kills: what it had acknowledged must be there.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tempfile::TempDir;

use super::*;
use crate::domain::SourceName::Goodays;

/// Where the process under test keeps its data.
const DIRECTORY: &str = "CALLBOARD_TEST_STORE_KILL";

/// In how many rounds it writes.
const ROUNDS: &str = "CALLBOARD_TEST_STORE_ROUNDS";

/// How many of the first syncs are tried as the last one.
const SYNCS: usize = 200;

#[tokio::test]
#[ignore = "not a test by itself: the process that the tests below run and kill"]
async fn the_process_under_test() {
    let dir = std::env::var(DIRECTORY).expect("the directory, from the test that runs this");
    let rounds: usize = std::env::var(ROUNDS).expect("how often").parse().expect("a number");
    let store = Store::open(Path::new(&dir), Clock::system()).expect("a store");
    for round in 0..rounds {
        let bodies: Vec<String> = (0..4).map(|copy| format!("{round}-{copy}")).collect();
        let answers = join_all(
            bodies
                .iter()
                .map(|body| store.accept(Arrival { source: Goodays, body: body.clone().into(), headers: Vec::new() })),
        );
        for (body, answer) in bodies.iter().zip(answers.await) {
            match answer {
                Ok(accepted) => println!("\nacknowledged {} {body}", accepted.seq),
                Err(error) => println!("\nrefused {error}"),
            }
        }
    }
}

/// What the process said before its end.
struct Told {
    acknowledged: Vec<(u64, String)>,
    refused: usize,
    end: ExitStatus,
}

/// Runs the process under `strace` with a fault at some system call, then looks whether all it acknowledged is there, once.
fn run_with(fault: &str, rounds: usize) -> Told {
    // A process that is killed leaves behind what the system has taken from it, synced or not. So memory will do, and two
    // hundred lives do not have to wait for a disk.
    let dir = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a directory");
    let mut child = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync,pwrite64", "-e", fault])
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--ignored", "--exact", "store::kill::the_process_under_test", "--nocapture"])
        .env(DIRECTORY, dir.path())
        .env(ROUNDS, rounds.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("strace runs; on Debian: apt-get install strace");
    let mut told = Told { acknowledged: Vec::new(), refused: 0, end: ExitStatus::default() };
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok) {
        told.refused += usize::from(line.starts_with("refused "));
        if let Some((seq, body)) = line.strip_prefix("acknowledged ").and_then(|rest| rest.split_once(' ')) {
            told.acknowledged.push((seq.parse().expect("a number"), body.to_owned()));
        }
    }
    told.end = child.wait().expect("it ended");

    // It starts again, and what it has is whole.
    drop(Store::open(dir.path(), Clock::system()).expect("it opens afterwards"));
    let file = database::open_to_read(&dir.path().join(database::FILE)).expect("the file");
    let mut events = file.prepare("SELECT seq, body FROM inbox").expect("a question");
    let kept: HashMap<u64, String> = events
        .query_map([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, Vec<u8>>(1)?)))
        .expect("read")
        .map(|row| row.map(|(seq, body)| (seq, String::from_utf8(body).expect("text"))).expect("a row"))
        .collect();
    for (seq, body) in &told.acknowledged {
        assert_eq!(kept.get(seq), Some(body), "acknowledged event {body} was lost by {fault}");
    }
    let once: HashSet<&String> = kept.values().collect();
    assert_eq!(once.len(), kept.len(), "nothing is there twice after {fault}");
    assert_eq!(database::setting(&file, "integrity_check").expect("checked"), "ok", "after {fault}");
    told
}

#[test]
fn every_acknowledged_event_survives_a_kill_at_each_of_the_first_syncs() {
    let next = AtomicUsize::new(1);
    let acknowledged = AtomicUsize::new(0);
    // Most of the time they wait for the disk, and not for a core.
    let hands = 2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..hands {
            scope.spawn(|| {
                loop {
                    let sync = next.fetch_add(1, Ordering::SeqCst);
                    if sync > SYNCS {
                        return;
                    }
                    let told = run_with(&format!("inject=fsync,fdatasync:signal=SIGKILL:when={sync}"), SYNCS + 10);
                    assert!(!told.end.success(), "the process was not killed at sync {sync}");
                    acknowledged.fetch_add(told.acknowledged.len(), Ordering::SeqCst);
                }
            });
        }
    });
    let acknowledged = acknowledged.into_inner();
    assert!(acknowledged > SYNCS * SYNCS, "only {acknowledged} events were acknowledged: this has shown too little");
}

#[test]
fn a_failing_disk_is_never_called_a_success_and_the_store_goes_on_after_it() {
    for fault in [
        "inject=fsync,fdatasync:error=EIO:when=22",
        "inject=fsync,fdatasync:error=EIO:when=30..34",
        "inject=pwrite64:error=ENOSPC:when=300..310",
        "inject=pwrite64:error=EIO:when=320",
    ] {
        let told = run_with(fault, 50);
        assert!(told.end.success() && told.refused > 0, "{fault}: {} refused", told.refused);
        assert_eq!(told.acknowledged.last().map(|(_, body)| body.as_str()), Some("49-3"), "{fault}");
    }
}
