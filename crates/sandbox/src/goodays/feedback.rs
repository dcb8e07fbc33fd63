//! Responses of customers and the actions on them: the state behind webhooks and API.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

use super::payload;
use super::response::{Note, Response};
use super::verbatims::{self, Sentiment};
use crate::contact_center::{Moment, SECOND, Session};

/// A planned act of a customer or a local manager.
#[derive(Debug)]
enum Plan {
    Respond(Box<Session>),
    Write(String),
    Delegate(String),
}

/// Why an action is refused: with 404, or with 400 and a reason.
#[derive(Debug, PartialEq, Eq)]
pub enum ActionError {
    NotFound,
    BadRequest(&'static str),
}

/// All responses and plans.
#[derive(Debug)]
pub struct Feedback {
    rng: StdRng,
    responses: BTreeMap<String, Response>,
    plans: Vec<(Moment, Plan)>,
    moment: Moment,
}

impl Feedback {
    pub fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), responses: BTreeMap::new(), plans: Vec::new(), moment: 0 }
    }

    /// A contact ended: one customer in twenty will answer the survey.
    pub fn plan_response(&mut self, session: &Session, moment: Moment) {
        if self.rng.random_bool(0.05) {
            let wait = self.rng.random_range(10 * SECOND..90 * SECOND);
            self.plans.push((session.ended.unwrap_or(moment) + wait, Plan::Respond(Box::new(session.clone()))));
        }
    }

    /// Carries out the plans that are due, in order, and returns their webhook events. `time` converts moments to real
    /// time.
    pub fn step(&mut self, moment: Moment, time: impl Fn(Moment) -> Timestamp) -> Vec<Value> {
        self.moment = moment;
        let (mut due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.plans).into_iter().partition(|(at, _)| *at <= moment);
        self.plans = later;
        due.sort_by_key(|(at, _)| *at);
        due.into_iter()
            .filter_map(|(at, plan)| match plan {
                Plan::Respond(session) => Some(self.respond(&session, time(at)).1),
                Plan::Write(id) => self.write(&id, time(at)),
                Plan::Delegate(id) => self.delegate(&id, time(at)),
            })
            .collect()
    }

    /// The customer of this contact answers. Returns the response's id and the webhook event.
    pub fn respond(&mut self, session: &Session, now: Timestamp) -> (String, Value) {
        let sentiment = Sentiment::of(self.rng.random_range(0.0..1.0));
        let id = self.code(11);
        let note = Note {
            id: self.code(10),
            created: now,
            kind: sentiment.remark_type().to_owned(),
            content: verbatims::opinion(&mut self.rng, sentiment),
            by_customer: true,
        };
        let linked: f64 = self.rng.random();
        let mut extra = Map::new();
        extra.insert("transaction_date".to_owned(), json!(payload::date(now)));
        if linked < 0.5 {
            extra.insert("session".to_owned(), json!(session.id.to_string()));
        }
        let response = Response {
            token: format!("{:032x}", self.rng.random::<u128>()),
            thread: self.code(10),
            created: now,
            updated: now,
            source: ["email", "email", "sms", "google"][self.rng.random_range(0..4)],
            nps: sentiment.nps(&mut self.rng),
            message: note,
            reply: None,
            exchange: Vec::new(),
            customer: session.customer.clone(),
            extra,
            crm_id: String::new(),
            // Without a session and with place 0 the response cannot be attributed.
            place: if linked < 0.8 { session.queue } else { 0 },
            delegated: false,
            state: "open",
            actions: vec!["reply", "spam", "close", "call"],
            id: id.clone(),
        };
        let event = payload::event("response", &response, None);
        self.responses.insert(id.clone(), response);
        if self.rng.random_bool(0.15) {
            self.plans.push((self.moment + 45 * SECOND, Plan::Delegate(id.clone())));
        }
        (id, event)
    }

    /// The customer writes again after a reply.
    fn write(&mut self, id: &str, now: Timestamp) -> Option<Value> {
        let note = Note {
            id: self.code(10),
            created: now,
            kind: "Message".to_owned(),
            content: verbatims::follow_up(&mut self.rng),
            by_customer: true,
        };
        let response = self.responses.get_mut(id)?;
        response.exchange.insert(0, note.clone());
        response.actions = vec!["message"];
        // The original does not change `updated_date` here (apis.md B140).
        Some(payload::event("message", response, Some(&note)))
    }

    /// A local manager delegates an open response.
    fn delegate(&mut self, id: &str, now: Timestamp) -> Option<Value> {
        let response = self.responses.get_mut(id).filter(|response| response.state == "open")?;
        response.delegated = true;
        response.updated = now;
        response.actions = vec!["reply", "spam", "close"];
        Some(payload::event("delegated", response, None))
    }

    /// Carries out an action that the response offers (apis.md G30 to G34).
    pub fn act(&mut self, id: &str, action: &str, body: &Value, now: Timestamp) -> Result<(), ActionError> {
        const ACTIONS: [&str; 5] = ["reply", "message", "call", "close", "spam"];
        let note_id = self.code(10);
        let response = self.responses.get_mut(id).filter(|_| ACTIONS.contains(&action)).ok_or(ActionError::NotFound)?;
        if !response.actions.contains(&action) {
            return Err(ActionError::BadRequest("This action is not possible any more."));
        }
        let content = body["content"].as_str().unwrap_or_default();
        let writes = action == "reply" || action == "message";
        if writes && content.trim().is_empty() {
            return Err(ActionError::BadRequest("content: this field is required."));
        }
        if action == "reply" && response.source == "google" && !body["remark_type"].is_string() {
            return Err(ActionError::BadRequest("remark_type: this field is required for this source."));
        }
        if !body["rating"].is_null() && body["rating"].as_u64().is_none_or(|rating| rating > 5) {
            return Err(ActionError::BadRequest("rating: must be a whole number from 0 to 5."));
        }
        response.state = "closed";
        response.actions.clear();
        if writes {
            let note = Note {
                id: note_id,
                created: now,
                kind: "text".to_owned(),
                content: content.to_owned(),
                by_customer: false,
            };
            response.exchange.insert(0, Note { kind: "Message".to_owned(), ..note.clone() });
            response.reply.get_or_insert(note);
            if self.rng.random_bool(0.6) {
                let wait = self.rng.random_range(15 * SECOND..60 * SECOND);
                self.plans.push((self.moment + wait, Plan::Write(id.to_owned())));
            }
        }
        Ok(())
    }

    /// All responses, oldest first.
    pub fn responses(&self) -> Vec<&Response> {
        let mut all: Vec<_> = self.responses.values().collect();
        all.sort_by_key(|response| (response.created, &response.id));
        all
    }

    fn code(&mut self, length: usize) -> String {
        const SIGNS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";
        (0..length).map(|_| char::from(SIGNS[self.rng.random_range(0..SIGNS.len())])).collect()
    }
}
