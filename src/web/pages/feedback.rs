//! `/feedback` and `/feedback/{response}`: what customers say, and what it hangs on.

use askama::Template;
use jiff::Timestamp;

use super::frame::Frame;
use super::{Sheet, Timer, format, segment, step, words};
use crate::live::shape::{FeedbackDoc, JoinDoc};

/// Renders the list: what still waits for an answer first, then the newest.
pub fn feedback(sheet: &Sheet) -> Result<String, askama::Error> {
    let mut items: Vec<_> = sheet.state.feedback.iter().collect();
    items.sort_by(|(a_id, a), (b_id, b)| (rank(&a.state), b.created, a_id).cmp(&(rank(&b.state), a.created, b_id)));
    List {
        frame: Frame::new(sheet, "/feedback", "Feedback"),
        items: items.into_iter().map(|(id, item)| Item::new(sheet, id, item)).collect(),
        blank: Item { id: "{id}".to_owned(), step: "{id}".to_owned(), segment: "{id}".to_owned(), ..Item::default() },
    }
    .render()
}

/// Renders one response with its thread; `None` if there is none of that id in the viewer's scope.
pub fn feedback_item(sheet: &Sheet, response_id: &str) -> Result<Option<String>, askama::Error> {
    let Some(doc) = sheet.state.feedback.get(response_id) else { return Ok(None) };
    let item = Item::new(sheet, response_id, doc);
    let customer = doc.customer.clone().unwrap_or_else(|| "a customer".to_owned());
    let mut messages: Vec<_> = doc.messages.iter().collect();
    messages.sort_by_key(|(id, message)| (message.at.unwrap_or(Timestamp::MAX), (*id).clone()));
    let mut answers: Vec<_> = doc.answers.iter().collect();
    answers.sort_by_key(|(position, _)| position.parse::<u64>().unwrap_or(u64::MAX));
    One {
        frame: Frame::new(sheet, "/feedback", format!("Feedback of {customer}")),
        messages: messages
            .into_iter()
            .map(|(_, message)| Text {
                from: message.from.clone().unwrap_or_else(|| customer.clone()),
                kind: message.kind.as_deref().map(format::label).unwrap_or_default(),
                at: message.at,
                clock: message.at.map(|at| at.to_zoned(sheet.time_zone.clone()).strftime("%e %b %H:%M").to_string()),
                text: message.text.clone(),
                attachment: message.attachment.clone().filter(|link| is_web(link)),
            })
            .collect(),
        answers: answers
            .into_iter()
            .map(|(_, answer)| (answer.question.clone(), format::plain(&answer.value)))
            .collect(),
        offered: doc.actions.keys().map(|name| format::label(name).to_lowercase()).collect::<Vec<_>>().join(", "),
        facts: facts(sheet, doc),
        item,
    }
    .render()
    .map(Some)
}

#[derive(Template)]
#[template(path = "pages/feedback.html")]
struct List<'a> {
    frame: Frame<'a>,
    items: Vec<Item>,
    blank: Item,
}

#[derive(Template)]
#[template(path = "pages/feedback_item.html")]
struct One<'a> {
    frame: Frame<'a>,
    item: Item,
    messages: Vec<Text>,
    answers: Vec<(String, String)>,
    /// What Goodays offers, by name.
    offered: String,
    facts: Vec<(&'static str, String)>,
}

/// A response in short.
#[derive(Default)]
struct Item {
    id: String,
    step: String,
    segment: String,
    state: String,
    state_word: String,
    score: String,
    score_word: String,
    excerpt: String,
    customer: String,
    place: String,
    responder: String,
    activity: String,
    age: Timer,
    joined: String,
    is_joined: bool,
}

struct Text {
    from: String,
    kind: String,
    at: Option<Timestamp>,
    clock: Option<String>,
    text: String,
    attachment: Option<String>,
}

impl Item {
    fn new(sheet: &Sheet, id: &str, doc: &FeedbackDoc) -> Self {
        Self {
            id: id.to_owned(),
            step: step(id),
            segment: segment(id),
            state: doc.state.clone(),
            state_word: words::thread(&doc.state).to_owned(),
            score: doc.nps.map_or_else(|| format::NONE.to_owned(), |score| score.to_string()),
            score_word: doc.nps.map_or("no score", words::promoter).to_owned(),
            excerpt: excerpt(doc).unwrap_or_else(|| "No words, only answers.".to_owned()),
            customer: doc.customer.clone().unwrap_or_default(),
            place: doc.place.clone().unwrap_or_default(),
            responder: responder(sheet, doc.joined.agent),
            activity: responder_activity(sheet, doc.joined.agent),
            age: sheet.age(doc.created),
            joined: joined(&doc.joined),
            is_joined: doc.joined.confidence.is_some(),
        }
    }
}

/// An agent by name, with what they are doing now.
pub(super) fn responder(sheet: &Sheet, agent: Option<i64>) -> String {
    let Some(id) = agent else { return String::new() };
    let now = sheet.state.agents.get(&id.to_string());
    let now = now.map_or_else(String::new, |agent| format!(", {} now", words::status(&agent.status).to_lowercase()));
    format!("{}{now}", sheet.agent_name(id))
}

/// What that agent is doing now, in short; empty where nobody knows.
pub(super) fn responder_activity(sheet: &Sheet, agent: Option<i64>) -> String {
    let agent = agent.and_then(|id| sheet.state.agents.get(&id.to_string()));
    agent.map(|agent| agent.activity.clone()).unwrap_or_default()
}

/// The first 140 letters of what the customer wrote first.
fn excerpt(doc: &FeedbackDoc) -> Option<String> {
    let mut texts: Vec<_> = doc.messages.values().filter(|message| !message.text.is_empty()).collect();
    texts.sort_by_key(|message| message.at.map_or(0, Timestamp::as_millisecond));
    let text = &texts.first()?.text;
    Some(match text.char_indices().nth(140) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.clone(),
    })
}

/// By which rule it was linked, with the evidence.
fn joined(join: &JoinDoc) -> String {
    let evidence = join.evidence.as_deref().filter(|evidence| !evidence.is_empty());
    let evidence = evidence.map_or_else(String::new, |evidence| format!(": {evidence}"));
    format!("{}{evidence}", words::rule(&join.rule))
}

fn facts(sheet: &Sheet, doc: &FeedbackDoc) -> Vec<(&'static str, String)> {
    let join = &doc.joined;
    let all = [
        ("Survey", doc.survey.clone()),
        ("Came by", doc.source.clone().map(|source| format::label(&source))),
        ("Place", doc.place.clone()),
        ("Handed to", doc.delegated_to.clone()),
        ("Queue", join.queue.map(|queue| sheet.queue_name(queue))),
        ("Team", join.team.map(|team| sheet.team_name(Some(team)))),
        ("Session", join.session.map(|session| session.to_string())),
        ("Alert", doc.alert.then(|| "Goodays raised an alert for it".to_owned())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A page links to the web and to nothing else, whatever the document says.
fn is_web(link: &str) -> bool {
    url::Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn rank(state: &str) -> u8 {
    match state {
        "open" => 0,
        "pending" => 1,
        "closed" => 3,
        _ => 2,
    }
}
