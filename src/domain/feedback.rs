//! Customers' responses and the threads that follow them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ResponseId;

/// The state of a thread.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ThreadState {
    /// The customer has not been answered.
    Open,
    /// An agent works on it.
    Pending,
    /// It was replied to or closed.
    Closed,
    /// Another state, shown as Goodays names it.
    Other(Arc<str>),
}

impl ThreadState {
    /// The name in documents.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Open => "open",
            Self::Pending => "pending",
            Self::Closed => "closed",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for ThreadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One text in a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The message's id.
    pub id: Arc<str>,
    /// When it was written.
    pub at: Option<Timestamp>,
    /// The kind as Goodays names it: praise, question, idea, problem, message, text.
    pub kind: Option<Arc<str>>,
    /// The text. Untrusted: escape it wherever it is shown.
    pub text: Arc<str>,
    /// The author's name. `None`: the customer.
    pub from: Option<Arc<str>>,
    /// The URL of an attachment. Shown as a link, never fetched.
    pub attachment: Option<Arc<str>>,
}

impl Message {
    /// Whether the customer wrote it: no author is named, or the author is the customer. Goodays writes the same name
    /// with different capitals (apis.md B143).
    #[must_use]
    pub fn is_of(&self, customer: &Customer) -> bool {
        match (&self.from, &customer.name) {
            (Some(from), Some(customer)) => from.to_lowercase() == customer.to_lowercase(),
            (from, _) => from.is_none(),
        }
    }
}

/// One answer to one question of a survey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The question's text.
    pub question: Arc<str>,
    /// The kind of question, such as `nps`.
    pub kind: Arc<str>,
    /// The answer, as Goodays sends it.
    pub value: serde_json::Value,
}

/// The shop, branch or department that the feedback is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Goodays' id for it.
    pub id: Arc<str>,
    /// The site's own id for it, which `[join] places` maps to queues and teams.
    pub partner_id: Option<Arc<str>>,
    /// The name.
    pub name: Arc<str>,
}

/// The customer, as Goodays knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Their name.
    pub name: Option<Arc<str>>,
    /// Their e-mail address.
    pub email: Option<Arc<str>>,
    /// Their phone number.
    pub phone: Option<Arc<str>>,
    /// Their id in the site's own CRM.
    pub crm_id: Option<Arc<str>>,
}

impl Customer {
    /// Fills fields without a value from `before`.
    fn or(self, before: Self) -> Self {
        Self {
            name: self.name.or(before.name),
            email: self.email.or(before.email),
            phone: self.phone.or(before.phone),
            crm_id: self.crm_id.or(before.crm_id),
        }
    }
}

/// What had to be assumed about the date of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AssumedDate {
    /// The date names no time zone: the site's zone.
    TimeZone,
    /// There is no date: the time at which the first event arrived.
    Received,
}

impl AssumedDate {
    /// The name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TimeZone => "timeZone",
            Self::Received => "received",
        }
    }
}

/// What is known of one response: from one event, or merged from several. Events may come twice and in any order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseRecord {
    /// The response's id.
    pub id: ResponseId,
    /// When the customer answered.
    pub created: Option<Timestamp>,
    /// What had to be assumed about `created`. `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed: Option<AssumedDate>,
    /// When its newest message was written, by Goodays' clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_as_dated: Option<Timestamp>,
    /// When Goodays last changed it. Unreliable: later events repeat earlier values (apis.md B140).
    pub updated: Option<Timestamp>,
    /// How the survey reached the customer, or the review site that the text comes from.
    pub source: Option<Arc<str>>,
    /// The state of the thread.
    pub thread: ThreadState,
    /// The survey's name.
    pub survey: Option<Arc<str>>,
    /// The answers.
    pub answers: Vec<Answer>,
    /// The messages by id. Events only add to them.
    pub messages: BTreeMap<Arc<str>, Message>,
    /// The customer who wrote.
    pub customer: Customer,
    /// `context.extra`: what the site's own systems attached, as text.
    pub extra: BTreeMap<Arc<str>, Arc<str>>,
    /// The place that it is about.
    pub place: Option<Place>,
    /// The place that it was delegated to.
    pub delegated_to: Option<Place>,
    /// The actions that Goodays offers for it now, by name. Others are refused.
    pub actions: BTreeSet<Arc<str>>,
    /// Whether Goodays raised an alert for it.
    pub alert: bool,
}

