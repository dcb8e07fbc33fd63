//! The logged-in agent's own settings (apis.md C12, C14).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::Other;
use crate::upstream::tolerant;

/// What [`Profile::modalities`] falls back to (apis.md C55).
const ALL_MODALITIES: [&str; 3] = ["audio", "instantMessage", "message"];

/// Base Profile (apis.md C81): the agent whose token was shown.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Profile {
    /// Who.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
    /// The team; -1 means none (apis.md B84), and [`Profile::team`] says so.
    #[serde(deserialize_with = "tolerant::integer")]
    pub team_id: Option<i64>,
    /// The public name.
    #[serde(deserialize_with = "tolerant::text")]
    pub name: Option<String>,
    /// The e-mail address.
    #[serde(deserialize_with = "tolerant::text")]
    pub email_address: Option<String>,
    /// The language, such as `en-us`: names the labels of metrics.
    #[serde(deserialize_with = "tolerant::text")]
    pub locale_key: Option<String>,
    /// The kinds of contact that the site has switched on, not the agent's own skills (apis.md B85).
    #[serde(deserialize_with = "tolerant::list")]
    pub enabled_modalities: Option<Vec<String>>,
    /// Whether direct calls go through Clarity.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_direct_proxy_enabled: Option<bool>,
    /// Whether agents are in a federated domain.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_federated_deployment: Option<bool>,
    /// Whether the agent may suspend their own contacts.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub can_mark_self_as_suspended: Option<bool>,
    /// Whether the agent must use the old console.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub use_silverlight_agent_console: Option<bool>,
    /// Whether recording is disabled.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub hide_record_button: Option<bool>,
    /// Whether this agent may not record.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub hide_recording_button: Option<bool>,
    /// Where calls are attended; several are separated by `|`.
    #[serde(deserialize_with = "tolerant::text")]
    pub attendant_sip_uri: Option<String>,
    /// The Windows domain.
    #[serde(deserialize_with = "tolerant::text")]
    pub domain: Option<String>,
    /// A setting of Skype. A text even when it says `false` (apis.md B62, B93).
    #[serde(deserialize_with = "tolerant::text")]
    pub discovery_x_frame_url_override: Option<String>,
    /// The same.
    #[serde(deserialize_with = "tolerant::text")]
    pub discovery_user_url_override: Option<String>,
    /// The agent's own Skype address.
    #[serde(alias = "agentGRUU", deserialize_with = "tolerant::text")]
    pub agent_gruu: Option<String>,
    /// Whether direct calls are tracked; at times a text (apis.md B62).
    #[serde(deserialize_with = "tolerant::boolean")]
    pub proxy_direct_calls: Option<bool>,
    /// Queues that the agent does not want to see.
    #[serde(deserialize_with = "tolerant::list")]
    pub hidden_queues: Option<Vec<HiddenQueue>>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

/// A queue that an agent hides; one of the special ids as a rule (apis.md C57).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HiddenQueue {
    /// Which; at times as text (apis.md B61).
    #[serde(deserialize_with = "tolerant::integer")]
    pub queue_id: Option<i64>,
    /// Its name.
    #[serde(deserialize_with = "tolerant::text")]
    pub queue_name: Option<String>,
}

/// What the site's own dashboard is made of (apis.md C14). The definitions have no documented shape.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DashboardSettings {
    /// The template.
    #[serde(deserialize_with = "tolerant::integer")]
    pub template_id: Option<i64>,
    /// Its revision; at times as text (apis.md B61).
    #[serde(deserialize_with = "tolerant::integer")]
    pub template_revision: Option<i64>,
    /// What it shows.
    #[serde(deserialize_with = "tolerant::maybe")]
    pub definition: Option<Value>,
    /// The agents' template.
    #[serde(deserialize_with = "tolerant::integer")]
    pub agent_console_template_id: Option<i64>,
    /// Its revision.
    #[serde(deserialize_with = "tolerant::integer")]
    pub agent_console_template_revision: Option<i64>,
    /// What that shows.
    #[serde(deserialize_with = "tolerant::maybe")]
    pub agent_console_definition: Option<Value>,
    /// Where calls are attended.
    #[serde(deserialize_with = "tolerant::text")]
    pub attendant_endpoint: Option<String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

impl Profile {
    /// The team, if there is one (apis.md B84).
    #[must_use]
    pub fn team(&self) -> Option<i64> {
        self.team_id.filter(|team| *team >= 0)
    }

    /// The kinds of contact that are switched on, unknown ones included; all three when nothing is said (apis.md B85).
    #[must_use]
    pub fn modalities(&self) -> BTreeSet<String> {
        match &self.enabled_modalities {
            Some(names) => names.iter().map(|name| tolerant::camel_case(name)).collect(),
            None => ALL_MODALITIES.map(str::to_owned).into(),
        }
    }
}
