//! The join by its table (`apis.md` J19 to J24, J50 to J53, J65).

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::*;
use crate::domain::{Customer, Place, ThreadState};

/// Agent 41 of team 3; queue 11, which team 7 answers. Four sessions of the morning of 2026-11-21.
struct House {
    traces: BTreeMap<SessionId, KnownSession>,
    pins: BTreeMap<ResponseId, SessionId>,
    day_began: Timestamp,
}

impl House {
    fn new() -> Self {
        let trace = |id, agent: Option<i64>, queue, seen: &str, email, phone, conversation: Option<&str>| {
            let trace = KnownSession {
                queue: Some(QueueId(queue)),
                agent: agent.map(AgentId),
                seen: seen.parse().expect("a time"),
                ended: None,
                person: CustomerIdentity::new(email, phone),
                conversation: conversation.map(Arc::from),
            };
            (SessionId(id), trace)
        };
        let (jenny, number) = (Some("jenny.park@example.com"), Some("+13128633465"));
        let traces = [
            trace(82_673, Some(41), 11, "2026-11-21T09:00:00Z", jenny, number, Some("c1")),
            trace(82_674, None, 11, "2026-11-21T09:10:00Z", None, None, Some("c2")),
            trace(82_675, Some(41), 12, "2026-11-21T12:00:00Z", jenny, None, Some("c2")),
            trace(82_676, Some(41), 11, "2026-11-21T15:00:00Z", Some("info@example.com"), None, None),
        ];
        Self {
            traces: traces.into(),
            pins: BTreeMap::new(),
            day_began: "2026-11-21T06:00:00Z".parse().expect("a time"),
        }
    }
}

impl SessionLookup for House {
    fn trace(&self, session: SessionId) -> Option<&KnownSession> {
        self.traces.get(&session)
    }

    fn sessions(&self, clue: &MatchKey, from: Timestamp, to: Timestamp) -> Vec<SessionId> {
        let led = |trace: &KnownSession| MatchKey::of_trace(trace).contains(clue) && (from..=to).contains(&trace.seen);
        self.traces.iter().filter(|(_, trace)| led(trace)).map(|(id, _)| *id).collect()
    }

    fn pinned(&self, response: &ResponseId) -> Option<(SessionId, &str)> {
        self.pins.get(response).map(|session| (*session, "Ann"))
    }

    fn day_began(&self) -> Timestamp {
        self.day_began
    }

    fn team_of_agent(&self, agent: AgentId) -> Option<TeamId> {
        (agent == AgentId(41)).then_some(TeamId(3))
    }

    fn team_of_queue(&self, queue: QueueId) -> Option<TeamId> {
        (queue == QueueId(11)).then_some(TeamId(7))
    }
}

fn place(partner_id: &str) -> Option<Place> {
    Some(Place { id: "jdprBX2pxM".into(), partner_id: Some(partner_id.into()), name: "Harbour Street".into() })
}

fn response(extra: &[(&str, &str)], at: Option<Place>, delegated_to: Option<Place>) -> ResponseRecord {
    ResponseRecord {
        id: "vdOpL1NJ74l".into(),
        created: None,
        assumed: None,
        newest_as_dated: None,
        updated: None,
        source: None,
        thread: ThreadState::Open,
        survey: None,
        answers: Vec::new(),
        messages: BTreeMap::new(),
        customer: Customer::default(),
        extra: extra.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        place: at,
        delegated_to,
        actions: BTreeSet::new(),
        alert: false,
    }
}

fn rules() -> MatchRules {
    MatchRules {
        session_keys: vec!["session_id".into(), "call".into()],
        conversation_keys: vec!["conversation".into()],
        places: [
            ("1234".to_owned(), PlaceRule { queue: Some(QueueId(11)), team: None }),
            ("CS".to_owned(), PlaceRule { queue: None, team: Some(TeamId(9)) }),
        ]
        .into(),
        visits: VisitRules { zone: TimeZone::get("America/Chicago").expect("a zone"), ..VisitRules::default() },
    }
}

