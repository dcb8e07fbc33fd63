//! An agent's status: reading and changing it (apis.md C26 to C28).

use reqwest::Method;
use serde::Serialize;

use super::{BatchItem, list, object};
use crate::upstream::clarity::wire::{AgentStatus, StatusModel};
use crate::upstream::clarity::{Clarity, Error};

/// The number of "unavailable", the one status that takes a reason (apis.md C79).
const UNAVAILABLE: i64 = 3;

/// A change: the status, with a reason if it is "unavailable"; or the reason alone, which means "unavailable" (apis.md
/// B55); or whether the agent is suspended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusUpdate {
    /// The status, by number (apis.md C50).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_status_id: Option<i64>,
    /// The reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code_id: Option<i64>,
    /// Whether the agent gets no contacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_suspended: Option<bool>,
}

/// An agent's status, and the statuses that may be set.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentStatusChoices {
    /// The current status.
    pub current: AgentStatus,
    /// The possible statuses, "unavailable" once for each reason.
    pub possible: Vec<StatusModel>,
}

impl Clarity {
    /// An agent's status (apis.md C26).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn agent_status(&self, agent: i64) -> Result<AgentStatus, Error> {
        // `currentOnly=false` is answered 400, so there is no such parameter.
        self.ask("an agent's status", &format!("/v2/agentStatus/{agent}"), "currentOnly=true").await
    }

    /// The statuses that may be set, "unavailable" once for each reason (apis.md C28).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn agent_statuses(&self, agent: i64) -> Result<Vec<StatusModel>, Error> {
        self.ask_list("an agent's possible statuses", &format!("/v2/agentStatus/list/{agent}"), "").await
    }

    /// Both of these in one round trip (apis.md C44), or in two where a site does not take batches.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn agent_status_choices(&self, agent: i64) -> Result<AgentStatusChoices, Error> {
        const CALL: &str = "an agent's statuses";
        let current = BatchItem::get(format!("agentStatus/{agent}?currentOnly=true"));
        let possible = BatchItem::get(format!("agentStatus/list/{agent}"));
        match self.batch_of(CALL, [current, possible]).await {
            Ok([current, possible]) => {
                let (current, possible) = (current.success(CALL)?, possible.success(CALL)?);
                Ok(AgentStatusChoices { current: object(CALL, current)?, possible: list(CALL, possible)? })
            }
            Err(Error::Status { .. } | Error::MalformedAnswer { .. }) => {
                let (current, possible) = tokio::try_join!(self.agent_status(agent), self.agent_statuses(agent))?;
                Ok(AgentStatusChoices { current, possible })
            }
            Err(error) => Err(error),
        }
    }

    /// Changes an agent's status or suspension (apis.md C27).
    ///
    /// # Errors
    /// See [`Error`]. What Clarity would refuse is not sent.
    pub async fn update_agent_status(&self, agent: i64, update: StatusUpdate) -> Result<(), Error> {
        const CALL: &str = "a change of status";
        update.check().map_err(|reason| Error::NotSent { call: CALL, reason })?;
        let url = self.url(&format!("/v2/agentStatus/update/{agent}"), "");
        self.send_write(CALL, Method::POST, url, Some(&update)).await.map(|_| ())
    }
}

impl StatusUpdate {
    fn check(self) -> Result<(), &'static str> {
        match (self.agent_status_id, self.reason_code_id, self.is_suspended) {
            (None, None, None) => Err("it says neither which status nor whether the agent is suspended"),
            // Dictionary and method contradict each other here; the method says 400 (apis.md B52).
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
                Err("a status and a suspension are two changes: send them one by one")
            }
            (Some(status), Some(_), None) if status != UNAVAILABLE => {
                Err("a reason code goes with \"unavailable\" alone")
            }
            _ => Ok(()),
        }
    }
}
