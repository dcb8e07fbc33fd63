//! The application: opens the store, starts gold, the feeds, the actions, the live hub and the web server, in this
//! order.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use tokio::net::TcpListener;

use super::admin_handler::AdminHandler;
use super::error::CommandError;
use super::resources::{open_store, open_tls};
use super::wiring::Wiring;
use super::{admin_socket, gauges, maintenance, settings};
use crate::actions::Displays;
use crate::config::Config;
use crate::domain::SourceName;
use crate::feeds::{Intake, session_history};
use crate::gold::{Entity, Gold, Key};
use crate::live::Hub;
use crate::store::Store;
use crate::upstream::{goodays, kustomer};
use crate::web::access::DemoTokens;
use crate::web::client_ip::TrustedProxies;
use crate::web::layers::Settings;
use crate::web::ops::{MetricsAccess, Ops, Readiness};
use crate::web::origin::OriginRule;
use crate::web::serve::{Limits, serve};
use crate::web::tls;
use crate::web::wallboards::Wallboards;
use crate::web::{AppState, Handles, SiteSettings, assets, router};
use base::{Clock, Lifecycle, Metrics};

/// The build, in pages and snapshots: a page of another build reloads itself. Changed scripts or styles are another
/// build, whatever the version says.
static BUILD: LazyLock<String> = LazyLock::new(|| format!("{}-{}", env!("CARGO_PKG_VERSION"), assets::set_hash()));

/// Whether the upstream systems are real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// Real upstream systems.
    Serve,
    /// The sandbox.
    Demo,
}

/// A running server.
#[derive(Debug)]
pub struct Application {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// The gold copy: state in memory.
    pub gold: Gold,
    /// The database.
    pub store: Store,
    /// All metrics.
    pub metrics: Metrics,
}

impl Application {
    /// Builds and starts everything. It runs until `life` is shut down; call [`close`](Self::close) after that.
    ///
    /// # Errors
    /// When the store cannot be opened, or a configured system can never work as configured.
    pub async fn start(
        config: &Config,
        listener: TcpListener,
        mode: RunMode,
        clock: Clock,
        life: &Lifecycle,
    ) -> Result<Self, CommandError> {
        Self::build(config, listener, mode, None, clock, life).await
    }

