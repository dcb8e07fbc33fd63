//! An entity as its member of the document.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::merge_patch::strip_nulls;
use super::{
    ActionDoc, AgentDoc, AnswerDoc, AttributionDoc, CandidateDoc, EffectDoc, FeedbackDoc, FeedbackTotalDoc, FloorDoc,
    Member, MessageDoc, MetricsDoc, OccupancyDoc, PlaceDoc, QueueDoc, SessionDoc, SourceDoc, StatusIntervalDoc,
    SurveyDoc, TagDoc, TeamDoc,
};
use crate::domain::{
    AssumedDate, FeedbackAction, Health, Metric, Metrics, Occupancy, ResponseRecord, SourceName, SurveyResult,
    Unclassified,
};
use crate::gold::agent_detail::AgentDetail;
use crate::gold::entity::{Agent, Queue, Response, Session, SurveyRequest, Team};
use crate::gold::join::Attribution;
use crate::gold::rollup::FeedbackTotals;
use crate::gold::{Entity, Key};
use crate::live::scope::DetailLevel;
use base::link;

/// An entity's path in the document: its section, and its key in it.
#[must_use]
pub fn path(key: &Key) -> (&'static str, String) {
    match key {
        Key::Agent(id) => ("agents", id.to_string()),
        Key::Queue(id) => ("queues", id.to_string()),
        Key::Team(id) => ("teams", id.to_string()),
        Key::Response(id) => ("feedback", id.to_string()),
        Key::Survey(id) => ("surveys", id.to_string()),
        Key::Place(id) => ("places", id.to_string()),
        Key::Tag(name) => ("tags", name.to_string()),
        Key::Floor => ("totals", "floor".to_owned()),
        Key::Label(name) => ("labels", name.to_string()),
        Key::Source(SourceName::Store) => ("server", "disk".to_owned()),
        Key::Source(name) => ("sources", name.to_string()),
    }
}

/// An entity as its member of the document, with as much of it as a scope shows.
#[must_use]
pub fn member(entity: &Entity, detail_level: DetailLevel) -> Member {
    let has_names_only = matches!(detail_level, DetailLevel::Agent | DetailLevel::Response);
    match entity {
        Entity::Agent(it) if detail_level == DetailLevel::Response => Member::Agent(responder(it).into()),
        Entity::Agent(it) => Member::Agent(agent(it, detail_level).into()),
        Entity::Queue(it) if has_names_only => {
            Member::Queue(QueueDoc { name: queue_name(it), ..QueueDoc::default() }.into())
        }
        Entity::Queue(it) => Member::Queue(queue(it, detail_level).into()),
        Entity::Team(it) if has_names_only => {
            Member::Team(TeamDoc { name: it.name.to_string(), ..TeamDoc::default() }.into())
        }
        Entity::Team(it) => Member::Team(team(it).into()),
        Entity::Response(it) => Member::Feedback(feedback(it, detail_level).into()),
        Entity::Survey(it) => Member::Survey(survey(it, detail_level).into()),
        Entity::Place(it) => {
            let feedback = FeedbackTotalDoc::whole(&it.feedback);
            Member::Place(PlaceDoc { name: it.name.to_string(), feedback, ..PlaceDoc::default() }.into())
        }
        Entity::Tag(it) => {
            let (feedback, effect) =
                (FeedbackTotalDoc::whole(&it.feedback), it.effect.as_ref().and_then(EffectDoc::of));
            Member::Tag(TagDoc { name: it.name.to_string(), feedback, effect, ..TagDoc::default() }.into())
        }
        Entity::Floor(it) => {
            let feedback = Some(FeedbackTotalDoc::whole(&it.feedback));
            Member::Floor(FloorDoc { feedback, ..FloorDoc::default() }.into())
        }
        Entity::Label(it) => Member::Label(Arc::clone(it)),
        Entity::Source(it) => Member::Source(source(it).into()),
    }
}