impl ResponseRecord {
    /// When its newest message was written, by our clock.
    #[must_use]
    pub fn newest_message(&self) -> Option<Timestamp> {
        self.messages.values().filter_map(|message| message.at).max()
    }

    /// When its newest message was written, by Goodays' clock, to tell which of two events is newer. Times by our clock
    /// depend on the clock offset that was measured when the event was translated.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest_as_dated.or_else(|| self.newest_message())
    }

    /// When the customer or the site last wrote.
    #[must_use]
    pub fn last_word(&self) -> Option<Timestamp> {
        self.newest_message().max(self.created)
    }

    /// The revision: as long as it is the same, Goodays has reported nothing new.
    #[must_use]
    pub fn revision(&self) -> Arc<str> {
        let instant = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        let actions: Vec<&str> = self.actions.iter().map(|action| &**action).collect();
        let (newest, updated) = (instant(self.newest()), instant(self.updated));
        format!("{}|{}|{newest}|{updated}", self.thread, actions.join(",")).into()
    }

    /// The answer to the NPS question, 0 to 10. A five is a detractor, not five stars (apis.md B147).
    #[must_use]
    pub fn nps(&self) -> Option<u8> {
        let answer = self.answers.iter().find(|answer| answer.kind.eq_ignore_ascii_case("nps"))?;
        let value = answer.value.as_f64().or_else(|| answer.value.as_str()?.trim().parse().ok())?;
        (0..=10).find(|score| f64::from(*score) == value)
    }

    /// Merges another event. Goodays repeats old values in its time of update, so the newest message decides first
    /// which of the two is newer (apis.md B140), and a delegation beats the same thread without one. Messages are only
    /// ever added, whichever event comes last (apis.md B141).
    #[must_use]
    pub fn and(self, event: Self) -> Self {
        let freshness = |record: &Self| (record.newest(), record.updated, record.delegated_to.is_some());
        let is_dated = |record: &Self| record.newest().is_some() && record.updated.is_some();
        // If one of the two is not dated, the one that arrived last counts as newer.
        let is_newer = freshness(&event) >= freshness(&self) || !is_dated(&event) && is_dated(&self);
        let (mut newer, older) = if is_newer { (event, self) } else { (self, event) };
        // An assumed date yields to a real one, and to an earlier assumed one: the age of an open thread must not
        // restart.
        let is_later = newer.assumed == Some(AssumedDate::Received) && older.created.is_some();
        if is_later && (older.assumed != Some(AssumedDate::Received) || older.created < newer.created) {
            (newer.created, newer.assumed) = (older.created, older.assumed);
        }
        for (id, message) in older.messages {
            newer.messages.entry(id).or_insert(message);
        }
        // No event clears these: an event without them could not be read completely.
        newer.place = newer.place.or(older.place);
        newer.survey = newer.survey.or(older.survey);
        newer.source = newer.source.or(older.source);
        if newer.answers.is_empty() {
            newer.answers = older.answers;
        }
        newer.customer = newer.customer.or(older.customer);
        newer
    }

    /// What may be kept after erasure, under an anonymous id: the numbers that are counted and the place, and nothing
    /// that the customer wrote or that identifies them (apis.md J66).
    #[must_use]
    pub fn without_person(self, id: ResponseId) -> Self {
        let is_counted = |value: &serde_json::Value| value.is_number() || value.is_boolean();
        Self {
            id,
            answers: self.answers.into_iter().filter(|answer| is_counted(&answer.value)).collect(),
            messages: BTreeMap::new(),
            customer: Customer::default(),
            extra: BTreeMap::new(),
            // There is no customer left to answer.
            actions: BTreeSet::new(),
            thread: ThreadState::Closed,
            ..self
        }
    }
}
