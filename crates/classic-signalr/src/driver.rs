//! The task behind a connection: connect, receive, reconnect, and connect anew when that fails.

use std::sync::Arc;
use std::time::Duration;

use reqwest::ClientBuilder;
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::pinger::Pinger;
use self::session::Session;
use super::bearer_source::BearerSource;
use super::frame::Frame;
use super::liveness::Health;
use super::negotiate::{Negotiated, send_command};
use super::transport::{Incoming, OpenTransport, TransportFactory};
use super::{Credentials, Error, Event, Settings};
use crate::http::Clients;

mod connect;
mod pinger;
mod reconnect;
mod session;

/// The pause between attempts to reconnect, before jitter. Microsoft's client waits as long.
const RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// The first and the longest pause between attempts to connect.
const CONNECT_DELAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// After a connection that lasted this long, the pauses are short again.
const STABLE_AFTER: Duration = Duration::from_secs(30);

/// Drives one connection.
pub struct Driver {
    settings: Settings,
    credentials: Arc<dyn Credentials>,
    /// For commands; transports have a client of their own.
    client: reqwest::Client,
    transports: TransportFactory,
    events: mpsc::Sender<Event>,
    session: Option<Session>,
}

/// Why receiving ended, and whether the same connection may be resumed.
struct End {
    reason: Error,
    can_reconnect: bool,
}