/// What a viewer sees of an entity, which says also what there is that they do not see. `None`: nothing is shown.
#[must_use]
pub fn visible_member(whole: &Entity, seen: Option<&Entity>, detail_level: DetailLevel) -> Option<Member> {
    let total = |entity: &Entity| match entity {
        Entity::Agent(it) => it.feedback.is_some(),
        Entity::Queue(it) => it.feedback.is_some(),
        Entity::Team(it) => it.feedback.is_some(),
        _ => false,
    };
    let Some(seen) = seen else {
        return matches!(whole, Entity::Floor(_)).then(|| {
            let mut nothing = Member::Floor(Arc::default());
            nothing.hide("feedback");
            nothing
        });
    };
    let mut member = member(seen, detail_level);
    let part = match (whole, seen) {
        (Entity::Tag(whole), Entity::Tag(seen)) if whole.effect != seen.effect => Some("effect"),
        // Agents of other teams answer it, too: those who are seen are not the count.
        (Entity::Queue(whole), Entity::Queue(seen)) if whole.teams != seen.teams => Some("staff"),
        (Entity::Source(whole), Entity::Source(seen)) if seen.counters.len() < whole.counters.len() => Some("counters"),
        _ => None,
    };
    let shows_total = detail_level != DetailLevel::Agent || matches!(whole, Entity::Agent(_));
    let total = (total(whole) && !total(seen) && shows_total).then_some("feedback");
    for part in part.into_iter().chain(total) {
        member.hide(part);
    }
    Some(member)
}

/// What one response shows of an agent: who they are, and what they are doing.
fn responder(agent: &Agent) -> AgentDoc {
    AgentDoc {
        name: agent_name(agent),
        team: agent.team.map(|team| team.0),
        status: agent.status.to_string(),
        activity: agent.activity().as_str().to_owned(),
        suspended: agent.suspended.then_some(true),
        ..AgentDoc::default()
    }
}

fn agent(agent: &Agent, detail_level: DetailLevel) -> AgentDoc {
    let none = AgentDetail::default();
    let detail = if detail_level == DetailLevel::Agent { &*agent.detail } else { &none };
    AgentDoc {
        name: agent_name(agent),
        team: agent.team.map(|team| team.0),
        status: agent.status.to_string(),
        contradicting_status: text(agent.contradicting_status.as_deref()),
        activity: agent.activity().as_str().to_owned(),
        reason: text(agent.reason.as_deref()),
        since: agent.since,
        not_permitted: agent.not_permitted,
        suspended: Some(agent.suspended),
        metrics: metrics(&agent.metrics),
        sessions: agent
            .sessions
            .iter()
            .map(|(id, session)| (id.to_string(), self::session(session, detail_level)))
            .collect(),
        feedback: total(agent.feedback.as_deref(), detail_level == DetailLevel::Agent),
        hidden: BTreeMap::new(),
        history: history(detail),
        occupancy: detail.history.as_ref().and_then(|history| occupancy(&history.occupancy())),
        by_queue: detail.by_queue.iter().map(|(queue, bag)| (queue.to_string(), metrics(bag))).collect(),
        other: [other(&detail.unread, detail_level), other(&agent.other, detail_level)].into_iter().flatten().collect(),
    }
}

fn agent_name(agent: &Agent) -> String {
    agent.name.as_deref().map_or_else(|| format!("Agent {}", agent.id), str::to_owned)
}

fn history(detail: &AgentDetail) -> BTreeMap<Timestamp, StatusIntervalDoc> {
    let intervals = detail.history.iter().flat_map(|history| history.intervals());
    let doc = intervals.map(|interval| {
        let doc = StatusIntervalDoc {
            status: interval.status.status.to_string(),
            activity: interval.status.status.activity_if(interval.status.suspended).as_str().to_owned(),
            reason: text(interval.status.reason.as_deref()),
            until: interval.ended,
            suspended: interval.status.suspended,
        };
        (interval.began, doc)
    });
    doc.collect()
}

