//! The handle on a connection: events out, close in.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::driver::Driver;
use super::{Credentials, Event, Settings};

/// How many events may wait for the reader before the driver stops reading the transport.
const EVENTS: usize = 64;

/// What HTTP requests call themselves.
const USER_AGENT: &str = concat!("classic-signalr/", env!("CARGO_PKG_VERSION"));

/// How long closing may take: a second for `abort`, and a moment around it.
const CLOSING: Duration = Duration::from_millis(1500);

/// Follows one hub of one server until it is closed or dropped.
///
/// A task of its own does the work, so that [`Connection::next`] can be dropped at any time without losing anything.
pub struct Connection {
    events: mpsc::Receiver<Event>,
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl Connection {
    /// Begins to connect.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(settings: Settings, credentials: Arc<dyn Credentials>) -> Result<Self, reqwest::Error> {
        Self::start_with(settings, credentials, || reqwest::Client::builder().user_agent(USER_AGENT))
    }

    /// The same, with HTTP clients on top of this builder, which is asked for two of them. What it is for: a user agent, a
    /// proxy, a DNS resolver, a certificate authority. Redirects, cookies, content codings and time limits are set by this
    /// crate. WebSockets do not use these clients.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start_with(
        settings: Settings,
        credentials: Arc<dyn Credentials>,
        http: impl Fn() -> reqwest::ClientBuilder,
    ) -> Result<Self, reqwest::Error> {
        let (sender, events) = mpsc::channel(EVENTS);
        let closing = CancellationToken::new();
        let driver = Driver::new(settings, credentials, http, sender)?;
        let task = tokio::spawn(driver.run(closing.clone()));
        Ok(Self { events, closing, task })
    }

    /// What happened next. Cancel-safe. It never gives up, and so never ends.
    pub async fn next(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            // The driver ends only with this handle; should it ever panic, the log has said so and nothing follows.
            None => std::future::pending().await,
        }
    }

    /// Tells the server that nobody listens any more, waiting at most about a second, and ends.
    pub async fn close(mut self) {
        self.closing.cancel();
        if tokio::time::timeout(CLOSING, &mut self.task).await.is_err() {
            tracing::debug!("the SignalR connection was dropped before the server knew");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
