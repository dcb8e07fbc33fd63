//! The handle of a connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::driver::Driver;
use super::{Credentials, Event, Settings};

/// How many events may wait before the driver stops reading from the transport.
const EVENTS: usize = 64;

/// The default `User-Agent`.
const USER_AGENT: &str = concat!("classic-signalr/", env!("CARGO_PKG_VERSION"));

/// How long closing may take: one second for `abort`, and a little more.
const CLOSING: Duration = Duration::from_millis(1500);

/// Receives the calls of one hub until it is closed or dropped.
///
/// A tokio task does the work, so that [`Connection::next`] is cancel-safe. The task stops reading from the server
/// while 64 events wait.
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

    /// Begins to connect with HTTP clients that are made from `http`, which is called twice: use it to set a user
    /// agent, a proxy, a DNS resolver or a root certificate. This crate sets redirects, cookies, content codings and
    /// timeouts itself. WebSockets do not use these clients.
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

    /// The next event. Cancel-safe. There is always another one.
    pub async fn next(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            // The driver ends with this handle, or by a panic.
            None => std::future::pending().await,
        }
    }

    /// Sends `abort`, so that the server forgets the connection at once. Takes at most about a second. Dropping a
    /// connection does not send it.
    pub async fn close(mut self) {
        self.closing.cancel();
        if tokio::time::timeout(CLOSING, &mut self.task).await.is_err() {
            tracing::debug!("SignalR connection closed before the server confirmed abort");
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
