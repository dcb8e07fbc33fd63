//! Follows Clarity: pushes over SignalR while they come, questions over REST always.
//!
//! A full answer now and then repairs whatever pushes got wrong or never said. While no pushes come it is the only feed,
//! asked more often, and what only pushes can tell (who waits in a queue) is unknown rather than old.

mod reading;
pub mod settings;
mod translate;

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::base::Lifecycle;
use crate::config;
use crate::domain::{Fact, SourceState};
use crate::gold::{Gold, Reporter};
use crate::vendor::clarity::{Clarity, find_pushes};
use crate::vendor::signalr::{Connection, Event, HubCall};

use reading::{Floor, Reading, Trouble};

/// How often Clarity is asked while it does not push.
const WITHOUT_PUSHES: Duration = Duration::from_secs(5);

/// How often the structure of the house is read.
const STRUCTURE_EVERY: Duration = Duration::from_secs(300);

/// Nothing heard for so many poll intervals is too long.
const STALE_AFTER_INTERVALS: f64 = 2.5;

/// The feed. Its task owns everything about Clarity.
pub struct ClarityFeed {
    vendor: Clarity,
    gold: Gold,
    reporter: Reporter,
    poll_interval: Duration,
    link: Link,
    /// Who and what there is. `None`: never read.
    floor: Option<Floor>,
    structure_due: Instant,
    reading_due: Instant,
    reading: Option<JoinHandle<Result<Floor, Trouble>>>,
    /// Why the last reading failed. `None`: it did not.
    trouble: Option<String>,
    last_heard: Instant,
}

/// How pushes come.
#[derive(Debug)]
enum Link {
    /// They do not, for this reason.
    Down(String),
    /// The connection is open, and Clarity has yet to be asked to push over it.
    Opened { connection_id: String, transport: &'static str },
    /// They come.
    Subscribed { transport: &'static str },
}

impl ClarityFeed {
    /// A feed that has not begun.
    #[must_use]
    pub fn new(vendor: Clarity, config: &config::Clarity, gold: Gold, reporter: Reporter) -> Self {
        let now = Instant::now();
        Self {
            vendor,
            gold,
            reporter,
            poll_interval: config.poll_interval,
            link: Link::Down("It has not been opened yet.".to_owned()),
            floor: None,
            structure_due: now,
            reading_due: now,
            reading: None,
            trouble: None,
            last_heard: now,
        }
    }

    /// Follows until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        let mut connection = match self.vendor.follow() {
            Ok(connection) => connection,
            Err(error) => {
                self.reporter.set(SourceState::Down, Some(&format!("TLS cannot be set up: {error}.")));
                self.reporter.tell().await;
                return;
            }
        };
        loop {
            tokio::select! {
                () = life.stopping() => break,
                event = connection.next() => self.happened(event).await,
                outcome = finished(&mut self.reading) => self.read(outcome).await,
                () = sleep_until(self.reading_due), if self.reading.is_none() => self.begin_reading(),
            }
            self.judge();
            self.reporter.tell().await;
        }
        self.end(connection).await;
    }

    async fn end(self, connection: Connection) {
        if let Some(reading) = self.reading {
            reading.abort();
        }
        connection.close().await;
    }

    async fn happened(&mut self, event: Event) {
        match event {
            Event::Opened { connection_id, transport } => {
                self.reporter.resync("opened");
                self.link = Link::Opened { connection_id, transport: transport.as_str() };
                self.reading_due = Instant::now();
            }
            Event::Resumed { connection_id } => {
                // Messages may be lost all the same, without a flag (`signalr.md` section 8): begin from what is.
                self.reporter.resync("resumed");
                self.link = Link::Opened { connection_id, transport: self.transport().unwrap_or("SignalR") };
                self.reading_due = Instant::now();
            }
            Event::Call(call) => self.pushed(&call).await,
            Event::Slow => self.reporter.count("slow"),
            Event::Lost { reason } => {
                self.reporter.count("lost");
                tracing::warn!(reason = %reason, "Clarity's pushes have stopped; it is asked instead");
                self.cut(&reason.to_string()).await;
            }
            Event::Malformed { reason } => {
                self.reporter.count("malformedFrames");
                tracing::warn!(reason = %reason, "a SignalR frame makes no sense and was skipped");
            }
            Event::Failed { reason, wait } => {
                self.reporter.count("failedAttempts");
                tracing::debug!(reason = %reason, wait_milliseconds = wait.as_millis(), "SignalR could not be opened");
                self.cut(&reason.to_string()).await;
            }
        }
    }

    /// No pushes come. What only they could tell is unknown from now on.
    async fn cut(&mut self, reason: &str) {
        let was_down = matches!(self.link, Link::Down(_));
        self.link = Link::Down(reason.to_owned());
        if !was_down {
            self.gold.tell(Fact::QueuesUncertain).await;
            self.reading_due = self.reading_due.min(Instant::now() + WITHOUT_PUSHES);
        }
    }

