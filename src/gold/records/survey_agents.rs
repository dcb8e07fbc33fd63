//! Which surveys name an agent: by the site's table, or by a name that Agent Connect uses.

use std::collections::{BTreeSet, HashMap};

use super::multimap;
use crate::domain::{AgentId, Survey, SurveyId, SurveyResult};
use crate::gold::directory::{AgentNames, key};

/// Surveys by the agent they name.
#[derive(Debug, Default)]
pub(super) struct SurveyAgents {
    by_table: HashMap<AgentId, BTreeSet<SurveyId>>,
    by_name: HashMap<String, BTreeSet<SurveyId>>,
}

impl SurveyAgents {
    pub fn add(&mut self, id: &SurveyId, agent: Option<AgentId>, names: &[&str]) {
        if let Some(agent) = agent {
            self.by_table.entry(agent).or_default().insert(id.clone());
        }
        for name in names {
            self.by_name.entry(key(name)).or_default().insert(id.clone());
        }
    }

    pub fn remove(&mut self, id: &SurveyId, agent: Option<AgentId>, names: &[&str]) {
        if let Some(agent) = agent {
            multimap::remove(&mut self.by_table, &agent, id);
        }
        for name in names {
            multimap::remove(&mut self.by_name, &key(name), id);
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.by_table.len() + self.by_name.len()
    }

    pub fn of(&self, agent: AgentId, names: AgentNames<'_>) -> BTreeSet<&SurveyId> {
        let by_name = names.keys().filter_map(|name| self.by_name.get(&name));
        self.by_table.get(&agent).into_iter().chain(by_name).flatten().collect()
    }
}

/// The names of the agent in a request.
pub(super) fn names_in_request(survey: &Survey) -> [&str; 1] {
    [&survey.employee]
}

/// The names of the agent in a result: e-mail address and custom id.
pub(super) fn names_in_result(result: &SurveyResult) -> Vec<&str> {
    [&result.employee_email, &result.employee_id].into_iter().flatten().map(|name| &**name).collect()
}
