//! Webhooks acknowledged per second, over HTTP and with all that a real server does, beside a bare writer that appends
//! and syncs one body after the other on the same disk, and beside the store alone. They take turns; rates and what
//! they are of the bare writer's are medians of all turns, so that a bad second of the machine speaks for nobody.
//!
//! `cargo bench --bench intake` prints rates and latencies. `CALLBOARD_SECONDS` (default 10) is the time for each line,
//! `CALLBOARD_BURST_SECONDS` (default 60) that of the burst of a thousand a second, `CALLBOARD_DIR` (default `target`)
//! the disk.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base::hmac::Tag;
use base::{Clock, Lifecycle, Secret};
use callboard::commands::{Application, RunMode};
use callboard::config::{Config, Goodays};
use callboard::domain::SourceName;
use callboard::store::{IncomingEvent, Store};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "agreed";

/// How often each is measured. A shared machine has good and bad seconds, and each kind shall have as many of both.
const ROUNDS: u32 = 10;

/// How many events a second a burst brings.
const BURST: u64 = 1000;

/// About how many responses: what is kept of them is not what a burst takes.
const THREADS: u64 = 4096;

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// What is measured in turns.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// One body after the other, each on the disk before the next, and nothing else.
    Bare,
    /// So many at once, without HTTP.
    Store(usize),
    /// So many connections.
    Http(usize),
}

const KINDS: [Kind; 5] = [Kind::Bare, Kind::Http(1), Kind::Http(16), Kind::Http(64), Kind::Store(64)];

/// What came of all turns of a kind.
#[derive(Default)]
struct Sum {
    took: Vec<Duration>,
    /// Events in a second, of each turn.
    rates: Vec<f64>,
    /// The same beside the bare writer's in the same round.
    ratios: Vec<f64>,
    commits: u64,
    busy: Duration,
}

fn main() {
    let time = Duration::from_secs(from_environment("CALLBOARD_SECONDS", 10)) / ROUNDS;
    let burst = from_environment("CALLBOARD_BURST_SECONDS", 60);
    let disk = std::env::var("CALLBOARD_DIR").unwrap_or_else(|_| "target".to_owned());
    let dir = tempfile::TempDir::new_in(disk).expect("a directory");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let life = Lifecycle::new();
    let world = runtime.block_on(serve(&dir.path().join("data"), &life));
    let number = AtomicU64::new(0);
    let mut sums: [Sum; KINDS.len()] = std::array::from_fn(|_| Sum::default());
    for _ in 0..ROUNDS {
        let mut bare = 0.0;
        for (kind, sum) in KINDS.into_iter().zip(&mut sums) {
            let (commits, busy, began) = (world.store.commits(), cpu(), Instant::now());
            let took = match kind {
                Kind::Bare => append(dir.path(), time, &number),
                Kind::Http(connections) => send(world.address, connections, time, &number),
                Kind::Store(tasks) => runtime.block_on(keep(&world.store, tasks, time, &number)),
            };
            let rate = took.len() as f64 / began.elapsed().as_secs_f64();
            if matches!(kind, Kind::Bare) {
                bare = rate;
            }
            sum.rates.push(rate);
            sum.ratios.push(rate / bare);
            sum.commits += world.store.commits() - commits;
            sum.busy += cpu() - busy;
            sum.took.extend(took);
        }
    }
    for (kind, mut sum) in KINDS.into_iter().zip(sums) {
        let what = match kind {
            Kind::Bare => "a bare writer: append, fdatasync".to_owned(),
            Kind::Http(connections) => format!("{connections} connections"),
            Kind::Store(tasks) => format!("{tasks} at once, without HTTP"),
        };
        let n = sum.took.len() as f64;
        tell(&what, median(&mut sum.rates), sum.took);
        if !matches!(kind, Kind::Bare) {
            println!(
                "{:>34} {:.2} times the bare writer, {:.1} events in a transaction, {:.0} us of CPU for each",
                "",
                median(&mut sum.ratios),
                n / sum.commits as f64,
                sum.busy.as_secs_f64() * 1e6 / n
            );
        }
    }
    let before = resident();
    let began = Instant::now();
    let (taken, refused) = pour(world.address, burst, &number);
    tell(&format!("{BURST} a second for {burst} s"), taken.len() as f64 / began.elapsed().as_secs_f64(), taken);
    println!("{:>34} {refused} refused; resident {} MB before and {} MB after", "", before >> 10, resident() >> 10);
    runtime.block_on(async {
        life.shut_down(Duration::from_secs(60)).await;
        world.close().await;
    });
}

async fn serve(data: &Path, life: &Lifecycle) -> Application {
    let api = "http://127.0.0.1:9/v2".parse().expect("an address");
    let mut config = Config::default();
    data.clone_into(&mut config.server.data_dir);
    config.store.backups_kept = 0;
    config.goodays = Some(Goodays::new(api, "t".into(), vec![Secret::from(SECRET)]));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    Application::start(&config, listener, RunMode::Serve, Clock::system(), life).await.expect("a world")
}

/// One body after the other, each on the disk before the next.
fn append(dir: &Path, time: Duration, number: &AtomicU64) -> Vec<Duration> {
    let mut file = File::options().create(true).append(true).open(dir.join("bare")).expect("a file");
    let (began, mut took) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let body = body(number, number);
        let one = Instant::now();
        file.write_all(body.as_bytes()).and_then(|()| file.sync_data()).expect("written");
        took.push(one.elapsed());
    }
    took
}

