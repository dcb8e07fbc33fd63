//! An entity as its member of the document.

use std::collections::BTreeMap;

use serde_json::Value;

use super::patch::strip_nulls;
use super::scope::Fields;
use super::shape::{
    AgentDoc, AnswerDoc, DeedDoc, FeedbackDoc, FeedbackTotalDoc, JoinDoc, MessageDoc, MetricsDoc, NpsDoc, QueueDoc,
    SessionDoc, SourceDoc, SurveyDoc, TeamDoc,
};
use crate::domain::{FeedbackDeed, Health, Metrics, ResponseReading, Unclassified};
use crate::gold::entity::{Agent, Queue, Response, Session, SurveyRequest, Team};
use crate::gold::rollup::FeedbackTotal;
use crate::gold::{Entity, Key};

/// The sections of a document, in the order in which they are written. All are always there, empty or not.
pub const SECTIONS: [&str; 8] = ["agents", "queues", "teams", "feedback", "surveys", "alerts", "labels", "sources"];

/// Where an entity stands in the document: its section, and its name in it.
#[must_use]
pub fn path(key: &Key) -> (&'static str, String) {
    match key {
        Key::Agent(id) => ("agents", id.to_string()),
        Key::Queue(id) => ("queues", id.to_string()),
        Key::Team(id) => ("teams", id.to_string()),
        Key::Response(id) => ("feedback", id.to_string()),
        Key::Survey(id) => ("surveys", id.to_string()),
        Key::Label(name) => ("labels", name.to_string()),
        Key::Source(name) => ("sources", name.to_string()),
    }
}

/// An entity as JSON, with the fields that a scope shows. It never holds a null.
#[must_use]
pub fn member(entity: &Entity, fields: Fields) -> Value {
    let value = match entity {
        Entity::Agent(it) => serde_json::to_value(agent(it, fields)),
        Entity::Queue(it) => serde_json::to_value(queue(it, fields)),
        Entity::Team(it) => serde_json::to_value(team(it)),
        Entity::Response(it) => serde_json::to_value(feedback(it, fields)),
        Entity::Survey(it) => serde_json::to_value(survey(it, fields)),
        Entity::Label(it) => serde_json::to_value(&**it),
        Entity::Source(it) => serde_json::to_value(source(it)),
    };
    // Maps with text keys and plain values always have a JSON form.
    let mut value = value.unwrap_or_default();
    strip_nulls(&mut value);
    value
}

fn agent(agent: &Agent, fields: Fields) -> AgentDoc {
    AgentDoc {
        name: agent.name.as_deref().map_or_else(|| format!("Agent {}", agent.id), str::to_owned),
        team: agent.team.map(|team| team.0),
        status: agent.status.to_string(),
        activity: agent.status.activity().as_str().to_owned(),
        reason: text(agent.reason.as_deref()),
        since: agent.since,
        suspended: agent.suspended,
        metrics: metrics(&agent.metrics),
        sessions: agent.sessions.iter().map(|(id, session)| (id.to_string(), self::session(session, fields))).collect(),
        feedback: agent.feedback.as_ref().map(total),
        other: other(&agent.other, fields),
    }
}

fn session(session: &Session, fields: Fields) -> SessionDoc {
    SessionDoc {
        queue: session.queue.map(|queue| queue.0),
        modality: session.modality.to_string(),
        kind: session.kind.as_ref().map(|kind| kind.as_str().to_owned()),
        status: session.status.to_string(),
        since: session.since,
        customer: text(session.customer.as_deref()).filter(|_| fields == Fields::Desk),
        recording: session.recording,
        other: other(&session.other, fields),
    }
}

fn queue(queue: &Queue, fields: Fields) -> QueueDoc {
    let name = queue.name.as_deref().or(queue.id.special_name());
    QueueDoc {
        name: name.map_or_else(|| format!("Queue {}", queue.id), str::to_owned),
        open: queue.open,
        teams: queue.teams.iter().map(|team| team.0).collect(),
        waiting: queue.waiting,
        longest_wait_since: queue.longest_wait_since,
        agents_online: queue.agents_online,
        agents_available: queue.agents_available,
        estimated_wait_seconds: queue.estimated_wait_seconds,
        calls_today: queue.calls_today,
        metrics: metrics(&queue.metrics),
        sessions: queue.sessions.iter().map(|(id, session)| (id.to_string(), self::session(session, fields))).collect(),
        feedback: queue.feedback.as_ref().map(total),
        other: other(&queue.other, fields),
    }
}

fn team(team: &Team) -> TeamDoc {
    TeamDoc {
        name: team.name.to_string(),
        groups: team.groups.iter().map(|(id, name)| (id.to_string(), name.to_string())).collect(),
        unit: text(team.unit.as_deref()),
        feedback: team.feedback.as_ref().map(total),
    }
}