    async fn pushed(&mut self, call: &HubCall) {
        let at = self.gold_now();
        let pushes = find_pushes(&call.args);
        if pushes.unknown > 0 {
            self.reporter.count_many("unknownPushes", pushes.unknown as u64);
        }
        self.last_heard = Instant::now();
        self.reporter.heard(pushes.readings.len() as u64);
        for reading in pushes.readings {
            let heard = self.gold.ordinal();
            let kind = reading.kind.as_deref().unwrap_or_default().to_ascii_lowercase();
            let fact = match kind.as_str() {
                "agent" => {
                    translate::agent(reading, at).map(|agent| Fact::AgentChanged { heard, agent: Box::new(agent) })
                }
                "queue" => {
                    translate::queue(reading, at).map(|queue| Fact::QueueChanged { heard, queue: Box::new(queue) })
                }
                _ => None,
            };
            match fact {
                Some(fact) => self.gold.tell(fact).await,
                None => self.reporter.count("unknownPushes"),
            }
        }
    }

    fn begin_reading(&mut self) {
        let now = Instant::now();
        let floor = self.floor.clone().filter(|_| now < self.structure_due);
        let reading = Reading {
            vendor: self.vendor.clone(),
            gold: self.gold.clone(),
            clock: self.reporter.clock().clone(),
            floor,
            subscribe_over: match &self.link {
                Link::Opened { connection_id, .. } => Some(connection_id.clone()),
                _ => None,
            },
        };
        self.reading = Some(tokio::spawn(reading.run()));
    }

    async fn read(&mut self, outcome: Result<Floor, Trouble>) {
        self.reading = None;
        match outcome {
            Ok(floor) => {
                self.last_heard = Instant::now();
                self.reporter.heard(0);
                self.trouble = None;
                if floor.structure_is_new {
                    self.structure_due = Instant::now() + STRUCTURE_EVERY;
                }
                self.subscribed(floor.subscribed_over.as_deref());
                if let Some(why) = &floor.not_subscribed {
                    tracing::warn!(why, "Clarity could not be asked to push");
                    self.reporter.count("failedSubscriptions");
                }
                self.floor = Some(floor);
            }
            Err(trouble) => {
                let trouble = sentence(&trouble);
                tracing::warn!(trouble, "Clarity could not be read");
                self.reporter.count("failedReadings");
                self.trouble = Some(trouble);
            }
        }
        let refused = self.floor.as_ref().is_some_and(|floor| floor.not_subscribed.is_some());
        let pause = match &self.link {
            Link::Subscribed { .. } => self.poll_interval,
            // Opened while this reading was under way: it did not ask over this connection.
            Link::Opened { .. } if self.trouble.is_none() && !refused => Duration::ZERO,
            _ => WITHOUT_PUSHES.min(self.poll_interval),
        };
        self.reading_due = Instant::now() + pause;
    }

    fn subscribed(&mut self, over: Option<&str>) {
        if let Link::Opened { connection_id, transport } = &self.link
            && over == Some(connection_id)
        {
            self.link = Link::Subscribed { transport };
        }
    }

    /// Says how it is, from how pushes come and how questions are answered.
    fn judge(&mut self) {
        let silent = self.last_heard.elapsed() > self.poll_interval.mul_f64(STALE_AFTER_INTERVALS);
        let (state, reason) = match (&self.link, &self.trouble) {
            (_, Some(trouble)) if !matches!(self.link, Link::Subscribed { .. }) => {
                (SourceState::Down, Some(trouble.clone()))
            }
            (_, Some(trouble)) if silent => (SourceState::Stale, Some(trouble.clone())),
            _ if self.floor.is_none() => (SourceState::Down, Some("The first answer has not come yet.".to_owned())),
            (Link::Subscribed { .. }, _) => (SourceState::Live, None),
            (Link::Opened { .. }, _) => {
                let why = self.floor.as_ref().and_then(|floor| floor.not_subscribed.as_deref());
                let why = why.unwrap_or("Pushes are being asked for.");
                (SourceState::Polling, Some(format!("{why} Clarity is read every 5 s meanwhile.")))
            }
            (Link::Down(why), _) => {
                (SourceState::Polling, Some(format!("No pushes: {why}. Clarity is read every 5 s instead.")))
            }
        };
        self.reporter.set(state, reason.as_deref());
        let transport = self.transport();
        self.reporter.transport(transport.or(Some("REST")));
    }

    fn transport(&self) -> Option<&'static str> {
        match &self.link {
            Link::Down(_) => None,
            Link::Opened { transport, .. } | Link::Subscribed { transport } => Some(transport),
        }
    }

    fn gold_now(&self) -> jiff::Timestamp {
        self.reporter.clock().now()
    }
}

/// An error with its causes as one sentence.
#[must_use]
pub fn sentence(error: &dyn std::error::Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !story.contains(&part) {
            story = format!("{}: {part}", story.trim_end_matches('.'));
        }
        cause = error.source();
    }
    let mut letters = story.chars();
    let sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if sentence.ends_with('.') { sentence } else { format!("{sentence}.") }
}

/// Resolves when the reading in hand has ended; never, if there is none.
async fn finished(reading: &mut Option<JoinHandle<Result<Floor, Trouble>>>) -> Result<Floor, Trouble> {
    match reading {
        Some(reading) => reading.await.unwrap_or_else(|_| Err(Trouble::Interrupted)),
        None => std::future::pending().await,
    }
}
