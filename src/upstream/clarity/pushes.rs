//! Finding updates in what Clarity pushes. The document describes neither method nor payload: they are known by their
//! shape (`apis.md` B110).

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::wire::RealtimeData;
use base::json;
use crate::upstream::tolerant::camel_case_names;

/// How many wrappers and lists may lie around a reading.
const WRAPPERS: usize = 8;

/// What wrappers call what they hold, as it stands in JSON.
const WRAPPED: [&str; 2] = ["\"data\"", "\"items\""];

/// What a call's arguments held.
#[derive(Debug, Default, PartialEq)]
pub struct Pushes {
    /// Readings, in order.
    pub updates: Vec<RealtimeData>,
    /// How many objects had no known shape. To be counted, not feared.
    pub unknown: usize,
}

/// Looks through a call's arguments for objects with `type` and `id`, `groupId` or `entityIds`, for lists of them, and
/// for wrappers around them such as `{subscriptionId, data}`.
#[must_use]
pub fn find_pushes(args: &[Box<RawValue>]) -> Pushes {
    let mut found = Pushes::default();
    for arg in args {
        let mut part = Pushes::default();
        part.look(arg.get(), WRAPPERS);
        // It may hold what only looked like JSON as long as nobody read it.
        if part.unknown > 0
            && let Some(text) = json::repair(arg.get().as_bytes())
        {
            let mut repaired = Pushes::default();
            repaired.look(&text, WRAPPERS);
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

/// The names by which an object is known for what it is. One glance at them saves building what is only a wrapper.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Glance<'a> {
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

/// What makes an object a reading: which of its names say something.
fn is_reading(kind: bool, id: bool, group_id: bool, entity_ids: bool) -> bool {
    (kind && id) || group_id || entity_ids
}

impl Glance<'_> {
    fn is_reading(&self) -> bool {
        is_reading(self.kind.is_some(), self.id.is_some(), self.group_id.is_some(), self.entity_ids.is_some())
    }
}

impl Pushes {
    /// The quick way, for what is spelt as REST spells it.
    fn look(&mut self, text: &str, wrappers: usize) {
        if self.read_at_once(text) {
            return;
        }
        match text.as_bytes().first() {
            Some(b'[') if wrappers > 0 => match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(items) => items.into_iter().for_each(|item| self.look(item.get(), wrappers - 1)),
                Err(_) => self.unknown += 1,
            },
            Some(b'{') => match serde_json::from_str::<Glance<'_>>(text) {
                Ok(glance) if glance.is_reading() => match serde_json::from_str(text) {
                    Ok(reading) => self.updates.push(reading),
                    Err(_) => self.look_closely(text, wrappers),
                },
                Ok(Glance { data: Some(inner), .. } | Glance { items: Some(inner), .. }) if wrappers > 0 => {
                    self.look(inner.get(), wrappers - 1);
                }
                _ => self.look_closely(text, wrappers),
            },
            _ => self.look_closely(text, wrappers),
        }
    }

    /// The quickest way, for nothing but updates in which nothing is called as what wrappers hold. False: it was none,
    /// and nothing has happened.
    fn read_at_once(&mut self, text: &str) -> bool {
        if WRAPPED.iter().any(|name| text.contains(name)) {
            return false;
        }
        let before = self.updates.len();
        match text.as_bytes().first() {
            Some(b'[') => self.updates.extend(serde_json::from_str::<Vec<RealtimeData>>(text).unwrap_or_default()),
            Some(b'{') => self.updates.extend(serde_json::from_str::<RealtimeData>(text).ok()),
            _ => {}
        }
        let read = &self.updates[before..];
        let are_readings = read
            .iter()
            .all(|it| is_reading(it.kind.is_some(), it.id.is_some(), it.group_id.is_some(), it.entity_ids.is_some()));
        if read.is_empty() || !are_readings {
            self.updates.truncate(before);
            return false;
        }
        true
    }

    /// The slow way, for whatever else there is.
    fn look_closely(&mut self, text: &str, wrappers: usize) {
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
                if is_reading(has("type"), has("id"), has("groupId"), has("entityIds")) {
                    match RealtimeData::deserialize(value) {
                        Ok(reading) => self.updates.push(reading),
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
            // Some servers serialise twice.
            Value::String(text) if wrappers > 0 && text.trim_start().starts_with(['{', '[']) => {
                match json::read(text.as_bytes()) {
                    Ok(value) => self.visit(camel_case_names(value), wrappers - 1),
                    Err(_) => self.unknown += 1,
                }
            }
            // A subscription's id beside its data, for one.
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
    fn an_odd_byte_costs_no_reading() {
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
                &[
                    r#"{"type":"agent","id":9,"sessions":{"audio":{"sessions":[{"sessionId":1,"customerName":"\ud83d"}]}}}"#,
                ],
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
