//! How an event is read: by name and never by shape. An odd field is absent, an unknown one is passed over, and only an
//! event without the identity of its response is refused.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::wire::{Answer, Context, Event, Kind, Message, Person, Place, Response, WireError};

impl Event {
    /// Reads a body whose signature has been checked.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        let event = json(body)?;
        let event_type = text(&event["event_type"]).ok_or(WireError::NoType)?;
        let Some(kind) = Kind::named(&event_type) else { return Err(WireError::UnknownType(event_type)) };
        Ok(Self {
            kind,
            response: Response::read(&event["response"]).ok_or(WireError::NoResponse)?,
            message: Message::read(&event["message"]),
            event_type,
        })
    }

    /// The response that a body carries, whatever it says about it.
    #[must_use]
    pub fn response_in(body: &[u8]) -> Option<Response> {
        Response::read(&json(body).ok()?["response"])
    }
}

fn json(body: &[u8]) -> Result<Value, WireError> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    serde_json::from_slice(body).map_err(|error| WireError::NotJson { line: error.line(), column: error.column() })
}

impl Kind {
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
    /// Reads a response: that of an event, or one of a list (`apis.md` P24). `None` without an identity.
    #[must_use]
    pub fn read(from: &Value) -> Option<Self> {
        Some(Self {
            id: text(&from["id"])?,
            created: instant(&from["created_date"]),
            updated: instant(&from["updated_date"]),
            source: text(&from["source"]),
            state: text(&from["state"]),
            thread: text(&from["thread"]),
            alert_triggered: from["alert_triggered"].as_bool().unwrap_or(false),
            survey: text(&from["survey"]["label"]).or_else(|| text(&from["survey"]["slug"])),
            answers: list(&from["answers"]).iter().map(Answer::read).collect(),
            message: Message::read(&from["message"]),
            reply: Message::read(&from["reply"]),
            attached_messages: list(&from["attached_messages"]).iter().filter_map(Message::read).collect(),
            user: Person::read(&from["user"]),
            context: Context::read(&from["context"]),
            place: Place::read(&from["place"]),
            delegated_to: Place::read(&from["delegated_to"]),
            action_addresses: fields(&from["actions"]).filter_map(|(_, address)| text(address)).collect(),
            actions: fields(&from["actions"]).map(|(name, _)| name.clone()).collect(),
        })
    }
}

impl Answer {
    fn read(from: &Value) -> Self {
        let question = &from["question"];
        Self {
            id: text(&from["id"]),
            value: from["value"].clone(),
            question_id: text(&question["id"]),
            title: text(&question["title"]),
            question_type: text(&question["type"]),
        }
    }
}

impl Message {
    fn read(from: &Value) -> Option<Self> {
        Some(Self {
            id: text(&from["id"])?,
            created: instant(&from["created_date"]),
            message_type: text(&from["type"]),
            content: text(&from["content"]),
            attachment: text(&from["attachment"]),
            sender: Person::read(&from["sender"]),
        })
    }
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
        let place = Self { id: text(&from["id"]), partner_id: text(&from["partner_id"]), name: text(&from["name"]) };
        (place.id.is_some() || place.partner_id.is_some()).then_some(place)
    }
}

/// Text, or a number that stands where text should (`apis.md` B143: empty is absent).
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.trim().parse().ok()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
