//! `[kustomer]`: where conversations are closed.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::{ConfigError, secret, value};
use crate::base::Secret;

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
    /// What Agent Connect calls a channel of Kustomer's, where the two differ. Default `voice = "phone"`.
    pub channel_map: BTreeMap<String, String>,
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
        Ok(())
    }
}
