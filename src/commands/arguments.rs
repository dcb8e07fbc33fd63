//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use base::logging::LogFormat;

/// A live dashboard for contact centers that run on Clarity Connect, Goodays, Agent Connect and Kustomer.
#[derive(Debug, Parser)]
#[command(name = "callboard", version, arg_required_else_help = true)]
pub struct Arguments {
    /// How log lines are written to standard error.
    #[arg(long, value_enum, default_value_t = Log::Text, global = true)]
    pub log: Log,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Log {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl From<Log> for LogFormat {
    fn from(log: Log) -> Self {
        match log {
            Log::Text => Self::Text,
            Log::Json => Self::Json,
        }
    }
}

/// What Callboard can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start an invented contact center and the real server in front of it.
    Demo(DemoOptions),
    /// Serve real systems.
    Serve {
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
        config: PathBuf,
    },
    /// Try every configured system once and say what to mend.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
        config: PathBuf,
    },
    /// Forget a customer, also on the pages of a running server.
    Erase(EraseOptions),
    /// Let displays in by token, list them, shut them out; also while a server runs.
    #[command(subcommand)]
    WallboardToken(TokenDeed),
    /// Start the four upstreams' systems alone, invented, to develop against.
    Sandbox(FloorOptions),
}

/// Who is to be forgotten.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("customer").required(true).multiple(true))]
pub struct EraseOptions {
    /// Whoever has this e-mail address.
    #[arg(long, value_name = "ADDRESS", group = "customer")]
    pub email: Option<String>,
    /// Whoever has this telephone number, however it is written.
    #[arg(long, value_name = "NUMBER", group = "customer")]
    pub phone: Option<String>,
    /// Only says what would be forgotten. Nothing is changed.
    #[arg(long)]
    pub dry_run: bool,
    /// The configuration, which says where the data is.
    #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
    pub config: PathBuf,
}

/// What to do about displays.
#[derive(Debug, Subcommand)]
pub enum TokenDeed {
    /// Make a token for a display. It is shown once.
    Create {
        /// The wallboard that it is to show, by its name in the configuration.
        #[arg(long, value_name = "WALLBOARD")]
        board: String,
        /// What people call it, such as the place where it hangs.
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// For how many days it is good.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: u16,
        /// Lets every browser in that has the token, not only the first that uses it: for screens that start from copies of
        /// one image.
        #[arg(long)]
        many_browsers: bool,
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
        config: PathBuf,
    },
    /// List the displays.
    List {
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
        config: PathBuf,
    },
    /// Shut a display out at once.
    Revoke {
        /// Which, as `list` names it: the eight letters after cbw_ in its token.
        id: String,
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
        config: PathBuf,
    },
}

/// How the demo is started.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// Where the pages are served.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The contact center.
    #[command(flatten)]
    pub floor: FloorOptions,
    /// Where events are kept. By default they are forgotten when the demo ends.
    #[arg(long, value_name = "DIRECTORY")]
    pub data_dir: Option<PathBuf>,
}

/// The invented contact center.
#[derive(Debug, Args)]
pub struct FloorOptions {
    /// How many agents work in it.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub agents: u32,
    /// How many queues they answer.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub queues: u32,
    /// How much faster than real its time goes.
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// The same seed gives the same history.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}
