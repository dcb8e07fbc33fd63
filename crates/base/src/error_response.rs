//! Error responses of HTTP APIs: the error message in the body, and `Retry-After`.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::{Clock, http_date, json};

/// The longest `Retry-After` that is obeyed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// In characters. Longer messages are cut.
const MAX_MESSAGE: usize = 300;

/// `Retry-After` as a duration, at most a day. A date counts from the answer's own `Date`, so that no two clocks are
/// compared; only without a `Date` from this server's clock.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit()) {
        // More digits than fit into a number are a long time, too.
        return Some(value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs).min(MAX_RETRY_AFTER));
    }
    let now = http_date::date(headers).unwrap_or_else(|| Clock::system().now());
    let wait = http_date::parse_date(value)?.duration_since(now);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO).min(MAX_RETRY_AFTER))
}

/// The error message in the body of an error response, under any of the usual names. It is upstream text: shown to
/// people, never logged.
#[must_use]
pub fn message(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    let found = match json::read::<Value>(text.as_bytes()) {
        Ok(json) => find_message(&json)?,
        // An HTML page, from a gateway: it says nothing about the request.
        Err(_) if text.starts_with('<') => return None,
        Err(_) => text.to_owned(),
    };
    let line: String = found.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_MESSAGE).collect();
    (!line.is_empty()).then_some(line)
}

/// Whether the JSON of an answer reports an error in spite of its status: a non-empty `error` or `errors`.
#[must_use]
pub fn has_error(answer: &Value) -> bool {
    let is_set = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(code) => code.as_f64() != Some(0.0),
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    };
    let is_error = |name: &str| ["error", "errors"].iter().any(|known| name.eq_ignore_ascii_case(known));
    answer.as_object().is_some_and(|fields| fields.iter().any(|(name, value)| is_error(name) && is_set(value)))
}

fn find_message(json: &Value) -> Option<String> {
    match json {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let all: Vec<String> = items.iter().filter_map(find_message).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(fields) => ["message", "error", "errors", "detail", "details", "title", "reason"]
            .iter()
            .find_map(|name| fields.get(*name).and_then(find_message)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{DATE, HeaderName};

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_by_the_answers_clock() {
        let wait = |pairs: &[(HeaderName, &'static str)]| {
            let headers: HeaderMap =
                pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect();
            retry_after(&headers)
        };
        let (now, soon) = ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:30 GMT");
        assert_eq!(wait(&[(RETRY_AFTER, "120")]), Some(Duration::from_secs(120)));
        assert_eq!(wait(&[(RETRY_AFTER, soon), (DATE, now)]), Some(Duration::from_secs(30)));
        assert_eq!(wait(&[(RETRY_AFTER, now), (DATE, soon)]), Some(Duration::ZERO));
        assert_eq!(
            wait(&[(RETRY_AFTER, "Wednesday, 21-Oct-15 07:28:30 GMT"), (DATE, now)]),
            Some(Duration::from_secs(30))
        );
        assert_eq!(wait(&[(RETRY_AFTER, "Wed Oct 21 07:28:30 2015"), (DATE, now)]), Some(Duration::from_secs(30)));
        assert_eq!(wait(&[(RETRY_AFTER, now)]), Some(Duration::ZERO), "long ago by our own clock");
        assert_eq!(wait(&[(RETRY_AFTER, "Fri, 01 Jan 2900 00:00:00 GMT")]), Some(MAX_RETRY_AFTER));
        assert_eq!(wait(&[(RETRY_AFTER, " 7 ")]), Some(Duration::from_secs(7)));
        assert_eq!(wait(&[(RETRY_AFTER, "99999999999999999999999")]), Some(MAX_RETRY_AFTER));
        for nonsense in ["soon", "-5", "+5", "1.5", "", "1e3"] {
            assert_eq!(wait(&[(RETRY_AFTER, nonsense)]), None, "{nonsense}");
        }
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn message_is_found_under_its_usual_names() {
        let read = |body: &str| message(body.as_bytes());
        assert_eq!(read(r#"{"message":"Employee not found"}"#).as_deref(), Some("Employee not found"));
        assert_eq!(read(r#"{"errors":[{"title":"a"},"b"]}"#).as_deref(), Some("a; b"));
        assert_eq!(read(r#"{"error":{"message":"deep"}}"#).as_deref(), Some("deep"));
        assert_eq!(read("plain\n text").as_deref(), Some("plain text"));
        assert_eq!(read("<html>502</html>"), None);
        assert_eq!(read(r#"{"status":4}"#), None);
        assert_eq!(read(""), None);
        assert_eq!(read(&"x".repeat(1000)).map(|text| text.len()), Some(MAX_MESSAGE));
    }
}