fn occupancy(occupancy: &Occupancy) -> Option<OccupancyDoc> {
    let milliseconds = |time: SignedDuration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    Some(OccupancyDoc {
        value: occupancy.percent()?,
        handling: milliseconds(occupancy.handling),
        available: milliseconds(occupancy.available),
    })
}

fn session(session: &Session, detail_level: DetailLevel) -> SessionDoc {
    SessionDoc {
        queue: session.queue.map(|queue| queue.0),
        modality: session.modality.to_string(),
        kind: session.kind.as_ref().map(|kind| kind.as_str().to_owned()),
        status: session.status.to_string(),
        first_agent: session.first_agent.filter(|_| detail_level != DetailLevel::Wallboard).map(|agent| agent.0),
        since: session.since,
        customer: text(session.customer.as_deref()).filter(|_| detail_level != DetailLevel::Wallboard),
        recording: session.recording,
        on_hold: session.on_hold,
        hold_since: session.hold_since.filter(|_| session.on_hold == Some(true)),
        other: other(&session.other, detail_level),
    }
}

fn queue(queue: &Queue, detail_level: DetailLevel) -> QueueDoc {
    QueueDoc {
        name: queue_name(queue),
        unlisted: queue.is_unlisted,
        open: queue.open,
        teams: queue.teams.iter().map(|team| team.0).collect(),
        waiting: queue.waiting,
        longest_wait_since: queue.longest_wait_since,
        agents_online: queue.agents_online,
        agents_available: queue.agents_available,
        estimated_wait_seconds: queue.estimated_wait_seconds,
        calls_today: queue.calls_today,
        metrics: metrics(&queue.metrics),
        sessions: queue
            .sessions
            .iter()
            .map(|(id, session)| (id.to_string(), self::session(session, detail_level)))
            .collect(),
        feedback: total(queue.feedback.as_deref(), detail_level != DetailLevel::Wallboard),
        hidden: BTreeMap::new(),
        other: other(&queue.other, detail_level),
    }
}

fn queue_name(queue: &Queue) -> String {
    let name = queue.name.as_deref().or(queue.id.special_name());
    name.map_or_else(|| format!("Queue {}", queue.id), str::to_owned)
}

fn team(team: &Team) -> TeamDoc {
    TeamDoc {
        name: team.name.to_string(),
        groups: team.groups.iter().map(|(id, name)| (id.to_string(), name.to_string())).collect(),
        unit: text(team.unit.as_deref()),
        feedback: total(team.feedback.as_deref(), true),
        hidden: BTreeMap::new(),
    }
}

fn feedback(response: &Response, detail_level: DetailLevel) -> FeedbackDoc {
    let reading = &response.record;
    let desk = detail_level != DetailLevel::Wallboard;
    let answers = reading.answers.iter().enumerate().map(|(position, answer)| {
        let answer = AnswerDoc {
            question: answer.question.to_string(),
            kind: answer.kind.to_string(),
            value: known(&answer.value),
        };
        (position.to_string(), answer)
    });
    let messages = reading.messages.iter().map(|(id, message)| {
        let message = MessageDoc {
            at: message.at,
            kind: text(message.kind.as_deref()),
            from: text(message.from.as_deref()),
            text: message.text.to_string(),
            attachment: message.attachment.as_deref().and_then(link::web_url),
        };
        (id.to_string(), message)
    });
    let actions = response.actions_taken.iter().map(|(id, it)| (id.to_string(), action(it, reading)));
    FeedbackDoc {
        state: reading.thread.to_string(),
        created: reading.created,
        assumed: reading.assumed.map(|assumed| assumed.as_str().to_owned()),
        source: text(reading.source.as_deref()),
        survey: text(reading.survey.as_deref()),
        nps: reading.nps(),
        customer: text(reading.customer.name.as_deref()).filter(|_| desk),
        answers: if desk { answers.collect() } else { BTreeMap::new() },
        messages: if desk { messages.collect() } else { BTreeMap::new() },
        place: reading.place.as_ref().map(|place| place.name.to_string()),
        delegated_to: reading.delegated_to.as_ref().map(|place| place.name.to_string()),
        offered_actions: reading.actions.iter().map(|action| (action.to_string(), true)).collect(),
        alert: Some(reading.alert),
        needs_reply: Some(response.needs_reply),
        actions: if desk { actions.collect() } else { BTreeMap::new() },
        attribution: joined(&response.attribution, desk),
    }
}

