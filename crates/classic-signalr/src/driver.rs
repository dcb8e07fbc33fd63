//! The task behind a connection: begin, follow, resume, begin anew (`signalr.md` sections 4 and 7).

use std::sync::Arc;
use std::time::Duration;

use reqwest::ClientBuilder;
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::current::Current;
use self::pinging::Pinging;
use super::bearer::Bearer;
use super::frame::Frame;
use super::liveness::Health;
use super::negotiate::{Agreement, ask};
use super::transport::{Incoming, Opener, Wire};
use super::{Credentials, Error, Event, Settings};
use crate::http::Clients;

mod current;
mod opening;
mod pinging;
mod resuming;

/// The pause between attempts to resume, before jitter.
const RESUME_PAUSE: Duration = Duration::from_secs(2);

/// The first and the longest pause between fresh attempts.
const BEGIN_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A connection that lasted this long was a success: the next failure waits briefly again.
const SETTLED: Duration = Duration::from_secs(30);

/// Drives one connection.
pub struct Driver {
    settings: Settings,
    credentials: Arc<dyn Credentials>,
    client: reqwest::Client,
    opener: Opener,
    events: mpsc::Sender<Event>,
    current: Option<Current>,
}

/// How long to wait after one more failure: exponential backoff with full jitter, so that many clients of one server do not
/// come back at the same time.
fn backoff(failures: &mut u32) -> Duration {
    let (first, longest) = BEGIN_PAUSE;
    let ceiling = first.saturating_mul(2_u32.saturating_pow(*failures)).min(longest);
    *failures = failures.saturating_add(1);
    ceiling.mul_f64(rand::random())
}

/// Why following ended, and whether the same connection is worth resuming.
struct End {
    reason: Error,
    resume: bool,
}

