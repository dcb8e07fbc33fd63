//! The real program under repeated kills and incoming webhooks: acknowledged events are there exactly once, and the
//! documents equal those of a program without kills.
//!
//! `CALLBOARD_SOAK_SECONDS=28800 cargo test --test it soak -- --nocapture` goes on for so long and tells how it went;
//! `CALLBOARD_SEED=…` makes the same choices again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base::hmac::Tag;
use base::{Clock, Secret};
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;
use url::Url;

use crate::support::program::ServerProcess;
use crate::support::server::TIMEOUT;
use crate::support::viewer::Viewer;

const SECTIONS: &str = "[store]\nbackups_kept = 0\n[goodays]\napi_root = \"http://127.0.0.1:9/v2\"\napi_token = \"t\"\n\
                        hmac_secrets = [\"agreed\"]\n";

/// How many customers at once.
const SENDERS: u64 = 6;

/// How long a sender rests that was not answered, or not well.
const REST: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_events_survive_repeated_kills_exactly_once() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("CALLBOARD_SEED").unwrap_or_else(rand::random);
    let end = Instant::now() + Duration::from_secs(number("CALLBOARD_SOAK_SECONDS").unwrap_or(0));
    let (mut acknowledged, mut lives) = (0, 0);
    for chapter in seed.. {
        println!("CALLBOARD_SEED={chapter}");
        let mut rng = StdRng::seed_from_u64(chapter);
        // The first chapter is all that a run of the suite has time for.
        let kills = if chapter == seed { 20 } else { rng.random_range(5..40) };
        acknowledged += live_and_die(kills, rng).await;
        lives += kills;
        println!("{acknowledged} events acknowledged, {lives} kills, none lost");
        if Instant::now() >= end {
            return;
        }
    }
}

/// A response and its events, in their order.
struct Story {
    id: String,
    events: Vec<String>,
}

impl Story {
    fn new(id: String, length: i64, began: jiff::Timestamp) -> Self {
        let text = |number: i64| {
            json!({"id": format!("{id}-{number}"),
                "created_date": (began + Duration::from_secs(60 * number.unsigned_abs())).to_string(),
                "type": "Message", "content": format!("The words of {id}, number {number}"), "attachment": null,
                "sender": {"email": "c@example.com", "first_name": "Chester", "last_name": "Copperpot"}})
        };
        let event = |number: i64| {
            let state = ["open", "pending", "closed"][usize::try_from(number).unwrap_or(0) % 3];
            let mut event = json!({"event_type": "response", "response": {
                "id": id, "created_date": began.to_string(), "updated_date": began.to_string(), "source": "email",
                "state": state, "message": text(0), "actions": {"reply": "u"},
                "context": {"email": "c@example.com", "first_name": "Chester", "last_name": "Copperpot", "extra": {}},
                "place": {"id": "P", "partner_id": "1234", "name": "Harbour Street"}
            }});
            if number > 0 {
                event["event_type"] = json!("message");
                event["message"] = text(number);
            }
            event.to_string()
        };
        Self { events: (0..length).map(event).collect(), id }
    }

    fn is_told_by(&self, document: &Value) -> bool {
        let messages = document["feedback"][&self.id]["messages"].as_object();
        messages.is_some_and(|messages| messages.len() == self.events.len())
    }
}

/// Senders and the program that they send to, wherever it is now.
struct Line {
    http: reqwest::Client,
    to: watch::Sender<Option<Url>>,
    /// What was acknowledged, as often as it was.
    acknowledged: watch::Sender<Vec<String>>,
}

impl Line {
    fn new() -> Self {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().expect("a client");
        Self { http, to: watch::Sender::new(None), acknowledged: watch::Sender::new(Vec::new()) }
    }

    /// Sends an event until it is accepted, as upstreams do.
    async fn send(&self, event: &str) {
        let signature = Tag::sign(&Secret::from("agreed"), event.as_bytes()).to_string();
        let mut to = self.to.subscribe();
        loop {
            let base = to.wait_for(Option::is_some).await.expect("somebody will be there").clone().expect("an address");
            let address = base.join("/webhooks/goodays").expect("an address");
            let sent = self.http.post(address).header("X-HMAC-SHA256", &signature).body(event.to_owned()).send();
            match sent.await.map(|answer| answer.status()) {
                Ok(StatusCode::NO_CONTENT) => {
                    self.acknowledged.send_modify(|all| all.push(event.to_owned()));
                    return;
                }
                Ok(StatusCode::SERVICE_UNAVAILABLE) | Err(_) => tokio::time::sleep(REST).await,
                Ok(other) => panic!("{other}"),
            }
        }
    }

