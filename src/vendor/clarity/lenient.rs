//! Reading what is written loosely: numbers as text, booleans as text, times without zeros (`apis.md` B.4).
//!
//! One field that makes no sense never spoils the object around it: it reads as absent.

mod loose;

use std::borrow::Cow;
use std::marker::PhantomData;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub use loose::{Fields, Lenient};
use loose::{Kind, Object, Objects, Only, Scalar};

/// An id or count: an integer, or digits as text. Not `1.5`, not the empty text (`apis.md` B61).
///
/// # Errors
/// When the JSON itself is broken.
pub fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Only(|scalar: Scalar<'_>| match scalar {
        Scalar::Whole(number) => Some(number),
        Scalar::Text(text) => text.trim().parse().ok(),
        _ => None,
    })
    .read(from)
}

/// A list of ids; what is none is left out.
///
/// # Errors
/// When the JSON itself is broken.
pub fn integers<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<i64>>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Array(items) => Some(items.iter().filter_map(integer_of).collect()),
        _ => None,
    })
}

/// A boolean, also as text or as 0 and 1 (`apis.md` B62, B67).
///
/// # Errors
/// When the JSON itself is broken.
pub fn boolean<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Only(|scalar: Scalar<'_>| match scalar {
        Scalar::Flag(value) => Some(value),
        Scalar::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Scalar::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        Scalar::Whole(number) => Some(number != 0),
        _ => None,
    })
    .read(from)
}

/// A text, as whatever keeps it. `NOTSET` means that there is none (`apis.md` B86); numbers are texts where texts are expected.
///
/// # Errors
/// When the JSON itself is broken.
pub fn text<'de, D: Deserializer<'de>, T: for<'a> From<&'a str>>(from: D) -> Result<Option<T>, D::Error> {
    Only(|scalar: Scalar<'_>| match scalar {
        Scalar::Text("NOTSET") => None,
        Scalar::Text(text) => Some(text.into()),
        Scalar::Whole(number) => Some(number.to_string().as_str().into()),
        Scalar::Number(number) => Some(number.to_string().as_str().into()),
        _ => None,
    })
    .read(from)
}

/// A point in time; see [`time_of`].
///
/// # Errors
/// When the JSON itself is broken.
pub fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Only(|scalar: Scalar<'_>| match scalar {
        Scalar::Text(text) => time_of(text),
        _ => None,
    })
    .read(from)
}

/// An object whose fields are all read loosely, or nothing where there is no object.
///
/// # Errors
/// When the JSON itself is broken, or names a field twice.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Object(PhantomData).read(from)
}

/// A list of such objects, in any of the three shapes of [`list`]. Items that are no objects are left out.
///
/// # Errors
/// When the JSON itself is broken, or names a field twice.
pub fn objects<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<Vec<T>>, D::Error> {
    Objects(PhantomData).read(from)
}

/// Anything of a known type, or nothing.
///
/// # Errors
/// When the JSON itself is broken.
pub fn maybe<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(Value::deserialize(from)?).ok())
}

/// A list in any of the three shapes that the document shows: bare, wrapped in `items`, or a single object
/// (`apis.md` B80). Items that make no sense are left out.
///
/// # Errors
/// When the JSON itself is broken.
pub fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<Vec<T>>, D::Error> {
    Ok(list_of(Value::deserialize(from)?))
}

/// See [`list`].
#[must_use]
pub fn list_of<T: DeserializeOwned>(value: Value) -> Option<Vec<T>> {
    let items = match value {
        Value::Array(items) => items,
        Value::Object(mut object) => match object.remove("items") {
            Some(Value::Array(items)) => items,
            Some(Value::Null) => Vec::new(),
            _ => vec![Value::Object(object)],
        },
        _ => return None,
    };
    Some(items.into_iter().filter_map(|item| T::deserialize(item).ok()).collect())
}

