//! The error of a command: one sentence, and the exit code.

use std::fmt::Display;
use std::process::ExitCode;

use thiserror::Error;

/// Why a command failed, as one sentence that says what to do.
#[derive(Debug, Error)]
pub enum CommandError {
    /// Wrong arguments or an unusable configuration.
    #[error("{0}")]
    Usage(String),
    /// A failure at run time: the disk, a port, an upstream.
    #[error("{0}")]
    Runtime(String),
}

impl CommandError {
    pub(super) fn usage(sentence: impl Display) -> Self {
        Self::Usage(sentence.to_string())
    }

    pub(super) fn runtime(sentence: impl Display) -> Self {
        Self::Runtime(sentence.to_string())
    }

    /// The exit code: 2 for wrong arguments or configuration, 1 for everything else.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Runtime(_) => ExitCode::FAILURE,
        }
    }
}
