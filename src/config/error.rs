//! What can be wrong with a configuration, each as one sentence that says what to do.

use std::path::PathBuf;

use serde::de::{self, Expected, Unexpected};
use thiserror::Error;

/// Why the server does not start with this configuration. No variant carries a value that stands in the file: what is
/// written at the wrong key may be a secret.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be opened.
    #[error("The configuration file {} {}.", path.display(), opening(source))]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// A secret stands in a file that others can reach.
    #[error(
        "{path} holds {key}, and every user of this machine can reach it (mode {mode:o}): run chmod 600 {path}, or put the \
         secret into a file of its own and name that as {key}_file.",
        path = path.display()
    )]
    Public {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The key of the first secret in it.
        key: String,
    },
    /// The file is not TOML.
    #[error("The configuration file {}, line {line}, is not valid TOML: {reason}.", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where, counted from 1.
        line: usize,
        /// What the parser says, without the text around it.
        reason: String,
    },
    /// A key that means nothing.
    #[error("{key} is not a known key: did you mean {nearest}?")]
    UnknownKey {
        /// What was written.
        key: String,
        /// The known key that looks most like it.
        nearest: String,
    },
    /// A key that must be given and is not.
    #[error("{key} is missing: add it to the configuration.")]
    Missing {
        /// What should be there.
        key: String,
    },
    /// A value of the wrong kind.
    #[error("{key} must be {expected}.")]
    Kind {
        /// Where.
        key: String,
        /// What belongs there, in plain words.
        expected: String,
    },
    /// A value that has the right kind and makes no sense; or a secret file that must not be used.
    #[error("{key} {advice}.")]
    Invalid {
        /// Where.
        key: String,
        /// The rest of the sentence, without its full stop.
        advice: String,
    },
}

impl ConfigError {
    /// A complaint about the value at `key`; `advice` is the rest of the sentence.
    pub(super) fn invalid(key: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Invalid { key: key.into(), advice: advice.into() }
    }
}

fn opening(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            "does not exist: copy callboard.example.toml to that place, or name another file with --config"
        }
        std::io::ErrorKind::PermissionDenied => "may not be read by this user: change its owner or its mode",
        _ => "cannot be read: check that it is a text file in UTF-8",
    }
}

/// What a type says about a value, before it is known at which key the value stands.
#[derive(Debug)]
pub(super) enum Problem {
    /// Nothing more to add.
    Located(ConfigError),
    /// A key of the table that is being read, which its type does not have.
    UnknownKey,
    /// A key of the table that is being read, which is not there.
    Missing(&'static str),
    /// What belongs there.
    Kind(String),
    /// The rest of a sentence.
    Invalid(String),
}

impl Problem {
    /// The same, with the name of the key. A problem that has its place keeps it: the innermost knows best.
    pub(super) fn at(self, key: &str) -> Self {
        let key = || key.to_owned();
        Self::Located(match self {
            Self::Located(error) => error,
            Self::UnknownKey => ConfigError::UnknownKey { key: key(), nearest: String::new() },
            Self::Missing(field) if key().is_empty() => ConfigError::Missing { key: field.to_owned() },
            Self::Missing(field) => ConfigError::Missing { key: format!("{}.{field}", key()) },
            Self::Kind(expected) => ConfigError::Kind { key: key(), expected },
            Self::Invalid(advice) => ConfigError::Invalid { key: key(), advice },
        })
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        match problem.at("The configuration") {
            Problem::Located(error) => error,
            // `at` returns nothing else.
            _ => Self::invalid("The configuration", "cannot be understood"),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Invalid(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Kind(match kind(&found) {
            Some(kind) => format!("{}, not {kind}", plain(&expected.to_string())),
            None => plain(&expected.to_string()),
        })
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Kind(plain(&expected.to_string()))
    }

    fn unknown_variant(_: &str, choices: &'static [&'static str]) -> Self {
        let choices: Vec<_> = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
        Self::Kind(match choices.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => "left out".to_owned(),
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// What serde calls a type, in words for people who do not write Rust.
fn plain(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "string or map" => "a text in quotes",
        "a sequence" => "a list in [brackets]",
        "a map" => "a table",
        name if name.starts_with("struct ") => "a table",
        other => other,
    }
    .to_owned()
}

fn kind(found: &Unexpected<'_>) -> Option<&'static str> {
    Some(match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) => "a text",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a table",
        Unexpected::Other(kind) if *kind == "a date" => "a date",
        _ => return None,
    })
}
