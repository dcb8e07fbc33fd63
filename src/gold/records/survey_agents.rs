//! Which surveys name an agent: by a table, or in the words in which the upstream knows them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use crate::domain::{AgentId, Survey, SurveyId, SurveyResult};
use crate::gold::directory::{AgentNames, key};

/// Which surveys name whom.
#[derive(Debug, Default)]
pub(super) struct Named {
    by_table: HashMap<AgentId, BTreeSet<SurveyId>>,
    by_name: HashMap<String, BTreeSet<SurveyId>>,
}

impl Named {
    pub fn note(&mut self, id: &SurveyId, agent: Option<AgentId>, names: &[&str]) {
        if let Some(agent) = agent {
            self.by_table.entry(agent).or_default().insert(id.clone());
        }
        for name in names {
            self.by_name.entry(key(name)).or_default().insert(id.clone());
        }
    }

    pub fn forget(&mut self, id: &SurveyId, agent: Option<AgentId>, names: &[&str]) {
        if let Some(agent) = agent {
            remove(&mut self.by_table, agent, id);
        }
        for name in names {
            remove(&mut self.by_name, key(name), id);
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

fn remove<K: Eq + Hash>(surveys: &mut HashMap<K, BTreeSet<SurveyId>>, whose: K, id: &SurveyId) {
    if let Entry::Occupied(mut theirs) = surveys.entry(whose) {
        theirs.get_mut().remove(id);
        if theirs.get().is_empty() {
            theirs.remove();
        }
    }
}

/// Whom a request is about, in the words in which it was asked.
pub(super) fn of_request(survey: &Survey) -> [&str; 1] {
    [&survey.employee]
}

/// Whom the upstream says that it is about: by address, and by the number that the site gave them.
pub(super) fn of_result(result: &SurveyResult) -> Vec<&str> {
    [&result.employee_email, &result.employee_id].into_iter().flatten().map(|name| &**name).collect()
}
