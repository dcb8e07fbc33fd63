//! "Did you mean": the known key that is most similar to an unknown one.

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::context::{LoadContext, without_indexes};
use super::deserializer::read;
use super::error::ConfigError;
use super::raw_value::{env_variable, key_of_env_variable, parse};
use super::similarity::most_similar;

/// The file that has every section. The types of `C` name their keys while they read it, so that no list of keys is
/// kept by hand.
const EXAMPLE: &str = include_str!("../../callboard.example.toml");

/// Every key of a configuration of type `C`, such as `clarity.api_root` or `wallboards[].name`.
fn known_keys<C: DeserializeOwned>() -> BTreeSet<String> {
    let context = LoadContext::new(None);
    if let Ok(raw) = parse(EXAMPLE, Path::new("callboard.example.toml")) {
        // A test proves that this succeeds; here only the keys matter, and they are collected on the way.
        let _ = read::<C>(&context, &raw);
    }
    context.known_keys()
}

/// Completes [`ConfigError::UnknownKey`] with the most similar key of `C`. Other errors stay as they are.
pub(super) fn with_nearest_key<C: DeserializeOwned>(error: ConfigError) -> ConfigError {
    let ConfigError::UnknownKey { key, .. } = error else { return error };
    let nearest = match key_of_env_variable(&key) {
        Some(path) => env_variable(&nearest_key::<C>(&path)),
        None => nearest_key::<C>(&key),
    };
    ConfigError::UnknownKey { key, nearest }
}

fn nearest_key<C: DeserializeOwned>(key: &str) -> String {
    let plain = without_indexes(key);
    let best = most_similar(&plain, known_keys::<C>());
    match (key.rsplit_once('.'), best.rsplit_once('.')) {
        // In the same table: keep the index of the list's item.
        (Some((table, _)), Some((known_table, name))) if without_indexes(table) == known_table => {
            format!("{table}.{name}")
        }
        _ => best.replace("[]", "[0]"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn nearest(key: &str) -> String {
        nearest_key::<Config>(key)
    }

    #[test]
    fn known_keys_come_from_the_types() {
        let known = known_keys::<Config>();
        for key in ["server.listen", "clarity.api_root", "goodays.api_token_file", "wallboards[].tiles", "queues"] {
            assert!(known.contains(key), "{key} is not in {known:?}");
        }
        assert!(known.contains("queues[].service_level.short_abandon_seconds"), "{known:?}");
    }

    #[test]
    fn nearest_key_with_a_typing_error_or_in_another_section_is_found() {
        assert_eq!(nearest("clarity.api_rot"), "clarity.api_root");
        assert_eq!(nearest("listen"), "server.listen");
        assert_eq!(nearest("clarity.data_return_interval"), "agent_connect.data_return_interval");
        assert_eq!(nearest("wallboards[2].tile"), "wallboards[2].tiles");
        assert_eq!(nearest("gooddays"), "goodays");
        assert_eq!(nearest("clarity.pasword_file"), "clarity.password_file");
    }

    #[test]
    fn example_file_names_and_explains_every_key() {
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
        let leaves = known_keys::<Config>().into_iter().filter(|key| key.split('.').count() == 2);
        for key in leaves.filter(|key| !key.ends_with("_file")) {
            assert!(named.contains(&key) || named.contains(&format!("{key}_file")), "{key} is missing in the example");
        }
    }

    #[test]
    fn environment_variable_and_key_convert_into_each_other() {
        assert_eq!(key_of_env_variable("CALLBOARD__WALLBOARDS__0__NAME").as_deref(), Some("wallboards[0].name"));
        assert_eq!(env_variable("wallboards[0].name"), "CALLBOARD__WALLBOARDS__0__NAME");
        assert_eq!(key_of_env_variable("PATH"), None);
    }
}
