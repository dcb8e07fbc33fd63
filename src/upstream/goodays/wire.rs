//! Goodays events (apis.md G1 to G18).
//!
//! `response.token` is never kept (B154), and of `actions` only the names are, so that no address from a payload can be
//! called (B135).

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use crate::upstream::tolerant::WrittenTime;

/// Why a body is not an event.
#[derive(Debug, Error)]
pub enum WireError {
    /// It is not JSON.
    #[error("The event is not JSON (line {line}, column {column}).")]
    NotJson {
        /// Where it stops being JSON.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// It does not say what happened.
    #[error("The event has no event_type.")]
    NoType,
    /// It is of a type that the documents do not name: whatever it carries, it says nothing (apis.md B131).
    #[error("The event is of an unknown type.")]
    UnknownType(String),
    /// It has no response with an id.
    #[error("The event has no response with an id.")]
    NoResponse,
}

/// One webhook call.
pub struct Event {
    /// The type as it came.
    pub event_type: String,
    /// The type as we understand it.
    pub kind: EventKind,
    /// The present response.
    pub response: Response,
    /// The new private message, in an event about one.
    pub message: Option<Message>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A customer answered a survey.
    Response,
    /// A customer wrote again.
    Message,
    /// A local manager handed it over. The documents call it delegated, delegate and delegation (apis.md B131).
    Delegated,
}

/// A customer's response and its thread.
#[derive(Default)]
pub struct Response {
    /// Its identity: the only one that holds (apis.md B136, B138).
    pub id: String,
    /// When the customer answered.
    pub created: Option<WrittenTime>,
    /// When it was last touched. Later events repeat earlier values (apis.md B140).
    pub updated: Option<WrittenTime>,
    /// How the survey came to the customer, or the site the text is from.
    pub source: Option<String>,
    /// `open`, `closed` or `pending`. Closed does not mean that nothing can be done (apis.md B151).
    pub state: Option<String>,
    /// The thread's own name, which changes between events.
    pub thread: Option<String>,
    /// Whether it set off an alert.
    pub alert_triggered: bool,
    /// The survey's label, or its slug where it has none.
    pub survey: Option<String>,
    /// The answers.
    pub answers: Vec<Answer>,
    /// The customer's words.
    pub message: Option<Message>,
    /// What was answered.
    pub reply: Option<Message>,
    /// The thread so far, newest first (apis.md B142).
    pub attached_messages: Vec<Message>,
    /// The customer, as Goodays knows them.
    pub user: Person,
    /// The customer, as the sender of the survey described them.
    pub context: Context,
    /// What the response is about.
    pub place: Option<Place>,
    /// Who it was handed to.
    pub delegated_to: Option<Place>,
    /// The names of the only legal actions (apis.md G18).
    pub actions: Vec<String>,
    /// Their addresses, which are never called: only whether they are what they should be is looked at (B135).
    pub action_addresses: Vec<String>,
    /// How many texts and answers make no sense and were left out.
    pub dropped: u64,
}

/// An answer to one question.
pub struct Answer {
    /// Its identity.
    pub id: Option<String>,
    /// Any JSON: number, text, list, null (apis.md B147).
    pub value: Value,
    /// The question's identity.
    pub question_id: Option<String>,
    /// The question, with the upstream's marks in it (apis.md B146).
    pub title: Option<String>,
    /// The question's type, such as `nps`.
    pub question_type: Option<String>,
}

/// One text of a thread. The same one comes with different types (apis.md B141): its identity counts.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// Its identity.
    pub id: String,
    /// When it was written.
    pub created: Option<WrittenTime>,
    /// Praise, Question, Idea, Problem, Message or text.
    pub message_type: Option<String>,
    /// What it says.
    pub content: Option<String>,
    /// Links, never fetched (apis.md B145).
    pub attachments: Vec<String>,
    /// Who wrote it.
    pub sender: Person,
}

/// A name and an address.
#[derive(Clone, Default, PartialEq)]
pub struct Person {
    /// The e-mail address, which may be no address at all (apis.md B144).
    pub email: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
}

/// What the sender of the survey knew of the customer.
#[derive(Default)]
pub struct Context {
    /// Name and address.
    pub person: Person,
    /// The telephone number.
    pub phone: Option<String>,
    /// The customer's number in the sender's own system.
    pub crm_id: Option<String>,
    /// Anything else that the sender attached, as text.
    pub extra: Vec<(String, String)>,
}

/// A shop, a branch, a department.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its identity.
    pub id: Option<String>,
    /// The sender's own number for it.
    pub partner_id: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// Without texts: what customers write is not logged.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("kind", &self.kind).field("response", &self.response.id).finish_non_exhaustive()
    }
}

/// As for [`Event`].
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("actions", &self.actions)
            .finish_non_exhaustive()
    }
}

/// As for [`Event`].
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).field("created", &self.created).finish_non_exhaustive()
    }
}
