//! What a search finds (apis.md C46, C108, C109).

use serde::Deserialize;

use super::{Other, entries};
use crate::upstream::tolerant;

/// The answer to a search.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchResult {
    /// Agents, if any.
    #[serde(deserialize_with = "entries")]
    pub agents_found: Option<Vec<SearchAgent>>,
    /// Queues, if any.
    #[serde(deserialize_with = "entries")]
    pub queues_found: Option<Vec<SearchQueue>>,
}

/// An agent, with more about the person than elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchAgent {
    /// Who.
    #[serde(deserialize_with = "tolerant::integer")]
    pub agent_id: Option<i64>,
    /// The name that customers see.
    #[serde(deserialize_with = "tolerant::text")]
    pub public_name: Option<String>,
    /// The Windows name.
    #[serde(deserialize_with = "tolerant::text")]
    pub login_name: Option<String>,
    /// The SIP address, such as `sip:ada@example.com`.
    #[serde(deserialize_with = "tolerant::text")]
    pub sip_address: Option<String>,
    /// The e-mail address.
    #[serde(deserialize_with = "tolerant::text")]
    pub email_address: Option<String>,
    /// The telephone number; `NOTSET` is none (apis.md B86).
    #[serde(deserialize_with = "tolerant::text")]
    pub phone_number: Option<String>,
    /// The status, as a number (apis.md C50).
    #[serde(deserialize_with = "tolerant::integer")]
    pub status: Option<i64>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

/// A queue, with the only queue numbers that REST has (section 0).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchQueue {
    /// Which.
    #[serde(deserialize_with = "tolerant::integer")]
    pub queue_id: Option<i64>,
    /// Its name.
    #[serde(deserialize_with = "tolerant::text")]
    pub queue_name: Option<String>,
    /// Whether it is open.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_open: Option<bool>,
    /// How many agents are logged in.
    #[serde(deserialize_with = "tolerant::integer")]
    pub agents_online: Option<i64>,
    /// How many are available.
    #[serde(deserialize_with = "tolerant::integer")]
    pub agents_available: Option<i64>,
    /// How long a caller would wait, in seconds.
    #[serde(deserialize_with = "tolerant::number")]
    pub estimated_wait_time: Option<f64>,
    /// How many calls came today.
    #[serde(deserialize_with = "tolerant::integer")]
    pub calls_today: Option<i64>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn result_of_the_documented_shape_is_parsed() {
        let result: SearchResult = serde_json::from_value(json!({
            "agentsFound": [{"agentId": 53, "firstName": "Ada", "lastName": "L", "publicName": "Ada",
            "loginName": "ada@example.com",
                "emailAddress": "ada@example.com", "phoneNumber": "NOTSET", "status": null, "type": "agentSearch",
                "id": 53}],
            "queuesFound": [{"queueId": 7, "queueName": "Sales", "isOpen": true, "agentsOnline": 4,
            "agentsAvailable": 1,
                "estimatedWaitTime": 120, "callsToday": 31, "type": "queueSearch", "id": 7}],
            "message": "Query 'a' found 1 agent(s) and 1 queue(s)."
        }))
        .expect("a result");
        let agents = result.agents_found.expect("agents");
        assert_eq!((agents[0].agent_id, agents[0].phone_number.clone(), agents[0].status), (Some(53), None, None));
        let queue = &result.queues_found.expect("queues")[0];
        assert_eq!((queue.queue_id, queue.estimated_wait_time, queue.calls_today), (Some(7), Some(120.0), Some(31)));
    }
}
