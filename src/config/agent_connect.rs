//! `[agent_connect]`: surveys about agents.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{ConfigError, secret, value};
use crate::base::Secret;

/// How to reach Agent Connect, and whether to ask it for surveys.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct AgentConnect {
    /// The root of the API. Default `https://api.stellaconnect.net`.
    #[serde(deserialize_with = "value::text")]
    pub api_root: Url,
    /// The key for requests. Must be given unless [`send`](Self::send) is `off`.
    #[serde(deserialize_with = "secret::optional")]
    pub api_key: Option<Secret>,
    /// The secret that signs the JWT of Data Return. Without it no results are read.
    #[serde(deserialize_with = "secret::optional")]
    pub api_secret: Option<Secret>,
    /// Which of the vendor's two keys this is, for people to read: the key itself decides whether customers are surveyed
    /// (`apis.md` R3). Default `test`.
    pub mode: Mode,
    /// Whether surveys are requested for ended sessions. Default `off`.
    pub send: Sending,
    /// How often results are asked for. Default 60 s.
    #[serde(deserialize_with = "value::text")]
    pub data_return_interval: Duration,
}

/// The vendor's worlds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The test key: whatever is sent goes to the test address.
    #[default]
    Test,
    /// The production key: customers are surveyed.
    Production,
}

/// Whether surveys are requested.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sending {
    /// None.
    #[default]
    Off,
    /// They are prepared and shown, and not sent.
    DryRun,
    /// For every ended session that has what a request needs.
    On,
}

impl Default for AgentConnect {
    fn default() -> Self {
        Self {
            api_root: Url::parse("https://api.stellaconnect.net").expect("the default address is an address"),
            api_key: None,
            api_secret: None,
            mode: Mode::default(),
            send: Sending::default(),
            data_return_interval: Duration::from_secs(60),
        }
    }
}

impl AgentConnect {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        value::check_credential_address("agent_connect.api_root", &self.api_root)?;
        if self.send != Sending::Off && self.api_key.is_none() {
            let advice = "is missing: sending surveys needs it; write it into an api_key_file, or set send = \"off\"";
            return Err(ConfigError::invalid("agent_connect.api_key", advice));
        }
        if self.api_key.is_none() && self.api_secret.is_none() {
            let advice =
                "needs api_key to request surveys or api_secret to read results: add one, or remove the section";
            return Err(ConfigError::invalid("agent_connect", advice));
        }
        value::check_positive("agent_connect.data_return_interval", self.data_return_interval)
    }
}
