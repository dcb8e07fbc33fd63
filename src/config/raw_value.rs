//! The configuration before it has types: the TOML file overlaid with environment variables.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::ConfigError;

/// The prefix of the environment variables that override keys.
const ENV_PREFIX: &str = "CALLBOARD__";

/// The environment variable that sets the key at `path`.
pub(super) fn env_variable(path: &str) -> String {
    format!("{ENV_PREFIX}{}", path.replace(['.', '['], "__").replace(']', "").to_uppercase())
}

/// The key that the environment variable `name` sets. `None`: it lacks [`ENV_PREFIX`].
pub(super) fn key_of_env_variable(name: &str) -> Option<String> {
    let steps = name.strip_prefix(ENV_PREFIX)?.to_lowercase();
    let mut path = String::new();
    for step in steps.split("__") {
        match step.parse::<usize>() {
            Ok(index) => path.push_str(&format!("[{index}]")),
            Err(_) if path.is_empty() => path.push_str(step),
            Err(_) => path.push_str(&format!(".{step}")),
        }
    }
    Some(path)
}

/// What is written at one key.
#[derive(Clone)]
pub(super) enum RawValue {
    /// A table, from the file or from variables that name keys in it.
    Table(BTreeMap<String, RawValue>),
    /// A list, likewise.
    List(Vec<RawValue>),
    /// A string, number, boolean or date from the file.
    File(toml::Value),
    /// The text of an environment variable. The type that reads it decides what it means.
    Env(String),
}

impl RawValue {
    /// The text at this path of keys, if there is one.
    pub(super) fn text_at(&self, keys: &[&str]) -> Option<&str> {
        match (self, keys) {
            (Self::Table(table), [key, rest @ ..]) => table.get(*key)?.text_at(rest),
            (Self::Env(text) | Self::File(toml::Value::String(text)), []) => Some(text),
            _ => None,
        }
    }

    /// Whether no part of it comes from the file.
    pub(super) fn is_from_environment(&self) -> bool {
        match self {
            Self::Env(_) => true,
            Self::File(_) => false,
            Self::Table(table) => !table.is_empty() && table.values().all(Self::is_from_environment),
            Self::List(values) => !values.is_empty() && values.iter().all(Self::is_from_environment),
        }
    }
}

impl From<toml::Value> for RawValue {
    fn from(value: toml::Value) -> Self {
        match value {
            toml::Value::Table(table) => table.into(),
            toml::Value::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            other => Self::File(other),
        }
    }
}

impl From<toml::Table> for RawValue {
    fn from(table: toml::Table) -> Self {
        Self::Table(table.into_iter().map(|(key, value)| (key, value.into())).collect())
    }
}

/// Parses TOML. `path` is named in the error.
pub(super) fn parse(text: &str, path: &Path) -> Result<RawValue, ConfigError> {
    // The parser's own error quotes the line, which may hold a secret: only its position and its reason are kept.
    text.parse::<toml::Table>().map(RawValue::from).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()),
        reason: error.message().replace('\n', ", "),
    })
}

/// Overlays the environment: `CALLBOARD__CLARITY__API_ROOT` is `clarity.api_root`, `CALLBOARD__WALLBOARDS__0__NAME` the
/// name of the first wallboard. Variables without [`ENV_PREFIX`] are ignored.
pub(super) fn overlay(
    raw: &mut RawValue,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    // Sorted, so that a second wallboard is never set before the first.
    let variables: BTreeMap<String, String> = environment.filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
    for (name, text) in variables {
        let path = name[ENV_PREFIX.len()..].to_lowercase();
        let steps: Vec<&str> = path.split("__").collect();
        set(raw, &steps, text).map_err(|advice| ConfigError::invalid(&name, advice))?;
    }
    Ok(())
}

fn set(raw: &mut RawValue, steps: &[&str], text: String) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        *raw = RawValue::Env(text);
        return Ok(());
    };
    match raw {
        RawValue::Table(table) => {
            if rest.is_empty() {
                remove_other_form(table, step);
            }
            let empty = match rest.first() {
                Some(next) if next.bytes().all(|byte| byte.is_ascii_digit()) && !next.is_empty() => {
                    RawValue::List(Vec::new())
                }
                _ => RawValue::Table(BTreeMap::new()),
            };
            set(table.entry((*step).to_owned()).or_insert(empty), rest, text)
        }
        RawValue::List(values) => {
            let next = values.len();
            let index: usize =
                step.parse().map_err(|_| format!("leads into a list: write a number instead of {step}"))?;
            if index == next {
                values.push(RawValue::Table(BTreeMap::new()));
            }
            let value = values.get_mut(index).ok_or_else(|| format!("leaves a gap in the list: use {next} next"))?;
            set(value, rest, text)
        }
        RawValue::File(_) | RawValue::Env(_) => {
            Err("leads into something that is a single value: set the value itself".to_owned())
        }
    }
}

/// A secret has two forms, `password` and `password_file`. A variable for one of them replaces the other one of the
/// file. Both in the environment remain an error.
fn remove_other_form(table: &mut BTreeMap<String, RawValue>, key: &str) {
    let other = match key.strip_suffix("_file") {
        Some(stem) => stem.to_owned(),
        None => format!("{key}_file"),
    };
    if table.get(&other).is_some_and(|value| !value.is_from_environment()) {
        table.remove(&other);
    }
}