impl Driver {
    /// A driver that tells `events`.
    pub fn new(
        settings: Settings,
        credentials: Arc<dyn Credentials>,
        builder: impl Fn() -> ClientBuilder,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, reqwest::Error> {
        let Clients { commands: client, streams } = Clients::new(builder, &settings.cookies)?;
        let opener = Opener::new(streams, settings.max_frame_bytes, Arc::clone(&settings.cookies));
        Ok(Self { settings, credentials, client, opener, events, current: None })
    }

    /// Works until `closing`, then takes leave.
    pub async fn run(mut self, closing: CancellationToken) {
        tokio::select! {
            () = closing.cancelled() => {}
            () = self.live() => {}
        }
        self.abort().await;
    }

    async fn live(&mut self) {
        let mut failures = 0;
        loop {
            match self.begin().await {
                Ok((wire, early)) => {
                    let began = Instant::now();
                    self.follow(wire, early).await;
                    self.abort().await;
                    if began.elapsed() >= SETTLED {
                        failures = 0;
                    }
                    sleep(backoff(&mut failures)).await;
                }
                Err(reason) => {
                    self.abort().await;
                    let wait = if reason.is_permanent() { BEGIN_PAUSE.1 } else { backoff(&mut failures) };
                    self.tell(Event::Failed { reason, wait }).await;
                    sleep(wait).await;
                }
            }
        }
    }

    /// Follows the connection through any number of interruptions, until it cannot be resumed.
    async fn follow(&mut self, mut wire: Wire, early: Vec<Frame>) {
        for frame in early {
            if let Some(end) = self.take(&mut wire, frame).await {
                self.tell(Event::Lost { reason: end.reason }).await;
                return;
            }
        }
        loop {
            let opened = Instant::now();
            let End { reason, resume } = self.listen(&mut wire).await;
            drop(wire);
            // A door that closes as soon as it opens is not knocked at without a pause.
            let hurry = opened.elapsed() > RESUME_PAUSE;
            self.tell(Event::Lost { reason }).await;
            if !resume {
                return;
            }
            match self.resume(hurry).await {
                Some(again) => wire = again,
                None => return,
            }
        }
    }

    /// Reads the transport until it ends.
    async fn listen(&mut self, wire: &mut Wire) -> End {
        let Some(current) = &self.current else { return End { reason: Error::Closed, resume: false } };
        let mut check = interval(current.liveness.check_every().unwrap_or(Duration::from_secs(3600)));
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let bearer = self.bearer_of(&current.agreed);
        let mut pings = Pinging::new(self.client.clone(), &current.agreed, bearer, &self.settings);
        let mut malformed = 0;
        let mut slow = false;
        loop {
            let incoming = tokio::select! {
                // What already lies in the socket is read before silence is judged: our own reader may have been busy.
                biased;
                incoming = wire.next() => incoming,
                _ = check.tick() => {
                    let Some(current) = &self.current else { continue };
                    let now = Instant::now();
                    match current.liveness.health(now) {
                        Health::Live if slow => {
                            slow = false;
                            self.tell(Event::Recovered).await;
                        }
                        Health::Live => {}
                        Health::Slow if !slow => {
                            slow = true;
                            self.tell(Event::Slow).await;
                        }
                        Health::Slow => {}
                        Health::Lost => {
                            let seconds = current.liveness.silence(now).as_secs();
                            return End { reason: Error::KeepAliveTimeout { seconds }, resume: true };
                        }
                    }
                    continue;
                }
                ping = pings.next() => {
                    if let Err(reason) = ping {
                        tracing::debug!(%reason, "a ping was not answered; the transport will tell what it means");
                    }
                    continue;
                }
            };
            if let (Ok(_), Some(current)) = (&incoming, &mut self.current) {
                current.liveness.heard(Instant::now());
            }
            match incoming {
                Ok(Incoming::Life) => {}
                Ok(Incoming::Beat) => {
                    if let Some(current) = &mut self.current {
                        current.liveness.beats();
                    }
                }
                Ok(Incoming::Frame(bytes)) => match Frame::parse_with(&bytes, self.settings.repair_json) {
                    Ok(frame) => {
                        malformed = 0;
                        if let Some(end) = self.take(wire, frame).await {
                            return end;
                        }
                    }
                    Err(reason) => {
                        malformed += 1;
                        if malformed > 1 {
                            // The same cursor would bring the same frames again.
                            return End { reason, resume: false };
                        }
                        self.tell(Event::Malformed { reason }).await;
                    }
                },
                // And the same one here.
                Err(reason @ Error::FrameTooLarge { .. }) => return End { reason, resume: false },
                Err(reason) => return End { reason, resume: true },
            }
        }
    }

    /// Remembers what a frame says about the stream and hands on its calls.
    async fn take(&mut self, wire: &mut Wire, frame: Frame) -> Option<End> {
        wire.heed(&frame);
        if let Some(current) = &mut self.current {
            current.position.remember(&frame);
        }
        for _ in 0..frame.unread {
            self.tell(Event::Malformed { reason: Error::NotAHubCall }).await;
        }
        for call in frame.calls {
            self.tell(Event::Call(call)).await;
        }
        if frame.fatal {
            return Some(End { reason: Error::ServerError, resume: false });
        }
        frame.leaving.then_some(End { reason: Error::ServerReconnect, resume: true })
    }

    fn bearer_of(&self, agreed: &Agreement) -> Bearer {
        Bearer::new(agreed.bearer.clone(), Arc::clone(&self.credentials))
    }

    async fn bearer(&self) -> Result<Option<Arc<SecretString>>, Error> {
        Ok(self.credentials.bearer_token().await.map_err(Error::Credentials)?.map(Arc::new))
    }

    /// Tells the credentials when the server did not accept what they gave.
    fn note_refusal<T>(&self, outcome: Result<T, Error>, bearer: Option<&Arc<SecretString>>) -> Result<T, Error> {
        if let (Err(error), Some(bearer)) = (&outcome, bearer)
            && error.status() == Some(401)
        {
            self.credentials.rejected(bearer);
        }
        outcome
    }

    /// Tells the server that this connection is over, so that it does not keep its subscriptions until a time-out.
    async fn abort(&mut self) {
        let Some(current) = self.current.take() else { return };
        let at = current.address(&self.settings, "abort");
        let (request, base) = (self.client.post(at).body(""), &self.settings.url);
        let farewell = |token: Option<_>| async move { ask(request, "abort", base, token.as_ref()).await };
        let bearer = self.bearer_of(&current.agreed);
        if !matches!(timeout(Duration::from_secs(1), bearer.show(farewell)).await, Ok(Ok(_))) {
            tracing::debug!("the server did not take note of our leaving");
        }
    }

    async fn tell(&self, event: Event) {
        // Nobody listening means that this task is about to be aborted.
        let _ = self.events.send(event).await;
    }
}
