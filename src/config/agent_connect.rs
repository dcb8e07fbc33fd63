//! `[agent_connect]`: survey requests and survey results.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::error::ConfigError;
use super::{secret, value};
use base::Secret;

/// Access to Agent Connect, and whether surveys are requested.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct AgentConnect {
    /// The root URL of the API. Default `https://api.stellaconnect.net`.
    #[serde(deserialize_with = "value::text")]
    pub api_root: Url,
    /// The API key for survey requests. Required unless [`send`](Self::send) is `off`.
    #[serde(deserialize_with = "secret::optional")]
    pub api_key: Option<Secret>,
    /// The secret that signs the JWT of Data Return, the API of survey results. Default: none, and no results are read.
    #[serde(deserialize_with = "secret::optional")]
    pub api_secret: Option<Secret>,
    /// Which of Agent Connect's two keys `api_key` is, for people to read: the key itself decides whether customers are
    /// surveyed (apis.md R3). Default `test`.
    pub mode: Mode,
    /// Whether surveys are requested for ended sessions. Default `off`.
    pub send: Sending,
    /// The age of an ended interaction up to which a survey is requested. Older ones, reported after a downtime, are
    /// only counted. Default 4 hours.
    #[serde(deserialize_with = "value::text")]
    pub ask_within: Duration,
    /// Which agent of a session a survey request names (apis.md J41). Default `last`.
    pub agent: NamedAgent,
    /// The extra items of a session that may hold the customer's e-mail address; the first one that does is used.
    /// Default `CustomerEmail` and `Email`.
    pub email_items: Vec<String>,
    /// How long a request of unknown outcome is looked up in the results before it counts as lost. Default 15 minutes.
    #[serde(deserialize_with = "value::text")]
    pub look_up_window: Duration,
    /// The time without a new result after which the status page reports a fault. Default 7 days.
    #[serde(deserialize_with = "value::text")]
    pub silent_after: Duration,
    /// How often results are polled. Default 60 s.
    #[serde(deserialize_with = "value::text")]
    pub data_return_interval: Duration,
}

/// Which key of Agent Connect is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The test key: all surveys go to the test address.
    #[default]
    Test,
    /// The production key: customers are surveyed.
    Production,
}

/// Whether surveys are requested.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sending {
    /// They are not.
    #[default]
    Off,
    /// They are prepared and shown, but not sent.
    DryRun,
    /// One is sent for each ended interaction that has the data which a request needs.
    On,
}

/// Which agent of a session a survey request names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedAgent {
    /// The agent who was responsible at the end.
    #[default]
    Last,
    /// The agent who answered first.
    First,
    /// The agent who handled it longest.
    Longest,
}

impl Default for AgentConnect {
    fn default() -> Self {
        Self {
            api_root: Url::parse("https://api.stellaconnect.net").expect("the default address is a URL"),
            api_key: None,
            api_secret: None,
            mode: Mode::default(),
            send: Sending::default(),
            ask_within: Duration::from_secs(4 * 3600),
            agent: NamedAgent::default(),
            email_items: ["CustomerEmail", "Email"].map(str::to_owned).to_vec(),
            look_up_window: Duration::from_secs(900),
            silent_after: Duration::from_secs(7 * 86_400),
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
        value::check_positive("agent_connect.ask_within", self.ask_within)?;
        value::check_positive("agent_connect.silent_after", self.silent_after)?;
        value::check_positive("agent_connect.data_return_interval", self.data_return_interval)
    }
}