#[test]
fn every_case_of_the_table() {
    let rules = rules();
    let known = &[("session_id", "82673")][..];
    // (what it is, response, rule, session, agent, queue, team)
    let cases = [
        (
            "a known session",
            response(known, place("1234"), None),
            "extra.session",
            Some(82_673),
            Some(41),
            Some(11),
            Some(3),
        ),
        (
            "a session nobody answered",
            response(&[("call", " 82674 ")], None, None),
            "extra.session",
            Some(82_674),
            None,
            Some(11),
            Some(7),
        ),
        ("an unknown session", response(&[("session_id", "9")], None, None), "pending", Some(9), None, None, None),
        (
            "an unknown session at a known place",
            response(&[("session_id", "9")], place("1234"), None),
            "pending",
            Some(9),
            None,
            Some(11),
            Some(7),
        ),
        (
            "two keys that agree",
            response(&[("session_id", "82673"), ("call", "82673")], None, None),
            "extra.session",
            Some(82_673),
            Some(41),
            Some(11),
            Some(3),
        ),
        (
            "two keys that disagree",
            response(&[("session_id", "82673"), ("call", "82674")], None, None),
            "unlinked",
            None,
            None,
            None,
            None,
        ),
        (
            "a session that is no number",
            response(&[("session_id", "n/a")], place("1234"), None),
            "place",
            None,
            None,
            Some(11),
            Some(7),
        ),
        (
            "a key that is not configured",
            response(&[("session", "82673")], None, None),
            "unlinked",
            None,
            None,
            None,
            None,
        ),
        ("only a place", response(&[], place("1234"), None), "place", None, None, Some(11), Some(7)),
        ("a place that was delegated", response(&[], place("1234"), place("CS")), "place", None, None, None, Some(9)),
        (
            "delegated to a place that is not in the table",
            response(&[], place("1234"), place("??")),
            "place",
            None,
            None,
            Some(11),
            Some(7),
        ),
        ("an unknown place", response(&[], place("99"), None), "unlinked", None, None, None, None),
        ("nothing", response(&[], None, None), "unlinked", None, None, None, None),
    ];
    for (what, response, rule, session, agent, queue, team) in cases {
        let joined = join(&response, &rules, &House::new());
        assert_eq!(joined.rule.as_str(), rule, "{what}");
        assert_eq!(joined.session, session.map(SessionId), "{what}");
        assert_eq!(joined.agent, agent.map(AgentId), "{what}");
        assert_eq!(joined.queue, queue.map(QueueId), "{what}");
        assert_eq!(joined.team, team.map(TeamId), "{what}");
        assert_eq!(joined, join(&response, &rules, &House::new()), "{what}: the join is deterministic");
    }
}

/// A response of a customer who says when they were there.
fn of_customer(email: &str, phone: &str, extra: &[(&str, &str)], at: Option<Place>) -> ResponseRecord {
    let customer = Customer { email: Some(email.into()), phone: Some(phone.into()), ..Customer::default() };
    ResponseRecord { customer, ..response(extra, at, None) }
}

