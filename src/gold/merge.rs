//! Merges updates of maps: absent is unchanged, `null` removes, a value is set, at every depth.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::metric::MetricPath;
use crate::domain::{Metric, MetricValue, Metrics, Unclassified};

type Bag<Name> = BTreeMap<Name, MetricValue>;

/// Updates shared metrics. Metrics of several numbers are updated number by number.
pub(super) fn metrics(known: &mut Arc<Metrics>, cleared: &[MetricPath], update: Metrics) {
    // Readers share the metrics of an entity: a write copies them, so an update without a change must not write.
    let is_absent = |(modality, names): &MetricPath| {
        known.get(modality).is_none_or(|bag| !names.is_empty() && value_at(bag, names).is_none())
    };
    let is_known = |(modality, bag): (&_, &Bag<Metric>)| known.get(modality).is_some_and(|known| covers(known, bag));
    if cleared.iter().all(is_absent) && update.iter().all(is_known) {
        return;
    }
    let known = Arc::make_mut(known);
    apply(known, cleared.iter(), update);
}

/// Updates metrics that are not shared.
pub(super) fn apply<'a>(known: &mut Metrics, cleared: impl Iterator<Item = &'a MetricPath>, update: Metrics) {
    for (modality, names) in cleared {
        match names.split_first() {
            None => drop(known.remove(modality)),
            Some((metric, parts)) => drop(known.get_mut(modality).map(|bag| remove(bag, metric, parts))),
        }
    }
    for (modality, bag) in update {
        extend(known.entry(modality).or_default(), bag);
    }
}

fn extend<Name: Ord>(known: &mut Bag<Name>, update: Bag<Name>) {
    for (name, value) in update {
        match (known.get_mut(&name), value) {
            (Some(MetricValue::Parts(known)), MetricValue::Parts(update)) => extend(known, update),
            (Some(known), value) => *known = value,
            (None, value) => drop(known.insert(name, value)),
        }
    }
}

fn covers<Name: Ord>(known: &Bag<Name>, update: &Bag<Name>) -> bool {
    update.iter().all(|(name, value)| match (known.get(name), value) {
        (Some(MetricValue::Parts(known)), MetricValue::Parts(update)) => covers(known, update),
        (Some(known), value) => known == value,
        (None, _) => false,
    })
}

/// Removes a metric, or a part of one.
fn remove<Name: Ord + Borrow<str>>(bag: &mut Bag<Name>, name: &str, parts: &[Arc<str>]) {
    match (parts.split_first(), bag.get_mut(name)) {
        (None, _) => drop(bag.remove(name)),
        (Some((part, below)), Some(MetricValue::Parts(known))) => remove(known, part, below),
        _ => {}
    }
}

fn value_at<'a, Name: Ord + Borrow<str>>(bag: &'a Bag<Name>, names: &[Arc<str>]) -> Option<&'a MetricValue> {
    let (name, parts) = names.split_first()?;
    match bag.get(&**name)? {
        value if parts.is_empty() => Some(value),
        MetricValue::Parts(known) => value_at(known, parts),
        _ => None,
    }
}

/// Updates fields that have no type of ours, each as a whole.
pub(super) fn other(known: &mut Arc<Unclassified>, update: Unclassified) {
    let is_known = |(name, value): (&Arc<str>, &serde_json::Value)| match known.get(name) {
        Some(known) => known == value,
        None => value.is_null(),
    };
    if update.iter().all(is_known) {
        return;
    }
    let known = Arc::make_mut(known);
    for (name, value) in update {
        if value.is_null() {
            known.remove(&name)
        } else {
            known.insert(name, value)
        };
    }
}

/// The fields of a snapshot.
pub(super) fn present(mut other: Unclassified) -> Unclassified {
    other.retain(|_, value| !value.is_null());
    other
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Modality;

    fn read(value: serde_json::Value) -> Bag<Metric> {
        let bag: Bag<Arc<str>> = serde_json::from_value(value).expect("metrics");
        bag.into_iter().map(|(name, value)| (Metric::from(&*name), value)).collect()
    }

    #[test]
    fn metrics_update_sets_clears_and_keeps_at_every_depth() {
        let before = json!({"answered": 7, "wait": {"total": 9, "count": 2}});
        for (cleared, update, after) in [
            (vec![], json!({}), before.clone()),
            (vec![], json!({"answered": 8}), json!({"answered": 8, "wait": {"total": 9, "count": 2}})),
            (vec![], json!({"wait": {"count": 3}}), json!({"answered": 7, "wait": {"total": 9, "count": 3}})),
            (vec![], json!({"wait": 5}), json!({"answered": 7, "wait": 5})),
            (vec![vec!["answered"]], json!({}), json!({"wait": {"total": 9, "count": 2}})),
            (vec![vec!["wait", "total"]], json!({}), json!({"answered": 7, "wait": {"count": 2}})),
            (vec![vec!["mood"], vec!["mood", "today"], vec!["answered", "total"]], json!({}), before.clone()),
            (vec![vec![]], json!({"answered": 1}), json!({"answered": 1})),
        ] {
            let mut known = Arc::new(Metrics::from([(Modality::Audio, read(before.clone()))]));
            let path = |names: &Vec<&str>| (Modality::Audio, names.iter().map(|name| Arc::from(*name)).collect());
            let paths: Vec<MetricPath> = cleared.iter().map(path).collect();
            let untouched = Arc::clone(&known);
            let update = Metrics::from([(Modality::Audio, read(update))]);
            metrics(&mut known, &paths, update);
            assert_eq!(known[&Modality::Audio], read(after.clone()), "{cleared:?} {after}");
            assert_eq!(Arc::ptr_eq(&known, &untouched), after == before, "no copy without a change");
        }
    }

    #[test]
    fn untyped_fields_are_replaced_and_removed_by_null() {
        let map = |value: serde_json::Value| -> Unclassified { serde_json::from_value(value).expect("a map") };
        let mut known = Arc::new(map(json!({"mood": "good", "since": 1})));
        other(&mut known, map(json!({"mood": null, "color": null, "since": 2})));
        assert_eq!(*known, map(json!({"since": 2})));
        assert_eq!(present(map(json!({"a": null, "b": 1}))), map(json!({"b": 1})));
    }
}
