//! An agent's metrics by queue. Clarity's API document names three fields for them and no shape ("TODO", apis.md B92).

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::metric_bag::MetricBag;
use crate::upstream::tolerant::{camel_case_names, integer_of};

/// Names of a queue's number.
const ID: [&str; 2] = ["queueId", "id"];

/// The names of modalities in a bag of metrics (apis.md C103).
const MODALITIES: [&str; 4] = ["audio", "instantMessage", "message", "agnostic"];

/// Metrics by queue, as far as their shape is one of those that Clarity uses elsewhere.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Breakdowns {
    /// Those that name their queue.
    pub known: Vec<Breakdown>,
    /// Those that do not, as received.
    pub unrecognized: Vec<Value>,
}

/// The metrics of one queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Breakdown {
    /// The queue's id.
    pub queue: i64,
    /// Its name, if given. A removed queue may have an id only.
    pub name: Option<String>,
    /// Its metrics.
    pub metrics: MetricBag,
}

/// Deserializes any of the known shapes: a list, one object, or an object keyed by queue id. Boxed, because most agents
/// have none.
///
/// # Errors
/// When the JSON itself is broken.
pub fn breakdowns<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<Breakdowns>>, D::Error> {
    let mut found = Breakdowns::default();
    match camel_case_names(Value::deserialize(from)?) {
        Value::Null => return Ok(None),
        Value::Array(items) => items.into_iter().for_each(|item| found.push(None, item)),
        Value::Object(mut object) => match object.remove("items") {
            Some(Value::Array(items)) => items.into_iter().for_each(|item| found.push(None, item)),
            _ if names_a_queue(&object) => found.push(None, Value::Object(object)),
            _ => object.into_iter().for_each(|(name, item)| found.push(Some(&name), item)),
        },
        other => found.push(None, other),
    }
    Ok(Some(Box::new(found)))
}

impl Breakdowns {
    fn push(&mut self, key: Option<&str>, item: Value) {
        let by_key = key.and_then(|key| key.trim().parse().ok());
        let read = match &item {
            Value::Object(fields) => breakdown_from(fields, by_key),
            // A removed queue may be only an id.
            scalar => {
                integer_of(scalar).filter(|_| key.is_none()).map(|queue| Breakdown { queue, ..Breakdown::default() })
            }
        };
        match read {
            Some(breakdown) => self.known.push(breakdown),
            None => self.unrecognized.push(item),
        }
    }
}

fn breakdown_from(fields: &Map<String, Value>, by_key: Option<i64>) -> Option<Breakdown> {
    let queue = fields.get("queue").and_then(Value::as_object);
    let number = |object: &Map<String, Value>| ID.iter().find_map(|name| integer_of(object.get(*name)?));
    let text = |object: &Map<String, Value>, name: &str| object.get(name)?.as_str().map(str::to_owned);
    let bag = fields.get("metrics").cloned().unwrap_or_else(|| {
        let kinds = MODALITIES.iter().filter_map(|kind| Some(((*kind).to_owned(), fields.get(*kind)?.clone())));
        Value::Object(kinds.collect())
    });
    Some(Breakdown {
        queue: number(fields).or_else(|| number(queue?)).or_else(|| integer_of(fields.get("queue")?)).or(by_key)?,
        name: text(fields, "queueName").or_else(|| text(fields, "name")).or_else(|| text(queue?, "name")),
        metrics: MetricBag::deserialize(bag).unwrap_or_default(),
    })
}

fn names_a_queue(object: &Map<String, Value>) -> bool {
    ID.iter().chain(&["queue"]).any(|name| object.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Breakdowns {
        *breakdowns(value).expect("a value is JSON").expect("not null")
    }

    #[test]
    fn queue_metrics_are_parsed_in_every_shape() {
        let expected = Breakdown {
            queue: 11,
            name: Some("Orders".to_owned()),
            metrics: MetricBag::deserialize(json!({"audio": {"answeredCount": 5}})).expect("a bag"),
        };
        let bag = json!({"audio": {"answeredCount": 5}});
        for value in [
            json!([{"queueId": 11, "queueName": "Orders", "metrics": bag}]),
            json!([{"Id": "11", "Name": "Orders", "Metrics": {"Audio": {"AnsweredCount": 5}}}]),
            json!({"items": [{"type": "queue", "id": 11, "name": "Orders", "audio": {"answeredCount": 5}}]}),
            json!({"queueId": 11, "name": "Orders", "metrics": bag}),
            json!([{"queue": {"id": 11, "name": "Orders"}, "metrics": bag}]),
            json!({"11": {"name": "Orders", "audio": {"answeredCount": 5}}}),
        ] {
            let read = read(value.clone());
            assert_eq!((read.known.as_slice(), read.unrecognized.len()), ([expected.clone()].as_slice(), 0), "{value}");
        }
    }

    #[test]
    fn removed_ids_may_be_numbers_and_unknown_values_are_kept() {
        let read = read(json!([11, "12", {"queueId": 13}, "todo", {"mood": 1}]));
        assert_eq!(read.known.iter().map(|one| one.queue).collect::<Vec<_>>(), [11, 12, 13]);
        assert_eq!(read.unrecognized, [json!("todo"), json!({"mood": 1})]);
        assert_eq!(breakdowns(Value::Null).expect("a value is JSON"), None);
    }
}