/// What concerns a customer is for the desk.
fn joined(joined: &Attribution, desk: bool) -> AttributionDoc {
    let candidates = joined.candidates.iter().map(|(session, it)| {
        let candidate = CandidateDoc {
            evidence: it.evidence.clone(),
            began: it.began,
            agent: it.agent.map(|agent| agent.0),
            queue: it.queue.map(|queue| queue.0),
        };
        (session.to_string(), candidate)
    });
    AttributionDoc {
        rule: joined.rule.as_str().to_owned(),
        confidence: joined.rule.confidence().map(|confidence| confidence.as_str().to_owned()),
        evidence: joined.evidence.clone().filter(|_| desk),
        session: joined.session.map(|session| session.0),
        agent: joined.agent.map(|agent| agent.0),
        queue: joined.queue.map(|queue| queue.0),
        team: joined.team.map(|team| team.0),
        candidates: if desk { candidates.collect() } else { BTreeMap::new() },
        conflict: joined.conflict.clone().filter(|_| desk),
    }
}

fn action(action: &FeedbackAction, reading: &ResponseRecord) -> ActionDoc {
    let text = action.text.as_deref();
    let in_thread =
        text.is_some_and(|text| reading.messages.values().any(|message| message.text.trim() == text.trim()));
    ActionDoc {
        action: action.kind,
        state: action.state,
        reason: self::text(action.reason.as_deref()),
        who: action.who.to_string(),
        text: self::text(text.filter(|_| !in_thread)),
        attempts: action.attempts,
        at: Some(action.created),
        changed: Some(action.changed),
    }
}

fn survey(request: &SurveyRequest, detail_level: DetailLevel) -> SurveyDoc {
    let (survey, result) = (&request.survey, request.result.as_deref());
    // What concerns a customer is for the desk.
    let desk = detail_level != DetailLevel::Wallboard;
    let told = |from: fn(&SurveyResult) -> Option<&Arc<str>>| text(result.and_then(from).map(|text| &**text));
    SurveyDoc {
        interaction: survey.interaction.to_string(),
        origin: survey.origin.as_str().to_owned(),
        recovers: request.recovers.as_ref().map(ToString::to_string),
        session: survey.session.map(|session| session.0),
        conversation: text(survey.conversation.as_deref()),
        agent: request.agent.map(|agent| agent.0),
        employee: survey.employee.to_string(),
        customer: text(survey.customer.as_deref()).filter(|_| desk),
        channel: survey.channel.to_string(),
        tags: survey.tags.iter().map(ToString::to_string).collect(),
        link: survey.link.as_deref().filter(|_| desk).and_then(link::web_url),
        state: survey.state,
        reason: text(survey.reason.as_deref()),
        note: text(survey.note.as_deref()),
        candidate: request.candidate.map(|(session, why)| format!("Names session {session}, not joined: {why}.")),
        may_retry: survey.may_retry,
        may_recover: request.may_recover,
        body: survey.body.as_ref().filter(|_| desk).map(ToString::to_string),
        delivery: told(|result| result.delivery.as_ref()),
        answered: result.and_then(|result| result.answered),
        assumed: result.filter(|result| result.zone_assumed).map(|_| AssumedDate::TimeZone.as_str().to_owned()),
        stars: result.and_then(|result| result.stars),
        nps: result.and_then(|result| result.nps),
        resolved: told(|result| result.resolved.as_ref()),
        comment: result.filter(|_| desk).and_then(comment),
        evidence: request.evidence.map(|evidence| evidence.as_str().to_owned()),
        request_id: text(survey.request_id.as_deref().or(result.map(|result| &*result.uuid))),
        attempts: survey.attempts,
        created: request.created(),
        changed: request.changed(),
    }
}

