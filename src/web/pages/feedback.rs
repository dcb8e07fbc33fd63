//! `/feedback` and `/feedback/{response}`: what customers say, and the calls that it is linked to.

use std::borrow::Cow;
use std::collections::BTreeMap;

use askama::Template;
use jiff::Timestamp;

use super::answering::{self, FeedbackAction, Form};
use super::contact::{responder, responder_activity};
use super::frame::Frame;
use super::pager::Pager;
use super::pinning::Pinning;
use super::stat::Measure;
use super::{PageState, Timer, format, segment, stat, step, words};
use crate::live::document::{AnswerDoc, AttributionDoc, FeedbackDoc, MessageDoc};

/// Renders the list: responses that need a reply first, then the newest.
pub fn feedback(page: &PageState) -> Result<String, askama::Error> {
    let (items, blank) = Item::all(page);
    let floor = page.state.totals.get("floor");
    let all = floor.and_then(|floor| floor.feedback.as_ref());
    let hidden = floor.map(|floor| floor.hidden.clone()).unwrap_or_default();
    List {
        frame: Frame::new(page, "/feedback", words::label("feedback")),
        window: stat::window(page, all),
        tiles: stat::stats(page, "totals/floor/feedback", all, &hidden, &TILES),
        ages: stat::stats(page, "totals/floor/feedback", all, &hidden, &AGES),
        tables: tables(page),
        pager: Pager::new(page, "feedback", "lists/feedback", "/feedback"),
        items,
        blank,
    }
    .render()
}

/// The tiles: values of thirty days, except for the present backlog.
const TILES: [Measure; 7] = [
    Measure::Open,
    Measure::Responses,
    Measure::Nps,
    Measure::Csat,
    Measure::FirstReply,
    Measure::Processed,
    Measure::OnTime,
];

/// Responses that need a reply, by age.
const AGES: [Measure; 5] = [
    Measure::OpenUnder4Hours,
    Measure::OpenUnder24Hours,
    Measure::OpenUnder3Days,
    Measure::OpenLonger,
    Measure::Overdue,
];

const COLUMNS: [Measure; 6] =
    [Measure::Open, Measure::Responses, Measure::Nps, Measure::Stars, Measure::Csat, Measure::FirstReply];

const OF_TAGS: [Measure; 5] = [Measure::Responses, Measure::Nps, Measure::Stars, Measure::Csat, Measure::TagEffect];

fn tables(page: &PageState) -> [stat::Table; 4] {
    let state = &page.state;
    let teams = state.teams.iter().map(|(id, it)| (id, &it.name, &it.hidden, it.feedback.as_ref(), None));
    let queues = state.queues.iter().map(|(id, it)| (id, &it.name, &it.hidden, it.feedback.as_ref(), None));
    let places = state.places.iter().map(|(id, it)| (id, &it.name, &it.hidden, Some(&it.feedback), None));
    let tags = state.tags.iter().map(|(id, it)| (id, &it.name, &it.hidden, Some(&it.feedback), it.effect.as_ref()));
    [
        stat::Table::new("teams", words::label("byTeam"), &COLUMNS, page, teams),
        stat::Table::new("queues", words::label("byQueue"), &COLUMNS, page, queues),
        stat::Table::new("places", words::label("byPlace"), &COLUMNS, page, places),
        stat::Table::new("tags", words::label("byTag"), &OF_TAGS, page, tags),
    ]
}

/// Renders one response with its thread; `None` if there is none of that id in the viewer's scope.
pub fn feedback_item(page: &PageState, response_id: &str) -> Result<Option<String>, askama::Error> {
    feedback_item_of(page, response_id, |_| false)
}

