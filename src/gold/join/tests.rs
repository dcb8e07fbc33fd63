//! Attribution of responses, rule by rule (apis.md J19 to J24, J50 to J53, J65).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::domain::{
    AgentId, Customer, CustomerIdentity, Place, QueueId, ResponseId, ResponseRecord, SessionId, TeamId, ThreadState,
};

/// Agent 41 of team 3; queue 11, which team 7 answers. Four sessions of the morning of 2026-11-21.
struct Site {
    sessions: BTreeMap<SessionId, KnownSession>,
    pins: BTreeMap<ResponseId, SessionId>,
    day_began: Timestamp,
}

impl Site {
    fn new() -> Self {
        let session = |id, agent: Option<i64>, queue, began: &str, email, phone, conversation: Option<&str>| {
            let session = KnownSession {
                queue: Some(QueueId(queue)),
                agent: agent.map(AgentId),
                began: began.parse().expect("a time"),
                ended: None,
                customer: CustomerIdentity::new(email, phone),
                conversation: conversation.map(Arc::from),
            };
            (SessionId(id), session)
        };
        let (jenny, number) = (Some("jenny.park@example.com"), Some("+13128633465"));
        let sessions = [
            session(82_673, Some(41), 11, "2026-11-21T09:00:00Z", jenny, number, Some("c1")),
            session(82_674, None, 11, "2026-11-21T09:10:00Z", None, None, Some("c2")),
            session(82_675, Some(41), 12, "2026-11-21T12:00:00Z", jenny, None, Some("c2")),
            session(82_676, Some(41), 11, "2026-11-21T15:00:00Z", Some("info@example.com"), None, None),
        ];
        Self {
            sessions: sessions.into(),
            pins: BTreeMap::new(),
            day_began: "2026-11-21T06:00:00Z".parse().expect("a time"),
        }
    }
}

impl SessionLookup for Site {
    fn session(&self, id: SessionId) -> Option<&KnownSession> {
        self.sessions.get(&id)
    }

    fn sessions_by_key(&self, key: &MatchKey, from: Timestamp, to: Timestamp) -> Vec<SessionId> {
        let has_key = |it: &KnownSession| MatchKey::of_session(it).contains(key) && (from..=to).contains(&it.began);
        self.sessions.iter().filter(|(_, session)| has_key(session)).map(|(id, _)| *id).collect()
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
fn response_is_attributed_by_session_or_place() {
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
            "a session without an agent",
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
        let found = attribute(&response, &rules, &Site::new());
        assert_eq!(found.rule.as_str(), rule, "{what}");
        assert_eq!(found.session, session.map(SessionId), "{what}");
        assert_eq!(found.agent, agent.map(AgentId), "{what}");
        assert_eq!(found.queue, queue.map(QueueId), "{what}");
        assert_eq!(found.team, team.map(TeamId), "{what}");
        assert_eq!(found, attribute(&response, &rules, &Site::new()), "{what}: the result is deterministic");
    }
}

/// A response of a customer, with extra keys.
fn of_customer(email: &str, phone: &str, extra: &[(&str, &str)], at: Option<Place>) -> ResponseRecord {
    let customer = Customer { email: Some(email.into()), phone: Some(phone.into()), ..Customer::default() };
    ResponseRecord { customer, ..response(extra, at, None) }
}

/// Three in the morning in Chicago is nine in the morning for Clarity (apis.md J65).
#[test]
fn visit_matches_the_only_session_of_the_customer_then() {
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
        ("with an invalid day", of_customer(jenny, "", &[("transaction_date", "soon")], None), "unlinked", None, &[]),
        ("another customer", of_customer("rob@example.com", "", morning, None), "unlinked", None, &[]),
        ("a shared mailbox", of_customer("info@example.com", "", day, None), "unlinked", None, &[]),
        ("no address at all", of_customer("[email\u{a0}protected]", "None", day, None), "unlinked", None, &[]),
        ("two at a known place", of_customer(jenny, "", day, place("CS")), "place", None, &[82_673, 82_675]),
    ];
    for (what, response, rule, session, candidates) in cases {
        let found = attribute(&response, &rules(), &Site::new());
        assert_eq!((found.rule.as_str(), found.session), (rule, session.map(SessionId)), "{what}");
        assert_eq!(found.candidates.keys().map(|id| id.0).collect::<Vec<_>>(), candidates, "{what}");
        assert_eq!(
            found.rule.confidence().map(Confidence::as_str),
            session.map(|_| "medium").or((rule == "place").then_some("certain")),
            "{what}"
        );
    }
}

#[test]
fn conversation_matches_its_only_session_never_one_of_two() {
    let of = |conversation| response(&[("conversation", conversation)], place("1234"), None);
    let found = attribute(&of("c1"), &rules(), &Site::new());
    assert_eq!((found.rule, found.session), (MatchRule::ExtraConversation, Some(SessionId(82_673))));
    let found = attribute(&of("c2"), &rules(), &Site::new());
    assert_eq!((found.rule, found.session, found.queue), (MatchRule::Place, None, Some(QueueId(11))));
    assert_eq!(found.candidates.keys().map(|id| id.0).collect::<Vec<_>>(), [82_674, 82_675]);
    let found = attribute(&of("c3"), &rules(), &Site::new());
    assert_eq!((found.rule, found.session), (MatchRule::Pending, None));
    assert!(found.evidence.is_some_and(|evidence| evidence.contains("a conversation that is not known")));
}

