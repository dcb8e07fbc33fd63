//! Dates in HTTP headers.

use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap};

/// The `Date` of an answer. Only in GMT (RFC 9110, section 5.6.7): other zones are not reliable enough for clock
/// estimates.
#[must_use]
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    Timestamp::try_from(httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?.trim()).ok()?).ok()
}

/// Parses a date in one of the three HTTP forms (RFC 9110, section 5.6.7) or in that of mail (RFC 2822).
#[must_use]
pub fn parse_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let http = httpdate::parse_http_date(text).ok().and_then(|time| Timestamp::try_from(time).ok());
    http.or_else(|| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp()))
}
