//! Names of our documents in words for people, from the catalogue `static/en.js`, which the ES modules import too. A
//! name without a word is shown as it came.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The catalogue: one JSON object of tables, in an ES module, so that scripts import the same file.
const CATALOGUE: &str = include_str!("../../../static/en.js");

static TABLES: LazyLock<HashMap<String, HashMap<String, String>>> = LazyLock::new(|| {
    let json = CATALOGUE.strip_prefix("export default ").and_then(|text| text.trim_end().strip_suffix(';'));
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
});

/// The word for a name, such as `word("status", "inCall")`; the name itself where there is none.
fn word<'a>(table: &str, name: &'a str) -> &'a str {
    TABLES.get(table).and_then(|words| words.get(name)).map_or(name, String::as_str)
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident from $table:literal),* $(,)?) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name(name: &str) -> &str {
                word($table, name)
            }
        )*

        /// The tables that the functions above read.
        #[cfg(test)]
        const NAMES: &[&str] = &[$($table),*];
    };
}

words! {
    /// An agent's status.
    status from "status",
    /// One of the seven activities of agents.
    activity from "activity",
    /// The state of a contact.
    contact from "contact",
    /// A modality.
    modality from "modality",
    /// One of the four systems, or the store.
    source from "source",
    /// The state of the store's disk.
    disk from "disk",
    /// The state of a survey request.
    survey from "survey",
    /// What caused a survey request.
    origin from "origin",
    /// An action on a response.
    action from "action",
    /// The state of an action.
    action_state from "actionState",
    /// The state of a response's thread.
    thread from "thread",
    /// What was assumed about a date.
    assumed from "assumed",
    /// The rule that attributed a response.
    rule from "rule",
    /// How reliable an attribution is.
    confidence from "confidence",
    /// How a source is read.
    transport from "transport",
    /// Whether a customer is a promoter.
    promoter_group from "promoter",
}

/// The seven activities, in the order in which a supervisor looks for them.
pub const ACTIVITIES: [&str; 7] = ["available", "ringing", "inContact", "afterCall", "away", "unknown", "loggedOut"];

/// The four ids that stand for no queue of the site (apis.md C57).
#[must_use]
pub fn special_queue(id: i64) -> Option<&'static str> {
    crate::domain::QueueId(id).special_name()
}

/// The group of a customer by their answer from 0 to 10.
#[must_use]
pub fn promoter(score: u8) -> &'static str {
    promoter_group(match score {
        9.. => "promoter",
        7 | 8 => "passive",
        _ => "detractor",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_the_catalogue() {
        let missing: Vec<_> = NAMES.iter().filter(|name| TABLES.get(**name).is_none_or(HashMap::is_empty)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
