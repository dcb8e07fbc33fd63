//! `[[alert_targets]]`: who else is told.

use serde::Deserialize;
use url::Url;

use super::{ConfigError, secret, value};
use base::Secret;

/// A webhook that is told when an alert begins and when it is over.
#[derive(Debug, Clone, Deserialize)]
pub struct AlertTarget {
    /// Where alerts are posted. Must be given.
    #[serde(deserialize_with = "value::text")]
    pub url: Url,
    /// The secret that signs them, so that the receiver can believe them. Must be given.
    #[serde(deserialize_with = "secret::one")]
    pub secret: Secret,
}

impl AlertTarget {
    pub(super) fn check(&self, place: usize) -> Result<(), ConfigError> {
        if self.url.query().is_some() && self.url.fragment().is_none() {
            // Some receivers carry their key in the query; it is theirs to choose.
            let mut bare = self.url.clone();
            bare.set_query(None);
            return value::check_credential_address(&format!("alert_targets[{place}].url"), &bare);
        }
        value::check_credential_address(&format!("alert_targets[{place}].url"), &self.url)
    }
}
