//! Lists that grow without bound: customers' responses and survey requests. A document carries one page of each, items
//! that need a reply or a review first, and counts of all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::document::ListDoc;
use super::scope::{Scope, Topic};
use crate::domain::{RequestState, ThreadState};
use crate::gold::entity::{Response, SurveyRequest};
use crate::gold::{Entity, Key};

/// How many of a list are on a page.
pub const PAGE: usize = 100;

/// The rank in a list: items that need a reply or a review first, then the newest.
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

    /// Whether an entity of this kind is in a list.
    pub fn hold(key: &Key) -> bool {
        matches!(key, Key::Response(_) | Key::Survey(_))
    }

    /// Inserts, updates or removes an item.
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
        match scope.topics().contains(&Topic::Surveys) {
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
            self.adjust(&gone, rank.need, false);
        }
        if let Some(entity) = entity {
            let rank = Rank { need: need(&entity), created: Reverse(created(&entity)), key: key.clone() };
            self.adjust(&entity, rank.need, true);
            self.known.insert(key.clone(), (version, rank.clone()));
            self.order.insert(rank, entity);
        }
    }

    fn shown(&self, page: usize) -> impl Iterator<Item = (&Key, u64, &Arc<Entity>)> {
        let shown = self.order.iter().skip(PAGE.saturating_mul(page - 1)).take(PAGE);
        shown.filter_map(|(rank, entity)| Some((&rank.key, self.known.get(&rank.key)?.0, entity)))
    }

    fn adjust(&mut self, entity: &Entity, need: u8, is_added: bool) {
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
            states: Some(self.states.clone()),
        }
    }

    fn pages(&self) -> usize {
        self.order.len().div_ceil(PAGE).max(1)
    }
}

/// 0: a reply or a review is needed. The pages sort by the same, from the document.
fn need(entity: &Entity) -> u8 {
    match entity {
        Entity::Response(response) => response_need(response),
        Entity::Survey(request) => u8::from(!survey_needs(request)),
        _ => u8::MAX,
    }
}

fn response_need(response: &Response) -> u8 {
    match &response.record.thread {
        _ if response.needs_reply => 0,
        // Open in Goodays, but answered here: no reply is needed.
        ThreadState::Open | ThreadState::Pending => 1,
        ThreadState::Closed => 3,
        _ => 2,
    }
}

/// A dry run may be sent, but needs no review.
fn survey_needs(request: &SurveyRequest) -> bool {
    let survey = &request.survey;
    match survey.state {
        RequestState::NeedsReview | RequestState::Unknown => true,
        RequestState::DryRun => false,
        _ => survey.may_retry || request.may_recover,
    }
}

fn created(entity: &Entity) -> Option<Timestamp> {
    match entity {
        Entity::Response(response) => response.record.created,
        Entity::Survey(request) => request.created(),
        _ => None,
    }
}

fn state(entity: &Entity) -> String {
    match entity {
        Entity::Response(response) => response.record.thread.to_string(),
        Entity::Survey(request) => request.survey.state.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Customer, Fact, ResponseRecord, Survey};
    use crate::gold::MatchRules;
    use crate::gold::records::Records;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).expect("a time")
    }

    /// What gold makes of it.
    fn told(key: &Key, fact: Fact) -> Entity {
        let mut records = Records::new(MatchRules::default(), at(0));
        records.apply(fact, at(100));
        records.rederive();
        records.all().remove(key).expect("it is there")
    }

    fn response(id: &str, thread: ThreadState, waits: bool, created: i64) -> (Key, Arc<Entity>) {
        let reading = ResponseRecord {
            id: id.into(),
            created: Some(at(created)),
            assumed: None,
            newest_as_dated: None,
            updated: None,
            source: None,
            thread,
            survey: None,
            answers: Vec::new(),
            messages: BTreeMap::new(),
            customer: Customer::default(),
            extra: BTreeMap::new(),
            place: None,
            delegated_to: None,
            actions: std::collections::BTreeSet::new(),
            alert: false,
        };
        let key = Key::Response(id.into());
        let Entity::Response(mut response) = told(&key, Fact::Response(Box::new(reading))) else {
            panic!("a response")
        };
        response.needs_reply = waits;
        (key, Arc::new(Entity::Response(response)))
    }

    fn survey(id: &str, state: RequestState, created: i64) -> (Key, Arc<Entity>) {
        let mut survey = Survey::new(id.into(), at(created));
        survey.state = state;
        let key = Key::Survey(id.into());
        let entity = told(&key, Fact::Survey(Box::new(survey)));
        (key, Arc::new(entity))
    }

    fn states(count: &ListDoc) -> &BTreeMap<String, u64> {
        count.states.as_ref().expect("they are always counted")
    }

    fn order(lists: &Lists) -> Vec<String> {
        lists.shown().map(|(key, ..)| super::super::document::path(key).1).collect()
    }

    #[test]
    fn list_sorts_by_need_then_newest_first() {
        let mut lists = Lists::new(1);
        for (key, entity) in [
            response("closed", ThreadState::Closed, false, 9),
            response("pending", ThreadState::Pending, false, 7),
            response("again", ThreadState::Closed, true, 1),
            response("open", ThreadState::Open, true, 2),
            response("other", ThreadState::Other("odd".into()), false, 8),
        ] {
            lists.set(&key, 5, Some(entity));
        }
        assert_eq!(order(&lists), ["open", "again", "pending", "other", "closed"]);
        let count = lists.feedback.count(1);
        assert_eq!((count.total, count.needs_action, states(&count)["closed"]), (5, 2, 2));
        // What was before changes nothing; what is since does.
        lists.set(&Key::Response("open".into()), 4, None);
        assert_eq!(lists.feedback.count(1).total, 5);
        let (key, closed) = response("open", ThreadState::Closed, false, 2);
        lists.set(&key, 6, Some(closed));
        assert_eq!(order(&lists), ["again", "pending", "other", "closed", "open"]);
        let count = lists.feedback.count(1);
        assert_eq!((count.total, count.needs_action, states(&count)["closed"]), (5, 1, 3));
        assert_eq!(states(&count).get("open"), None);
    }

    #[test]
    fn requests_that_need_a_review_come_first_and_dry_runs_do_not() {
        let mut lists = Lists::new(1);
        for (key, entity) in [
            survey("tried", RequestState::DryRun, 9),
            survey("held", RequestState::NeedsReview, 1),
            survey("unknown", RequestState::Unknown, 2),
            survey("sent", RequestState::Accepted, 8),
        ] {
            lists.set(&key, 1, Some(entity));
        }
        assert_eq!(order(&lists), ["unknown", "held", "tried", "sent"]);
        assert_eq!(lists.surveys.count(1).needs_action, 2);
    }

    #[test]
    fn response_needs_a_reply_exactly_while_it_waits() {
        let need = |thread: ThreadState, waits: bool| match &*response("r1", thread, waits, 1).1 {
            Entity::Response(response) => response_need(response),
            other => panic!("no response: {other:?}"),
        };
        let threads = || [ThreadState::Open, ThreadState::Pending, ThreadState::Closed];
        assert_eq!(threads().map(|thread| need(thread, true)), [0; 3]);
        assert_eq!(threads().map(|thread| need(thread, false)), [1, 1, 3]);
    }
}