/// A time as Clarity writes it: RFC 3339 with any precision, without a zone (UTC), with a blank for the `T`, or without
/// leading zeros as in `2016-1-1 05:00` (`apis.md` B68, B69). Years before 1970 mean "not set".
#[must_use]
pub fn time_of(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let time = text.parse().ok().or_else(|| unpadded(text))?;
    (time >= Timestamp::UNIX_EPOCH).then_some(time)
}

fn unpadded(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let mut date = date.split('-').map(|part| part.parse::<i16>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.splitn(3, ':').filter(|part| !part.is_empty());
    let hour = time.next().map_or(Some(0), |part| part.parse().ok())?;
    let minute = time.next().map_or(Some(0), |part| part.parse().ok())?;
    let (second, fraction) = time.next().map_or(("0", ""), |part| part.split_once('.').unwrap_or((part, "")));
    let nanosecond = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let [month, day] = [i8::try_from(month).ok()?, i8::try_from(day).ok()?];
    let civil = DateTime::new(year, month, day, hour, minute, second.parse().ok()?, nanosecond).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A name without case, blanks and punctuation: spellings differ between Clarity's own answers (`apis.md` B63, B70).
#[must_use]
pub fn plain(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()) {
        return Cow::Borrowed(name);
    }
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>().into()
}

/// `AnsweredCount` and `answeredCount` are the same name: ours is the second (`apis.md` B43).
#[must_use]
pub fn camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The same JSON with all its names in camel case, as REST writes them; a push may be serialised otherwise.
#[must_use]
pub fn camel_names(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object.into_iter().map(|(name, value)| (camel(&name), camel_names(value))).collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(camel_names).collect()),
        other => other,
    }
}

/// See [`integer`].
#[must_use]
pub fn integer_of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_integers_or_digits_and_nothing_else() {
        let cases = [
            (json!(41), Some(41)),
            (json!("-1"), Some(-1)),
            (json!(" 7 "), Some(7)),
            (json!(1.5), None),
            (json!("1.5"), None),
            (json!(""), None),
            (json!(null), None),
            (json!([1]), None),
        ];
        for (value, expected) in cases {
            assert_eq!(integer_of(&value), expected, "{value}");
        }
    }

    #[test]
    fn times_are_read_in_every_precision_and_spelling() {
        let cases = [
            ("2026-08-31T17:41:16.967Z", Some("2026-08-31T17:41:16.967Z")),
            ("2026-08-31T17:40:45.9Z", Some("2026-08-31T17:40:45.9Z")),
            ("2026-08-31T17:40:45Z", Some("2026-08-31T17:40:45Z")),
            ("2026-08-31T17:40:45.1234567Z", Some("2026-08-31T17:40:45.1234567Z")),
            ("2026-08-31T19:40:45+02:00", Some("2026-08-31T17:40:45Z")),
            ("2026-08-31T17:40:45.51", Some("2026-08-31T17:40:45.51Z")),
            ("2026-1-1 05:00", Some("2026-01-01T05:00:00Z")),
            ("2026-6-5 5:30:00.15", Some("2026-06-05T05:30:00.15Z")),
            ("2026-01-02", Some("2026-01-02T00:00:00Z")),
            ("0001-01-01T00:00:00", None),
            ("01-01-2026", None),
            ("soon", None),
            ("2026-13-40 99:99", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(time_of(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn lists_come_in_three_shapes() {
        for value in [json!([1, "x", 2]), json!({"items": [1, 2], "count": "2"})] {
            assert_eq!(list_of::<i64>(value), Some(vec![1, 2]));
        }
        assert_eq!(list_of::<Value>(json!({"id": 1})), Some(vec![json!({"id": 1})]));
        assert_eq!(list_of::<Value>(json!("x")), None);
    }

    #[test]
    fn names_of_all_depths_become_camel_case() {
        assert_eq!(
            camel_names(json!({"Id": 1, "Metrics": [{"AnsweredCount": 2}]})),
            json!({"id": 1, "metrics": [{"answeredCount": 2}]})
        );
    }
}
