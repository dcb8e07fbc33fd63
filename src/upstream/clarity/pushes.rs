//! Finds updates in what Clarity pushes. The document describes neither the hub method nor its payload, so updates are
//! known by their shape (apis.md B110).

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::wire::RealtimeData;
use crate::upstream::tolerant::camel_case_names;
use base::json;

/// The most wrappers and lists around an update.
const MAX_WRAPPERS: usize = 8;

/// The names under which wrappers hold updates, as JSON writes them.
const WRAPPER_KEYS: [&str; 2] = ["\"data\"", "\"items\""];

/// What the arguments of a hub call contain.
#[derive(Debug, Default, PartialEq)]
pub struct Pushes {
    /// Updates, in order.
    pub updates: Vec<RealtimeData>,
    /// Number of objects without a known shape.
    pub unknown: usize,
}

/// Finds objects with `type` and `id`, with `groupId` or with `entityIds` among the arguments, in lists, and in
/// wrappers such as `{subscriptionId, data}`.
#[must_use]
pub fn find_pushes(args: &[Box<RawValue>]) -> Pushes {
    let mut found = Pushes::default();
    for arg in args {
        let mut part = Pushes::default();
        part.find(arg.get(), MAX_WRAPPERS);
        // A part may be invalid JSON that can be repaired.
        if part.unknown > 0
            && let Some(text) = json::sanitize(arg.get().as_bytes())
        {
            let mut repaired = Pushes::default();
            repaired.find(&text, MAX_WRAPPERS);
            if !repaired.updates.is_empty() {
                json::REPAIRS.inc();
                part = repaired;
            }
        }
        found.updates.append(&mut part.updates);
        found.unknown += part.unknown;
    }
    found
}

/// The fields by which an object is recognized, without building what is only a wrapper.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    group_id: Option<&'a RawValue>,
    #[serde(borrow)]
    entity_ids: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
}

/// Whether an object with these fields is an update.
fn is_update(kind: bool, id: bool, group_id: bool, entity_ids: bool) -> bool {
    (kind && id) || group_id || entity_ids
}

impl Outline<'_> {
    fn is_update(&self) -> bool {
        is_update(self.kind.is_some(), self.id.is_some(), self.group_id.is_some(), self.entity_ids.is_some())
    }
}

