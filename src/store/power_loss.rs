//! A real process, and all that a loss of power may leave of its files: what it had acknowledged must be there.
//!
//! A kill leaves behind whatever the system has taken; a loss of power leaves what was synced, and of the rest what it
//! likes. So the process is traced, its files are built again as they may have been at many moments, and the store is
//! opened on each. `CALLBOARD_SEED` repeats the choice of moments and losses.

mod disk;
mod promise;
mod trace;

use std::fs::File;
use std::io::BufReader;
use std::process::{Command, Stdio};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::tests::{reading, wish};
use super::*;
use crate::domain::SourceName::Goodays;
use disk::{Disk, Image, Mercy};
use promise::{Acknowledged, body};
use trace::Event;

/// Where the process under test keeps its data.
const DIRECTORY: &str = "CALLBOARD_TEST_STORE_POWER";

/// How it calls what it writes.
const NAME: &str = "CALLBOARD_TEST_STORE_NAME";

/// How many rounds it writes before it opens the store again, and then: enough to fold the log in each of the two.
const ROUNDS: usize = 100;

#[tokio::test]
#[ignore = "not a test by itself: the process that the test below runs"]
async fn the_process_under_test() {
    let dir = std::env::var(DIRECTORY).expect("the directory, from the test that runs this");
    let name = std::env::var(NAME).expect("a name, from the test that runs this");
    for life in 0..2 {
        let store = kill::open_stubbornly(Path::new(&dir));
        let mut accepted: Vec<(u64, String)> = Vec::new();
        for round in 0..ROUNDS {
            let events = join_all((0..4).map(|copy| accept(&store, format!("{name}{life}-{round}-{copy}"))));
            let understood = understand(&store, std::mem::take(&mut accepted));
            let intended = intend(&store, format!("{name}{life}-{round}"));
            let (events, (), ()) = tokio::join!(events, understood, intended);
            accepted = events.into_iter().flatten().collect();
        }
    }
}

async fn accept(store: &Store, name: String) -> Option<(u64, String)> {
    let arrival = IncomingEvent { source: Goodays, body: body(&name), headers: Vec::new() };
    match store.inbox().accept(arrival).await {
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

async fn understand(store: &Store, events: Vec<(u64, String)>) {
    let says = |(seq, name): &(u64, String)| ProcessedEvent { seq: *seq, result: Ok(reading(name, "c@example.com")) };
    let answer = store.feedback().process(events.iter().map(says).collect()).await.map(|_| ());
    for (_, name) in events {
        match &answer {
            Ok(()) => println!("\nunderstood {name}"),
            Err(error) => println!("\nrefused {error}"),
        }
    }
}

async fn intend(store: &Store, key: String) {
    match store.outbox().enqueue(wish(&key, "Thank you")).await {
        Ok(_) => println!("\nintended {key}"),
        Err(error) => println!("\nrefused {error}"),
    }
}

/// Lets a process write on a disk, perhaps under a fault, and says what happened.
fn record(image: &Image, name: &str, fault: Option<&str>) -> Vec<Event> {
    let folder = memory();
    let data = folder.path().canonicalize().expect("a plain path").join("data");
    disk::write(image, &data);
    // The trace is four times as large as what is written: that is for a disk.
    let told = TempDir::new().expect("a directory");
    let told = told.path().join("trace");
    let ran = Command::new("strace")
        .args(["-f", "-qq", "-y", "-xx", "-s", "100000000", "-e", trace::CALLS, "-o"])
        .arg(&told)
        .args(fault.iter().flat_map(|fault| ["-e", *fault]))
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--ignored", "--exact", "store::power_loss::the_process_under_test", "--nocapture"])
        .env(DIRECTORY, &data)
        .env(NAME, name)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .output()
        .expect("strace runs; on Debian: apt-get install strace");
    assert!(ran.status.success(), "{name}: the process itself is well");
    trace::read(BufReader::new(File::open(told).expect("a trace")), &data)
}

/// Loses power at so many moments, and looks at what is left each time. Returns one such moment, for a life after it, and
/// what had been acknowledged by then.
fn lose_power(events: &[Event], before: &(Image, Acknowledged), moments: usize, seed: u64) -> (Image, Acknowledged) {
    let mut rng = StdRng::seed_from_u64(seed);
    // Half of the moments are just after a word: then the most has been promised, and the least was done since.
    let words: Vec<usize> = (1..=events.len()).filter(|at| matches!(events[at - 1], Event::Said(_))).collect();
    let mut cuts: Vec<(usize, Mercy)> = (0..moments)
        .map(|number| {
            let anywhere = rng.random_range(0..=events.len());
            let after_a_word = words.choose(&mut rng).copied().unwrap_or(anywhere);
            (if number % 2 == 0 { anywhere } else { after_a_word }, Mercy::ALL[number / 2 % Mercy::ALL.len()])
        })
        .collect();
    cuts.sort_unstable_by_key(|(at, _)| *at);
    let kept = cuts.len() / 2;
    let hands = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let working: Vec<_> = (0..hands)
            .map(|hand| {
                let cuts = &cuts;
                scope.spawn(move || {
                    let folder = memory();
                    let (mut disk, mut acknowledged) = (Disk::with(&before.0), before.1.clone());
                    let (mut played, mut result) = (0, None);
                    let mut fate = StdRng::seed_from_u64(seed);
                    for (number, (at, mercy)) in cuts.iter().enumerate().skip(hand).step_by(hands) {
                        for event in &events[played..*at] {
                            disk.play(event, &mut fate);
                            if let Event::Said(said) = event {
                                acknowledged.hear(said);
                            }
                        }
                        played = *at;
                        let image = disk.lose_power(*mercy, &mut StdRng::seed_from_u64(seed ^ number as u64));
                        let data = folder.path().join(number.to_string());
                        disk::write(&image, &data);
                        let case = format!("power lost after event {at} of {}, {mercy:?}, seed {seed}", events.len());
                        acknowledged.examine(&data, &case);
                        std::fs::remove_dir_all(&data).expect("removed");
                        if number == kept {
                            result = Some((image, acknowledged.clone()));
                        }
                    }
                    result
                })
            })
            .collect();
        let ended = working.into_iter().filter_map(|hand| hand.join().expect("all is there"));
        ended.last().expect("one of them was kept")
    })
}

