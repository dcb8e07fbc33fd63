//! Builds the world in the order in which it stands: the store, gold, what listens, what acts, what is seen, the door.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use jiff::SignedDuration;
use tokio::net::TcpListener;

use super::{Failure, gauges, memory, orders, upkeep};
use crate::actions::{FeedbackDesk, FeedbackRules, Overheard, SignIns, Supervision, Surveys};
use crate::actions::{sign_in, surveys};
use crate::base::{Clock, Lifecycle, Metrics, SourceClock, http};
use crate::config::{self, Auth, Config, Sending};
use crate::domain::{AgentId, Fact, Health, QueueId, SourceName, SourceState};
use crate::feeds::agent_connect::AgentConnectFeed;
use crate::feeds::goodays::{GoodaysFeed, Surroundings};
use crate::feeds::kustomer::KustomerFeed;
use crate::feeds::{Intake, clarity};
use crate::gold::join::{PlaceRule, Rules, VisitRules};
use crate::gold::{Closings, Day, Entity, Gold, Key, Reckoning, Reporter, rollup};
use crate::live::Hub;
use crate::store::{self, Store};
use crate::vendor::agent_connect::{AgentConnect, DataReturn};
use crate::vendor::clarity::{Clarity, TokenCheck};
use crate::vendor::goodays::{Goodays, Signatures};
use crate::vendor::kustomer;
use crate::web::access::{Access, Cookies, Displays, Entrance, Players};
use crate::web::boards::Boards;
use crate::web::layers::Settings;
use crate::web::ops::{Audience, Ops, Readiness};
use crate::web::origin::OriginRule;
use crate::web::peer::Proxies;
use crate::web::refusals::Refusals;
use crate::web::serve::{Limits, serve};
use crate::web::tls::{self, Tls};
use crate::web::{AppState, Handles, House, assets, router};

/// What pages and snapshots carry: another build means that a page should load itself anew. Other scripts or styles are
/// another build, whatever the version says.
static BUILD: LazyLock<String> = LazyLock::new(|| format!("{}-{}", env!("CARGO_PKG_VERSION"), assets::set_hash()));

/// Whether what is shown is real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Against real systems.
    Real,
    /// Against the sandbox.
    Demo,
}

/// A running server.
#[derive(Debug)]
pub struct World {
    /// Where it is reached.
    pub address: SocketAddr,
    /// The truth in memory.
    pub gold: Gold,
    /// What survives.
    pub store: Store,
    /// What has been counted.
    pub metrics: Metrics,
}

impl World {
    /// Builds and starts everything. It runs under `life` and ends with it; close the world after that.
    ///
    /// # Errors
    /// When the store cannot be opened or a configured system can never work as configured.
    pub async fn start(
        config: &Config,
        listener: TcpListener,
        manner: Manner,
        clock: Clock,
        life: &Lifecycle,
    ) -> Result<Self, Failure> {
        Self::start_with(config, listener, manner, None, clock, life).await
    }