impl Driver {
    /// A driver that sends to `events`.
    pub fn new(
        settings: Settings,
        credentials: Arc<dyn Credentials>,
        builder: impl Fn() -> ClientBuilder,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, reqwest::Error> {
        let Clients { commands: client, streams } = Clients::new(builder, &settings.cookies)?;
        let transports = TransportFactory::new(streams, settings.max_frame_bytes, Arc::clone(&settings.cookies));
        Ok(Self { settings, credentials, client, transports, events, session: None })
    }

    /// Works until `closing` is cancelled, then sends `abort`.
    pub async fn run(mut self, closing: CancellationToken) {
        tokio::select! {
            () = closing.cancelled() => {}
            () = self.connect_forever() => {}
        }
        self.abort().await;
    }

    async fn connect_forever(&mut self) {
        let mut failures = 0;
        loop {
            match self.connect().await {
                Ok((transport, frames)) => {
                    let began = Instant::now();
                    self.follow(transport, frames).await;
                    self.abort().await;
                    if began.elapsed() >= STABLE_AFTER {
                        failures = 0;
                    }
                    sleep(backoff(&mut failures)).await;
                }
                Err(reason) => {
                    self.abort().await;
                    let wait = if reason.is_permanent() { CONNECT_DELAY.1 } else { backoff(&mut failures) };
                    self.emit(Event::Failed { reason, wait }).await;
                    sleep(wait).await;
                }
            }
        }
    }

    /// Receives over any number of transports, until the connection cannot be resumed.
    async fn follow(&mut self, mut transport: OpenTransport, frames: Vec<Frame>) {
        for frame in frames {
            if let Some(end) = self.process(&mut transport, frame).await {
                self.emit(Event::Lost { reason: end.reason }).await;
                return;
            }
        }
        loop {
            let opened = Instant::now();
            let End { reason, can_reconnect } = self.receive(&mut transport).await;
            drop(transport);
            // A server that closes each transport at once is not asked again at once.
            let is_immediate = opened.elapsed() > RECONNECT_DELAY;
            self.emit(Event::Lost { reason }).await;
            if !can_reconnect {
                return;
            }
            match self.reconnect(is_immediate).await {
                Some(open) => transport = open,
                None => return,
            }
        }
    }

    /// Receives over one transport until it ends.
    async fn receive(&mut self, transport: &mut OpenTransport) -> End {
        let Some(session) = &self.session else { return End { reason: Error::Closed, can_reconnect: false } };
        let mut check = interval(session.liveness.check_interval().unwrap_or(Duration::from_secs(3600)));
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let bearer = self.bearer_source(&session.negotiated);
        let mut pinger = Pinger::new(self.client.clone(), &session.negotiated, bearer, &self.settings);
        let mut malformed_in_a_row = 0;
        let mut is_slow = false;
        loop {
            let incoming = tokio::select! {
                // What has arrived is read before silence is judged: the receiver of events may have been slow.
                biased;
                incoming = transport.next() => incoming,
                _ = check.tick() => {
                    let Some(session) = &self.session else { continue };
                    let now = Instant::now();
                    match session.liveness.health(now) {
                        Health::Alive if is_slow => {
                            is_slow = false;
                            self.emit(Event::Recovered).await;
                        }
                        Health::Alive => {}
                        Health::Slow if !is_slow => {
                            is_slow = true;
                            self.emit(Event::Slow).await;
                        }
                        Health::Slow => {}
                        Health::Lost => {
                            let seconds = session.liveness.silence(now).as_secs();
                            return End { reason: Error::KeepAliveTimeout { seconds }, can_reconnect: true };
                        }
                    }
                    continue;
                }
                ping = pinger.next() => {
                    if let Err(reason) = ping {
                        // The transport shows what it means for the connection.
                        tracing::debug!(%reason, "SignalR ping failed");
                    }
                    continue;
                }
            };
            if let (Ok(_), Some(session)) = (&incoming, &mut self.session) {
                session.liveness.heard(Instant::now());
            }
            match incoming {
                Ok(Incoming::Activity) => {}
                Ok(Incoming::KeepAlive) => {
                    if let Some(session) = &mut self.session {
                        session.liveness.expect_keep_alives();
                    }
                }
                Ok(Incoming::Frame(bytes)) => match Frame::parse_with(&bytes, self.settings.repair_json) {
                    Ok(frame) => {
                        malformed_in_a_row = 0;
                        if let Some(end) = self.process(transport, frame).await {
                            return end;
                        }
                    }
                    Err(reason) => {
                        malformed_in_a_row += 1;
                        if malformed_in_a_row > 1 {
                            // Reconnecting would resume at the same cursor and receive the same frames.
                            return End { reason, can_reconnect: false };
                        }
                        self.emit(Event::Malformed { reason }).await;
                    }
                },
                // The same here.
                Err(reason @ Error::FrameTooLarge { .. }) => return End { reason, can_reconnect: false },
                Err(reason) => return End { reason, can_reconnect: true },
            }
        }
    }

    /// Remembers the position and emits the calls of a frame.
    async fn process(&mut self, transport: &mut OpenTransport, frame: Frame) -> Option<End> {
        transport.acknowledge(&frame);
        if let Some(session) = &mut self.session {
            session.position.update(&frame);
        }
        for _ in 0..frame.malformed_messages {
            self.emit(Event::Malformed { reason: Error::NotAHubCall }).await;
        }
        for call in frame.calls {
            self.emit(Event::Call(call)).await;
        }
        if frame.is_error {
            return Some(End { reason: Error::ServerError, can_reconnect: false });
        }
        frame.should_reconnect.then_some(End { reason: Error::ServerReconnect, can_reconnect: true })
    }

    fn bearer_source(&self, negotiated: &Negotiated) -> BearerSource {
        BearerSource::new(negotiated.redirect_token.clone(), Arc::clone(&self.credentials))
    }

    async fn bearer_token(&self) -> Result<Option<Arc<SecretString>>, Error> {
        Ok(self.credentials.bearer_token().await.map_err(Error::Credentials)?.map(Arc::new))
    }

    /// Tells the credentials when the server answered 401.
    fn report_rejection<T>(&self, outcome: Result<T, Error>, token: Option<&Arc<SecretString>>) -> Result<T, Error> {
        if let (Err(error), Some(token)) = (&outcome, token)
            && error.status() == Some(401)
        {
            self.credentials.rejected(token);
        }
        outcome
    }

    /// Tells the server that the connection is over. Otherwise it would keep the connection until its disconnect
    /// timeout.
    async fn abort(&mut self) {
        let Some(session) = self.session.take() else { return };
        let (client, url) = (self.client.clone(), session.url(&self.settings, "abort"));
        let abort = |token: Option<_>| async move { send_command(&client, url, "abort", token.as_ref()).await };
        let bearer = self.bearer_source(&session.negotiated);
        if !matches!(timeout(Duration::from_secs(1), bearer.send(abort)).await, Ok(Ok(_))) {
            tracing::debug!("SignalR server did not confirm abort");
        }
    }

    async fn emit(&self, event: Event) {
        // Without a receiver this task is about to be aborted.
        let _ = self.events.send(event).await;
    }
}

/// How long to wait after one more failure: exponential backoff with full jitter, so that the many clients of one
/// server do not come back at the same time.
fn backoff(failures: &mut u32) -> Duration {
    let (first, longest) = CONNECT_DELAY;
    let ceiling = first.saturating_mul(2_u32.saturating_pow(*failures)).min(longest);
    *failures = failures.saturating_add(1);
    ceiling.mul_f64(rand::random())
}
