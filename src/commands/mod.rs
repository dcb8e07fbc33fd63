//! Builds the world, prints sentences, chooses exit codes. The only room that knows everybody.

mod admin_socket;
mod application;
mod arguments;
mod check;
mod demo;
mod erase;
mod gauges;
mod maintenance;
mod sandbox;
mod serve;
mod wallboard_token;

use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};
use thiserror::Error;

pub use application::{Application, RunMode};
pub use arguments::Arguments;
pub use demo::{demo_access, sandbox_config};

use arguments::Command;
use base::logging;

/// Why a command ended badly, in one sentence with what to do.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The command was used wrongly, or the configuration cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The world is not as it should be.
    #[error("{0}")]
    Runtime(String),
}

impl CommandError {
    /// The exit code: 2 for wrong usage or configuration, 1 for everything else.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Runtime(_) => ExitCode::FAILURE,
        }
    }
}

/// Runs what the arguments say.
///
/// # Errors
/// See [`CommandError`].
pub async fn run(arguments: Arguments) -> Result<(), CommandError> {
    logging::init(arguments.log.into());
    leave_no_core();
    match arguments.command {
        Command::Demo(options) => demo::run(options).await,
        Command::Serve { config } => serve::run(&config).await,
        Command::Check { config } => check::run(&config).await,
        Command::Erase(options) => erase::run(options).await,
        Command::WallboardToken(deed) => wallboard_token::run(deed).await,
        Command::Sandbox(options) => sandbox::run(options).await,
    }
}

/// What a crash leaves behind holds every secret: it leaves nothing.
fn leave_no_core() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "a crash may leave a core file behind, with secrets in it");
    }
}

#[expect(clippy::print_stdout, reason = "what a command has to say is for the person who called it")]
fn say(line: &str) {
    println!("{line}");
}
