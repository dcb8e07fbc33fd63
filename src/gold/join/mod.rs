//! What a customer's response hangs on, and why we say so.
//!
//! A pure function of the response, the rules and what is known of sessions: running it again gives the same answer
//! (`apis.md` J52). Nothing is ever guessed: the highest rule that yields exactly one candidate wins, and what lies below
//! it may only confirm or contradict it. Where no rule gives exactly one, the response stays where its place puts it, or
//! unmapped, and whoever looks at it is shown the candidates (`apis.md` J50, J51, J53).

pub mod call_conversation_match;
mod candidates;
mod match_key;
mod rules;
pub mod survey_match;
mod visit;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{AgentId, CustomerIdentity, QueueId, ResponseId, ResponseRecord, SessionId, TeamId};

use candidates::RuleMatch;
pub use match_key::MatchKey;
pub use rules::{MatchRules, PlaceRule};
pub use visit::{Visit, VisitRules};

/// For how long a response waits for what it names before it counts as not linked (`apis.md` J61).
const PATIENCE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What remains known of a session after it has ended: feedback comes later than the call (`apis.md` J60).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSession {
    /// The first queue it was in: that is the one feedback counts to (`apis.md` J43).
    pub queue: Option<QueueId>,
    /// The last primary agent.
    pub agent: Option<AgentId>,
    /// When it began, or when we first saw it.
    pub seen: Timestamp,
    /// When it ended, if we were told.
    pub ended: Option<Timestamp>,
    /// Who the customer was.
    pub person: CustomerIdentity,
    /// The conversation that it is a part of elsewhere (`apis.md` J17).
    pub conversation: Option<Arc<str>>,
}

/// The rule that decided, from the strongest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchRule {
    /// A person said so.
    Pinned,
    /// The response names a session that we know.
    ExtraSession,
    /// The response names a conversation that one session is a part of.
    ExtraConversation,
    /// The customer had exactly one session when the response says that they were there.
    CustomerVisit,
    /// The response names a session or a conversation that we do not know, yet or any more.
    Waiting,
    /// The place is in the table.
    Place,
    /// Nothing links it.
    Unmapped,
}

/// How sure a join is (`apis.md` D.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It is likely, and nothing else is.
    Medium,
    /// It is so.
    Certain,
}

/// What a response hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// By which rule.
    pub rule: MatchRule,
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
    /// Sessions that it might be as well, or might be at all.
    pub candidates: BTreeMap<SessionId, Candidate>,
    /// What a weaker rule says else, in words (`apis.md` J51).
    pub conflict: Option<String>,
}

/// A session that a response might hang on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What speaks for it, in words.
    pub evidence: String,
    /// When it began.
    pub began: Option<Timestamp>,
    /// Who answered.
    pub agent: Option<AgentId>,
    /// Where the customer waited.
    pub queue: Option<QueueId>,
}

/// What the join needs to know of the floor.
pub trait SessionLookup {
    /// What is known of a session.
    fn trace(&self, session: SessionId) -> Option<&KnownSession>;
    /// The sessions that a clue leads to and that began within a time, oldest first.
    fn sessions(&self, clue: &MatchKey, from: Timestamp, to: Timestamp) -> Vec<SessionId>;
    /// The session that a person has said it is, and who said so.
    fn pinned(&self, response: &ResponseId) -> Option<(SessionId, &str)>;
    /// When the board's day began: whoever has waited for long does so until a day begins.
    fn day_began(&self) -> Timestamp;
    /// An agent's team.
    fn team_of_agent(&self, agent: AgentId) -> Option<TeamId>;
    /// A queue's team, where exactly one answers it.
    fn team_of_queue(&self, queue: QueueId) -> Option<TeamId>;
}

