//! The configuration: one TOML file, overlaid with environment variables, and secrets from files of their own.
//!
//! Each section has a file and a type named after it; fields are named after keys. An error is one sentence that names
//! the key and says what to do, and never quotes a value, which might be a secret.

mod access;
mod agent_connect;
mod alert_targets;
mod clarity;
mod clarity_check;
mod context;
mod deserializer;
mod error;
mod goodays;
mod join;
mod kustomer;
pub mod names;
mod opening_hours;
mod privacy;
mod queues;
mod raw_value;
mod secret;
mod server;
mod similarity;
mod store;
mod suggestion;
mod thresholds;
mod tls;
mod value;
mod wallboards;

#[cfg(test)]
mod tests;

pub use access::{Access, People, SignIn};
pub use agent_connect::{AgentConnect, Mode, NamedAgent, Sending};
pub use alert_targets::AlertTarget;
pub use clarity::{Auth, Clarity, SessionPropertiesKey, Transport, WriteVerb};
pub use context::Origin;
pub use error::ConfigError;
pub use goodays::{AnswerWithin, Goodays};
pub use join::{EmployeeLink, GoodaysExtraKeys, Join, PlaceLink};
pub use kustomer::{Ask, Assigned, Kustomer};
pub use opening_hours::OpeningHours;
pub use privacy::Privacy;
pub use queues::{Formula, Queue, QueueRef, ServiceLevel};
pub use server::Server;
pub use store::Store;
pub use thresholds::{Limit, Threshold};
pub use tls::Tls;
pub use value::Bytes;
pub use wallboards::{Theme, Wallboard};

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use context::LoadContext;
use raw_value::RawValue;

use base::private_file;

/// The whole configuration. A system without a section is switched off.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Config {
    /// Addresses, TLS, the data directory and the time zone.
    pub server: Server,
    /// Authentication, roles and sessions.
    pub access: Access,
    /// Backups and disk space.
    pub store: Store,
    /// Retention periods.
    pub privacy: Privacy,
    /// Clarity Connect: telephony.
    pub clarity: Option<Clarity>,
    /// Goodays: customer responses.
    pub goodays: Option<Goodays>,
    /// Agent Connect: surveys.
    pub agent_connect: Option<AgentConnect>,
    /// Kustomer: conversations.
    pub kustomer: Option<Kustomer>,
    /// Rules that match records of the systems.
    pub join: Join,
    /// Service levels and opening hours of queues.
    pub queues: Vec<Queue>,
    /// Warning and critical levels of metrics.
    pub thresholds: Vec<Threshold>,
    /// Webhooks that alerts are sent to.
    pub alert_targets: Vec<AlertTarget>,
    /// Pages for wall displays.
    pub wallboards: Vec<Wallboard>,
}

impl Config {
    /// Reads the file, overlays the environment, reads the secret files, and checks the values. Without a path only the
    /// environment is read. Paths of secret files are relative to the configuration file.
    ///
    /// # Errors
    /// When the server must not start with this configuration; the sentence says what to do.
    pub fn load(path: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        Self::load_with_origins(path, environment).map(|(config, _)| config)
    }

    /// The sections that are configured and have no effect yet, such as alerts.
    #[must_use]
    pub fn keys_without_effect(&self) -> Vec<&'static str> {
        [
            ("thresholds", !self.thresholds.is_empty()),
            ("alert_targets", !self.alert_targets.is_empty()),
            ("queues", !self.queues.is_empty()),
        ]
        .into_iter()
        .filter_map(|(key, given)| given.then_some(key))
        .collect()
    }

    /// [`load`](Self::load), with the origin of each value that is not a default, by its key.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with_origins(
        path: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<(String, Origin)>), ConfigError> {
        let mut public_mode = None;
        let mut raw = match path {
            Some(path) => {
                let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
                let mut file = File::open(path).map_err(unreadable)?;
                public_mode = private_file::public_mode(&file.metadata().map_err(unreadable)?);
                let mut text = Zeroizing::new(String::new());
                file.read_to_string(&mut text).map_err(unreadable)?;
                raw_value::parse(&text, path)?
            }
            None => RawValue::Table(BTreeMap::new()),
        };
        raw_value::overlay(&mut raw, environment)?;
        let directory = path.and_then(Path::parent).unwrap_or(Path::new(""));
        let context = LoadContext::new(Some(directory));
        let config = deserializer::read(&context, &raw);
        let mut config: Self = config.map_err(|error| suggestion::with_nearest_key::<Self>(error.into()))?;
        if let (Some(path), Some(mode), Some(key)) = (path, public_mode, context.secret_in_file()) {
            return Err(ConfigError::Public { path: path.to_owned(), mode, key });
        }
        if let Some(clarity) = &mut config.clarity {
            let file = |key| raw.text_at(&["clarity", key]).filter(|path| !path.is_empty());
            clarity.resolve(directory, file("password_file"), file("token_file"));
        }
        if let Some(tls) = &mut config.server.tls {
            tls.resolve(directory);
        }
        config.check()?;
        Ok((config, context.origins()))
    }

    /// Checks what deserialization cannot: ranges, and values that contradict each other.
    fn check(&self) -> Result<(), ConfigError> {
        self.server.check()?;
        self.access.check()?;
        self.store.check()?;
        self.privacy.check()?;
        self.clarity.as_ref().map_or(Ok(()), Clarity::check)?;
        self.goodays.as_ref().map_or(Ok(()), Goodays::check)?;
        self.agent_connect.as_ref().map_or(Ok(()), AgentConnect::check)?;
        self.kustomer.as_ref().map_or(Ok(()), Kustomer::check)?;
        self.join.check()?;
        for (index, queue) in self.queues.iter().enumerate() {
            queue.check(index, &self.queues[..index])?;
        }
        for (index, threshold) in self.thresholds.iter().enumerate() {
            threshold.check(index, &self.thresholds[..index])?;
        }
        for (index, target) in self.alert_targets.iter().enumerate() {
            target.check(index)?;
        }
        for (index, board) in self.wallboards.iter().enumerate() {
            board.check(index, &self.wallboards[..index])?;
        }
        Ok(())
    }
}
