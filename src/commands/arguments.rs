//! The command line arguments.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use base::logging::LogFormat;

/// A real-time dashboard for contact centers that run on Clarity Connect, Goodays, Agent Connect and Kustomer.
#[derive(Debug, Parser)]
#[command(name = "callboard", version, arg_required_else_help = true)]
pub struct Arguments {
    /// The format of log lines on standard error.
    #[arg(long, value_enum, default_value_t = Log::Text, global = true)]
    pub log: Log,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Log {
    /// Text for people.
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

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a simulated contact center, and the server in front of it.
    Demo(DemoOptions),
    /// Start the server.
    Serve {
        /// The configuration file.
        #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
        config: PathBuf,
    },
    /// Check the configuration and the connection to each configured system.
    Check {
        /// The configuration file.
        #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
        config: PathBuf,
    },
    /// Erase a customer, also in a running server.
    Erase(EraseOptions),
    /// Create, list and revoke tokens of wall displays, also in a running server.
    #[command(subcommand)]
    WallboardToken(WallboardTokenCommand),
    /// Start only the simulated contact center with its four upstream systems, to develop against.
    Sandbox(SandboxOptions),
}

/// Options of `erase`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("customer").required(true).multiple(true))]
pub struct EraseOptions {
    /// The customer's e-mail address.
    #[arg(long, value_name = "ADDRESS", group = "customer")]
    pub email: Option<String>,
    /// The customer's telephone number, in any notation.
    #[arg(long, value_name = "NUMBER", group = "customer")]
    pub phone: Option<String>,
    /// Only count what would be erased. Nothing is changed.
    #[arg(long)]
    pub dry_run: bool,
    /// The configuration file, which names the data directory.
    #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
    pub config: PathBuf,
}

/// Subcommands of `wallboard-token`.
#[derive(Debug, Subcommand)]
pub enum WallboardTokenCommand {
    /// Create a token for a display. It is shown once.
    Create {
        /// The wallboard that it shows, by its name in the configuration.
        #[arg(long, value_name = "WALLBOARD")]
        board: String,
        /// The name of the display, such as its location. Default: that of the wallboard.
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// The validity in days.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: u16,
        /// Allow every browser that has the token, not only the first one that uses it: for displays that start from
        /// copies of one image.
        #[arg(long)]
        many_browsers: bool,
        /// The configuration file.
        #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
        config: PathBuf,
    },
    /// List the displays.
    List {
        /// The configuration file.
        #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
        config: PathBuf,
    },
    /// Revoke a display at once.
    Revoke {
        /// The id from `list`: the eight characters after cbw_ in its token.
        id: String,
        /// The configuration file.
        #[arg(long, value_name = "FILE", default_value = "callboard.toml")]
        config: PathBuf,
    },
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// The address and port of the server.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The simulated contact center.
    #[command(flatten)]
    pub sandbox: SandboxOptions,
    /// The data directory. By default a temporary one, which is removed at the end.
    #[arg(long, value_name = "DIRECTORY")]
    pub data_dir: Option<PathBuf>,
}

/// Options of the simulated contact center.
#[derive(Debug, Args)]
pub struct SandboxOptions {
    /// The number of agents.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub agents: u32,
    /// The number of queues.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub queues: u32,
    /// Simulated seconds per real second.
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// The seed of the simulation. The same seed gives the same history.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}
