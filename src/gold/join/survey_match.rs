//! Which survey result belongs to which of our requests, and by which rule. A pure function.
//!
//! The rules are tried in the order of their reliability (apis.md J10 to J13). A rule that fits several requests
//! decides nothing, except the last, which takes the nearest in time and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Survey, SurveyId, SurveyResult, SurveyState};

/// How far apart Agent Connect's time of the request and ours may be: its delay, and the difference of the clocks.
const MAX_DISTANCE: SignedDuration = SignedDuration::from_mins(10);

/// The rule by which a result belongs to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SurveyMatchRule {
    /// Agent Connect answered the request with the result's id.
    RequestId,
    /// The result repeats our idempotency key.
    OwnKey,
    /// The same interaction, agent and channel, and the time at which we sent it.
    Parties,
    /// The same interaction, of which only one request is possible.
    Interaction,
    /// The same interaction, and the nearest in time of several possible requests.
    Nearest,
}

impl SurveyMatchRule {
    /// The name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestId => "requestId",
            Self::OwnKey => "ownKey",
            Self::Parties => "parties",
            Self::Interaction => "interaction",
            Self::Nearest => "nearest",
        }
    }
}

/// Matches the results of one interaction with its requests, by the result's id. A result without a match was requested
/// without Callboard.
#[must_use]
pub fn match_results(
    requests: &[Arc<Survey>],
    results: &[Arc<SurveyResult>],
) -> BTreeMap<Arc<str>, (SurveyId, SurveyMatchRule)> {
    let mut results: Vec<_> = results.iter().collect();
    results.sort_by_key(|result| (result.created, Arc::clone(&result.uuid)));
    let mut found = BTreeMap::new();
    let mut answered: BTreeSet<&SurveyId> = BTreeSet::new();
    for result in &results {
        let by_id = requests.iter().find(|request| request.request_id.as_deref() == Some(&*result.uuid));
        let by_key = || requests.iter().find(|request| result.key.as_deref() == Some(&*request.key));
        let certain = by_id.map(|request| (request, SurveyMatchRule::RequestId));
        if let Some((request, evidence)) =
            certain.or_else(|| by_key().map(|request| (request, SurveyMatchRule::OwnKey)))
        {
            found.insert(Arc::clone(&result.uuid), (request.id.clone(), evidence));
            answered.insert(&request.id);
        }
    }
    for strict in [true, false] {
        for result in &results {
            // A result with another key was requested by another system.
            if found.contains_key(&result.uuid) || result.key.is_some() {
                continue;
            }
            let open: Vec<&Arc<Survey>> = requests
                .iter()
                .filter(|request| !answered.contains(&request.id) && is_possible(request, result))
                .collect();
            let chosen = if strict {
                let mut matching = open.iter().filter(|request| same_parties(request, result));
                let first = matching.next().map(|request| (*request, SurveyMatchRule::Parties));
                first.filter(|_| matching.next().is_none())
            } else {
                let evidence = if open.len() > 1 { SurveyMatchRule::Nearest } else { SurveyMatchRule::Interaction };
                let nearest = open.into_iter().min_by_key(|request| (distance(request, result), request.id.clone()));
                nearest.map(|request| (request, evidence))
            };
            if let Some((request, evidence)) = chosen {
                found.insert(Arc::clone(&result.uuid), (request.id.clone(), evidence));
                answered.insert(&request.id);
            }
        }
    }
    found
}

/// Whether a request may have led to a result: it may have arrived, and nothing in the two contradicts it.
fn is_possible(request: &Survey, result: &SurveyResult) -> bool {
    let arrived = matches!(request.state, SurveyState::Sent | SurveyState::Accepted | SurveyState::Unknown);
    let is_manual = result.requested_via.as_deref().is_some_and(|via| via.eq_ignore_ascii_case("manual"));
    // A request that was answered with an id matches by that id only.
    arrived
        && request.request_id.is_none()
        && !is_manual
        && request.recovers.is_some() == result.is_recovery
        && !names_other_agent(request, result)
}

/// Whether both name the agent in the same way, but different agents.
fn names_other_agent(request: &Survey, result: &SurveyResult) -> bool {
    let theirs = if request.employee.contains('@') { &result.employee_email } else { &result.employee_id };
    theirs.as_deref().is_some_and(|theirs| !is_same(theirs, &request.employee))
}

fn same_parties(request: &Survey, result: &SurveyResult) -> bool {
    let named = [&result.employee_email, &result.employee_id];
    named.into_iter().flatten().any(|name| is_same(name, &request.employee))
        && (result.is_recovery || result.channel.as_deref().is_some_and(|channel| is_same(channel, &request.channel)))
        && distance(request, result).is_some_and(|distance| distance <= MAX_DISTANCE)
}

/// How far the result's time is from the interval between sending and the answer. `None` sorts first and is never near.
fn distance(request: &Survey, result: &SurveyResult) -> Option<SignedDuration> {
    let at: Timestamp = result.created?;
    Some(if at < request.created {
        request.created.duration_since(at)
    } else if at > request.changed {
        at.duration_since(request.changed)
    } else {
        SignedDuration::ZERO
    })
}

