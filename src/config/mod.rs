//! One TOML file, then the environment, then secret files.
//!
//! A type for each section, named after it; fields are named after keys. What is wrong comes out as one sentence that
//! names the key and says what to do, and never quotes a value that might be a secret.

mod access;
mod account;
mod agent_connect;
mod alert_targets;
mod clarity;
mod error;
mod goodays;
mod join;
mod kustomer;
pub mod names;
mod opening_hours;
mod privacy;
mod queues;
mod deserializer;
mod context;
mod secret;
mod server;
mod source;
mod store;
mod thresholds;
mod tls;
mod suggestion;
mod value;
mod walk;
mod wallboards;

#[cfg(test)]
mod tests;

pub use access::{Access, People, SignIn};
pub use agent_connect::{AgentConnect, Mode, NamedAgent, Sending};
pub use alert_targets::AlertTarget;
pub use clarity::{Auth, Clarity, SessionPropertiesKey, Transport, WriteVerb};
pub use error::ConfigError;
pub use goodays::{AnswerWithin, Goodays};
pub use join::{EmployeeLink, GoodaysExtraKeys, Join, PlaceLink};
pub use kustomer::{Ask, Assigned, Kustomer};
pub use opening_hours::OpeningHours;
pub use privacy::Privacy;
pub use queues::{Formula, Queue, QueueRef, ServiceLevel};
pub use server::Server;
pub use source::PREFIX;
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

use context::Reading;
use source::Written;

use base::private_file;

/// Everything that can be configured. A system without a section is switched off.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Config {
    /// The server itself.
    pub server: Server,
    /// Who comes in, and what they are to the house.
    pub access: Access,
    /// How what must survive is looked after.
    pub store: Store,
    /// For how long things are kept.
    pub privacy: Privacy,
    /// Telephony.
    pub clarity: Option<Clarity>,
    /// What customers say.
    pub goodays: Option<Goodays>,
    /// Surveys about agents.
    pub agent_connect: Option<AgentConnect>,
    /// Where conversations are closed.
    pub kustomer: Option<Kustomer>,
    /// What ties them together.
    pub join: Join,
    /// What Clarity does not tell about its queues.
    pub queues: Vec<Queue>,
    /// Levels and alerts.
    pub thresholds: Vec<Threshold>,
    /// Who else is told of alerts.
    pub alert_targets: Vec<AlertTarget>,
    /// The pages for the screens on the wall.
    pub wallboards: Vec<Wallboard>,
}

/// Where a value comes from. What is not listed has its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From the configuration file.
    File,
    /// From a variable of the environment.
    Environment,
    /// From the file that the key's `_file` form names.
    SecretFile,
}

impl Config {
    /// Reads the file, lays the environment over it, reads the secret files, and checks that it all makes sense. Without
    /// a path only the environment counts. Paths of secret files are relative to the configuration file.
    ///
    /// # Errors
    /// When the server must not start with this configuration; the sentence says what to mend.
    pub fn load(path: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        Self::load_with_origins(path, environment).map(|(config, _)| config)
    }

    /// What is configured and has no effect yet, by key: nobody should wait for an alert that cannot come.
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

    /// The same, and for each value that is not a default, by its key, where it comes from.
    ///
    /// # Errors
    /// The same.
    pub fn load_with_origins(
        path: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<(String, Origin)>), ConfigError> {
        let mut public_mode = None;
        let mut written = match path {
            Some(path) => {
                let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
                let mut file = File::open(path).map_err(unreadable)?;
                public_mode = private_file::public_mode(&file.metadata().map_err(unreadable)?);
                let mut text = Zeroizing::new(String::new());
                file.read_to_string(&mut text).map_err(unreadable)?;
                source::parse(&text, path)?
            }
            None => Written::Table(BTreeMap::new()),
        };
        source::overlay(&mut written, environment)?;
        let directory = path.and_then(Path::parent).unwrap_or(Path::new(""));
        let reading = Reading::new(Some(directory));
        let mut config: Self = reading.read(&written).map_err(|problem| suggestion::with_nearest(problem.into()))?;
        if let (Some(path), Some(mode), Some(key)) = (path, public_mode, reading.secret_in_file()) {
            return Err(ConfigError::Public { path: path.to_owned(), mode, key });
        }
        if let Some(clarity) = &mut config.clarity {
            let file = |key| written.text_at(&["clarity", key]).filter(|path| !path.is_empty());
            clarity.settle(directory, file("password_file"), file("token_file"));
        }
        if let Some(tls) = &mut config.server.tls {
            tls.settle(directory);
        }
        config.check()?;
        Ok((config, reading.origins()))
    }

    /// What the types cannot know.
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
        for (place, queue) in self.queues.iter().enumerate() {
            queue.check(place, &self.queues[..place])?;
        }
        for (place, threshold) in self.thresholds.iter().enumerate() {
            threshold.check(place, &self.thresholds[..place])?;
        }
        for (place, target) in self.alert_targets.iter().enumerate() {
            target.check(place)?;
        }
        for (place, board) in self.wallboards.iter().enumerate() {
            board.check(place, &self.wallboards[..place])?;
        }
        Ok(())
    }
}
