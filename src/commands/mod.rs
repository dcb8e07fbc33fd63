//! The commands of the program. They build the application, print to standard output and set the exit code.
//!
//! The only module that knows all others.

mod admin_handler;
mod admin_socket;
mod application;
mod arguments;
mod check;
mod demo;
mod erase;
mod error;
mod gauges;
mod maintenance;
mod output;
mod resources;
mod sandbox;
mod serve;
mod settings;
mod wallboard_token;
mod wiring;

use rustix::process::{Resource, Rlimit, setrlimit};

pub use application::{Application, RunMode};
pub use arguments::Arguments;
pub use demo::{demo_access, sandbox_config};
pub use error::CommandError;

use arguments::Command;
use base::logging;

/// Runs the command that the arguments name.
///
/// # Errors
/// See [`CommandError`].
pub async fn run(arguments: Arguments) -> Result<(), CommandError> {
    logging::init(arguments.log.into());
    disable_core_dumps();
    match arguments.command {
        Command::Demo(options) => demo::run(options).await,
        Command::Serve { config } => serve::run(&config).await,
        Command::Check { config } => check::run(&config).await,
        Command::Erase(options) => erase::run(options).await,
        Command::WallboardToken(command) => wallboard_token::run(command).await,
        Command::Sandbox(options) => sandbox::run(options).await,
    }
}

/// A core dump would contain every secret.
fn disable_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps cannot be disabled: a crash may leave a file with secrets");
    }
}
