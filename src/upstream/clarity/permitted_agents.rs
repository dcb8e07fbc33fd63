//! Metrics of all agents that the account may see: one agent that it may not see makes Clarity refuse the whole
//! request.

use std::collections::VecDeque;

use super::methods::{MetricIncludes, RealtimePart};
use super::wire::RealtimeData;
use super::{Clarity, EntityIds, Error, PropertySelection};

/// After this many refusals without an answer the account may see no agent at all. In a list of two hundred, one agent
/// costs nine refusals at most.
const MAX_DENIALS: usize = 12;

impl Clarity {
    /// Full updates about these agents (apis.md C30), in as many requests as the ids need. Agents that the account may
    /// not see are left out, and not requested again for a while.
    ///
    /// # Errors
    /// See [`Error`]. Without ids nothing is sent, because Clarity would answer 401.
    pub async fn agents(
        &self,
        ids: &[i64],
        properties: &PropertySelection,
        includes: MetricIncludes,
    ) -> Result<Vec<RealtimeData>, Error> {
        const CALL: &str = "the agents' metrics";
        if ids.is_empty() {
            return Err(Error::NotSent { call: CALL, reason: "no agent was named" });
        }
        let mut agents = Vec::with_capacity(ids.len());
        let mut denials = 0;
        let mut denied = Vec::new();
        let mut pending = VecDeque::from([self.permitted(ids)]);
        while let Some(ids) = pending.pop_front().filter(|ids| !ids.is_empty()) {
            match self.agents_part(EntityIds::Agents(&ids), RealtimePart::All, properties, includes).await {
                Ok(list) => agents.extend(list),
                // Halve the list until the agent that may not be seen is found.
                Err(Error::Denied { .. }) if denials < MAX_DENIALS || !agents.is_empty() => {
                    denials += 1;
                    match ids.as_slice() {
                        [id] => denied.push(*id),
                        ids => pending.extend([&ids[..ids.len() / 2], &ids[ids.len() / 2..]].map(<[i64]>::to_vec)),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        if agents.is_empty() && denials > 0 {
            return Err(Error::Denied { call: CALL });
        }
        // Others were answered, so the token was not the reason.
        denied.iter().for_each(|id| self.denial_cache().insert(&key(*id)));
        Ok(agents)
    }

    /// Whether Clarity has lately refused this agent alone (apis.md B3).
    #[must_use]
    pub fn is_denied(&self, id: i64) -> bool {
        self.denial_cache().contains(&key(id))
    }

    /// The agents that the account may see, as far as is known.
    pub(super) fn permitted(&self, ids: &[i64]) -> Vec<i64> {
        ids.iter().copied().filter(|id| !self.is_denied(*id)).collect()
    }
}

/// The key of an agent in the cache of denials.
fn key(id: i64) -> String {
    format!("agent {id}")
}
