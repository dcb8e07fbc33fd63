//! What has been written, by whom, before anybody asks what it means: the file, with the environment laid over it.

use std::collections::BTreeMap;
use std::path::Path;

use super::ConfigError;

/// What the names of our environment variables begin with.
pub const PREFIX: &str = "CALLBOARD__";

/// The variable that sets the key at `path`.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace(['.', '['], "__").replace(']', "").to_uppercase())
}

/// The key that the variable `name` sets, unless it is none of ours.
pub(super) fn path(name: &str) -> Option<String> {
    let steps = name.strip_prefix(PREFIX)?.to_lowercase();
    let mut path = String::new();
    for step in steps.split("__") {
        match step.parse::<usize>() {
            Ok(place) => path.push_str(&format!("[{place}]")),
            Err(_) if path.is_empty() => path.push_str(step),
            Err(_) => path.push_str(&format!(".{step}")),
        }
    }
    Some(path)
}

/// What stands at one key.
#[derive(Clone)]
pub(super) enum Written {
    /// Keys and what stands at them.
    Table(BTreeMap<String, Written>),
    /// One after the other.
    List(Vec<Written>),
    /// A text, number, truth value or date from the file.
    Value(toml::Value),
    /// From the environment, where everything is text. Whoever reads it knows what it should be.
    Text(String),
}

impl Written {
    /// The text at this key, if there is one.
    pub(super) fn text_at(&self, keys: &[&str]) -> Option<&str> {
        match (self, keys) {
            (Self::Table(table), [key, rest @ ..]) => table.get(*key)?.text_at(rest),
            (Self::Text(text) | Self::Value(toml::Value::String(text)), []) => Some(text),
            _ => None,
        }
    }
}

impl From<toml::Value> for Written {
    fn from(value: toml::Value) -> Self {
        match value {
            toml::Value::Table(table) => table.into(),
            toml::Value::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            other => Self::Value(other),
        }
    }
}

impl From<toml::Table> for Written {
    fn from(table: toml::Table) -> Self {
        Self::Table(table.into_iter().map(|(key, value)| (key, value.into())).collect())
    }
}

impl Written {
    /// Whether nothing of it comes from the file.
    pub(super) fn is_from_environment(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Value(_) => false,
            Self::Table(table) => !table.is_empty() && table.values().all(Self::is_from_environment),
            Self::List(values) => !values.is_empty() && values.iter().all(Self::is_from_environment),
        }
    }
}

/// Reads a TOML text. `path` is for the sentence if it is none.
pub(super) fn parse(text: &str, path: &Path) -> Result<Written, ConfigError> {
    // The parser's own error quotes the line, which may hold a secret: it is taken apart and dropped.
    text.parse::<toml::Table>().map(Written::from).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()),
        reason: error.message().replace('\n', ", "),
    })
}

/// Lays the environment over what the file says. `CALLBOARD__CLARITY__API_ROOT` is `clarity.api_root`,
/// `CALLBOARD__WALLBOARDS__0__NAME` the name of the first wallboard; other variables are none of ours.
pub(super) fn overlay(
    written: &mut Written,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    // Sorted, so that a second wallboard is never set before the first.
    let ours: BTreeMap<String, String> = environment.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    for (name, text) in ours {
        let path = name[PREFIX.len()..].to_lowercase();
        let steps: Vec<&str> = path.split("__").collect();
        set(written, &steps, text).map_err(|advice| ConfigError::invalid(&name, advice))?;
    }
    Ok(())
}

fn set(written: &mut Written, steps: &[&str], text: String) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        *written = Written::Text(text);
        return Ok(());
    };
    match written {
        Written::Table(table) => {
            if rest.is_empty() {
                forget_other_form(table, step);
            }
            let empty = match rest.first() {
                Some(next) if next.bytes().all(|byte| byte.is_ascii_digit()) && !next.is_empty() => {
                    Written::List(Vec::new())
                }
                _ => Written::Table(BTreeMap::new()),
            };
            set(table.entry((*step).to_owned()).or_insert(empty), rest, text)
        }
        Written::List(values) => {
            let next = values.len();
            let index: usize =
                step.parse().map_err(|_| format!("leads into a list: write a number instead of {step}"))?;
            if index == next {
                values.push(Written::Table(BTreeMap::new()));
            }
            let value = values.get_mut(index).ok_or_else(|| format!("leaves a gap in the list: use {next} next"))?;
            set(value, rest, text)
        }
        Written::Value(_) | Written::Text(_) => {
            Err("leads into something that is a single value: set the value itself".to_owned())
        }
    }
}

/// A secret has two forms, `password` and `password_file`. Whoever sets one in the environment means it instead of
/// whatever form the file has; setting both in the environment remains a mistake.
fn forget_other_form(table: &mut BTreeMap<String, Written>, key: &str) {
    let other = match key.strip_suffix("_file") {
        Some(stem) => stem.to_owned(),
        None => format!("{key}_file"),
    };
    if table.get(&other).is_some_and(|value| !value.is_from_environment()) {
        table.remove(&other);
    }
}
