//! The difference of two documents, as a JSON Merge Patch (RFC 7396).
//!
//! A merge patch cannot write null: for it, null means "remove". A document holds no null, so that applying the patch
//! gives the other document. Patches are never put together: a removed and re-created member would keep what it had.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::{FeedbackActionKind, MetricValue, RequestState};

/// A value of the document, of which viewers get only the changes.
pub trait MergePatch: Serialize + PartialEq {
    /// Whether an object that holds it leaves it out. A document holds no null.
    fn is_absent(&self) -> bool {
        false
    }

    /// What turns `was` into this value, which is another one.
    fn patch(&self, _was: &Self) -> Value {
        to_json(self)
    }
}

/// A value as JSON. The document's maps have text keys and its values are plain, so that they always have a JSON form.
pub(in crate::live) fn to_json<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Notes in the patch of an object how one of its members changed, if it did.
pub(super) fn note_change<T: MergePatch>(patch: &mut Map<String, Value>, name: &str, was: &T, is: &T) {
    if was == is {
        return;
    }
    let change = match (was.is_absent(), is.is_absent()) {
        (_, true) => Value::Null,
        (true, false) => to_json(is),
        (false, false) => is.patch(was),
    };
    patch.insert(name.to_owned(), change);
}

/// An object of the document. Its members are written under their names, or under those that are given. Members that
/// are absent are left out: `None`, an empty list or map, and a `bool` that is false. A false that says something is an
/// `Option<bool>`. `extends` adds the members of another object.
macro_rules! object {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident $(extends $base:ident as $inherited:ident)? {
            $($(#[$about:meta])* pub $member:ident: $kind:ty $(= $key:tt)?,)*
        }
    ) => {
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(default)]
        $(#[$attribute])*
        pub struct $name {
            $(
                /// The members that it shares.
                #[serde(flatten)]
                pub $inherited: $base,
            )?
            $(
                $(#[$about])*
                #[serde(skip_serializing_if = "crate::live::document::merge_patch::MergePatch::is_absent" $(,
                    rename = $key)?)]
                pub $member: $kind,
            )*
        }

        impl $name {
            /// Notes how each member changed.
            pub(super) fn note_changes(&self, was: &Self, patch: &mut serde_json::Map<String, serde_json::Value>) {
                $(self.$inherited.note_changes(&was.$inherited, patch);)?
                $(
                    let name = [stringify!($member) $(, $key)?];
                    crate::live::document::merge_patch::note_change(patch, name[name.len() - 1], &was.$member,
                        &self.$member);
                )*
            }
        }

        impl crate::live::document::merge_patch::MergePatch for $name {
            fn patch(&self, was: &Self) -> serde_json::Value {
                let mut patch = serde_json::Map::new();
                self.note_changes(was, &mut patch);
                patch.into()
            }
        }
    };
}
pub(super) use object;

/// Values that are replaced whole.
macro_rules! whole {
    ($($kind:ty),+) => {
        $(impl MergePatch for $kind {})+
    };
}
whole!(String, Arc<str>, u8, u32, i64, u64, f64, Timestamp, FeedbackActionKind, RequestState);

impl MergePatch for bool {
    fn is_absent(&self) -> bool {
        !self
    }
}

impl<T: MergePatch> MergePatch for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn patch(&self, was: &Self) -> Value {
        match (was, self) {
            (Some(was), Some(is)) => is.patch(was),
            _ => to_json(self),
        }
    }
}

impl<T: Serialize + PartialEq> MergePatch for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Serialize + Ord> MergePatch for BTreeSet<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<K: Serialize + Ord + Display, V: MergePatch> MergePatch for BTreeMap<K, V> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn patch(&self, was: &Self) -> Value {
        let mut patch = Map::new();
        for (key, is) in self {
            match was.get(key) {
                None => drop(patch.insert(key.to_string(), to_json(is))),
                // A map keeps members that an object would leave out.
                Some(was) if was != is => drop(patch.insert(key.to_string(), is.patch(was))),
                Some(_) => {}
            }
        }
        for key in was.keys().filter(|key| !self.contains_key(*key)) {
            patch.insert(key.to_string(), Value::Null);
        }
        patch.into()
    }
}

impl MergePatch for MetricValue {
    fn patch(&self, was: &Self) -> Value {
        match (was, self) {
            (Self::Parts(was), Self::Parts(is)) => is.patch(was),
            _ => to_json(self),
        }
    }
}

/// What no type is known for: a site's own fields, and customers' answers.
impl MergePatch for Value {
    fn is_absent(&self) -> bool {
        self.is_null()
    }

