//! From the text of a SignalR frame to the gold copy, on one core: how many pushed changes of agents can be followed.
//!
//! `cargo bench --bench apply` prints changes and bytes per second, for each stage alone and for the whole way.
//! `CALLBOARD_AGENTS` (default 5000) and `CALLBOARD_SECONDS` (default 3) choose the load.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use base::{Clock, Lifecycle};
use callboard::domain::Ordinal;
use callboard::feeds::clarity::PushFacts;
use callboard::gold::{BusinessDay, Gold, Key, MatchRules};
use classic_signalr::Frame;

/// How many agents one frame speaks of: a busy floor's changes of a quarter of a second, and a quiet one's.
const FRAMES: [usize; 2] = [50, 1];

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() {
    let agents = from_environment("CALLBOARD_AGENTS", 5000);
    let time = Duration::from_secs(from_environment("CALLBOARD_SECONDS", 3) as u64);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for size in FRAMES {
        let frames = frames(agents, size);
        let bytes: usize = frames.iter().map(String::len).sum();
        println!("{agents} agents, {size} in a frame, {} bytes for each change", bytes / (agents * LAPS * ROUNDS));
        let now = Clock::system().now();
        measure("frame to hub calls", &frames, size, time, |frame| {
            black_box(Frame::parse(frame.as_bytes()).expect("a frame"));
        });
        measure("frame to facts", &frames, size, time, |frame| {
            for call in Frame::parse(frame.as_bytes()).expect("a frame").calls {
                black_box(PushFacts::from_call(&call, now, || Ordinal(1)));
            }
        });
        runtime.block_on(async {
            let life = Lifecycle::new();
            let gold = Gold::start(MatchRules::default(), BusinessDay::default(), Clock::system(), &life);
            let (began, mut changes, mut bytes) = (Instant::now(), 0, 0);
            let before = worked(began);
            while began.elapsed() < time {
                for frame in &frames {
                    for call in Frame::parse(frame.as_bytes()).expect("a frame").calls {
                        for fact in PushFacts::from_call(&call, now, || gold.next_ordinal()).facts {
                            gold.apply(fact).await;
                        }
                    }
                    changes += size;
                    bytes += frame.len();
                }
                gold.flush().await;
            }
            print("frame to gold copy", changes, bytes, worked(began) - before);
            let mut arrived = 0;
            gold.copy().for_each(|key, _, _| arrived += usize::from(matches!(key, Key::Agent(_))));
            assert_eq!(arrived, agents, "every agent has arrived");
        });
    }
}

fn measure(what: &str, frames: &[String], size: usize, time: Duration, mut deed: impl FnMut(&str)) {
    let (began, mut changes, mut bytes) = (Instant::now(), 0, 0);
    let before = worked(began);
    while began.elapsed() < time {
        for frame in frames {
            deed(frame);
            changes += size;
            bytes += frame.len();
        }
    }
    print(what, changes, bytes, worked(began) - before);
}

/// How long this thread has had a core to itself: others on the machine do not count. Where the system does not tell,
/// the time of day must do.
fn worked(since: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

fn print(what: &str, changes: usize, bytes: usize, took: Duration) {
    let seconds = took.as_secs_f64();
    let (changes, megabytes) = (changes as f64 / seconds, bytes as f64 / seconds / 1e6);
    println!("  {what:<20} {changes:>9.0} changes/s {megabytes:>7.0} MB/s");
}

/// How often everybody changes before the story begins anew.
const ROUNDS: usize = 4;

/// How often the story is told before its very numbers come again.
const LAPS: usize = 2;

/// What a floor would push: a call rings, is answered, is over, and then there is something to write down.
fn frames(agents: usize, size: usize) -> Vec<String> {
    let mut changes = Vec::new();
    for round in 0..LAPS * ROUNDS {
        for agent in 1..=agents {
            changes.push(change(agent, round));
        }
    }
    changes
        .chunks(size)
        .enumerate()
        .map(|(number, chunk)| {
            let list = chunk.join(",");
            format!(
                r#"{{"C":"d-57A3,{number}|G,1|H,0","M":[{{"H":"connect","M":"onRealtimeData","A":["5bc6",
"x",[{list}]]}}]}}"#
            )
        })
        .collect()
}

fn change(agent: usize, round: usize) -> String {
    let session = 800_000 + agent;
    let queue = agent % 40 + 1;
    let (lap, round) = (round / ROUNDS, round % ROUNDS);
    let (status, minute) = ([("ringing", 0), ("inCall", 1), ("afterCall", 2), ("available", 3)])[round];
    let head = format!(r#""type":"agent","id":{agent},"name":"Rob T{agent}.""#);
    let doing = format!(
        r#""currentStatus":{{"agentStatus":"{status}","startTime":"2026-11-21T09:0{minute}:00.12Z",
"isSuspended":false}}"#
    );
    let contact = |status: &str, since: u32| {
        format!(
            r#"{{"sessionId":{session},"sessionType":"queued","queueId":{queue},"customerName":"Jane C.",
"agentId":{agent},"isRecording":true,"canBeRecorded":true,"sessionStatus":"{status}","queuedMs":{since},"activeMs":0,
"isOnHold":false}}"#
        )
    };
    match round {
        0 => format!(
            r#"{{{head},{doing},"sessions":{{"audio":{{"addedSessions":[{}]}}}}}}"#,
            contact("connecting", 3100)
        ),
        1 => format!(
            r#"{{{head},{doing},"metrics":{{"audio":{{"answeredCount":{},"takenCount":7}}}},
"sessions":{{"audio":{{"sessions":[{}]}}}}}}"#,
            session % 40 + lap,
            contact("active", 6200)
        ),
        2 => format!(
            r#"{{{head},{doing},"sessions":{{"audio":{{"removedSessions":[{}]}}}},
"metrics":{{"audio":{{"averageHandleTime":{{"total":{},"average":130.28,"count":7}}}}}}}}"#,
            contact("completed", 6200),
            912 + lap
        ),
        _ => format!(r#"{{{head},{doing},"metrics":{{"agnostic":{{"availableTime":{}}}}}}}"#, session % 5000 + lap),
    }
}
