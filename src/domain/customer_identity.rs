//! How a customer is recognized: by e-mail address, telephone number or CRM id, however they are written (apis.md D.2).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Placeholders that systems send instead of an identity.
const PLACEHOLDERS: [&str; 6] = ["anonymous", "none", "notset", "null", "undefined", "unknown"];

/// Local parts of addresses that many people share.
const SHARED_MAILBOXES: [&str; 12] = [
    "admin", "billing", "contact", "hello", "help", "info", "mail", "no-reply", "noreply", "office", "sales", "support",
];

/// How many of a telephone number's last digits make its match key: as many as the shortest number has.
const KEY_DIGITS: usize = 7;

/// By what one customer may be recognized. Empty: not at all.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerIdentity {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    emails: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    phones: BTreeSet<Phone>,
    /// Ids in the site's own systems (apis.md J20).
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    numbers: BTreeSet<String>,
}

/// The kinds of identities that two customers may share, the most reliable first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentityKind {
    /// An id in the site's own systems (apis.md J20).
    Number,
    /// An e-mail address (apis.md J21).
    Email,
    /// A telephone number, which a family or an office may share (apis.md J22).
    Phone,
}

impl IdentityKind {
    /// What users call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Email => "e-mail address",
            Self::Phone => "telephone number",
        }
    }
}

/// A telephone number, digits only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phone {
    /// With the country code.
    International(String),
    /// As it is dialed within its country, without the leading zero.
    National(String),
}

impl CustomerIdentity {
    /// A customer with this e-mail address and telephone number, as far as they are valid.
    #[must_use]
    pub fn new(email: Option<&str>, phone: Option<&str>) -> Self {
        Self {
            emails: email.and_then(read_email).into_iter().collect(),
            phones: phone.and_then(Phone::read).into_iter().collect(),
            numbers: BTreeSet::new(),
        }
    }

    /// A customer with this id in the site's own systems. Placeholders, and ids of one character, are ignored.
    #[must_use]
    pub fn numbered(number: &str) -> Self {
        let number = number.trim();
        let is_one = number.len() >= 2 && !PLACEHOLDERS.iter().any(|word| number.eq_ignore_ascii_case(word));
        Self { numbers: is_one.then(|| number.to_owned()).into_iter().collect(), ..Self::default() }
    }

    /// A customer who called from a SIP address. Its user part may be a telephone number. Otherwise, in the federated
    /// domains, the SIP address is also the e-mail address (apis.md J28). In other domains it is a name at a telephone
    /// company, by which no other system knows the customer: it is ignored.
    #[must_use]
    pub fn at_sip(address: &str, federated: &[String]) -> Self {
        let address = address.trim().to_lowercase();
        let named = ["sip:", "sips:"].iter().find_map(|scheme| address.strip_prefix(scheme));
        let (named, parameters) = named.unwrap_or_default().split_once([';', '?']).unwrap_or((named.unwrap_or(""), ""));
        let Some((user, domain)) = named.split_once('@') else { return Self::default() };
        if user.starts_with('+') || parameters.split(';').any(|parameter| parameter == "user=phone") {
            return Self::new(None, Some(user));
        }
        let domain = domain.split(':').next().unwrap_or(domain);
        let is_federated = federated.iter().any(|known| known.eq_ignore_ascii_case(domain));
        if is_federated { Self::new(Some(&format!("{user}@{domain}")), None) } else { Self::default() }
    }

    /// Adds the identities of `other`, the same customer.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.emails.extend(other.emails);
        self.phones.extend(other.phones);
        self.numbers.extend(other.numbers);
        self
    }

    /// Whether nothing identifies the customer.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.emails.is_empty() && self.phones.is_empty() && self.numbers.is_empty()
    }

    /// The e-mail addresses, in lower case.
    pub fn emails(&self) -> impl Iterator<Item = &str> {
        self.emails.iter().map(String::as_str)
    }

    /// The telephone numbers.
    pub fn phones(&self) -> impl Iterator<Item = &Phone> {
        self.phones.iter()
    }

    /// Removes addresses that many people share, such as info@: they do not identify a customer (apis.md J21).
    #[must_use]
    pub fn without_shared_addresses(mut self) -> Self {
        self.emails.retain(|email| email.split_once('@').is_none_or(|(name, _)| !SHARED_MAILBOXES.contains(&name)));
        self
    }

    /// The most reliable identity that the two share. `None`: nothing says that they are the same customer.
    #[must_use]
    pub fn shared_identity(&self, other: &Self) -> Option<IdentityKind> {
        let same_number = |phone: &Phone| other.phones.iter().any(|known| phone.is_the_same_as(known));
        if !self.numbers.is_disjoint(&other.numbers) {
            Some(IdentityKind::Number)
        } else if !self.emails.is_disjoint(&other.emails) {
            Some(IdentityKind::Email)
        } else {
            self.phones.iter().any(same_number).then_some(IdentityKind::Phone)
        }
    }

    /// Keys to look the customer up by: two customers with a [shared identity](Self::shared_identity) share at least
    /// one.
    pub fn match_keys(&self) -> impl Iterator<Item = Arc<str>> {
        let phones = self.phones.iter().map(|phone| {
            let digits = phone.digits();
            format!("tel {}", digits.get(digits.len().saturating_sub(KEY_DIGITS)..).unwrap_or(digits)).into()
        });
        let numbers = self.numbers.iter().map(|number| format!("no. {number}").into());
        self.emails.iter().map(|email| email.as_str().into()).chain(phones).chain(numbers)
    }

    /// Whether a text contains one of the customer's addresses or telephone numbers.
    pub fn is_in(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        self.emails.iter().any(|email| has_address(&lower, email))
            || (!self.phones.is_empty()
                && phones_in(text).any(|found| self.phones.iter().any(|phone| phone.is_the_same_as(&found))))
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

    /// The digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        match self {
            Self::International(digits) | Self::National(digits) => digits,
        }
    }

    /// How an international number may be written without its country code, which has one to three digits.
    #[must_use]
    pub fn national_forms(&self) -> Vec<&str> {
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
    // Placeholders such as NOTSET have no @.
    let is_one = !name.is_empty() && !host.is_empty() && !email.contains(char::is_whitespace);
    is_one.then_some(email)
}

