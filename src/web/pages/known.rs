//! A value as it is shown: a known number, or a dash with the reason. Only what was counted is ever 0. The same rules
//! as `why` in `static/format.js`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{PageState, Timer, format, words};
use crate::domain::SourceName;
use crate::live::document::{MetricsDoc, SourceDoc, StaffDoc};

/// A formatted number, or a dash with the reason.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Known {
    /// The text of the cell.
    pub text: String,
    /// Why there is no number, or whose number it is. Empty: nothing to explain.
    pub why: String,
}

impl Known {
    /// A text, or why there is none.
    pub fn new(text: Option<String>, why: impl FnOnce() -> String) -> Self {
        match text {
            Some(text) if text != format::NONE => Self { text, why: String::new() },
            _ => Self { text: format::NONE.to_owned(), why: why() },
        }
    }

    /// A count, or why there is none.
    pub fn count<N: TryInto<i64>>(count: Option<N>, why: impl FnOnce() -> String) -> Self {
        Self::new(count.map(|count| format::count(count.try_into().ok())), why)
    }
}

impl Timer {
    /// The same with a reason where it does not run.
    pub fn or(self, why: impl FnOnce() -> String) -> Self {
        Self { why: if self.text == format::NONE { why() } else { String::new() }, ..self }
    }
}

/// Reasons of the catalogue for a dash. Clarity is live and has not reported the value.
pub(super) const NOT_REPORTED: &str = "notReported";
/// Averages and extremes of several queues or modalities have no total.
pub(super) const NO_SUM: &str = "noSum";
/// Clarity does not report such a metric.
pub(super) const NOT_OFFERED: &str = "notOffered";
/// The metric is not among those that are requested from Clarity.
const NOT_REQUESTED: &str = "notRequested";
/// No customer has answered.
pub(super) const NO_RESPONSES: &str = "noResponses";
/// The teams that answer a queue are not known.
pub(super) const NO_TEAMS: &str = "noTeams";
/// Clarity's own number, where ours cannot be computed.
pub(super) const CLARITY_COUNT: &str = "clarityCount";
/// The value exists, but not for this viewer.
pub(super) const HIDDEN: &str = "hidden";

/// The sources of customers' answers.
pub(super) const ANSWERS: &[SourceName] = &[SourceName::Goodays, SourceName::AgentConnect];
/// The source of everything about calls.
pub(super) const CALLS: &[SourceName] = &[SourceName::Clarity];

/// Why a number from one of these sources is unknown. `otherwise` is the reason while one of them delivers data.
pub fn why(
    sources: &BTreeMap<String, Arc<SourceDoc>>,
    from: &[SourceName],
    is_hidden: bool,
    otherwise: &str,
) -> String {
    if is_hidden {
        return words::reason(HIDDEN).to_owned();
    }
    let known = |name: &SourceName| {
        let doc = sources.get(name.as_str());
        (*name, doc.map_or("off", |doc| doc.state.as_str()), doc.and_then(|doc| doc.reason.as_deref()))
    };
    let all: Vec<_> = from.iter().map(known).collect();
    if all.iter().any(|(_, state, _)| delivers(state)) {
        return words::reason(otherwise).to_owned();
    }
    // A configured source without connection says more than one that is not configured.
    let Some((name, state, reason)) = all.iter().find(|(_, state, _)| *state != "off").or(all.first()) else {
        return words::reason(otherwise).to_owned();
    };
    let name = words::source(name.as_str());
    let text = match *state {
        "off" => "notConfigured",
        "stale" => "noData",
        _ => "unreachable",
    };
    let text = words::fill(words::reason(text), &[("source", &name)]);
    match reason {
        Some(reason) if *state != "off" => format!("{text} {reason}"),
        _ => text,
    }
}

/// Whether one of these sources delivers data (live or polling), so that no entries are a count of zero.
pub(super) fn any_delivers(sources: &BTreeMap<String, Arc<SourceDoc>>, from: &[SourceName]) -> bool {
    from.iter().filter_map(|name| sources.get(name.as_str())).any(|doc| delivers(&doc.state))
}

fn delivers(state: &str) -> bool {
    matches!(state, "live" | "polling")
}

impl PageState {
    /// Why a value about calls is unknown.
    pub(super) fn why(&self, otherwise: &str) -> String {
        why(&self.state.sources, CALLS, false, otherwise)
    }

    /// Why a queue's metric is unknown.
    pub(super) fn why_no_metric(&self, name: &str, metrics: &MetricsDoc) -> String {
        if metrics.values().any(|values| values.keys().any(|known| known.eq_ignore_ascii_case(name))) {
            return self.why(NO_SUM);
        }
        let is_requested = self.queue_metrics.iter().any(|metric| metric.eq_ignore_ascii_case(name));
        self.why(if is_requested { NOT_OFFERED } else { NOT_REQUESTED })
    }

    /// Why a value from customers' answers is unknown.
    pub(super) fn why_unanswered(&self, is_hidden: bool) -> String {
        why(&self.state.sources, ANSWERS, is_hidden, NO_RESPONSES)
    }

    /// The agents that are counted under a key of `counts`.
    pub(super) fn staff(&self, of: &str) -> Option<&StaffDoc> {
        self.state.counts.get(of)?.staff.as_ref()
    }
}

/// A longest wait. There is none while no customer waits.
pub(super) fn longest_of(
    page: &PageState,
    since: Option<Timestamp>,
    waiting: Option<i64>,
    why: impl FnOnce() -> String,
) -> Timer {
    page.timer(since).or(|| if waiting == Some(0) { words::reason("noneWaiting").to_owned() } else { why() })
}
