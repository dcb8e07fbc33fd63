//! How an event is read: by name and never by shape. An odd field is absent, an unknown one is passed over, and only an
//! event without the identity of its response is refused.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::wire::{Answer, Context, Event, EventKind, Message, Person, Place, Response, WireError};
use crate::upstream::tolerant::{WrittenTime, boolean_of, is, number_of, text_of};
use base::{json, link};

impl Event {
    /// Reads a body whose signature has been checked.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        let event = json(body)?;
        let event_type = text(&event["event_type"]).ok_or(WireError::NoType)?;
        let Some(kind) = EventKind::named(&event_type) else { return Err(WireError::UnknownType(event_type)) };
        let mut response = Response::read(&event["response"]).ok_or(WireError::NoResponse)?;
        let message = Message::read(&event["message"]);
        response.dropped += u64::from(message.is_none() && is_something(&event["message"]));
        Ok(Self { kind, response, message, event_type })
    }

    /// The response that a body carries, whatever it says about it.
    #[must_use]
    pub fn response_in(body: &[u8]) -> Option<Response> {
        Response::read(&json(body).ok()?["response"])
    }
}

fn json(body: &[u8]) -> Result<Value, WireError> {
    json::read(body).map_err(|error| WireError::NotJson { line: error.line(), column: error.column() })
}

impl EventKind {
    fn named(event_type: &str) -> Option<Self> {
        match event_type.trim().to_ascii_lowercase().as_str() {
            "response" => Some(Self::Response),
            "message" => Some(Self::Message),
            "delegated" | "delegate" | "delegation" => Some(Self::Delegated),
            _ => None,
        }
    }
}

impl Response {
    /// Reads a response: that of an event, or one of a list (apis.md P24). `None` without an identity.
    #[must_use]
    pub fn read(from: &Value) -> Option<Self> {
        let id = text(&from["id"])?;
        let (answers, dropped_answers) = all(&from["answers"], Answer::read);
        let (attached_messages, dropped_messages) = all(&from["attached_messages"], Message::read);
        let (message, reply) = (Message::read(&from["message"]), Message::read(&from["reply"]));
        let is_dropped = |read: &Option<Message>, name: &str| u64::from(read.is_none() && is_something(&from[name]));
        let dropped =
            dropped_answers + dropped_messages + is_dropped(&message, "message") + is_dropped(&reply, "reply");
        Some(Self {
            id,
            dropped,
            created: WrittenTime::of_value(&from["created_date"]),
            updated: WrittenTime::of_value(&from["updated_date"]),
            source: text(&from["source"]),
            state: text(&from["state"]),
            thread: text(&from["thread"]),
            alert_triggered: boolean_of(&from["alert_triggered"]).unwrap_or(false),
            survey: words(&from["survey"]["label"]).or_else(|| words(&from["survey"]["slug"])),
            answers,
            message,
            reply,
            attached_messages,
            user: Person::read(&from["user"]),
            context: Context::read(&from["context"]),
            place: Place::read(&from["place"]),
            delegated_to: Place::read(&from["delegated_to"]),
            action_addresses: addresses(&from["actions"]),
            actions: actions(&from["actions"]),
        })
    }
}

impl Answer {
    fn read(from: &Value) -> Option<Self> {
        from.as_object()?;
        let question = &from["question"];
        let question_type = text(&question["type"]);
        Some(Self {
            id: text(&from["id"]),
            value: answer(&from["value"], question_type.as_deref().is_some_and(is_scale)),
            question_id: text(&question["id"]),
            // A question that is no object is its own title.
            title: words(&question["title"]).or_else(|| text(question)),
            question_type,
        })
    }
}

impl Message {
    /// `None`: it says nothing. A text that is no object is its own content.
    fn read(from: &Value) -> Option<Self> {
        let attachments: Vec<_> = [&from["attachment"], &from["attachments"]].into_iter().flat_map(links).collect();
        let content = words(&from["content"]).or_else(|| from.as_str().and_then(|_| text(from)));
        let id = match text(&from["id"]) {
            Some(id) => id,
            None if content.is_none() && attachments.is_empty() => return None,
            // What the customer said is not lost for want of an identity: the same words have the same one.
            None => format!("no-id-{}", fingerprint(&from.to_string())),
        };
        Some(Self {
            id,
            created: WrittenTime::of_value(&from["created_date"]),
            message_type: text(&from["type"]),
            content,
            attachments,
            sender: Person::read(&from["sender"]),
        })
    }
}

fn fingerprint(text: &str) -> String {
    Sha256::digest(text)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Person {
    fn read(from: &Value) -> Self {
        Self { email: text(&from["email"]), first_name: text(&from["first_name"]), last_name: text(&from["last_name"]) }
    }
}

impl Context {
    fn read(from: &Value) -> Self {
        let extra = fields(&from["extra"]).filter_map(|(name, value)| Some((name.clone(), text(value)?)));
        Self {
            person: Person::read(from),
            phone: text(&from["phone"]),
            crm_id: text(&from["crm_id"]),
            extra: extra.collect(),
        }
    }
}

impl Place {
    fn read(from: &Value) -> Option<Self> {
        let place = Self { id: text(&from["id"]), partner_id: text(&from["partner_id"]), name: words(&from["name"]) };
        (place.id.is_some() || place.partner_id.is_some()).then_some(place)
    }
}

/// Text, or another value in its place (apis.md B143: empty is absent).
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(flag.to_string()),
        value => text_of(value),
    }
}

