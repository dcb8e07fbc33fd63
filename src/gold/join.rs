//! What a customer's response hangs on, and why we say so.
//!
//! A pure function of the response, the rules and what is known of sessions: running it again gives the same answer
//! (`apis.md` J52). Nothing is ever guessed: where no rule gives exactly one candidate, the response stays where its
//! place puts it, or unmapped (`apis.md` J50, J53).

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::{AgentId, QueueId, ResponseReading, SessionId, TeamId};

/// The tables that a site configures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Keys of `context.extra` whose value is a session's id (`apis.md` J19).
    pub session_keys: Vec<String>,
    /// What a place's partner id means (`apis.md` J24).
    pub places: BTreeMap<String, PlaceRule>,
}

/// What a place stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlaceRule {
    /// The queue that answers for it.
    pub queue: Option<QueueId>,
    /// The team that answers for it.
    pub team: Option<TeamId>,
}

/// What remains known of a session after it has ended: feedback comes later than the call (`apis.md` J60).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// The first queue it was in: that is the one feedback counts to (`apis.md` J43).
    pub queue: Option<QueueId>,
    /// The last primary agent.
    pub agent: Option<AgentId>,
    /// When we first saw it.
    pub seen: Timestamp,
}

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The response names a session that we know.
    ExtraSession,
    /// The response names a session that we do not know, yet or any more.
    Waiting,
    /// The place is in the table.
    Place,
    /// Nothing links it.
    Unmapped,
}

impl Rule {
    /// The name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExtraSession => "extra.session",
            Self::Waiting => "waiting",
            Self::Place => "place",
            Self::Unmapped => "unmapped",
        }
    }
}

/// What a response hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// By which rule.
    pub rule: Rule,
    /// The evidence, in words.
    pub evidence: Option<String>,
    /// The session.
    pub session: Option<SessionId>,
    /// The agent who answered.
    pub agent: Option<AgentId>,
    /// The queue.
    pub queue: Option<QueueId>,
    /// The team.
    pub team: Option<TeamId>,
}

/// What the join needs to know of the floor.
pub trait Floor {
    /// What is known of a session.
    fn trace(&self, session: SessionId) -> Option<Trace>;
    /// An agent's team.
    fn team_of_agent(&self, agent: AgentId) -> Option<TeamId>;
    /// A queue's team, where exactly one answers it.
    fn team_of_queue(&self, queue: QueueId) -> Option<TeamId>;
}

/// The session that a response names: the value of the first configured key that holds a number. Two keys that name
/// different sessions name none.
#[must_use]
pub fn named_session(response: &ResponseReading, rules: &Rules) -> Option<(SessionId, String)> {
    let mut named = rules.session_keys.iter().filter_map(|key| {
        let value = response.extra.get(key.as_str())?.trim();
        Some((value.parse::<SessionId>().ok()?, format!("context.extra.{key} = {value}")))
    });
    let first = named.next()?;
    named.all(|(session, _)| session == first.0).then_some(first)
}

/// Finds what a response hangs on.
#[must_use]
pub fn join(response: &ResponseReading, rules: &Rules, floor: &impl Floor) -> Joined {
    let named = named_session(response, rules);
    if let Some((session, evidence)) = &named
        && let Some(trace) = floor.trace(*session)
    {
        let team = trace
            .agent
            .and_then(|agent| floor.team_of_agent(agent))
            .or_else(|| trace.queue.and_then(|queue| floor.team_of_queue(queue)));
        return Joined {
            rule: Rule::ExtraSession,
            evidence: Some(evidence.clone()),
            session: Some(*session),
            agent: trace.agent,
            queue: trace.queue,
            team,
        };
    }

    // Whoever it was delegated to answers for it (`apis.md` J24).
    let place = [&response.delegated_to, &response.place]
        .into_iter()
        .flatten()
        .find_map(|place| Some((place.partner_id.as_deref()?, rules.places.get(place.partner_id.as_deref()?)?)));
    let (queue, team) = match place {
        Some((_, rule)) => (rule.queue, rule.team.or_else(|| rule.queue.and_then(|queue| floor.team_of_queue(queue)))),
        None => (None, None),
    };
    let by_place = place.map(|(partner_id, _)| format!("place with partner id {partner_id}"));
    match (named, by_place) {
        (Some((session, evidence)), by_place) => {
            let evidence = format!("{evidence}, a session that is not known");
            Joined {
                rule: Rule::Waiting,
                evidence: Some(by_place.map_or(evidence.clone(), |place| format!("{evidence}; {place}"))),
                session: Some(session),
                agent: None,
                queue,
                team,
            }
        }
        (None, Some(evidence)) => {
            Joined { rule: Rule::Place, evidence: Some(evidence), session: None, agent: None, queue, team }
        }
        (None, None) => {
            Joined { rule: Rule::Unmapped, evidence: None, session: None, agent: None, queue: None, team: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::{Customer, Place, Thread};

    struct House;

    impl Floor for House {
        fn trace(&self, session: SessionId) -> Option<Trace> {
            let seen = "2026-11-21T09:00:00Z".parse().expect("a time");
            match session.0 {
                82_673 => Some(Trace { queue: Some(QueueId(11)), agent: Some(AgentId(41)), seen }),
                82_674 => Some(Trace { queue: Some(QueueId(11)), agent: None, seen }),
                _ => None,
            }
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

    fn response(extra: &[(&str, &str)], at: Option<Place>, delegated_to: Option<Place>) -> ResponseReading {
        ResponseReading {
            id: "vdOpL1NJ74l".into(),
            created: None,
            updated: None,
            source: None,
            thread: Thread::Open,
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

    #[test]
    fn every_case_of_the_table() {
        let rules = Rules {
            session_keys: vec!["session_id".into(), "call".into()],
            places: [
                ("1234".to_owned(), PlaceRule { queue: Some(QueueId(11)), team: None }),
                ("CS".to_owned(), PlaceRule { queue: None, team: Some(TeamId(9)) }),
            ]
            .into(),
        };
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
            ("an unknown session", response(&[("session_id", "9")], None, None), "waiting", Some(9), None, None, None),
            (
                "an unknown session at a known place",
                response(&[("session_id", "9")], place("1234"), None),
                "waiting",
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
                "unmapped",
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
                "unmapped",
                None,
                None,
                None,
                None,
            ),
            ("only a place", response(&[], place("1234"), None), "place", None, None, Some(11), Some(7)),
            (
                "a place that was delegated",
                response(&[], place("1234"), place("CS")),
                "place",
                None,
                None,
                None,
                Some(9),
            ),
            (
                "delegated to a place that is not in the table",
                response(&[], place("1234"), place("??")),
                "place",
                None,
                None,
                Some(11),
                Some(7),
            ),
            ("an unknown place", response(&[], place("99"), None), "unmapped", None, None, None, None),
            ("nothing", response(&[], None, None), "unmapped", None, None, None, None),
        ];
        for (what, response, rule, session, agent, queue, team) in cases {
            let joined = join(&response, &rules, &House);
            assert_eq!(joined.rule.as_str(), rule, "{what}");
            assert_eq!(joined.session, session.map(SessionId), "{what}");
            assert_eq!(joined.agent, agent.map(AgentId), "{what}");
            assert_eq!(joined.queue, queue.map(QueueId), "{what}");
            assert_eq!(joined.team, team.map(TeamId), "{what}");
            assert_eq!(joined, join(&response, &rules, &House), "{what}: the join is deterministic");
        }
    }
}
