//! The ground under random facts, and the rules of merging one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
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

fn ground() -> Records {
    let (session, conversation) = (vec!["session".into()], vec!["conversation".into()]);
    Records::new(MatchRules { session_keys: session, conversation_keys: conversation, ..MatchRules::default() }, at(0))
}

fn agent(ground: &Records, id: i64) -> Agent {
    match ground.derive(&Key::Agent(AgentId(id))) {
        Some(Entity::Agent(agent)) => agent,
        other => panic!("agent {id} is {other:?}"),
    }
}

fn queue(ground: &Records, id: i64) -> Queue {
    match ground.derive(&Key::Queue(QueueId(id))) {
        Some(Entity::Queue(queue)) => queue,
        other => panic!("queue {id} is {other:?}"),
    }
}

fn status(status: AgentStatus, since: Option<Timestamp>) -> Option<AgentStatusUpdate> {
    Some(AgentStatusUpdate { since: since.into(), ..AgentStatusUpdate::new(status) })
}

fn session(id: i64, status: SessionStatus, queue: i64) -> SessionUpdate {
    let mut reading = SessionUpdate::new(SessionId(id));
    reading.status = Some(status);
    reading.queue = Change::Set(QueueId(queue));
    reading
}

fn lists(list: SessionListUpdate) -> SessionListUpdates {
    vec![(Modality::Audio, list)]
}

fn all(sessions: Vec<SessionUpdate>) -> SessionListUpdates {
    lists(SessionListUpdate { all: Some(sessions), ..SessionListUpdate::default() })
}

fn in_full(asked: u64, agent: AgentUpdate) -> Fact {
    Fact::AgentSnapshots { asked: Ordinal(asked), agents: vec![agent] }
}

fn changed(heard: u64, agent: AgentUpdate) -> Fact {
    Fact::AgentUpdated { received: Ordinal(heard), agent: Box::new(agent) }
}

#[test]
fn a_change_that_leaves_sessions_out_keeps_them_and_a_full_answer_takes_them_away() {
    let mut ground = ground();
    let mut reading = AgentUpdate::new(AgentId(41));
    reading.sessions = all(vec![session(82_673, SessionStatus::Active, 11)]);
    ground.apply(in_full(1, reading), at(1));
    assert!(agent(&ground, 41).sessions.contains_key(&SessionId(82_673)));

    let mut reading = AgentUpdate::new(AgentId(41));
    reading.status = status(AgentStatus::InCall, None);
    ground.apply(changed(2, reading.clone()), at(2));
    assert_eq!(agent(&ground, 41).sessions.len(), 1, "a push says nothing about what it leaves out");

    ground.apply(in_full(3, reading), at(3));
    assert_eq!(agent(&ground, 41).sessions.len(), 0, "a full answer says that there are none");
}

#[test]
fn an_answer_asked_before_a_push_does_not_overwrite_it() {
    let mut ground = ground();
    let mut pushed = AgentUpdate::new(AgentId(41));
    pushed.status = status(AgentStatus::InCall, Some(at(5)));
    ground.apply(changed(7, pushed), at(5));

    let mut polled = AgentUpdate::new(AgentId(41));
    polled.status = status(AgentStatus::Available, Some(at(0)));
    ground.apply(in_full(6, polled.clone()), at(6));
    assert_eq!(agent(&ground, 41).status, AgentStatus::InCall);
    ground.apply(in_full(8, polled), at(8));
    assert_eq!(agent(&ground, 41).status, AgentStatus::Available, "one asked afterwards does");
}

#[test]
fn an_agent_who_is_not_permitted_is_unknown_until_shown_again() {
    let mut ground = ground();
    let mut shown = AgentUpdate::new(AgentId(41));
    shown.status = status(AgentStatus::InCall, Some(at(0)));
    shown.sessions = all(vec![session(82_673, SessionStatus::Active, 11)]);
    ground.apply(changed(7, shown.clone()), at(5));

    let mut refused = AgentUpdate::new(AgentId(41));
    (refused.not_permitted, refused.status) = (true, status(AgentStatus::Unknown, None));
    // Whatever was pushed in the meantime: it is not for us.
    ground.apply(in_full(6, refused), at(6));
    ground.apply(changed(8, shown.clone()), at(8));
    let known = agent(&ground, 41);
    assert_eq!((known.not_permitted, &known.status, known.sessions.len()), (true, &AgentStatus::Unknown, 0));

    ground.apply(in_full(9, shown), at(9));
    let known = agent(&ground, 41);
    assert_eq!((known.not_permitted, &known.status, known.sessions.len()), (false, &AgentStatus::InCall, 1));
}

fn said(parts: impl FnOnce(&mut AgentStatusUpdate)) -> AgentUpdate {
    let mut reading = AgentUpdate::new(AgentId(41));
    parts(reading.status.insert(AgentStatusUpdate::default()));
    reading
}

/// What is not mentioned is as it was, with one exception: the reason and the beginning belong to a status, and another
/// status has its own.
#[test]
fn status_push_changes_only_what_it_mentions() {
    let (lunch, training): (Arc<str>, Arc<str>) = ("Lunch".into(), "Training".into());
    let away = AgentStatus::Unavailable;
    let known = (away.clone(), Some(lunch.clone()), Some(at(0)), false);
    let reason = |text: &Arc<str>| Change::Set(text.clone());
    let cases: Vec<(&str, AgentUpdate, _)> = vec![
        ("nothing", AgentUpdate::new(AgentId(41)), known.clone()),
        (
            "suspended",
            said(|it| it.suspended = Change::Set(true)),
            (away.clone(), Some(lunch.clone()), Some(at(0)), true),
        ),
        (
            "a reason",
            said(|it| it.reason = reason(&training)),
            (away.clone(), Some(training.clone()), Some(at(0)), false),
        ),
        ("no reason", said(|it| it.reason = Change::Clear), (away.clone(), None, Some(at(0)), false)),
        ("a time", said(|it| it.since = Change::Set(at(5))), (away.clone(), Some(lunch.clone()), Some(at(5)), false)),
        ("no time", said(|it| it.since = Change::Clear), (away.clone(), Some(lunch.clone()), None, false)),
        ("the same status", said(|it| it.status = Change::Set(away.clone())), known.clone()),
        (
            "another status",
            said(|it| it.status = Change::Set(AgentStatus::Available)),
            (AgentStatus::Available, None, Some(at(9)), false),
        ),
        (
            "another status with its parts",
            said(|it| {
                *it = AgentStatusUpdate {
                    reason: reason(&training),
                    since: Change::Set(at(7)),
                    ..AgentStatusUpdate::new(AgentStatus::Busy)
                };
            }),
            (AgentStatus::Busy, Some(training.clone()), Some(at(7)), false),
        ),
        ("no status", said(|it| it.status = Change::Clear), (AgentStatus::Unknown, None, Some(at(9)), false)),
    ];
    for (what, push, expected) in cases {
        let mut ground = ground();
        let told = said(|it| {
            *it = AgentStatusUpdate {
                reason: reason(&lunch),
                since: Change::Set(at(0)),
                ..AgentStatusUpdate::new(away.clone())
            }
        });
        ground.apply(in_full(1, told), at(1));
        ground.apply(changed(2, push), at(9));
        let known = agent(&ground, 41);
        assert_eq!((known.status, known.reason, known.since, known.suspended), expected, "{what}");
    }
}

#[test]
fn full_answer_without_a_reason_takes_the_reason_away() {
    let mut ground = ground();
    let away = |reason: Option<&str>| {
        said(|it| {
            let reason = reason.map(Arc::<str>::from).into();
            *it = AgentStatusUpdate {
                reason,
                since: Change::Set(at(0)),
                ..AgentStatusUpdate::new(AgentStatus::Unavailable)
            };
        })
    };
    ground.apply(in_full(1, away(Some("Lunch"))), at(1));
    assert_eq!(agent(&ground, 41).reason.as_deref(), Some("Lunch"));
    ground.apply(in_full(2, away(None)), at(2));
    assert_eq!(agent(&ground, 41).reason, None);
}

#[test]
fn contradiction_stays_until_the_status_is_told_again() {
    let mut ground = ground();
    let known = |ground: &Records| agent(ground, 41).contradicting_status;
    let after_call = || AgentStatusUpdate::new(AgentStatus::AfterCall);
    let told = said(|it| *it = AgentStatusUpdate { contradicting: Some("available".into()), ..after_call() });
    ground.apply(changed(1, told), at(1));
    ground.apply(changed(2, said(|it| it.suspended = Change::Set(true))), at(2));
    assert_eq!(known(&ground).as_deref(), Some("available"), "nothing was said of the status");
    ground.apply(changed(3, said(|it| *it = after_call())), at(3));
    assert_eq!(known(&ground), None);
}

#[test]
fn an_answer_older_than_a_push_still_tells_the_other_parts() {
    let mut ground = ground();
    let mut pushed = AgentUpdate::new(AgentId(41));
    pushed.metrics.entry(Modality::Audio).or_default().insert("answeredCount".into(), MetricValue::Count(8));
    ground.apply(changed(7, pushed), at(5));
    let mut answer = AgentUpdate::new(AgentId(41));
    answer.status = status(AgentStatus::InCall, Some(at(0)));
    answer.metrics.entry(Modality::Audio).or_default().insert("answeredCount".into(), MetricValue::Count(7));
    ground.apply(in_full(6, answer), at(6));
    let known = agent(&ground, 41);
    assert_eq!(known.status, AgentStatus::InCall, "nothing newer was pushed of the status");
    assert_eq!(known.metrics[&Modality::Audio]["answeredCount"], MetricValue::Count(8));

    let queue_says = |open| {
        let mut reading = QueueUpdate::new(QueueId(11));
        (reading.open, reading.calls_today) = (Change::Set(open), Change::Clear);
        reading
    };
    ground.apply(Fact::QueueUpdated { received: Ordinal(9), queue: Box::new(queue_says(false)) }, at(9));
    let found = |asked| Fact::SearchResults { asked: Ordinal(asked), agents: vec![], queues: vec![queue_says(true)] };
    ground.apply(found(8), at(10));
    assert_eq!(queue(&ground, 11).open, Some(false), "a search that was asked before the push");
    ground.apply(found(10), at(11));
    assert_eq!(queue(&ground, 11).open, Some(true));
}

fn structured(agents: &[(i64, Option<&str>)], queues: &[(i64, Option<&str>)]) -> Fact {
    let agents =
        agents.iter().map(|(id, name)| AgentUpdate { name: name.map(Arc::from), ..AgentUpdate::new(AgentId(*id)) });
    let queues =
        queues.iter().map(|(id, name)| QueueUpdate { name: name.map(Arc::from), ..QueueUpdate::new(QueueId(*id)) });
    Fact::Structure(StructureSnapshot { agents: agents.collect(), queues: queues.collect(), teams: vec![] })
}

