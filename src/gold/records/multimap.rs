//! Maps from a key to a set of values, without empty sets.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash};

/// Removes a value, and its key with the last value.
pub(super) fn remove<K: Eq + Hash, V: Ord>(map: &mut HashMap<K, BTreeSet<V>, impl BuildHasher>, key: &K, value: &V) {
    if let Some(values) = map.get_mut(key) {
        values.remove(value);
        if values.is_empty() {
            map.remove(key);
        }
    }
}
