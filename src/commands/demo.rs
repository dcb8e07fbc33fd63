//! `callboard demo`: the sandbox, a simulated contact center with its four upstream systems, and the server against it
//! over real sockets.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::application::Application;
use super::arguments::{DemoOptions, SandboxOptions};
use super::error::CommandError;
use super::output::print_line;
use super::resources::bind;
use crate::config::{
    self, AgentConnect, Auth, Clarity, Config, Goodays, Kustomer, Mode, PlaceLink, Sending, Wallboard,
};
use crate::domain::Role;
use crate::web::access::DemoTokens;
use base::{Clock, Lifecycle};
use sandbox::{self, Addresses, Control, Sandbox, Visibility};

/// The demo's wallboards and how many queues each shows; 0 means all.
const WALLBOARDS: [(&str, i64); 2] = [("floor", 0), ("sales", 4)];

/// The tiles of the demo's wallboards.
const TILES: [&str; 5] = ["queuedCount", "longestWait", "answeredCount", "abandonedCount", "agentsAvailable"];

pub(super) async fn run(options: DemoOptions) -> Result<(), CommandError> {
    let began = Instant::now();
    let listener = bind(options.listen).await?;
    let clock = Clock::system();
    // The sandbox has its own lifecycle: it still answers while the server shuts down.
    let (sandbox_life, life) = (Lifecycle::new(), Lifecycle::new());
    let sandbox = start_sandbox(&options.sandbox, &clock, &sandbox_life).await?;

    let data_dir = DataDir::open(options.data_dir)?;
    let mut config = with_surveys(sandbox_config(sandbox.addresses(), data_dir.path()));
    config.access = demo_access();
    let tokens = demo_tokens(&sandbox.control());
    let application = Application::start_demo(&config, listener, tokens, clock, &life).await?;
    let base = format!("http://{}", application.address);
    let webhook_url = |path: &str| {
        format!("{base}/webhooks/{path}")
            .parse()
            .map_err(|error| CommandError::Runtime(format!("{base} is no URL: {error}.")))
    };
    sandbox.send_goodays_webhooks_to(webhook_url("goodays")?);
    sandbox.send_kustomer_webhooks_to(webhook_url("kustomer")?);

    print_line(&format!("Callboard shows a simulated contact center with {} agents.\n", options.sandbox.agents));
    for (page, content) in [
        ("login", "sign in with one click"),
        ("supervisor", "all queues and agents"),
        ("wallboard/floor", "a wallboard of all queues"),
        ("wallboard/sales", "a wallboard of four queues"),
        ("feedback", "customer responses"),
        ("surveys", "survey requests"),
        ("status", "the state of the four upstream systems"),
        ("api/v1/state?scope=all", "the same as JSON"),
    ] {
        print_line(&format!("  {:<42} {content}", format!("{base}/{page}")));
    }
    print_line(&format!("\nThe sandbox is controlled at {}", sandbox.addresses().control));
    print_line(&format!("Ready after {} ms. Ctrl-C stops it.", began.elapsed().as_millis()));

    life.run_until_signal().await;
    application.close().await;
    sandbox_life.kill();
    drop(application);
    data_dir.remove();
    Ok(())
}

/// Starts the simulated contact center with its four upstream systems.
pub(super) async fn start_sandbox(
    options: &SandboxOptions,
    clock: &Clock,
    life: &Lifecycle,
) -> Result<Sandbox, CommandError> {
    if !options.speed.is_finite() || options.speed <= 0.0 || options.speed > 100.0 {
        return Err(CommandError::Usage("--speed must be more than 0 and at most 100.".to_owned()));
    }
    let options = sandbox::Options {
        agents: options.agents,
        queues: options.queues,
        speed: options.speed,
        seed: options.seed,
        ..sandbox::Options::default()
    };
    Sandbox::start(options, clock.clone(), life.clone())
        .await
        .map_err(|error| CommandError::Runtime(format!("The sandbox cannot listen on this machine: {error}.")))
}

