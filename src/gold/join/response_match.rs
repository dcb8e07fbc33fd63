//! Attributes a response to a session, or to a queue or team by its place.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::attribution::{Attribution, Candidate, MatchRule};
use super::candidates::RuleCandidates;
use super::match_key::MatchKey;
use super::rules::MatchRules;
use super::session_lookup::SessionLookup;
use crate::domain::{QueueId, ResponseRecord, SessionId, TeamId};

/// How long a response waits for a session or conversation that it names before it counts as unlinked (apis.md J61).
const MAX_WAIT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a response is attributed to.
#[must_use]
pub fn attribute(response: &ResponseRecord, rules: &MatchRules, lookup: &impl SessionLookup) -> Attribution {
    let place = PlaceAttribution::of(response, rules, lookup);
    let by_rule = RuleCandidates::all(response, rules, place.as_ref().and_then(|place| place.queue), lookup);
    let winner = by_rule.iter().position(|it| it.only().is_some());
    let chosen = winner.and_then(|at| Some((at, by_rule.get(at)?.rule, by_rule.get(at)?.only()?)));
    let candidates = |chosen: Option<SessionId>| {
        // Reversed, so that the evidence of the strongest rule overwrites that of weaker ones.
        let others = by_rule.iter().rev().flat_map(|it| &it.sessions);
        let others = others.filter(|(session, _)| Some(**session) != chosen);
        others.map(|(session, evidence)| (*session, candidate(*session, evidence, lookup))).collect()
    };
    let Some((at, rule, (session, evidence))) = chosen else {
        return Attribution { candidates: candidates(None), ..without_session(response, rules, place, lookup) };
    };
    let known = lookup.session(session);
    if rule == MatchRule::ExtraSession && known.is_none() {
        // The response names this session and no other. Until it is known, what weaker rules find are candidates only.
        return Attribution {
            candidates: candidates(Some(session)),
            ..without_session(response, rules, place, lookup)
        };
    }
    // The user who pinned it has seen what the rules say, so that is no conflict.
    let weaker = by_rule.iter().skip(at + 1).filter(|_| rule != MatchRule::Pinned);
    let conflict = weaker.filter_map(RuleCandidates::only).find(|(other, _)| *other != session);
    let (agent, queue) = (known.and_then(|known| known.agent), known.and_then(|known| known.queue));
    let team = agent.and_then(|agent| lookup.team_of_agent(agent));
    Attribution {
        rule,
        evidence: Some(evidence.to_owned()),
        session: Some(session),
        agent,
        queue,
        team: team.or_else(|| queue.and_then(|queue| lookup.team_of_queue(queue))),
        candidates: candidates(Some(session)),
        conflict: conflict.map(|(session, evidence)| format!("{evidence}: session {session}")),
    }
}

/// A response without a session is attributed by its place (apis.md J53).
fn without_session(
    response: &ResponseRecord,
    rules: &MatchRules,
    place: Option<PlaceAttribution>,
    lookup: &impl SessionLookup,
) -> Attribution {
    let unknown_session = rules.named_session(response).filter(|(session, _)| lookup.session(*session).is_none());
    let unknown_conversation = rules.named_conversation(response).filter(|(conversation, _)| {
        let key = MatchKey::Conversation((*conversation).into());
        lookup.sessions_by_key(&key, Timestamp::MIN, Timestamp::MAX).is_empty()
    });
    let named = unknown_session.as_ref().map(|(_, evidence)| format!("{evidence}, a session that is not known"));
    let named = named
        .or_else(|| unknown_conversation.map(|(_, evidence)| format!("{evidence}, a conversation that is not known")));
    let waited_too_long = response.created.is_some_and(|created| lookup.day_began().duration_since(created) > MAX_WAIT);
    let waits = named.is_some() && !waited_too_long;
    let (queue, team) = place.as_ref().map(|place| (place.queue, place.team)).unwrap_or_default();
    let rule = match &place {
        _ if waits => MatchRule::Pending,
        Some(_) => MatchRule::Place,
        None => MatchRule::Unlinked,
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

fn candidate(session: SessionId, evidence: &str, lookup: &impl SessionLookup) -> Candidate {
    let known = lookup.session(session);
    Candidate {
        evidence: evidence.to_owned(),
        began: known.map(|known| known.began),
        agent: known.and_then(|known| known.agent),
        queue: known.and_then(|known| known.queue),
    }
}

/// The queue and team that the site's table names for a response's place.
struct PlaceAttribution {
    queue: Option<QueueId>,
    team: Option<TeamId>,
    evidence: String,
}

impl PlaceAttribution {
    /// The place that the response was delegated to goes before its own (apis.md J24).
    fn of(response: &ResponseRecord, rules: &MatchRules, lookup: &impl SessionLookup) -> Option<Self> {
        [&response.delegated_to, &response.place].into_iter().flatten().find_map(|place| {
            let partner_id = place.partner_id.as_deref()?;
            let rule = rules.places.get(partner_id)?;
            let team = rule.team.or_else(|| rule.queue.and_then(|queue| lookup.team_of_queue(queue)));
            Some(Self { queue: rule.queue, team, evidence: format!("place with partner id {partner_id}") })
        })
    }
}