/// Everything that the customer wrote, one question after the other.
fn comment(result: &SurveyResult) -> Option<String> {
    let all: Vec<&str> = result.comments.iter().map(|(_, text)| &**text).collect();
    (!all.is_empty()).then(|| all.join("\n"))
}

fn source(health: &Health) -> SourceDoc {
    SourceDoc {
        state: health.state.to_string(),
        since: Some(health.since),
        reason: text(health.reason.as_deref()),
        last_data: health.last_data,
        next_try: health.next_try,
        transport: text(health.transport.as_deref()),
        not_permitted: health.not_permitted.iter().map(|(id, name)| (id.to_string(), name.to_string())).collect(),
        clock_offset_seconds: health.clock_offset,
        counters: health.counters.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
        hidden: BTreeMap::new(),
    }
}

/// With its month where there is room for it: a floor has thousands of agents.
fn total(total: Option<&FeedbackTotals>, with_month: bool) -> Option<FeedbackTotalDoc> {
    total.map(|total| if with_month { FeedbackTotalDoc::whole(total) } else { FeedbackTotalDoc::of(total) })
}

fn metrics(metrics: &Metrics) -> MetricsDoc {
    let bag = |bag: &BTreeMap<_, _>| {
        bag.iter().map(|(name, value): (&Metric, _)| (name.to_string(), Clone::clone(value))).collect()
    };
    metrics.iter().map(|(modality, values)| (modality.to_string(), bag(values))).collect()
}

/// A field without text stays off wallboards.
fn other(other: &Unclassified, detail_level: DetailLevel) -> BTreeMap<String, Value> {
    if detail_level == DetailLevel::Wallboard {
        return BTreeMap::new();
    }
    let known = other.iter().map(|(name, value)| (name.to_string(), known(value)));
    known.filter(|(_, value)| !value.is_null()).collect()
}

/// A value as it came, without what is null.
fn known(value: &Value) -> Value {
    let mut value = value.clone();
    strip_nulls(&mut value);
    value
}

