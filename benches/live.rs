//! From a change in the sandbox to the patch in a viewer's hands, over real loopback sockets: the whole way through
//! SignalR, the gold copy, the view and the WebSocket, while the floor goes on.
//!
//! `cargo bench --bench live` prints percentiles. `CALLBOARD_VIEWERS` (default 100) and `CALLBOARD_PULSES` (default
//! 400) choose the load.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant};

use base::{Clock, Lifecycle};
use callboard::commands::{Application, RunMode, sandbox_config};
use futures_util::StreamExt;
use sandbox::{Options, Sandbox};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

/// The queue whose number is changed, and the number from which on a waiting count is ours.
const QUEUE: i64 = 3;
const FIRST: u64 = 1_000_000;

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() {
    let (viewers, pulses) = (from_environment("CALLBOARD_VIEWERS", 100), from_environment("CALLBOARD_PULSES", 400));
    let life = Lifecycle::new();
    let began = Instant::now();
    let sandbox = Sandbox::start(Options::default(), Clock::system(), life.clone()).await.expect("a sandbox");
    let data = tempfile::tempdir().expect("a directory");
    let config = sandbox_config(sandbox.addresses(), &data.path().join("data"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let world = Application::start(&config, listener, RunMode::Demo, Clock::system(), &life).await.expect("a world");
    let page = reqwest_get(&format!("http://{}/supervisor", world.address)).await;
    println!("start to first page: {} ms, {} bytes", began.elapsed().as_millis(), page);

    // One viewer is timed; the others are load.
    let (seen, mut saw) = watch::channel((0_u64, Instant::now()));
    for number in 0..viewers {
        let address = format!("ws://{}/api/v1/live?scope=floor", world.address);
        let (mut socket, _) = tokio_tungstenite::connect_async(address).await.expect("a socket");
        let seen = (number == 0).then(|| seen.clone());
        tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let arrived = Instant::now();
                let (Some(seen), Message::Text(text)) = (&seen, message) else { continue };
                let frame: Value = serde_json::from_str(&text).unwrap_or_default();
                let waiting = frame["patch"]["queues"][QUEUE.to_string()]["waiting"].as_u64();
                if let Some(number) = waiting.filter(|number| *number >= FIRST) {
                    seen.send_replace((number, arrived));
                }
            }
        });
    }
    while sandbox.control().subscription_count() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let mut milliseconds = Vec::with_capacity(pulses);
    for pulse in 0..pulses {
        // Spread over the viewer's pace, so that waiting for the pace is part of the figure.
        tokio::time::sleep(Duration::from_millis(40 + (pulse as u64 * 7) % 60)).await;
        let number = FIRST + pulse as u64;
        let sent = Instant::now();
        sandbox.control().set_waiting(QUEUE, number).expect("the queue is there");
        let arrived = tokio::time::timeout(Duration::from_secs(5), saw.wait_for(|(seen, _)| *seen == number)).await;
        match arrived {
            Ok(Ok(seen)) => milliseconds.push(seen.1.duration_since(sent).as_secs_f64() * 1000.0),
            // The queue's own line moved in the same instant and overwrote the pulse.
            _ => println!("pulse {pulse} was overtaken"),
        }
    }
    milliseconds.sort_by(f64::total_cmp);
    let at = |share: f64| milliseconds[((milliseconds.len() - 1) as f64 * share) as usize];
    println!(
        "change to patch received, {viewers} viewers, {} changes: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} \
            ms",
        milliseconds.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    life.kill();
}

async fn reqwest_get(address: &str) -> usize {
    let client = base::http::client().expect("a client");
    client.get(address).send().await.expect("a page").bytes().await.expect("a page").len()
}
