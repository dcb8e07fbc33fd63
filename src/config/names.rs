//! The names of values: what a wallboard's tile shows, and what a threshold is on.

use super::ConfigError;
use super::suggestion::likeness;

/// What a tile may show of a queue, or of several together.
pub const TILES: [&str; 14] = [
    "queuedCount",
    "longestWait",
    "serviceLevel",
    "agentsAvailable",
    "agentsOnline",
    "csatToday",
    "npsToday",
    "answeredCount",
    "abandonedCount",
    "abandonedBeforeSLACount",
    "abandonedAfterSLACount",
    "takenCount",
    "ronaCount",
    "closedTodayMessageCount",
];

/// What stands before a metric's name that only the site's Clarity knows: a site chooses its metrics from over 500, and no
/// document lists them.
pub const CUSTOM_METRIC_PREFIX: &str = "metric.";

/// What a threshold may be on, besides what a tile may show of a queue.
const OF_AGENTS: [&str; 4] = ["agent.timeInState", "agent.occupancy", "agent.answeredCount", "agent.ronaCount"];

/// Refuses a tile that means nothing. `key` is where it stands.
pub(super) fn check_tile(key: &str, name: &str) -> Result<(), ConfigError> {
    check(key, name, "tile", &TILES.map(str::to_owned), CUSTOM_METRIC_PREFIX)
}

/// Refuses a value that no threshold can be on.
pub(super) fn check_value(key: &str, name: &str) -> Result<(), ConfigError> {
    let of_queues = TILES.iter().map(|name| format!("queue.{name}"));
    let known: Vec<String> = of_queues.chain(OF_AGENTS.map(str::to_owned)).collect();
    check(key, name, "value", &known, "queue.metric.")
}

fn check(key: &str, name: &str, kind: &str, known: &[String], own: &str) -> Result<(), ConfigError> {
    let is_own = name.strip_prefix(own).is_some_and(|name| !name.trim().is_empty());
    if is_own || known.iter().any(|known| known == name) {
        return Ok(());
    }
    let nearest = known.iter().max_by(|a, b| likeness(name, a).total_cmp(&likeness(name, b)));
    let nearest = nearest.map_or("", String::as_str);
    // What stands there is not repeated: it may be anything.
    Err(ConfigError::invalid(
        key,
        format!(
            "is not a known {kind}: did you mean \"{nearest}\"? A metric of your own Clarity is written \"{own}itsName\""
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_is_unknown_is_refused_with_its_neighbor() {
        let refused = |checked: Result<(), ConfigError>| checked.err().map(|error| error.to_string());
        let sentence = |key: &str, kind: &str, nearest: &str, own: &str| {
            Some(format!(
                "{key} is not a known {kind}: did you mean \"{nearest}\"? A metric of your own Clarity is written \
                 \"{own}itsName\"."
            ))
        };
        for (name, nearest) in [
            ("queudCount", Some("queuedCount")),
            ("QueuedCount", Some("queuedCount")),
            ("longest_wait", Some("longestWait")),
            ("agentsAvailble", Some("agentsAvailable")),
            ("nps", Some("npsToday")),
            ("queuedCount", None),
            ("npsToday", None),
            ("metric.callbackCount", None),
        ] {
            let found = refused(check_tile("wallboards[0].tiles[1]", name));
            let expected = nearest.and_then(|it| sentence("wallboards[0].tiles[1]", "tile", it, "metric."));
            assert_eq!(found, expected, "{name}");
        }
        assert!(check_tile("wallboards[0].tiles[1]", "metric.").is_err(), "no name is no metric");
        for (name, nearest) in [
            ("queue.longestWiat", Some("queue.longestWait")),
            ("longestWait", Some("queue.longestWait")),
            ("agent.timeinstate", Some("agent.timeInState")),
            ("queue.serviceLevel", None),
            ("agent.occupancy", None),
            ("queue.metric.callbackCount", None),
        ] {
            let found = refused(check_value("thresholds[0].on", name));
            let expected = nearest.and_then(|it| sentence("thresholds[0].on", "value", it, "queue.metric."));
            assert_eq!(found, expected, "{name}");
        }
    }
}
