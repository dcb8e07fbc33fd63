//! How a customer is recognised: by e-mail address and by telephone number, whichever way they are written (`apis.md` D.2).

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// How one customer may be recognised. Empty: not at all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    pub(super) emails: BTreeSet<String>,
    pub(super) phones: BTreeSet<Phone>,
}

/// A telephone number, without all that is not a digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phone {
    /// With the number of its country.
    International(String),
    /// As it is dialled in its country, without the zero in front.
    National(String),
}

impl Person {
    /// Somebody with this address and this number, as far as these are any.
    #[must_use]
    pub fn new(email: Option<&str>, phone: Option<&str>) -> Self {
        Self {
            emails: email.and_then(read_email).into_iter().collect(),
            phones: phone.and_then(Phone::read).into_iter().collect(),
        }
    }

    /// The same customer, of whom more is known.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.emails.extend(other.emails);
        self.phones.extend(other.phones);
        self
    }

    /// Whether nobody can be recognised by this.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        self.emails.is_empty() && self.phones.is_empty()
    }

    /// Whether a text names this customer.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        self.emails.iter().any(|email| has_address(&lower, email))
            || (!self.phones.is_empty()
                && numbers(text).any(|found| self.phones.iter().any(|phone| phone.is_the_same_as(&found))))
    }
}

impl Phone {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.split(';').next().unwrap_or(text);
        let text = ["sip:", "tel:"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text).trim();
        let is_number = |letter: char| letter.is_ascii_digit() || "+ ()-./\u{a0}".contains(letter);
        if !text.chars().all(is_number) {
            return None;
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let with_country = text
            .trim_start_matches(['(', ' '])
            .starts_with('+')
            .then_some(digits.as_str())
            .or_else(|| digits.strip_prefix("00"));
        let number = match with_country {
            Some(digits) => Self::International(digits.to_owned()),
            None if digits.len() > 10 && !digits.starts_with('0') => Self::International(digits),
            None => Self::National(digits.trim_start_matches('0').to_owned()),
        };
        (7..=15).contains(&number.digits().len()).then_some(number)
    }

    pub(super) fn digits(&self) -> &str {
        match self {
            Self::International(digits) | Self::National(digits) => digits,
        }
    }

    /// How an international number may be written without its country, whichever that is.
    pub(super) fn national_forms(&self) -> Vec<&str> {
        let Self::International(digits) = self else { return Vec::new() };
        (1..=3).filter_map(|country| digits.get(country..)).filter(|rest| rest.len() >= 7).collect()
    }

    fn is_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::International(_), Self::National(digits)) => self.national_forms().contains(&digits.as_str()),
            (Self::National(digits), Self::International(_)) => other.national_forms().contains(&digits.as_str()),
            _ => self == other,
        }
    }
}

fn read_email(text: &str) -> Option<String> {
    let email = text.trim().to_lowercase();
    let (name, host) = email.split_once('@')?;
    // Words that stand where an address should, such as NOTSET, are none.
    let is_one = !name.is_empty() && !host.is_empty() && !email.contains(char::is_whitespace);
    is_one.then_some(email)
}

/// Whether an address stands in a text by itself, and not as the end or the beginning of another one.
fn has_address(text: &str, email: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || "._%+-".contains(letter);
    text.match_indices(email).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + email.len()..]);
        // A full stop after it may end a sentence.
        let rest = after.trim_start_matches('.');
        !before.ends_with(is_part) && !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '-')
    })
}

/// What may be telephone numbers in a text.
fn numbers(text: &str) -> impl Iterator<Item = Phone> {
    let is_part = |letter: char| letter.is_ascii_digit() || "+ ()-./\u{a0}".contains(letter);
    text.split(move |letter| !is_part(letter)).filter_map(Phone::read)
}

/// Whether any text or number in it, keys included, is as wanted. `wanted` is asked about each.
pub(super) fn any_text(value: &Value, wanted: &mut impl FnMut(&str) -> bool) -> bool {
    match value {
        Value::String(text) => wanted(text),
        Value::Number(number) => wanted(&number.to_string()),
        Value::Array(items) => items.iter().any(|item| any_text(item, wanted)),
        Value::Object(fields) => fields.iter().any(|(key, item)| wanted(key) || any_text(item, wanted)),
        Value::Null | Value::Bool(_) => false,
    }
}

/// Without who it is.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(email: &str, phone: &str) -> Person {
        Person::new(Some(email), Some(phone))
    }

    #[test]
    fn an_address_is_the_same_in_any_case_and_words_for_none_are_none() {
        assert_eq!(person(" Rob.T@Example.COM ", ""), person("rob.t@example.com", "Unknown"));
        for nobody in ["", "NOTSET", "anonymous", "a b@example.com", "@example.com"] {
            assert!(person(nobody, nobody).is_nobody(), "{nobody}");
        }
        assert!(person("", "123456").is_nobody(), "too short for a number");
        assert!(person("", "sip:rob@example.com").is_nobody());
    }

    #[test]
    fn an_address_is_not_found_in_a_longer_one() {
        let ann = person("ann@example.com", "");
        for text in ["ann@example.com", "Write to <Ann@Example.com>.", "mailto:ann@example.com?x", "ann@example.com."] {
            assert!(ann.is_in(text), "{text}");
        }
        for text in ["joann@example.com", "jo.ann@example.com", "ann@example.com.au", "ann@example.community"] {
            assert!(!ann.is_in(text), "{text}");
        }
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        let wanted = person("", "+1 (312) 863-3465");
        for written in ["13128633465;EXT=3465", "tel:+13128633465", "312.863.3465", "(312) 863 3465", "0013128633465"] {
            assert!(wanted.is_in(written), "{written}");
        }
        assert!(wanted.is_in("Call me at +1 312 863 3465, please"));
        for other in ["+1 212 863 3465", "+1 312 863 3466", "863-3465 or so", "+44 1312 863 3465"] {
            assert!(!wanted.is_in(other), "{other}");
        }
        assert!(person("", "06 12 34 56 78").is_in("+33612345678"));
        assert!(person("", "+33612345678").is_in("06 12 34 56 78"));
    }
}
