//! `[access]`: authentication, roles and sessions of the people who use Callboard.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::error::ConfigError;
use super::value;

/// Authentication and roles. A person in none of the three lists has the role agent. Which agents, queues and teams a
/// person sees is not configured here: Clarity's structure, as it shows it to that person, decides (apis.md C13).
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Access {
    /// How people log in. Default `clarity`.
    pub sign_in: SignIn,
    /// Administrators: they read the audit and end logins. Default: none.
    pub administrators: People,
    /// Supervisors: they act on agents and contacts, and confirm displays. Default: none.
    pub supervisors: People,
    /// Team leads: they answer the customers of their agents. Default: none.
    pub team_leads: People,
    /// How long an unused login lasts. Default 8 h, one shift.
    #[serde(deserialize_with = "value::text")]
    pub idle: Duration,
    /// How long a login lasts at most. Default 12 h.
    #[serde(deserialize_with = "value::text")]
    pub longest: Duration,
    /// How often Clarity is asked what a person may see, 45 s at most. When it refuses the person, they may change
    /// nothing any more, and after a second refusal, at most 5 s later, their login ends. Default 30 s.
    #[serde(deserialize_with = "value::text")]
    pub confirm_every: Duration,
    /// How long a person sees what Clarity granted last while it does not answer. Meanwhile they may change nothing;
    /// afterwards they see only themselves. Default 1 h.
    #[serde(deserialize_with = "value::text")]
    pub unconfirmed_for: Duration,
    /// Origins of other sites whose pages may post a person's Clarity token here, such as
    /// `https://intranet.example.com`. Default: none.
    pub token_origins: Vec<String>,
    /// How many live sockets one login may hold. Default 10.
    pub sockets: usize,
    /// How many different scopes one person may have open at once, over all their logins. Default 50.
    pub scopes: usize,
}

/// How people log in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignIn {
    /// With the Windows account that Clarity knows them by, or with a Clarity token.
    #[default]
    Clarity,
    /// Not at all: every client that reaches the server may see and do everything. For one machine, or behind a proxy
    /// that authenticates.
    None,
}

/// People, by agent or by group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct People {
    /// Agents, by their id in Clarity. Default: none.
    pub agents: Vec<i64>,
    /// Groups of teams, by their name in Clarity: all agents of their teams. Default: none.
    pub groups: Vec<String>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            sign_in: SignIn::default(),
            administrators: People::default(),
            supervisors: People::default(),
            team_leads: People::default(),
            idle: Duration::from_secs(8 * 3600),
            longest: Duration::from_secs(12 * 3600),
            confirm_every: Duration::from_secs(30),
            unconfirmed_for: Duration::from_secs(3600),
            token_origins: Vec::new(),
            sockets: 10,
            scopes: 50,
        }
    }
}

impl People {
    /// These agents and no group.
    #[must_use]
    pub fn agents(agents: impl IntoIterator<Item = i64>) -> Self {
        Self { agents: agents.into_iter().collect(), groups: Vec::new() }
    }
}

impl Access {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (index, origin) in self.token_origins.iter().enumerate() {
            let parsed = Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
            if parsed.is_none_or(|url| url.origin().ascii_serialization() != *origin) {
                let advice = "must be a bare origin as browsers write it, such as \"https://intranet.example.com\"";
                return Err(ConfigError::invalid(format!("access.token_origins[{index}]"), advice));
            }
        }
        if self.sockets == 0 {
            return Err(ConfigError::invalid("access.sockets", "must be at least 1: each page needs a socket"));
        }
        if self.scopes == 0 {
            return Err(ConfigError::invalid("access.scopes", "must be at least 1: each page has a scope"));
        }
        if self.confirm_every > Duration::from_secs(45) {
            return Err(ConfigError::invalid(
                "access.confirm_every",
                "must be at most \"45s\": a user that Clarity refuses must be signed out within a minute",
            ));
        }
        value::check_positive("access.confirm_every", self.confirm_every)?;
        value::check_positive("access.idle", self.idle)?;
        value::check_positive("access.longest", self.longest)
    }
}
