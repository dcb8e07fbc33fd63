//! The difference of two documents, as a JSON Merge Patch (RFC 7396).
//!
//! A merge patch cannot write null: for it, null means "remove". The documents that go in here hold no null, and so
//! `apply(a, diff(a, b)) == b`. Patches are never put together: a removed and re-created member would keep what it had.

use serde_json::{Map, Value};

/// What turns one document into another. `None`: they are equal.
#[must_use]
pub fn diff(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(from_members), Value::Object(to_members)) = (from, to) else {
        return (from != to).then(|| to.clone());
    };
    let mut patch = Map::new();
    for (name, value) in to_members {
        match from_members.get(name) {
            None => {
                patch.insert(name.clone(), value.clone());
            }
            Some(known) => {
                if let Some(change) = diff(known, value) {
                    patch.insert(name.clone(), change);
                }
            }
        }
    }
    for name in from_members.keys().filter(|name| !to_members.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Applies a patch, as RFC 7396 section 2 says. What viewers do; here for tests and for programs in Rust.
pub fn apply(document: &mut Value, patch: &Value) {
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

/// Removes nulls wherever they are: absent means none. An upstream's unknown field may hold one.
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
    fn a_member_that_went_and_came_back_keeps_nothing_of_what_it_was() {
        let before = json!({"41":{"name":"Rob T.","sessions":{"82673":{"status":"active"}}}});
        let after = json!({"41":{"name":"Rob T.","status":"available"}});
        let patch = diff(&before, &after).expect("they differ");
        assert_eq!(patch, json!({"41":{"sessions":null,"status":"available"}}));
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
        fn applying_a_difference_gives_the_other_document(a in document(), b in document()) {
            let mut patched = a.clone();
            match diff(&a, &b) {
                Some(patch) => apply(&mut patched, &patch),
                None => prop_assert_eq!(&a, &b),
            }
            prop_assert_eq!(patched, b);
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
