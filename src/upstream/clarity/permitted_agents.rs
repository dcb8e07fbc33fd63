//! What agents are doing, and what to do about those whom the account may not see.

use std::collections::VecDeque;

use super::methods::{MetricIncludes, RealtimePart};
use super::wire::RealtimeData;
use super::{Clarity, Error, PropertySelection, EntityIds};

/// So many denials in a row, and it is the account that may see nobody: in a list of two hundred, one agent out of bounds
/// costs nine at most.
const DENIALS: usize = 12;

impl Clarity {
    /// What agents are doing now (`apis.md` C30): a full answer, in as many requests as the ids need. Agents whom the
    /// account may not see are left out, and not asked for again for a while.
    ///
    /// # Errors
    /// See [`Error`]. Without ids nothing is sent: Clarity would answer 401.
    pub async fn agents(&self, ids: &[i64], wanted: &PropertySelection, also: MetricIncludes) -> Result<Vec<RealtimeData>, Error> {
        const CALL: &str = "the agents' metrics";
        if ids.is_empty() {
            return Err(Error::NotSent { call: CALL, reason: "no agent was named" });
        }
        let mut agents = Vec::with_capacity(ids.len());
        let mut denials = 0;
        let mut denied = Vec::new();
        let mut pending = VecDeque::from([self.permitted(ids)]);
        while let Some(ids) = pending.pop_front().filter(|ids| !ids.is_empty()) {
            match self.agents_part(EntityIds::Agents(&ids), RealtimePart::All, wanted, also).await {
                Ok(list) => agents.extend(list),
                // One agent out of bounds denies the whole list: halve it until it is found.
                Err(Error::Denied { .. }) if denials < DENIALS || !agents.is_empty() => {
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
        // The others were shown: it was not the token.
        denied.iter().for_each(|id| self.denial_cache().deny(&agent(*id)));
        Ok(agents)
    }

    /// Whether Clarity has lately refused to show this agent, and this agent alone (`apis.md` B3).
    #[must_use]
    pub fn is_denied(&self, id: i64) -> bool {
        self.denial_cache().holds(&agent(id))
    }

    /// The agents whom the account may see, as far as is known.
    pub(super) fn permitted(&self, ids: &[i64]) -> Vec<i64> {
        ids.iter().copied().filter(|id| !self.is_denied(*id)).collect()
    }
}

/// How an agent is called among the denials.
fn agent(id: i64) -> String {
    format!("agent {id}")
}
