//! `[goodays]`: customer responses.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::error::ConfigError;
use super::opening_hours::OpeningHours;
use super::{secret, value};
use base::Secret;
use base::secret::ExposeSecret;

/// Access to Goodays, and the verification of its webhooks.
#[derive(Debug, Clone, Deserialize)]
pub struct Goodays {
    /// The root URL of the API. Default `https://api.goodays.co/v2`.
    #[serde(default = "api_root", deserialize_with = "value::text")]
    pub api_root: Url,
    /// The token for calls to the API. Required.
    #[serde(deserialize_with = "secret::one")]
    pub api_token: Secret,
    /// The HMAC secrets of webhooks, two while one replaces the other. A file holds one a line. Required unless
    /// [`allow_unsigned`](Self::allow_unsigned).
    #[serde(default, deserialize_with = "secret::list")]
    pub hmac_secrets: Vec<Secret>,
    /// Whether webhooks without a signature are accepted. Default `false`.
    #[serde(default)]
    pub allow_unsigned: bool,
    /// The sources whose responses need a `remark_type` in a reply (apis.md B149). Default `google`.
    #[serde(default = "external_sources")]
    pub external_sources: Vec<String>,
    /// The time without a webhook after which the pages say so (reliability.md W15). Default 24 hours.
    #[serde(default = "silence_alarm", deserialize_with = "value::text")]
    pub silence_alarm: Duration,
    /// The deadlines of first replies. A later reply is overdue.
    #[serde(default)]
    pub answer_within: AnswerWithin,
    /// The business hours of those who reply, in the server's time zone, such as `Mon-Fri 08:00-18:00`. First reply
    /// time and the time to the first action count only these hours; deadlines count around the clock. Default: none,
    /// all time counts.
    #[serde(default, deserialize_with = "value::optional")]
    pub count_hours: Option<OpeningHours>,
}

/// The deadline of the first reply, by kind of response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AnswerWithin {
    /// A response that Goodays raised an alert for. Default 4 hours.
    #[serde(deserialize_with = "value::text")]
    pub alert: Duration,
    /// A problem. Default 8 hours.
    #[serde(deserialize_with = "value::text")]
    pub problem: Duration,
    /// Any other response. Default 48 hours.
    #[serde(deserialize_with = "value::text")]
    pub rest: Duration,
}

impl Default for AnswerWithin {
    fn default() -> Self {
        let [alert, problem, rest] = [4, 8, 48].map(|hours| Duration::from_secs(hours * 60 * 60));
        Self { alert, problem, rest }
    }
}

impl Goodays {
    /// A section with these three keys and the defaults of all others.
    #[must_use]
    pub fn new(api_root: Url, api_token: Secret, hmac_secrets: Vec<Secret>) -> Self {
        Self {
            api_root,
            api_token,
            hmac_secrets,
            allow_unsigned: false,
            external_sources: external_sources(),
            silence_alarm: silence_alarm(),
            answer_within: AnswerWithin::default(),
            count_hours: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        value::check_credential_address("goodays.api_root", &self.api_root)?;
        value::check_positive("goodays.silence_alarm", self.silence_alarm)?;
        let AnswerWithin { alert, problem, rest } = self.answer_within;
        value::check_positive("goodays.answer_within.alert", alert)?;
        value::check_positive("goodays.answer_within.problem", problem)?;
        value::check_positive("goodays.answer_within.rest", rest)?;
        if self.hmac_secrets.is_empty() && !self.allow_unsigned {
            let advice = "is missing: copy the webhook's secret from Goodays, or set allow_unsigned = true to accept \
                          unsigned webhooks";
            return Err(ConfigError::invalid("goodays.hmac_secrets", advice));
        }
        if self.hmac_secrets.iter().any(|secret| secret.expose_secret().trim_matches('.').is_empty()) {
            let advice = "holds a placeholder: copy the webhook's secret from Goodays";
            return Err(ConfigError::invalid("goodays.hmac_secrets", advice));
        }
        Ok(())
    }
}

fn api_root() -> Url {
    Url::parse("https://api.goodays.co/v2").expect("the default address is a URL")
}

fn silence_alarm() -> Duration {
    Duration::from_secs(24 * 60 * 60)
}

fn external_sources() -> Vec<String> {
    vec!["google".to_owned()]
}