fn feedback(response: &Response, fields: Fields) -> FeedbackDoc {
    let reading = &response.reading;
    let desk = fields == Fields::Desk;
    let answers = reading.answers.iter().enumerate().map(|(position, answer)| {
        let answer = AnswerDoc {
            question: answer.question.to_string(),
            kind: answer.kind.to_string(),
            value: answer.value.clone(),
        };
        (position.to_string(), answer)
    });
    let messages = reading.messages.iter().map(|(id, message)| {
        let message = MessageDoc {
            at: message.at,
            kind: text(message.kind.as_deref()),
            from: text(message.from.as_deref()),
            text: message.text.to_string(),
            attachment: text(message.attachment.as_deref().filter(|link| is_web_link(link))),
        };
        (id.to_string(), message)
    });
    let deeds = response.deeds.iter().map(|(id, it)| (id.to_string(), deed(it, reading)));
    FeedbackDoc {
        state: reading.thread.to_string(),
        created: reading.created,
        source: text(reading.source.as_deref()),
        survey: text(reading.survey.as_deref()),
        nps: reading.nps(),
        customer: text(reading.customer.name.as_deref()).filter(|_| desk),
        answers: if desk { answers.collect() } else { BTreeMap::new() },
        messages: if desk { messages.collect() } else { BTreeMap::new() },
        place: reading.place.as_ref().map(|place| place.name.to_string()),
        delegated_to: reading.delegated_to.as_ref().map(|place| place.name.to_string()),
        actions: reading.actions.iter().map(|action| (action.to_string(), true)).collect(),
        alert: reading.alert,
        waits: response.waits,
        deeds: if desk { deeds.collect() } else { BTreeMap::new() },
        joined: JoinDoc {
            rule: response.joined.rule.as_str().to_owned(),
            confidence: matches!(response.joined.rule.as_str(), "extra.session" | "place")
                .then(|| "certain".to_owned()),
            evidence: response.joined.evidence.clone().filter(|_| desk),
            session: response.joined.session.map(|session| session.0),
            agent: response.joined.agent.map(|agent| agent.0),
            queue: response.joined.queue.map(|queue| queue.0),
            team: response.joined.team.map(|team| team.0),
        },
    }
}

fn deed(deed: &FeedbackDeed, reading: &ResponseReading) -> DeedDoc {
    let text = deed.text.as_deref();
    let in_thread =
        text.is_some_and(|text| reading.messages.values().any(|message| message.text.trim() == text.trim()));
    DeedDoc {
        action: deed.kind.as_str().to_owned(),
        state: deed.state.to_string(),
        reason: self::text(deed.reason.as_deref()),
        who: deed.who.to_string(),
        text: self::text(text.filter(|_| !in_thread)),
        attempts: deed.attempts,
        at: Some(deed.created),
        changed: Some(deed.changed),
    }
}

fn survey(request: &SurveyRequest, fields: Fields) -> SurveyDoc {
    let survey = &request.survey;
    SurveyDoc {
        interaction: survey.interaction.to_string(),
        session: survey.session.map(|session| session.0),
        agent: survey.agent.map(|agent| agent.0),
        employee: survey.employee.to_string(),
        customer: text(survey.customer.as_deref()).filter(|_| fields == Fields::Desk),
        channel: survey.channel.to_string(),
        state: survey.state.to_string(),
        reason: text(survey.reason.as_deref()),
        request_id: text(survey.request_id.as_deref()),
        attempts: survey.attempts,
        created: Some(survey.created),
        changed: Some(survey.changed),
    }
}

fn source(health: &Health) -> SourceDoc {
    SourceDoc {
        state: health.state.to_string(),
        since: Some(health.since),
        reason: text(health.reason.as_deref()),
        last_data: health.last_data,
        transport: text(health.transport.as_deref()),
        counters: health.counters.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
    }
}

fn total(total: &FeedbackTotal) -> FeedbackTotalDoc {
    FeedbackTotalDoc {
        responses: total.responses,
        open: total.open,
        nps: total.nps().map(|value| NpsDoc {
            value,
            promoters: total.promoters,
            detractors: total.detractors,
            n: total.scored,
        }),
        since: Some(total.since),
    }
}

fn metrics(metrics: &Metrics) -> MetricsDoc {
    let bag = |bag: &BTreeMap<_, _>| {
        bag.iter().map(|(name, value): (&std::sync::Arc<str>, _)| (name.to_string(), Clone::clone(value))).collect()
    };
    metrics.iter().map(|(modality, values)| (modality.to_string(), bag(values))).collect()
}

/// Nobody knows what stands in a field without a word: it stays off the wall.
fn other(other: &Unclassified, fields: Fields) -> BTreeMap<String, Value> {
    if fields == Fields::Wall {
        return BTreeMap::new();
    }
    other.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
}

fn text(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn is_web_link(link: &str) -> bool {
    url::Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}
