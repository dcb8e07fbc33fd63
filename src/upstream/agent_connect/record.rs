//! A record of Data Return (apis.md P8, P9). Whatever is missing or of another type is absent; only without an identity
//! it is no record.

use std::fmt;

use serde_json::{Map, Value};

use super::Employee;
use crate::upstream::tolerant::{WrittenTime, boolean_of, integer_of, text_of};
use base::link;

/// What became of one survey.
#[derive(Clone, Default, PartialEq)]
pub struct Record {
    /// The upstream's identity for it.
    pub uuid: String,
    /// Raised with each change (apis.md P10).
    pub sequence: i64,
    /// Which survey this one recovers.
    pub parent: Option<String>,
    /// Whether it asks if something was made good.
    pub is_recovery: bool,
    /// The channel.
    pub channel: Option<String>,
    /// The interaction.
    pub interaction: Option<String>,
    /// Where a person can read about it. Not always a link (apis.md B174).
    pub external_url: Option<String>,
    /// What it was about.
    pub tags: Vec<String>,
    /// When it was asked for.
    pub created: Option<WrittenTime>,
    /// How the delivery went, in the upstream's words (apis.md P6).
    pub delivery: Option<String>,
    /// `API`, or that it was requested by hand.
    pub requested_via: Option<String>,
    /// When the customer answered.
    pub answered: Option<WrittenTime>,
    /// The agent.
    pub employee: Employee,
    /// The customer's name.
    pub customer: Option<String>,
    /// What the sender attached.
    pub custom_properties: Map<String, Value>,
    /// One to five.
    pub stars: Option<u8>,
    /// Zero to ten. Another scale: never mixed with the stars (apis.md J44).
    pub nps: Option<u8>,
    /// Whether it was solved at once, in the answer's own words.
    pub resolved: Option<String>,
    /// What the customer wrote, by question.
    pub comments: Vec<(String, String)>,
}

impl Record {
    /// Reads a record. `None`: it has no identity or no place in the order.
    #[must_use]
    pub fn read(from: &Value) -> Option<Self> {
        let answers = &from["answers"];
        let employee = &from["employee"];
        Some(Self {
            uuid: text(&from["uuid"])?,
            sequence: Self::place(from)?,
            parent: text(&from["parent_uuid"]),
            is_recovery: boolean_of(&from["is_recovery"]).unwrap_or(false),
            channel: text(&from["channel"]),
            interaction: text(&from["ext_interaction_id"]),
            external_url: text(&from["external_url"]).filter(|link| !link::is_unsafe(link)),
            tags: list(&from["tags"]).iter().filter_map(|tag| text(tag).or_else(|| text(&tag["name"]))).collect(),
            created: WrittenTime::of_value(&from["request_created_at"]),
            delivery: text(&from["request_delivery_status"]),
            requested_via: text(&from["requested_via"]),
            answered: WrittenTime::of_value(&from["response_received_at"]),
            employee: Employee { email: text(&employee["email"]), custom_id: text(&employee["custom_id"]) },
            customer: text(&from["customer"]["full_name"]),
            custom_properties: from["custom_properties"].as_object().cloned().unwrap_or_default(),
            stars: scale(&answers["agent_star_rating"], 1..=5),
            nps: scale(&answers["nps"], 0..=10),
            resolved: chosen(&answers["fcr"]).and_then(|option| text(&option["option_text"])),
            comments: comments(answers),
        })
    }

    /// Its position in the order of changes, even if the rest is unreadable.
    #[must_use]
    pub fn place(from: &Value) -> Option<i64> {
        integer_of(&from["sequence_id"])
    }

    /// One of the things that the sender attached, as text.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<String> {
        self.custom_properties.get(name).and_then(text)
    }
}

/// The one option that was chosen. A question that was seen and not answered has none (apis.md P9).
fn chosen(answer: &Value) -> Option<&Value> {
    match &answer["selected_options"] {
        Value::Object(options) => options.values().next(),
        Value::Array(options) => options.first(),
        _ => None,
    }
}

fn scale(answer: &Value, within: std::ops::RangeInclusive<u8>) -> Option<u8> {
    let value = integer_of(&chosen(answer)?["integer_value"])?;
    u8::try_from(value).ok().filter(|value| within.contains(value))
}

fn comments(answers: &Value) -> Vec<(String, String)> {
    let all = answers.as_object().into_iter().flatten();
    let written = all.filter_map(|(name, answer)| {
        Some((text(&answer["question_text"]).unwrap_or_else(|| name.clone()), text(&answer["comment"])?))
    });
    written.collect()
}

fn text(value: &Value) -> Option<String> {
    text_of(value).map(|text| text.trim().to_owned())
}

/// A list, or one item alone.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice)
}