#[test]
fn names_come_from_the_structure_then_a_search_then_pushes() {
    let mut ground = ground();
    let push = |name: &str| changed(9, AgentUpdate { name: Some(name.into()), ..AgentUpdate::new(AgentId(41)) });
    let queue_push = |name: &str| Fact::QueueUpdated {
        received: Ordinal(9),
        queue: Box::new(QueueUpdate { name: Some(name.into()), ..QueueUpdate::new(QueueId(11)) }),
    };
    let found = || {
        let agent = AgentUpdate { name: Some("Robert".into()), ..AgentUpdate::new(AgentId(41)) };
        let queue = QueueUpdate { name: Some("Orders (search)".into()), ..QueueUpdate::new(QueueId(11)) };
        Fact::SearchResults { asked: Ordinal(1), agents: vec![agent], queues: vec![queue] }
    };
    let found_nameless = || {
        let agent = AgentUpdate { email: Some("rob@example.com".into()), ..AgentUpdate::new(AgentId(41)) };
        Fact::SearchResults { asked: Ordinal(1), agents: vec![agent], queues: vec![QueueUpdate::new(QueueId(11))] }
    };
    let names = |ground: &Records| {
        let name = |name: Option<Arc<str>>| name.as_deref().unwrap_or("-").to_owned();
        (name(agent(ground, 41).name), name(queue(ground, 11).name))
    };
    for (fact, expected) in [
        (structured(&[(41, None)], &[(11, None)]), ("-", "-")),
        (push("Rob P."), ("Rob P.", "-")),
        (changed(9, AgentUpdate::new(AgentId(41))), ("Rob P.", "-")),
        (queue_push("Pushed"), ("Rob P.", "Pushed")),
        (found(), ("Robert", "Orders (search)")),
        (found_nameless(), ("Robert", "Orders (search)")),
        (push("Bob"), ("Robert", "Orders (search)")),
        (structured(&[(41, Some("Rob T."))], &[(11, Some("Orders"))]), ("Rob T.", "Orders")),
        (found(), ("Rob T.", "Orders")),
        (push("Bob"), ("Rob T.", "Orders")),
        (queue_push("Bob"), ("Rob T.", "Orders")),
        (structured(&[(41, Some("Rob U."))], &[(11, Some("Sales"))]), ("Rob U.", "Sales")),
        (structured(&[(41, None)], &[(11, None)]), ("Robert", "Orders (search)")),
    ] {
        let what = format!("{fact:?}");
        ground.apply(fact, at(1));
        assert_eq!(names(&ground), (expected.0.to_owned(), expected.1.to_owned()), "{what}");
    }
}

#[test]
fn team_is_what_the_structure_says_and_none_where_it_names_none() {
    let in_team = |team: Option<i64>| AgentUpdate { team: team.map(TeamId), ..AgentUpdate::new(AgentId(41)) };
    let structure =
        |team| Fact::Structure(StructureSnapshot { agents: vec![in_team(team)], queues: vec![], teams: vec![] });
    let mut ground = ground();
    for (fact, team) in [
        (changed(1, in_team(Some(2))), Some(2)),
        (structure(Some(3)), Some(3)),
        (changed(2, in_team(Some(4))), Some(3)),
        (structure(None), None),
    ] {
        let what = format!("{fact:?}");
        ground.apply(fact, at(1));
        assert_eq!(agent(&ground, 41).team, team.map(TeamId), "{what}");
    }
}

/// Nobody who has gone comes back by a late push; whoever is new is shown with all that was pushed of them.
#[test]
fn updates_about_those_whom_no_structure_names_wait_for_one() {
    let mut ground = ground();
    let push = |id: i64, seconds: i64| {
        let mut reading = AgentUpdate::new(AgentId(id));
        reading.status = status(AgentStatus::InCall, Some(at(seconds)));
        reading.sessions = all(vec![session(82_000 + id, SessionStatus::Queued, 11)]);
        changed(9, reading)
    };
    let queue_push = |id: i64| {
        let mut reading = QueueUpdate::new(QueueId(id));
        reading.sessions = all(vec![session(90_000 + id, SessionStatus::Queued, id)]);
        Fact::QueueUpdated { received: Ordinal(9), queue: Box::new(reading) }
    };
    ground.apply(structured(&[(41, None), (42, None)], &[(11, None), (12, None)]), at(0));
    ground.apply(structured(&[(41, None)], &[(11, None)]), at(1));
    ground.rederive();
    let before = ground.all();
    for fact in [
        push(42, 2),
        queue_push(12),
        in_full(3, said(|_| ())),
        Fact::SearchResults {
            asked: Ordinal(9),
            agents: vec![AgentUpdate { email: Some("mia@example.com".into()), ..AgentUpdate::new(AgentId(42)) }],
            queues: vec![QueueUpdate::new(QueueId(12))],
        },
    ] {
        ground.apply(fact, at(2));
    }
    let mut late = AgentUpdate::new(AgentId(42));
    late.status = status(AgentStatus::Available, None);
    ground.apply(in_full(10, late), at(2));
    ground.rederive();
    assert_eq!(ground.all().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "no ghosts");
    assert!(queue(&ground, 11).sessions.is_empty(), "nor their calls");

    // They are on their way in, not out.
    ground.apply(structured(&[(41, None), (42, Some("Mia"))], &[(11, None), (12, None)]), at(5));
    let mia = agent(&ground, 42);
    assert_eq!((mia.status, mia.since, mia.sessions.len()), (AgentStatus::InCall, Some(at(2)), 1));
    assert_eq!(queue(&ground, 12).waiting, Some(1));
    // Whatever is older than that is not about anybody who is new.
    ground.apply(push(43, 6), at(6));
    ground.apply(structured(&[(41, None)], &[(11, None)]), at(300));
    ground.apply(structured(&[(41, None), (43, None)], &[(11, None)]), at(301));
    assert_eq!(agent(&ground, 43).status, AgentStatus::Unknown);
    ground.rederive();
}

/// A call that went through a number that stands for no queue before its agent was known leaves no empty queue.
#[test]
fn updates_that_waited_leave_no_queue_that_a_call_only_went_through() {
    let mut ground = ground();
    ground.apply(structured(&[], &[(11, None)]), at(0));
    for queue in [-2, 11] {
        let mut update = AgentUpdate::new(AgentId(44));
        update.sessions = all(vec![session(82_000, SessionStatus::Queued, queue)]);
        ground.apply(changed(queue.unsigned_abs(), update), at(1));
    }
    ground.apply(structured(&[(44, None)], &[(11, None)]), at(2));
    ground.rederive();
    assert_eq!(queue(&ground, 11).sessions.len(), 1);
    assert!(!ground.all().contains_key(&Key::Queue(QueueId(-2))));
}

#[test]
fn queue_is_unlisted_until_the_structure_names_it() {
    let mut ground = ground();
    ground.apply(structured(&[(44, None)], &[(11, None)]), at(0));
    let mut update = AgentUpdate::new(AgentId(44));
    update.sessions = all(vec![session(82_000, SessionStatus::Active, 77)]);
    ground.apply(changed(1, update), at(1));
    assert_eq!((queue(&ground, 11).is_unlisted, queue(&ground, 77).is_unlisted), (false, true));
    ground.apply(structured(&[(44, None)], &[(11, None), (77, None)]), at(2));
    assert!(!queue(&ground, 77).is_unlisted);
}

fn past(status: AgentStatus) -> PastStatus {
    PastStatus { status, reason: None, until: None, suspended: false }
}

fn stints(ground: &Records, id: i64) -> Vec<(Timestamp, AgentStatus)> {
    let agent = agent(ground, id);
    let history = agent.detail.history.as_ref().expect("a history");
    history.intervals().iter().map(|stint| (stint.began, stint.status.status.clone())).collect()
}

#[test]
fn a_history_goes_on_with_what_is_pushed_and_an_answer_without_one_leaves_it() {
    let mut ground = ground();
    let mut pushed = AgentUpdate::new(AgentId(41));
    pushed.status = status(AgentStatus::Available, Some(at(0)));
    ground.apply(changed(1, pushed.clone()), at(0));
    assert_eq!(agent(&ground, 41).detail.history, None, "nobody told us one");

    let mut told = pushed.clone();
    told.history = Some(BTreeMap::from([(at(-60), past(AgentStatus::AtLunch)), (at(0), past(AgentStatus::Available))]));
    // Even an answer that is older than a push tells of what was before.
    ground.apply(in_full(0, told), at(1));
    pushed.status = status(AgentStatus::InCall, Some(at(30)));
    ground.apply(changed(3, pushed.clone()), at(30));
    ground.apply(in_full(4, pushed), at(31));
    let expected = [(at(-60), AgentStatus::AtLunch), (at(0), AgentStatus::Available), (at(30), AgentStatus::InCall)];
    assert_eq!(stints(&ground, 41), expected);
}

#[test]
fn metrics_by_queue_are_added_removed_and_replaced() {
    let metrics = |count| {
        let bag = BTreeMap::from([(Arc::from("answeredCount"), MetricValue::Count(count))]);
        BTreeMap::from([(Modality::Audio, bag)])
    };
    let queues =
        |known: &[(i64, i64)]| known.iter().map(|(id, n)| (QueueId(*id), metrics(*n))).collect::<BTreeMap<_, _>>();
    let reading = |by_queue: Option<QueueMetricsUpdate>| {
        let mut reading = AgentUpdate::new(AgentId(41));
        reading.by_queue = by_queue.map(Box::new);
        reading
    };
    let all =
        |known: &[(i64, i64)]| Some(QueueMetricsUpdate { all: Some(queues(known)), ..QueueMetricsUpdate::default() });
    let mut ground = ground();
    ground.apply(in_full(1, reading(all(&[(11, 5), (12, 1)]))), at(1));
    let delta = QueueMetricsUpdate {
        added: queues(&[(11, 6), (13, 1)]),
        removed: vec![QueueId(12)],
        ..QueueMetricsUpdate::default()
    };
    ground.apply(changed(2, reading(Some(delta))), at(2));
    assert_eq!(agent(&ground, 41).detail.by_queue, queues(&[(11, 6), (13, 1)]));
    let before = agent(&ground, 41).detail;
    ground.apply(changed(3, reading(None)), at(3));
    ground.apply(in_full(4, reading(all(&[(11, 6), (13, 1)]))), at(4));
    assert!(Arc::ptr_eq(&before, &agent(&ground, 41).detail), "the same said again is not even looked at");
    ground.apply(changed(5, reading(all(&[(11, 7)]))), at(5));
    assert_eq!(agent(&ground, 41).detail.by_queue, queues(&[(11, 7)]), "all of them are all of them");
    ground.apply(in_full(6, reading(None)), at(6));
    assert!(agent(&ground, 41).detail.by_queue.is_empty(), "a full answer says that there are none");
    ground.apply(changed(9, reading(all(&[(11, 8)]))), at(9));
    ground.apply(in_full(8, reading(None)), at(10));
    assert_eq!(agent(&ground, 41).detail.by_queue, queues(&[(11, 8)]), "it was asked before they were pushed");
}

