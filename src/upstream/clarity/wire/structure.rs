//! What a site is made of: its versions (apis.md C11), agents, queues, teams, groups and business units (C13).

use serde::Deserialize;

use super::{Other, entries};
use crate::upstream::tolerant;

/// Base Info.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Info {
    /// The version of Clarity Connect.
    #[serde(deserialize_with = "tolerant::text")]
    pub connect_version: Option<String>,
    /// The versions of the API.
    #[serde(deserialize_with = "tolerant::list")]
    pub api_versions: Option<Vec<ApiVersion>>,
    /// How SignalR may travel, by the upstream's names.
    #[serde(rename = "signalRTransports", deserialize_with = "tolerant::list")]
    pub signalr_transports: Option<Vec<String>>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

/// One version of the API.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiVersion {
    /// Such as `2`.
    #[serde(deserialize_with = "tolerant::text")]
    pub version: Option<String>,
    /// Such as `/v2`.
    #[serde(deserialize_with = "tolerant::text")]
    pub relative_url: Option<String>,
}

/// The MBU structure. A list that is absent is empty (apis.md B83).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Structure {
    /// Agents (apis.md C82).
    #[serde(deserialize_with = "entries")]
    pub agents: Option<Vec<Member>>,
    /// Queues (apis.md C83).
    #[serde(deserialize_with = "entries")]
    pub queues: Option<Vec<Member>>,
    /// Teams (apis.md C84).
    #[serde(deserialize_with = "entries")]
    pub teams: Option<Vec<Member>>,
    /// Groups (apis.md C85).
    #[serde(deserialize_with = "entries")]
    pub groups: Option<Vec<Member>>,
    /// Business units (apis.md C86).
    #[serde(deserialize_with = "entries")]
    pub business_units: Option<Vec<Member>>,
}

/// One of the five kinds. The list it is in says which: `type` is misspelt at times (apis.md B82).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Member {
    /// Which.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
    /// The display name.
    #[serde(deserialize_with = "tolerant::text")]
    pub name: Option<String>,
    /// An agent's team; -1 means none (apis.md B84).
    #[serde(deserialize_with = "tolerant::integer")]
    pub team_id: Option<i64>,
    /// A queue's or team's business unit.
    #[serde(deserialize_with = "tolerant::integer")]
    pub business_unit_id: Option<i64>,
    /// Teams of a queue, group or business unit.
    #[serde(deserialize_with = "tolerant::integers")]
    pub team_ids: Option<Vec<i64>>,
    /// Groups of a team.
    #[serde(alias = "groupId", deserialize_with = "tolerant::integers")]
    pub group_ids: Option<Vec<i64>>,
    /// Agents of a team.
    #[serde(deserialize_with = "tolerant::integers")]
    pub agent_ids: Option<Vec<i64>>,
    /// Queues of a team or business unit.
    #[serde(deserialize_with = "tolerant::integers")]
    pub queue_ids: Option<Vec<i64>>,
    /// Whether we may listen to this agent.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub can_silent_join: Option<bool>,
    /// Whether we may whisper to this agent.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub can_whisper_join: Option<bool>,
    /// Whether we may record this agent.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub can_record: Option<bool>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn structure_of_the_documented_shape_is_parsed() {
        let structure: Structure = serde_json::from_value(json!({
            "agents": [{"type": "Agent", "id": 41, "name": "Ada", "teamId": -1, "canSilentJoin": true,
            "canWhisperJoin": "false", "canRecord": true}],
            "queues": [{"type": "Queue", "id": "11", "name": "Sales", "businessUnitId": 1, "teamIds": [3]}],
            "teams": [{"type": "Team", "id": 3, "name": "North", "businessUnitId": 1, "groupIds": [8], "agentIds": [41],
            "queueIds": [11]}],
            "businessUnits": [{"type": "Business Unti", "id": 1, "name": "Shop", "teamIds": [3], "queueIds": [11]}]
        }))
        .expect("a structure");
        let agent = &structure.agents.expect("agents")[0];
        assert_eq!((agent.team_id, agent.can_whisper_join), (Some(-1), Some(false)));
        assert_eq!(structure.queues.expect("queues")[0].id, Some(11));
        assert_eq!(structure.teams.expect("teams")[0].group_ids, Some(vec![8]));
        assert_eq!(structure.business_units.expect("units").len(), 1);
        assert!(structure.groups.is_none());
    }

    #[test]
    fn info_is_read() {
        let info: Info = serde_json::from_value(json!({
            "connectVersion": "4.1.2.0", "apiVersions": [{"version": "2", "relativeUrl": "/v2"}],
            "signalRTransports": ["webSockets", "serverSentEvents", "longPolling"]
        }))
        .expect("info");
        assert_eq!(info.signalr_transports.map(|transports| transports.len()), Some(3));
        assert!(info.other.is_empty());
    }
}