    /// Sends stories, all events of one at once and in any order, some of them twice, until there has been enough.
    async fn talk(&self, sender: u64, mut rng: StdRng, began: jiff::Timestamp, enough: &AtomicBool) -> Vec<Story> {
        let mut stories = Vec::new();
        while !enough.load(Ordering::Relaxed) {
            let story = Story::new(format!("r{sender}-{}", stories.len()), rng.random_range(1..5), began);
            let mut events = story.events.clone();
            events.extend(story.events.iter().filter(|_| rng.random_bool(0.3)).cloned());
            events.shuffle(&mut rng);
            join_all(events.iter().map(|event| self.send(event))).await;
            stories.push(story);
        }
        stories
    }
}

/// One data directory through many lives, and its end compared with that of another one that had only one life. How
/// often something was acknowledged.
async fn live_and_die(kills: u64, mut rng: StdRng) -> usize {
    let folder = TempDir::new().expect("a directory");
    let began = Clock::system().now() - Duration::from_secs(3600);
    let (line, enough) = (Line::new(), AtomicBool::new(false));
    let senders: Vec<StdRng> = (0..SENDERS).map(|_| StdRng::seed_from_u64(rng.random())).collect();
    let talking = join_all(senders.into_iter().zip(0..).map(|(rng, sender)| line.talk(sender, rng, began, &enough)));
    let dying = async {
        let mut acknowledged = line.acknowledged.subscribe();
        for _ in 0..kills {
            let server = ServerProcess::start(&folder, SECTIONS).await;
            line.to.send_replace(Some(server.base.clone()));
            let wanted = acknowledged.borrow().len() + rng.random_range(1..200);
            let heard = timeout(TIMEOUT, acknowledged.wait_for(|all| all.len() >= wanted)).await;
            heard.expect("it acknowledges in time").expect("it is counted");
            server.kill().await;
            line.to.send_replace(None);
        }
        let server = ServerProcess::start(&folder, SECTIONS).await;
        line.to.send_replace(Some(server.base.clone()));
        enough.store(true, Ordering::Relaxed);
        server
    };
    let (stories, server) = tokio::join!(talking, dying);
    let stories: Vec<Story> = stories.into_iter().flatten().collect();
    // Once more, so that nothing is tidied up before we look.
    server.kill().await;
    let acknowledged = line.acknowledged.borrow().clone();
    examine(&folder, &acknowledged);
    let server = ServerProcess::start(&folder, SECTIONS).await;
    let document = told(&server, &stories).await;
    server.kill().await;

    let (folder, line) = (TempDir::new().expect("a directory"), Line::new());
    let server = ServerProcess::start(&folder, SECTIONS).await;
    line.to.send_replace(Some(server.base.clone()));
    let share = stories.len().div_ceil(8);
    join_all(stories.chunks(share).map(async |stories| {
        for event in stories.iter().flat_map(|story| &story.events) {
            line.send(event).await;
        }
    }))
    .await;
    let undisturbed = told(&server, &stories).await;
    for Story { id, .. } in &stories {
        assert_eq!(document["feedback"][id], undisturbed["feedback"][id]);
    }
    let responses = |document: &Value| document["feedback"].as_object().map(serde_json::Map::len);
    assert_eq!((responses(&document), responses(&undisturbed)), (Some(stories.len()), Some(stories.len())));
    server.kill().await;
    acknowledged.len()
}

/// The document of a server, once all these stories are in it to their ends.
async fn told(server: &ServerProcess, stories: &[Story]) -> Value {
    let mut viewer = Viewer::connect(&server.base, "feedback", None).await;
    viewer.until("every story", |document| stories.iter().all(|story| story.is_told_by(document))).await;
    viewer.document
}

/// Looks into the database: everything that was acknowledged is there once, and nothing else.
fn examine(folder: &TempDir, acknowledged: &[String]) {
    let file = rusqlite::Connection::open(folder.path().join("data/callboard.db")).expect("the file");
    let sound: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(sound, "ok");
    let mut rows = file.prepare("SELECT body FROM inbox LEFT JOIN inbox_body USING (seq)").expect("a question");
    let mut kept: HashMap<Vec<u8>, usize> = HashMap::new();
    for body in rows.query_map([], |row| row.get(0)).expect("an answer") {
        *kept.entry(body.expect("bytes")).or_default() += 1;
    }
    for event in acknowledged {
        assert_eq!(kept.get(event.as_bytes()), Some(&1), "{event} was acknowledged");
    }
    // The senders have gone on until each event was taken: there can be no others.
    let sent: std::collections::HashSet<&String> = acknowledged.iter().collect();
    assert_eq!(kept.len(), sent.len());
}