/// The same for sites where some sources require a kind of remark with each reply (`sources`).
pub fn feedback_item_of(
    page: &PageState,
    response_id: &str,
    needs_kind: impl Fn(&str) -> bool,
) -> Result<Option<String>, askama::Error> {
    let Some(doc) = page.state.feedback.get(response_id) else { return Ok(None) };
    let customer = doc.customer.as_deref().unwrap_or(words::text("aCustomer"));
    let path = format!("feedback/{}", step(response_id));
    let mut messages: Vec<_> = doc.messages.iter().collect();
    messages.sort_by_key(|(id, message)| (message.at.unwrap_or(Timestamp::MAX), (*id).clone()));
    let mut actions: Vec<_> = doc.actions.iter().collect();
    actions.sort_by_key(|(id, action)| (action.at.unwrap_or(Timestamp::MAX), (*id).clone()));
    let mut answers: Vec<_> = doc.answers.iter().collect();
    answers.sort_by_key(|(position, _)| position.parse::<u64>().unwrap_or(u64::MAX));
    One {
        frame: Frame::new(page, "/feedback", words::fill(words::text("feedbackOf"), &[("customer", &customer)])),
        messages: messages.into_iter().map(|(id, message)| Text::new(page, &path, id, message, customer)).collect(),
        answers: answers.into_iter().map(|(id, answer)| Answer::new(&path, id, answer)).collect(),
        offered: offered(&doc.offered_actions),
        needs_kind: doc.source.as_deref().is_some_and(needs_kind),
        forms: Form::all(page, &path, response_id, doc),
        actions: actions
            .into_iter()
            .map(|(id, action)| FeedbackAction::new(page, &path, response_id, (id, action), doc.customer.as_deref()))
            .collect(),
        blank_action: FeedbackAction::blank(&path, response_id),
        facts: facts(page, doc),
        pinning: Pinning::new(page, &path, response_id, &doc.attribution),
        item: Item::new(page, response_id, doc),
        blank_message: Text { id: "{id}".to_owned(), path: format!("{path}/messages/{{id}}"), ..Text::default() },
        blank_answer: Answer { id: "{id}".to_owned(), path: format!("{path}/answers/{{id}}"), ..Answer::default() },
    }
    .render()
    .map(Some)
}

#[derive(Template)]
#[template(path = "pages/feedback.html")]
struct List<'a> {
    frame: Frame<'a>,
    /// Since when the stats count.
    window: String,
    tiles: Vec<stat::Named>,
    ages: Vec<stat::Named>,
    tables: [stat::Table; 4],
    pager: Pager,
    items: Vec<Item>,
    blank: Item,
}

#[derive(Template)]
#[template(path = "pages/feedback_item.html")]
struct One<'a> {
    frame: Frame<'a>,
    item: Item,
    messages: Vec<Text>,
    answers: Vec<Answer>,
    /// What Goodays offers, in a sentence.
    offered: String,
    /// Whether an answer must say which kind of remark the customer made.
    needs_kind: bool,
    /// All action forms; those that are not offered now are hidden, and a script shows them when they are.
    forms: [Form; 6],
    actions: Vec<FeedbackAction>,
    facts: [Fact; 8],
    /// Confidence of the attribution, and the form to link the response by hand.
    pinning: Pinning,
    /// The rows that scripts clone.
    blank_message: Text,
    blank_answer: Answer,
    blank_action: FeedbackAction,
}

/// A response in short.
#[derive(Default)]
pub(super) struct Item {
    pub id: String,
    pub step: String,
    pub segment: String,
    pub state: String,
    pub state_word: String,
    pub wrote_again: String,
    pub score: String,
    pub score_word: String,
    pub excerpt: String,
    pub customer: String,
    pub place: String,
    pub responder: String,
    pub activity: String,
    /// The id of the responder's page; empty without one.
    pub agent: String,
    pub age: Timer,
    pub assumed: String,
    pub joined: String,
    pub is_joined: bool,
}

/// One message of the thread, formatted.
#[derive(Default)]
struct Text {
    id: String,
    path: String,
    from: String,
    kind: String,
    at: Option<Timestamp>,
    moment: String,
    text: String,
    attachment: Option<String>,
}

impl Text {
    fn new(page: &PageState, response: &str, id: &str, message: &MessageDoc, customer: &str) -> Self {
        Self {
            id: id.to_owned(),
            path: format!("{response}/messages/{}", step(id)),
            from: message.from.as_deref().unwrap_or(customer).to_owned(),
            kind: message.kind.as_deref().map(format::label).unwrap_or_default(),
            at: message.at,
            moment: message.at.map(|at| page.moment(at)).unwrap_or_default(),
            text: message.text.clone(),
            attachment: message.attachment.clone(),
        }
    }
}

/// One answer, formatted.
#[derive(Default)]
struct Answer {
    id: String,
    path: String,
    question: String,
    value: String,
}

impl Answer {
    fn new(response: &str, id: &str, answer: &AnswerDoc) -> Self {
        Self {
            id: id.to_owned(),
            path: format!("{response}/answers/{}", step(id)),
            question: answer.question.clone(),
            value: format::plain(&answer.value),
        }
    }
}

/// One detail of a response. The stylesheet hides details without a value.
struct Fact {
    name: &'static str,
    /// The path inside the response.
    path: &'static str,
    /// The name of its format (`data-as`).
    kind: &'static str,
    value: String,
}

