//! Lines for Clarity's own log (apis.md C45).

use reqwest::Method;
use serde::Serialize;

use crate::upstream::clarity::{Clarity, Error};

/// A line for Clarity's log. It leaves this server, so it must not contain anything secret or personal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// What to write.
    pub message: String,
    /// Such as `info`; Clarity takes `debug` when nothing is said (apis.md C64).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,
    /// The contact that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<i64>,
    /// The file that it goes to; Clarity takes `other` when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
}

impl Clarity {
    /// Writes a line.
    ///
    /// # Errors
    /// See [`Error`]. An empty one is not sent.
    pub async fn write_log(&self, entry: &LogEntry) -> Result<(), Error> {
        const CALL: &str = "a line for the log";
        if entry.message.trim().is_empty() {
            return Err(Error::NotSent { call: CALL, reason: "it is empty" });
        }
        self.send_write(CALL, Method::POST, self.url("/v2/clientlogs", ""), Some(entry)).await.map(|_| ())
    }
}