/// Without what concerns the customer.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("uuid", &self.uuid).field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(changes: Value) -> Record {
        let mut record = json!({
            "uuid": "u1", "sequence_id": 12, "parent_uuid": null, "is_recovery": false, "channel": "phone",
            "ext_interaction_id": "123456", "request_created_at": "2026-02-05T12:20:39.810686+01:00",
            "request_delivery_status": "Soft bounce (will be retried)", "requested_via": "API",
            "response_received_at": "2026-02-05T13:00:00Z",
            "employee": {"custom_id": "0042", "email": null}, "customer": {"full_name": "Jane"},
            "custom_properties": {"callboard_session": "82673"},
            "answers": {
                "agent_star_rating": {"question_text": "How was Rob?", "comment": "Kind.",
                    "selected_options": {"7": {"option_id": 7, "option_text": "4 stars", "integer_value": 4}}},
                "nps": {"question_text": "Would you?", "comment": null,
                    "selected_options": {"9": {"option_text": "9", "integer_value": "9"}}},
                "fcr": {"question_text": "Solved?", "comment": " ",
                    "selected_options": {"1": {"option_text": "Yes", "integer_value": 1}}}
            }
        });
        record.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        Record::read(&record).expect("a record")
    }

    #[test]
    fn answers_are_read_by_question_and_scales_stay_apart() {
        let read = record(json!({}));
        assert_eq!((read.stars, read.nps, read.resolved.as_deref()), (Some(4), Some(9), Some("Yes")));
        assert_eq!(read.comments, [("How was Rob?".to_owned(), "Kind.".to_owned())]);
        assert_eq!(read.delivery.as_deref(), Some("Soft bounce (will be retried)"));
        assert_eq!((read.employee.custom_id.as_deref(), read.employee.email.as_deref()), (Some("0042"), None));
        assert_eq!(read.property("callboard_session").as_deref(), Some("82673"));
        let created = read.created.and_then(|created| created.at(&jiff::tz::TimeZone::UTC));
        assert_eq!(created.map(|at| at.to_string()).as_deref(), Some("2026-02-05T11:20:39.810686Z"));
    }

    #[test]
    fn unanswered_question_has_no_answer() {
        let seen = json!({"answers": {"agent_star_rating": {"question_text": "?", "selected_options": {}}},
            "star_rating": 5});
        let read = record(seen);
        assert_eq!((read.stars, read.nps, read.resolved), (None, None, None));
        let off_the_scale = json!({"answers": {
            "agent_star_rating": {"selected_options": {"1": {"integer_value": 9}}},
            "nps": {"selected_options": {"1": {"integer_value": -1}}}}});
        let read = record(off_the_scale);
        assert_eq!((read.stars, read.nps), (None, None));
        assert!(record(json!({"answers": null, "employee": 7, "custom_properties": []})).comments.is_empty());
    }

    #[test]
    fn loose_shapes_are_read_for_what_they_say() {
        let read = record(json!({
            "sequence_id": "12.0", "is_recovery": "True", "tags": "late", "ext_interaction_id": 123456.0,
            "external_url": " JavaScript:alert(1)", "request_created_at": "2026-02-05",
            "response_received_at": 1_770_296_400,
            "answers": {"nps": {"selected_options": [{"integer_value": "9.0"}]},
                "agent_star_rating": {"selected_options": {"7": {"integer_value": 4.0}}}}
        }));
        assert_eq!((read.sequence, read.is_recovery, read.stars, read.nps), (12, true, Some(4), Some(9)));
        assert_eq!(
            (read.tags, read.interaction.as_deref(), read.external_url),
            (vec!["late".to_owned()], Some("123456"), None)
        );
        assert!(matches!((read.created, read.answered), (Some(WrittenTime::Civil(_)), Some(WrittenTime::Known(_)))));
        let bare = record(json!({"external_url": "www.example.com/case=1", "tags": [{"name": "late"}, 7, null, {}]}));
        assert_eq!(bare.external_url.as_deref(), Some("www.example.com/case=1"), "as it came");
        assert_eq!(bare.tags, ["late", "7"]);
        for odd in [json!(null), json!([]), json!({}), json!(7), json!("x"), json!(true), json!("NaN")] {
            let names = [
                "is_recovery",
                "channel",
                "external_url",
                "tags",
                "request_created_at",
                "employee",
                "customer",
                "answers",
                "custom_properties",
                "response_received_at",
                "parent_uuid",
            ];
            for name in names {
                let read = record(json!({name: odd.clone()}));
                assert_eq!((&*read.uuid, read.sequence), ("u1", 12), "{name} is {odd}");
            }
        }
    }

    #[test]
    fn record_needs_id_and_cursor_and_hides_content_in_debug() {
        assert!(Record::read(&json!({"sequence_id": 1})).is_none());
        assert!(Record::read(&json!({"uuid": "u"})).is_none());
        assert!(Record::read(&json!(["u", 1])).is_none());
        assert!(!format!("{:?}", record(json!({}))).contains("Kind"));
    }
}
