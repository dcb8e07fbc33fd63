//! What agents do and have done: one by one, summed up, or by group (`apis.md` C29 to C32).

use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{list, object};
use crate::upstream::clarity::client::{RESERVED, in_chunks};
use crate::upstream::clarity::wire::RealtimeData;
use crate::upstream::clarity::{Clarity, Error, PropertySelection, EntityIds};

/// Which part of Realtime Data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RealtimePart {
    /// All of it.
    #[default]
    All,
    /// Counts and measures alone.
    Metrics,
    /// Contacts alone.
    Sessions,
    /// The status alone.
    Status,
}

/// What to tell besides (`apis.md` C71, C72). By default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MetricIncludes {
    /// The metrics by queue.
    pub breakdowns: bool,
    /// What the agents did in the last 24 hours; not of sums and groups.
    pub status_history: bool,
}

impl Clarity {
    /// One agent (`apis.md` C29, C29a to C29c). The samples leave `metrics/` out of the path; the prose does not (B20).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn agent(&self, id: i64, part: RealtimePart, wanted: &PropertySelection, also: MetricIncludes) -> Result<RealtimeData, Error> {
        const CALL: &str = "an agent's metrics";
        let query = format!("{}{}", self.modalities(), also.query()).trim_start_matches('&').to_owned();
        let at = self.at(&format!("/v2/metrics/agents/{id}{}", part.path()), &query);
        let answer: Value = self.call(CALL, Method::POST, at, Some(&self.properties(wanted))).await?;
        // At times one is answered like many (`apis.md` B80).
        let agents: Vec<RealtimeData> = list(CALL, answer)?;
        agents.into_iter().next().ok_or_else(|| super::malformed_answer(CALL))
    }

    /// What these are doing now, or a part of it (`apis.md` C30): a full answer, in as many requests as the ids need.
    /// See [`Clarity::agents`] for agents of whom the account may not see all.
    ///
    /// # Errors
    /// See [`Error`]. Without ids nothing is sent: Clarity would answer 401.
    pub async fn agents_part(
        &self,
        whom: EntityIds<'_>,
        part: RealtimePart,
        wanted: &PropertySelection,
        also: MetricIncludes,
    ) -> Result<Vec<RealtimeData>, Error> {
        // A trailing slash before the question mark, as in the document, only where nothing follows.
        let path = if part == RealtimePart::All {
            "/v2/metrics/agents/".to_owned()
        } else {
            format!("/v2/metrics/agents{}", part.path())
        };
        self.many("the agents' metrics", &path, whom, wanted, also).await
    }

    /// Everybody summed up (`apis.md` C31): one object with `entity_ids` and without an id.
    ///
    /// # Errors
    /// See [`Error`]. Without ids, and with more of them than one address holds, nothing is sent: sums do not add up here.
    pub async fn aggregate(&self, whom: EntityIds<'_>, wanted: &PropertySelection, also: MetricIncludes) -> Result<RealtimeData, Error> {
        const CALL: &str = "the agents' sum";
        let also = MetricIncludes { status_history: false, ..also };
        let query = match &self.queries(CALL, whom, also)?[..] {
            [query] => query.clone(),
            _ => return Err(Error::NotSent { call: CALL, reason: "too many were named: name their teams instead" }),
        };
        let at = self.at("/v2/metrics/agents/aggregateBy", &query);
        object(CALL, self.call(CALL, Method::POST, at, Some(&self.properties(wanted))).await?)
    }

    /// A sum for each team, group or business unit (`apis.md` C32). One without data has no `metrics` (B78).
    ///
    /// # Errors
    /// See [`Error`]. Agents are not grouped by themselves: that is not sent.
    pub async fn groups(&self, whom: EntityIds<'_>, wanted: &PropertySelection, also: MetricIncludes) -> Result<Vec<RealtimeData>, Error> {
        const CALL: &str = "the groups' metrics";
        if matches!(whom, EntityIds::Agents(_)) {
            return Err(Error::NotSent { call: CALL, reason: "agents are grouped by team, group or business unit" });
        }
        let also = MetricIncludes { status_history: false, ..also };
        self.many(CALL, "/v2/metrics/agents/groupBy", whom, wanted, also).await
    }

    async fn many(
        &self,
        call: &'static str,
        path: &str,
        whom: EntityIds<'_>,
        wanted: &PropertySelection,
        also: MetricIncludes,
    ) -> Result<Vec<RealtimeData>, Error> {
        let mut found = Vec::new();
        for query in self.queries(call, whom, also)? {
            let at = self.at(path, &query);
            let answer: Value = self.call(call, Method::POST, at, Some(&self.properties(wanted))).await?;
            // What makes no sense is kept as an entry that is about nobody, to be counted where it is left out.
            let items = list::<Value>(call, answer)?;
            found.extend(items.into_iter().map(|item| RealtimeData::deserialize(item).unwrap_or_default()));
        }
        Ok(found)
    }

    /// The queries for these, none of them too long. The samples lack the question mark (`apis.md` B21 to B24).
    fn queries(&self, call: &'static str, whom: EntityIds<'_>, also: MetricIncludes) -> Result<Vec<String>, Error> {
        if matches!(whom, EntityIds::Queues(_)) {
            return Err(Error::NotSent { call, reason: "it is about agents, and queues were named" });
        }
        if whom.ids().is_empty() {
            return Err(Error::NotSent { call, reason: "nobody was named" });
        }
        let rest = format!("{}{}", self.modalities(), also.query());
        Ok(in_chunks(whom.ids()).into_iter().map(|ids| format!("{}={ids}{rest}", whom.parameter())).collect())
    }

    /// The `modalities` parameter, by names, which all calls that take ids understand (`apis.md` C70, B46).
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
    /// Whether anything is.
    #[must_use]
    pub fn is_something(self) -> bool {
        self != Self::default()
    }

    pub(in crate::upstream::clarity) fn query(self) -> String {
        let flags = [("&includeBreakdowns=true", self.breakdowns), ("&includeStatusHistory=true", self.status_history)];
        flags.iter().filter(|(_, wanted)| *wanted).map(|(text, _)| *text).collect()
    }
}