/// So many tasks hand events to the store, each the next when the last one is on the disk.
async fn keep(store: &Store, tasks: usize, time: Duration, number: &AtomicU64) -> Vec<Duration> {
    let began = Instant::now();
    let task = async || {
        let mut took = Vec::new();
        while began.elapsed() < time {
            let number = number.fetch_add(1, Ordering::Relaxed);
            let body = body(number, number).into_bytes();
            let one = Instant::now();
            // Of a source that nobody reads.
            let arrival = IncomingEvent { source: SourceName::AgentConnect, body, headers: Vec::new() };
            assert!(!store.inbox().accept(arrival).await.expect("taken").is_duplicate);
            took.push(one.elapsed());
        }
        took
    };
    join_all((0..tasks).map(|_| task())).await.concat()
}

/// Each connection sends the next event when the last one has been acknowledged. One thread serves them all, which
/// takes as little as can be of the cores that the server needs: real senders take nothing of them.
fn send(address: SocketAddr, connections: usize, time: Duration, number: &AtomicU64) -> Vec<Duration> {
    let began = Instant::now();
    let sender = async || {
        let (mut sender, mut took) = (Sender::connect(address).await, Vec::new());
        while began.elapsed() < time {
            let number = number.fetch_add(1, Ordering::Relaxed);
            let request = request(number, number);
            let one = Instant::now();
            assert_eq!(sender.send(&request).await, 204);
            took.push(one.elapsed());
        }
        took
    };
    alone(async || join_all((0..connections).map(|_| sender())).await.concat())
}

/// Runs on a thread of its own.
fn alone<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(work())
        });
        thread.join().expect("it ends")
    })
}

/// So many events a second, whether or not the last ones have been acknowledged; as many connections as that needs. The
/// latency is counted from when an event should have been sent.
fn pour(address: SocketAddr, seconds: u64, number: &AtomicU64) -> (Vec<Duration>, usize) {
    let (began, next) = (Instant::now(), AtomicU64::new(0));
    let sender = async || {
        let (mut sender, mut took, mut refused) = (Sender::connect(address).await, Vec::new(), 0);
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= BURST * seconds {
                return (took, refused);
            }
            let due = began + Duration::from_micros(turn * 1_000_000 / BURST);
            tokio::time::sleep_until(due.into()).await;
            let number = number.fetch_add(1, Ordering::Relaxed);
            match sender.send(&request(number % THREADS, number)).await {
                204 => took.push(due.elapsed()),
                503 => refused += 1,
                other => panic!("answered {other}"),
            }
        }
    };
    let (took, refused): (Vec<_>, Vec<_>) =
        alone(async || join_all((0..64).map(|_| sender())).await.into_iter().unzip());
    (took.concat(), refused.into_iter().sum())
}

/// One connection.
struct Sender {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Sender {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("set");
        Self { stream, answer: Vec::with_capacity(4096) }
    }

    async fn send(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.expect("sent");
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await.expect("an answer");
            assert!(read > 0, "the server hung up");
            let text = std::str::from_utf8(&self.answer).expect("text");
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
            }
        }
    }
}

fn request(response: u64, number: u64) -> Vec<u8> {
    let body = body(response, number);
    let signature = Tag::sign(&Secret::from(SECRET), body.as_bytes());
    format!(
        "POST /webhooks/goodays HTTP/1.1\r\nHost: 127.0.0.1\r\nX-HMAC-SHA256: {signature}\r\nContent-Type: \
         application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// About three kilobytes, as the upstream's own examples. Only the numbers differ, so that what the senders do costs
/// the server's cores as little as can be.
fn body(response: u64, number: u64) -> String {
    static EXAMPLE: LazyLock<String> = LazyLock::new(|| {
        let words = "I waited for a long time and nobody could tell me why. ".repeat(40);
        serde_json::json!({"event_type": "response", "response": {
            "id": "R#", "created_date": "2026-11-20T10:20:39.810686+01:00",
            "updated_date": "2026-11-20T10:20:40.@+01:00", "state": "open", "source": "email",
            "survey": {"id": "12AB34", "slug": "survey1", "label": "After a call"},
            "answers": [{"id": "12AB34", "value": 5, "question": {"id": "12AB34", "title": "Would you recommend us?",
                "type": "nps"}}],
            "message": {"id": "M#", "created_date": "2026-11-20T10:20:39.810686+01:00", "type": "Problem",
                        "content": words, "sender": {"first_name": "Chester", "last_name": "COPPERPOT"}},
            "user": {"first_name": "Chester", "last_name": "COPPERPOT"},
            "place": {"id": "12AB34", "partner_id": "1234", "name": "Harbour Street"}, "attached_messages": [],
            "actions": {"reply": "https://api.example.com/reply"}, "alert_triggered": false}})
        .to_string()
    });
    EXAMPLE.replace('#', &format!("{response:09}")).replace('@', &format!("{number:09}"))
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn tell(what: &str, per_second: f64, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: f64| took.get((took.len() as f64 * share) as usize).or(took.last()).copied().unwrap_or_default();
    println!(
        "{what:<34} {per_second:>8.0}/s   p50 {:>8.2} ms   p99 {:>8.2} ms",
        at(0.5).as_secs_f64() * 1e3,
        at(0.99).as_secs_f64() * 1e3
    );
}

/// How much memory this process holds, server and senders, in kilobytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}

/// How long the cores have worked for this process, server and senders.
fn cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap_or(0))
}