/// The configuration of a server in front of a sandbox, without login.
#[must_use]
pub fn sandbox_config(addresses: &Addresses, data_dir: &Path) -> Config {
    let mut clarity = Clarity::new(addresses.clarity_api.clone(), addresses.client_id.clone(), Auth::Negotiate);
    clarity.signalr_path = addresses.signalr_path.to_owned();
    clarity.username = "svc-callboard".to_owned();
    clarity.agent_metrics = ["answeredCount", "ronaCount", "takenCount", "availableTime"].map(str::to_owned).to_vec();

    let goodays = Goodays::new(
        addresses.goodays_api.clone(),
        addresses.goodays_token.clone(),
        vec![addresses.goodays_hmac.clone()],
    );
    let agent_connect = AgentConnect {
        api_root: addresses.agent_connect_api.clone(),
        api_key: Some(addresses.agent_connect_key.clone()),
        api_secret: Some(addresses.agent_connect_secret.clone()),
        mode: Mode::Production,
        data_return_interval: Duration::from_secs(5),
        ..AgentConnect::default()
    };
    let kustomer = Kustomer {
        api_root: addresses.kustomer_api.clone(),
        api_key: Some(addresses.kustomer_key.clone()),
        webhook_secret: Some(addresses.kustomer_token.clone()),
        org_domain: "example".to_owned(),
        ..Kustomer::default()
    };
    Config {
        access: config::Access { sign_in: config::SignIn::None, ..config::Access::default() },
        server: config::Server { data_dir: data_dir.to_owned(), ..config::Server::default() },
        // Simulated data needs no backup.
        store: config::Store { backups_kept: 0, ..config::Store::default() },
        clarity: Some(clarity),
        goodays: Some(goodays),
        agent_connect: Some(agent_connect),
        kustomer: Some(kustomer),
        join: config::Join {
            places: (1..=12).map(|queue| PlaceLink { partner_id: format!("P{queue}"), queue_id: queue }).collect(),
            ..config::Join::default()
        },
        wallboards: WALLBOARDS
            .into_iter()
            .map(|(name, queues)| {
                let mut board = Wallboard::new(name);
                board.queues = (1..=queues).map(config::QueueRef::Id).collect();
                board.tiles = TILES.map(str::to_owned).to_vec();
                board
            })
            .collect(),
        ..Config::default()
    }
}

/// The demo's role of each agent of the sandbox. The first is the service account of the server itself.
const DEMO_ROLES: [(Role, i64); 4] =
    [(Role::Administrator, 1), (Role::Supervisor, 2), (Role::TeamLead, 3), (Role::Agent, 4)];

/// The demo's `[access]`: login with Clarity, and a person for each role.
#[must_use]
pub fn demo_access() -> config::Access {
    let people =
        |role| config::People::agents(DEMO_ROLES.iter().filter(|(theirs, _)| *theirs == role).map(|(_, id)| *id));
    config::Access {
        administrators: people(Role::Administrator),
        supervisors: people(Role::Supervisor),
        team_leads: people(Role::TeamLead),
        ..config::Access::default()
    }
}

/// One click instead of a password: the sandbox issues a token of the agent who has the role.
fn demo_tokens(control: &Control) -> DemoTokens {
    control.set_visibility(DEMO_ROLES[1].1, Visibility::All);
    let control = control.clone();
    Arc::new(move |role| control.token_for(DEMO_ROLES.iter().find(|(theirs, _)| *theirs == role)?.1).map(Into::into))
}

/// Requests surveys for ended sessions, and shows what it would request for closed conversations.
fn with_surveys(mut config: Config) -> Config {
    if let Some(surveys) = &mut config.agent_connect {
        surveys.send = Sending::On;
    }
    if let Some(kustomer) = &mut config.kustomer {
        kustomer.send = Sending::DryRun;
    }
    config
}

/// The data directory of the demo.
#[derive(Debug)]
enum DataDir {
    Kept(PathBuf),
    Temporary(PathBuf),
}

impl DataDir {
    fn open(given: Option<PathBuf>) -> Result<Self, CommandError> {
        if let Some(path) = given {
            return Ok(Self::Kept(path));
        }
        // `create` fails if the directory exists: it would be of another program.
        let name = format!("callboard-demo-{}-{:08x}", std::process::id(), rand::random::<u32>());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            CommandError::Runtime(format!("{} cannot be created ({error}): choose a --data-dir.", path.display()))
        })?;
        Ok(Self::Temporary(path))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) | Self::Temporary(path) => path,
        }
    }

    fn remove(self) {
        if let Self::Temporary(path) = self
            && let Err(error) = std::fs::remove_dir_all(&path)
        {
            tracing::warn!(error = %error, path = %path.display(), "the temporary data directory could not be removed");
        }
    }
}