/// Three in the morning in Chicago is nine in the morning for Clarity (`apis.md` J65).
#[test]
fn a_customer_who_was_there_once_at_that_time_is_found() {
    let morning = &[("transaction_date", "2026-11-21"), ("transaction_time", "03:20:00")][..];
    let day = &[("transaction_date", "2026-11-21")][..];
    let jenny = "Jenny.Park@example.com";
    // (what it is, response, rule, session, candidates)
    let cases: [(_, _, _, Option<i64>, &[i64]); 12] = [
        ("by address and time", of_customer(jenny, "", morning, None), "customer.visit", Some(82_673), &[]),
        ("by number and time", of_customer("", "(312) 863 3465", morning, None), "customer.visit", Some(82_673), &[]),
        ("by day: two", of_customer(jenny, "", day, None), "unlinked", None, &[82_673, 82_675]),
        ("by day and number: one", of_customer("", "3128633465", day, None), "customer.visit", Some(82_673), &[]),
        (
            "by day at the queue of the place",
            of_customer(jenny, "", day, place("1234")),
            "customer.visit",
            Some(82_673),
            &[],
        ),
        ("without a day", of_customer(jenny, "", &[], None), "unlinked", None, &[]),
        ("on another day", of_customer(jenny, "", &[("transaction_date", "2026-11-19")], None), "unlinked", None, &[]),
        (
            "with a day that is none",
            of_customer(jenny, "", &[("transaction_date", "soon")], None),
            "unlinked",
            None,
            &[],
        ),
        ("somebody else", of_customer("rob@example.com", "", morning, None), "unlinked", None, &[]),
        ("an address that many use", of_customer("info@example.com", "", day, None), "unlinked", None, &[]),
        ("no address at all", of_customer("[email\u{a0}protected]", "None", day, None), "unlinked", None, &[]),
        ("two at a known place", of_customer(jenny, "", day, place("CS")), "place", None, &[82_673, 82_675]),
    ];
    for (what, response, rule, session, candidates) in cases {
        let joined = join(&response, &rules(), &House::new());
        assert_eq!((joined.rule.as_str(), joined.session), (rule, session.map(SessionId)), "{what}");
        assert_eq!(joined.candidates.keys().map(|id| id.0).collect::<Vec<_>>(), candidates, "{what}");
        assert_eq!(
            joined.rule.confidence().map(Confidence::as_str),
            session.map(|_| "medium").or((rule == "place").then_some("certain")),
            "{what}"
        );
    }
}

#[test]
fn a_conversation_leads_to_its_one_session_and_never_to_one_of_two() {
    let of = |conversation| response(&[("conversation", conversation)], place("1234"), None);
    let joined = join(&of("c1"), &rules(), &House::new());
    assert_eq!((joined.rule, joined.session), (MatchRule::ExtraConversation, Some(SessionId(82_673))));
    let joined = join(&of("c2"), &rules(), &House::new());
    assert_eq!((joined.rule, joined.session, joined.queue), (MatchRule::Place, None, Some(QueueId(11))));
    assert_eq!(joined.candidates.keys().map(|id| id.0).collect::<Vec<_>>(), [82_674, 82_675]);
    let joined = join(&of("c3"), &rules(), &House::new());
    assert_eq!((joined.rule, joined.session), (MatchRule::Waiting, None));
    assert!(joined.evidence.is_some_and(|evidence| evidence.contains("a conversation that is not known")));
}

#[test]
fn the_stronger_rule_stands_and_the_weaker_is_told_as_a_conflict() {
    let extra = &[("session_id", "82674"), ("transaction_date", "2026-11-21"), ("transaction_time", "03:00")];
    let said = of_customer("jenny.park@example.com", "", extra, None);
    let joined = join(&said, &rules(), &House::new());
    assert_eq!((joined.rule, joined.session), (MatchRule::ExtraSession, Some(SessionId(82_674))));
    assert!(joined.conflict.as_deref().is_some_and(|conflict| conflict.contains("82673")), "{:?}", joined.conflict);
    assert_eq!(joined.candidates.keys().map(|id| id.0).collect::<Vec<_>>(), [82_673]);
    let agreed = of_customer("jenny.park@example.com", "", &[("session_id", "82673"), extra[1], extra[2]], None);
    let joined = join(&agreed, &rules(), &House::new());
    assert_eq!((joined.conflict, joined.candidates.len()), (None, 0), "it only confirms");
}

