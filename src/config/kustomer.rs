//! `[kustomer]`: closed conversations.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::agent_connect::Sending;
use super::error::ConfigError;
use super::{secret, value};
use base::Secret;

/// Access to Kustomer, the verification of its webhooks, and survey requests for closed conversations.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Kustomer {
    /// The root URL of the API. Default `https://api.kustomerapp.com`.
    #[serde(deserialize_with = "value::text")]
    pub api_root: Url,
    /// The key for reading conversations and customers. Default: none, only what webhooks contain is known.
    #[serde(deserialize_with = "secret::optional")]
    pub api_key: Option<Secret>,
    /// The secret that signs webhooks (apis.md P30). Default: none, all webhooks are refused.
    #[serde(deserialize_with = "secret::optional")]
    pub webhook_secret: Option<Secret>,
    /// The organization's name in `https://{org_domain}.kustomerapp.com`. Required.
    pub org_domain: String,
    /// The customer attributes that forbid a survey when true. Default: the two names in Agent Connect's documents,
    /// which disagree (apis.md 0.9).
    pub do_not_send_attributes: Vec<String>,
    /// Whether surveys are requested for closed conversations. Default `off`. Switch Kustomer's own workflow off before
    /// this is on, or customers get two surveys (apis.md B215).
    pub send: Sending,
    /// Which user of a conversation a survey request names. Default `first`.
    pub agent: Assigned,
    /// Whether a conversation that is reopened and closed again gets another survey request. Default `once`.
    pub ask: Ask,
    /// The conversation attributes that forbid a survey when true. Default `spam` and `merged`.
    pub skip_attributes: Vec<String>,
    /// The time without a webhook after which the status page reports a fault: Kustomer stops calling a webhook that
    /// fails. Default 24 hours.
    #[serde(deserialize_with = "value::text")]
    pub silent_after: Duration,
    /// Agent Connect's names of Kustomer's channels, where the two differ. Default `voice = "phone"`.
    pub channel_map: BTreeMap<String, String>,
}

/// Which user of a conversation a survey request names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assigned {
    /// The first assigned user.
    #[default]
    First,
    /// The last assigned user.
    Last,
    /// The user who closed it.
    Closer,
}

/// How often surveys are requested for one conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Once.
    #[default]
    Once,
    /// Each time it is closed.
    EachDone,
}

impl Default for Kustomer {
    fn default() -> Self {
        Self {
            api_root: Url::parse("https://api.kustomerapp.com").expect("the default address is a URL"),
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
            let advice = "needs webhook_secret to receive closed conversations or api_key to read them: add one, or \
                          remove the section";
            return Err(ConfigError::invalid("kustomer", advice));
        }
        let is_label = |sign: char| sign.is_ascii_alphanumeric() || sign == '-';
        if self.org_domain.is_empty() || !self.org_domain.chars().all(is_label) {
            let advice = "must be the first word of the organization's address: \"example\" for \
                          https://example.kustomerapp.com";
            return Err(ConfigError::invalid("kustomer.org_domain", advice));
        }
        if self.send != Sending::Off && (self.api_key.is_none() || self.webhook_secret.is_none()) {
            let advice = "needs webhook_secret to receive closed conversations and api_key to read the customer: \
                          add both, or set send = \"off\"";
            return Err(ConfigError::invalid("kustomer.send", advice));
        }
        value::check_positive("kustomer.silent_after", self.silent_after)
    }
}
