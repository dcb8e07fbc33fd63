//! Records, tested by feature. The helpers that several features need are here.

mod agents;
mod feedback;
mod properties;
mod queues;
mod rollups;
mod sessions;
mod structure;
mod surveys;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Records;
use crate::domain::metric::QueueMetricsUpdate;
use crate::domain::session::SessionListUpdate;
use crate::domain::{
    AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Answer, Change, Customer, CustomerIdentity, Fact, GroupId,
    Health, Message, Metric, MetricValue, Modality, Ordinal, PastStatus, Pin, QueueId, QueueUpdate, ResponseRecord,
    SessionId, SessionListUpdates, SessionRecord, SessionStatus, SessionUpdate, SkipReason, SourceName, SourceState,
    StructureSnapshot, Survey, SurveyOrigin, SurveyResult, SurveyState, TeamId, TeamRecord, ThreadState,
};
use crate::gold::entity::{Agent, Entity, Key, Queue};
use crate::gold::join::{MatchRule, MatchRules};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).expect("a time")
}

fn new_records() -> Records {
    let (session, conversation) = (vec!["session".into()], vec!["conversation".into()]);
    Records::new(MatchRules { session_keys: session, conversation_keys: conversation, ..MatchRules::default() }, at(0))
}

fn agent(records: &Records, id: i64) -> Agent {
    match records.derive(&Key::Agent(AgentId(id))) {
        Some(Entity::Agent(agent)) => agent,
        other => panic!("agent {id} is {other:?}"),
    }
}

fn queue(records: &Records, id: i64) -> Queue {
    match records.derive(&Key::Queue(QueueId(id))) {
        Some(Entity::Queue(queue)) => queue,
        other => panic!("queue {id} is {other:?}"),
    }
}

fn status(status: AgentStatus, since: Option<Timestamp>) -> Option<AgentStatusUpdate> {
    Some(AgentStatusUpdate { since: since.into(), ..AgentStatusUpdate::new(status) })
}

fn session(id: i64, status: SessionStatus, queue: i64) -> SessionUpdate {
    let mut update = SessionUpdate::new(SessionId(id));
    update.status = Some(status);
    update.queue = Change::Set(QueueId(queue));
    update
}

fn lists(list: SessionListUpdate) -> SessionListUpdates {
    vec![(Modality::Audio, list)]
}

fn all(sessions: Vec<SessionUpdate>) -> SessionListUpdates {
    lists(SessionListUpdate { all: Some(sessions), ..SessionListUpdate::default() })
}

fn snapshot(asked: u64, agent: AgentUpdate) -> Fact {
    Fact::AgentSnapshots { asked: Ordinal(asked), agents: vec![agent] }
}

fn changed(received: u64, agent: AgentUpdate) -> Fact {
    Fact::AgentUpdated { received: Ordinal(received), agent: Box::new(agent) }
}

fn status_update(parts: impl FnOnce(&mut AgentStatusUpdate)) -> AgentUpdate {
    let mut update = AgentUpdate::new(AgentId(41));
    parts(update.status.insert(AgentStatusUpdate::default()));
    update
}

fn structured(agents: &[(i64, Option<&str>)], queues: &[(i64, Option<&str>)]) -> Fact {
    let agents =
        agents.iter().map(|(id, name)| AgentUpdate { name: name.map(Arc::from), ..AgentUpdate::new(AgentId(*id)) });
    let queues =
        queues.iter().map(|(id, name)| QueueUpdate { name: name.map(Arc::from), ..QueueUpdate::new(QueueId(*id)) });
    Fact::Structure(StructureSnapshot { agents: agents.collect(), queues: queues.collect(), teams: vec![] })
}

fn past(status: AgentStatus) -> PastStatus {
    PastStatus { status, reason: None, until: None, suspended: false }
}

fn intervals_of(records: &Records, id: i64) -> Vec<(Timestamp, AgentStatus)> {
    let agent = agent(records, id);
    let history = agent.detail.history.as_ref().expect("a history");
    history.intervals().iter().map(|interval| (interval.began, interval.status.status.clone())).collect()
}

/// A count of each kind of contact, and waiting callers.
fn queue_push(received: u64, counts: &[(Modality, i64)], sessions: SessionListUpdates) -> Fact {
    let mut update = QueueUpdate::new(QueueId(11));
    for (modality, count) in counts {
        let bag = update.metrics.entry(modality.clone()).or_default();
        bag.insert("queuedCount".into(), MetricValue::Count(*count));
    }
    update.sessions = sessions;
    Fact::QueueUpdated { received: Ordinal(received), queue: Box::new(update) }
}

