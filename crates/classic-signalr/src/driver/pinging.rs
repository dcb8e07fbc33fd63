//! Pings: they keep the server's web session alive, and find out that a token no longer is (`signalr.md` section 7).

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::bearer::Bearer;
use crate::negotiate::{Agreement, ask};
use crate::{Error, Settings, address};

/// Asks `ping` again and again.
pub struct Pinging {
    ping: Box<dyn Fn() -> BoxFuture<'static, Result<(), Error>> + Send + Sync>,
    ticks: Interval,
    asked: Option<BoxFuture<'static, Result<(), Error>>>,
}

impl Pinging {
    /// Begins after the first pause. Pings carry the site's own query and nothing else.
    pub fn new(client: reqwest::Client, agreed: &Agreement, bearer: Bearer, settings: &Settings) -> Self {
        let every = settings.ping_interval.max(Duration::from_millis(10));
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (at, base) = (address::command(&agreed.base, "ping", &[], &agreed.query), agreed.base.clone());
        let ping = move || {
            let (client, bearer, at, base) = (client.clone(), bearer.clone(), at.clone(), base.clone());
            async move {
                let ping = |token: Option<_>| async move { ask(client.get(at), "ping", &base, token.as_ref()).await };
                bearer.show(ping).await.map(|_| ())
            }
            .boxed()
        };
        Self { ping: Box::new(ping), ticks, asked: None }
    }

    /// How the next ping went. Cancel-safe.
    pub async fn next(&mut self) -> Result<(), Error> {
        if self.asked.is_none() {
            self.ticks.tick().await;
        }
        let outcome = self.asked.get_or_insert_with(&self.ping).await;
        self.asked = None;
        outcome
    }
}