#[test]
fn a_status_without_a_time_began_when_it_was_heard_and_goes_on() {
    let mut ground = ground();
    for (heard, seconds) in [(1, 10), (2, 20)] {
        let mut reading = AgentUpdate::new(AgentId(41));
        reading.status = status(AgentStatus::Available, None);
        ground.apply(changed(heard, reading), at(seconds));
    }
    assert_eq!(agent(&ground, 41).since, Some(at(10)));
}

#[test]
fn a_running_duration_read_twice_keeps_its_first_anchor() {
    let mut ground = ground();
    for jitter in [0, 1, -1] {
        let mut reading = session(82_673, SessionStatus::Queued, 11);
        reading.queued_since = Some(at(100 + jitter));
        let mut queue = QueueUpdate::new(QueueId(11));
        queue.sessions = all(vec![reading]);
        ground.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(queue) }, at(110));
    }
    assert_eq!(queue(&ground, 11).longest_wait_since, Some(at(100)));
}

#[test]
fn an_answered_call_leaves_the_queue_and_is_with_its_agent() {
    let mut ground = ground();
    let mut waiting = QueueUpdate::new(QueueId(11));
    waiting.sessions =
        all(vec![session(82_673, SessionStatus::Queued, 11), session(82_674, SessionStatus::Queued, 11)]);
    ground.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(waiting) }, at(1));
    assert_eq!(queue(&ground, 11).waiting, Some(2));

    let mut answered = AgentUpdate::new(AgentId(41));
    answered.sessions = lists(SessionListUpdate {
        added: vec![session(82_673, SessionStatus::Active, 11)],
        ..SessionListUpdate::default()
    });
    ground.apply(changed(2, answered), at(2));
    assert_eq!(queue(&ground, 11).waiting, Some(1));
    assert_eq!(agent(&ground, 41).sessions[&SessionId(82_673)].agent, Some(AgentId(41)));

    let mut ended = AgentUpdate::new(AgentId(41));
    ended.sessions = lists(SessionListUpdate {
        added: vec![session(82_673, SessionStatus::Ended, 11)],
        ..SessionListUpdate::default()
    });
    ground.apply(changed(3, ended), at(3));
    assert!(agent(&ground, 41).sessions.is_empty());
}

#[test]
fn session_that_was_transferred_names_who_had_it_first() {
    let mut ground = ground();
    let lists_it = |id: i64, primary: i64, status: SessionStatus| {
        let mut call = session(82_673, status, 11);
        call.agent = Change::Set(AgentId(primary));
        let mut reading = AgentUpdate::new(AgentId(id));
        reading.sessions = all(vec![call]);
        changed(1, reading)
    };
    let lets_it_go = |id: i64| {
        let mut reading = AgentUpdate::new(AgentId(id));
        reading.sessions = all(vec![]);
        changed(1, reading)
    };
    let first = |ground: &Records, id: i64| agent(ground, id).sessions[&SessionId(82_673)].first_agent;
    ground.apply(lists_it(40, 40, SessionStatus::Connecting), at(1));
    // It rang there and was not answered: that is no transfer.
    ground.apply(lets_it_go(40), at(2));
    ground.apply(lists_it(41, 41, SessionStatus::Active), at(3));
    assert_eq!(first(&ground, 41), None);
    ground.apply(lets_it_go(41), at(4));
    ground.apply(lists_it(42, 42, SessionStatus::Active), at(5));
    assert_eq!(first(&ground, 42), Some(AgentId(41)));
    ground.apply(lists_it(42, 42, SessionStatus::Ended), at(6));
    ground.apply(lists_it(43, 43, SessionStatus::Active), at(7));
    assert!(agent(&ground, 43).sessions.get(&SessionId(82_673)).is_none_or(|call| call.first_agent.is_none()));
}

#[test]
fn a_part_of_a_queue_is_not_shown_as_the_whole() {
    let mut ground = ground();
    let mut first = QueueUpdate::new(QueueId(11));
    first.sessions = lists(SessionListUpdate {
        added: vec![session(82_673, SessionStatus::Queued, 11)],
        ..SessionListUpdate::default()
    });
    ground.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(first) }, at(1));
    let seen = queue(&ground, 11);
    assert_eq!((seen.sessions.len(), seen.waiting, seen.longest_wait_since), (1, None, None));

    let mut counted = QueueUpdate::new(QueueId(11));
    counted.metrics.entry(Modality::Audio).or_default().insert("queuedCount".into(), MetricValue::Count(3));
    ground.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(counted.clone()) }, at(2));
    assert_eq!(queue(&ground, 11).longest_wait_since, None, "two who wait are not known");
    counted.metrics.entry(Modality::Audio).or_default().insert("queuedCount".into(), MetricValue::Count(1));
    ground.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(counted) }, at(3));
    assert_eq!(queue(&ground, 11).longest_wait_since, Some(at(1)));
}

#[test]
fn when_nobody_tells_us_about_queues_their_numbers_are_unknown_and_not_old() {
    let mut ground = ground();
    let mut reading = QueueUpdate::new(QueueId(11));
    reading.agents_online = Change::Set(4);
    reading.metrics.entry(Modality::Audio).or_default().insert("queuedCount".into(), MetricValue::Count(3));
    reading.sessions = all(vec![session(82_673, SessionStatus::Queued, 11)]);
    ground.apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(reading) }, at(1));
    assert_eq!(queue(&ground, 11).waiting, Some(3));

    ground.apply(Fact::QueuePushesMissed { before: Ordinal(1), searched_too: false }, at(2));
    let now = queue(&ground, 11);
    assert_eq!((now.waiting, now.sessions.len(), now.agents_online), (None, 0, Some(4)));

    // What a search tells may be too old as well.
    let mut found = QueueUpdate::new(QueueId(11));
    found.calls_today = Change::Set(90);
    let found = |asked| Fact::SearchResults { asked: Ordinal(asked), agents: vec![], queues: vec![found.clone()] };
    ground.apply(found(3), at(3));
    ground.apply(Fact::QueuePushesMissed { before: Ordinal(3), searched_too: true }, at(4));
    assert_eq!((queue(&ground, 11).agents_online, queue(&ground, 11).calls_today), (Some(4), Some(90)));
    ground.apply(Fact::QueuePushesMissed { before: Ordinal(4), searched_too: true }, at(5));
    assert_eq!((queue(&ground, 11).agents_online, queue(&ground, 11).calls_today), (None, None));
}

/// A count of each kind of contact, and who waits.
fn waits(heard: u64, counts: &[(Modality, i64)], sessions: SessionListUpdates) -> Fact {
    let mut reading = QueueUpdate::new(QueueId(11));
    for (modality, count) in counts {
        let bag = reading.metrics.entry(modality.clone()).or_default();
        bag.insert("queuedCount".into(), MetricValue::Count(*count));
    }
    reading.sessions = sessions;
    Fact::QueueUpdated { received: Ordinal(heard), queue: Box::new(reading) }
}

fn untold_since(before: u64) -> Fact {
    Fact::QueuePushesMissed { before: Ordinal(before), searched_too: true }
}

#[test]
fn queue_parts_not_told_again_are_unknown_and_others_stay() {
    use Modality::{Audio, Message};
    let one = |id| all(vec![session(id, SessionStatus::Queued, 11)]);
    let none = SessionListUpdates::new;
    let cases = [
        ("all told again", vec![waits(5, &[(Audio, 2)], one(2))], Some(2), &[2][..]),
        ("nothing told again", vec![], None, &[]),
        ("a caller who left is not named again", vec![waits(5, &[(Audio, 0)], none())], Some(0), &[]),
        ("one kind of contact of two", vec![waits(5, &[(Message, 4)], none())], None, &[]),
        (
            "both, one after the other",
            vec![waits(5, &[(Message, 4)], none()), waits(6, &[(Audio, 1)], none())],
            Some(5),
            &[],
        ),
        ("another metric alone", vec![other_metric(5)], None, &[]),
    ];
    for (what, again, waiting, sessions) in cases {
        let both = what.contains("kind") || what.contains("both");
        let mut ground = ground();
        let counts: &[_] = if both { &[(Audio, 1), (Message, 2)] } else { &[(Audio, 1)] };
        ground.apply(waits(1, counts, one(1)), at(1));
        ground.apply(untold_since(1), at(2));
        assert_eq!(queue(&ground, 11).waiting, Some(counts.iter().map(|(_, count)| count).sum()), "{what}");
        for fact in again {
            ground.apply(fact, at(3));
        }
        ground.apply(untold_since(4), at(4));
        let seen = queue(&ground, 11);
        let named: Vec<i64> = seen.sessions.keys().map(|id| id.0).collect();
        assert_eq!((seen.waiting, named.as_slice()), (waiting, sessions), "{what}");
    }
}

fn other_metric(heard: u64) -> Fact {
    let mut reading = QueueUpdate::new(QueueId(11));
    reading.metrics.entry(Modality::Audio).or_default().insert("abandonedCount".into(), MetricValue::Count(3));
    Fact::QueueUpdated { received: Ordinal(heard), queue: Box::new(reading) }
}

#[test]
fn queue_count_that_was_forgotten_is_known_once_it_is_told_or_taken_away() {
    use Modality::{Audio, Message};
    let mut ground = ground();
    ground.apply(waits(1, &[(Audio, 2), (Message, 1)], SessionListUpdates::new()), at(1));
    ground.apply(untold_since(2), at(2));
    ground.apply(waits(3, &[(Message, 4)], SessionListUpdates::new()), at(3));
    assert_eq!(queue(&ground, 11).waiting, None, "nothing is known of calls");
    let mut no_calls = QueueUpdate::new(QueueId(11));
    no_calls.cleared_metrics = vec![(Audio, vec!["queuedCount".into()])];
    ground.apply(Fact::QueueUpdated { received: Ordinal(4), queue: Box::new(no_calls) }, at(4));
    assert_eq!(queue(&ground, 11).waiting, Some(4), "there are no calls");
    ground.apply(untold_since(5), at(5));
    assert_eq!(queue(&ground, 11).waiting, None);
    ground.apply(waits(6, &[(Message, 1)], SessionListUpdates::new()), at(6));
    assert_eq!(queue(&ground, 11).waiting, Some(1));
}

#[test]
fn other_fields_of_a_queue_not_told_again_are_unknown() {
    let mut ground = ground();
    let mut reading = QueueUpdate::new(QueueId(11));
    reading.other.insert("mood".into(), "good".into());
    ground.apply(Fact::QueueUpdated { received: Ordinal(5), queue: Box::new(reading) }, at(1));
    ground.apply(untold_since(5), at(2));
    assert_eq!(queue(&ground, 11).other.len(), 1);
    ground.apply(untold_since(6), at(3));
    assert!(queue(&ground, 11).other.is_empty());
}

#[test]
fn queue_updates_that_waited_through_a_break_are_not_believed() {
    let mut ground = ground();
    ground.apply(structured(&[], &[(12, None)]), at(0));
    ground.apply(waits(5, &[(Modality::Audio, 2)], all(vec![session(1, SessionStatus::Queued, 11)])), at(1));
    ground.apply(untold_since(6), at(2));
    ground.apply(structured(&[], &[(11, None), (12, None)]), at(3));
    let seen = queue(&ground, 11);
    assert_eq!((seen.waiting, seen.sessions.len()), (None, 0));
}

