//! Texts for people, from the catalogue `static/en.js`, which the ES modules import too: names of columns, states and
//! reasons, formats, and sentences. A name without an entry is shown as it came.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

/// The catalogue: one JSON object of tables, in an ES module, so that scripts import the same file.
const CATALOGUE: &str = include_str!("../../../static/en.js");

static TABLES: LazyLock<HashMap<String, HashMap<String, String>>> = LazyLock::new(|| {
    let json = CATALOGUE.strip_prefix("export default ").and_then(|text| text.trim_end().strip_suffix(';'));
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
});

/// The entry for a name, such as `word("status", "inCall")`; the name itself where there is none.
fn word<'a>(table: &str, name: &'a str) -> &'a str {
    TABLES.get(table).and_then(|words| words.get(name)).map_or(name, String::as_str)
}

/// What a column, a tile or a button means; empty where its name says it all.
#[must_use]
pub fn help(name: &str) -> &'static str {
    TABLES.get("help").and_then(|words| words.get(name)).map_or("", String::as_str)
}

/// A text with its `{placeholders}` filled in. A placeholder without a value stays as it is.
#[must_use]
pub fn fill(text: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(begin) = rest.find('{') {
        let (before, from) = rest.split_at(begin);
        filled.push_str(before);
        let Some(end) = from.find('}') else {
            rest = from;
            break;
        };
        match values.iter().find(|(name, _)| *name == &from[1..end]) {
            Some((_, value)) => filled.push_str(&value.to_string()),
            None => filled.push_str(&from[..=end]),
        }
        rest = &from[end + 1..];
    }
    filled.push_str(rest);
    filled
}

/// A text with its only placeholder filled in, for templates.
#[must_use]
pub(super) fn with(text: &str, name: &str, value: impl Display) -> String {
    fill(text, &[(name, &value)])
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
    /// The name of a column, a field, a tile, a section or a button.
    label from "label",
    /// Why there is a dash instead of a value.
    reason from "reason",
    /// How a value with its unit is written.
    pattern from "format",
    /// A sentence, or a part of one.
    text from "text",
    /// A sentence with elements of HTML in it, without placeholders.
    markup from "markup",
    /// A month by its number.
    month from "month",
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
    /// What one of the four systems, or the store, holds.
    source_help from "sourceHelp",
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
    /// The state of a display.
    display_state from "displayState",
    /// The outcome of a use of a display's code or token.
    display_use from "displayUse",
    /// A role.
    role from "role",
    /// What a role of the demo sees and does.
    demo_role from "demoRole",
}

/// The seven activities, in the order in which a supervisor looks for them.
pub const ACTIVITIES: [&str; 7] = ["available", "ringing", "inContact", "afterCall", "away", "unknown", "loggedOut"];

/// The four ids that stand for no queue of the site (apis.md C57).
#[must_use]
pub fn special_queue(id: i64) -> Option<&'static str> {
    TABLES.get("specialQueue").and_then(|words| words.get(&id.to_string())).map(String::as_str)
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

    #[test]
    fn placeholders_are_filled_in() {
        let filled = |text| fill(text, &[("n", &3), ("name", &"{n} <b>")]);
        assert_eq!(filled("{n} of {name}."), "3 of {n} <b>.");
        assert_eq!(filled("{other} and {n"), "{other} and {n");
        assert_eq!(filled("3 %"), "3 %");
    }
}
