//! E-mail addresses, by which surveys know agents: whose they are, and who is named by them.

use std::collections::{BTreeSet, HashMap};

use crate::domain::{AgentId, SurveyId};
use crate::gold::requests::normal;

/// Whose an address is.
#[derive(Debug, Default)]
pub(super) struct Addresses(HashMap<String, BTreeSet<AgentId>>);

impl Addresses {
    /// An agent has another address than before.
    pub fn change(&mut self, id: AgentId, before: Option<&str>, after: Option<&str>) {
        if let Some(before) = before.map(normal)
            && let Some(agents) = self.0.get_mut(&before)
        {
            agents.remove(&id);
            if agents.is_empty() {
                self.0.remove(&before);
            }
        }
        if let Some(after) = after {
            self.0.entry(normal(after)).or_default().insert(id);
        }
    }

    /// The one agent who has it. An address that two share is nobody's (`apis.md` J50).
    pub fn agent_of(&self, email: &str) -> Option<AgentId> {
        let agents = self.0.get(&normal(email)).filter(|agents| agents.len() == 1 && email.contains('@'))?;
        agents.first().copied()
    }
}

/// Which surveys name an agent: by a table, or in the words in which the vendor knows them.
#[derive(Debug, Default)]
pub(super) struct Named {
    by_table: HashMap<AgentId, BTreeSet<SurveyId>>,
    by_name: HashMap<String, BTreeSet<SurveyId>>,
}

impl Named {
    pub fn note(&mut self, id: &SurveyId, agent: Option<AgentId>, name: Option<&str>) {
        if let Some(agent) = agent {
            self.by_table.entry(agent).or_default().insert(id.clone());
        }
        if let Some(name) = name {
            self.by_name.entry(normal(name)).or_default().insert(id.clone());
        }
    }

    pub fn forget(&mut self, id: &SurveyId, agent: Option<AgentId>, name: Option<&str>) {
        if let Some(surveys) = agent.and_then(|agent| self.by_table.get_mut(&agent)) {
            surveys.remove(id);
        }
        if let Some(surveys) = name.and_then(|name| self.by_name.get_mut(&normal(name))) {
            surveys.remove(id);
        }
    }

    pub fn of(&self, agent: AgentId, email: Option<&str>) -> impl Iterator<Item = &SurveyId> {
        let by_name = email.and_then(|email| self.by_name.get(&normal(email)));
        self.by_table.get(&agent).into_iter().chain(by_name).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_whose_it_is_now_and_nobodys_while_two_share_it() {
        let mut addresses = Addresses::default();
        addresses.change(AgentId(1), None, Some(" Rob@Example.com"));
        assert_eq!(addresses.agent_of("rob@example.com "), Some(AgentId(1)));
        addresses.change(AgentId(2), None, Some("rob@example.com"));
        assert_eq!(addresses.agent_of("rob@example.com"), None);
        addresses.change(AgentId(1), Some("Rob@Example.com"), Some("robert@example.com"));
        assert_eq!(addresses.agent_of("rob@example.com"), Some(AgentId(2)));
        addresses.change(AgentId(2), Some("rob@example.com"), None);
        assert_eq!(addresses.agent_of("rob@example.com"), None);
        addresses.change(AgentId(3), None, Some("0042"));
        assert_eq!(addresses.agent_of("0042"), None, "a number is no address");
    }
}