#[test]
fn queue_lists_not_told_again_are_no_count_until_all_are() {
    let mut ground = ground();
    let list = |modality: &Modality| {
        let list = SessionListUpdate { all: Some(Vec::new()), ..SessionListUpdate::default() };
        vec![(modality.clone(), list)]
    };
    let (audio, message) = (list(&Modality::Audio), list(&Modality::Message));
    ground.apply(waits(1, &[], [audio.clone(), message.clone()].concat()), at(1));
    assert_eq!(queue(&ground, 11).waiting, Some(0));
    ground.apply(waits(5, &[], message.clone()), at(2));
    ground.apply(untold_since(4), at(3));
    assert_eq!(queue(&ground, 11).waiting, None, "nothing is known of calls");
    ground.apply(waits(6, &[], audio), at(4));
    assert_eq!(queue(&ground, 11).waiting, Some(0));
    ground.apply(untold_since(7), at(5));
    assert_eq!(queue(&ground, 11).waiting, None);
    ground.apply(Fact::QueueSnapshots { asked: Ordinal(8), queues: vec![QueueUpdate::new(QueueId(11))] }, at(6));
    assert_eq!(queue(&ground, 11).waiting, Some(0), "a full answer names nobody who waits");
}

#[test]
fn queue_answer_in_full_is_told_when_it_was_asked() {
    let mut ground = ground();
    let Fact::QueueUpdated { queue: reading, .. } = waits(0, &[(Modality::Audio, 3)], SessionListUpdates::new()) else {
        panic!("a queue")
    };
    ground.apply(Fact::QueueSnapshots { asked: Ordinal(5), queues: vec![*reading] }, at(1));
    ground.apply(untold_since(5), at(2));
    assert_eq!(queue(&ground, 11).waiting, Some(3));
    ground.apply(untold_since(6), at(3));
    assert_eq!(queue(&ground, 11).waiting, None);
}

#[test]
fn numbers_that_stand_for_no_queue_are_kept_and_named() {
    let mut ground = ground();
    for special in [-2, -1, 0, 9999, 777] {
        let mut reading = AgentUpdate::new(AgentId(41));
        reading.sessions = all(vec![session(special + 100_000, SessionStatus::Queued, special)]);
        ground.apply(in_full(1, reading), at(1));
        assert_eq!(queue(&ground, special).sessions.len(), 1, "queue {special}");
    }
    ground.apply(structured(&[(41, None)], &[(11, None)]), at(2));
    for special in [-2, -1, 0, 9999] {
        let mut reading = QueueUpdate::new(QueueId(special));
        reading.calls_today = Change::Set(3);
        ground.apply(Fact::QueueUpdated { received: Ordinal(9), queue: Box::new(reading) }, at(3));
        assert_eq!(queue(&ground, special).calls_today, Some(3), "no structure names {special}");
    }
}

fn forgotten(responses: &[&str]) -> Fact {
    let responses = responses.iter().map(|id| (*id).into()).collect();
    Fact::Forgotten { responses, surveys: Vec::new(), sessions: Vec::new(), person: CustomerIdentity::default() }
}

#[test]
fn what_is_forgotten_leaves_no_trace_and_no_count() {
    let mut ground = ground();
    let mut reading = AgentUpdate::new(AgentId(41));
    reading.team = Some(TeamId(3));
    reading.sessions = all(vec![session(82_673, SessionStatus::Active, 11)]);
    ground.apply(in_full(1, reading.clone()), at(1));
    ground.rederive();
    let before = ground.all();
    ground.apply(Fact::Response(Box::new(response(1, &[(1, 5)], Some("82673"), 5, false))), at(5));
    ground.rederive();
    assert_eq!(agent(&ground, 41).feedback.expect("a total").day.responses, 1);

    ground.apply(forgotten(&["r1", "unheard-of"]), at(6));
    let gone = ground.rederive();
    assert!(gone.contains(&(Key::Response("r1".into()), None)), "whoever looks on is told");
    assert_eq!(ground.all(), before);
    ground.apply(in_full(2, reading), at(7));
    ground.rederive();
    assert_eq!(ground.all().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
}

#[test]
fn a_response_that_names_a_session_waits_for_it_and_then_hangs_on_it() {
    let mut ground = ground();
    ground.apply(Fact::Response(Box::new(response(1, &[(1, 5)], Some("82673"), 5, false))), at(5));
    let joined = |ground: &mut Records| {
        ground.rederive();
        match ground.derive(&Key::Response("r1".into())) {
            Some(Entity::Response(response)) => response.attribution.clone(),
            other => panic!("the response is {other:?}"),
        }
    };
    assert_eq!(joined(&mut ground).rule.as_str(), "pending");

    let mut reading = AgentUpdate::new(AgentId(41));
    reading.team = Some(TeamId(3));
    reading.sessions = all(vec![session(82_673, SessionStatus::Active, 11)]);
    ground.apply(in_full(1, reading), at(6));
    let now = joined(&mut ground);
    assert_eq!((now.rule.as_str(), now.agent, now.team), ("extra.session", Some(AgentId(41)), Some(TeamId(3))));
    assert_eq!(agent(&ground, 41).feedback.expect("a total").day.responses, 1);

    ground.apply(in_full(2, AgentUpdate::new(AgentId(41))), at(7));
    assert_eq!(joined(&mut ground).agent, Some(AgentId(41)), "the call is over, what it was is still known");
}

/// What becomes of `r1` when these facts are told in each of their orders, with and without settling in between.
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
    for (order, settles) in orders.iter().flat_map(|order| [(order, true), (order, false)]) {
        let mut ground = ground();
        for fact in order {
            ground.apply(facts[*fact].clone(), at(100));
            if settles {
                ground.rederive();
            }
        }
        ground.rederive();
        assert!(ground.sessions.is_sound() && ground.is_joined());
        ends.insert(format!("{:?}", ground.all()));
    }
    ends
}