/// A directory in memory, if the machine has such: what is lost here is lost on purpose.
fn memory() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a directory")
}

/// How often the log was folded into the database since the first word.
fn folds(events: &[Event]) -> usize {
    let first = events.iter().position(|event| matches!(event, Event::Said(_))).expect("a word");
    let folds = |event: &Event| matches!(event, Event::Written { file, .. } if file == database::FILE);
    events[first..].windows(2).filter(|pair| !folds(&pair[0]) && folds(&pair[1])).count()
}

/// The seed of this run, which repeats it.
fn seed() -> u64 {
    let given = std::env::var("CALLBOARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(rand::random::<u64>);
    println!("CALLBOARD_SEED={seed}");
    seed
}

#[test]
fn whatever_a_loss_of_power_leaves_while_an_older_file_is_brought_up_to_date_nothing_is_lost() {
    let seed = seed();
    let old = promise::old();
    let events = record(&old.0, "n", None);
    let accepted = |event: &Event| matches!(event, Event::Said(said) if said.starts_with("accepted"));
    let first = events.iter().position(accepted).expect("a word");
    let written = events[..first].iter().filter(|event| matches!(event, Event::Written { .. })).count();
    assert!(written > 20, "only {written} pages were written: this shows too little");
    lose_power(&events[..first], &old, 120, seed);
}

#[test]
fn whatever_a_loss_of_power_leaves_all_that_was_acknowledged_is_there_once() {
    let seed = seed();
    let nothing = (None, Acknowledged::default());

    let events = record(&nothing.0, "a", None);
    assert!(folds(&events) >= 3, "only {} folds: this shows too little", folds(&events));
    let left = lose_power(&events, &nothing, 260, seed);
    assert!(left.1.accepted.len() > ROUNDS, "only {} events were acknowledged", left.1.accepted.len());

    // And again, beginning with what was left.
    let events = record(&left.0, "b", None);
    lose_power(&events, &left, 130, seed + 1);

    // And on a disk that fails now and then, and forgets what it could not sync.
    let events = record(&nothing.0, "c", Some("inject=fsync,fdatasync:error=EIO:when=30+7"));
    let failed = |event: &&Event| matches!(event, Event::Synced { done: false, .. });
    assert!(events.iter().filter(failed).count() > 10, "the disk has failed");
    lose_power(&events, &nothing, 130, seed + 2);
}
