//! What Kustomer says of conversations, customers and users.
//!
//! The documented workflow sees flat objects, webhooks and the API speak JSON:API (apis.md B202): a value is looked
//! for in `attributes`, then at the top, and an identity in `relationships`, then at the top.

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::upstream::tolerant::{WrittenTime, boolean_of, integer_of, is, text_of};
use base::json;

/// Why a body is not what it should be.
#[derive(Debug, Error)]
pub enum WireError {
    /// It is not JSON.
    #[error("The message is not JSON (line {line}, column {column}).")]
    NotJson {
        /// Where it stops being JSON.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// It does not say what happened.
    #[error("The event has no name.")]
    NoType,
    /// It is of a type that the documents do not name: whatever it carries, it says nothing.
    #[error("The event is of an unknown type.")]
    UnknownType(String),
    /// It speaks of something without an identity.
    #[error("The message names no {0} with an id.")]
    NoIdentity(&'static str),
}

/// The only event that the documents name.
const UPDATE: &str = "kustomer.conversation.update";

/// One webhook call about a conversation (apis.md P33).
pub struct Event {
    /// The event's identity: the same one may come again (apis.md B214).
    pub id: Option<String>,
    /// Such as `kustomer.conversation.update`.
    pub name: String,
    /// The conversation as it is now.
    pub conversation: Conversation,
    /// The status before and after, only if this very event changed it (apis.md B201).
    pub status_change: Option<(Option<String>, String)>,
    /// When it happened, which may be long before the event arrives.
    pub created: Option<WrittenTime>,
}

/// A conversation (apis.md P34).
#[derive(Clone, Default, PartialEq)]
pub struct Conversation {
    /// Its identity.
    pub id: String,
    /// The customer's identity.
    pub customer: Option<String>,
    /// `open`, `snoozed` or `done`.
    pub status: Option<String>,
    /// The channels, in the order in which they were used.
    pub channels: Vec<String>,
    /// The tags' identities.
    pub tags: Vec<String>,
    /// The users' identities.
    pub assigned_users: Vec<String>,
    /// The one who changed it last: the closer, when it has just been closed (apis.md B203).
    pub modified_by: Option<String>,
    /// Raised with each change.
    pub rev: Option<i64>,
    /// Whether it is spam (apis.md B216).
    pub spam: bool,
    /// Whether it is gone, though it can still be read.
    pub is_deleted: bool,
    /// The names of the attributes that are true, the site's own included.
    pub true_attributes: Vec<String>,
    /// Whether it has the customer, the assigned users and the channels, if only empty. What is missing must be
    /// requested.
    pub is_complete: bool,
    /// The site's own attributes.
    pub custom: Map<String, Value>,
}

/// A customer.
#[derive(Clone, Default, PartialEq)]
pub struct Customer {
    /// Their identity.
    pub id: String,
    /// Their name.
    pub name: Option<String>,
    /// Their addresses, and whether each is verified (apis.md B213).
    pub emails: Vec<(String, bool)>,
    /// Their telephone numbers, as they are written.
    pub phones: Vec<String>,
    /// Whether they are gone, though they can still be read.
    pub is_deleted: bool,
}

/// A colleague.
#[derive(Clone, Default, PartialEq)]
pub struct User {
    /// Their identity.
    pub id: String,
    /// Their name.
    pub name: Option<String>,
    /// Their address.
    pub email: Option<String>,
}

impl Event {
    /// Reads a body whose signature has been checked.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        let event = parse(body)?;
        let name = text(&event["name"]).ok_or(WireError::NoType)?;
        if !name.trim().eq_ignore_ascii_case(UPDATE) {
            return Err(WireError::UnknownType(name));
        }
        let status = &event["changes"]["attributes"]["status"];
        let (before, after) = (text(&status["before"]), text(&status["after"]));
        Ok(Self {
            id: text(&event["id"]),
            name,
            conversation: Conversation::read(&event["data"])?,
            status_change: after
                .filter(|after| !before.as_ref().is_some_and(|before| is(before, after)))
                .map(|after| (before, after)),
            created: WrittenTime::of_value(&event["createdAt"]),
        })
    }
}

impl Conversation {
    pub(super) fn read(from: &Value) -> Result<Self, WireError> {
        let attribute = |name| attribute(from, name);
        Ok(Self {
            id: text(&from["id"]).ok_or(WireError::NoIdentity("conversation"))?,
            customer: related(from, "customer"),
            status: text(attribute("status")),
            channels: texts(attribute("channels")),
            tags: texts(attribute("tags")),
            assigned_users: texts(attribute("assignedUsers")),
            modified_by: related(from, "modifiedBy"),
            rev: integer_of(attribute("rev")),
            spam: is_true(attribute("spam")),
            is_deleted: is_deleted(from),
            true_attributes: true_attributes(from),
            is_complete: related(from, "customer").is_some()
                && ["assignedUsers", "channels"].iter().all(|name| !attribute(name).is_null()),
            custom: attribute("custom").as_object().cloned().unwrap_or_default(),
        })
    }
}

impl Customer {
    pub(super) fn read(from: &Value) -> Result<Self, WireError> {
        let emails = list(attribute(from, "emails"));
        let email = |entry: &Value| match entry {
            Value::String(email) => Some((email.clone(), false)),
            entry => Some((text(&entry["email"])?, is_true(&entry["verified"]))),
        };
        let phones = list(attribute(from, "phones"));
        Ok(Self {
            is_deleted: is_deleted(from),
            phones: phones.iter().filter_map(|entry| text(entry).or_else(|| text(&entry["phone"]))).collect(),
            id: text(&from["id"]).ok_or(WireError::NoIdentity("customer"))?,
            name: text(attribute(from, "name")).or_else(|| text(attribute(from, "displayName"))),
            emails: emails.iter().filter_map(email).collect(),
        })
    }
}

impl User {
    pub(super) fn read(from: &Value) -> Result<Self, WireError> {
        Ok(Self {
            id: text(&from["id"]).ok_or(WireError::NoIdentity("user"))?,
            name: text(attribute(from, "displayName")).or_else(|| text(attribute(from, "name"))),
            email: text(attribute(from, "email")),
        })
    }
}

/// The names of the tags in an answer that is one tag, a list, or a refusal with a part of the list in it
/// (apis.md B205).
pub(super) fn tag_names(answer: &Value) -> Vec<String> {
    let data = answer.get("data").unwrap_or(answer);
    list(data).iter().filter_map(|tag| text(attribute(tag, "name"))).collect()
}

pub(super) fn parse(body: &[u8]) -> Result<Value, WireError> {
    json::read(body).map_err(|error| WireError::NotJson { line: error.line(), column: error.column() })
}

/// True as JSON, as a word or as a number (apis.md B209).
#[must_use]
pub fn is_true(value: &Value) -> bool {
    boolean_of(value) == Some(true)
}

/// Kustomer keeps what was deleted for a while, and says so or when.
fn is_deleted(of: &Value) -> bool {
    is_true(attribute(of, "deleted")) || WrittenTime::of_value(attribute(of, "deletedAt")).is_some()
}

fn true_attributes(of: &Value) -> Vec<String> {
    let own = attribute(of, "custom").as_object();
    let all = of["attributes"].as_object().or(of.as_object()).into_iter().chain(own).flatten();
    all.filter(|(_, value)| is_true(value)).map(|(name, _)| name.clone()).collect()
}

fn attribute<'a>(of: &'a Value, name: &str) -> &'a Value {
    of["attributes"].get(name).unwrap_or(&of[name])
}

fn related(of: &Value, name: &str) -> Option<String> {
    text(&of["relationships"][name]["data"]["id"])
        .or_else(|| text(&of[name]))
        .or_else(|| text(&of[name]["id"]))
        .or_else(|| text(attribute(of, name)))
}

fn text(value: &Value) -> Option<String> {
    text_of(value)
}

/// A list, or one item alone.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice)
}

/// A list of texts, of objects with an id, or one text alone.
fn texts(value: &Value) -> Vec<String> {
    list(value).iter().filter_map(|item| text(item).or_else(|| text(&item["id"]))).collect()
}

/// Names only: whatever concerns a customer does not belong into logs.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("conversation", &self.conversation.id)
            .finish_non_exhaustive()
    }
}

/// As for [`Event`].
impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("rev", &self.rev)
            .finish_non_exhaustive()
    }
}

/// As for [`Event`].
impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Customer").field("id", &self.id).finish_non_exhaustive()
    }
}

/// As for [`Event`].
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}
