//! `callboard demo`: an invented contact center with the four upstreams' systems in front of it, and the real server
//! against them over real sockets.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::application::{Application, RunMode};
use super::arguments::{DemoOptions, FloorOptions};
use super::serve::bind;
use super::{CommandError, say};
use crate::config::{
    self, AgentConnect, Auth, Clarity, Config, Goodays, Kustomer, Mode, PlaceLink, Sending, Wallboard,
};
use crate::domain::Role;
use crate::web::access::DemoTokens;
use base::{Clock, Lifecycle};
use sandbox::{self, Addresses, Control, Sandbox, Visibility};

/// Wallboards of the demo, with how many of the first queues each shows; none means all.
const BOARDS: [(&str, i64); 2] = [("floor", 0), ("sales", 4)];

/// What the demo's wallboards show of each queue.
const TILES: [&str; 5] = ["queuedCount", "longestWait", "answeredCount", "abandonedCount", "agentsAvailable"];

pub(super) async fn run(options: DemoOptions) -> Result<(), CommandError> {
    let began = Instant::now();
    let listener = bind(options.listen).await?;
    let clock = Clock::system();
    // The upstreams go on while the server stops: as in life.
    let (neighbours, life) = (Lifecycle::new(), Lifecycle::new());
    let sandbox = start_sandbox(&options.floor, &clock, &neighbours).await?;

    let data = DataDir::of(options.data_dir)?;
    let mut config = with_surveys(sandbox_config(sandbox.addresses(), data.path()));
    config.access = demo_access();
    let players = players(&sandbox.control());
    let world = Application::start_with(&config, listener, RunMode::Demo, Some(players), clock, &life).await?;
    let base = format!("http://{}", world.address);
    let address = |path: &str| {
        format!("{base}/webhooks/{path}")
            .parse()
            .map_err(|error| CommandError::Runtime(format!("{base} is no address: {error}.")))
    };
    sandbox.send_goodays_webhooks_to(address("goodays")?);
    sandbox.send_kustomer_webhooks_to(address("kustomer")?);

    say(&format!("Callboard shows an invented contact center with {} agents.\n", options.floor.agents));
    for (page, what) in [
        ("login", "the door: come in with one click"),
        ("supervisor", "the floor"),
        ("wallboard/floor", "a display for the wall, all queues"),
        ("wallboard/sales", "another one, four queues"),
        ("feedback", "what customers say"),
        ("surveys", "survey requests"),
        ("status", "how the four systems are heard"),
        ("api/v1/state?scope=all", "the same as JSON"),
    ] {
        say(&format!("  {:<42} {what}", format!("{base}/{page}")));
    }
    say(&format!("\nThe sandbox is steered at {}", sandbox.addresses().control));
    say(&format!("Ready after {} ms. Ctrl-C stops it.", began.elapsed().as_millis()));

    life.run_until_signal().await;
    world.close().await;
    neighbours.kill();
    drop(world);
    data.forget();
    Ok(())
}

/// Starts the upstreams' systems.
pub(super) async fn start_sandbox(
    floor: &FloorOptions,
    clock: &Clock,
    life: &Lifecycle,
) -> Result<Sandbox, CommandError> {
    if !floor.speed.is_finite() || floor.speed <= 0.0 || floor.speed > 100.0 {
        return Err(CommandError::Usage("--speed must be more than 0 and at most 100.".to_owned()));
    }
    let options = sandbox::Options {
        agents: floor.agents,
        queues: floor.queues,
        speed: floor.speed,
        seed: floor.seed,
        ..sandbox::Options::default()
    };
    Sandbox::start(options, clock.clone(), life.clone())
        .await
        .map_err(|error| CommandError::Runtime(format!("The sandbox cannot listen on this machine: {error}.")))
}

/// The configuration of a server in front of a sandbox: what a file would say, of a house without a door.
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
        // What is invented need not be copied.
        store: config::Store { backups_kept: 0, ..config::Store::default() },
        clarity: Some(clarity),
        goodays: Some(goodays),
        agent_connect: Some(agent_connect),
        kustomer: Some(kustomer),
        join: config::Join {
            places: (1..=12).map(|queue| PlaceLink { partner_id: format!("P{queue}"), queue_id: queue }).collect(),
            ..config::Join::default()
        },
        wallboards: BOARDS
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

/// Who plays whom in the demo, by their number in the sandbox. The first is the account of the server itself.
const CAST: [(Role, i64); 4] = [(Role::Administrator, 1), (Role::Supervisor, 2), (Role::TeamLead, 3), (Role::Agent, 4)];

/// What they are to the house, of which the demo's is one with a door.
#[must_use]
pub fn demo_access() -> config::Access {
    let played = |role| config::People::agents(CAST.iter().filter(|(played, _)| *played == role).map(|(_, id)| *id));
    config::Access {
        administrators: played(Role::Administrator),
        supervisors: played(Role::Supervisor),
        team_leads: played(Role::TeamLead),
        ..config::Access::default()
    }
}

/// One click instead of a password: the sandbox gives a token of the one who plays the part.
fn players(control: &Control) -> DemoTokens {
    control.set_visibility(CAST[1].1, Visibility::All);
    let control = control.clone();
    Arc::new(move |role| control.token_for(CAST.iter().find(|(played, _)| *played == role)?.1).map(Into::into))
}

/// Customers of ended sessions are asked; what would be asked about closed conversations is shown.
fn with_surveys(mut config: Config) -> Config {
    if let Some(surveys) = &mut config.agent_connect {
        surveys.send = Sending::On;
    }
    if let Some(kustomer) = &mut config.kustomer {
        kustomer.send = Sending::DryRun;
    }
    config
}

/// Where the demo keeps its events.
#[derive(Debug)]
enum DataDir {
    Kept(PathBuf),
    Passing(PathBuf),
}

impl DataDir {
    fn of(wanted: Option<PathBuf>) -> Result<Self, CommandError> {
        if let Some(path) = wanted {
            return Ok(Self::Kept(path));
        }
        // A directory that is there already is somebody else's.
        let name = format!("callboard-demo-{}-{:08x}", std::process::id(), rand::random::<u32>());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            CommandError::Runtime(format!("{} cannot be made ({error}): choose a --data-dir.", path.display()))
        })?;
        Ok(Self::Passing(path))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) | Self::Passing(path) => path,
        }
    }

    fn forget(self) {
        if let Self::Passing(path) = self
            && let Err(error) = std::fs::remove_dir_all(&path)
        {
            tracing::warn!(error = %error, path = %path.display(), "what the demo kept could not be removed");
        }
    }
}