#[test]
fn stronger_rule_decides_and_weaker_one_is_a_conflict() {
    let extra = &[("session_id", "82674"), ("transaction_date", "2026-11-21"), ("transaction_time", "03:00")];
    let said = of_customer("jenny.park@example.com", "", extra, None);
    let found = attribute(&said, &rules(), &Site::new());
    assert_eq!((found.rule, found.session), (MatchRule::ExtraSession, Some(SessionId(82_674))));
    assert!(found.conflict.as_deref().is_some_and(|conflict| conflict.contains("82673")), "{:?}", found.conflict);
    assert_eq!(found.candidates.keys().map(|id| id.0).collect::<Vec<_>>(), [82_673]);
    let agreed = of_customer("jenny.park@example.com", "", &[("session_id", "82673"), extra[1], extra[2]], None);
    let found = attribute(&agreed, &rules(), &Site::new());
    assert_eq!((found.conflict, found.candidates.len()), (None, 0), "it only confirms");
}

#[test]
fn pin_is_certain_and_never_a_conflict() {
    let mut site = Site::new();
    let said = response(&[("session_id", "82674")], None, None);
    site.pins.insert(said.id.clone(), SessionId(82_675));
    let found = attribute(&said, &rules(), &site);
    assert_eq!(
        (found.rule, found.session, found.agent),
        (MatchRule::Pinned, Some(SessionId(82_675)), Some(AgentId(41)))
    );
    assert_eq!((found.conflict, found.rule.confidence()), (None, Some(Confidence::Certain)));
    site.pins.insert(said.id.clone(), SessionId(7));
    let found = attribute(&said, &rules(), &site);
    assert_eq!((found.session, found.agent), (Some(SessionId(7)), None), "though the session is not known");
}

/// Each kind of identity is a rule of its own (apis.md J20 to J22).
#[test]
fn most_reliable_identity_decides_and_others_conflict() {
    let morning = &[("transaction_date", "2026-11-21"), ("transaction_time", "03:05")][..];
    let mut site = Site::new();
    site.sessions.get_mut(&SessionId(82_674)).expect("a session").customer = CustomerIdentity::numbered("C-9");
    let mut said = of_customer("jenny.park@example.com", "", morning, None);
    said.customer.crm_id = Some("C-9".into());
    let found = attribute(&said, &rules(), &site);
    assert_eq!((found.rule, found.session), (MatchRule::CustomerVisit, Some(SessionId(82_674))));
    assert!(found.evidence.is_some_and(|evidence| evidence.contains("number")));
    assert!(found.conflict.is_some_and(|conflict| conflict.contains("e-mail address") && conflict.contains("82673")));
    assert_eq!(found.candidates.keys().collect::<Vec<_>>(), [&SessionId(82_673)]);
}

#[test]
fn unknown_named_session_is_awaited_despite_a_visit() {
    let extra = &[("session_id", "9"), ("transaction_date", "2026-11-21"), ("transaction_time", "03:00")];
    let found = attribute(&of_customer("jenny.park@example.com", "", extra, None), &rules(), &Site::new());
    assert_eq!((found.rule, found.session, found.agent), (MatchRule::Pending, Some(SessionId(9)), None));
    assert_eq!(found.candidates.keys().collect::<Vec<_>>(), [&SessionId(82_673)]);
}

#[test]
fn visit_of_another_conversation_does_not_match() {
    let extra = |named| [("conversation", named), ("transaction_date", "2026-11-21"), ("transaction_time", "06:00")];
    let mut site = Site::new();
    let of = |named| of_customer("jenny.park@example.com", "", &extra(named), None);
    assert_eq!(attribute(&of("c9"), &rules(), &site).rule, MatchRule::Pending);
    site.sessions.get_mut(&SessionId(82_675)).expect("a session").conversation = None;
    let found = attribute(&of("c9"), &rules(), &site);
    assert_eq!((found.rule, found.session), (MatchRule::CustomerVisit, Some(SessionId(82_675))));
}

/// After a week without the named session a response is attributed by its place (apis.md J61).
#[test]
fn unknown_named_session_is_awaited_for_a_week() {
    let said = |created: &str| ResponseRecord {
        created: Some(created.parse().expect("a time")),
        ..response(&[("session_id", "9")], place("1234"), None)
    };
    let found = attribute(&said("2026-11-14T06:00:00Z"), &rules(), &Site::new());
    assert_eq!((found.rule, found.session), (MatchRule::Pending, Some(SessionId(9))));
    let found = attribute(&said("2026-11-14T05:59:59Z"), &rules(), &Site::new());
    assert_eq!((found.rule, found.session, found.queue), (MatchRule::Place, None, Some(QueueId(11))));
    assert!(found.evidence.is_some_and(|evidence| evidence.contains("not known")));
}
