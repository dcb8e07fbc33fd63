//! A real process under a failing disk and under SIGKILL: what it acknowledged must be there.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use base::Clock;
use callboard::store::{InboxReceipt, Store, StoreError};

use super::{DATABASE, event, integrity, memory_dir, open_repeatedly, open_to_read};

/// The environment variable with its data directory.
const DIRECTORY: &str = "CALLBOARD_TEST_STORE_KILL";

/// The environment variable with the number of rounds in which it writes.
const ROUNDS: &str = "CALLBOARD_TEST_STORE_ROUNDS";

/// At how many of the first syncs it is killed.
const SYNCS: usize = 200;

#[tokio::test]
#[ignore = "not a test by itself: the process that the tests below run and kill"]
async fn process_under_test() {
    let dir = std::env::var(DIRECTORY).expect("the directory, from the test that runs this");
    let rounds: usize = std::env::var(ROUNDS).expect("how often").parse().expect("a number");
    let store = open_repeatedly(Path::new(&dir));
    let mut waiting: Vec<String> = Vec::new();
    for round in 0.. {
        if round < rounds {
            waiting.extend((0..4).map(|copy| format!("{round}-{copy}")));
        } else if waiting.is_empty() {
            return;
        }
        assert!(round < 2 * rounds, "what is refused is taken sooner or later");
        let answers = join_all(waiting.iter().map(|body| store.inbox().accept(event(body.clone())))).await;
        // A sender sends again what was refused.
        waiting = waiting.into_iter().zip(answers).filter_map(|(body, answer)| report(body, answer)).collect();
    }
}

/// Reports what became of an event, and returns it if it was refused.
fn report(body: String, answer: Result<InboxReceipt, StoreError>) -> Option<String> {
    match answer {
        Ok(accepted) => println!("\nacknowledged {} {body}", accepted.seq),
        Err(error) => {
            println!("\nrefused {error}");
            return Some(body);
        }
    }
    None
}

/// What the process reported before its end.
struct Report {
    acknowledged: Vec<(u64, String)>,
    refused: usize,
    end: ExitStatus,
}

/// Runs the process under `strace` with a fault at a system call, perhaps on one file only, then checks that all events
/// it acknowledged are there once.
fn run_with(fault: &str, on: Option<&str>, rounds: usize) -> Report {
    // A killed process leaves what the system has taken from it, synced or not. So memory is enough, and two hundred
    // processes do not wait for a disk.
    let dir = memory_dir();
    let mut child = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync,pwrite64", "-e", fault])
        .args(on.iter().flat_map(|file| ["-P".into(), dir.path().join(file)]))
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--ignored", "--exact", "kill::process_under_test", "--nocapture"])
        .env(DIRECTORY, dir.path())
        .env(ROUNDS, rounds.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("strace runs; on Debian: apt-get install strace");
    let mut report = Report { acknowledged: Vec::new(), refused: 0, end: ExitStatus::default() };
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok) {
        report.refused += usize::from(line.starts_with("refused "));
        if let Some((seq, body)) = line.strip_prefix("acknowledged ").and_then(|rest| rest.split_once(' ')) {
            report.acknowledged.push((seq.parse().expect("a number"), body.to_owned()));
        }
    }
    report.end = child.wait().expect("it ended");

    drop(Store::open(dir.path(), Clock::system()).expect("it opens afterwards"));
    let database = open_to_read(dir.path());
    let mut events =
        database.prepare("SELECT seq, body FROM inbox LEFT JOIN inbox_body USING (seq)").expect("a question");
    let kept: HashMap<u64, String> = events
        .query_map([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, Vec<u8>>(1)?)))
        .expect("read")
        .map(|row| row.map(|(seq, body)| (seq, String::from_utf8(body).expect("text"))).expect("a row"))
        .collect();
    for (seq, body) in &report.acknowledged {
        assert_eq!(kept.get(seq), Some(body), "acknowledged event {body} was lost by {fault}");
    }
    let once: HashSet<&String> = kept.values().collect();
    assert_eq!(once.len(), kept.len(), "nothing is there twice after {fault}");
    assert_eq!(integrity(&database), "ok", "after {fault}");
    if report.end.success() {
        assert_eq!(kept.len(), 4 * rounds, "everything was taken in the end, after {fault}");
    }
    report
}

/// Runs a check for each of many faults, on several threads.
fn with_each<F: Sync>(faults: &[F], try_it: impl Fn(&F) + Sync) {
    let next = AtomicUsize::new(0);
    // Most of the time they wait for the disk, and not for a core.
    let threads = 2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::SeqCst)) {
                    try_it(fault);
                }
            });
        }
    });
}

#[test]
fn acknowledged_events_survive_a_kill_at_each_of_the_first_syncs() {
    let acknowledged = AtomicUsize::new(0);
    let syncs: Vec<usize> = (1..=SYNCS).collect();
    with_each(&syncs, |sync| {
        let report = run_with(&format!("inject=fsync,fdatasync:signal=SIGKILL:when={sync}"), None, SYNCS + 10);
        assert!(!report.end.success(), "the process was not killed at sync {sync}");
        acknowledged.fetch_add(report.acknowledged.len(), Ordering::SeqCst);
    });
    let acknowledged = acknowledged.into_inner();
    assert!(acknowledged > SYNCS * SYNCS, "only {acknowledged} events were acknowledged: this has shown too little");
}

#[test]
fn failed_write_is_refused_and_the_store_goes_on() {
    for fault in [
        "inject=fsync,fdatasync:error=EIO:when=22",
        "inject=fsync,fdatasync:error=EIO:when=30..34",
        "inject=pwrite64:error=ENOSPC:when=300..310",
        "inject=pwrite64:error=EIO:when=320",
    ] {
        let report = run_with(fault, None, 50);
        assert!(report.end.success() && report.refused > 0, "{fault}: {} refused", report.refused);
        assert_eq!(report.acknowledged.last().map(|(_, body)| body.as_str()), Some("49-3"), "{fault}");
    }
}

/// The call fails at its first time, at its second, and so on.
fn at_each(call: &str, error: &str, times: usize) -> Vec<String> {
    (1..=times).map(|time| format!("inject={call}:error={error}:when={time}")).collect()
}

#[test]
fn failure_at_each_write_or_sync_loses_and_doubles_nothing() {
    // From the creation of the file to the first batches of events.
    let faults = [at_each("pwrite64", "ENOSPC", 150), at_each("fsync,fdatasync", "EIO", 40)].concat();
    let refused = AtomicUsize::new(0);
    with_each(&faults, |fault| {
        let report = run_with(fault, None, 30);
        assert!(report.end.success(), "it goes on after {fault}");
        refused.fetch_add(usize::from(report.refused > 0), Ordering::SeqCst);
    });
    let refused = refused.into_inner();
    assert!(
        2 * refused > faults.len(),
        "only {refused} of {} faults had an effect: this shows too little",
        faults.len()
    );
}

#[test]
fn failure_at_each_write_or_sync_of_a_checkpoint_loses_nothing() {
    let faults =
        [at_each("pwrite64", "ENOSPC", 40), at_each("pwrite64", "EIO", 10), at_each("fsync,fdatasync", "EIO", 4)];
    with_each(&faults.concat(), |fault| {
        let report = run_with(fault, Some(DATABASE), 140);
        assert!(report.end.success(), "it goes on after {fault}");
    });
}
