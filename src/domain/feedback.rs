//! What customers say, and what was answered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ResponseId;

/// Where a thread stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ThreadState {
    /// Somebody owes the customer an answer.
    Open,
    /// It is being worked on.
    Pending,
    /// It has been dealt with.
    Closed,
    /// One that nobody here has a word for: shown as it came.
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
    /// Which.
    pub id: Arc<str>,
    /// When it was written.
    pub at: Option<Timestamp>,
    /// The kind, in the upstream's word: praise, question, idea, problem, message, text.
    pub kind: Option<Arc<str>>,
    /// What it says. Hostile text: escape it wherever it is shown.
    pub text: Arc<str>,
    /// Who wrote it.
    pub from: Option<Arc<str>>,
    /// A picture or document. Shown as a link, never fetched.
    pub attachment: Option<Arc<str>>,
}

impl Message {
    /// Whether the customer wrote it: nobody is named, or they are. The same name comes in capitals and without
    /// (`apis.md` B143).
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
    /// The question, as it was asked.
    pub question: Arc<str>,
    /// The kind of question, such as `nps`.
    pub kind: Arc<str>,
    /// The answer, as it came.
    pub value: serde_json::Value,
}

/// The shop, branch or department that the feedback is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which.
    pub id: Arc<str>,
    /// Our customer's own number for it, which tables of places use.
    pub partner_id: Option<Arc<str>>,
    /// The name.
    pub name: Arc<str>,
}

/// Who the customer is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Their name.
    pub name: Option<Arc<str>>,
    /// Their e-mail address.
    pub email: Option<Arc<str>>,
    /// Their phone number.
    pub phone: Option<Arc<str>>,
    /// Their number in our customer's own system.
    pub crm_id: Option<Arc<str>>,
}

impl Customer {
    /// What is known, and otherwise what was known before.
    fn or(self, before: Self) -> Self {
        Self {
            name: self.name.or(before.name),
            email: self.email.or(before.email),
            phone: self.phone.or(before.phone),
            crm_id: self.crm_id.or(before.crm_id),
        }
    }
}

/// What had to be assumed about dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AssumedDate {
    /// They name no time zone: that of the house.
    TimeZone,
    /// There is none: when we heard of it first.
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

/// What one event said about one response. Events may come twice and in any order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseRecord {
    /// Which.
    pub id: ResponseId,
    /// When the customer answered.
    pub created: Option<Timestamp>,
    /// What had to be assumed about when that was. `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed: Option<AssumedDate>,
    /// When its newest text was written, by the upstream's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_as_dated: Option<Timestamp>,
    /// When the upstream last touched it. Unreliable: later events repeat earlier values (`apis.md` B140).
    pub updated: Option<Timestamp>,
    /// How the survey reached the customer, or which site the text comes from.
    pub source: Option<Arc<str>>,
    /// Where the thread stands.
    pub thread: ThreadState,
    /// The survey's name.
    pub survey: Option<Arc<str>>,
    /// The answers.
    pub answers: Vec<Answer>,
    /// The texts that this event carried, by identity. Events add to them and never take away.
    pub messages: BTreeMap<Arc<str>, Message>,
    /// Who wrote.
    pub customer: Customer,
    /// What the sender's own systems attached, as text.
    pub extra: BTreeMap<Arc<str>, Arc<str>>,
    /// What it is about.
    pub place: Option<Place>,
    /// Who it was handed to.
    pub delegated_to: Option<Place>,
    /// The actions that the upstream offers for it now, by name. There are no others.
    pub actions: BTreeSet<Arc<str>>,
    /// Whether the upstream raised an alert for it.
    pub alert: bool,
}

impl ResponseRecord {
    /// The newest text in it.
    #[must_use]
    pub fn newest_message(&self) -> Option<Timestamp> {
        self.messages.values().filter_map(|message| message.at).max()
    }

    /// The same by the upstream's own clock, to tell which of two events is newer: what is translated depends on how far
    /// off that clock was thought to be at the time.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest_as_dated.or_else(|| self.newest_message())
    }

    /// When it was last heard of, by what the customer and we wrote.
    #[must_use]
    pub fn last_word(&self) -> Option<Timestamp> {
        self.newest_message().max(self.created)
    }

    /// How it stands, in short: as long as this is the same, nobody has told us anything new about it.
    #[must_use]
    pub fn revision(&self) -> Arc<str> {
        let instant = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        let actions: Vec<&str> = self.actions.iter().map(|action| &**action).collect();
        let (newest, updated) = (instant(self.newest()), instant(self.updated));
        format!("{}|{}|{newest}|{updated}", self.thread, actions.join(",")).into()
    }

    /// How likely the customer is to recommend, 0 to 10. A five is a detractor, not five stars (`apis.md` B147).
    #[must_use]
    pub fn nps(&self) -> Option<u8> {
        let answer = self.answers.iter().find(|answer| answer.kind.eq_ignore_ascii_case("nps"))?;
        let value = answer.value.as_f64().or_else(|| answer.value.as_str()?.trim().parse().ok())?;
        (0..=10).find(|score| f64::from(*score) == value)
    }

    /// What is known once another event has said this. The upstream's own time of update repeats old values, so the newest
    /// text decides first which of the two is newer (`apis.md` B140), and a delegation beats the same thread without one.
    /// Texts are only ever added, whichever comes last (`apis.md` B141).
    #[must_use]
    pub fn and(self, heard: Self) -> Self {
        let freshness = |reading: &Self| (reading.newest(), reading.updated, reading.delegated_to.is_some());
        let is_dated = |reading: &Self| reading.newest().is_some() && reading.updated.is_some();
        // Where one of them does not say, the one that came last is the newer.
        let is_newer = freshness(&heard) >= freshness(&self) || !is_dated(&heard) && is_dated(&self);
        let (mut newer, older) = if is_newer { (heard, self) } else { (self, heard) };
        // What was only assumed yields to what was said, and to what was assumed before: whoever waits must not begin anew.
        let is_later = newer.assumed == Some(AssumedDate::Received) && older.created.is_some();
        if is_later && (older.assumed != Some(AssumedDate::Received) || older.created < newer.created) {
            (newer.created, newer.assumed) = (older.created, older.assumed);
        }
        for (id, message) in older.messages {
            newer.messages.entry(id).or_insert(message);
        }
        // No event takes these away: one that lacks them could not be read.
        newer.place = newer.place.or(older.place);
        newer.survey = newer.survey.or(older.survey);
        newer.source = newer.source.or(older.source);
        if newer.answers.is_empty() {
            newer.answers = older.answers;
        }
        newer.customer = newer.customer.or(older.customer);
        newer
    }

    /// What may be kept when the customer wants to be forgotten, under an identity that leads nowhere: what is counted, and
    /// of which place, and nothing that they wrote or that leads to them (`apis.md` J66).
    #[must_use]
    pub fn without_person(self, id: ResponseId) -> Self {
        let counts = |value: &serde_json::Value| value.is_number() || value.is_boolean();
        Self {
            id,
            answers: self.answers.into_iter().filter(|answer| counts(&answer.value)).collect(),
            messages: BTreeMap::new(),
            customer: Customer::default(),
            extra: BTreeMap::new(),
            // There is nobody to answer any more.
            actions: BTreeSet::new(),
            thread: ThreadState::Closed,
            ..self
        }
    }
}
