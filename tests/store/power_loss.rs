//! A real process, and everything that a loss of power may leave of its files: what it acknowledged must be there.
//!
//! A loss of power leaves what was synced, and any part of the rest. So the process is traced, its files are rebuilt as
//! they may have been at many moments, and the store is opened on each. `CALLBOARD_SEED` repeats the choice of moments
//! and losses.

mod acknowledged;
mod disk;
mod trace;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use acknowledged::{Acknowledged, body};
use callboard::domain::ResponseRecord;
use callboard::store::{NewOutboxEntry, ProcessedEvent, Store};
use disk::{Disk, Image, Survival};
use serde_json::json;
use trace::Event;

use super::{DATABASE, event, memory_dir, open_repeatedly};

/// The environment variable with its data directory.
const DIRECTORY: &str = "CALLBOARD_TEST_STORE_POWER";

/// The environment variable with the prefix of what it writes.
const NAME: &str = "CALLBOARD_TEST_STORE_NAME";

/// How many rounds it writes before and after it opens the store again: enough for a checkpoint in each.
const ROUNDS: usize = 100;

#[tokio::test]
#[ignore = "not a test by itself: the process that the test below runs"]
async fn process_under_test() {
    let dir = std::env::var(DIRECTORY).expect("the directory, from the test that runs this");
    let name = std::env::var(NAME).expect("a name, from the test that runs this");
    for run in 0..2 {
        let store = open_repeatedly(Path::new(&dir));
        let mut accepted: Vec<(u64, String)> = Vec::new();
        for round in 0..ROUNDS {
            let events = join_all((0..4).map(|copy| accept(&store, format!("{name}{run}-{round}-{copy}"))));
            let processed = process(&store, std::mem::take(&mut accepted));
            let enqueued = enqueue(&store, format!("{name}{run}-{round}"));
            let (events, (), ()) = tokio::join!(events, processed, enqueued);
            accepted = events.into_iter().flatten().collect();
        }
    }
}

async fn accept(store: &Store, name: String) -> Option<(u64, String)> {
    match store.inbox().accept(event(body(&name))).await {
        Ok(accepted) => {
            println!("\naccepted {name} {}", accepted.seq);
            Some((accepted.seq, name))
        }
        Err(error) => {
            println!("\nrefused {error}");
            None
        }
    }
}

async fn process(store: &Store, events: Vec<(u64, String)>) {
    let result = |(seq, name): &(u64, String)| ProcessedEvent { seq: *seq, result: Ok(response(name)) };
    let answer = store.feedback().process(events.iter().map(result).collect()).await.map(|_| ());
    for (_, name) in events {
        match &answer {
            Ok(()) => println!("\nprocessed {name}"),
            Err(error) => println!("\nrefused {error}"),
        }
    }
}

async fn enqueue(store: &Store, key: String) {
    match store.outbox().enqueue(request(&key)).await {
        Ok(_) => println!("\nenqueued {key}"),
        Err(error) => println!("\nrefused {error}"),
    }
}

/// What an event says about a response.
fn response(id: &str) -> ResponseRecord {
    serde_json::from_value(json!({
        "id": id, "created": "2026-11-01T10:20:39Z", "updated": null, "source": null, "thread": "open", "survey": null,
        "answers": [{ "question": "Would you?", "kind": "nps", "value": 5 }], "messages": {},
        "customer": { "name": "Chester", "email": "c@example.com", "phone": null, "crm_id": null }, "extra": {},
        "place": null, "delegatedTo": null, "actions": ["reply"], "alert": false
    }))
    .expect("a response")
}

fn request(key: &str) -> NewOutboxEntry {
    NewOutboxEntry {
        key: key.into(),
        kind: "goodays.action".into(),
        body: json!({ "content": "Thank you" }),
        context: json!({ "response": "vdOpL1NJ74l" }),
    }
}

/// Lets a process write to a disk, perhaps under a fault, and returns what it did.
fn record(image: &Image, name: &str, fault: Option<&str>) -> Vec<Event> {
    let folder = memory_dir();
    let data = folder.path().canonicalize().expect("a plain path").join("data");
    disk::write(image, &data);
    // The trace is four times as large as what is written: too large for memory.
    let trace_dir = TempDir::new().expect("a directory");
    let trace = trace_dir.path().join("trace");
    let ran = Command::new("strace")
        .args(["-f", "-qq", "-y", "-xx", "-s", "100000000", "-e", trace::CALLS, "-o"])
        .arg(&trace)
        .args(fault.iter().flat_map(|fault| ["-e", *fault]))
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--ignored", "--exact", "power_loss::process_under_test", "--nocapture"])
        .env(DIRECTORY, &data)
        .env(NAME, name)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .output()
        .expect("strace runs; on Debian: apt-get install strace");
    assert!(ran.status.success(), "{name}: the process ended well");
    trace::read(BufReader::new(File::open(trace).expect("a trace")), &data)
}

