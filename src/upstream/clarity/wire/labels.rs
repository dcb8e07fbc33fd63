//! What metrics are called in a language (apis.md C33).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Labels by the keys of the site's own dashboard. Metrics come and go with the site's settings, so a key without a
/// label is normal: its own words are shown then (apis.md B95).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labels(BTreeMap<String, Label>);

#[derive(Debug, Clone, PartialEq)]
struct Label {
    /// The key as it was written.
    key: String,
    text: String,
}

impl Labels {
    /// What a metric is called.
    #[must_use]
    pub fn label(&self, key: &str) -> String {
        self.found(key).map_or_else(|| words(key), str::to_owned)
    }

    /// What the site itself calls it, if it says so.
    #[must_use]
    pub fn given(&self, key: &str) -> Option<&str> {
        self.found(key)
    }

    /// What the site calls each metric, by the key as it was written. What is short for another label, or explains it,
    /// names no metric.
    pub fn metrics(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_aside = |key: &str| {
            let lower = key.to_lowercase();
            ["short", "description"].iter().any(|end| lower.strip_suffix(end).is_some_and(|of| self.0.contains_key(of)))
        };
        let labels = self.0.values().filter(move |label| !is_aside(&label.key) && !label.text.trim().is_empty());
        labels.map(|label| (label.key.as_str(), label.text.as_str()))
    }

    /// What it is called where there is little room. Sites ship texts that merely end in the word `Short`: without it
    /// they are the label.
    #[must_use]
    pub fn short(&self, key: &str) -> String {
        let found = self.found(&format!("{key}Short")).map(|text| text.strip_suffix(" Short").unwrap_or(text));
        found.map_or_else(|| self.label(key), str::to_owned)
    }

    /// The description, if the site has written one.
    #[must_use]
    pub fn description(&self, key: &str) -> Option<&str> {
        self.found(&format!("{key}Description")).filter(|text| self.found(key) != Some(text))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys differ in case between subscriptions and labels (apis.md B43).
    fn found(&self, key: &str) -> Option<&str> {
        self.0.get(&key.to_lowercase()).map(|label| label.text.as_str()).filter(|text| !text.trim().is_empty())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let all = BTreeMap::<String, Value>::deserialize(from)?;
        let texts = all.into_iter().filter_map(|(key, value)| match value {
            Value::String(text) => Some((key.to_lowercase(), Label { key, text })),
            _ => None,
        });
        Ok(Self(texts.collect()))
    }
}

/// `abandonedAfterSLACount` is "Abandoned after SLA count".
fn words(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let begins = letter.is_uppercase()
            && (before.is_some_and(|before| !before.is_uppercase()) || after.is_some_and(|after| after.is_lowercase()));
        match words.last_mut() {
            Some(word) if !begins => word.push(*letter),
            _ => words.push(letter.to_string()),
        }
    }
    let is_acronym = |word: &str| word.chars().count() > 1 && word.chars().all(char::is_uppercase);
    let mut text = words
        .into_iter()
        .map(|word| if is_acronym(&word) { word } else { word.to_lowercase() })
        .collect::<Vec<_>>()
        .join(" ");
    if let Some(first) = text.get(..1) {
        let first = first.to_uppercase();
        text.replace_range(..1, &first);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metric_without_label_is_named_by_its_words() {
        // apis.md B95: the document's own sample, cut where it is cut there.
        let labels: Labels = serde_json::from_value(json!({
            "abandonedAfterSLACount": "Abandoned After SLA Count",
            "abandonedAfterSLACountDescription": "Abandoned After SLA Count",
            "abandonedAfterSLACountShort": "Abandoned After SLA Count Short",
            "abandonedCount": "Abandoned Count",
            "abandonedCountDescription": "Customers who gave up while they waited",
            "ronaCount": "Ring On No Answer Count", "ronaCountShort": "RONA",
            "empty": " ", "odd": 7
        }))
        .expect("labels");
        assert_eq!(labels.label("AbandonedCount"), "Abandoned Count");
        assert_eq!(labels.short("abandonedAfterSLACount"), "Abandoned After SLA Count");
        assert_eq!(labels.short("ronaCount"), "RONA");
        assert_eq!(labels.description("abandonedAfterSLACount"), None, "it says nothing more");
        assert_eq!(labels.description("abandonedCount"), Some("Customers who gave up while they waited"));
        let metrics: Vec<_> = labels.metrics().map(|(key, _)| key).collect();
        assert_eq!(metrics, ["abandonedAfterSLACount", "abandonedCount", "ronaCount"]);
        assert_eq!(labels.given("RONAcount"), Some("Ring On No Answer Count"));
        assert_eq!(labels.given("takenCount"), None);
        for (key, expected) in [
            ("takenCount", "Taken count"),
            ("abandonedBeforeSLACount", "Abandoned before SLA count"),
            ("SLAPercent", "SLA percent"),
            ("empty", "Empty"),
            ("odd", "Odd"),
            ("éclairCount", "éclair count"),
            ("", ""),
        ] {
            assert_eq!((labels.label(key), labels.short(key)), (expected.to_owned(), expected.to_owned()), "{key}");
        }
    }
}
