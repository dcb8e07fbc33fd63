//! The actions on a response: forms, and what was already done.

use jiff::Timestamp;

use super::{PageState, segment, step, words};
use crate::domain::{FeedbackActionKind, RequestState};
use crate::live::document::{ActionDoc, FeedbackDoc};

/// An action's form. One that is not offered now is rendered hidden: when Goodays offers it, the page need not be
/// loaded again.
pub(super) struct Form {
    pub kind: &'static str,
    /// The document's path that says whether it is offered.
    pub path: String,
    /// The form's address.
    pub address: String,
    pub is_offered: bool,
    pub title: &'static str,
    pub hint: &'static str,
    pub button: &'static str,
    /// The message after it was accepted.
    pub done: &'static str,
    pub writes: bool,
    pub rates: bool,
    pub has_type: bool,
    /// The confirmation question, as in `static/paint.js`; empty for an action inside Callboard only.
    pub question: String,
    /// The idempotency key of a form without script.
    pub key: String,
}

impl Form {
    /// All of them, in the order in which they are shown.
    pub fn all(page: &PageState, path: &str, response: &str, doc: &FeedbackDoc) -> [Self; 6] {
        FeedbackActionKind::ALL.map(|kind| Self::new(page, path, response, doc, kind))
    }

    fn new(page: &PageState, path: &str, response: &str, doc: &FeedbackDoc, kind: FeedbackActionKind) -> Self {
        use FeedbackActionKind::{Call, Close, Message, NoAnswerNeeded, Reply, Spam};
        let (hint, button, done) = match kind {
            Reply => ("replyHint", "sendReply", "sentToCustomer"),
            Message => ("messageHint", "sendMessage", "sentToCustomer"),
            Call => ("callHint", "calledButton", "sentToGoodays"),
            Close => ("closeHint", "closeButton", "sentToGoodays"),
            Spam => ("spamHint", "spamButton", "sentToGoodays"),
            NoAnswerNeeded => ("markHint", "markButton", "marked"),
        };
        let offered = |kind: FeedbackActionKind| doc.offered_actions.contains_key(kind.as_str());
        Self {
            kind: kind.as_str(),
            path: format!("{path}/offeredActions"),
            address: format!("/api/v1/feedback/{}/{}", segment(response), kind.as_str()),
            is_offered: match kind {
                NoAnswerNeeded => offered(Message) && !offered(Close) && doc.needs_reply == Some(true),
                kind => offered(kind),
            } && page.state.sources.get("goodays").is_none_or(|goodays| goodays.state != "off"),
            title: match kind {
                Close => words::label("closeTitle"),
                Spam => words::label("spamTitle"),
                kind => words::action(kind.as_str()),
            },
            hint: words::text(hint),
            button: words::label(button),
            done: words::text(done),
            writes: matches!(kind, Reply | Message),
            rates: kind == Call,
            has_type: matches!(kind, Reply | Close),
            question: question(kind, doc.customer.as_deref()),
            key: format!("{:032x}", rand::random::<u128>()),
        }
    }
}

/// Names the action and the customer.
fn question(kind: FeedbackActionKind, customer: Option<&str>) -> String {
    let customer = customer.unwrap_or(words::text("theCustomer"));
    let text = match kind {
        FeedbackActionKind::Reply => "askReply",
        FeedbackActionKind::Message => "askMessage",
        FeedbackActionKind::Call => "askCall",
        FeedbackActionKind::Close => "askClose",
        FeedbackActionKind::Spam => "askSpam",
        FeedbackActionKind::NoAnswerNeeded => return String::new(),
    };
    words::fill(words::text(text), &[("customer", &customer)])
}

/// An action that was done.
#[derive(Default)]
pub(super) struct FeedbackAction {
    pub id: String,
    pub path: String,
    pub retry: String,
    /// The confirmation question before a retry.
    pub question: String,
    pub action: String,
    pub who: String,
    pub state: RequestState,
    pub state_word: String,
    pub at: Option<Timestamp>,
    pub moment: String,
    pub reason: String,
    pub text: String,
}

impl FeedbackAction {
    pub fn new(
        page: &PageState,
        path: &str,
        response: &str,
        (id, doc): (&str, &ActionDoc),
        customer: Option<&str>,
    ) -> Self {
        let (action, customer) =
            (words::action(doc.action.as_str()).to_owned(), customer.unwrap_or(words::text("theCustomer")));
        Self {
            id: id.to_owned(),
            path: format!("{path}/actions/{}", step(id)),
            retry: format!("/api/v1/feedback/{}/actions/{}/retry", segment(response), segment(id)),
            question: words::fill(
                words::text("askRetryAction"),
                &[("customer", &customer), ("action", &action.to_lowercase())],
            ),
            action,
            who: doc.who.clone(),
            state: doc.state,
            state_word: words::action_state(doc.state.as_str()).to_owned(),
            at: doc.at,
            moment: doc.at.map(|at| page.moment(at)).unwrap_or_default(),
            reason: doc.reason.clone().unwrap_or_default(),
            text: doc.text.clone().unwrap_or_default(),
        }
    }

    /// The row that scripts clone.
    pub fn blank(path: &str, response: &str) -> Self {
        Self {
            id: "{id}".to_owned(),
            path: format!("{path}/actions/{{id}}"),
            retry: format!("/api/v1/feedback/{}/actions/{{id}}/retry", segment(response)),
            ..Self::default()
        }
    }
}

/// The note on a closed conversation in which the customer wrote again.
pub(super) fn wrote_again(doc: &FeedbackDoc) -> &'static str {
    if doc.needs_reply == Some(true) && doc.state == "closed" { words::text("wroteAgain") } else { "" }
}
