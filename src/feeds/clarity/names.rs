//! Names of metrics, agents, queues and customers as Clarity writes them.

use std::sync::{Arc, LazyLock};

use foldhash::HashSet;
use parking_lot::RwLock;

use crate::domain::Metric;
use crate::upstream::tolerant::normalized;

/// Metric names that are shared: several times what a site enables. Further ones are not, so that a peer that invents
/// names cannot fill the memory.
const MAX_SHARED: usize = 4096;

static METRIC_NAMES: LazyLock<RwLock<HashSet<Arc<str>>>> = LazyLock::new(RwLock::default);

/// The shared copy of a metric name: there are few of them, and they come with every change.
pub(super) fn shared(name: &str) -> Arc<str> {
    let known = METRIC_NAMES.read();
    if let Some(name) = known.get(name) {
        return Arc::clone(name);
    }
    let is_full = known.len() >= MAX_SHARED;
    drop(known);
    let name: Arc<str> = name.into();
    if !is_full {
        METRIC_NAMES.write().insert(Arc::clone(&name));
    }
    name
}

/// The metric with this name of Clarity's, in camel case (apis.md B43).
pub(super) fn metric(name: Arc<str>) -> Metric {
    match &*name {
        "queuedCount" => Metric::Queued,
        "answeredCount" => Metric::Answered,
        "abandonedCount" => Metric::Abandoned,
        "abandonedBeforeSLACount" => Metric::AbandonedBeforeServiceLevel,
        "abandonedAfterSLACount" => Metric::AbandonedAfterServiceLevel,
        "ronaCount" => Metric::NotAnswered,
        _ => Metric::Other(name),
    }
}

/// A name, unless it is blank or one of the words that Clarity writes where there is none, in any spelling: `Unknown`
/// for an agent without a public name, `None` for no agent (apis.md B89), `NOTSET` for anything that is not set (B86).
pub(super) fn real<T: AsRef<str>>(name: Option<T>) -> Option<T> {
    name.filter(|name| {
        let name = name.as_ref();
        let is_blank = |letter: char| {
            letter.is_whitespace()
                || letter.is_control()
                || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
        };
        !name.chars().all(is_blank) && !matches!(&*normalized(name), "unknown" | "none" | "notset")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholder_is_no_name() {
        for none in
            ["", "  ", "\u{a0}\u{200b}", "Unknown", "UNKNOWN", " unknown ", "(Unknown)", "None", "NOTSET", "Not Set"]
        {
            assert_eq!(real(Some(none)), None, "{none:?}");
        }
        for name in ["Unknown Pleasures", "Noni", "\u{2603}", "Ada L.", "\u{674e}"] {
            assert_eq!(real(Some(name)), Some(name));
        }
        assert_eq!(real(None::<&str>), None);
    }

    #[test]
    fn known_metric_is_translated_and_unknown_one_is_kept() {
        for known in Metric::KNOWN {
            let translated = metric(known.as_str().into());
            assert!(!matches!(translated, Metric::Other(_)) && translated == known, "{known}");
        }
        assert!(matches!(metric("averageHandleTime".into()), Metric::Other(name) if &*name == "averageHandleTime"));
    }

    #[test]
    fn equal_metric_names_share_one_copy() {
        assert!(Arc::ptr_eq(&shared("answeredCount"), &shared("answeredCount")));
        assert_ne!(shared("answeredCount"), shared("ronaCount"));
    }
}