    /// [`start`](Self::start) in [`RunMode::Demo`], with tokens for login with one click.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_demo(
        config: &Config,
        listener: TcpListener,
        tokens: DemoTokens,
        clock: Clock,
        life: &Lifecycle,
    ) -> Result<Self, CommandError> {
        Self::build(config, listener, RunMode::Demo, Some(tokens), clock, life).await
    }

    async fn build(
        config: &Config,
        listener: TcpListener,
        mode: RunMode,
        demo_tokens: Option<DemoTokens>,
        clock: Clock,
        life: &Lifecycle,
    ) -> Result<Self, CommandError> {
        let address =
            listener.local_addr().map_err(|error| CommandError::Runtime(format!("The listener is gone: {error}.")))?;
        let metrics = Metrics::new(clock.clone());
        let tls = open_tls(config, &clock)?;
        let store = open_store(config, clock.clone()).await?;
        let gold = Gold::start(settings::match_rules(config), settings::rollup(config), clock.clone(), life);
        let hub = Hub::start(gold.clone(), BUILD.as_str(), config.access.scopes, life);

        let goodays_signatures = config
            .goodays
            .as_ref()
            .map(|goodays| goodays::Signatures::new(goodays.hmac_secrets.iter().cloned(), goodays.allow_unsigned));
        let kustomer_secret = config.kustomer.as_ref().and_then(|kustomer| kustomer.webhook_secret.clone());
        let kustomer_signatures = kustomer_secret.map(|secret| kustomer::Signatures::new([secret]));
        let intake = Intake::new(store.clone(), goodays_signatures, kustomer_signatures, metrics.clone());
        let displays = Displays::open(store.clone(), clock.clone()).await.map_err(CommandError::runtime)?;

        let is_demo = mode == RunMode::Demo;
        let wiring = Wiring { config, is_demo, store: &store, gold: &gold, metrics: &metrics, clock: &clock, life };
        let clarity = wiring.start_clarity_feed()?;
        let access = wiring.open_access(clarity.clone(), displays.clone(), demo_tokens).await;
        let supervision = clarity.clone().map(|clarity| wiring.open_supervisor_actions(clarity));
        let feedback = wiring.start_goodays(&intake)?;
        let (surveys, ended) = wiring.start_agent_connect()?;
        wiring.start_ended_sessions(clarity, ended.as_ref());
        wiring.start_kustomer(&intake, ended)?;
        wiring.report_unconfigured_sources().await;

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
                demo: is_demo,
                queue_metrics: config.clarity.as_ref().map(|clarity| clarity.queue_metrics.clone()).unwrap_or_default(),
            }),
        });
        let layers = Settings {
            public_url: config.server.public_url.clone(),
            token_origins: config.access.token_origins.clone(),
            proxies: TrustedProxies::new(&config.server.trusted_proxies),
            sockets_per_address: config.server.sockets_per_address,
            problem_page: crate::web::page_handlers::problem_page,
            ..Settings::default()
        };
        life.spawn_service(gauges::run(gold.clone(), store.clone(), metrics.clone(), clock.clone()));
        start_maintenance(config, &store, &gold, &clock, life);
        life.spawn(session_history::run(store.clone(), gold.clone(), life.clone()));
        let admin = AdminHandler { store: store.clone(), gold: gold.clone(), displays };
        let handle = move |request| admin.clone().handle(request);
        life.spawn(admin_socket::serve(config.server.data_dir.clone(), handle, life.clone()));
        let metrics_access = if config.server.open_metrics { MetricsAccess::Anyone } else { MetricsAccess::LocalOnly };
        let ops = ops(&gold, &store, &metrics, life, metrics_access);
        if let Some(tls) = tls.clone() {
            life.spawn_service(tls.watch_files(tls::CHECK_INTERVAL, store.clone()));
        }
        let app = router(state, ops, &layers);
        life.spawn(serve(listener, tls, app, Limits::default(), metrics.clone(), life.clone()));
        Ok(Self { address, gold, store, metrics })
    }

    /// Writes pending data and closes the store. Call it when all tasks have ended.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

fn start_maintenance(config: &Config, store: &Store, gold: &Gold, clock: &Clock, life: &Lifecycle) {
    let (backup_interval, has_backups) = (config.store.backup_interval, config.store.backups_kept > 0);
    let (backup_error, last_backup_error) = tokio::sync::watch::channel(None);
    let (store, gold, clock) = (store.clone(), gold.clone(), clock.clone());
    life.spawn_service(maintenance::run(
        store.clone(),
        gold.clone(),
        backup_interval,
        has_backups,
        backup_error,
        clock.clone(),
    ));
    life.spawn_service(maintenance::report_disk_health(store.clone(), gold, last_backup_error, clock));
    life.spawn_service(maintenance::stop_on_disk_failure(store, life.clone()));
}

fn ops(gold: &Gold, store: &Store, metrics: &Metrics, life: &Lifecycle, metrics_access: MetricsAccess) -> Ops {
    let (gold, store, life) = (gold.clone(), store.clone(), life.clone());
    let readiness = move || {
        let state = |name: SourceName| match gold.copy().get(&Key::Source(name)).as_deref() {
            Some(Entity::Source(health)) => Some((name.as_str(), health.state.as_str())),
            _ => None,
        };
        let sources: std::collections::BTreeMap<_, _> = SourceName::ALL.into_iter().filter_map(state).collect();
        let write_error = store.probe_write_error();
        Readiness {
            store: write_error.is_none(),
            store_trouble: write_error.map(|error| error.to_string()),
            // Each source has reported its state: its data is there, or pages say why not.
            gold: sources.len() == SourceName::ALL.len(),
            stopping: life.is_stopping(),
            sources,
        }
    };
    Ops { readiness: Arc::new(readiness), metrics: metrics.clone(), metrics_access }
}