    fn patch(&self, was: &Self) -> Value {
        let (Self::Object(was), Self::Object(is)) = (was, self) else { return self.clone() };
        let mut patch = Map::new();
        for (name, value) in is {
            note_change(&mut patch, name, was.get(name).unwrap_or(&Self::Null), value);
        }
        for name in was.keys().filter(|name| !is.contains_key(*name)) {
            patch.insert(name.clone(), Self::Null);
        }
        patch.into()
    }
}

/// Removes nulls wherever they are: absent means none. A field that no type is known for may hold one.
pub fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(strip_nulls);
        }
        _ => {}
    }
}

/// Applies a patch, as RFC 7396 section 2 says: what viewers do.
#[cfg(test)]
pub(super) fn apply(document: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *document = patch.clone();
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    let Value::Object(members) = document else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            apply(members.entry(name.as_str()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn applying_follows_the_examples_of_rfc_7396() {
        // Appendix A, all of it.
        let cases = [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), Value::Null, Value::Null),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ];
        for (original, patch, result) in cases {
            let mut document = original.clone();
            apply(&mut document, &patch);
            assert_eq!(document, result, "{original} with {patch}");
        }
    }

    #[test]
    fn patch_removes_what_a_new_member_does_not_have() {
        let before = json!({"41":{"name":"Rob T.","sessions":{"82673":{"status":"active"}}}});
        let after = json!({"41":{"name":"Rob T.","status":"available"}});
        assert_eq!(after.patch(&before), json!({"41":{"sessions":null,"status":"available"}}));
    }

    object! {
        /// One of each kind of member.
        pub struct Sample {
            /// Text.
            pub name: String,
            /// A mark.
            pub is_marked: bool = "isMarked",
            /// A statement.
            pub open: Option<bool>,
            /// A list.
            pub tags: Vec<String>,
            /// Metrics.
            pub metrics: BTreeMap<String, BTreeMap<String, MetricValue>>,
            /// What no type is known for.
            pub other: BTreeMap<String, Value>,
        }
    }

    object! {
        /// An object with the members of another.
        pub struct Whole extends Sample as sample {
            /// One more.
            pub count: u64,
            /// Objects by name.
            pub parts: BTreeMap<String, Sample>,
            /// An object.
            pub part: Option<Sample>,
        }
    }

    fn sample() -> impl Strategy<Value = Sample> {
        let metric = prop_oneof![
            (0..3_i64).prop_map(MetricValue::Count),
            prop::collection::btree_map("[ab]".prop_map(Arc::from), (0..2_i64).prop_map(MetricValue::Count), 0..3)
                .prop_map(MetricValue::Parts)
        ];
        let metrics = prop::collection::btree_map("[ab]", prop::collection::btree_map("[ab]", metric, 0..3), 0..3);
        let other = prop::collection::btree_map("[ab]", document(), 0..3);
        let plain = ("[ab]?", any::<bool>(), any::<Option<bool>>(), prop::collection::vec("[ab]", 0..2));
        (plain, metrics, other).prop_map(|((name, is_marked, open, tags), metrics, other)| Sample {
            name,
            is_marked,
            open,
            tags,
            metrics,
            other,
        })
    }

    fn whole() -> impl Strategy<Value = Whole> {
        let parts = prop::collection::btree_map("[ab]", sample(), 0..3);
        (sample(), 0..3_u64, parts, prop::option::of(sample())).prop_map(|(sample, count, parts, part)| Whole {
            sample,
            count,
            parts,
            part,
        })
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (0..4_i64).prop_map(Value::from),
            "[ab]?".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn applying_a_patch_gives_the_other_value(a in document(), b in document()) {
            let mut patched = a.clone();
            apply(&mut patched, &b.patch(&a));
            prop_assert_eq!(patched, b);
        }

        #[test]
        fn applying_a_patch_gives_the_other_object(a in whole(), b in whole()) {
            let (mut patched, other) = (to_json(&a), to_json(&b));
            apply(&mut patched, &b.patch(&a));
            prop_assert!(!other.to_string().contains("null"));
            prop_assert_eq!(patched, other);
        }

        #[test]
        fn stripped_documents_hold_no_null(mut value in document(), key in "[abc]") {
            if let Value::Object(members) = &mut value {
                members.insert(key, json!([null, {"x": null, "y": [null]}]));
            }
            strip_nulls(&mut value);
            prop_assert!(!value.to_string().contains("null"));
        }
    }
}
