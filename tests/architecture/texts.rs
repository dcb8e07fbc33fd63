//! The catalogue of texts, and what pages and scripts take from it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::source::root;

/// Tables of the catalogue whose entries are named in the code, and what reads them in Rust and in scripts.
const READ_BY_NAME: &[(&str, &[&str])] = &[
    ("label", &["words::label(", "word(\"label\", "]),
    ("help", &["words::help("]),
    ("reason", &["words::reason(", "reason(", "reasonText("]),
    ("format", &["words::pattern(", "pattern("]),
    ("text", &["words::text(", "textOf(", "text("]),
    ("markup", &["words::markup("]),
];

/// Attributes that a user reads.
const READ_ATTRIBUTES: [&str; 6] = ["title", "placeholder", "aria-label", "data-label", "data-done", "alt"];

/// What templates may say themselves: our name, and examples of what is typed.
const PLAIN: [&str; 5] = ["Callboard", "feedback.reply", "agent 41", "ABC DEF", "2026-11-21T09:30"];

pub type Catalogue = BTreeMap<String, BTreeMap<String, String>>;

pub fn catalogue() -> Catalogue {
    let text = fs::read_to_string(root().join("static/en.js")).expect("the catalogue is readable");
    let json = text.strip_prefix("export default ").and_then(|text| text.trim_end().strip_suffix(';'));
    serde_json::from_str(json.expect("the catalogue is one exported object")).expect("the catalogue is JSON")
}

/// The entries that a file names and the catalogue has not.
pub fn missing(catalogue: &Catalogue, path: &Path, text: &str) -> Vec<String> {
    let is_script = path.extension().is_some_and(|kind| kind == "js");
    let mut missing = Vec::new();
    for (table, readers) in READ_BY_NAME {
        for reader in readers.iter().filter(|reader| is_script != reader.starts_with("words::")) {
            for (at, _) in text.match_indices(reader) {
                let is_longer_name = text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '.');
                let Some(name) = text[at + reader.len()..].strip_prefix('"').and_then(|rest| rest.split('"').next())
                else {
                    continue;
                };
                if !is_longer_name && !catalogue[*table].contains_key(name) {
                    missing.push(format!("{table} {name}"));
                }
            }
        }
    }
    missing
}

/// The entries that no file names. The last step of a path of the document may be a name, as of a measure.
pub fn unused<'a>(catalogue: &'a Catalogue, files: &[String]) -> Vec<(&'a str, &'a str)> {
    let is_used = |name: &str| {
        files.iter().any(|text| text.contains(&format!("\"{name}\"")) || text.contains(&format!("/{name}\"")))
    };
    let tables = READ_BY_NAME.iter().flat_map(|(table, _)| {
        let (table, entries) = catalogue.get_key_value(*table).expect("the catalogue has the table");
        entries.keys().map(move |name| (table.as_str(), name.as_str()))
    });
    tables.filter(|(_, name)| !is_used(name)).collect()
}

/// What a template says itself instead of taking it from the catalogue.
pub fn literals(template: &str) -> Vec<String> {
    let html = without_tags_of_the_template(template);
    let (mut said, mut rest) = (Vec::new(), html.as_str());
    while let Some((text, after)) = rest.split_once('<') {
        said.push(text.to_owned());
        let end = end_of_element(after);
        for attribute in READ_ATTRIBUTES {
            for (at, _) in after[..end].match_indices(&format!(" {attribute}=\"")) {
                let value = &after[at + attribute.len() + 3..end];
                said.push(value.split('"').next().unwrap_or_default().to_owned());
            }
        }
        rest = after[end..].strip_prefix('>').unwrap_or(&after[end..]);
    }
    said.push(rest.to_owned());
    let spoken = said.into_iter().map(|text| PLAIN.iter().fold(text, |text, plain| text.replace(plain, "")));
    spoken.filter(|text| text.chars().any(char::is_alphabetic)).map(|text| text.trim().to_owned()).collect()
}

/// The template's HTML with a blank for each tag of askama.
fn without_tags_of_the_template(template: &str) -> String {
    let (mut html, mut rest) = (String::new(), template);
    while let Some(at) = ["{{", "{%", "{#"].iter().filter_map(|open| rest.find(open)).min() {
        html.push_str(&rest[..at]);
        html.push(' ');
        let close = match &rest[at..at + 2] {
            "{{" => "}}",
            "{%" => "%}",
            _ => "#}",
        };
        let end = rest[at..].find(close).map_or(rest.len(), |end| at + end + 2);
        rest = &rest[end..];
    }
    html.push_str(rest);
    html.replace('\n', " ")
}

/// Where an element's tag ends: a `>` outside of quotes.
fn end_of_element(tag: &str) -> usize {
    let mut is_quoted = false;
    let end = tag.char_indices().find(|(_, letter)| {
        is_quoted ^= *letter == '"';
        *letter == '>' && !is_quoted
    });
    end.map_or(tag.len(), |(at, _)| at)
}
