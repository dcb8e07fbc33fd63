//! Which of our survey requests a result of the upstream's belongs to, and why. A pure function.
//!
//! The rules stand in the order of their certainty (`apis.md` J10 to J13): one that names several requests names none,
//! but for the last, which takes the nearest and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Survey, SurveyId, SurveyResult, SurveyState};

/// How long after we sent a request the upstream may say that it was made, and how much its clock may differ.
const NEAR: SignedDuration = SignedDuration::from_mins(10);

/// By which evidence a result is a request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SurveyMatchRule {
    /// The upstream gave the request this very identity.
    RequestId,
    /// The upstream repeats our own key.
    OwnKey,
    /// The same interaction, agent and channel, made when we sent it.
    Parties,
    /// The same interaction, of which only one request may have arrived.
    Interaction,
    /// The same interaction, and the nearest in time of several requests.
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

/// Which result belongs to which request, of one interaction. A result that is not named was asked for by somebody else.
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
            // Whoever repeats another key than ours was somebody else.
            if found.contains_key(&result.uuid) || result.key.is_some() {
                continue;
            }
            let open: Vec<&Arc<Survey>> =
                requests.iter().filter(|request| !answered.contains(&request.id) && may_be(request, result)).collect();
            let chosen = if strict {
                let mut fitting = open.iter().filter(|request| same_parties(request, result));
                let first = fitting.next().map(|request| (*request, SurveyMatchRule::Parties));
                first.filter(|_| fitting.next().is_none())
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

/// Whether a request may have become this result: it may have arrived, and nothing that both of them say differs.
fn may_be(request: &Survey, result: &SurveyResult) -> bool {
    let arrived = matches!(request.state, SurveyState::Sent | SurveyState::Accepted | SurveyState::Unknown);
    let by_hand = result.requested_via.as_deref().is_some_and(|via| via.eq_ignore_ascii_case("manual"));
    // One that was answered with an identity waits for just that one.
    arrived
        && request.request_id.is_none()
        && !by_hand
        && request.recovers.is_some() == result.is_recovery
        && !contradicts(request, result)
}

/// Whether both name the agent in the same way, and not the same agent.
fn contradicts(request: &Survey, result: &SurveyResult) -> bool {
    let theirs = if request.employee.contains('@') { &result.employee_email } else { &result.employee_id };
    theirs.as_deref().is_some_and(|theirs| !same(theirs, &request.employee))
}

fn same_parties(request: &Survey, result: &SurveyResult) -> bool {
    let named = [&result.employee_email, &result.employee_id];
    named.into_iter().flatten().any(|name| same(name, &request.employee))
        && (result.is_recovery || result.channel.as_deref().is_some_and(|channel| same(channel, &request.channel)))
        && distance(request, result).is_some_and(|distance| distance <= NEAR)
}

/// How far from the time between asking and the answer. `None` sorts first and is never near.
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

fn same(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

/// What is the same in two systems that spell it differently.
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
    fn each_rule_has_its_case_and_what_contradicts_is_somebody_elses() {
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
                "J10: the upstream's identity",
                vec![request("a", |it| it.request_id = Some("u1".into())), plain("b")],
                vec![result("u1", |it| it.employee_email = Some("other@example.com".into()))],
                vec![("u1", "a", SurveyMatchRule::RequestId)],
            ),
            (
                "our own key, which the upstream repeats",
                vec![plain("a"), request("b", |it| it.key = "session:1".into())],
                vec![result("u1", |it| it.key = Some("session:1".into()))],
                vec![("u1", "b", SurveyMatchRule::OwnKey)],
            ),
            (
                "a key that is not ours is somebody else's",
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
                "another agent's is somebody else's",
                vec![plain("a")],
                vec![result("u1", |it| it.employee_email = Some("mia@example.com".into()))],
                vec![],
            ),
            (
                "by hand is somebody else's",
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