/// A text that may come in several languages, or with an explanation: the English one, or else the first.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => {
            let english = fields.iter().find(|(name, _)| is_english(name)).and_then(|(_, value)| words(value));
            let named =
                || ["label", "title", "text", "name", "value"].iter().find_map(|name| words(fields.get(*name)?));
            english.or_else(named).or_else(|| fields.values().find_map(words))
        }
        Value::Array(items) => {
            let says_english = |item: &&Value| {
                ["locale", "language", "lang"].iter().any(|name| item[*name].as_str().is_some_and(is_english))
            };
            items.iter().find(says_english).and_then(words).or_else(|| items.iter().find_map(words))
        }
        value => text(value),
    }
}

fn is_english(language: &str) -> bool {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    is(primary, "en") || is(language, "english")
}

/// Such as `fr` or `fr-CA`.
fn is_language(name: &str) -> bool {
    let primary = name.split(['-', '_']).next().unwrap_or_default();
    primary.len() == 2 && name.len() <= 5 && primary.bytes().all(|letter| letter.is_ascii_alphabetic())
}

/// Whether a question is answered with a number, and not with one of some choices.
fn is_scale(question_type: &str) -> bool {
    let name = question_type.to_ascii_lowercase();
    ["nps", "csat", "ces", "rating", "scale", "score", "star", "num"].iter().any(|scale| name.contains(scale))
}

/// What was answered. A choice comes as its label with a value for machines: of a scale that is the answer, of choices
/// the label.
fn answer(value: &Value, is_scale: bool) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| answer(item, is_scale)).collect(),
        Value::Object(fields) => {
            let number = fields.get("value").filter(|value| is_scale && number_of(value).is_some()).cloned();
            let label = || ["label", "value"].iter().find_map(|name| words(fields.get(*name)?)).map(Value::String);
            let spoken =
                || fields.keys().all(|name| is_language(name)).then(|| words(value)).flatten().map(Value::String);
            number.or_else(label).or_else(spoken).unwrap_or_else(|| value.clone())
        }
        // As .NET writes that nothing was measured.
        Value::String(text) if is_scale && text.parse::<f64>().is_ok_and(|number| !number.is_finite()) => Value::Null,
        value => value.clone(),
    }
}

/// What may be done to a response (apis.md G30 to G34).
const ACTIONS: [&str; 5] = ["reply", "message", "call", "close", "spam"];

/// How many attachments of one message are shown.
const MOST_LINKS: usize = 20;

/// The links in an attachment: one, several, or objects with a link in them.
fn links(value: &Value) -> Vec<String> {
    let mut found = match value {
        Value::Array(items) => items.iter().flat_map(links).collect(),
        Value::Object(fields) => {
            let named = ["url", "href", "link", "src", "file", "path"].iter().filter_map(|name| fields.get(*name));
            let is_link = |link: &String| link::web_url(link).is_some();
            let all: Vec<Vec<String>> = named.map(links).filter(|links| !links.is_empty()).collect();
            let named = all.iter().find(|links| links.iter().any(is_link)).or(all.first()).cloned();
            named.unwrap_or_else(|| fields.values().flat_map(links).filter(is_link).collect())
        }
        value => value.as_str().map(str::trim).filter(|link| !link.is_empty()).map(str::to_owned).into_iter().collect(),
    };
    found.truncate(MOST_LINKS);
    found
}

/// The names of actions: of an object of links, of a list of names, or of objects with a name. What is false is not
/// offered.
fn actions(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(actions).collect(),
        Value::Object(fields) => {
            let named =
                ["name", "action", "rel", "type", "id"].iter().find_map(|name| action(fields.get(*name)?.as_str()?));
            match named {
                Some(name) => vec![name],
                None => fields
                    .iter()
                    .filter(|(_, value)| boolean_of(value) != Some(false))
                    .filter_map(|(name, _)| action(name))
                    .collect(),
            }
        }
        value => value.as_str().and_then(action).into_iter().collect(),
    }
}

/// The URLs of actions, to check whether they are expected: none is ever called.
fn addresses(value: &Value) -> Vec<String> {
    let link = |item: &Value| ["url", "href"].iter().find_map(|name| text(&item[*name]));
    match value {
        Value::Array(items) => items.iter().filter(|item| item.is_object()).filter_map(link).collect(),
        value => link(value)
            .map_or_else(|| fields(value).filter_map(|(_, address)| text(address)).collect(), |one| vec![one]),
    }
}

/// A name, known ones in our spelling; an address is none.
fn action(name: &str) -> Option<String> {
    let name = name.trim();
    let known = ACTIONS.iter().find(|known| is(name, known)).map(ToString::to_string);
    known.or_else(|| (!name.is_empty() && !name.contains([':', '/'])).then(|| name.to_owned()))
}

/// What can be read of a list, and how many items of it cannot.
fn all<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> (Vec<T>, u64) {
    let items = list(value);
    let known: Vec<T> = items.iter().filter_map(read).collect();
    let dropped = items.len() - known.len();
    (known, dropped as u64)
}

/// Whether anything was said: what is empty is absent (apis.md B143).
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// A list, or one item alone.
fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Object(_) => std::slice::from_ref(value),
        _ => &[],
    }
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
