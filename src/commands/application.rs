//! Builds the world in the order in which it stands: the store, gold, what listens, what acts, what is seen, the door.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use jiff::SignedDuration;
use tokio::net::TcpListener;

use super::{CommandError, admin_socket, gauges, maintenance};
use crate::actions::{FeedbackActions, FeedbackRules, FeedbackSignals, SignIns, SupervisorActions, Surveys};
use crate::actions::{sign_in, surveys};
use crate::config::{self, Auth, Config, Sending};
use crate::domain::{AgentId, Fact, Health, QueueId, SourceName, SourceState};
use crate::feeds::agent_connect::AgentConnectFeed;
use crate::feeds::goodays::{GoodaysFeed, GoodaysInputs};
use crate::feeds::kustomer::KustomerFeed;
use crate::feeds::{Intake, clarity, session_history};
use crate::gold::join::{MatchRules, PlaceRule, VisitRules};
use crate::gold::{BusinessDay, EndedInteractions, Entity, Gold, Key, Reporter, RollupSettings, rollup};
use crate::live::Hub;
use crate::store::Store;
use crate::upstream::agent_connect::{AgentConnect, DataReturn};
use crate::upstream::clarity::{Clarity, TokenVerifier};
use crate::upstream::goodays::{Goodays, Signatures};
use crate::upstream::kustomer;
use crate::web::access::{Access, AuthMode, Cookies, DemoTokens, Displays};
use crate::web::client_ip::TrustedProxies;
use crate::web::layers::Settings;
use crate::web::ops::{MetricsAccess, Ops, Readiness};
use crate::web::origin::OriginRule;
use crate::web::refusals::RefusalAudit;
use crate::web::serve::{Limits, serve};
use crate::web::tls::{self, Tls};
use crate::web::wallboards::Wallboards;
use crate::web::{AppState, Handles, SiteSettings, assets, router};
use base::{Clock, Lifecycle, Metrics, SourceClock, http};

/// What pages and snapshots carry: another build means that a page should load itself anew. Other scripts or styles are
/// another build, whatever the version says.
static BUILD: LazyLock<String> = LazyLock::new(|| format!("{}-{}", env!("CARGO_PKG_VERSION"), assets::set_hash()));

/// Whether what is shown is real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// Against real systems.
    Serve,
    /// Against the sandbox.
    Demo,
}

/// A running server.
#[derive(Debug)]
pub struct Application {
    /// Where it is reached.
    pub address: SocketAddr,
    /// The truth in memory.
    pub gold: Gold,
    /// What survives.
    pub store: Store,
    /// What has been counted.
    pub metrics: Metrics,
}

impl Application {
    /// Builds and starts everything. It runs under `life` and ends with it; close the world after that.
    ///
    /// # Errors
    /// When the store cannot be opened or a configured system can never work as configured.
    pub async fn start(
        config: &Config,
        listener: TcpListener,
        manner: RunMode,
        clock: Clock,
        life: &Lifecycle,
    ) -> Result<Self, CommandError> {
        Self::start_with(config, listener, manner, None, clock, life).await
    }

