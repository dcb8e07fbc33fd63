//! Lists that grow without bound: customers' responses and survey requests. A document carries one page of each, what needs
//! somebody first, and counts of all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::scope::{Anchor, Scope};
use super::shape::ListDoc;
use crate::domain::{RequestState, Thread};
use crate::gold::entity::{Response, SurveyRequest};
use crate::gold::{Entity, Key};

/// How many of a list are on a page.
pub const PAGE: usize = 100;

/// Where something stands in its list: what needs somebody first, then the newest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    need: u8,
    created: Reverse<Option<Timestamp>>,
    key: Key,
}

/// The lists of a view, of which only the one of its scope holds anything.
#[derive(Debug)]
pub(super) struct Lists {
    page: usize,
    feedback: List,
    surveys: List,
}

#[derive(Debug, Default)]
struct List {
    /// What is where, as of which version.
    known: HashMap<Key, (u64, Rank), foldhash::fast::RandomState>,
    order: BTreeMap<Rank, Arc<Entity>>,
    states: BTreeMap<String, u64>,
    needed: u64,
}

impl Lists {
    /// Empty ones, of which this page is to be carried; the first is 1.
    pub fn new(page: usize) -> Self {
        Self { page, feedback: List::default(), surveys: List::default() }
    }

    /// Whether a thing of this kind stands in one of them.
    pub fn hold(key: &Key) -> bool {
        matches!(key, Key::Response(_) | Key::Survey(_))
    }

    /// Takes in what something is, or that it is no longer.
    pub fn set(&mut self, key: &Key, version: u64, entity: Option<Arc<Entity>>) {
        match key {
            Key::Response(_) => self.feedback.set(key, version, entity),
            Key::Survey(_) => self.surveys.set(key, version, entity),
            _ => {}
        }
    }

    /// Everything on the page that is carried.
    pub fn shown(&self) -> impl Iterator<Item = (&Key, u64, &Arc<Entity>)> {
        self.feedback.shown(self.page).chain(self.surveys.shown(self.page))
    }

    /// How much there is of the list that a scope contains.
    pub fn count(&self, scope: &Scope) -> (&'static str, ListDoc) {
        let (name, list) = self.of(scope);
        (name, list.count(self.page))
    }

    /// How many pages that list has; an empty one has one.
    pub fn pages(&self, scope: &Scope) -> usize {
        self.of(scope).1.pages()
    }

    fn of(&self, scope: &Scope) -> (&'static str, &List) {
        match scope.anchors().contains(&Anchor::Surveys) {
            true => ("surveys", &self.surveys),
            false => ("feedback", &self.feedback),
        }
    }
}

impl List {
    fn set(&mut self, key: &Key, version: u64, entity: Option<Arc<Entity>>) {
        if self.known.get(key).is_some_and(|(known, _)| *known > version) {
            return;
        }
        if let Some((_, rank)) = self.known.remove(key)
            && let Some(gone) = self.order.remove(&rank)
        {
            self.tally(&gone, rank.need, false);
        }
        if let Some(entity) = entity {
            let rank = Rank { need: need(&entity), created: Reverse(created(&entity)), key: key.clone() };
            self.tally(&entity, rank.need, true);
            self.known.insert(key.clone(), (version, rank.clone()));
            self.order.insert(rank, entity);
        }
    }

    fn shown(&self, page: usize) -> impl Iterator<Item = (&Key, u64, &Arc<Entity>)> {
        let shown = self.order.iter().skip(PAGE.saturating_mul(page - 1)).take(PAGE);
        shown.filter_map(|(rank, entity)| Some((&rank.key, self.known.get(&rank.key)?.0, entity)))
    }

    fn tally(&mut self, entity: &Entity, need: u8, is_added: bool) {
        let add = |count: &mut u64| *count = if is_added { *count + 1 } else { count.saturating_sub(1) };
        let state = state(entity);
        let count = self.states.entry(state.clone()).or_default();
        add(count);
        if *count == 0 {
            self.states.remove(&state);
        }
        if need == 0 {
            add(&mut self.needed);
        }
    }

    fn count(&self, page: usize) -> ListDoc {
        ListDoc {
            total: self.order.len() as u64,
            needs_action: self.needed,
            page: page as u64,
            pages: self.pages() as u64,
            states: self.states.clone(),
        }
    }

    fn pages(&self) -> usize {
        self.order.len().div_ceil(PAGE).max(1)
    }
}

/// 0: somebody must do something. The pages sort by the same, from the document.
fn need(entity: &Entity) -> u8 {
    match entity {
        Entity::Response(response) => response_need(response),
        Entity::Survey(request) => u8::from(!survey_needs(request)),
        _ => u8::MAX,
    }
}

fn response_need(response: &Response) -> u8 {
    match &response.reading.thread {
        _ if response.waits => 0,
        // Open for Goodays, and dealt with for us: nobody waits for an answer.
        Thread::Open | Thread::Pending => 1,
        Thread::Closed => 3,
        _ => 2,
    }
}

/// What was only tried, in a dry run, may be sent, but nobody waits for it.
fn survey_needs(request: &SurveyRequest) -> bool {
    let survey = &request.survey;
    match survey.state {
        RequestState::Held | RequestState::Unknown => true,
        RequestState::DryRun => false,
        _ => survey.may_retry || request.may_recover,
    }
}

fn created(entity: &Entity) -> Option<Timestamp> {
    match entity {
        Entity::Response(response) => response.reading.created,
        Entity::Survey(request) => Some(request.survey.created),
        _ => None,
    }
}

fn state(entity: &Entity) -> String {
    match entity {
        Entity::Response(response) => response.reading.thread.to_string(),
        Entity::Survey(request) => request.survey.state.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ResponseReading;
    use crate::gold::join::{Joined, Rule};

    #[test]
    fn response_needs_somebody_exactly_while_it_waits() {
        let need = |thread: &str, waits: bool| {
            let reading: ResponseReading = serde_json::from_value(serde_json::json!({
                "id": "r1", "created": null, "updated": null, "source": null, "thread": thread, "survey": null,
                "answers": [], "messages": {},
                "customer": { "name": null, "email": null, "phone": null, "crm_id": null }, "extra": {},
                "place": null, "delegatedTo": null, "actions": [], "alert": false
            }))
            .expect("a reading");
            let joined = Joined {
                rule: Rule::Unmapped,
                evidence: None,
                session: None,
                agent: None,
                queue: None,
                team: None,
                candidates: BTreeMap::new(),
                conflict: None,
            };
            let reading = Arc::new(reading);
            let stand = reading.stand();
            response_need(&Response { reading, joined, stand, deeds: BTreeMap::new(), waits })
        };
        assert_eq!(["open", "pending", "closed"].map(|thread| need(thread, true)), [0; 3]);
        assert_eq!(["open", "pending", "closed"].map(|thread| need(thread, false)), [1, 1, 3]);
    }
}
