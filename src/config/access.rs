//! `[access]`: who comes in, and what they are to the house.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{ConfigError, value};

/// Who comes in, and what they are to the house. Whoever is named by none of the three lists is an agent. Which agents,
/// queues and teams somebody sees is not said here but by Clarity, in its structure as they see it (`apis.md` C13).
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Access {
    /// How people sign in. Default `clarity`.
    pub sign_in: SignIn,
    /// Who keeps the house: the audit, and everybody's sign-ins. Default: nobody.
    pub administrators: People,
    /// Who keeps the floor: acts on agents and contacts, and confirms displays. Default: nobody.
    pub supervisors: People,
    /// Who leads agents and answers their customers. Default: nobody.
    pub team_leads: People,
    /// How long a sign-in lasts that nobody uses. Default 8 h, one shift.
    #[serde(deserialize_with = "value::text")]
    pub idle: Duration,
    /// How long a sign-in lasts at most. Default 12 h.
    #[serde(deserialize_with = "value::text")]
    pub longest: Duration,
    /// How often Clarity is asked whom somebody may see, at most 45 s apart. When it refuses them they may change nothing
    /// any more, and after a second refusal, at most 5 s later, their sign-in ends. Default 30 s.
    #[serde(deserialize_with = "value::text")]
    pub confirm_every: Duration,
    /// How long somebody sees what Clarity granted last while it does not answer. They may change nothing meanwhile, and see
    /// themselves alone afterwards. Default 1 h.
    #[serde(deserialize_with = "value::text")]
    pub unconfirmed_for: Duration,
    /// Other sites whose pages may bring somebody's Clarity token here, such as `https://intranet.example.com`. Default:
    /// none.
    pub token_origins: Vec<String>,
    /// How many sockets one sign-in may hold. Default 10.
    pub sockets: usize,
    /// How many different scopes one person may have open at once, in all of their sign-ins. Default 50.
    pub scopes: usize,
}

/// How people sign in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignIn {
    /// With the Windows account that Clarity knows them by, or with a Clarity token.
    #[default]
    Clarity,
    /// Not at all: whoever reaches the server may see and do everything. For one machine, or behind a proxy that signs
    /// people in.
    None,
}

/// People, one by one or by their group in Clarity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct People {
    /// Agents, by their number in Clarity. Default: none.
    pub agents: Vec<i64>,
    /// Groups of teams, by their name in Clarity: everybody whose team belongs to one. Default: none.
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
    /// These agents.
    #[must_use]
    pub fn agents(agents: impl IntoIterator<Item = i64>) -> Self {
        Self { agents: agents.into_iter().collect(), groups: Vec::new() }
    }
}

impl Access {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (place, origin) in self.token_origins.iter().enumerate() {
            let said = Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
            if said.is_none_or(|url| url.origin().ascii_serialization() != *origin) {
                let advice = "must be a bare origin as browsers write it, such as \"https://intranet.example.com\"";
                return Err(ConfigError::invalid(format!("access.token_origins[{place}]"), advice));
            }
        }
        if self.sockets == 0 {
            return Err(ConfigError::invalid("access.sockets", "must be at least 1: no page lives without a socket"));
        }
        if self.scopes == 0 {
            return Err(ConfigError::invalid("access.scopes", "must be at least 1: each page has a scope"));
        }
        if self.confirm_every > Duration::from_secs(45) {
            return Err(ConfigError::invalid(
                "access.confirm_every",
                "must be at most \"45s\": whoever is refused must be out within a minute",
            ));
        }
        value::check_positive("access.confirm_every", self.confirm_every)?;
        value::check_positive("access.idle", self.idle)?;
        value::check_positive("access.longest", self.longest)
    }
}
