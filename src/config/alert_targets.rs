//! `[[alert_targets]]`: webhooks that alerts are sent to.

use serde::Deserialize;
use url::Url;

use super::error::ConfigError;
use super::{secret, value};
use base::Secret;

/// A webhook that is called when an alert fires and when it clears.
#[derive(Debug, Clone, Deserialize)]
pub struct AlertTarget {
    /// The URL that alerts are posted to. Required.
    #[serde(deserialize_with = "value::text")]
    pub url: Url,
    /// The secret that signs the posts. Required.
    #[serde(deserialize_with = "secret::one")]
    pub secret: Secret,
}

impl AlertTarget {
    pub(super) fn check(&self, index: usize) -> Result<(), ConfigError> {
        if self.url.query().is_some() && self.url.fragment().is_none() {
            // Some receivers have their key in the query.
            let mut bare = self.url.clone();
            bare.set_query(None);
            return value::check_credential_address(&format!("alert_targets[{index}].url"), &bare);
        }
        value::check_credential_address(&format!("alert_targets[{index}].url"), &self.url)
    }
}