fn pushes_missed_before(before: u64) -> Fact {
    Fact::QueuePushesMissed { before: Ordinal(before), searched_too: true }
}

fn other_metric(received: u64) -> Fact {
    let mut update = QueueUpdate::new(QueueId(11));
    update.metrics.entry(Modality::Audio).or_default().insert("abandonedCount".into(), MetricValue::Count(3));
    Fact::QueueUpdated { received: Ordinal(received), queue: Box::new(update) }
}

fn forgotten(responses: &[&str]) -> Fact {
    let responses = responses.iter().map(|id| (*id).into()).collect();
    Fact::Forgotten { responses, surveys: Vec::new(), sessions: Vec::new(), person: CustomerIdentity::default() }
}

/// The result for `r1` when these facts are applied in each order, with and without rederiving in between.
fn in_every_order(facts: &[Fact]) -> BTreeSet<String> {
    let mut ends = BTreeSet::new();
    let mut orders = vec![Vec::new()];
    for at in 0..facts.len() {
        let longer = |order: &Vec<usize>| {
            (0..=order.len())
                .map(|place| {
                    let mut order = order.clone();
                    order.insert(place, at);
                    order
                })
                .collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    for (order, rederives) in orders.iter().flat_map(|order| [(order, true), (order, false)]) {
        let mut records = new_records();
        for fact in order {
            records.apply(facts[*fact].clone(), at(100));
            if rederives {
                records.rederive();
            }
        }
        records.rederive();
        assert!(records.sessions.is_sound() && records.attributions_are_current());
        ends.insert(format!("{:?}", records.all()));
    }
    ends
}

/// Jenny's session, as Clarity reports it after its end.
fn ended_session(id: i64, began: i64, conversation: Option<&str>) -> SessionRecord {
    SessionRecord {
        queue: Some(QueueId(11)),
        agent: Some(AgentId(41)),
        began: Some(at(began)),
        ended: Some(at(began + 60)),
        person: CustomerIdentity::new(Some("jenny@example.com"), Some("+13128633465")),
        conversation: conversation.map(Arc::from),
        ..SessionRecord::new(SessionId(id))
    }
}

/// What Jenny says, who was there on the day of `at(0)`.
fn response_of_jenny(id: i64, extra: &[(&str, &str)]) -> Fact {
    let mut said = response(id, &[(1, 5)], None, 5, false);
    said.customer.email = Some("Jenny@example.com".into());
    said.extra = extra.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Fact::Response(Box::new(said))
}

fn day() -> String {
    at(0).to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

fn response(id: i64, messages: &[(i64, i64)], session: Option<&str>, score: i64, closed: bool) -> ResponseRecord {
    ResponseRecord {
        id: format!("r{id}").into(),
        created: Some(at(1)),
        assumed: None,
        newest_as_dated: None,
        updated: Some(at(1)),
        source: None,
        thread: if closed { ThreadState::Closed } else { ThreadState::Open },
        survey: None,
        answers: vec![Answer { question: "?".into(), kind: "nps".into(), value: json!(score) }],
        messages: messages
            .iter()
            .map(|(message, seconds)| {
                let id = format!("m{message}").into();
                let text = format!("text {message}").into();
                (
                    std::sync::Arc::clone(&id),
                    Message { id, at: Some(at(*seconds)), kind: None, text, from: None, attachment: None },
                )
            })
            .collect(),
        customer: Customer::default(),
        extra: session.map(|session| ("session".into(), session.into())).into_iter().collect(),
        place: None,
        delegated_to: None,
        actions: BTreeSet::new(),
        alert: false,
    }
}

fn floor_totals(records: &mut Records) -> Option<std::sync::Arc<crate::gold::rollup::FeedbackTotals>> {
    records.rederive();
    records.totals(&crate::gold::rollup::RollupGroup::Floor)
}

fn rating(uuid: &str, interaction: &str, stars: u8) -> SurveyResult {
    SurveyResult {
        uuid: uuid.into(),
        sequence: 1,
        interaction: interaction.into(),
        created: Some(at(50)),
        answered: Some(at(60)),
        stars: Some(stars),
        tags: vec![" refund ".into(), "".into()],
        ..SurveyResult::default()
    }
}
