//! Every method of the Web API but subscriptions, a family to a file (apis.md C11 to C34, C44 to C46).
//!
//! Readings may be repeated and are read tolerantly. What changes something is sent once, and what Clarity would refuse
//! is refused here, with the reason as a sentence.

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Clarity, Error, WriteVerb};
use crate::upstream::tolerant;

mod agent_status;
mod agents;
mod batch;
mod client_log;
mod profile;
mod queues;
mod recording;
mod search;
mod session_writes;
mod sessions;
mod site;
mod window;

#[cfg(test)]
mod tests;

pub use agent_status::{AgentStatusChoices, StatusUpdate};
pub use agents::{MetricIncludes, RealtimePart};
pub use batch::{BatchAnswer, BatchItem};
pub use client_log::LogEntry;
pub use profile::Unregister;
pub use session_writes::{DispositionChoice, ExtraItemValue};
pub use sessions::SessionIncludes;
pub use window::Window;

impl Clarity {
    /// Asks for an object.
    async fn ask<T: DeserializeOwned>(&self, call: &'static str, path: &str, query: &str) -> Result<T, Error> {
        object(call, self.call(call, Method::GET, self.url(path, query), None::<&()>).await?)
    }

    /// Asks for a list, in whichever of its shapes (apis.md B80). Its `count` is not believed (B60).
    async fn ask_list<T: DeserializeOwned>(
        &self,
        call: &'static str,
        path: &str,
        query: &str,
    ) -> Result<Vec<T>, Error> {
        list(call, self.call(call, Method::GET, self.url(path, query), None::<&()>).await?)
    }

    /// Changes something with a call that is documented as a `GET` with a body: once, with the site's verb
    /// (apis.md B27).
    async fn write(&self, call: &'static str, path: &str, body: &impl Serialize) -> Result<(), Error> {
        let verb = match self.settings().write_verb {
            WriteVerb::Get => Method::GET,
            WriteVerb::Post => Method::POST,
        };
        match self.send_write(call, verb, self.url(path, ""), Some(body)).await {
            Ok(_) => Ok(()),
            Err(Error::Status { status: 405, .. }) => Err(Error::WrongVerb { call }),
            Err(error) => Err(error),
        }
    }
}

/// What has two names (apis.md B74), the second of which says nothing beside the first.
const TWO_NAMES: [(&str, &str); 6] = [
    ("groupIds", "groupId"),
    ("id", "callDispositionId"),
    ("id", "callSubDispositionId"),
    ("aftercallOptions", "aftercallConfig"),
    ("imPrompts", "imPropts"),
    ("agentGruu", "agentGRUU"),
];

/// Reads an object whose names may begin with a capital (apis.md B74).
fn object<T: DeserializeOwned>(call: &'static str, answer: Value) -> Result<T, Error> {
    T::deserialize(tidy(answer)).map_err(|_| malformed_answer(call))
}

fn tidy(answer: Value) -> Value {
    let mut answer = tolerant::camel_case_names(answer);
    say_once(&mut answer);
    answer
}

/// Both names at once would otherwise cost the whole object.
fn say_once(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, other) in TWO_NAMES {
                if fields.contains_key(other) {
                    match fields.get(name) {
                        Some(Value::Null) => fields.remove(name),
                        Some(_) => fields.remove(other),
                        None => None,
                    };
                }
            }
            fields.values_mut().for_each(say_once);
        }
        Value::Array(items) => items.iter_mut().for_each(say_once),
        _ => {}
    }
}

/// Reads a list. No answer at all is an empty one.
fn list<T: DeserializeOwned>(call: &'static str, answer: Value) -> Result<Vec<T>, Error> {
    match tidy(answer) {
        Value::Null => Ok(Vec::new()),
        answer => tolerant::list_of(answer).ok_or_else(|| malformed_answer(call)),
    }
}

fn malformed_answer(call: &'static str) -> Error {
    Error::MalformedAnswer { call, line: 1, column: 1 }
}
