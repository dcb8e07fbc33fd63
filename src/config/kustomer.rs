//! `[kustomer]`: where conversations are closed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{ConfigError, Sending, secret, value};
use base::Secret;

/// How to reach Kustomer, and how to believe its webhooks.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Kustomer {
    /// The root of the API. Default `https://api.kustomerapp.com`.
    #[serde(deserialize_with = "value::text")]
    pub api_root: Url,
    /// The key for reading conversations and customers. Without it only what webhooks say is known.
    #[serde(deserialize_with = "secret::optional")]
    pub api_key: Option<Secret>,
    /// The secret that signs webhooks (`apis.md` P30). Without it no webhook is believed.
    #[serde(deserialize_with = "secret::optional")]
    pub webhook_secret: Option<Secret>,
    /// The organisation's name in `https://{org_domain}.kustomerapp.com`. Must be given.
    pub org_domain: String,
    /// The customers' attributes that forbid a survey when true. Default: the two names that are in use.
    pub do_not_send_attributes: Vec<String>,
    /// Whether surveys are requested for closed conversations. Default `off`: switch the workflow in Kustomer off before it
    /// is on, or customers are asked twice (`apis.md` B215).
    pub send: Sending,
    /// Which of several assigned users a request names, or whoever closed the conversation. Default `first`.
    pub agent: Assigned,
    /// Whether a conversation that is reopened and closed again is asked about again. Default `once`.
    pub ask: Ask,
    /// Attributes that keep a conversation from being asked about when true. Default `spam` and `merged`.
    pub skip_attributes: Vec<String>,
    /// How long no webhook may come before that is a fault: Kustomer gives up on one that fails. Default 24 hours.
    #[serde(deserialize_with = "value::text")]
    pub silent_after: Duration,
    /// What Agent Connect calls a channel of Kustomer's, where the two differ. Default `voice = "phone"`.
    pub channel_map: BTreeMap<String, String>,
}

/// Which of the users of a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assigned {
    /// The first who is assigned.
    #[default]
    First,
    /// The last who is assigned.
    Last,
    /// Whoever closed it.
    Closer,
}

/// How often a conversation is asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Once, whatever becomes of it.
    #[default]
    Once,
    /// Each time that it is closed.
    EachDone,
}

impl Default for Kustomer {
    fn default() -> Self {
        Self {
            api_root: Url::parse("https://api.kustomerapp.com").expect("the default address is an address"),
            api_key: None,
            webhook_secret: None,
            org_domain: String::new(),
            do_not_send_attributes: ["doNotSendAgentConnectRequestBool", "doNotSendStellaConnectRequestBool"]
                .map(str::to_owned)
                .to_vec(),
            send: Sending::default(),
            agent: Assigned::default(),
            ask: Ask::default(),
            skip_attributes: ["spam", "merged"].map(str::to_owned).to_vec(),
            silent_after: Duration::from_secs(86_400),
            channel_map: BTreeMap::from([("voice".to_owned(), "phone".to_owned())]),
        }
    }
}

impl Kustomer {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        value::check_credential_address("kustomer.api_root", &self.api_root)?;
        if self.api_key.is_none() && self.webhook_secret.is_none() {
            let advice = "needs webhook_secret to hear of closed conversations or api_key to ask for them: add one, or \
                          remove the section";
            return Err(ConfigError::invalid("kustomer", advice));
        }
        let is_label = |sign: char| sign.is_ascii_alphanumeric() || sign == '-';
        if self.org_domain.is_empty() || !self.org_domain.chars().all(is_label) {
            let advice = "must be the first word of the organisation's address: \"example\" for \
                          https://example.kustomerapp.com";
            return Err(ConfigError::invalid("kustomer.org_domain", advice));
        }
        if self.send != Sending::Off && (self.api_key.is_none() || self.webhook_secret.is_none()) {
            let advice = "needs webhook_secret to hear of closed conversations and api_key to learn who the customer is: \
                          add both, or set send = \"off\"";
            return Err(ConfigError::invalid("kustomer.send", advice));
        }
        value::check_positive("kustomer.silent_after", self.silent_after)
    }
}