/// Jenny's session, as Clarity tells of it after its end.
fn told(id: i64, began: i64, conversation: Option<&str>) -> SessionRecord {
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
fn of_jenny(id: i64, extra: &[(&str, &str)]) -> Fact {
    let mut said = response(id, &[(1, 5)], None, 5, false);
    said.customer.email = Some("Jenny@example.com".into());
    said.extra = extra.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Fact::Response(Box::new(said))
}

fn day() -> String {
    at(0).to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

/// `apis.md` J52, J61: whatever comes first, the same facts are the same join.
#[test]
fn the_order_in_which_a_call_its_feedback_and_a_pin_become_known_makes_no_difference() {
    let mut reading = AgentUpdate::new(AgentId(41));
    reading.team = Some(TeamId(3));
    reading.sessions = all(vec![session(1, SessionStatus::Active, 11)]);
    let (day, pin) = (day(), |session: i64| {
        Fact::Pinned(Pin { response: "r1".into(), session: Some(SessionId(session)), who: "Ann".into() })
    });
    let visit = [("transaction_date", day.as_str())];
    let facts = [
        changed(1, reading),
        Fact::Session(Box::new(told(1, 10, Some("c1")))),
        Fact::StoredSessions(vec![told(2, 20, Some("c2"))]),
        of_jenny(1, &visit),
        of_jenny(2, &[("conversation", "c2"), visit[0]]),
    ];
    let ends = in_every_order(&facts);
    assert_eq!(ends.len(), 1, "120 orders, one end: {ends:#?}");
    let end = ends.first().expect("an end");
    assert!(end.contains("Unmapped") && end.contains("ExtraConversation"), "{end}");
    let ends = in_every_order(&[facts[1].clone(), facts[2].clone(), facts[3].clone(), pin(2)]);
    assert_eq!(ends.len(), 1);
    assert!(ends.first().expect("an end").contains("Pinned"));
}

#[test]
fn a_second_call_of_the_same_day_takes_the_first_ones_place_away_and_another_day_does_not() {
    let mut ground = ground();
    let rule = |ground: &mut Records| {
        ground.rederive();
        match ground.derive(&Key::Response("r1".into())) {
            Some(Entity::Response(response)) => (response.attribution.rule, response.attribution.candidates.len()),
            other => panic!("the response is {other:?}"),
        }
    };
    let day = day();
    ground.apply(of_jenny(1, &[("transaction_date", &day)]), at(5));
    ground.apply(Fact::Session(Box::new(told(1, 10, None))), at(100));
    assert_eq!(rule(&mut ground), (MatchRule::CustomerVisit, 0));
    ground.apply(Fact::Session(Box::new(told(2, 3 * 86_400, None))), at(100));
    assert_eq!(rule(&mut ground), (MatchRule::CustomerVisit, 0));
    ground.apply(Fact::Session(Box::new(told(3, 20, None))), at(100));
    assert_eq!(rule(&mut ground), (MatchRule::Unmapped, 2));
}

#[test]
fn a_customer_who_is_forgotten_is_recognised_in_no_session_and_the_call_stays_the_agents() {
    let mut ground = ground();
    ground.apply(Fact::Session(Box::new(told(1, 10, Some("c1")))), at(100));
    ground.take_unsaved_sessions(9);
    let person = CustomerIdentity::new(None, Some("(312) 863 3465"));
    ground.apply(Fact::Forgotten { responses: Vec::new(), surveys: Vec::new(), sessions: Vec::new(), person }, at(101));
    let nobody = SessionRecord { person: CustomerIdentity::default(), conversation: None, ..told(1, 10, None) };
    assert_eq!(ground.take_unsaved_sessions(9), [nobody], "and so it is kept");
    ground.apply(of_jenny(1, &[("transaction_date", &day())]), at(102));
    ground.rederive();
    let Some(Entity::Response(response)) = ground.derive(&Key::Response("r1".into())) else { panic!("no response") };
    assert_eq!(response.attribution.rule, MatchRule::Unmapped);
    assert!(ground.sessions.is_sound());
}

#[test]
fn a_join_outlives_the_memory_of_its_session() {
    let mut ground = ground();
    ground.apply(of_jenny(1, &[("conversation", "c1")]), at(5));
    ground.apply(Fact::Session(Box::new(told(1, 10, Some("c1")))), at(100));
    ground.rederive();
    let before = ground.all();
    let mut forgotten = forgotten(&[]);
    if let Fact::Forgotten { sessions, .. } = &mut forgotten {
        sessions.push(SessionId(1));
    }
    ground.apply(forgotten, at(101));
    ground.apply(of_jenny(1, &[("conversation", "c1")]), at(102));
    ground.rederive();
    assert_eq!(ground.all(), before);
    assert!(ground.sessions.is_sound() && ground.is_joined());
}

/// `apis.md` J15, J16, J25, J40.
#[test]
fn a_survey_that_others_asked_for_is_linked_only_to_what_all_of_it_fits() {
    let mut ground = ground();
    for (id, email) in
        [(41, "Rob@example.com"), (42, "mia@example.com"), (43, "team@example.com"), (44, "team@example.com")]
    {
        let mut reading = AgentUpdate::new(AgentId(id));
        reading.email = Some(email.into());
        ground.apply(changed(1, reading), at(1));
    }
    ground.apply(Fact::Session(Box::new(told(82_673, 10, None))), at(100));
    let conversation: Arc<str> = "5f2a5f2a5f2a5f2a5f2a5f2a".into();
    let mut ours = Survey::new("ours".into(), at(0));
    (ours.interaction, ours.conversation) = (Arc::clone(&conversation), Some(Arc::clone(&conversation)));
    ground.apply(Fact::Survey(Box::new(ours)), at(100));
    // (what it is, interaction, employee, seconds after the beginning, session, conversation, agent)
    let cases = [
        ("all of it", "82673", "rob@example.com", 90, Some(82_673), false, Some(41)),
        ("somebody else's", "82673", "mia@example.com", 90, None, false, Some(42)),
        ("another day's", "82673", "rob@example.com", 2 * 86_400, None, false, Some(41)),
        ("a number of something else", "123456", "rob@example.com", 90, None, false, Some(41)),
        ("an address that two share", "82673", "team@example.com", 90, None, false, None),
        ("a conversation that we know", &*conversation, "rob@example.com", 90, None, true, Some(41)),
        ("a conversation that we do not", "6f2a5f2a5f2a5f2a5f2a5f2a", "rob@example.com", 90, None, false, Some(41)),
    ];
    for (what, interaction, employee, created, session, is_known, agent) in cases {
        let result = SurveyResult {
            uuid: what.into(),
            interaction: interaction.into(),
            employee_email: Some(employee.into()),
            created: Some(at(10 + created)),
            sequence: 1,
            ..SurveyResult::default()
        };
        ground.apply(Fact::SurveyResult(Box::new(result)), at(100));
        let Some(Entity::Survey(shown)) = ground.derive(&Key::Survey(what.into())) else { panic!("{what}") };
        assert_eq!(shown.survey.session, session.map(SessionId), "{what}");
        assert_eq!(shown.survey.conversation.is_some(), is_known, "{what}");
        assert_eq!(shown.agent, agent.map(AgentId), "{what}");
        // A session that it names and that we know is a candidate, with the reason why it is no more than that.
        let candidate = match what {
            "somebody else's" => Some("another agent had it"),
            "another day's" => Some("the survey was asked for at another time"),
            "an address that two share" => Some("the survey names no agent whom we know"),
            _ => None,
        };
        assert_eq!(shown.candidate, candidate.map(|why| (SessionId(82_673), why)), "{what}");
    }
}

#[test]
fn what_waits_for_a_call_that_never_comes_is_given_up_when_a_day_begins() {
    let mut ground = ground();
    ground.apply(Fact::Response(Box::new(response(1, &[(1, 5)], Some("9"), 5, false))), at(5));
    let rule = |ground: &mut Records| {
        ground.rederive();
        match ground.derive(&Key::Response("r1".into())) {
            Some(Entity::Response(response)) => response.attribution.rule,
            other => panic!("the response is {other:?}"),
        }
    };
    for (day, expected) in [(0, MatchRule::Waiting), (7, MatchRule::Waiting), (8, MatchRule::Unmapped)] {
        ground.begin_day(at(day * 86_400));
        assert_eq!(rule(&mut ground), expected, "day {day}");
    }
    ground.apply(Fact::Session(Box::new(told(9, 10, None))), at(9 * 86_400));
    assert_eq!(rule(&mut ground), MatchRule::ExtraSession, "it comes all the same");
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

#[test]
fn events_about_a_response_come_to_the_same_in_any_order_and_number() {
    let events = [
        response(1, &[(1, 10)], Some("7"), 5, false),
        response(1, &[(1, 10), (2, 20)], Some("7"), 5, true),
        response(1, &[(1, 10), (2, 20), (3, 30)], Some("7"), 5, true),
        response(1, &[(1, 10), (3, 40)], Some("7"), 5, false),
    ];
    let mut results = BTreeSet::new();
    for order in 0..256_usize {
        // Every way to deliver four events four times, repeats included, as long as each comes at least once.
        let order: Vec<usize> = (0..4).map(|digit| order >> (2 * digit) & 3).collect();
        if order.iter().collect::<BTreeSet<_>>().len() < 4 {
            continue;
        }
        let mut ground = ground();
        for event in order.iter().chain(&order) {
            ground.apply(Fact::Response(Box::new(events[*event].clone())), at(50));
        }
        ground.rederive();
        results.insert(format!("{:?}", ground.all()));
    }
    assert_eq!(results.len(), 1);
}

#[test]
fn all_in_which_somebody_waits_are_shown_and_of_the_others_the_newest() {
    let mut ground = ground();
    ground.feedback.most = 2;
    let mut followed = BTreeSet::new();
    let mut hear = |id: i64, words: i64, closed: bool| {
        let response = response(id, &[(words, words)], None, 5, closed);
        ground.apply(Fact::Response(Box::new(response)), at(words));
        for (key, entity) in ground.rederive() {
            match (key, entity) {
                (Key::Response(id), Some(_)) => followed.insert(id.0.to_string()),
                (Key::Response(id), None) => followed.remove(&*id.0),
                _ => false,
            };
        }
        assert!(ground.counts_are_sound(), "what is not shown is counted all the same");
        followed.iter().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(hear(1, 10, false), "r1");
    assert_eq!(hear(2, 20, true), "r1 r2");
    assert_eq!(hear(3, 30, true), "r1 r2 r3");
    assert_eq!(hear(4, 40, true), "r1 r3 r4");
    assert_eq!(hear(1, 15, true), "r3 r4", "it was dealt with, and others are newer");
    assert_eq!(hear(2, 50, false), "r2 r3 r4", "there is something new in it");
    assert_eq!(hear(4, 60, false), "r1 r2 r3 r4", "there is room for another");
}

#[test]
fn what_ended_long_ago_leaves_and_is_whole_when_it_is_heard_of_again() {
    let mut ground = ground();
    let day = 86_400;
    let old = |closed| response(1, &[(1, 10)], None, 5, closed);
    let shown = |ground: &mut Records| {
        ground.rederive();
        ground.all().keys().filter(|key| matches!(key, Key::Response(_))).count()
    };
    ground.apply(Fact::Response(Box::new(response(2, &[(2, 20)], None, 5, false))), at(20));
    ground.apply(Fact::Response(Box::new(old(true))), at(20));
    ground.begin_day(at(36 * day));
    assert_eq!(shown(&mut ground), 2, "something of it may still count");
    ground.begin_day(at(37 * day));
    assert_eq!(shown(&mut ground), 1, "somebody waits in the other, however old it is");
    assert_eq!(ground.feedback.ids().count(), 1);

    let again = old(true).and(response(1, &[(3, 37 * day)], None, 5, true));
    ground.apply(Fact::Response(Box::new(again)), at(37 * day));
    assert_eq!(shown(&mut ground), 2);
    ground.apply(Fact::StoredResponses(vec![old(true)]), at(37 * day));
    assert_eq!(shown(&mut ground), 2, "what was kept is no older word of it");
    ground.apply(Fact::StoredResponses(vec![ResponseRecord { id: "r9".into(), ..old(true) }]), at(37 * day));
    assert_eq!(shown(&mut ground), 2, "what ended long ago is not needed");
}

#[test]
fn a_request_that_wants_nothing_of_anybody_is_shown_until_the_day_after_the_next_begins() {
    let day = 86_400;
    let mut ground = ground();
    let ask = |ground: &mut Records, id: &str, origin: SurveyOrigin, state: SurveyState| {
        let mut survey = Survey::new(id.into(), at(10));
        (survey.origin, survey.state, survey.interaction) = (origin, state, id.into());
        survey.request_id = Some(format!("{id}-request").into());
        ground.apply(Fact::Survey(Box::new(survey)), at(10));
    };
    ask(&mut ground, "ended", SurveyOrigin::Session, SurveyState::Accepted);
    ask(&mut ground, "closed", SurveyOrigin::Conversation, SurveyState::DryRun);
    ask(&mut ground, "refused", SurveyOrigin::Session, SurveyState::Rejected);
    ask(&mut ground, "failed", SurveyOrigin::Session, SurveyState::Failed);
    ask(&mut ground, "by hand", SurveyOrigin::Manual, SurveyState::Accepted);
    let mut followed = BTreeSet::new();
    let mut shown = |ground: &mut Records| {
        for (key, entity) in ground.rederive() {
            if let Key::Survey(id) = key {
                if entity.is_some() {
                    followed.insert(id.0.to_string())
                } else {
                    followed.remove(&*id.0)
                };
            }
        }
        let all = ground.all().into_keys().filter_map(|key| match key {
            Key::Survey(id) => Some(id.0.to_string()),
            _ => None,
        });
        assert_eq!(all.collect::<BTreeSet<_>>(), followed);
        followed.iter().cloned().collect::<Vec<_>>().join(", ")
    };
    assert_eq!(shown(&mut ground), "by hand, closed, ended, failed, refused");
    ground.begin_day(at(day));
    assert_eq!(shown(&mut ground), "by hand, closed, ended, failed, refused", "it was yesterday");
    ground.begin_day(at(2 * day));
    assert_eq!(shown(&mut ground), "by hand, failed, refused");
    assert!(ground.counts_are_sound(), "what is not shown is counted all the same");

    let answered = SurveyResult {
        uuid: "ended-request".into(),
        sequence: 1,
        interaction: "ended".into(),
        answered: Some(at(2 * day + 5)),
        stars: Some(1),
        ..SurveyResult::default()
    };
    ground.apply(Fact::SurveyResult(Box::new(answered)), at(2 * day + 9));
    assert_eq!(shown(&mut ground), "by hand, ended, failed, refused", "the customer has answered");
    ground.begin_day(at(6 * day));
    assert_eq!(shown(&mut ground), "by hand, ended, failed, refused", "a bad answer is there after the weekend");
}

#[test]
fn surveys_that_ended_long_ago_leave_with_all_that_was_told_of_them_unless_a_person_is_needed() {
    let (day, hour) = (86_400, 3_600);
    let mut ground = ground();
    let ask = |ground: &mut Records, id: &str, state: SurveyState, now: i64| {
        let mut survey = Survey::new(id.into(), at(10));
        (survey.state, survey.interaction, survey.changed) = (state, id.into(), at(20));
        (survey.session, survey.employee) = (Some(SessionId(7)), "rob@example.com".into());
        survey.request_id = Some(format!("{id}-request").into());
        ground.apply(Fact::Survey(Box::new(survey)), at(now));
    };
    let told = |ground: &mut Records, interaction: &str, answered: i64, now: i64| {
        let result = SurveyResult {
            uuid: format!("{interaction}-request").into(),
            sequence: 1,
            interaction: interaction.into(),
            created: Some(at(15)),
            answered: Some(at(answered)),
            stars: Some(2),
            ..SurveyResult::default()
        };
        ground.apply(Fact::SurveyResult(Box::new(result)), at(now));
    };
    let shown = |ground: &mut Records| {
        ground.rederive();
        assert!(ground.counts_are_sound());
        let mut ids: Vec<_> = ground.surveys.all_ids().map(|id| id.0.to_string()).collect();
        ids.sort();
        ids.join(", ")
    };
    ask(&mut ground, "answered", SurveyState::Accepted, 20);
    told(&mut ground, "answered", 30, 30);
    ask(&mut ground, "dry run", SurveyState::DryRun, 20);
    ask(&mut ground, "failed", SurveyState::Failed, 20);
    told(&mut ground, "elsewhere", 30, 30);
    let all = "answered, answered-request, dry run, elsewhere-request, failed";
    let pass = |ground: &mut Records, now: i64| ground.apply(Fact::MetricLabels(BTreeMap::new()), at(now));
    ground.begin_day(at(64 * day));
    pass(&mut ground, 64 * day + hour);
    assert_eq!(shown(&mut ground), all, "something of them may still be recovered");
    ground.begin_day(at(65 * day));
    pass(&mut ground, 65 * day);
    assert_eq!(shown(&mut ground), "failed", "that waits for a person");
    assert_eq!(ground.surveys.remembered(), (1, 1, 0), "and nothing is left of the others");
    told(&mut ground, "answered", 30, 65 * day + 1);
    ground.rederive();
    assert_eq!(ground.surveys.ids().count(), 1, "what left does not come back as somebody else's");
    pass(&mut ground, 65 * day + hour);

    // A process that begins now hears of everything, in any order: what belongs together stays together.
    let now = 65 * day + hour;
    ask(&mut ground, "answered", SurveyState::Accepted, now);
    ask(&mut ground, "answered late", SurveyState::Accepted, now + 1);
    ground.apply(Fact::StoredResponses(Vec::new()), at(now + 1));
    told(&mut ground, "answered late", 60 * day, now + 2);
    assert_eq!(shown(&mut ground), "answered, answered late, answered late-request, failed");
    pass(&mut ground, now + hour);
    assert_eq!(shown(&mut ground), "answered late, answered late-request, failed");

    // What names no interaction is nobody else's matter.
    told(&mut ground, "", 30, now + hour + 1);
    let other = SurveyResult { uuid: "new".into(), created: Some(at(now)), ..SurveyResult::default() };
    ground.apply(Fact::SurveyResult(Box::new(other)), at(now + hour + 1));
    pass(&mut ground, now + 2 * hour);
    assert_eq!(shown(&mut ground), "answered late, answered late-request, failed, new");
}

fn reading() -> impl Strategy<Value = SessionUpdate> {
    let status = prop_oneof![
        Just(SessionStatus::Queued),
        Just(SessionStatus::Active),
        Just(SessionStatus::Ended),
        Just(SessionStatus::Other("onTheMoon".into())),
    ];
    (0..6_i64, prop::option::of(status), prop::option::of(-2..3_i64), prop::option::of(0..4_i64)).prop_map(
        |(id, status, queue, agent)| {
            let mut reading = SessionUpdate::new(SessionId(id));
            reading.status = status;
            reading.queue = queue.map(QueueId).into();
            reading.agent = agent.map(AgentId).into();
            reading.queued_since = Some(at(id));
            reading
        },
    )
}

fn sessions() -> impl Strategy<Value = SessionListUpdates> {
    let modality = prop_oneof![Just(Modality::Audio), Just(Modality::Message)];
    let list = (
        prop::option::of(prop::collection::vec(reading(), 0..3)),
        prop::collection::vec(reading(), 0..2),
        prop::collection::vec((0..6_i64).prop_map(SessionId), 0..2),
    )
        .prop_map(|(all, added, removed)| SessionListUpdate { all, added, removed });
    prop::collection::btree_map(modality, list, 0..2).prop_map(|lists| lists.into_iter().collect())
}

/// Addresses of which several are the same.
fn email() -> impl Strategy<Value = Option<Arc<str>>> {
    let known = vec!["rob@example.com", " Rob@Example.com", "mia@example.com", "7"];
    prop::option::of(prop::sample::select(known).prop_map(Arc::from))
}

fn agent_reading() -> impl Strategy<Value = AgentUpdate> {
    let status =
        prop_oneof![Just(AgentStatus::Available), Just(AgentStatus::InCall), Just(AgentStatus::Other("x".into()))];
    (0..4_i64, prop::option::of(0..3_i64), (email(), email()), prop::option::of(status), 0..3_i64, sessions()).prop_map(
        |(id, team, (email, login), status, count, sessions)| {
            let mut reading = AgentUpdate::new(AgentId(id));
            (reading.email, reading.login) = (email, login);
            reading.team = team.map(TeamId);
            reading.status = status.and_then(|status| self::status(status, None));
            reading
                .metrics
                .entry(Modality::Audio)
                .or_default()
                .insert("answeredCount".into(), MetricValue::Count(count));
            reading.sessions = sessions;
            reading
        },
    )
}

/// Whether a fact says two things about one session: which of them holds then depends on what was known.
fn contradicts_itself(fact: &Fact) -> bool {
    let readings: Vec<&SessionListUpdates> = match fact {
        Fact::AgentSnapshots { agents, .. } => agents.iter().map(|agent| &agent.sessions).collect(),
        Fact::AgentUpdated { agent, .. } => vec![&agent.sessions],
        Fact::QueueUpdated { queue, .. } => vec![&queue.sessions],
        _ => vec![],
    };
    let lists = readings.into_iter().flatten().map(|(_, list)| list);
    let mut named = lists.flat_map(|list| {
        let read = list.all.iter().flatten().chain(&list.added).map(|reading| reading.id);
        read.chain(list.removed.iter().copied())
    });
    let mut seen = BTreeSet::new();
    named.any(|id| !seen.insert(id))
}

fn fact() -> impl Strategy<Value = Fact> {
    let structure = (prop::collection::btree_set(0..4_i64, 0..4), prop::collection::btree_set(0..3_i64, 0..3))
        .prop_map(|(agents, queues)| {
            let agents = agents.into_iter().map(|id| {
                let mut reading = AgentUpdate::new(AgentId(id));
                reading.team = Some(TeamId(id % 2));
                reading
            });
            let queues = queues.into_iter().map(|id| {
                let mut reading = QueueUpdate::new(QueueId(id));
                reading.teams = Some(vec![TeamId(id)]);
                reading
            });
            let team = TeamRecord {
                id: TeamId(0),
                name: "Team".into(),
                groups: BTreeMap::from([(GroupId(1), "RollupGroup".into())]),
                unit: None,
            };
            Fact::Structure(StructureSnapshot { agents: agents.collect(), queues: queues.collect(), teams: vec![team] })
        });
    let survey = (0..3_i64, 0..4_i64, prop::option::of(0..3_i64), email());
    let survey = survey.prop_map(|(id, agent, session, employee)| {
        Fact::Survey(Box::new(Survey {
            session: session.map(SessionId),
            origin: crate::domain::SurveyOrigin::Session,
            recovers: (id == 2).then(|| "s1".into()),
            interaction: "123456".into(),
            agent: (agent > 0).then_some(AgentId(agent)),
            employee: employee.unwrap_or("".into()),
            channel: "phone".into(),
            state: SurveyState::Accepted,
            ..Survey::new(format!("s{id}").into(), at(id))
        }))
    });
    let result = (0..5_i64, 0..4_i64, any::<bool>(), email()).prop_map(|(uuid, sequence, known, employee_email)| {
        Fact::SurveyResult(Box::new(SurveyResult {
            uuid: format!("u{uuid}").into(),
            sequence,
            interaction: if known { "123456".into() } else { "654321".into() },
            created: Some(at(uuid)),
            parent: (uuid == 4).then(|| "u0".into()),
            is_recovery: uuid == 4,
            answered: Some(at(uuid + 10)),
            stars: u8::try_from(sequence + 1).ok(),
            tags: vec![if known { "x" } else { "y" }.into()],
            employee_email,
            ..SurveyResult::default()
        }))
    });
    let response = (0..3_i64, 0..5_i64, prop::option::of(0..6_i64), 0..11_i64, any::<bool>()).prop_map(
        |(id, newest, session, score, closed)| {
            let session = session.map(|session| session.to_string());
            Fact::Response(Box::new(response(id, &[(newest, newest)], session.as_deref(), score, closed)))
        },
    );
    let of_jenny = (0..3_i64, prop::option::of("c[12]")).prop_map(|(id, conversation)| {
        let day = day();
        let conversation = conversation.as_deref().map(|it| ("conversation", it));
        of_jenny(id, &conversation.into_iter().chain([("transaction_date", day.as_str())]).collect::<Vec<_>>())
    });
    let told =
        (0..6_i64, 0..3_i64, prop::option::of("c[12]"), any::<bool>()).prop_map(|(id, day, conversation, kept)| {
            let told = told(id, day * 40_000, conversation.as_deref());
            if kept { Fact::StoredSessions(vec![told]) } else { Fact::Session(Box::new(told)) }
        });
    let pin = (0..3_i64, prop::option::of(0..8_i64)).prop_map(|(id, session)| {
        let session = session.map(SessionId);
        Fact::Pinned(Pin { response: format!("r{id}").into(), session, who: "Ann".into() })
    });
    let erased = Just(Fact::Forgotten {
        responses: vec!["r1".into()],
        surveys: Vec::new(),
        sessions: Vec::new(),
        person: CustomerIdentity::new(Some("jenny@example.com"), None),
    });
    prop_oneof![
        1 => structure,
        4 => (any::<u8>(), prop::collection::vec(agent_reading(), 0..3))
            .prop_map(|(asked, agents)| Fact::AgentSnapshots { asked: Ordinal(asked.into()), agents }),
        6 => (any::<u8>(), agent_reading()).prop_map(|(heard, agent)| changed(heard.into(), agent)),
        4 => (any::<u8>(), -2..3_i64, sessions()).prop_map(|(heard, id, sessions)| {
            let mut queue = QueueUpdate::new(QueueId(id));
            queue.sessions = sessions;
            Fact::QueueUpdated { received: Ordinal(heard.into()), queue: Box::new(queue) }
        }),
        1 => any::<(u8, bool)>().prop_map(|(before, searched_too)| Fact::QueuePushesMissed { before: Ordinal(before.into()), searched_too }),
        4 => response,
        4 => of_jenny,
        4 => told,
        2 => pin,
        1 => erased,
        2 => survey,
        2 => result,
        1 => (0..3_i64, prop::option::of("[ab]"), prop::option::of(0..4_i64), 0..50_i64).prop_map(|(id, conversation, agent, seconds)| {
            Fact::SurveySkipped(Box::new(crate::domain::SkippedSurvey {
                interaction: crate::domain::Interaction::Session(SessionId(id)),
                conversation: conversation.map(Arc::from),
                at: at(seconds),
                queue: None,
                agent: agent.map(AgentId),
                why: SkipReason::NoChannel,
            }))
        }),
        1 => prop::collection::btree_map("[ab]", "[xy]", 0..3).prop_map(|labels| {
            Fact::MetricLabels(labels.into_iter().map(|(name, label)| (name.into(), label.into())).collect())
        }),
        1 => Just(Fact::Source(SourceName::Clarity, Health::new(SourceState::Live, at(0)))),
    ]
}

fn part<T: std::fmt::Debug + Clone + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Change<T>> {
    prop_oneof![Just(Change::Keep), Just(Change::Clear), value.prop_map(Change::Set)]
}

/// A push of an agent that says something of every part.
fn whole_push() -> impl Strategy<Value = AgentUpdate> {
    let statuses =
        prop_oneof![Just(AgentStatus::Available), Just(AgentStatus::Busy), Just(AgentStatus::Other("x".into()))];
    let status = (part(statuses), part("[ab]"), part(0..40_i64), part(any::<bool>())).prop_map(
        |(status, reason, since, suspended)| AgentStatusUpdate {
            status,
            contradicting: None,
            reason: reason.map(Arc::from),
            since: since.map(at),
            suspended,
        },
    );
    // A null, a number, or several numbers.
    let value = prop_oneof![
        Just(json!(null)),
        (0..3_i64).prop_map(|n| json!(n)),
        (0..3_i64).prop_map(|n| json!({"total": n, "count": 2})),
        Just(json!({"total": null})),
    ];
    let metrics = prop::collection::btree_map("answeredCount|wait|other", value, 0..3);
    let session = (
        prop::option::of(prop_oneof![Just(SessionStatus::Queued), Just(SessionStatus::Active)]),
        part(0..3_i64),
        (prop::option::of(0..40_i64), prop::option::of(0..40_i64)),
        prop::option::of("[ab]"),
        part(any::<bool>()),
        part(any::<bool>()),
        part(0..40_i64),
    )
        .prop_map(|(status, queue, (queued, active), customer, recording, on_hold, hold_since)| SessionUpdate {
            status,
            queue: queue.map(QueueId),
            queued_since: queued.map(at),
            active_since: active.map(at),
            customer: customer.map(Arc::from),
            recording,
            on_hold,
            hold_since: hold_since.map(at),
            ..SessionUpdate::new(SessionId(4))
        });
    let other = prop::collection::btree_map("[cd]", prop::option::of(0..3_i64).prop_map(|n| json!(n)), 0..2);
    (status, metrics, session, other).prop_map(|(status, metrics, session, other)| {
        let mut push = AgentUpdate::new(AgentId(1));
        push.status = Some(status);
        for (name, value) in metrics {
            let name: Arc<str> = name.into();
            match serde_json::from_value::<MetricValue>(value.clone()) {
                _ if value.is_null() => push.cleared_metrics.push((Modality::Audio, vec![name])),
                _ if value["total"].is_null() && value.is_object() => {
                    push.cleared_metrics.push((Modality::Audio, vec![name, "total".into()]));
                }
                value => drop(
                    push.metrics
                        .entry(Modality::Audio)
                        .or_default()
                        .insert(Metric::from(&*name), value.expect("a metric")),
                ),
            }
        }
        push.sessions = lists(SessionListUpdate { added: vec![session], ..SessionListUpdate::default() });
        push.other = other.into_iter().map(|(name, value)| (name.into(), value)).collect();
        push
    })
}

/// The same push in as many pushes as it has parts: those that come first, and the others.
fn parts_of(whole: &AgentUpdate) -> (Vec<AgentUpdate>, Vec<AgentUpdate>) {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    let push = |parts: &dyn Fn(&mut AgentUpdate)| {
        let mut push = AgentUpdate::new(whole.id);
        parts(&mut push);
        push
    };
    let status = whole.status.clone().unwrap_or_default();
    let one =
        |parts: &dyn Fn(&mut AgentStatusUpdate)| push(&|push| parts(push.status.insert(AgentStatusUpdate::default())));
    first.push(one(&|it| it.status = status.status.clone()));
    rest.push(one(&|it| it.reason = status.reason.clone()));
    rest.push(one(&|it| it.since = status.since));
    rest.push(one(&|it| it.suspended = status.suspended));
    rest.extend(whole.cleared_metrics.iter().map(|path| push(&|push| push.cleared_metrics = vec![path.clone()])));
    for (modality, bag) in &whole.metrics {
        for (name, value) in bag {
            let parts = match value {
                MetricValue::Parts(parts) => parts
                    .iter()
                    .map(|(name, value)| MetricValue::Parts(BTreeMap::from([(name.clone(), value.clone())])))
                    .collect(),
                value => vec![value.clone()],
            };
            let metrics = |value: &MetricValue| {
                BTreeMap::from([(modality.clone(), BTreeMap::from([(name.clone(), value.clone())]))])
            };
            rest.extend(parts.iter().map(|value| push(&|push| push.metrics = metrics(value))));
        }
    }
    let SessionUpdate {
        id, status, queue, queued_since, active_since, customer, recording, on_hold, hold_since, ..
    } = whole.sessions[0].1.added[0].clone();
    let one = |parts: &dyn Fn(&mut SessionUpdate)| {
        let mut session = SessionUpdate::new(id);
        parts(&mut session);
        push(&|push| {
            push.sessions = lists(SessionListUpdate { added: vec![session.clone()], ..SessionListUpdate::default() })
        })
    };
    first.push(one(&|it| it.status = status.clone()));
    first.push(one(&|it| it.on_hold = on_hold));
    rest.push(one(&|it| it.queue = queue));
    rest.push(one(&|it| it.queued_since = queued_since));
    rest.push(one(&|it| it.active_since = active_since));
    rest.push(one(&|it| it.customer = customer.clone()));
    rest.push(one(&|it| it.recording = recording));
    rest.push(one(&|it| it.hold_since = hold_since));
    rest.extend(
        whole.other.iter().map(|(name, value)| push(&|push| push.other = [(name.clone(), value.clone())].into())),
    );
    (first, rest)
}

fn floor_total(ground: &mut Records) -> Option<std::sync::Arc<crate::gold::rollup::FeedbackTotals>> {
    ground.rederive();
    ground.total(&crate::gold::rollup::RollupGroup::Floor)
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

/// `apis.md` J40, J43, J53.
#[test]
fn a_rating_counts_for_whom_the_upstream_names_for_the_first_queue_and_for_everybody() {
    use crate::gold::rollup::RollupGroup;
    let mut ground = ground();
    let mut rob = AgentUpdate::new(AgentId(41));
    (rob.team, rob.email) = (Some(TeamId(3)), Some("Rob@example.com".into()));
    let mut jane = AgentUpdate::new(AgentId(42));
    jane.team = Some(TeamId(4));
    jane.sessions = all(vec![session(7, SessionStatus::Active, 11)]);
    ground.apply(Fact::AgentSnapshots { asked: Ordinal(1), agents: vec![rob.clone(), jane] }, at(2));
    let mut ours = Survey::new("s".into(), at(40));
    (ours.interaction, ours.session, ours.request_id) = ("c".into(), Some(SessionId(7)), Some("u".into()));
    (ours.agent, ours.state) = (Some(AgentId(42)), SurveyState::Accepted);
    ground.apply(Fact::Survey(Box::new(ours)), at(41));
    let named = SurveyResult { employee_email: Some("rob@EXAMPLE.com ".into()), ..rating("u", "c", 5) };
    ground.apply(Fact::SurveyResult(Box::new(named)), at(61));
    ground.apply(Fact::SurveyResult(Box::new(rating("nobody's", "d", 2))), at(62));
    let n = |ground: &Records, group: RollupGroup| ground.total(&group).map_or(0, |total| total.day.stars.n);
    assert_eq!(floor_total(&mut ground).expect("a total").day.stars.n, 2, "what hangs on nobody still counts");
    let refund = RollupGroup::Tag("refund".into());
    let groups =
        [RollupGroup::Agent(AgentId(41)), RollupGroup::Team(TeamId(3)), RollupGroup::Queue(QueueId(11)), refund];
    assert_eq!(groups.map(|group| n(&ground, group)), [1, 1, 1, 2]);
    assert_eq!(n(&ground, RollupGroup::Agent(AgentId(42))), 0, "whoever we named is context");
    rob.team = Some(TeamId(4));
    ground.apply(in_full(2, rob), at(70));
    ground.rederive();
    assert_eq!([3, 4].map(|id| n(&ground, RollupGroup::Team(TeamId(id)))), [0, 1], "it goes along with its agent");
    assert!(ground.counts_are_sound());
}

/// `apis.md` J17, J63.
#[test]
fn an_interaction_is_covered_once_whoever_tells_of_it_and_in_whatever_order() {
    use crate::domain::{Interaction, SkippedSurvey, SurveyOrigin};
    let not_asked = |interaction, conversation: Option<&str>, seconds| {
        let conversation = conversation.map(Arc::from);
        let why = SkipReason::NoCustomerEmail;
        Fact::SurveySkipped(Box::new(SkippedSurvey {
            interaction,
            conversation,
            at: at(seconds),
            queue: None,
            agent: None,
            reason: why,
        }))
    };
    let closed = |id: &str| Interaction::Conversation { id: id.into(), rev: Some(2) };
    let mut survey = Survey::new("s".into(), at(30));
    (survey.origin, survey.state) = (SurveyOrigin::Conversation, SurveyState::Accepted);
    (survey.interaction, survey.conversation) = ("c".into(), Some("c".into()));
    let facts = [
        // The session could not be asked about, the conversation that it belongs to was.
        not_asked(Interaction::Session(SessionId(1)), Some("c"), 20),
        Fact::Survey(Box::new(survey)),
        // Another: neither half could be asked about.
        not_asked(Interaction::Session(SessionId(2)), Some("d"), 21),
        not_asked(closed("d"), None, 40),
    ];
    for turn in 0..facts.len() {
        let mut ground =
            ground().counting(crate::gold::rollup::ReplyTargets::default(), jiff::tz::TimeZone::UTC, at(10));
        for fact in facts.iter().cycle().skip(turn).take(facts.len()) {
            ground.apply(fact.clone(), at(50));
            ground.rederive();
        }
        let coverage = floor_total(&mut ground).and_then(|total| total.coverage.clone()).expect("two have ended");
        assert_eq!((coverage.asked.hit, coverage.asked.n, coverage.since), (1, 2, at(10)), "from {turn} on");
        assert!(ground.counts_are_sound());
        ground.begin_day(at(100));
        assert_eq!(floor_total(&mut ground), None, "tomorrow nothing has ended yet");
    }
}

/// K31, and what begins with a day.
#[test]
fn a_place_is_called_what_its_newest_response_calls_it_and_yesterday_waits_on() {
    let mut ground = ground();
    for (id, name) in [(1, "Harbour"), (2, "Harbour Street")] {
        let mut reading = response(id, &[], None, 9, false);
        reading.created = Some(at(id));
        let place = crate::domain::Place { id: "p".into(), partner_id: None, name: name.into() };
        reading.place = Some(place);
        ground.apply(Fact::Response(Box::new(reading)), at(5));
    }
    ground.rederive();
    let place = ground.place(&"p".into()).expect("a place");
    assert_eq!(
        (&*place.name, place.feedback.day.responses, place.feedback.open.under_4_hours),
        ("Harbour Street", 2, 2)
    );
    ground.begin_day(at(24 * 3600));
    ground.pass(at(24 * 3600 + 1));
    ground.rederive();
    let place = ground.place(&"p".into()).expect("a place");
    assert_eq!((place.feedback.day.responses, place.feedback.month.responses), (0, 2));
    assert_eq!((place.feedback.open.under_24_hours, place.feedback.open.under_3_days), (1, 1));
}

/// `apis.md` C48, B114.
#[test]
fn a_full_answer_about_a_queue_undoes_no_push_that_came_after_its_question() {
    let mut ground = ground();
    let waiting = |id: i64| {
        let mut reading = QueueUpdate::new(QueueId(11));
        reading.sessions = all(vec![session(id, SessionStatus::Queued, 11)]);
        reading
    };
    ground.apply(Fact::QueueUpdated { received: Ordinal(5), queue: Box::new(waiting(1)) }, at(1));
    ground.apply(Fact::QueueSnapshots { asked: Ordinal(4), queues: vec![waiting(2)] }, at(2));
    assert_eq!(queue(&ground, 11).sessions.keys().collect::<Vec<_>>(), [&SessionId(1)], "the push is newer");
    ground.apply(Fact::QueueSnapshots { asked: Ordinal(6), queues: vec![waiting(2)] }, at(3));
    assert_eq!(queue(&ground, 11).sessions.keys().collect::<Vec<_>>(), [&SessionId(2)], "the answer is newer");
    ground.apply(Fact::QueueSnapshots { asked: Ordinal(7), queues: vec![QueueUpdate::new(QueueId(11))] }, at(4));
    assert_eq!(queue(&ground, 11).waiting, Some(0), "what it leaves out is not there");
}

/// `apis.md` J25, J26: the address goes before the table.
#[test]
fn a_survey_is_about_whoever_has_the_address_that_it_names_and_else_about_whom_a_table_says() {
    let mut ground = ground();
    let mut survey = Survey::new("s".into(), at(0));
    (survey.employee, survey.agent) = ("Rob@example.com".into(), Some(AgentId(2)));
    ground.apply(Fact::Survey(Box::new(survey)), at(0));
    let about = |ground: &Records| ground.survey(&"s".into()).expect("a survey").agent;
    assert_eq!(about(&ground), Some(AgentId(2)));
    let mut rob = AgentUpdate::new(AgentId(1));
    rob.email = Some("rob@example.com".into());
    ground.apply(changed(1, rob.clone()), at(1));
    assert_eq!(about(&ground), Some(AgentId(1)));
    rob.id = AgentId(3);
    ground.apply(changed(2, rob), at(2));
    assert_eq!(about(&ground), Some(AgentId(2)), "an address that two share is nobody's");
}

/// `apis.md` J26: what two share is nobody's, and a display name is no name.
#[test]
fn a_survey_is_about_whoever_signs_in_by_the_name_that_it_names_or_has_it_as_sip_address() {
    let mut ground = ground();
    let result = SurveyResult { employee_id: Some("ROB".into()), ..rating("u", "c", 5) };
    ground.apply(Fact::SurveyResult(Box::new(SurveyResult { employee_email: None, ..result })), at(0));
    let mut survey = Survey::new("s".into(), at(0));
    survey.employee = "rob@voice.example.com".into();
    ground.apply(Fact::Survey(Box::new(survey)), at(0));
    ground.rederive();
    let mut rob = AgentUpdate::new(AgentId(1));
    (rob.name, rob.login) = (Some("rob@voice.example.com".into()), Some("rob".into()));
    ground.apply(changed(1, rob.clone()), at(1));
    let touched: BTreeMap<_, _> = ground.rederive().into_iter().collect();
    let about = |touched: &BTreeMap<Key, Option<Entity>>, id: &str| match touched.get(&Key::Survey(id.into())) {
        Some(Some(Entity::Survey(request))) => request.agent,
        other => panic!("{other:?}"),
    };
    assert_eq!(about(&touched, "u"), Some(AgentId(1)));
    assert_eq!(
        ground.survey(&"s".into()).expect("a survey").agent,
        None,
        "what somebody is called on pages proves nothing"
    );
    rob.sip = Some("sip:Rob@voice.example.com".into());
    ground.apply(changed(2, rob.clone()), at(2));
    let touched = ground.rederive().into_iter().collect();
    assert_eq!(about(&touched, "s"), Some(AgentId(1)));
    rob.id = AgentId(3);
    ground.apply(changed(3, rob), at(3));
    let touched = ground.rederive().into_iter().collect();
    assert_eq!((about(&touched, "u"), about(&touched, "s")), (None, None), "it may be either of the two");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Following what settling reports gives exactly what the records amount to: nothing is forgotten to be touched.
    #[test]
    fn following_the_changes_is_as_good_as_looking_at_everything(facts in prop::collection::vec((fact(), any::<bool>()), 0..60)) {
        let mut ground = ground();
        ground.feedback.most = 1;
        let mut followed: BTreeMap<Key, Entity> = BTreeMap::new();
        let mut now = at(100);
        for (fact, settle) in facts {
            ground.apply(fact, now);
            now += SignedDuration::from_secs(3);
            if !settle {
                continue;
            }
            for (key, entity) in ground.rederive() {
                match entity {
                    Some(entity) => followed.insert(key, entity),
                    None => followed.remove(&key),
                };
            }
            prop_assert_eq!(&followed, &ground.all());
            prop_assert!(ground.sessions.is_sound(), "every session is found where it is");
            prop_assert!(ground.is_joined(), "every response hangs on what the rules say");
            prop_assert!(ground.counts_are_sound(), "what is counted is what all records say");
        }
    }

    /// U8: pushes may come twice, in any order and with gaps, and full answers in between may be older than they: whatever
    /// they have made of an agent, the next full answer makes good.
    #[test]
    fn after_any_pushes_the_next_full_answer_is_what_is(
        pushes in prop::collection::vec((agent_reading(), any::<bool>()), 0..20),
        mut last in agent_reading(),
    ) {
        let mut ground = ground();
        for (number, (mut push, is_answer)) in pushes.into_iter().enumerate() {
            push.id = AgentId(1);
            let number = number as u64 + 10;
            // Some are answers to questions that were asked before the latest push.
            ground.apply(if is_answer { in_full(number - 5, push) } else { changed(number, push) }, at(100));
        }
        last.id = AgentId(1);
        last.status = status(AgentStatus::Busy, Some(at(90)));
        let fact = in_full(1000, last.clone());
        prop_assume!(!contradicts_itself(&fact));
        ground.apply(fact.clone(), at(100));
        let mut fresh = self::ground();
        fresh.apply(fact, at(100));
        let (known, told) = (agent(&ground, 1), agent(&fresh, 1));
        prop_assert_eq!(known.status, told.status);
        prop_assert_eq!(known.metrics, told.metrics);
        // A session that ended stays ended, whatever an answer says that does not know its status.
        let lists = last.sessions.iter().flat_map(|(_, list)| list.all.iter().flatten().chain(&list.added));
        let named: BTreeSet<_> = lists.filter(|read| read.status.is_some()).map(|read| read.id).collect();
        prop_assert!(known.sessions.keys().all(|id| told.sessions.contains_key(id)), "nobody is left over");
        prop_assert!(told.sessions.keys().filter(|id| named.contains(id)).all(|id| known.sessions.contains_key(id)));
    }

    /// One push, or each of its parts by itself: what begins a status or a session first, then the rest in any order.
    #[test]
    fn parts_of_a_push_one_by_one_are_as_good_as_the_whole(
        before in agent_reading(),
        (whole, parts) in whole_push().prop_flat_map(|whole| {
            let (first, rest) = parts_of(&whole);
            (Just(whole), Just(rest).prop_shuffle().prop_map(move |rest| [first.clone(), rest].concat()))
        }),
    ) {
        let end = |pushes: Vec<AgentUpdate>| {
            let mut ground = ground();
            ground.apply(in_full(1, AgentUpdate { id: AgentId(1), ..before.clone() }), at(50));
            for (push, number) in pushes.into_iter().zip(2..) {
                ground.apply(changed(number, push), at(100));
            }
            (agent(&ground, 1), ground.rederive().len())
        };
        let (at_once, _) = end(vec![whole]);
        let (one_by_one, _) = end(parts);
        prop_assert_eq!(at_once, one_by_one);
    }

    /// Hearing a fact again changes nothing.
    #[test]
    fn a_repeated_fact_has_one_effect(facts in prop::collection::vec(fact(), 0..40)) {
        let mut ground = ground();
        for fact in facts.into_iter().filter(|fact| !contradicts_itself(fact)) {
            ground.apply(fact.clone(), at(100));
            ground.rederive();
            let once = ground.all();
            ground.apply(fact, at(100));
            ground.rederive();
            prop_assert_eq!(once, ground.all());
        }
    }
}

#[test]
fn survey_that_was_recovered_may_not_be_recovered_again() {
    let mut ground = ground();
    let may = |ground: &mut Records| {
        let told = ground.rederive();
        let known = match ground.derive(&Key::Survey("s1".into())) {
            Some(Entity::Survey(it)) => it.may_recover,
            other => panic!("{other:?}"),
        };
        let is_told = told.iter().any(|(key, _)| *key == Key::Survey("s1".into()));
        (known, is_told)
    };
    let mut first = Survey::new("s1".into(), at(0));
    (first.state, first.request_id, first.interaction) = (SurveyState::Accepted, Some("u".into()), "1".into());
    ground.apply(Fact::Survey(Box::new(first)), at(1));
    ground.apply(Fact::SurveyResult(Box::new(rating("u", "1", 2))), at(61));
    assert_eq!(may(&mut ground), (true, true));
    let mut again = Survey::new("s2".into(), at(70));
    (again.recovers, again.interaction) = (Some("s1".into()), "1".into());
    ground.apply(Fact::Survey(Box::new(again)), at(70));
    assert_eq!(may(&mut ground), (false, true), "it was asked again, and whoever looks at it is told");
    // Past Callboard, and known by its result alone.
    let second = SurveyResult { uuid: "v".into(), interaction: "2".into(), ..rating("v", "2", 1) };
    ground.apply(Fact::SurveyResult(Box::new(second)), at(80));
    let asked = SurveyResult { parent: Some("v".into()), answered: None, stars: None, ..rating("w", "2", 1) };
    ground.apply(Fact::SurveyResult(Box::new(asked)), at(90));
    ground.rederive();
    let Some(Entity::Survey(elsewhere)) = ground.derive(&Key::Survey("v".into())) else { panic!("it is shown") };
    assert!(!elsewhere.may_recover);
}
