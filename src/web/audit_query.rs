//! What an address says about which entries of the audit are wanted: `?user=5&action=agent&from=2026-11-21`.

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use utoipa::IntoParams;

use crate::domain::AgentId;
use crate::store::{AUDIT_OPEN, AUDIT_OUTCOMES, AuditFilter, AuditUser};

/// How many entries are shown by default.
const ENTRIES: u32 = 100;

/// How many entries are shown at most.
pub(super) const MAX_ENTRIES: u32 = 1000;

/// How long a text of a filter may be.
const LONGEST: usize = 200;

/// The names of the filters, in the order of the form.
const FILTERS: [&str; 7] = ["user", "action", "target", "outcome", "address", "from", "to"];

/// The filters in an address, for the description of the API: [`AuditQuery::read`] reads them tolerantly.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its description is used")]
pub struct AuditFilters {
    /// An agent number, or a part of a name in any case.
    #[param(max_length = 200)]
    user: Option<String>,
    /// An action, or the first part of one: `feedback` is all actions on feedback.
    #[param(max_length = 200)]
    action: Option<String>,
    /// A target, or the first words of one: `agent 41`, `agent`.
    #[param(max_length = 200)]
    target: Option<String>,
    /// `accepted`, `rejected`, `refused`, `failed`, `unknown`, or `open`: it has not ended.
    #[param(pattern = "^(accepted|rejected|refused|failed|unknown|open)$")]
    outcome: Option<String>,
    /// The address that the request came from.
    #[param(max_length = 200)]
    address: Option<String>,
    /// Entries of this time and later: with a zone, or a time or a date in the site's zone (`2026-11-21T09:30`).
    #[param(max_length = 200)]
    from: Option<String>,
    /// Entries before this time, in the same forms; a date includes that day.
    #[param(max_length = 200)]
    to: Option<String>,
    /// Only entries older than the one of this number: the way to the next page.
    before: Option<i64>,
    /// The number of entries.
    #[param(minimum = 0, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// What was asked for, as it was typed and as it is understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// The filters that were given, by name, as they were typed.
    typed: Vec<(&'static str, String)>,
    /// Which entries are wanted.
    pub filter: AuditFilter,
    /// Only entries older than this one.
    pub before: Option<i64>,
    /// How many.
    pub limit: u32,
    /// What is wrong with what was typed, as a sentence that repeats none of it.
    pub error: Option<String>,
}

impl AuditQuery {
    /// Reads the pairs of a query. An empty field is none: a form sends all of its fields. Times without a zone are the
    /// site's, and a date as `to` includes that day.
    #[must_use]
    pub fn read(pairs: &[(String, String)], zone: &TimeZone) -> Self {
        let mut asked = Self { limit: ENTRIES, ..Self::default() };
        let mut error = None;
        let mut seen = Vec::new();
        for (name, text) in pairs {
            let text = text.trim();
            let understood = match seen.contains(&name) {
                true => Err("Each filter may be given once.".to_owned()),
                false if text.is_empty() => Ok(()),
                false => asked.understand(name, text, zone),
            };
            seen.push(name);
            error = error.or(understood.err());
        }
        if let (Some(from), Some(to)) = (asked.filter.from, asked.filter.to)
            && from >= to
        {
            error = error.or(Some("\"From\" must be before \"to\".".to_owned()));
        }
        Self { error, ..asked }
    }

    /// What was asked for, if it can be.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn sound(mut self) -> Result<Self, String> {
        self.error.take().map_or(Ok(self), Err)
    }

    fn understand(&mut self, name: &str, text: &str, zone: &TimeZone) -> Result<(), String> {
        if let Some(known) = FILTERS.into_iter().find(|known| *known == name) {
            self.typed.push((known, text.chars().take(LONGEST).collect()));
        }
        let is_readable = text.chars().count() <= LONGEST && !text.contains(char::is_control);
        if !is_readable {
            return Err(format!("A filter may have up to {LONGEST} readable characters."));
        }
        match name {
            "user" => self.filter.user = Some(user(text)),
            "action" => self.filter.action = Some(text.to_owned()),
            "target" => self.filter.target = Some(text.to_owned()),
            "outcome" => {
                let known = AUDIT_OUTCOMES.into_iter().chain([AUDIT_OPEN]).find(|known| *known == text);
                let outcomes = || format!("The outcome is one of {} and {AUDIT_OPEN}.", AUDIT_OUTCOMES.join(", "));
                self.filter.outcome = Some(known.ok_or_else(outcomes)?);
            }
            "address" => {
                let address = text.parse().map_err(|_| "The address is an IPv4 or IPv6 address, such as 192.0.2.7.")?;
                self.filter.address = Some(address);
            }
            "from" => self.filter.from = Some(instant(text, zone, false)?),
            "to" => self.filter.to = Some(instant(text, zone, true)?),
            "before" => self.before = Some(text.parse().map_err(|_| "\"before\" is the number of an entry.")?),
            "limit" => {
                let limit: u32 = text.parse().map_err(|_| "\"limit\" is a whole number from 0 to 1000.")?;
                self.limit = limit.min(MAX_ENTRIES);
            }
            _ => return Err(format!("There are these filters: {}; and before and limit.", FILTERS.join(", "))),
        }
        Ok(())
    }