    /// The same, with people whom one may come in as.
    ///
    /// # Errors
    /// The same.
    pub async fn start_with(
        config: &Config,
        listener: TcpListener,
        manner: Manner,
        players: Option<Players>,
        clock: Clock,
        life: &Lifecycle,
    ) -> Result<Self, Failure> {
        let address =
            listener.local_addr().map_err(|error| Failure::World(format!("The listener is gone: {error}.")))?;
        let metrics = Metrics::new(clock.clone());
        let tls = open_tls(config, &clock)?;
        let store = open_store(config, clock.clone()).await?;
        let day = Day { zone: config.server.time_zone.clone(), starts: config.server.day_starts };
        let reckoning = Reckoning { day, limits: limits(config) };
        let gold = Gold::start(rules(config), reckoning, clock.clone(), life);
        let hub = Hub::start(gold.clone(), BUILD.as_str(), config.access.scopes, life);

        let signatures = config
            .goodays
            .as_ref()
            .map(|goodays| Signatures::new(goodays.hmac_secrets.iter().cloned(), goodays.allow_unsigned));
        let tokens = config.kustomer.as_ref().and_then(|kustomer| kustomer.webhook_secret.clone());
        let tokens = tokens.map(|token| kustomer::Signatures::new([token]));
        let intake = Intake::new(store.clone(), signatures, tokens, metrics.clone());
        let parts = Parts { config, gold: &gold, metrics: &metrics, clock: &clock, life };
        let clarity = parts.listen_to_clarity()?;
        let displays = Displays::open(store.clone(), clock.clone());
        let displays = displays.await.map_err(|error| Failure::World(error.to_string()))?;
        let access = parts.open_the_door(&store, clarity.clone(), displays.clone(), players).await;
        let supervision = clarity.clone().map(|vendor| parts.supervise(&store, vendor, manner));
        let feedback = parts.listen_to_goodays(&store, &intake, manner)?;
        let (surveys, closings) = parts.speak_to_agent_connect(&store)?;
        parts.watch_ended_sessions(&store, clarity, closings.as_ref());
        parts.listen_to_kustomer(&intake, closings)?;
        parts.switch_off_the_rest().await;

        let state = AppState::from(Handles {
            access,
            hub,
            intake,
            surveys,
            supervision,
            feedback,
            boards: Boards::new(config.wallboards.clone(), gold.clone()),
            metrics: metrics.clone(),
            clock: clock.clone(),
            life: life.clone(),
            house: Arc::new(House {
                time_zone: config.server.time_zone.clone(),
                origin: OriginRule::new(config.server.public_url.as_ref()),
                demo: manner == Manner::Demo,
                queue_metrics: config.clarity.as_ref().map(|clarity| clarity.queue_metrics.clone()).unwrap_or_default(),
            }),
        });
        let settings = Settings {
            public_url: config.server.public_url.clone(),
            token_origins: config.access.token_origins.clone(),
            proxies: Proxies::new(&config.server.trusted_proxies),
            sockets_per_address: config.server.sockets_per_address,
            painter: crate::web::screens::paint_problem,
            ..Settings::default()
        };
        life.spawn_service(gauges::keep(gold.clone(), store.clone(), metrics.clone(), clock.clone()));
        let copies = config.store.backups_kept > 0;
        let every = config.store.backup_interval;
        let (uncopied, told) = tokio::sync::watch::channel(None);
        life.spawn_service(upkeep::keep(store.clone(), gold.clone(), every, copies, uncopied, clock.clone()));
        life.spawn_service(upkeep::tell_of_the_disk(store.clone(), gold.clone(), told, clock.clone()));
        life.spawn(memory::keep(store.clone(), gold.clone(), life.clone()));
        life.spawn_service(upkeep::watch_the_disk(store.clone(), life.clone()));
        let hall = orders::Hall { store: store.clone(), gold: gold.clone(), displays };
        life.spawn(orders::take(config.server.data_dir.clone(), hall, life.clone()));
        let audience = if config.server.open_metrics { Audience::Everybody } else { Audience::ThisMachine };
        let ops = ops(&gold, &store, &metrics, life, audience);
        if let Some(tls) = tls.clone() {
            life.spawn_service(tls.follow_files(tls::LOOK_EVERY, store.clone()));
        }
        life.spawn(serve(
            listener,
            tls,
            router(state, ops, &settings),
            Limits::default(),
            metrics.clone(),
            life.clone(),
        ));
        Ok(Self { address, gold, store, metrics })
    }

    /// Writes what still waits and closes the store. Call it when everything that runs has ended.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

struct Parts<'a> {
    config: &'a Config,
    gold: &'a Gold,
    metrics: &'a Metrics,
    clock: &'a Clock,
    life: &'a Lifecycle,
}

