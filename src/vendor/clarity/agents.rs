//! What agents are doing, and what to do about those whom the account may not see.

use reqwest::Method;
use serde_json::Value;

use super::client::in_chunks;
use super::wire::RealtimeData;
use super::{Clarity, Error, Wanted, lenient};

/// So many denials in a row, and it is the account that may see nobody: in a list of two hundred, one agent out of bounds
/// costs nine at most.
const DENIALS: usize = 12;

impl Clarity {
    /// What agents are doing now (`apis.md` C30): a full answer, in as many requests as the ids need. Agents whom the
    /// account may not see are left out, and not asked for again for a while.
    ///
    /// # Errors
    /// See [`Error`]. Without ids nothing is sent: Clarity would answer 401.
    pub async fn agents(&self, ids: &[i64], wanted: &Wanted) -> Result<Vec<RealtimeData>, Error> {
        const CALL: &str = "the agents' metrics";
        if ids.is_empty() {
            return Err(Error::NotSent { call: CALL, reason: "no agent was named" });
        }
        let mut agents = Vec::with_capacity(ids.len());
        let mut denied = 0;
        let mut pending = vec![self.permitted(ids)];
        while let Some(ids) = pending.pop().filter(|ids| !ids.is_empty()) {
            match self.agents_at_once(CALL, &ids, wanted).await {
                Ok(list) => agents.extend(list),
                // One agent out of bounds denies the whole list: halve it until it is found.
                Err(Error::Denied { .. }) if denied < DENIALS || !agents.is_empty() => {
                    denied += 1;
                    match ids.as_slice() {
                        [id] => self.denials().deny(&agent(*id)),
                        ids => pending.extend([&ids[ids.len() / 2..], &ids[..ids.len() / 2]].map(<[i64]>::to_vec)),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        if agents.is_empty() && denied > 0 { Err(Error::Denied { call: CALL }) } else { Ok(agents) }
    }

    async fn agents_at_once(
        &self,
        call: &'static str,
        ids: &[i64],
        wanted: &Wanted,
    ) -> Result<Vec<RealtimeData>, Error> {
        let mut agents = Vec::with_capacity(ids.len());
        for ids in in_chunks(ids) {
            let at = self.at("/v2/metrics/agents/", &format!("agentIds={ids}{}", self.modalities()));
            let answer: Value = self.call(call, Method::POST, at, Some(&self.properties(wanted))).await?;
            let list = lenient::list_of(answer);
            agents.extend(list.ok_or(Error::Unintelligible { call, line: 1, column: 1 })?);
        }
        Ok(agents)
    }

    /// The agents whom the account may see, as far as is known.
    pub(super) fn permitted(&self, ids: &[i64]) -> Vec<i64> {
        ids.iter().copied().filter(|id| !self.denials().holds(&agent(*id))).collect()
    }
}

/// How an agent is called among the denials.
fn agent(id: i64) -> String {
    format!("agent {id}")
}
