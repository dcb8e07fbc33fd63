//! What colleagues can do about a response, as forms, and what they did.

use jiff::Timestamp;

use super::{Sheet, segment, step, words};
use crate::domain::FeedbackDeedKind;
use crate::live::shape::{DeedDoc, FeedbackDoc};

/// Something that can be done. A form that is not offered now is on the page all the same, unseen: when Goodays offers it,
/// nothing has to be loaded.
pub(super) struct Form {
    pub kind: &'static str,
    /// Where the document says whether it is offered.
    pub path: String,
    /// Where it is posted.
    pub address: String,
    pub is_offered: bool,
    pub title: &'static str,
    pub hint: &'static str,
    pub button: &'static str,
    /// What is said when it has been taken.
    pub done: &'static str,
    pub writes: bool,
    pub rates: bool,
    pub has_type: bool,
    /// What is asked before it is sent; empty for what nobody outside hears of. `static/paint.js` asks the same.
    pub question: String,
    /// The idempotency key where no script gives it one.
    pub key: String,
}

impl Form {
    /// All of them, in the order in which they are shown.
    pub fn all(sheet: &Sheet, path: &str, response: &str, doc: &FeedbackDoc) -> [Self; 6] {
        FeedbackDeedKind::ALL.map(|kind| Self::new(sheet, path, response, doc, kind))
    }

    fn new(sheet: &Sheet, path: &str, response: &str, doc: &FeedbackDoc, kind: FeedbackDeedKind) -> Self {
        use FeedbackDeedKind::{Call, Close, Message, NoAnswerNeeded, Reply, Spam};
        let (title, hint, button, done) = match kind {
            Reply => (
                "Reply",
                "The customer gets this answer. It may be published.",
                "Send the reply",
                "Written down, and on its way to the customer.",
            ),
            Message => (
                "Private message",
                "Only the customer reads this.",
                "Send the message",
                "Written down, and on its way to the customer.",
            ),
            Call => (
                "Called the customer",
                "Tells Goodays that you have called, which closes the conversation. The note stays private.",
                "I have called",
                "Written down, and on its way to Goodays.",
            ),
            Close => (
                "Close without an answer",
                "The customer hears nothing.",
                "Close it",
                "Written down, and on its way to Goodays.",
            ),
            Spam => {
                ("Report as spam", "No customer wrote this.", "It is spam", "Written down, and on its way to Goodays.")
            }
            NoAnswerNeeded => (
                "No answer needed",
                "A mark for your colleagues. Goodays and the customer hear nothing of it.",
                "Mark it",
                "Marked.",
            ),
        };
        let offered = |kind: FeedbackDeedKind| doc.actions.contains_key(kind.as_str());
        Self {
            kind: kind.as_str(),
            path: format!("{path}/actions"),
            address: format!("/api/v1/feedback/{}/{}", segment(response), kind.as_str()),
            is_offered: match kind {
                NoAnswerNeeded => offered(Message) && !offered(Close) && doc.waits,
                kind => offered(kind),
            } && sheet.state.sources.get("goodays").is_none_or(|goodays| goodays.state != "off"),
            title,
            hint,
            button,
            done,
            writes: matches!(kind, Reply | Message),
            rates: kind == Call,
            has_type: matches!(kind, Reply | Close),
            question: question(kind, doc.customer.as_deref()),
            key: format!("{:032x}", rand::random::<u128>()),
        }
    }
}

/// Names what will happen, and to whom.
fn question(kind: FeedbackDeedKind, customer: Option<&str>) -> String {
    let customer = customer.unwrap_or(NOBODY_NAMED);
    match kind {
        FeedbackDeedKind::Reply => format!("Send this reply to {customer}? It may be published."),
        FeedbackDeedKind::Message => format!("Send this private message to {customer}?"),
        FeedbackDeedKind::Call => {
            format!("Tell Goodays that you have called {customer}? That closes the conversation.")
        }
        FeedbackDeedKind::Close => format!("Close the conversation with {customer} without an answer?"),
        FeedbackDeedKind::Spam => format!("Report what {customer} wrote as spam?"),
        FeedbackDeedKind::NoAnswerNeeded => String::new(),
    }
}

/// Whom a question is about when Goodays or Agent Connect gave no name.
pub(super) const NOBODY_NAMED: &str = "the customer";

/// Something that a colleague did.
#[derive(Default)]
pub(super) struct Deed {
    pub id: String,
    pub path: String,
    pub retry: String,
    /// What is asked before it is tried again.
    pub question: String,
    pub action: String,
    pub who: String,
    pub state: String,
    pub state_word: String,
    pub at: Option<Timestamp>,
    pub moment: String,
    pub reason: String,
    pub text: String,
}

impl Deed {
    pub fn new(
        sheet: &Sheet,
        path: &str,
        response: &str,
        (id, deed): (&str, &DeedDoc),
        customer: Option<&str>,
    ) -> Self {
        let (action, customer) = (words::deed(&deed.action).to_owned(), customer.unwrap_or(NOBODY_NAMED));
        Self {
            id: id.to_owned(),
            path: format!("{path}/deeds/{}", step(id)),
            retry: format!("/api/v1/feedback/{}/deeds/{}/retry", segment(response), segment(id)),
            question: format!("Once more, for {customer}: {}?", action.to_lowercase()),
            action,
            who: deed.who.clone(),
            state: deed.state.clone(),
            state_word: words::deed_state(&deed.state).to_owned(),
            at: deed.at,
            moment: deed.at.map(|at| sheet.moment(at)).unwrap_or_default(),
            reason: deed.reason.clone().unwrap_or_default(),
            text: deed.text.clone().unwrap_or_default(),
        }
    }

    /// The row that scripts clone.
    pub fn blank(path: &str, response: &str) -> Self {
        Self {
            id: "{id}".to_owned(),
            path: format!("{path}/deeds/{{id}}"),
            retry: format!("/api/v1/feedback/{}/deeds/{{id}}/retry", segment(response)),
            ..Self::default()
        }
    }
}

/// A conversation that looks closed and is not: the customer wrote again.
pub(super) fn wrote_again(doc: &FeedbackDoc) -> &'static str {
    if doc.waits && doc.state == "closed" { "The customer wrote again" } else { "" }
}