impl Parts<'_> {
    /// One client for all who ask: there is one sign-in, and one who is left in peace when Clarity wants to be.
    fn listen_to_clarity(&self) -> Result<Option<Clarity>, Failure> {
        let Some(config) = &self.config.clarity else { return Ok(None) };
        let vendor = clarity::settings::client(config, self.clock).map_err(Failure::Usage)?;
        let reporter = self.reporter(SourceName::Clarity).with(vendor.clock().clone());
        let feed = clarity::ClarityFeed::new(vendor.clone(), config, self.gold.clone(), reporter);
        self.life.spawn(feed.run(self.life.clone()));
        Ok(Some(vendor))
    }

    fn supervise(&self, store: &Store, vendor: Clarity, manner: Manner) -> Supervision {
        let (store, gold, metrics) = (store.clone(), self.gold.clone(), self.metrics.clone());
        Supervision::open(store, gold, vendor, manner == Manner::Demo, metrics, self.life.clone())
    }

    async fn open_the_door(
        &self,
        store: &Store,
        vendor: Option<Clarity>,
        displays: Displays,
        players: Option<Players>,
    ) -> Access {
        let access = &self.config.access;
        let entrance = match (access.sign_in, self.config.clarity.as_ref().zip(vendor)) {
            (config::SignIn::None, _) => Entrance::Open,
            (config::SignIn::Clarity, None) => Entrance::Shut,
            (config::SignIn::Clarity, Some((clarity, vendor))) => {
                let named = |people: &config::People| sign_in::Named::new(&people.agents, &people.groups);
                let audience =
                    Some(&clarity.jwt_audience).filter(|said| !said.is_empty()).unwrap_or(&clarity.client_id);
                let check = clarity.jwt_key.as_ref().map(|key| TokenCheck::new(key, &clarity.jwt_issuer, audience));
                let rules = sign_in::Rules {
                    roles: sign_in::Roles {
                        administrators: named(&access.administrators),
                        supervisors: named(&access.supervisors),
                        team_leads: named(&access.team_leads),
                    },
                    idle: access.idle,
                    longest: access.longest,
                    confirm_every: access.confirm_every,
                    unconfirmed_for: access.unconfirmed_for,
                    sockets: access.sockets,
                    check,
                    domain: clarity.domain.clone(),
                    method: if clarity.auth == Auth::Ntlm {
                        windows_auth::Method::Ntlm
                    } else {
                        windows_auth::Method::Negotiate
                    },
                    kdc: Some(clarity.kdc.clone()).filter(|kdc| !kdc.is_empty()),
                };
                let (gold, clock, life) = (self.gold.clone(), self.clock.clone(), self.life.clone());
                let sign_ins =
                    SignIns::open(vendor, gold, rules, clock, life, store.clone(), self.metrics.clone()).await;
                match players {
                    Some(players) => Entrance::Demo(sign_ins, players),
                    None => Entrance::Clarity(sign_ins),
                }
            }
        };
        let is_secure = self.config.server.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let refusals = Refusals::start(store.clone(), self.metrics.clone(), self.life);
        Access::new(entrance, Cookies::new(is_secure), displays, store.clone(), refusals)
    }

    fn listen_to_goodays(
        &self,
        store: &Store,
        intake: &Intake,
        manner: Manner,
    ) -> Result<Option<FeedbackDesk>, Failure> {
        let Some(config) = &self.config.goodays else { return Ok(None) };
        let clock = SourceClock::new(self.clock.clone());
        let vendor = Goodays::new(client()?, &config.api_root, &config.api_token)
            .map_err(|error| Failure::Usage(error.to_string()))?
            .measured_by(clock.clone());
        let rules = FeedbackRules { external_sources: config.external_sources.clone(), demo: manner == Manner::Demo };
        let (desk, overheard) = FeedbackDesk::open(
            store.clone(),
            self.gold.clone(),
            vendor.clone(),
            rules,
            self.clock,
            self.metrics,
            self.life,
        );
        let Overheard { found, trouble } = overheard;
        let reporter = self.reporter(SourceName::Goodays).with(clock.clone());
        let around = Surroundings { vendor, clock, silence_alarm: config.silence_alarm, found, trouble };
        let feed = GoodaysFeed::new(intake.clone(), self.gold.clone(), reporter, around)
            .in_zone(self.config.server.time_zone.clone());
        self.life.spawn(feed.run(self.life.clone()));
        Ok(Some(desk))
    }

    /// The desk where surveys are asked for, the way to whoever considers whom to ask, and whoever reads results.
    fn speak_to_agent_connect(&self, store: &Store) -> Result<(Option<Surveys>, Option<Closings>), Failure> {
        let Some(config) = self.config.agent_connect.as_ref() else { return Ok((None, None)) };
        let Some(key) = config.api_key.as_ref() else { return Ok((None, None)) };
        let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
        let clock = SourceClock::new(self.clock.clone());
        let vendor = AgentConnect::new(client()?, &config.api_root, key).map_err(|error| usage(&error))?;
        let vendor = vendor.measured_by(clock.clone());
        let by_custom_id: HashMap<String, AgentId> =
            self.config.join.employees.iter().map(|link| (link.custom_id.clone(), AgentId(link.agent_id))).collect();
        let mut reporter = self.reporter(SourceName::AgentConnect).with(clock.clone());
        let mut rounds = None;
        if let Some(secret) = &config.api_secret {
            let data =
                DataReturn::new(client()?, &config.api_root, key, secret, clock).map_err(|error| usage(&error))?;
            let (store, gold) = (store.clone(), self.gold.clone());
            let feed = AgentConnectFeed::new(data, config, by_custom_id.clone(), store, gold, reporter.beside())
                .in_zone(self.config.server.time_zone.clone());
            rounds = Some(feed.rounds());
            self.life.spawn(feed.run(self.life.clone()));
        }
        let kustomer = self.config.kustomer.as_ref();
        let rules = surveys::Rules {
            by_custom_id,
            sessions: config.send,
            conversations: kustomer.map(|kustomer| kustomer.send).unwrap_or_default(),
            each_done: kustomer.is_some_and(|kustomer| kustomer.ask == config::Ask::EachDone),
            ask_within: config.ask_within,
            closed_within: SignedDuration::try_from(self.config.join.closed_within).unwrap_or(SignedDuration::ZERO),
            look_up_window: config.look_up_window,
            rounds,
        };
        let (closings, helped) = Closings::new();
        let (store, gold) = (store.clone(), self.gold.clone());
        let desk = Surveys::open(store, gold, vendor, rules, helped, reporter, self.clock, self.metrics, self.life);
        Ok((Some(desk), Some(closings)))
    }

    /// What a session was is asked of Clarity when it ends, and when feedback names one that is not known: only where
    /// somebody wants to know, for each is a question to Clarity.
    fn watch_ended_sessions(&self, store: &Store, vendor: Option<Clarity>, closings: Option<&Closings>) {
        let Some(vendor) = vendor else { return };
        let surveys = self.config.agent_connect.clone().unwrap_or_default();
        let closings = closings.filter(|_| surveys.send != Sending::Off);
        let feedback_comes = self.config.goodays.is_some();
        if closings.is_none() && !feedback_comes {
            return;
        }
        let rules = clarity::EndRules {
            agent: surveys.agent,
            email_items: surveys.email_items,
            conversation_item: self.config.join.session_conversation_item.clone(),
            federated_domains: self.config.join.federated_domains.clone(),
        };
        let (gold, clock) = (self.gold.clone(), self.clock.clone());
        if feedback_comes {
            let (vendor, gold, rules) = (vendor.clone(), gold.clone(), rules.clone());
            self.life.spawn(clarity::SessionLookUps::new(vendor, gold, rules).run(self.life.clone()));
        }
        let ends = clarity::SessionEnds::new(vendor, gold, closings.cloned(), rules, store.clone(), clock);
        self.life.spawn(ends.run(self.life.clone()));
    }

    fn listen_to_kustomer(&self, intake: &Intake, closings: Option<Closings>) -> Result<(), Failure> {
        let Some(config) = &self.config.kustomer else { return Ok(()) };
        let clock = SourceClock::new(self.clock.clone());
        let vendor = match &config.api_key {
            Some(key) => Some(
                kustomer::Kustomer::new(client()?, &config.api_root, key)
                    .map_err(|error| Failure::Usage(error.to_string()))?
                    .measured_by(clock.clone()),
            ),
            None => None,
        };
        let reporter = self.reporter(SourceName::Kustomer).with(clock.clone());
        let feed = KustomerFeed::new(intake.clone(), vendor, closings, config, reporter)
            .in_zone(self.config.server.time_zone.clone());
        self.life.spawn(feed.run(self.life.clone()));
        Ok(())
    }

    /// Pages say of a system that is not configured that it is switched off.
    async fn switch_off_the_rest(&self) {
        for name in SourceName::ALL {
            let config = self.config;
            let missing = match name {
                SourceName::Clarity if config.clarity.is_none() => "[clarity]",
                SourceName::Goodays if config.goodays.is_none() => "[goodays]",
                SourceName::AgentConnect if config.agent_connect.is_none() => "[agent_connect]",
                SourceName::AgentConnect if config.agent_connect.as_ref().is_some_and(|it| it.api_key.is_none()) => {
                    "api_key or api_key_file in [agent_connect]"
                }
                SourceName::Kustomer if config.kustomer.is_none() => "[kustomer]",
                _ => continue,
            };
            let mut health = Health::new(SourceState::Off, self.clock.now());
            health.reason = Some(format!("Not connected. Add {missing} to the configuration.").into());
            self.metrics.source_up(name.as_str(), false);
            self.gold.tell(Fact::Source(name, health)).await;
        }
    }

    fn reporter(&self, name: SourceName) -> Reporter {
        Reporter::new(name, self.gold.clone(), self.metrics.clone(), self.clock.clone())
    }
}

