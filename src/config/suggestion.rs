//! Finds the known key that somebody probably meant.

use std::collections::BTreeSet;
use std::path::Path;

use super::context::{Reading, without_places};
use super::source::{parse, path, variable};
use super::{Config, ConfigError};

/// The file that shows every section. The types tell their keys while it is read, so no list of them is kept by hand.
const EXAMPLE: &str = include_str!("../../callboard.example.toml");

/// Every key, such as `clarity.api_root` or `wallboards[].name`.
pub(super) fn known_keys() -> BTreeSet<String> {
    let reading = Reading::new(None);
    if let Ok(written) = parse(EXAMPLE, Path::new("callboard.example.toml")) {
        // A test holds that this succeeds; here only the keys matter, and they are collected on the way.
        let _ = reading.read::<Config>(&written);
    }
    reading.known()
}

/// The same complaint, with the known key that looks most like the unknown one.
pub(super) fn with_nearest(error: ConfigError) -> ConfigError {
    let ConfigError::UnknownKey { key, .. } = error else { return error };
    let nearest = match path(&key) {
        Some(path) => variable(&nearest(&path)),
        None => nearest(&key),
    };
    ConfigError::UnknownKey { key, nearest }
}

fn nearest(key: &str) -> String {
    let plain = without_places(key);
    let best = known_keys()
        .into_iter()
        .max_by(|left, right| likeness(&plain, left).total_cmp(&likeness(&plain, right)))
        .unwrap_or_default();
    match (key.rsplit_once('.'), best.rsplit_once('.')) {
        // A neighbour: say which of the list's tables it belongs to.
        (Some((table, _)), Some((known_table, name))) if without_places(table) == known_table => {
            format!("{table}.{name}")
        }
        _ => best.replace("[]", "[0]"),
    }
}

/// How much alike two keys look, of 2. The last word counts twice, because a key in the wrong section is as common as a
/// slip of the finger.
pub(super) fn likeness(key: &str, known: &str) -> f64 {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    strsim::normalized_damerau_levenshtein(key, known)
        + strsim::normalized_damerau_levenshtein(&last(key), &last(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_tell_their_keys() {
        let known = known_keys();
        for key in ["server.listen", "clarity.api_root", "goodays.api_token_file", "wallboards[].tiles", "queues"] {
            assert!(known.contains(key), "{key} is not in {known:?}");
        }
        assert!(known.contains("queues[].service_level.short_abandon_seconds"), "{known:?}");
    }

    #[test]
    fn a_slip_and_a_wrong_section_are_both_understood() {
        assert_eq!(nearest("clarity.api_rot"), "clarity.api_root");
        assert_eq!(nearest("listen"), "server.listen");
        assert_eq!(nearest("clarity.data_return_interval"), "agent_connect.data_return_interval");
        assert_eq!(nearest("wallboards[2].tile"), "wallboards[2].tiles");
        assert_eq!(nearest("gooddays"), "goodays");
        assert_eq!(nearest("clarity.pasword_file"), "clarity.password_file");
    }

    #[test]
    fn the_example_names_and_explains_every_key() {
        let mut section = String::new();
        let mut named = BTreeSet::new();
        let mut last_was_comment = false;
        for line in EXAMPLE.lines() {
            let shown = line.trim_start_matches("# ");
            if let Some(name) = line.strip_prefix("[[").and_then(|rest| rest.split_once("]]")) {
                section = format!("{}[]", name.0);
            } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                section = name.0.to_owned();
            } else if let Some((key, value)) = shown.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
                assert!(last_was_comment || value.contains(" # "), "{section}.{key} is not explained");
                named.insert(format!("{section}.{key}"));
            }
            last_was_comment = line.starts_with('#');
        }
        let leaves = known_keys().into_iter().filter(|key| key.split('.').count() == 2);
        for key in leaves.filter(|key| !key.ends_with("_file")) {
            assert!(named.contains(&key) || named.contains(&format!("{key}_file")), "{key} is missing in the example");
        }
    }

    #[test]
    fn a_variable_and_its_key_name_each_other() {
        assert_eq!(path("CALLBOARD__WALLBOARDS__0__NAME").as_deref(), Some("wallboards[0].name"));
        assert_eq!(variable("wallboards[0].name"), "CALLBOARD__WALLBOARDS__0__NAME");
        assert_eq!(path("PATH"), None);
    }
}
