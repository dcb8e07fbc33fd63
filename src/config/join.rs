//! `[join]`: how records of the four systems are matched.

use std::time::Duration;

use serde::Deserialize;

use super::error::ConfigError;
use super::value;

/// Rules that match records of the systems where their own data does not.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Join {
    /// The extra keys of a Goodays response that hold match keys.
    pub goodays_extra_keys: GoodaysExtraKeys,
    /// How far from the time of a visit the customer's session may begin (apis.md J23). Default `30m`.
    #[serde(deserialize_with = "value::text")]
    pub visit_window: Duration,
    /// The extra item of a session that names its Kustomer conversation (apis.md J17). Default
    /// `KustomerConversationId`.
    pub session_conversation_item: String,
    /// How long after a call a Kustomer conversation may be closed and still match it, where neither names the other
    /// (apis.md J18). Default `15m`.
    #[serde(deserialize_with = "value::text")]
    pub closed_within: Duration,
    /// Domains whose SIP addresses are e-mail addresses as well: your own, and federated ones (apis.md J28). Default:
    /// none.
    pub federated_domains: Vec<String>,
    /// Places of Goodays and their queues. Default: none.
    pub places: Vec<PlaceLink>,
    /// Employees of Agent Connect and their agents. Default: none, they are matched by e-mail address.
    pub employees: Vec<EmployeeLink>,
}

impl Default for Join {
    fn default() -> Self {
        Self {
            goodays_extra_keys: GoodaysExtraKeys::default(),
            visit_window: Duration::from_secs(30 * 60),
            session_conversation_item: "KustomerConversationId".to_owned(),
            closed_within: Duration::from_secs(15 * 60),
            federated_domains: Vec::new(),
            places: Vec::new(),
            employees: Vec::new(),
        }
    }
}

/// The names of the extra keys of a Goodays response.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct GoodaysExtraKeys {
    /// The key of the Clarity session id. Default `session`.
    pub session_id: String,
    /// The key of the Kustomer conversation id. Default `conversation`.
    pub conversation_id: String,
    /// The key of the local date of the customer's visit or purchase, as in `2026-11-20`. Default `transaction_date`.
    pub visit_date: String,
    /// The key of the local time of the visit or purchase, as in `17:47`. Default `transaction_time`.
    pub visit_time: String,
}

impl Default for GoodaysExtraKeys {
    fn default() -> Self {
        let [session_id, conversation_id, visit_date, visit_time] =
            ["session", "conversation", "transaction_date", "transaction_time"].map(str::to_owned);
        Self { session_id, conversation_id, visit_date, visit_time }
    }
}

/// A place of Goodays and its queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PlaceLink {
    /// The place's `partner_id` in Goodays. Required.
    pub partner_id: String,
    /// The queue's id in Clarity. Required.
    pub queue_id: i64,
}

/// An employee of Agent Connect and their agent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EmployeeLink {
    /// The employee's `custom_id` in Agent Connect. Required.
    pub custom_id: String,
    /// The agent's id in Clarity. Required.
    pub agent_id: i64,
}

impl Join {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.visit_window > Duration::from_secs(24 * 3600) {
            let advice = "must be at most \"24h\": a session of another day is not about this visit";
            return Err(ConfigError::invalid("join.visit_window", advice));
        }
        if self.closed_within > Duration::from_secs(4 * 3600) {
            let advice = "must be at most \"4h\": a later conversation is about something else";
            return Err(ConfigError::invalid("join.closed_within", advice));
        }
        let is_domain = |domain: &String| {
            !domain.is_empty()
                && domain.chars().all(|letter| letter.is_alphanumeric() || letter == '-' || letter == '.')
        };
        if let Some(index) = self.federated_domains.iter().position(|domain| !is_domain(domain)) {
            let advice = "must be the part behind the @ of an address, such as \"example.com\"";
            return Err(ConfigError::invalid(format!("join.federated_domains[{index}]"), advice));
        }
        for (index, link) in self.places.iter().enumerate() {
            if self.places[..index].iter().any(|other| other.partner_id == link.partner_id) {
                return Err(listed_twice(format!("join.places[{index}].partner_id"), &link.partner_id));
            }
        }
        for (index, link) in self.employees.iter().enumerate() {
            if self.employees[..index].iter().any(|other| other.custom_id == link.custom_id) {
                return Err(listed_twice(format!("join.employees[{index}].custom_id"), &link.custom_id));
            }
        }
        Ok(())
    }
}

fn listed_twice(key: String, name: &str) -> ConfigError {
    ConfigError::invalid(key, format!("lists \"{name}\" a second time: keep one of the two"))
}
