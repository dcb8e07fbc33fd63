//! What an agent is doing, as the status methods show it (apis.md C26). One that may be chosen (C28) is a
//! [`StatusModel`] too, with capitals in its name (B63) and its reason's number as text (B61).

use serde::Deserialize;

use super::StatusModel;
use crate::upstream::tolerant;

/// The answer to "what is this agent doing". Without a usable SIP address the status is `unknown`, and there is no
/// name.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentStatus {
    /// Who.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
    /// Their name.
    #[serde(deserialize_with = "tolerant::text")]
    pub name: Option<String>,
    /// What they are doing. An object, whatever the dictionary says (apis.md B68).
    #[serde(deserialize_with = "tolerant::maybe")]
    pub current_status: Option<StatusModel>,
}