fn is_same(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

/// Text without the differences in spelling between systems: case and surrounding white space.
pub(in crate::gold) fn normal(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).expect("a time")
    }

    fn request(id: &str, change: impl FnOnce(&mut Survey)) -> Arc<Survey> {
        let mut survey = Survey::new(id.into(), at(0));
        survey.interaction = "123456".into();
        survey.employee = "rob@example.com".into();
        survey.channel = "phone".into();
        survey.state = SurveyState::Accepted;
        survey.changed = at(2);
        change(&mut survey);
        Arc::new(survey)
    }

    fn result(uuid: &str, change: impl FnOnce(&mut SurveyResult)) -> Arc<SurveyResult> {
        let mut result = SurveyResult {
            uuid: uuid.into(),
            interaction: "123456".into(),
            employee_email: Some(" Rob@Example.com".into()),
            channel: Some("PHONE".into()),
            created: Some(at(1)),
            requested_via: Some("API".into()),
            ..SurveyResult::default()
        };
        change(&mut result);
        Arc::new(result)
    }

    #[test]
    fn result_matches_request_by_the_first_rule_that_fits() {
        type Case = (
            &'static str,
            Vec<Arc<Survey>>,
            Vec<Arc<SurveyResult>>,
            Vec<(&'static str, &'static str, SurveyMatchRule)>,
        );
        let plain = |id| request(id, |_| ());
        let told = |uuid| result(uuid, |_| ());
        let cases: Vec<Case> = vec![
            (
                "J10: Agent Connect's id",
                vec![request("a", |it| it.request_id = Some("u1".into())), plain("b")],
                vec![result("u1", |it| it.employee_email = Some("other@example.com".into()))],
                vec![("u1", "a", SurveyMatchRule::RequestId)],
            ),
            (
                "our own key, which the result repeats",
                vec![plain("a"), request("b", |it| it.key = "session:1".into())],
                vec![result("u1", |it| it.key = Some("session:1".into()))],
                vec![("u1", "b", SurveyMatchRule::OwnKey)],
            ),
            (
                "another key is another system's",
                vec![plain("a")],
                vec![result("u1", |it| it.key = Some("x".into()))],
                vec![],
            ),
            (
                "J11: interaction, agent, channel, time",
                vec![plain("a")],
                vec![told("u1")],
                vec![("u1", "a", SurveyMatchRule::Parties)],
            ),
            (
                "J11 prefers the one whose agent it is",
                vec![request("a", |it| it.employee = "mia@example.com".into()), plain("b")],
                vec![told("u1")],
                vec![("u1", "b", SurveyMatchRule::Parties)],
            ),
            (
                "J11 by custom id, as text",
                vec![request("a", |it| it.employee = "0042".into())],
                vec![result("u1", |it| it.employee_id = Some("0042".into()))],
                vec![("u1", "a", SurveyMatchRule::Parties)],
            ),
            (
                "J12: the interaction alone, hours later",
                vec![plain("a")],
                vec![result("u1", |it| it.created = Some(at(7200)))],
                vec![("u1", "a", SurveyMatchRule::Interaction)],
            ),
            (
                "J12: several, the nearest is taken and flagged",
                vec![plain("a"), request("b", |it| (it.created, it.changed) = (at(5000), at(5001)))],
                vec![result("u1", |it| it.created = Some(at(6000)))],
                vec![("u1", "b", SurveyMatchRule::Nearest)],
            ),
            (
                "each request has one result",
                vec![plain("a")],
                vec![told("u1"), result("u2", |it| it.created = Some(at(9000)))],
                vec![("u1", "a", SurveyMatchRule::Parties)],
            ),
            (
                "another agent is another request",
                vec![plain("a")],
                vec![result("u1", |it| it.employee_email = Some("mia@example.com".into()))],
                vec![],
            ),
            (
                "a manual request is not ours",
                vec![plain("a")],
                vec![result("u1", |it| it.requested_via = Some("Manual".into()))],
                vec![],
            ),
            (
                "what was never sent has no result",
                vec![request("a", |it| it.state = SurveyState::DryRun)],
                vec![told("u1")],
                vec![],
            ),
            (
                "an unknown one is found",
                vec![request("a", |it| it.state = SurveyState::Unknown)],
                vec![told("u1")],
                vec![("u1", "a", SurveyMatchRule::Parties)],
            ),
            (
                "a recovery is no first request",
                vec![plain("a")],
                vec![result("u1", |it| it.is_recovery = true)],
                vec![],
            ),
            (
                "J13: a recovery is found, though it has no channel",
                vec![plain("a"), request("b", |it| it.recovers = Some("a".into()))],
                vec![result("u2", |it| (it.is_recovery, it.channel) = (true, None)), told("u1")],
                vec![("u1", "a", SurveyMatchRule::Parties), ("u2", "b", SurveyMatchRule::Parties)],
            ),
            (
                "one that has an identity waits for that one",
                vec![request("a", |it| it.request_id = Some("u9".into()))],
                vec![told("u1")],
                vec![],
            ),
        ];
        for (name, requests, results, expected) in cases {
            let expected: BTreeMap<Arc<str>, _> = expected
                .into_iter()
                .map(|(uuid, id, evidence)| (Arc::from(uuid), (SurveyId::from(id), evidence)))
                .collect();
            assert_eq!(match_results(&requests, &results), expected, "{name}");
            let reversed = |all: &[_]| all.iter().rev().cloned().collect::<Vec<_>>();
            let results: Vec<_> = results.iter().rev().cloned().collect();
            assert_eq!(match_results(&reversed(&requests), &results), expected, "{name}, in another order");
        }
    }
}
