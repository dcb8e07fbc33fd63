//! An answered survey.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::contact_center::Customer;

/// One message of a thread.
#[derive(Debug, Clone)]
pub struct Note {
    pub id: String,
    pub created: Timestamp,
    pub kind: String,
    pub content: String,
    pub by_customer: bool,
}

/// An answered survey.
#[derive(Debug, Clone)]
pub struct Response {
    pub id: String,
    pub token: String,
    pub thread: String,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub source: &'static str,
    pub nps: u8,
    pub message: Note,
    pub reply: Option<Note>,
    pub exchange: Vec<Note>,
    pub customer: Customer,
    pub extra: Map<String, Value>,
    pub crm_id: String,
    pub place: i64,
    pub delegated: bool,
    pub state: &'static str,
    pub actions: Vec<&'static str>,
}
