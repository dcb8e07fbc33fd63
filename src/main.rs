//! Parses the arguments, runs the command, and turns its error into one sentence and an exit code.

use std::process::ExitCode;

use callboard::commands::{self, Arguments};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match commands::run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error.to_string());
            error.exit_code()
        }
    }
}

#[expect(clippy::print_stderr, reason = "the error of a command is for the operator who ran it")]
fn print_error(sentence: &str) {
    eprintln!("callboard: {sentence}");
}
