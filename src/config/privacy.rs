//! `[privacy]`: retention periods of data about customers and employees.

use jiff::Span;
use serde::Deserialize;

use super::error::ConfigError;
use super::value;

/// Retention periods.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Privacy {
    /// Raw webhooks. Default `30d`.
    #[serde(deserialize_with = "value::text")]
    pub keep_webhooks: Span,
    /// Customer responses and survey requests. Default `13mo`.
    #[serde(deserialize_with = "value::text")]
    pub keep_feedback: Span,
    /// Session history: which customer had which session when, so that feedback finds its call. Default `90d`.
    #[serde(deserialize_with = "value::text")]
    pub keep_sessions: Span,
    /// The audit. Default `12mo`.
    #[serde(deserialize_with = "value::text")]
    pub keep_audit: Span,
}

impl Default for Privacy {
    fn default() -> Self {
        Self {
            keep_webhooks: Span::new().days(30),
            keep_feedback: Span::new().months(13),
            keep_sessions: Span::new().days(90),
            keep_audit: Span::new().months(12),
        }
    }
}

impl Privacy {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, span) in [
            ("privacy.keep_webhooks", self.keep_webhooks),
            ("privacy.keep_feedback", self.keep_feedback),
            ("privacy.keep_sessions", self.keep_sessions),
            ("privacy.keep_audit", self.keep_audit),
        ] {
            // "13m" would be thirteen minutes: only whole days and longer are accepted.
            let days = span.fieldwise()
                == Span::new()
                    .years(span.get_years())
                    .months(span.get_months())
                    .weeks(span.get_weeks())
                    .days(span.get_days())
                    .fieldwise();
            if !span.is_positive() || !days {
                let advice =
                    "must be a term of whole days, weeks, months or years: write \"30d\", \"8w\", \"13mo\" or \"2y\"";
                return Err(ConfigError::invalid(key, advice));
            }
        }
        Ok(())
    }
}