/// Whether a text contains an address as a whole, and not as part of a longer one.
fn has_address(text: &str, email: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || "._%+-".contains(letter);
    text.match_indices(email).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + email.len()..]);
        // A full stop after the address may end a sentence.
        let rest = after.trim_start_matches('.');
        !before.ends_with(is_part) && !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '-')
    })
}

/// Everything in a text that may be a telephone number.
fn phones_in(text: &str) -> impl Iterator<Item = Phone> {
    let is_part = |letter: char| letter.is_ascii_digit() || "+ ()-./\u{a0}".contains(letter);
    text.split(move |letter| !is_part(letter)).filter_map(Phone::read)
}

/// Without the customer's data.
impl fmt::Debug for CustomerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerIdentity").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(email: &str, phone: &str) -> CustomerIdentity {
        CustomerIdentity::new(Some(email), Some(phone))
    }

    #[test]
    fn email_ignores_case_and_placeholders_are_no_identity() {
        assert_eq!(person(" Rob.T@Example.COM ", ""), person("rob.t@example.com", "Unknown"));
        for placeholder in ["", "NOTSET", "anonymous", "a b@example.com", "@example.com"] {
            assert!(person(placeholder, placeholder).is_unknown(), "{placeholder}");
        }
        assert!(person("", "123456").is_unknown(), "too short for a number");
        assert!(person("", "sip:rob@example.com").is_unknown());
    }

    /// The user part of a SIP address may be a telephone number (apis.md J22); an e-mail address it is in federated
    /// domains only (apis.md J28).
    #[test]
    fn sip_address_is_an_email_in_federated_domains_only() {
        let federated = ["example.com".to_owned(), "Partner.example".to_owned()];
        let rob = || person("rob@example.com", "");
        let number = || person("", "+13128633465");
        for (address, expected) in [
            ("sip:Rob@Example.com", rob()),
            ("sips:rob@example.com:5061;transport=tls", rob()),
            (" SIP:rob@example.com?subject=x ", rob()),
            ("sip:rob@partner.example", person("rob@partner.example", "")),
            ("sip:rob@voice.example.com", CustomerIdentity::default()),
            ("sip:rob@elsewhere.example", CustomerIdentity::default()),
            ("sip:+13128633465@example.com", number()),
            ("sip:13128633465@elsewhere.example;user=phone", number()),
            ("sip:1001@elsewhere.example", CustomerIdentity::default()),
            ("rob@example.com", CustomerIdentity::default()),
            ("sip:example.com", CustomerIdentity::default()),
            ("+13128633465", CustomerIdentity::default()),
            ("", CustomerIdentity::default()),
        ] {
            assert!(CustomerIdentity::at_sip(address, &federated) == expected, "{address}");
        }
        assert!(CustomerIdentity::at_sip("sip:rob@example.com", &[]).is_unknown());
    }

    #[test]
    fn shared_identity_is_the_most_reliable_and_implies_a_shared_key() {
        let jenny = || person("jenny@example.com", "+13128633465").and(CustomerIdentity::numbered("C-9"));
        let unknown = CustomerIdentity::default();
        for (other, shared_identity) in [
            (jenny(), Some(IdentityKind::Number)),
            (CustomerIdentity::numbered(" C-9 "), Some(IdentityKind::Number)),
            (person("Jenny@example.com", "none"), Some(IdentityKind::Email)),
            (person("", "(312) 863-3465"), Some(IdentityKind::Phone)),
            (person("", "+44 20 7863 3465"), None),
            (person("rob@example.com", "").and(CustomerIdentity::numbered("C-1")), None),
            (CustomerIdentity::numbered("Unknown").and(CustomerIdentity::numbered("0")), None),
            (unknown, None),
        ] {
            assert_eq!(
                jenny().shared_identity(&other),
                shared_identity,
                "{:?}",
                other.match_keys().collect::<Vec<_>>()
            );
            let shared = jenny().match_keys().any(|key| other.match_keys().any(|theirs| theirs == key));
            assert!(shared || shared_identity.is_none());
        }
    }

    #[test]
    fn shared_mailbox_identifies_no_customer() {
        let person = person("Info@example.com", "+13128633465").without_shared_addresses();
        assert_eq!((person.emails().count(), person.phones().count()), (0, 1));
    }

    #[test]
    fn identity_round_trips_through_json_and_hides_in_debug() {
        let jenny = person("jenny@example.com", "+13128633465").and(person("", "06 12 34 56 78"));
        let kept = serde_json::to_string(&jenny).expect("JSON");
        assert_eq!(serde_json::from_str::<CustomerIdentity>(&kept).expect("JSON"), jenny);
        assert_eq!(format!("{jenny:?}"), "CustomerIdentity { .. }");
    }

    #[test]
    fn email_is_not_found_within_a_longer_address() {
        let ann = person("ann@example.com", "");
        for text in ["ann@example.com", "Write to <Ann@Example.com>.", "mailto:ann@example.com?x", "ann@example.com."] {
            assert!(ann.is_in(text), "{text}");
        }
        for text in ["joann@example.com", "jo.ann@example.com", "ann@example.com.au", "ann@example.community"] {
            assert!(!ann.is_in(text), "{text}");
        }
    }

    #[test]
    fn phone_matches_however_it_is_written() {
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
