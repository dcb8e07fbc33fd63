//! Recording: all contacts in which an agent takes part (apis.md C24, C25).

use reqwest::Method;
use serde_json::Value;

use super::list;
use crate::upstream::clarity::wire::RecordingStatus;
use crate::upstream::clarity::{Clarity, Error};

impl Clarity {
    /// Starts recording. An empty answer: the agent is in no contact (apis.md C24). Each contact says for itself
    /// whether it was refused or went wrong.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn start_recording(&self, agent: i64) -> Result<Vec<RecordingStatus>, Error> {
        self.record("the start of a recording", "startRecordingSessions", agent).await
    }

    /// Stops recording (apis.md C25); otherwise as [`Clarity::start_recording`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn stop_recording(&self, agent: i64) -> Result<Vec<RecordingStatus>, Error> {
        self.record("the end of a recording", "stopRecordingSessions", agent).await
    }

    async fn record(&self, call: &'static str, operation: &str, agent: i64) -> Result<Vec<RecordingStatus>, Error> {
        let url = self.url(&format!("/v2/sessions/callcontrol/{operation}/{agent}"), "");
        // It is done by now: an answer of another shape changes nothing.
        let answer: Value = self.send_write(call, Method::POST, url, None::<&()>).await?.unwrap_or_default();
        list(call, answer).or_else(|_| Ok(Vec::new()))
    }
}
