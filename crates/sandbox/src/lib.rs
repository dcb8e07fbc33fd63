//! A seeded, simulated contact center and the servers of the four upstreams in front of it, with fault injection.
//!
//! It implements the upstreams' documents independently of Callboard's own clients, so that a misreading in one of the
//! two shows up as a failed test. All servers listen on the loopback interface only. [`Control`] injects faults.

mod addresses;
mod agent_connect;
mod auth;
mod clarity;
mod contact_center;
mod control;
mod faults;
mod goodays;
mod kustomer;
mod signalr;
mod simulation;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use url::Url;

pub use addresses::Addresses;
pub use auth::Visibility;
use base::{Clock, Lifecycle};
pub use control::Control;
pub use faults::{FaultResponse, Upstream};
pub use signalr::Timeouts;

use agent_connect::AgentConnect;
use auth::Auth;
use clarity::{Clarity, Subscriptions};
use contact_center::ContactCenter;
use faults::Faults;
use goodays::Goodays;
use kustomer::Kustomer;
use signalr::Hub;
use simulation::Simulation;

/// How often the simulation advances and changes are pushed.
const TICK: Duration = Duration::from_millis(250);

/// Size, speed and ports of a sandbox.
#[derive(Debug, Clone)]
pub struct Options {
    /// Number of agents, at least 1.
    pub agents: u32,
    /// Number of queues, at least 1.
    pub queues: u32,
    /// Virtual seconds per real second.
    pub speed: f64,
    /// Seed of the random numbers: the same seed gives the same history.
    pub seed: u64,
    /// Target of the Goodays webhooks; [`Sandbox::send_goodays_webhooks_to`] sets it later.
    pub webhook: Option<Url>,
    /// Lifetime of Clarity's tokens.
    pub token_lifetime: Duration,
    /// SignalR's timeouts.
    pub timeouts: Timeouts,
    /// Ports of Clarity, Goodays, Agent Connect, Kustomer and the control API; 0 lets the system choose.
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

/// The true state of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSnapshot {
    /// The status in the spelling of metrics, such as `inCall`.
    pub status: String,
    /// Suspended agents are offered no contacts.
    pub suspended: bool,
    /// The contact that the agent handles or is offered.
    pub session: Option<i64>,
}

/// The true state of the contact center at one instant, for tests that compare it with what Callboard shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Agents by id.
    pub agents: BTreeMap<i64, AgentSnapshot>,
    /// Number of waiting contacts by queue.
    pub waiting: BTreeMap<i64, u64>,
    /// Queue of each open contact, by session id.
    pub sessions: BTreeMap<i64, i64>,
}

/// A running sandbox. It stops with the lifecycle that it was started with.
#[derive(Debug, Clone)]
pub struct Sandbox {
    addresses: Addresses,
    control: Control,
    kustomer: Kustomer,
}

impl Sandbox {
    /// Binds all servers and starts the simulation.
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
        let simulation = Simulation::new(
            ContactCenter::new(options.seed, options.agents, options.queues),
            options.speed,
            clock.clone(),
        );
        let hub = Hub::new(options.seed, options.timeouts, life.clone());
        let auth = Auth::new(
            simulation.clone(),
            clock,
            addresses.clarity_token.to_string(),
            addresses.client_id.clone(),
            addresses.jwt_key.clone(),
            options.token_lifetime,
        );
        let clarity = Clarity {
            simulation: simulation.clone(),
            auth,
            subscriptions: Subscriptions::new(hub.clone()),
            queue_metrics: Arc::default(),
        };
        let faults = Faults::default();
        let client = base::http::client().map_err(io::Error::other)?;
        let (token, hmac) = (addresses.goodays_token.clone(), addresses.goodays_hmac.clone());
        let goodays = Goodays::start(options.seed, token, hmac, client.clone(), &life);
        let (key, secret) = (addresses.agent_connect_key.clone(), addresses.agent_connect_secret.clone());
        let agent_connect = AgentConnect::new(options.seed, key, secret, simulation.clone());
        let (key, token) = (addresses.kustomer_key.clone(), addresses.kustomer_token.clone());
        let kustomer = Kustomer::start(key, token, simulation.clone(), client, &life);
        let control = Control { simulation, hub, clarity, goodays, faults };
        let routers = [
            clarity::router(control.clarity.clone(), control.hub.clone(), control.faults.clone()),
            goodays::router(control.goodays.clone(), control.simulation.clone(), control.faults.clone()),
            agent_connect::router(agent_connect.clone(), control.faults.clone()),
            kustomer::router(kustomer.clone(), control.faults.clone()),
            control::router(control.clone()),
        ];
        for (listener, router) in listeners.into_iter().zip(routers) {
            life.spawn(serve(listener, router, life.clone()));
        }
        life.spawn(run(control.clone(), agent_connect, kustomer.clone(), life.clone()));
        if let Some(url) = options.webhook {
            control.send_goodays_webhooks_to(url);
        }
        Ok(Self { addresses, control, kustomer })
    }

    /// Addresses and credentials of the servers.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The handle for fault injection.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Sets the target of the Goodays webhooks; undelivered ones are sent there too.
    pub fn send_goodays_webhooks_to(&self, url: Url) {
        self.control.send_goodays_webhooks_to(url);
    }

    /// Sets the target of the Kustomer webhooks; undelivered ones are sent there too.
    pub fn send_kustomer_webhooks_to(&self, url: Url) {
        self.kustomer.send_to(url);
    }

    /// The true state at this instant.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.control.simulation.read(|center, _| Snapshot {
            agents: (center.agents().values())
                .map(|agent| {
                    let state = AgentSnapshot {
                        status: agent.status.camel(),
                        suspended: agent.suspended,
                        session: agent.session,
                    };
                    (agent.id, state)
                })
                .collect(),
            waiting: center.queues().keys().map(|id| (*id, center.waiting(*id))).collect(),
            sessions: center.sessions().values().map(|session| (session.id, session.queue)).collect(),
        })
    }
}

async fn serve(listener: TcpListener, router: Router, life: Lifecycle) {
    let stopping = life.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move { stopping.stopping().await });
    if serving.await.is_err() {
        tracing::warn!("a sandbox server stopped before shutdown");
    }
}

/// Advances the simulation and passes its events to the servers.
async fn run(control: Control, agent_connect: AgentConnect, kustomer: Kustomer, life: Lifecycle) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = life.stopping() => return,
            _ = ticks.tick() => {}
        }
        let events = control.simulation.advance();
        control.hub.sweep();
        control.clarity.subscriptions.flush(&control.simulation, &events);
        control.goodays.follow(&control.simulation, &events);
        kustomer.follow(&events);
        agent_connect.step();
    }
}
