//! Parses arguments, calls a command, turns its error into one sentence and an exit code.

use std::process::ExitCode;

use callboard::commands::{self, Arguments};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match commands::run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure.to_string());
            failure.exit_code()
        }
    }
}

#[expect(clippy::print_stderr, reason = "errors of a command are for the person who called it")]
fn complain(sentence: &str) {
    eprintln!("callboard: {sentence}");
}