fn text(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::merge_patch::to_json;
    use super::*;
    use crate::domain::metric::QueueMetricsUpdate;
    use crate::domain::{
        AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Fact, MetricValue, Modality, Ordinal, PastStatus, QueueId,
    };
    use crate::gold::MatchRules;
    use crate::gold::entity::Floor;
    use crate::gold::records::Records;
    use crate::gold::rollup::{BacklogByAge, PeriodTotals};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn member(entity: &Entity, detail_level: DetailLevel) -> Value {
        to_json(&super::member(entity, detail_level))
    }

    fn shown(whole: &Entity, seen: Option<&Entity>, detail_level: DetailLevel) -> Option<Value> {
        visible_member(whole, seen, detail_level).as_ref().map(to_json)
    }

    /// An agent with every field.
    fn told() -> Entity {
        let past = |status, reason: Option<&str>| PastStatus {
            status,
            reason: reason.map(Arc::from),
            until: None,
            suspended: false,
        };
        let mut agent = AgentUpdate::new(AgentId(41));
        let (status, since) = (AgentStatus::InCall, Some(at("2026-11-21T08:30:00Z")));
        agent.status = Some(AgentStatusUpdate { since: since.into(), ..AgentStatusUpdate::new(status) });
        agent.history = Some(BTreeMap::from([
            (at("2026-11-21T08:00:00Z"), past(AgentStatus::Unavailable, Some("On Break"))),
            (at("2026-11-21T08:10:00Z"), past(AgentStatus::Available, None)),
        ]));
        let bag = BTreeMap::from([(Metric::Answered, MetricValue::Count(5))]);
        agent.by_queue = Some(Box::new(QueueMetricsUpdate {
            all: Some(BTreeMap::from([(QueueId(11), BTreeMap::from([(Modality::Audio, bag)]))])),
            ..QueueMetricsUpdate::default()
        }));
        let mut records = Records::new(MatchRules::default(), at("2026-11-21T00:00:00Z"));
        records.apply(Fact::AgentSnapshots { asked: Ordinal(1), agents: vec![agent] }, at("2026-11-21T09:00:00Z"));
        let key = Key::Agent(AgentId(41));
        records.all().remove(&key).expect("the agent")
    }

    #[test]
    fn hidden_total_is_reported_as_hidden() {
        let total = Arc::new(FeedbackTotals {
            open: BacklogByAge::default(),
            overdue: 0,
            day: PeriodTotals::default(),
            month: PeriodTotals::default(),
            coverage: None,
            about: Arc::default(),
        });
        let floor = Entity::Floor(Floor { feedback: Arc::clone(&total) });
        assert_eq!(shown(&floor, None, DetailLevel::Supervisor), Some(json!({ "hidden": { "feedback": true } })));
        assert_eq!(shown(&floor, Some(&floor), DetailLevel::Supervisor).expect("shown").get("hidden"), None);
        let (Entity::Agent(agent), Entity::Agent(without)) = (told(), told()) else { panic!("agents") };
        let whole = Entity::Agent(Agent { feedback: Some(Arc::clone(&total)), ..agent });
        let without = Entity::Agent(without);
        for (seen, hidden) in [(Some(&whole), Value::Null), (Some(&without), json!({ "feedback": true }))] {
            let shown = shown(&whole, seen, DetailLevel::Supervisor).expect("shown");
            assert_eq!(shown.get("hidden").cloned().unwrap_or_default(), hidden);
        }
        assert_eq!(
            shown(&without, Some(&without), DetailLevel::Supervisor).expect("shown").get("hidden"),
            None,
            "nothing is there"
        );
        assert_eq!(shown(&whole, None, DetailLevel::Supervisor), None, "who is not seen is not there");
        let team = |feedback| {
            let (groups, unit) = (BTreeMap::new(), None);
            Entity::Team(Team { id: crate::domain::TeamId(3), name: "North".into(), groups, unit, feedback })
        };
        let (whole, without) = (team(Some(Arc::clone(&total))), team(None));
        assert_eq!(
            shown(&whole, Some(&without), DetailLevel::Supervisor).expect("shown")["hidden"],
            json!({ "feedback": true })
        );
        let near = shown(&whole, Some(&without), DetailLevel::Agent).expect("shown");
        assert_eq!(near, json!({ "name": "North" }), "nothing of it would be shown there");
        let tag = |effect| {
            Entity::Tag(crate::gold::entity::Tag { name: "late".into(), feedback: Arc::clone(&total), effect })
        };
        let effect = crate::gold::rollup::TagEffect { with: Default::default(), without: Default::default() };
        let seen = shown(&tag(Some(effect)), Some(&tag(None)), DetailLevel::Supervisor).expect("shown");
        assert_eq!(seen["hidden"], json!({ "effect": true }));
    }

    #[test]
    fn agent_history_is_only_in_the_agent_detail_level() {
        let near = member(&told(), DetailLevel::Agent);
        assert_eq!(
            near["history"],
            json!({
                "2026-11-21T08:00:00Z":
                    {"status": "unavailable", "activity": "away", "reason": "On Break",
                        "until": "2026-11-21T08:10:00Z"},
                "2026-11-21T08:10:00Z": {"status": "available", "activity": "available",
                "until": "2026-11-21T08:30:00Z"},
                "2026-11-21T08:30:00Z": {"status": "inCall", "activity": "inContact"},
            })
        );
        assert_eq!(near["occupancy"], json!({"value": 0.0, "handling": 0, "available": 1_200_000}));
        assert_eq!(near["byQueue"], json!({"11": {"audio": {"answeredCount": 5}}}));
        for detail_level in [DetailLevel::Supervisor, DetailLevel::Wallboard] {
            let far = member(&told(), detail_level);
            for name in ["history", "occupancy", "byQueue"] {
                assert_eq!(far.get(name), None, "{name} of {detail_level:?}");
            }
        }
    }
}
