//! Configuration errors: each is one sentence that names the key and says what to do.

use std::path::PathBuf;

use serde::de::{self, Expected, Unexpected};
use thiserror::Error;

/// Why the server does not start with this configuration.
///
/// No variant carries a value from the file: what is written at the wrong key may be a secret.
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
    /// The file holds a secret and other users of the machine can read it.
    #[error(
        "{path} holds {key}, and every user of this machine can reach it (mode {mode:o}): run chmod 600 {path}, or put \
         the secret into a file of its own and name that as {key}_file.",
        path = path.display()
    )]
    Public {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
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
    /// A key that no section has.
    #[error("{key} is not a known key: did you mean {nearest}?")]
    UnknownKey {
        /// The key as it is written in the file, or the environment variable.
        key: String,
        /// The known key that is most similar to it.
        nearest: String,
    },
    /// A required key is absent.
    #[error("{key} is missing: add it to the configuration.")]
    Missing {
        /// The absent key.
        key: String,
    },
    /// A value of the wrong type.
    #[error("{key} must be {expected}.")]
    Kind {
        /// Its key.
        key: String,
        /// The expected type, in plain words.
        expected: String,
    },
    /// A value of the right type that cannot be used, or a secret file that must not be used.
    #[error("{key} {advice}.")]
    Invalid {
        /// Its key.
        key: String,
        /// The rest of the sentence, without its full stop.
        advice: String,
    },
}

impl ConfigError {
    /// The value at `key` cannot be used; `advice` is the rest of the sentence, without its full stop.
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

/// An error of deserialization. A type reports it before the deserializer adds the key.
#[derive(Debug)]
pub(super) enum ValueError {
    /// Complete, with its key.
    Located(ConfigError),
    /// The table has a key that its type does not know.
    UnknownKey,
    /// The table lacks a required key.
    Missing(&'static str),
    /// The expected type.
    Kind(String),
    /// The rest of a sentence that begins with the key.
    Invalid(String),
}

impl ValueError {
    /// Adds the key. An error that has its key keeps it: the innermost key is the exact one.
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

impl From<ValueError> for ConfigError {
    fn from(error: ValueError) -> Self {
        match error.at("The configuration") {
            ValueError::Located(error) => error,
            // `at` returns `Located` only.
            _ => Self::invalid("The configuration", "cannot be understood"),
        }
    }
}

impl std::fmt::Display for ValueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for ValueError {}

impl de::Error for ValueError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Invalid(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Kind(match found_kind(&found) {
            Some(kind) => format!("{}, not {kind}", plain_name(&expected.to_string())),
            None => plain_name(&expected.to_string()),
        })
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Kind(plain_name(&expected.to_string()))
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

/// Serde's name of a type, in words for people who do not write Rust.
fn plain_name(expected: &str) -> String {
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

fn found_kind(found: &Unexpected<'_>) -> Option<&'static str> {
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