/// Loses power at a number of moments and checks what is left each time. Returns what is left at one of them, for
/// another process after it, and what was acknowledged by then.
fn lose_power(events: &[Event], before: &(Image, Acknowledged), moments: usize, seed: u64) -> (Image, Acknowledged) {
    let mut rng = StdRng::seed_from_u64(seed);
    // Half of the moments are just after a report: then most is acknowledged, and least was written since.
    let reports: Vec<usize> = (1..=events.len()).filter(|at| matches!(events[at - 1], Event::Reported(_))).collect();
    let mut cuts: Vec<(usize, Survival)> = (0..moments)
        .map(|number| {
            let anywhere = rng.random_range(0..=events.len());
            let after_a_report = reports.choose(&mut rng).copied().unwrap_or(anywhere);
            (if number % 2 == 0 { anywhere } else { after_a_report }, Survival::ALL[number / 2 % Survival::ALL.len()])
        })
        .collect();
    cuts.sort_unstable_by_key(|(at, _)| *at);
    let kept = cuts.len() / 2;
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let working: Vec<_> = (0..threads)
            .map(|thread| {
                let cuts = &cuts;
                scope.spawn(move || {
                    let folder = memory_dir();
                    let (mut disk, mut acknowledged) = (Disk::with(&before.0), before.1.clone());
                    let (mut played, mut result) = (0, None);
                    let mut rng = StdRng::seed_from_u64(seed);
                    for (number, (at, survival)) in cuts.iter().enumerate().skip(thread).step_by(threads) {
                        for event in &events[played..*at] {
                            disk.play(event, &mut rng);
                            if let Event::Reported(line) = event {
                                acknowledged.record(line);
                            }
                        }
                        played = *at;
                        let image = disk.lose_power(*survival, &mut StdRng::seed_from_u64(seed ^ number as u64));
                        let data = folder.path().join(number.to_string());
                        disk::write(&image, &data);
                        let case =
                            format!("power lost after event {at} of {}, {survival:?}, seed {seed}", events.len());
                        acknowledged.check(&data, &case);
                        std::fs::remove_dir_all(&data).expect("removed");
                        if number == kept {
                            result = Some((image, acknowledged.clone()));
                        }
                    }
                    result
                })
            })
            .collect();
        let ended = working.into_iter().filter_map(|thread| thread.join().expect("every check passed"));
        ended.last().expect("one of them was kept")
    })
}

/// How many checkpoints there were since the first report.
fn checkpoints(events: &[Event]) -> usize {
    let first = events.iter().position(|event| matches!(event, Event::Reported(_))).expect("a report");
    let is_checkpoint = |event: &Event| matches!(event, Event::Written { file, .. } if file == DATABASE);
    events[first..].windows(2).filter(|pair| !is_checkpoint(&pair[0]) && is_checkpoint(&pair[1])).count()
}

/// The seed of this run, which repeats it.
fn seed() -> u64 {
    let given = std::env::var("CALLBOARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(rand::random::<u64>);
    println!("CALLBOARD_SEED={seed}");
    seed
}

#[test]
fn power_loss_during_a_migration_loses_nothing() {
    let seed = seed();
    let old = acknowledged::schema_8();
    let events = record(&old.0, "n", None);
    let accepted = |event: &Event| matches!(event, Event::Reported(line) if line.starts_with("accepted"));
    let first = events.iter().position(accepted).expect("a report");
    let written = events[..first].iter().filter(|event| matches!(event, Event::Written { .. })).count();
    assert!(written > 20, "only {written} pages were written: this shows too little");
    lose_power(&events[..first], &old, 120, seed);
}

#[test]
fn power_loss_at_any_moment_loses_nothing_acknowledged() {
    let seed = seed();
    let nothing = (None, Acknowledged::default());

    let events = record(&nothing.0, "a", None);
    assert!(checkpoints(&events) >= 3, "only {} checkpoints: this shows too little", checkpoints(&events));
    let left = lose_power(&events, &nothing, 260, seed);
    assert!(left.1.accepted.len() > ROUNDS, "only {} events were acknowledged", left.1.accepted.len());

    // Again, beginning with what was left.
    let events = record(&left.0, "b", None);
    lose_power(&events, &left, 130, seed + 1);

    // On a disk that fails now and then, and forgets what it could not sync.
    let events = record(&nothing.0, "c", Some("inject=fsync,fdatasync:error=EIO:when=30+7"));
    let failed = |event: &&Event| matches!(event, Event::Synced { is_done: false, .. });
    assert!(events.iter().filter(failed).count() > 10, "the disk has failed");
    lose_power(&events, &nothing, 130, seed + 2);
}