    /// A filter as it was typed; empty if it was not given.
    #[must_use]
    pub fn typed(&self, name: &str) -> &str {
        self.typed.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }

    /// Whether any filter was given.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        !self.typed.is_empty()
    }

    /// The same query for the entries before this one, or for the newest.
    #[must_use]
    pub fn query(&self, before: Option<i64>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.typed);
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
            if self.limit != ENTRIES {
                query.append_pair("limit", &self.limit.to_string());
            }
        }
        query.finish()
    }

    /// What was asked for, for the audit's own entry of an export.
    #[must_use]
    pub fn told(&self) -> serde_json::Value {
        self.typed.iter().map(|(name, text)| ((*name).to_owned(), serde_json::json!(text))).collect()
    }
}

/// `5`, `agent 5`, or a part of a name.
fn user(text: &str) -> AuditUser {
    let number = text.strip_prefix("agent ").unwrap_or(text).trim();
    number.parse().map_or_else(|_| AuditUser::Named(text.to_owned()), |agent| AuditUser::Agent(AgentId(agent)))
}

fn instant(text: &str, zone: &TimeZone, is_end: bool) -> Result<Timestamp, String> {
    let wrong = || "A time is written as 2026-11-21, 2026-11-21T09:30 or 2026-11-21T09:30:00Z.".to_owned();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let local = match text.parse::<civil::Date>() {
        // A date that is the whole text; a longer text may begin with one, too.
        Ok(date) if !text.contains(['T', 't', ' ']) => {
            let first = if is_end { date.checked_add(1.day()).map_err(|_| wrong())? } else { date };
            first.to_datetime(civil::Time::midnight())
        }
        _ => text.parse::<civil::DateTime>().map_err(|_| wrong())?,
    };
    Ok(zone.to_ambiguous_zoned(local).compatible().map_err(|_| wrong())?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<AuditQuery, String> {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        AuditQuery::read(&pairs, &TimeZone::get("America/Chicago").expect("a zone")).sound()
    }

    fn at(text: &str) -> Option<Timestamp> {
        Some(text.parse().expect("an instant"))
    }

    #[test]
    fn filters_are_read_and_kept_over_paging() {
        let asked = read("user=5&action=agent.status&target=&outcome=refused&address=::1&limit=7").expect("filters");
        let expected = AuditFilter {
            user: Some(AuditUser::Agent(AgentId(5))),
            action: Some("agent.status".into()),
            outcome: Some("refused"),
            address: Some("::1".parse().expect("an address")),
            ..AuditFilter::default()
        };
        assert_eq!(asked.filter, expected);
        let older = "user=5&action=agent.status&outcome=refused&address=%3A%3A1&before=9&limit=7";
        assert_eq!(asked.query(Some(9)), older);
        let again = read(older).expect("filters");
        assert_eq!((again.filter, again.before, again.limit), (expected, Some(9), 7));
        assert_eq!(read("user=Ann%26x").expect("a name").query(None), "user=Ann%26x");
        assert_eq!(read("user=agent+5").expect("a number").filter.user, Some(AuditUser::Agent(AgentId(5))));
    }

    #[test]
    fn times_are_the_sites_unless_they_say_otherwise() {
        for (query, from, to) in [
            ("from=2026-11-21", at("2026-11-21T06:00:00Z"), None),
            ("to=2026-11-21", None, at("2026-11-22T06:00:00Z")),
            ("from=2026-11-21T09:30", at("2026-11-21T15:30:00Z"), None),
            ("to=2026-11-21+09:30", None, at("2026-11-21T15:30:00Z")),
            ("from=2026-11-21T09:30:00Z", at("2026-11-21T09:30:00Z"), None),
            ("from=2026-11-21T09:30:00%2B01:00", at("2026-11-21T08:30:00Z"), None),
            // The hour that is left out in spring.
            ("from=2026-03-08T02:30", at("2026-03-08T08:30:00Z"), None),
        ] {
            let filter = read(query).expect(query).filter;
            assert_eq!((filter.from, filter.to), (from, to), "{query}");
        }
    }

    #[test]
    fn filter_that_cannot_be_is_refused_in_words_that_repeat_nothing() {
        for query in [
            "outcome=canary",
            "address=canary",
            "address=1.2.3",
            "from=canary",
            "to=2026-13-40",
            "from=2026-11-21T25:00",
            "from=2026-11-22&to=2026-11-20",
            "before=canary",
            "limit=-1",
            "user=canary&user=canary",
            "canary=1",
            "action=canary%0d%0ax",
            &format!("target={}", "canary".repeat(40)),
            "from=9999999-01-01",
        ] {
            let error = read(query).expect_err(query);
            assert!(error.ends_with('.') && !error.contains("canary"), "{query}: {error}");
        }
    }
}
