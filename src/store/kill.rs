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
    let store = open_stubbornly(Path::new(&dir));
    let mut waiting: Vec<String> = Vec::new();
    for round in 0.. {
        if round < rounds {
            waiting.extend((0..4).map(|copy| format!("{round}-{copy}")));
        } else if waiting.is_empty() {
            return;
        }
        assert!(round < 2 * rounds, "what is refused is taken sooner or later");
        let arrival = |body: &String| IncomingEvent { source: Goodays, body: body.clone().into(), headers: Vec::new() };
        let answers = join_all(waiting.iter().map(|body| store.inbox().accept(arrival(body)))).await;
        // Whoever is refused comes again, as senders do.
        waiting = waiting.into_iter().zip(answers).filter_map(|(body, answer)| told(body, answer)).collect();
    }
}

/// Says what became of an event, and gives it back if it was refused.
fn told(body: String, answer: Result<InboxReceipt, StoreError>) -> Option<String> {
    match answer {
        Ok(accepted) => println!("\nacknowledged {} {body}", accepted.seq),
        Err(error) => {
            println!("\nrefused {error}");
            return Some(body);
        }
    }
    None
}

/// Opens the store as whoever supervises a process would: if that fails it is tried again.
pub(super) fn open_stubbornly(dir: &Path) -> Store {
    let mut tried = (0..100).map(|_| Store::open(dir, Clock::system()).map_err(|error| println!("\nrefused {error}")));
    tried.find_map(Result::ok).expect("it opens sooner or later")
}

/// What the process said before its end.
struct Told {
    acknowledged: Vec<(u64, String)>,
    refused: usize,
    end: ExitStatus,
}

/// Runs the process under `strace` with a fault at some system call, perhaps on one file only, then looks whether all it
/// acknowledged is there, once.
fn run_with(fault: &str, on: Option<&str>, rounds: usize) -> Told {
    // A process that is killed leaves behind what the system has taken from it, synced or not. So memory will do, and two
    // hundred lives do not have to wait for a disk.
    let dir = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a directory");
    let mut child = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync,pwrite64", "-e", fault])
        .args(on.iter().flat_map(|file| ["-P".into(), dir.path().join(file)]))
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
    let mut events = file.prepare("SELECT seq, body FROM inbox LEFT JOIN inbox_body USING (seq)").expect("a question");
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
    if told.end.success() {
        assert_eq!(kept.len(), 4 * rounds, "everything was taken in the end, after {fault}");
    }
    told
}

/// Does something with each of many faults, on as many threads as are of use.
fn with_each<F: Sync>(faults: &[F], try_it: impl Fn(&F) + Sync) {
    let next = AtomicUsize::new(0);
    // Most of the time they wait for the disk, and not for a core.
    let hands = 2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..hands {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::SeqCst)) {
                    try_it(fault);
                }
            });
        }
    });
}

#[test]
fn every_acknowledged_event_survives_a_kill_at_each_of_the_first_syncs() {
    let acknowledged = AtomicUsize::new(0);
    let syncs: Vec<usize> = (1..=SYNCS).collect();
    with_each(&syncs, |sync| {
        let told = run_with(&format!("inject=fsync,fdatasync:signal=SIGKILL:when={sync}"), None, SYNCS + 10);
        assert!(!told.end.success(), "the process was not killed at sync {sync}");
        acknowledged.fetch_add(told.acknowledged.len(), Ordering::SeqCst);
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
        let told = run_with(fault, None, 50);
        assert!(told.end.success() && told.refused > 0, "{fault}: {} refused", told.refused);
        assert_eq!(told.acknowledged.last().map(|(_, body)| body.as_str()), Some("49-3"), "{fault}");
    }
}

/// The same call fails at its first time, at its second, and so on.
fn at_each(call: &str, error: &str, times: usize) -> Vec<String> {
    (1..=times).map(|time| format!("inject={call}:error={error}:when={time}")).collect()
}

#[test]
fn at_whichever_write_or_sync_a_disk_fails_nothing_is_lost_and_what_was_refused_is_taken_once() {
    // From the making of the file to the first batches of events.
    let faults = [at_each("pwrite64", "ENOSPC", 150), at_each("fsync,fdatasync", "EIO", 40)].concat();
    let refused = AtomicUsize::new(0);
    with_each(&faults, |fault| {
        let told = run_with(fault, None, 30);
        assert!(told.end.success(), "it goes on after {fault}");
        refused.fetch_add(usize::from(told.refused > 0), Ordering::SeqCst);
    });
    let refused = refused.into_inner();
    assert!(2 * refused > faults.len(), "only {refused} of {} faults were felt: this shows too little", faults.len());
}

#[test]
fn at_whichever_write_or_sync_a_disk_fails_while_the_log_is_folded_nothing_is_lost() {
    let faults =
        [at_each("pwrite64", "ENOSPC", 40), at_each("pwrite64", "EIO", 10), at_each("fsync,fdatasync", "EIO", 4)];
    with_each(&faults.concat(), |fault| {
        let told = run_with(fault, Some(database::FILE), 140);
        assert!(told.end.success(), "it goes on after {fault}");
    });
}
