//! Next door: a small contact center that lives by itself, and the four vendors' servers in front of it.
//!
//! It shares nothing with the rest of the house but `base`: client and simulator each read the vendors' documents for
//! themselves, and where both are wrong in the same way it is at least not for the same reason. All servers listen on the
//! loopback interface and nowhere else. [`Steering`] makes them misbehave.

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
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use url::Url;

use crate::base::{Clock, Lifecycle, Secret};
pub use control::Steering;
pub use faults::Vendor;
pub use signalr::Timeouts;
pub use world::Modality;

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

/// Where the vendors listen and how to get in.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Clarity's `api_root`, without a final slash.
    pub clarity_api: Url,
    /// Clarity's SignalR path, by itself.
    pub signalr_path: &'static str,
    /// Clarity's token endpoint, which the challenge names too.
    pub clarity_token: Url,
    /// The client id that the token endpoint knows.
    pub client_id: String,
    /// The key that Clarity's tokens are signed with (HS256).
    pub jwt_key: Secret,
    /// Goodays' `api_root`, with `/v2`.
    pub goodays_api: Url,
    /// What actions carry in `Authorization`.
    pub goodays_token: Secret,
    /// What webhooks are signed with.
    pub goodays_hmac: Secret,
    /// Agent Connect's `api_root`, without a version.
    pub agent_connect_api: Url,
    /// The `x-api-key`.
    pub agent_connect_key: Secret,
    /// Signs the Data Return JWT.
    pub agent_connect_secret: Secret,
    /// Kustomer's `api_root`, without a version.
    pub kustomer_api: Url,
    /// The bearer key.
    pub kustomer_key: Secret,
    /// The steering wheel.
    pub control: Url,
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
        let clarity = Clarity { floor: floor.clone(), gate, subscriptions: Subscriptions::new(hub.clone()) };
        let faults = Faults::default();
        let client = crate::base::http::client().map_err(io::Error::other)?;
        let (token, hmac) = (addresses.goodays_token.clone(), addresses.goodays_hmac.clone());
        let goodays = Goodays::start(options.seed, token, hmac, client, &life);
        let (key, secret) = (addresses.agent_connect_key.clone(), addresses.agent_connect_secret.clone());
        let agent_connect = AgentConnect::new(options.seed, key, secret, floor.clone());
        let kustomer = Kustomer::new(addresses.kustomer_key.clone(), floor.clone());
        let steering = Steering { floor, hub, clarity, goodays, faults };
        let routers = [
            clarity::router(steering.clarity.clone(), steering.hub.clone(), steering.faults.clone()),
            goodays::router(steering.goodays.clone(), steering.floor.clone(), steering.faults.clone()),
            agent_connect::router(agent_connect.clone(), steering.faults.clone()),
            kustomer::router(kustomer, steering.faults.clone()),
            control::router(steering.clone()),
        ];
        for (listener, router) in listeners.into_iter().zip(routers) {
            life.spawn(serve(listener, router, life.clone()));
        }
        life.spawn(live(steering.clone(), agent_connect, life.clone()));
        if let Some(url) = options.webhook {
            steering.send_webhooks_to(url);
        }
        Ok(Self { addresses, steering })
    }

    /// Where the vendors listen and how to get in.
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

impl Addresses {
    fn new(bound: &[SocketAddr]) -> io::Result<Self> {
        let url =
            |index: usize, path: &str| Url::parse(&format!("http://{}{path}", bound[index])).map_err(io::Error::other);
        let secret = |kind: &str| Secret::from(format!("sandbox-{kind}"));
        Ok(Self {
            clarity_api: url(0, "/webapi/api")?,
            signalr_path: "/webapi/signalr",
            clarity_token: url(0, "/webauth/token")?,
            client_id: "0224C392-3845-4AC0-B1A0-D63706181BA7".to_owned(),
            jwt_key: secret("jwt-key-that-is-long-enough-for-hs256"),
            goodays_api: url(1, "/v2")?,
            goodays_token: secret("goodays-token"),
            goodays_hmac: secret("goodays-hmac"),
            agent_connect_api: url(2, "")?,
            agent_connect_key: secret("agent-connect-key"),
            agent_connect_secret: secret("agent-connect-secret"),
            kustomer_api: url(3, "")?,
            kustomer_key: secret("kustomer-key"),
            control: url(4, "/")?,
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
async fn live(steering: Steering, agent_connect: AgentConnect, life: Lifecycle) {
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
        agent_connect.step();
    }
}
