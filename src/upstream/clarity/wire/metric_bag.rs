//! Metrics as answers and pushes write them.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::nullable::NullOr;
use crate::upstream::tolerant::{self, Fields};

/// Metrics by kind of contact (`audio`, `instantMessage`, `message`, `agnostic`) and name (apis.md C103). Names are in
/// camel case whatever was sent; values are numbers or objects of numbers (apis.md B79), or null. The second part lists
/// the kinds of contact that are null.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricBag(pub Fields<Fields<Value>>, pub Vec<String>);

impl<'de> Deserialize<'de> for MetricBag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut bag = Self::default();
        for (kind, metrics) in Fields::<NullOr<Fields<Value>>>::deserialize(from)?.0 {
            match metrics.0 {
                Some(Some(mut metrics)) => {
                    for (name, _) in &mut metrics.0 {
                        if name.starts_with(char::is_uppercase) {
                            *name = tolerant::camel_case(name);
                        }
                    }
                    bag.0.0.push((kind, metrics));
                }
                Some(None) => bag.1.push(kind),
                None => {}
            }
        }
        Ok(bag)
    }
}