fn client() -> Result<http::Client, Failure> {
    http::client().map_err(|error| Failure::World(format!("TLS cannot be set up: {error}.")))
}

pub(super) fn open_tls(config: &Config, clock: &Clock) -> Result<Option<Tls>, Failure> {
    let files = config.server.tls.as_ref();
    files.map(|files| Tls::open(files, clock.clone())).transpose().map_err(|error| Failure::Usage(error.to_string()))
}

/// Opens what must survive, as it is configured. A directory that others can enter is refused as a secret file is: what
/// customers said is in it, and the socket by which commands reach the server.
pub(super) async fn open_store(config: &Config, clock: Clock) -> Result<Store, Failure> {
    store::check_directory(&config.server.data_dir).map_err(|error| Failure::World(error.to_string()))?;
    let (directory, settings) = (config.server.data_dir.clone(), upkeep::settings(config));
    let opened = tokio::task::spawn_blocking(move || Store::open_with(&directory, clock, settings)).await;
    match opened {
        Ok(Ok(store)) => Ok(store),
        Ok(Err(error)) => Err(Failure::World(error.to_string())),
        Err(error) => Err(Failure::World(format!("The store could not be opened: {error}."))),
    }
}

fn rules(config: &Config) -> Rules {
    let (join, keys) = (&config.join, &config.join.goodays_extra_keys);
    let places = join
        .places
        .iter()
        .map(|place| (place.partner_id.clone(), PlaceRule { queue: Some(QueueId(place.queue_id)), team: None }));
    Rules {
        session_keys: vec![keys.session_id.clone()],
        conversation_keys: vec![keys.conversation_id.clone()],
        places: places.collect(),
        visits: VisitRules {
            date_key: keys.visit_date.clone(),
            time_key: keys.visit_time.clone(),
            zone: config.server.time_zone.clone(),
            window: SignedDuration::try_from(join.visit_window).unwrap_or(SignedDuration::ZERO),
        },
    }
}