impl Pushes {
    /// The quick way, for names as REST spells them.
    fn find(&mut self, text: &str, wrappers: usize) {
        if self.find_by_type(text) {
            return;
        }
        match text.as_bytes().first() {
            Some(b'[') if wrappers > 0 => match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(items) => items.into_iter().for_each(|item| self.find(item.get(), wrappers - 1)),
                Err(_) => self.unknown += 1,
            },
            Some(b'{') => match serde_json::from_str::<Outline<'_>>(text) {
                Ok(outline) if outline.is_update() => match serde_json::from_str(text) {
                    Ok(update) => self.updates.push(update),
                    Err(_) => self.find_by_value(text, wrappers),
                },
                Ok(Outline { data: Some(inner), .. } | Outline { items: Some(inner), .. }) if wrappers > 0 => {
                    self.find(inner.get(), wrappers - 1);
                }
                _ => self.find_by_value(text, wrappers),
            },
            _ => self.find_by_value(text, wrappers),
        }
    }

    /// The quickest way, for bare updates and lists of them. Returns false, without any effect, for anything else.
    fn find_by_type(&mut self, text: &str) -> bool {
        if WRAPPER_KEYS.iter().any(|name| text.contains(name)) {
            return false;
        }
        let before = self.updates.len();
        match text.as_bytes().first() {
            Some(b'[') => self.updates.extend(serde_json::from_str::<Vec<RealtimeData>>(text).unwrap_or_default()),
            Some(b'{') => self.updates.extend(serde_json::from_str::<RealtimeData>(text).ok()),
            _ => {}
        }
        let read = &self.updates[before..];
        let are_updates = read
            .iter()
            .all(|it| is_update(it.kind.is_some(), it.id.is_some(), it.group_id.is_some(), it.entity_ids.is_some()));
        if read.is_empty() || !are_updates {
            self.updates.truncate(before);
            return false;
        }
        true
    }

    /// The slow way, for any spelling.
    fn find_by_value(&mut self, text: &str, wrappers: usize) {
        match serde_json::from_str(text) {
            Ok(value) => self.visit(camel_case_names(value), wrappers),
            Err(_) => self.unknown += 1,
        }
    }

    fn visit(&mut self, value: Value, wrappers: usize) {
        match value {
            Value::Array(items) => items.into_iter().for_each(|item| self.visit(item, wrappers)),
            Value::Object(ref object) => {
                let has = |name: &str| object.get(name).is_some_and(|value| !value.is_null());
                if is_update(has("type"), has("id"), has("groupId"), has("entityIds")) {
                    match RealtimeData::deserialize(value) {
                        Ok(update) => self.updates.push(update),
                        Err(_) => self.unknown += 1,
                    }
                    return;
                }
                let inner = ["data", "items"].into_iter().find_map(|name| object.get(name).cloned());
                match inner {
                    Some(inner) if wrappers > 0 => self.visit(inner, wrappers - 1),
                    _ => self.unknown += 1,
                }
            }
            // Some servers serialize twice.
            Value::String(text) if wrappers > 0 && text.trim_start().starts_with(['{', '[']) => {
                match json::read(text.as_bytes()) {
                    Ok(value) => self.visit(camel_case_names(value), wrappers - 1),
                    Err(_) => self.unknown += 1,
                }
            }
            // Such as a subscription's id beside its data.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(args: &[&str]) -> (Vec<Option<i64>>, usize) {
        let args: Vec<Box<RawValue>> =
            args.iter().map(|arg| RawValue::from_string((*arg).to_owned()).expect("JSON")).collect();
        let pushes = find_pushes(&args);
        (pushes.updates.iter().map(|reading| reading.id.or(reading.group_id)).collect(), pushes.unknown)
    }

    #[test]
    fn readings_are_known_by_their_shape() {
        let cases: &[(&[&str], &[i64], usize)] = &[
            (&[r#"{"type":"agent","id":41}"#], &[41], 0),
            (&[r#"[{"type":"agent","id":41},{"type":"queue","id":"11"}]"#], &[41, 11], 0),
            (&[r#"{"subscriptionId":"abc","data":[{"type":"queue","id":11}]}"#], &[11], 0),
            (&[r#""abc""#, r#"{"Type":"Agent","Id":7,"Metrics":{}}"#], &[7], 0),
            (&[r#""{\"type\":\"agent\",\"id\":5}""#], &[5], 0),
            (&[r#"{"groupType":"team","groupId":3,"type":"agent"}"#], &[3], 0),
            (&[r#"{"items":[{"type":"agent","id":1},{"x":1}],"count":"2"}"#], &[1], 1),
            (&[r#"{"type":"agent","id":3,"data":{"type":"agent","id":4}}"#], &[3], 0),
            (&[r#"[{"type":"agent","id":1},{"type":"queue"},7]"#], &[1], 1),
            (&[r#"{"message":"hello"}"#, "7", "null"], &[], 1),
            (&[], &[], 0),
        ];
        for (args, ids, unknown) in cases {
            assert_eq!(found(args), (ids.iter().copied().map(Some).collect(), *unknown), "{args:?}");
        }
    }

    #[test]
    fn invalid_utf8_costs_one_field() {
        let cases: &[(&[&str], &[i64], usize)] = &[
            (&[r#"{"type":"agent","id":41,"name":"Zo\ud83d"}"#], &[41], 0),
            (&[r#"[{"type":"agent","id":41},{"type":"queue","id":11.0,"x":1e400}]"#], &[41, 11], 0),
            (
                &[r#"{"subscriptionId":1e400,"data":[{"type":"queue","id":"11","name":"\udead"},{"x":"\udead"}]}"#],
                &[11],
                1,
            ),
            (&[r#"{"data":[{"type":"agent","id":1},{"type":"agent","id":2,"id":3,"other\ud83d":1}]}"#], &[1, 3], 0),
            (&[r#""{\"type\":\"agent\",\"id\":5,\"name\":\"\\ud83d\"}""#], &[5], 0),
            (&[r#"{"Type":"Agent","Id":7,"Name":"\ud83d"}"#, r#"{"type":"agent","id":8}"#], &[7, 8], 0),
            (
                &[r#"{"type":"agent","id":9,
                    "sessions":{"audio":{"sessions":[{"sessionId":1,"customerName":"\ud83d"}]}}}"#],
                &[9],
                0,
            ),
        ];
        for (args, ids, unknown) in cases {
            assert_eq!(found(args), (ids.iter().copied().map(Some).collect(), *unknown), "{args:?}");
        }
        let deep = format!(r#"{{"type":"agent","id":4,"x":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
        assert_eq!(found(&[&deep]), (vec![Some(4)], 0));
    }

    #[test]
    fn wrappers_without_end_are_given_up() {
        let deep = format!("{}1{}", r#"{"data":"#.repeat(50), "}".repeat(50));
        assert_eq!(found(&[&deep]), (Vec::new(), 1));
        let lists = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(found(&[&lists]), (Vec::new(), 1));
    }
}
