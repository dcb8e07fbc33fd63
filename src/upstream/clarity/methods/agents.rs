//! Metrics, sessions and status of agents: of one, of several, summed up, or by group (apis.md C29 to C32).

use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{list, object};
use crate::upstream::clarity::client::{RESERVED, in_chunks};
use crate::upstream::clarity::wire::RealtimeData;
use crate::upstream::clarity::{Clarity, EntityIds, Error, PropertySelection};

/// A part of Realtime Data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RealtimePart {
    /// All of it.
    #[default]
    All,
    /// Counts and measures only.
    Metrics,
    /// Sessions only.
    Sessions,
    /// The status only.
    Status,
}

/// What to include beside the current metrics (apis.md C71, C72). By default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MetricIncludes {
    /// Metrics by queue.
    pub breakdowns: bool,
    /// The status history of the last 24 hours; not with sums and groups.
    pub status_history: bool,
}

impl Clarity {
    /// One agent (apis.md C29, C29a to C29c). The samples leave `metrics/` out of the path; the prose does not (B20).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn agent(
        &self,
        id: i64,
        part: RealtimePart,
        properties: &PropertySelection,
        includes: MetricIncludes,
    ) -> Result<RealtimeData, Error> {
        const CALL: &str = "an agent's metrics";
        let query = format!("{}{}", self.modalities(), includes.query()).trim_start_matches('&').to_owned();
        let url = self.url(&format!("/v2/metrics/agents/{id}{}", part.path()), &query);
        let answer: Value = self.call(CALL, Method::POST, url, Some(&self.properties(properties))).await?;
        // One agent may be answered as a list (apis.md B80).
        let agents: Vec<RealtimeData> = list(CALL, answer)?;
        agents.into_iter().next().ok_or_else(|| super::malformed_answer(CALL))
    }

    /// A full update about each of these agents, or a part of it (apis.md C30), in as many requests as the ids need.
    /// One agent that the account may not see fails them all: see [`Clarity::agents`].
    ///
    /// # Errors
    /// See [`Error`]. Without ids nothing is sent, because Clarity would answer 401.
    pub async fn agents_part(
        &self,
        ids: EntityIds<'_>,
        part: RealtimePart,
        properties: &PropertySelection,
        includes: MetricIncludes,
    ) -> Result<Vec<RealtimeData>, Error> {
        // The document has a slash before the question mark only where no part follows.
        let path = if part == RealtimePart::All {
            "/v2/metrics/agents/".to_owned()
        } else {
            format!("/v2/metrics/agents{}", part.path())
        };
        self.many("the agents' metrics", &path, ids, properties, includes).await
    }

    /// The sum over these agents (apis.md C31): one object with `entity_ids` and without an id.
    ///
    /// # Errors
    /// See [`Error`]. Without ids, or with more than one address holds, nothing is sent: averages of parts cannot be
    /// combined.
    pub async fn aggregate(
        &self,
        ids: EntityIds<'_>,
        properties: &PropertySelection,
        includes: MetricIncludes,
    ) -> Result<RealtimeData, Error> {
        const CALL: &str = "the agents' sum";
        let includes = MetricIncludes { status_history: false, ..includes };
        let query = match &self.queries(CALL, ids, includes)?[..] {
            [query] => query.clone(),
            _ => return Err(Error::NotSent { call: CALL, reason: "too many were named: name their teams instead" }),
        };
        let url = self.url("/v2/metrics/agents/aggregateBy", &query);
        object(CALL, self.call(CALL, Method::POST, url, Some(&self.properties(properties))).await?)
    }

    /// A sum for each team, group or business unit (apis.md C32). Those without data have no `metrics` (B78).
    ///
    /// # Errors
    /// See [`Error`]. Ids of agents are not sent: agents are grouped by team, group or business unit.
    pub async fn groups(
        &self,
        ids: EntityIds<'_>,
        properties: &PropertySelection,
        includes: MetricIncludes,
    ) -> Result<Vec<RealtimeData>, Error> {
        const CALL: &str = "the groups' metrics";
        if matches!(ids, EntityIds::Agents(_)) {
            return Err(Error::NotSent { call: CALL, reason: "agents are grouped by team, group or business unit" });
        }
        let includes = MetricIncludes { status_history: false, ..includes };
        self.many(CALL, "/v2/metrics/agents/groupBy", ids, properties, includes).await
    }

    async fn many(
        &self,
        call: &'static str,
        path: &str,
        ids: EntityIds<'_>,
        properties: &PropertySelection,
        includes: MetricIncludes,
    ) -> Result<Vec<RealtimeData>, Error> {
        let mut found = Vec::new();
        for query in self.queries(call, ids, includes)? {
            let url = self.url(path, &query);
            let answer: Value = self.call(call, Method::POST, url, Some(&self.properties(properties))).await?;
            // An entry that is invalid is kept without an id, and is counted where it is left out.
            let items = list::<Value>(call, answer)?;
            found.extend(items.into_iter().map(|item| RealtimeData::deserialize(item).unwrap_or_default()));
        }
        Ok(found)
    }

    /// The queries for these ids, each short enough. The samples lack the question mark (apis.md B21 to B24).
    fn queries(&self, call: &'static str, ids: EntityIds<'_>, includes: MetricIncludes) -> Result<Vec<String>, Error> {
        if matches!(ids, EntityIds::Queues(_)) {
            return Err(Error::NotSent { call, reason: "it is about agents, and queues were named" });
        }
        if ids.ids().is_empty() {
            return Err(Error::NotSent { call, reason: "no ids were named" });
        }
        let rest = format!("{}{}", self.modalities(), includes.query());
        Ok(in_chunks(ids.ids()).into_iter().map(|chunk| format!("{}={chunk}{rest}", ids.parameter())).collect())
    }

    /// The `modalities` parameter by names, which all calls with ids understand (apis.md C70, B46).
    pub(in crate::upstream::clarity) fn modalities(&self) -> String {
        let names: Vec<_> =
            self.settings().modalities.iter().map(|name| utf8_percent_encode(name, RESERVED).to_string()).collect();
        if names.is_empty() { String::new() } else { format!("&modalities={}", names.join(",")) }
    }
}

impl RealtimePart {
    fn path(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Metrics => "/metrics",
            Self::Sessions => "/sessions",
            Self::Status => "/status",
        }
    }
}

impl MetricIncludes {
    /// Whether anything is included.
    #[must_use]
    pub fn is_something(self) -> bool {
        self != Self::default()
    }

    pub(in crate::upstream::clarity) fn query(self) -> String {
        let flags = [("&includeBreakdowns=true", self.breakdowns), ("&includeStatusHistory=true", self.status_history)];
        flags.iter().filter(|(_, is_set)| *is_set).map(|(text, _)| *text).collect()
    }
}