fn limits(config: &Config) -> rollup::Limits {
    let goodays = config.goodays.as_ref();
    let within = goodays.map(|goodays| goodays.answer_within).unwrap_or_default();
    let open = goodays.and_then(|goodays| goodays.count_hours.clone());
    let hours = open.map(|open| Arc::new(rollup::Hours { open, zone: config.server.time_zone.clone() }));
    let time = |duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    rollup::Limits { alert: time(within.alert), problem: time(within.problem), rest: time(within.rest), hours }
}

fn ops(gold: &Gold, store: &Store, metrics: &Metrics, life: &Lifecycle, audience: Audience) -> Ops {
    let (gold, store, life) = (gold.clone(), store.clone(), life.clone());
    let readiness = move || {
        let state = |name: SourceName| match gold.copy().get(&Key::Source(name)).as_deref() {
            Some(Entity::Source(health)) => Some((name.as_str(), health.state.as_str())),
            _ => None,
        };
        let sources: std::collections::BTreeMap<_, _> = SourceName::ALL.into_iter().filter_map(state).collect();
        let trouble = store.trouble();
        Readiness {
            store: trouble.is_none(),
            store_trouble: trouble.map(|trouble| trouble.to_string()),
            // Every source has said how it is: whatever they can tell is there, or pages say why not.
            gold: sources.len() == SourceName::ALL.len(),
            stopping: life.is_stopping(),
            sources,
        }
    };
    Ops { readiness: Arc::new(readiness), metrics: metrics.clone(), audience }
}
