//! Pings, which keep a web session on the server alive and notice that a token has expired.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::bearer_source::BearerSource;
use crate::negotiate::{Negotiated, send_command};
use crate::{Error, Settings, endpoint};

/// Sends `ping` at an interval.
pub struct Pinger {
    ping: Box<dyn Fn() -> BoxFuture<'static, Result<(), Error>> + Send + Sync>,
    interval: Interval,
    in_flight: Option<BoxFuture<'static, Result<(), Error>>>,
}

impl Pinger {
    /// The first ping comes after one interval. A ping has the query parameters of the settings and no others.
    pub fn new(client: reqwest::Client, negotiated: &Negotiated, bearer: BearerSource, settings: &Settings) -> Self {
        let period = settings.ping_interval.max(Duration::from_millis(10));
        let mut interval = interval_at(Instant::now() + period, period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let url = endpoint::command(&negotiated.url, "ping", &[], &negotiated.query);
        let ping = move || {
            let (client, bearer, url) = (client.clone(), bearer.clone(), url.clone());
            async move {
                let ping = |token: Option<_>| async move { send_command(&client, url, "ping", token.as_ref()).await };
                bearer.send(ping).await.map(|_| ())
            }
            .boxed()
        };
        Self { ping: Box::new(ping), interval, in_flight: None }
    }

    /// The outcome of the next ping. Cancel-safe.
    pub async fn next(&mut self) -> Result<(), Error> {
        if self.in_flight.is_none() {
            self.interval.tick().await;
        }
        let outcome = self.in_flight.get_or_insert_with(&self.ping).await;
        self.in_flight = None;
        outcome
    }
}
