//! `[join]`: what the four systems call the same thing.

use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, value};

/// Hints that tie the systems together where their own data does not.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Join {
    /// The extra keys of a Goodays response that carry our identities.
    pub goodays_extra_keys: GoodaysExtraKeys,
    /// How far from the time of a visit the customer's session may begin (`apis.md` J23). Default `30m`.
    #[serde(deserialize_with = "value::text")]
    pub visit_window: Duration,
    /// The extra item of a session that names its Kustomer conversation (`apis.md` J17). Default `KustomerConversationId`.
    pub session_conversation_item: String,
    /// How long after a call its Kustomer conversation may be closed, and be known as its own though neither names the other
    /// (`apis.md` J18). Default `15m`.
    #[serde(deserialize_with = "value::text")]
    pub closed_within: Duration,
    /// Domains whose SIP addresses are e-mail addresses as well: the house's own, and federated ones (`apis.md` J28).
    /// Default: none.
    pub federated_domains: Vec<String>,
    /// Which place of Goodays is which queue. Default: none.
    pub places: Vec<PlaceLink>,
    /// Which employee of Agent Connect is which agent. Default: none, they are matched by e-mail address.
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
    /// The key that holds the number of the Clarity session. Default `session`.
    pub session_id: String,
    /// The key that holds the identity of the Kustomer conversation. Default `conversation`.
    pub conversation_id: String,
    /// The key that holds the day of the customer's visit or purchase, as in `2026-11-20`, where the places are. Default
    /// `transaction_date`.
    pub visit_date: String,
    /// The key that holds the time of that day, as in `17:47`. Default `transaction_time`.
    pub visit_time: String,
}

impl Default for GoodaysExtraKeys {
    fn default() -> Self {
        let [session_id, conversation_id, visit_date, visit_time] =
            ["session", "conversation", "transaction_date", "transaction_time"].map(str::to_owned);
        Self { session_id, conversation_id, visit_date, visit_time }
    }
}

/// A place is a queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PlaceLink {
    /// The place's identity at the partner. Must be given.
    pub partner_id: String,
    /// The queue's number in Clarity. Must be given.
    pub queue_id: i64,
}

/// An employee is an agent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EmployeeLink {
    /// The employee's `custom_id` in Agent Connect. Must be given.
    pub custom_id: String,
    /// The agent's number in Clarity. Must be given.
    pub agent_id: i64,
}

impl Join {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.visit_window > Duration::from_secs(24 * 3600) {
            let advice = "must be at most \"24h\": on the next day it was another visit";
            return Err(ConfigError::invalid("join.visit_window", advice));
        }
        if self.closed_within > Duration::from_secs(4 * 3600) {
            let advice = "must be at most \"4h\": by then the customer has called about something else";
            return Err(ConfigError::invalid("join.closed_within", advice));
        }
        let is_domain = |domain: &String| {
            !domain.is_empty() && domain.chars().all(|sign| sign.is_alphanumeric() || sign == '-' || sign == '.')
        };
        if let Some(place) = self.federated_domains.iter().position(|domain| !is_domain(domain)) {
            let advice = "must be what stands behind the @ of an address, such as \"example.com\"";
            return Err(ConfigError::invalid(format!("join.federated_domains[{place}]"), advice));
        }
        for (place, link) in self.places.iter().enumerate() {
            if self.places[..place].iter().any(|other| other.partner_id == link.partner_id) {
                return Err(twice(format!("join.places[{place}].partner_id"), &link.partner_id));
            }
        }
        for (place, link) in self.employees.iter().enumerate() {
            if self.employees[..place].iter().any(|other| other.custom_id == link.custom_id) {
                return Err(twice(format!("join.employees[{place}].custom_id"), &link.custom_id));
            }
        }
        Ok(())
    }
}

fn twice(key: String, name: &str) -> ConfigError {
    ConfigError::invalid(key, format!("lists \"{name}\" a second time: keep one of the two"))
}
