//! The names of metrics: what a wallboard tile shows, and what a threshold is on.

use super::error::ConfigError;
use super::similarity::most_similar;

/// What a tile may show, of one queue or of several together.
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

/// The prefix of a metric that only the site's Clarity knows: a site chooses its metrics from over 500, and no document
/// lists them.
pub const CUSTOM_METRIC_PREFIX: &str = "metric.";

/// What a threshold may be on, besides the queue metrics of [`TILES`].
const AGENT_METRICS: [&str; 4] = ["agent.timeInState", "agent.occupancy", "agent.answeredCount", "agent.ronaCount"];

/// Refuses an unknown tile; `key` is its key.
pub(super) fn check_tile(key: &str, name: &str) -> Result<(), ConfigError> {
    check(key, name, "tile", &TILES.map(str::to_owned), CUSTOM_METRIC_PREFIX)
}

/// Refuses a metric that no threshold can be on; `key` is its key.
pub(super) fn check_value(key: &str, name: &str) -> Result<(), ConfigError> {
    let of_queues = TILES.iter().map(|name| format!("queue.{name}"));
    let known: Vec<String> = of_queues.chain(AGENT_METRICS.map(str::to_owned)).collect();
    check(key, name, "value", &known, "queue.metric.")
}

fn check(key: &str, name: &str, kind: &str, known: &[String], custom_prefix: &str) -> Result<(), ConfigError> {
    let is_custom = name.strip_prefix(custom_prefix).is_some_and(|name| !name.trim().is_empty());
    if is_custom || known.iter().any(|known| known == name) {
        return Ok(());
    }
    let nearest = most_similar(name, known.iter().cloned());
    // The value is not quoted: it may be a secret at the wrong key.
    Err(ConfigError::invalid(
        key,
        format!(
            "is not a known {kind}: did you mean \"{nearest}\"? A metric of your own Clarity is written \
                \"{custom_prefix}itsName\""
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_metric_is_refused_with_the_nearest_one() {
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
