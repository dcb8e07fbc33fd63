//! Next door: a small contact center that lives by itself, and the four upstreams' servers in front of it.
//!
//! It shares nothing with the rest of the house but `base`: client and simulator each read the upstreams' documents for
//! themselves, and where both are wrong in the same way it is at least not for the same reason. All servers listen on the
//! loopback interface and nowhere else. [`Steering`] makes them misbehave.

mod addresses;
mod agent_connect;
mod clarity;
mod control;
mod faults;
mod floor;
mod goodays;
mod kustomer;
mod signalr;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use url::Url;

use base::{Clock, Lifecycle};
pub use addresses::Addresses;
pub use clarity::Sees;
pub use control::Steering;
pub use faults::{Upstream, WrongAnswer};
pub use signalr::Timeouts;

use agent_connect::AgentConnect;
use clarity::{Clarity, Gate, Subscriptions};
use faults::Faults;
use floor::Floor;
use goodays::Goodays;
use kustomer::Kustomer;
use signalr::Hub;
use world::World;

/// How often the world lives on and changes are pushed.
const TICK: Duration = Duration::from_millis(250);

/// What kind of sandbox it shall be.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many agents.
    pub agents: u32,
    /// How many queues.
    pub queues: u32,
    /// How much faster than life.
    pub speed: f64,
    /// The same seed gives the same history.
    pub seed: u64,
    /// Where Goodays webhooks go; may be told later.
    pub webhook: Option<Url>,
    /// How long Clarity's tokens live.
    pub token_lifetime: Duration,
    /// SignalR's promises about time.
    pub timeouts: Timeouts,
    /// The ports of Clarity, Goodays, Agent Connect, Kustomer and the steering wheel; 0 lets the system choose.
    pub ports: [u16; 5],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            agents: 120,
            queues: 12,
            speed: 1.0,
            seed: 1,
            webhook: None,
            token_lifetime: Duration::from_secs(600),
            timeouts: Timeouts::default(),
            ports: [0; 5],
        }
    }
}

/// What an agent does, in truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentTruth {
    /// The status as metrics write it, such as `inCall`.
    pub status: String,
    /// Whether they get no contacts.
    pub suspended: bool,
    /// The contact in hand, or the one that rings.
    pub session: Option<i64>,
}

/// What is, at one instant: for tests that compare it with what is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldSnapshot {
    /// Agents by id.
    pub agents: BTreeMap<i64, AgentTruth>,
    /// How many wait, by queue.
    pub waiting: BTreeMap<i64, u64>,
    /// The id of each contact that goes on, with its queue.
    pub sessions: BTreeMap<i64, i64>,
}

/// A running sandbox. It ends with the lifecycle that it was started under.
#[derive(Debug, Clone)]
pub struct Sandbox {
    addresses: Addresses,
    steering: Steering,
    kustomer: Kustomer,
}

impl Sandbox {
    /// Opens the doors and binds all servers.
    ///
    /// # Errors
    /// When a port cannot be bound.
    pub async fn start(options: Options, clock: Clock, life: Lifecycle) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for port in options.ports {
            listeners.push(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?);
        }
        let mut bound = Vec::new();
        for listener in &listeners {
            bound.push(listener.local_addr()?);
        }
        let addresses = Addresses::new(&bound)?;
        let floor = Floor::new(World::new(options.seed, options.agents, options.queues), options.speed, clock.clone());
        let hub = Hub::new(options.seed, options.timeouts, life.clone());
        let gate = Gate::new(
            floor.clone(),
            clock,
            addresses.clarity_token.to_string(),
            addresses.client_id.clone(),
            addresses.jwt_key.clone(),
            options.token_lifetime,
        );
        let clarity = Clarity {
            floor: floor.clone(),
            gate,
            subscriptions: Subscriptions::new(hub.clone()),
            answers_queues: Arc::default(),
        };
        let faults = Faults::default();
        let client = base::http::client().map_err(io::Error::other)?;
        let (token, hmac) = (addresses.goodays_token.clone(), addresses.goodays_hmac.clone());
        let goodays = Goodays::start(options.seed, token, hmac, client.clone(), &life);
        let (key, secret) = (addresses.agent_connect_key.clone(), addresses.agent_connect_secret.clone());
        let agent_connect = AgentConnect::new(options.seed, key, secret, floor.clone());
        let (key, token) = (addresses.kustomer_key.clone(), addresses.kustomer_token.clone());
        let kustomer = Kustomer::start(key, token, floor.clone(), client, &life);
        let steering = Steering { floor, hub, clarity, goodays, faults };
        let routers = [
            clarity::router(steering.clarity.clone(), steering.hub.clone(), steering.faults.clone()),
            goodays::router(steering.goodays.clone(), steering.floor.clone(), steering.faults.clone()),
            agent_connect::router(agent_connect.clone(), steering.faults.clone()),
            kustomer::router(kustomer.clone(), steering.faults.clone()),
            control::router(steering.clone()),
        ];
        for (listener, router) in listeners.into_iter().zip(routers) {
            life.spawn(serve(listener, router, life.clone()));
        }
        life.spawn(live(steering.clone(), agent_connect, kustomer.clone(), life.clone()));
        if let Some(url) = options.webhook {
            steering.send_webhooks_to(url);
        }
        Ok(Self { addresses, steering, kustomer })
    }

    /// Where the upstreams listen and how to get in.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The steering wheel.
    #[must_use]
    pub fn steering(&self) -> Steering {
        self.steering.clone()
    }

    /// Sends Goodays webhooks to this address from now on, those that wait included.
    pub fn send_webhooks_to(&self, url: Url) {
        self.steering.send_webhooks_to(url);
    }

    /// Sends Kustomer webhooks to this address from now on, those that wait included.
    pub fn send_kustomer_webhooks_to(&self, url: Url) {
        self.kustomer.send_to(url);
    }

    /// The truth, at this instant.
    #[must_use]
    pub fn world_snapshot(&self) -> WorldSnapshot {
        self.steering.floor.read(|world, _| WorldSnapshot {
            agents: (world.agents().values())
                .map(|agent| {
                    let truth =
                        AgentTruth { status: agent.status.camel(), suspended: agent.suspended, session: agent.session };
                    (agent.id, truth)
                })
                .collect(),
            waiting: world.queues().keys().map(|id| (*id, world.waiting(*id))).collect(),
            sessions: world.sessions().values().map(|session| (session.id, session.queue)).collect(),
        })
    }
}

async fn serve(listener: TcpListener, router: Router, life: Lifecycle) {
    let stopping = life.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move { stopping.stopping().await });
    if serving.await.is_err() {
        tracing::warn!("a server of the sandbox has ended early");
    }
}

/// Lets the world live and tells everybody what happened.
async fn live(steering: Steering, agent_connect: AgentConnect, kustomer: Kustomer, life: Lifecycle) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = life.stopping() => return,
            _ = ticks.tick() => {}
        }
        let happenings = steering.floor.advance();
        steering.hub.sweep();
        steering.clarity.subscriptions.flush(&steering.floor, &happenings);
        steering.goodays.follow(&steering.floor, &happenings);
        kustomer.follow(&happenings);
        agent_connect.step();
    }
}