#[test]
fn what_a_person_pins_is_certain_whatever_else_is_said() {
    let mut house = House::new();
    let said = response(&[("session_id", "82674")], None, None);
    house.pins.insert(said.id.clone(), SessionId(82_675));
    let joined = join(&said, &rules(), &house);
    assert_eq!(
        (joined.rule, joined.session, joined.agent),
        (MatchRule::Pinned, Some(SessionId(82_675)), Some(AgentId(41)))
    );
    assert_eq!((joined.conflict, joined.rule.confidence()), (None, Some(Confidence::Certain)));
    house.pins.insert(said.id.clone(), SessionId(7));
    let joined = join(&said, &rules(), &house);
    assert_eq!((joined.session, joined.agent), (Some(SessionId(7)), None), "though it has been forgotten");
}

/// `apis.md` J20 to J22: each way to recognise a customer is a rule of its own.
#[test]
fn the_surest_way_to_recognise_a_customer_decides_and_another_is_a_conflict() {
    let morning = &[("transaction_date", "2026-11-21"), ("transaction_time", "03:05")][..];
    let mut house = House::new();
    house.traces.get_mut(&SessionId(82_674)).expect("a trace").person = CustomerIdentity::numbered("C-9");
    let mut said = of_customer("jenny.park@example.com", "", morning, None);
    said.customer.crm_id = Some("C-9".into());
    let joined = join(&said, &rules(), &house);
    assert_eq!((joined.rule, joined.session), (MatchRule::CustomerVisit, Some(SessionId(82_674))));
    assert!(joined.evidence.is_some_and(|evidence| evidence.contains("number")));
    assert!(joined.conflict.is_some_and(|conflict| conflict.contains("e-mail address") && conflict.contains("82673")));
    assert_eq!(joined.candidates.keys().collect::<Vec<_>>(), [&SessionId(82_673)]);
}

#[test]
fn a_session_that_is_named_and_not_known_is_waited_for_and_no_visit_takes_its_place() {
    let extra = &[("session_id", "9"), ("transaction_date", "2026-11-21"), ("transaction_time", "03:00")];
    let joined = join(&of_customer("jenny.park@example.com", "", extra, None), &rules(), &House::new());
    assert_eq!((joined.rule, joined.session, joined.agent), (MatchRule::Waiting, Some(SessionId(9)), None));
    assert_eq!(joined.candidates.keys().collect::<Vec<_>>(), [&SessionId(82_673)]);
}

#[test]
fn a_visit_that_was_part_of_another_conversation_is_not_taken() {
    let extra = |named| [("conversation", named), ("transaction_date", "2026-11-21"), ("transaction_time", "06:00")];
    let mut house = House::new();
    let of = |named| of_customer("jenny.park@example.com", "", &extra(named), None);
    assert_eq!(join(&of("c9"), &rules(), &house).rule, MatchRule::Waiting);
    house.traces.get_mut(&SessionId(82_675)).expect("a trace").conversation = None;
    let joined = join(&of("c9"), &rules(), &house);
    assert_eq!((joined.rule, joined.session), (MatchRule::CustomerVisit, Some(SessionId(82_675))));
}

/// `apis.md` J61: whoever waits does so for a week and then counts where its place puts it.
#[test]
fn what_is_named_and_never_comes_is_not_waited_for_any_longer() {
    let said = |created: &str| ResponseRecord {
        created: Some(created.parse().expect("a time")),
        ..response(&[("session_id", "9")], place("1234"), None)
    };
    let joined = join(&said("2026-11-14T06:00:00Z"), &rules(), &House::new());
    assert_eq!((joined.rule, joined.session), (MatchRule::Waiting, Some(SessionId(9))));
    let joined = join(&said("2026-11-14T05:59:59Z"), &rules(), &House::new());
    assert_eq!((joined.rule, joined.session, joined.queue), (MatchRule::Place, None, Some(QueueId(11))));
    assert!(joined.evidence.is_some_and(|evidence| evidence.contains("not known")));
}