impl Item {
    /// All of a document in the order of the list, and the row that scripts clone.
    pub(super) fn all(page: &PageState) -> (Vec<Self>, Self) {
        let mut items: Vec<_> = page.state.feedback.iter().collect();
        items.sort_by(|(a_id, a), (b_id, b)| (rank(a), b.created, a_id).cmp(&(rank(b), a.created, b_id)));
        let blank =
            Self { id: "{id}".to_owned(), step: "{id}".to_owned(), segment: "{id}".to_owned(), ..Self::default() };
        (items.into_iter().map(|(id, item)| Self::new(page, id, item)).collect(), blank)
    }

    fn new(page: &PageState, id: &str, doc: &FeedbackDoc) -> Self {
        Self {
            id: id.to_owned(),
            step: step(id),
            segment: segment(id),
            state: doc.state.clone(),
            state_word: words::thread(&doc.state).to_owned(),
            wrote_again: answering::wrote_again(doc).to_owned(),
            score: doc.nps.map_or_else(|| format::NONE.to_owned(), |score| score.to_string()),
            score_word: doc.nps.map_or(words::text("noScore"), words::promoter).to_owned(),
            excerpt: excerpt(doc).unwrap_or_else(|| words::text("noComment").to_owned()),
            customer: doc.customer.clone().unwrap_or_default(),
            place: doc.place.clone().unwrap_or_default(),
            responder: responder(page, doc.attribution.agent),
            activity: responder_activity(page, doc.attribution.agent),
            agent: doc.attribution.agent.map(|agent| agent.to_string()).unwrap_or_default(),
            age: page.age(doc.created),
            assumed: doc.assumed.as_deref().map(words::assumed).unwrap_or_default().to_owned(),
            joined: joined(&doc.attribution),
            is_joined: doc.attribution.confidence.is_some(),
        }
    }
}

/// The first 140 letters of a thread's newest message, cut at a word; preceded by the author unless that is the
/// customer.
fn excerpt(doc: &FeedbackDoc) -> Option<String> {
    let texts = doc.messages.values().filter(|message| !message.text.is_empty());
    let newest = texts.max_by_key(|message| message.at.map_or(0, Timestamp::as_millisecond))?;
    let text = newest
        .from
        .as_ref()
        .filter(|from| !from.is_empty())
        .map_or_else(|| newest.text.clone(), |from| format!("{}: {}", short(from), newest.text));
    Some(match text.char_indices().nth(140) {
        Some((end, _)) => {
            let cut = &text[..end];
            format!("{}…", cut.rsplit_once(char::is_whitespace).map_or(cut, |(whole, _)| whole).trim_end())
        }
        None => text,
    })
}

/// A name, shortened to leave room for the message.
fn short(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &name[..end]).into(),
        None => name.into(),
    }
}

/// By which rule it was linked, with the evidence.
fn joined(join: &AttributionDoc) -> String {
    let evidence = join.evidence.as_deref().filter(|evidence| !evidence.is_empty());
    let evidence = evidence.map_or_else(String::new, |evidence| format!(": {evidence}"));
    format!("{}{evidence}", words::rule(&join.rule))
}

/// The available actions, exactly as Goodays reports them.
fn offered(actions: &BTreeMap<String, bool>) -> String {
    let names: Vec<_> = actions.keys().map(|name| format::label(name).to_lowercase()).collect();
    if names.is_empty() {
        return words::text("noActions").to_owned();
    }
    words::fill(words::text("offeredActions"), &[("actions", &names.join(", "))])
}

fn facts(page: &PageState, doc: &FeedbackDoc) -> [Fact; 8] {
    let join = &doc.attribution;
    let fact = |name, path, kind, value: Option<String>| Fact {
        name: words::label(name),
        path,
        kind,
        value: value.unwrap_or_default(),
    };
    [
        fact("survey", "survey", "optional", doc.survey.clone()),
        fact("source", "source", "labelled", doc.source.as_deref().map(format::label)),
        fact("place", "place", "optional", doc.place.clone()),
        fact("delegatedTo", "delegatedTo", "optional", doc.delegated_to.clone()),
        fact("queue", "attribution/queue", "queueName", join.queue.map(|queue| page.queue_name(queue))),
        fact("team", "attribution/team", "teamName", join.team.map(|team| page.team_name(Some(team)))),
        fact("session", "attribution/session", "number", join.session.map(|session| session.to_string())),
        fact("alert", "alert", "alert", (doc.alert == Some(true)).then(|| words::text("alert").to_owned())),
    ]
}

fn rank(doc: &FeedbackDoc) -> u8 {
    match &*doc.state {
        _ if doc.needs_reply == Some(true) => 0,
        "open" | "pending" => 1,
        "closed" => 3,
        _ => 2,
    }
}
