//! Filters and sorting of a table. They are in the address, so every view can be sent to a colleague.

use icu_normalizer::DecomposingNormalizerBorrowed;
use url::form_urlencoded::{Serializer, parse};

use super::words;

/// Filters and sorting, parsed tolerantly: invalid values are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableQuery {
    /// Words to find in name, team, status or reason.
    pub q: String,
    /// Only this team, by id.
    pub team: String,
    /// Only this activity, such as `available`.
    pub state: String,
    /// The agents' column to sort by.
    pub sort: String,
    /// `desc` reverses that order.
    pub dir: String,
    /// `team` or `none`. Default: by team.
    pub group: String,
    /// The queues' column to sort by.
    pub qsort: String,
    /// `desc` reverses that order.
    pub qdir: String,
}

impl TableQuery {
    /// Reads a query string, if there is one.
    #[must_use]
    pub fn parse(query: Option<&str>) -> Self {
        let mut view = Self::default();
        for (name, value) in parse(query.unwrap_or_default().as_bytes()) {
            let field = match name.as_ref() {
                "q" => &mut view.q,
                "team" => &mut view.team,
                "state" => &mut view.state,
                "sort" => &mut view.sort,
                "dir" => &mut view.dir,
                "group" => &mut view.group,
                "qsort" => &mut view.qsort,
                "qdir" => &mut view.qdir,
                _ => continue,
            };
            *field = value.chars().filter(|letter| !letter.is_control()).take(100).collect();
        }
        view
    }

    /// Whether agents are grouped by team.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        self.group != "none"
    }

    /// The address of the supervisor page with this choice.
    #[must_use]
    pub fn address(&self) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.fields() {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        match query.finish() {
            empty if empty.is_empty() => "/supervisor".to_owned(),
            query => format!("/supervisor?{query}"),
        }
    }

    fn fields(&self) -> [(&'static str, &str); 8] {
        [
            ("q", &self.q),
            ("team", &self.team),
            ("state", &self.state),
            ("sort", &self.sort),
            ("dir", &self.dir),
            ("group", &self.group),
            ("qsort", &self.qsort),
            ("qdir", &self.qdir),
        ]
    }
}

/// The heading of a column that sorts.
pub(super) struct Heading {
    pub key: &'static str,
    pub label: &'static str,
    pub title: &'static str,
    pub is_number: bool,
    /// The link's address.
    pub href: String,
    /// `ascending`, `descending`, or empty.
    pub sorted: &'static str,
}

/// A column: its key in the address, the keys of its label and of its help (or none), and whether it is a number.
/// Numbers are sorted largest first.
pub(super) type Column = (&'static str, &'static str, &'static str, bool);

/// The headings of a table that is sorted by `sort` and `dir`. `with` makes the choice for another column.
pub(super) fn headings(
    columns: &[Column],
    sort: &str,
    dir: &str,
    with: impl Fn(&str, &str) -> TableQuery,
) -> Vec<Heading> {
    columns
        .iter()
        .map(|&(key, label, help, is_number)| {
            let is_sorted = key == sort;
            let next = match (is_sorted, dir) {
                (true, "desc") => "asc",
                (true, _) => "desc",
                (false, _) if is_number => "desc",
                (false, _) => "asc",
            };
            Heading {
                key,
                label: words::label(label),
                title: words::help(help),
                is_number,
                href: with(key, next).address(),
                sorted: match (is_sorted, dir) {
                    (false, _) => "",
                    (true, "desc") => "descending",
                    (true, _) => "ascending",
                },
            }
        })
        .collect()
}

/// A row's sort key. Rows without a value come last in either direction.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    None,
    Number(f64),
    Text(TextKey),
}

/// A text's place among others, for readers: letters by the alphabet whatever their case and accents, numbers within a
/// text by their value. A browser's `Intl.Collator` has the last word where it knows better (`static/table.js`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TextKey(String, String);

impl TextKey {
    pub fn new(text: &str) -> Self {
        const LONGEST_NUMBER: usize = 20;
        let is_mark = |letter: &char| ('\u{300}'..='\u{36f}').contains(letter);
        let plain = DecomposingNormalizerBorrowed::new_nfd().normalize(&text.to_lowercase()).into_owned();
        let (mut key, mut digits) = (String::with_capacity(plain.len()), String::new());
        for letter in plain.chars().filter(|letter| !is_mark(letter)).chain(['\0']) {
            if letter.is_ascii_digit() {
                digits.push(letter);
                continue;
            }
            if !digits.is_empty() {
                let number = digits.trim_start_matches('0');
                key.extend(std::iter::repeat_n('0', LONGEST_NUMBER.saturating_sub(number.len())));
                key.push_str(number);
                digits.clear();
            }
            key.push(letter);
        }
        Self(key, text.to_owned())
    }
}

impl Key {
    /// The place of a text; an empty one has none.
    pub fn text(text: &str) -> Self {
        if text.is_empty() { Self::None } else { Self::Text(TextKey::new(text)) }
    }

    /// The order of two rows; `descending` reverses it, except for rows without a value.
    pub fn compare(&self, other: &Self, descending: bool) -> std::cmp::Ordering {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let order = match (self, other) {
            (Self::None, Self::None) => return Equal,
            (Self::None, _) => return Greater,
            (_, Self::None) => return Less,
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Less,
            (Self::Text(_), Self::Number(_)) => Greater,
        };
        if descending { order.reverse() } else { order }
    }
}

impl From<Option<f64>> for Key {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::None, Self::Number)
    }
}