/// Finds what a response hangs on.
#[must_use]
pub fn join(response: &ResponseRecord, rules: &MatchRules, floor: &impl SessionLookup) -> Attribution {
    let place = Place::of(response, rules, floor);
    let found = RuleMatch::all(response, rules, place.as_ref().and_then(|place| place.queue), floor);
    let winner = found.iter().position(|found| found.one().is_some());
    let chosen = winner.and_then(|at| Some((at, found.get(at)?.rule, found.get(at)?.one()?)));
    let candidates = |chosen: Option<SessionId>| {
        // The evidence of the strongest rule is the one that is told.
        let others = found.iter().rev().flat_map(|found| &found.sessions);
        let others = others.filter(|(session, _)| Some(**session) != chosen);
        others.map(|(session, evidence)| (*session, candidate(*session, evidence, floor))).collect()
    };
    let Some((at, rule, (session, evidence))) = chosen else {
        return Attribution { candidates: candidates(None), ..unjoined(response, rules, place, floor) };
    };
    let trace = floor.trace(session);
    if rule == MatchRule::ExtraSession && trace.is_none() {
        // It is that one and no other, whatever weaker rules say: they are shown until it is known.
        return Attribution { candidates: candidates(Some(session)), ..unjoined(response, rules, place, floor) };
    }
    // A pin is an answer to all that the rules say: it is not contradicted by them.
    let weaker = found.iter().skip(at + 1).filter(|_| rule != MatchRule::Pinned);
    let conflict = weaker.filter_map(RuleMatch::one).find(|(other, _)| *other != session);
    let (agent, queue) = (trace.and_then(|trace| trace.agent), trace.and_then(|trace| trace.queue));
    let team = agent.and_then(|agent| floor.team_of_agent(agent));
    Attribution {
        rule,
        evidence: Some(evidence.to_owned()),
        session: Some(session),
        agent,
        queue,
        team: team.or_else(|| queue.and_then(|queue| floor.team_of_queue(queue))),
        candidates: candidates(Some(session)),
        conflict: conflict.map(|(session, evidence)| format!("{evidence}: session {session}")),
    }
}

/// Without a session a response still counts where its place puts it (`apis.md` J53).
fn unjoined(
    response: &ResponseRecord,
    rules: &MatchRules,
    place: Option<Place>,
    floor: &impl SessionLookup,
) -> Attribution {
    let unknown_session = rules.named_session(response).filter(|(session, _)| floor.trace(*session).is_none());
    let conversation = rules.named_conversation(response);
    let unknown_conversation = conversation.filter(|(conversation, _)| {
        floor.sessions(&MatchKey::Conversation((*conversation).into()), Timestamp::MIN, Timestamp::MAX).is_empty()
    });
    let named = unknown_session.as_ref().map(|(_, evidence)| format!("{evidence}, a session that is not known"));
    let named = named
        .or_else(|| unknown_conversation.map(|(_, evidence)| format!("{evidence}, a conversation that is not known")));
    let has_waited = response.created.is_some_and(|created| floor.day_began().duration_since(created) > PATIENCE);
    let waits = named.is_some() && !has_waited;
    let (queue, team) = place.as_ref().map(|place| (place.queue, place.team)).unwrap_or_default();
    let rule = match &place {
        _ if waits => MatchRule::Waiting,
        Some(_) => MatchRule::Place,
        None => MatchRule::Unmapped,
    };
    let evidence: Vec<String> = named.into_iter().chain(place.map(|place| place.evidence)).collect();
    Attribution {
        rule,
        evidence: (!evidence.is_empty()).then(|| evidence.join("; ")),
        session: unknown_session.map(|(session, _)| session).filter(|_| waits),
        agent: None,
        queue,
        team,
        candidates: BTreeMap::new(),
        conflict: None,
    }
}

fn candidate(session: SessionId, evidence: &str, floor: &impl SessionLookup) -> Candidate {
    let trace = floor.trace(session);
    Candidate {
        evidence: evidence.to_owned(),
        began: trace.map(|trace| trace.seen),
        agent: trace.and_then(|trace| trace.agent),
        queue: trace.and_then(|trace| trace.queue),
    }
}

/// What the place of a response means.
struct Place {
    queue: Option<QueueId>,
    team: Option<TeamId>,
    evidence: String,
}

impl Place {
    /// Whoever it was delegated to answers for it (`apis.md` J24).
    fn of(response: &ResponseRecord, rules: &MatchRules, floor: &impl SessionLookup) -> Option<Self> {
        [&response.delegated_to, &response.place].into_iter().flatten().find_map(|place| {
            let partner_id = place.partner_id.as_deref()?;
            let rule = rules.places.get(partner_id)?;
            let team = rule.team.or_else(|| rule.queue.and_then(|queue| floor.team_of_queue(queue)));
            Some(Self { queue: rule.queue, team, evidence: format!("place with partner id {partner_id}") })
        })
    }
}

impl MatchRule {
    /// The name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::ExtraSession => "extra.session",
            Self::ExtraConversation => "extra.conversation",
            Self::CustomerVisit => "customer.visit",
            Self::Waiting => "pending",
            Self::Place => "place",
            Self::Unmapped => "unlinked",
        }
    }

    /// How sure what it found is. `None`: it found nothing.
    #[must_use]
    pub fn confidence(self) -> Option<Confidence> {
        match self {
            // What a table was told to mean is certain (`apis.md` J19, J24).
            Self::Pinned | Self::ExtraSession | Self::ExtraConversation | Self::Place => Some(Confidence::Certain),
            Self::CustomerVisit => Some(Confidence::Medium),
            Self::Waiting | Self::Unmapped => None,
        }
    }
}

impl Confidence {
    /// The name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Medium => "medium",
            Self::Certain => "certain",
        }
    }
}