    /// The same, with people whom one may come in as.
    ///
    /// # Errors
    /// The same.
    pub async fn start_with(
        config: &Config,
        listener: TcpListener,
        manner: RunMode,
        players: Option<DemoTokens>,
        clock: Clock,
        life: &Lifecycle,
    ) -> Result<Self, CommandError> {
        let address =
            listener.local_addr().map_err(|error| CommandError::Runtime(format!("The listener is gone: {error}.")))?;
        let metrics = Metrics::new(clock.clone());
        let tls = open_tls(config, &clock)?;
        let store = open_store(config, clock.clone()).await?;
        let day = BusinessDay { zone: config.server.time_zone.clone(), starts: config.server.day_starts };
        let reckoning = RollupSettings { day, reply_targets: limits(config) };
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
        let displays = displays.await.map_err(|error| CommandError::Runtime(error.to_string()))?;
        let access = parts.open_the_door(&store, clarity.clone(), displays.clone(), players).await;
        let supervision = clarity.clone().map(|upstream| parts.supervise(&store, upstream, manner));
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
            wallboards: Wallboards::new(config.wallboards.clone(), gold.clone()),
            metrics: metrics.clone(),
            clock: clock.clone(),
            life: life.clone(),
            site: Arc::new(SiteSettings {
                time_zone: config.server.time_zone.clone(),
                origin: OriginRule::new(config.server.public_url.as_ref()),
                demo: manner == RunMode::Demo,
                queue_metrics: config.clarity.as_ref().map(|clarity| clarity.queue_metrics.clone()).unwrap_or_default(),
            }),
        });
        let settings = Settings {
            public_url: config.server.public_url.clone(),
            token_origins: config.access.token_origins.clone(),
            proxies: TrustedProxies::new(&config.server.trusted_proxies),
            sockets_per_address: config.server.sockets_per_address,
            problem_page: crate::web::page_handlers::problem_page,
            ..Settings::default()
        };
        life.spawn_service(gauges::keep(gold.clone(), store.clone(), metrics.clone(), clock.clone()));
        let copies = config.store.backups_kept > 0;
        let every = config.store.backup_interval;
        let (uncopied, told) = tokio::sync::watch::channel(None);
        life.spawn_service(maintenance::keep(store.clone(), gold.clone(), every, copies, uncopied, clock.clone()));
        life.spawn_service(maintenance::tell_of_the_disk(store.clone(), gold.clone(), told, clock.clone()));
        life.spawn(session_history::run(store.clone(), gold.clone(), life.clone()));
        life.spawn_service(maintenance::watch_the_disk(store.clone(), life.clone()));
        let hall = admin_socket::Hall { store: store.clone(), gold: gold.clone(), displays };
        life.spawn(admin_socket::take(config.server.data_dir.clone(), hall, life.clone()));
        let metrics_access = if config.server.open_metrics { MetricsAccess::Anyone } else { MetricsAccess::LocalOnly };
        let ops = ops(&gold, &store, &metrics, life, metrics_access);
        if let Some(tls) = tls.clone() {
            life.spawn_service(tls.watch_files(tls::CHECK_INTERVAL, store.clone()));
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
    fn listen_to_clarity(&self) -> Result<Option<Clarity>, CommandError> {
        let Some(config) = &self.config.clarity else { return Ok(None) };
        let upstream = clarity::settings::client(config, self.clock).map_err(CommandError::Usage)?;
        let reporter = self.reporter(SourceName::Clarity).with(upstream.clock().clone());
        let feed = clarity::ClarityFeed::new(upstream.clone(), config, self.gold.clone(), reporter);
        self.life.spawn(feed.run(self.life.clone()));
        Ok(Some(upstream))
    }

    fn supervise(&self, store: &Store, upstream: Clarity, manner: RunMode) -> SupervisorActions {
        let (store, gold, metrics) = (store.clone(), self.gold.clone(), self.metrics.clone());
        SupervisorActions::open(store, gold, upstream, manner == RunMode::Demo, metrics, self.life.clone())
    }

    async fn open_the_door(
        &self,
        store: &Store,
        upstream: Option<Clarity>,
        displays: Displays,
        players: Option<DemoTokens>,
    ) -> Access {
        let access = &self.config.access;
        let auth_mode = match (access.sign_in, self.config.clarity.as_ref().zip(upstream)) {
            (config::SignIn::None, _) => AuthMode::Disabled,
            (config::SignIn::Clarity, None) => AuthMode::Unavailable,
            (config::SignIn::Clarity, Some((clarity, upstream))) => {
                let named = |people: &config::People| sign_in::RoleMembers::new(&people.agents, &people.groups);
                let audience =
                    Some(&clarity.jwt_audience).filter(|said| !said.is_empty()).unwrap_or(&clarity.client_id);
                let check = clarity.jwt_key.as_ref().map(|key| TokenVerifier::new(key, &clarity.jwt_issuer, audience));
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
                    SignIns::open(upstream, gold, rules, clock, life, store.clone(), self.metrics.clone()).await;
                match players {
                    Some(players) => AuthMode::Demo(sign_ins, players),
                    None => AuthMode::Clarity(sign_ins),
                }
            }
        };
        let is_secure = self.config.server.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let refusals = RefusalAudit::start(store.clone(), self.metrics.clone(), self.life);
        Access::new(auth_mode, Cookies::new(is_secure), displays, store.clone(), refusals)
    }

    fn listen_to_goodays(
        &self,
        store: &Store,
        intake: &Intake,
        manner: RunMode,
    ) -> Result<Option<FeedbackActions>, CommandError> {
        let Some(config) = &self.config.goodays else { return Ok(None) };
        let clock = SourceClock::new(self.clock.clone());
        let upstream = Goodays::new(client()?, &config.api_root, &config.api_token)
            .map_err(|error| CommandError::Usage(error.to_string()))?
            .with_clock(clock.clone());
        let rules = FeedbackRules { external_sources: config.external_sources.clone(), demo: manner == RunMode::Demo };
        let (desk, overheard) = FeedbackActions::open(
            store.clone(),
            self.gold.clone(),
            upstream.clone(),
            rules,
            self.clock,
            self.metrics,
            self.life,
        );
        let FeedbackSignals { responses: found, outage: trouble } = overheard;
        let reporter = self.reporter(SourceName::Goodays).with(clock.clone());
        let around = GoodaysInputs { upstream, clock, silence_alarm: config.silence_alarm, found, trouble };
        let feed = GoodaysFeed::new(intake.clone(), self.gold.clone(), reporter, around)
            .with_time_zone(self.config.server.time_zone.clone());
        self.life.spawn(feed.run(self.life.clone()));
        Ok(Some(desk))
    }

    /// The desk where surveys are asked for, the way to whoever considers whom to ask, and whoever reads results.
    fn speak_to_agent_connect(
        &self,
        store: &Store,
    ) -> Result<(Option<Surveys>, Option<EndedInteractions>), CommandError> {
        let Some(config) = self.config.agent_connect.as_ref() else { return Ok((None, None)) };
        let Some(key) = config.api_key.as_ref() else { return Ok((None, None)) };
        let usage = |error: &dyn std::fmt::Display| CommandError::Usage(error.to_string());
        let clock = SourceClock::new(self.clock.clone());
        let upstream = AgentConnect::new(client()?, &config.api_root, key).map_err(|error| usage(&error))?;
        let upstream = upstream.with_clock(clock.clone());
        let by_custom_id: HashMap<String, AgentId> =
            self.config.join.employees.iter().map(|link| (link.custom_id.clone(), AgentId(link.agent_id))).collect();
        let mut reporter = self.reporter(SourceName::AgentConnect).with(clock.clone());
        let mut rounds = None;
        if let Some(secret) = &config.api_secret {
            let data =
                DataReturn::new(client()?, &config.api_root, key, secret, clock).map_err(|error| usage(&error))?;
            let (store, gold) = (store.clone(), self.gold.clone());
            let feed = AgentConnectFeed::new(data, config, by_custom_id.clone(), store, gold, reporter.sibling())
                .with_time_zone(self.config.server.time_zone.clone());
            rounds = Some(feed.completed_polls());
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
        let (closings, helped) = EndedInteractions::new();
        let (store, gold) = (store.clone(), self.gold.clone());
        let desk = Surveys::open(store, gold, upstream, rules, helped, reporter, self.clock, self.metrics, self.life);
        Ok((Some(desk), Some(closings)))
    }

    /// What a session was is asked of Clarity when it ends, and when feedback names one that is not known: only where
    /// somebody wants to know, for each is a question to Clarity.
    fn watch_ended_sessions(&self, store: &Store, upstream: Option<Clarity>, closings: Option<&EndedInteractions>) {
        let Some(upstream) = upstream else { return };
        let surveys = self.config.agent_connect.clone().unwrap_or_default();
        let closings = closings.filter(|_| surveys.send != Sending::Off);
        let feedback_comes = self.config.goodays.is_some();
        if closings.is_none() && !feedback_comes {
            return;
        }
        let rules = clarity::EndedSessionRules {
            agent: surveys.agent,
            email_items: surveys.email_items,
            conversation_item: self.config.join.session_conversation_item.clone(),
            federated_domains: self.config.join.federated_domains.clone(),
        };
        let (gold, clock) = (self.gold.clone(), self.clock.clone());
        if feedback_comes {
            let (upstream, gold, rules) = (upstream.clone(), gold.clone(), rules.clone());
            self.life.spawn(clarity::SessionLookup::new(upstream, gold, rules).run(self.life.clone()));
        }
        let ends = clarity::EndedSessions::new(upstream, gold, closings.cloned(), rules, store.clone(), clock);
        self.life.spawn(ends.run(self.life.clone()));
    }

    fn listen_to_kustomer(&self, intake: &Intake, closings: Option<EndedInteractions>) -> Result<(), CommandError> {
        let Some(config) = &self.config.kustomer else { return Ok(()) };
        let clock = SourceClock::new(self.clock.clone());
        let upstream = match &config.api_key {
            Some(key) => Some(
                kustomer::Kustomer::new(client()?, &config.api_root, key)
                    .map_err(|error| CommandError::Usage(error.to_string()))?
                    .with_clock(clock.clone()),
            ),
            None => None,
        };
        let reporter = self.reporter(SourceName::Kustomer).with(clock.clone());
        let feed = KustomerFeed::new(intake.clone(), upstream, closings, config, reporter)
            .with_time_zone(self.config.server.time_zone.clone());
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
            self.gold.apply(Fact::Source(name, health)).await;
        }
    }

    fn reporter(&self, name: SourceName) -> Reporter {
        Reporter::new(name, self.gold.clone(), self.metrics.clone(), self.clock.clone())
    }
}

fn client() -> Result<http::Client, CommandError> {
    http::client().map_err(|error| CommandError::Runtime(format!("TLS cannot be set up: {error}.")))
}

pub(super) fn open_tls(config: &Config, clock: &Clock) -> Result<Option<Tls>, CommandError> {
    let files = config.server.tls.as_ref();
    files
        .map(|files| Tls::open(files, clock.clone()))
        .transpose()
        .map_err(|error| CommandError::Usage(error.to_string()))
}

/// Opens what must survive, as it is configured. A directory that others can enter is refused as a secret file is: what
/// customers said is in it, and the socket by which commands reach the server.
pub(super) async fn open_store(config: &Config, clock: Clock) -> Result<Store, CommandError> {
    let (directory, settings) = (config.server.data_dir.clone(), maintenance::settings(config));
    let opened = tokio::task::spawn_blocking(move || Store::open_with(&directory, clock, settings)).await;
    match opened {
        Ok(Ok(store)) => Ok(store),
        Ok(Err(error)) => Err(CommandError::Runtime(error.to_string())),
        Err(error) => Err(CommandError::Runtime(format!("The store could not be opened: {error}."))),
    }
}

fn rules(config: &Config) -> MatchRules {
    let (join, keys) = (&config.join, &config.join.goodays_extra_keys);
    let places = join
        .places
        .iter()
        .map(|place| (place.partner_id.clone(), PlaceRule { queue: Some(QueueId(place.queue_id)), team: None }));
    MatchRules {
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

fn limits(config: &Config) -> rollup::ReplyTargets {
    let goodays = config.goodays.as_ref();
    let within = goodays.map(|goodays| goodays.answer_within).unwrap_or_default();
    let open = goodays.and_then(|goodays| goodays.count_hours.clone());
    let hours = open.map(|open| Arc::new(rollup::BusinessHours { open, zone: config.server.time_zone.clone() }));
    let time = |duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    rollup::ReplyTargets { alert: time(within.alert), problem: time(within.problem), rest: time(within.rest), hours }
}

fn ops(gold: &Gold, store: &Store, metrics: &Metrics, life: &Lifecycle, metrics_access: MetricsAccess) -> Ops {
    let (gold, store, life) = (gold.clone(), store.clone(), life.clone());
    let readiness = move || {
        let state = |name: SourceName| match gold.copy().get(&Key::Source(name)).as_deref() {
            Some(Entity::Source(health)) => Some((name.as_str(), health.state.as_str())),
            _ => None,
        };
        let sources: std::collections::BTreeMap<_, _> = SourceName::ALL.into_iter().filter_map(state).collect();
        let trouble = store.probe_write_error();
        Readiness {
            store: trouble.is_none(),
            store_trouble: trouble.map(|trouble| trouble.to_string()),
            // Every source has said how it is: whatever they can tell is there, or pages say why not.
            gold: sources.len() == SourceName::ALL.len(),
            stopping: life.is_stopping(),
            sources,
        }
    };
    Ops { readiness: Arc::new(readiness), metrics: metrics.clone(), metrics_access }
}
