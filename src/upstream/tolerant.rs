//! Reads values however they are written: numbers as text, booleans as text, times without zeros (apis.md B.4).
//! `docs/tolerance.md` says what is accepted, and why.
//!
//! A field that is invalid reads as absent and never spoils the object around it.

mod visitors;

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::{Offset, TimeZone};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

pub use visitors::{Fields, Tolerant};
use visitors::{Kind, Object, Objects, Only, Scalar};

/// The largest number up to which every integer is an `f64` of its own: beyond it 2 and 3 may be read as the same id.
const EXACT: f64 = 9_007_199_254_740_991.0;

/// An id or count: an integer, or digits as text. 901.0 is 901; not `1.5`, not the empty text (apis.md B61).
///
/// # Errors
/// When the JSON itself is broken.
pub fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Only(|scalar: Scalar<'_>| scalar.integer()).read(from)
}

/// A measure, also as text. `NaN` and infinity are no value.
///
/// # Errors
/// When the JSON itself is broken.
pub fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Only(|scalar: Scalar<'_>| scalar.number()).read(from)
}

/// A `NumericDate` of RFC 7519 (§2): seconds since 1970, fractions allowed. A text is none, whatever it contains.
///
/// # Errors
/// When the JSON itself is broken.
pub fn numeric_date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Only(|scalar: Scalar<'_>| match scalar {
        Scalar::Whole(seconds) => Some(seconds),
        #[expect(clippy::cast_possible_truncation, reason = "seconds, and `as` keeps within i64")]
        Scalar::Number(seconds) if seconds.is_finite() => Some(seconds.floor() as i64),
        _ => None,
    })
    .read(from)
}

/// A duration in whole milliseconds or seconds, of which some serialisers write fractions.
///
/// # Errors
/// When the JSON itself is broken.
pub fn rounded<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    #[expect(clippy::cast_possible_truncation, reason = "a duration, and `as` keeps within i64")]
    let rounded = |scalar: Scalar<'_>| scalar.integer().or_else(|| Some(scalar.number()?.round() as i64));
    Only(rounded).read(from)
}

/// A list of ids, or one alone; what is none is left out.
///
/// # Errors
/// When the JSON itself is broken.
pub fn integers<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<i64>>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Array(items) => Some(items.iter().filter_map(integer_of).collect()),
        value => integer_of(&value).map(|one| vec![one]),
    })
}

/// A boolean, also as text or as 0 and 1 (apis.md B62, B67).
///
/// # Errors
/// When the JSON itself is broken.
pub fn boolean<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Only(|scalar: Scalar<'_>| scalar.boolean()).read(from)
}

/// A text, as whatever keeps it. `NOTSET` means that there is none (apis.md B86); numbers are texts where texts are
/// expected.
///
/// # Errors
/// When the JSON itself is broken.
pub fn text<'de, D: Deserializer<'de>, T: for<'a> From<&'a str>>(from: D) -> Result<Option<T>, D::Error> {
    Only(|scalar: Scalar<'_>| match scalar {
        Scalar::Text("NOTSET") => None,
        Scalar::Text(text) => Some(text.into()),
        Scalar::Whole(number) => Some(number.to_string().as_str().into()),
        // Without a fraction where there is none.
        Scalar::Number(number) if number.abs() <= EXACT => Some(number.to_string().as_str().into()),
        _ => None,
    })
    .read(from)
}

/// A point in time; see [`time_of`].
///
/// # Errors
/// When the JSON itself is broken.
pub fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    written_time(from).map(|time| time.filter(|time| is_set(*time)))
}

/// The same, and also a time that [means "not set"](is_set), where that differs from nonsense.
///
/// # Errors
/// When the JSON itself is broken.
pub fn written_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Only(|scalar: Scalar<'_>| match scalar {
        Scalar::Text(text) => written(text)?.at(&TimeZone::UTC),
        scalar => epoch(scalar.number()?),
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

/// A list of such objects, in any of the three shapes of [`list`]. An item that is no object is kept as one that says
/// nothing: it has no id, and is counted where it is left out for that.
///
/// # Errors
/// When the JSON itself is broken, or names a field twice.
pub fn objects<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<Option<Vec<T>>, D::Error> {
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
/// (apis.md B80). Items that make no sense are left out.
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

/// A time as Clarity writes it: that of [`WrittenTime`], in UTC where no zone is named (apis.md B68, B69).
#[must_use]
pub fn time_of(text: &str) -> Option<Timestamp> {
    WrittenTime::of(text)?.at(&TimeZone::UTC)
}

/// A point in time as it is written: RFC 3339 with any precision, with a blank for the `T`, or without leading zeros as
/// in `2016-1-1 05:00`; without a zone, or without a time of the day; as seconds or milliseconds since 1970.
///
/// Years before 2000 and from 2100 on stand for "not set": 1970 and 9999, and what digits come to that were no such
/// number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenTime {
    /// One point in time.
    Known(Timestamp),
    /// A local time without a time zone.
    Civil(DateTime),
}

impl WrittenTime {
    /// That of a text.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        written(text).filter(|moment| moment.is_set())
    }

    /// That of a text or a number.
    #[must_use]
    pub fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::of(text),
            Value::Number(number) => epoch(number.as_f64()?).map(Self::Known).filter(|moment| moment.is_set()),
            _ => None,
        }
    }

    /// When that was, if a clock without a zone is in this one.
    #[must_use]
    pub fn at(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Known(time) => Some(time),
            Self::Civil(civil) => Some(civil.to_zoned(zone.clone()).ok()?.timestamp()),
        }
    }

    /// The earliest that it may have been, wherever its clock is: nowhere is one further ahead. What may have been
    /// before a customer was erased is not kept.
    #[must_use]
    pub fn earliest(self) -> Option<Timestamp> {
        self.at(&TimeZone::fixed(Offset::constant(14)))
    }

    fn is_set(self) -> bool {
        match self {
            Self::Known(time) => is_set(time),
            Self::Civil(civil) => SET.contains(&civil.year()),
        }
    }
}

/// The years that mean themselves. The others are what serialisers write where nothing was ever set.
const SET: Range<i16> = 2000..2100;

/// Whether a time means itself, and not that nothing was ever set.
#[must_use]
pub fn is_set(time: Timestamp) -> bool {
    SET.contains(&TimeZone::UTC.to_datetime(time).year())
}

fn written(text: &str) -> Option<WrittenTime> {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return Some(WrittenTime::Known(time));
    }
    if let Some(number) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        // Behind the milliseconds, a zone says how the sender's clock looked; it changes nothing.
        let digits = number.find(['+', '-']).filter(|at| *at > 0).map_or(number, |at| &number[..at]);
        return from_milliseconds(digits.parse().ok()?).map(WrittenTime::Known);
    }
    if let Ok(number) = text.parse::<f64>() {
        return epoch(number).map(WrittenTime::Known);
    }
    // With a blank before the offset, as Ruby and Python write it, or as in mails.
    let joined = text.rsplit_once(' ').filter(|(_, offset)| offset.starts_with(['+', '-']));
    let joined = joined.and_then(|(rest, offset)| format!("{}{offset}", rest.trim_end()).parse().ok());
    if let Some(time) = joined.or_else(|| Some(rfc2822::parse(text).ok()?.timestamp())) {
        return Some(WrittenTime::Known(time));
    }
    match ["Z", "z", " UTC", " GMT"].iter().find_map(|zone| text.strip_suffix(zone)) {
        Some(bare) => WrittenTime::Civil(unpadded(bare)?).at(&TimeZone::UTC).map(WrittenTime::Known),
        None => unpadded(text).map(WrittenTime::Civil),
    }
}

/// Seconds since 1970, or milliseconds: as seconds they would lie after the year 5000.
fn epoch(number: f64) -> Option<Timestamp> {
    from_milliseconds(if number.abs() < 1e11 { number * 1000.0 } else { number })
}

fn from_milliseconds(number: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "`as` keeps within i64, and what is no time is refused")]
    let milliseconds = number.is_finite().then_some(number.round() as i64)?;
    Timestamp::from_millisecond(milliseconds).ok()
}

fn unpadded(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, ""));
    let mut date = date.split(['-', '/']).map(|part| part.parse::<i16>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.splitn(3, ':').filter(|part| !part.is_empty());
    let hour = time.next().map_or(Some(0), |part| part.parse().ok())?;
    let minute = time.next().map_or(Some(0), |part| part.parse().ok())?;
    let (second, fraction) = time.next().map_or(("0", ""), |part| part.split_once('.').unwrap_or((part, "")));
    let nanosecond = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let [month, day] = [i8::try_from(month).ok()?, i8::try_from(day).ok()?];
    DateTime::new(year, month, day, hour, minute, second.parse().ok()?, nanosecond).ok()
}

/// A name without case, blanks and punctuation: spellings differ between Clarity's own answers (apis.md B63, B70).
#[must_use]
pub fn normalized(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()) {
        return Cow::Borrowed(name);
    }
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>().into()
}

/// `AnsweredCount` and `answeredCount` are the same name: ours is the second (apis.md B43).
#[must_use]
pub fn camel_case(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The same JSON with all its names in camel_case case, as REST writes them; a push may be serialised otherwise.
#[must_use]
pub fn camel_case_names(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object.into_iter().map(|(name, value)| (camel_case(&name), camel_case_names(value))).collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(camel_case_names).collect()),
        other => other,
    }
}

/// See [`integer`].
#[must_use]
pub fn integer_of(value: &Value) -> Option<i64> {
    Scalar::of(value)?.integer()
}

/// See [`number`].
#[must_use]
pub fn number_of(value: &Value) -> Option<f64> {
    Scalar::of(value)?.number()
}

/// See [`boolean`].
#[must_use]
pub fn boolean_of(value: &Value) -> Option<bool> {
    Scalar::of(value)?.boolean()
}

/// The text in it, unless it is blank: a text, or a number in its place.
#[must_use]
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Number(number) => number_text(number),
        _ => None,
    }
}

/// A number as text, without a fraction where there is none. `None`: it was rounded when it was read, so that two of
/// them may have become one.
#[must_use]
pub fn number_text(number: &Number) -> Option<String> {
    match number.as_f64() {
        Some(value) if number.is_f64() && value.abs() > EXACT => None,
        Some(value) if number.is_f64() && value.fract() == 0.0 => Some((value + 0.0).to_string()),
        _ => Some(number.to_string()),
    }
}

/// Whether a name is the known one, without regard to case.
#[must_use]
pub fn is(name: &str, known: &str) -> bool {
    name.trim().eq_ignore_ascii_case(known)
}

impl Scalar<'_> {
    fn of(value: &Value) -> Option<Scalar<'_>> {
        Some(match value {
            Value::Bool(flag) => Scalar::Flag(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Scalar::Whole(whole),
                None => Scalar::Number(number.as_f64()?),
            },
            Value::String(text) => Scalar::Text(text),
            _ => return None,
        })
    }

    fn integer(self) -> Option<i64> {
        match self {
            Scalar::Whole(number) => Some(number),
            Scalar::Number(number) => whole(number),
            Scalar::Text(text) => {
                let text = text.trim();
                let is_zero = |fraction: &str| !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0');
                let digits =
                    text.split_once('.').filter(|(_, fraction)| is_zero(fraction)).map_or(text, |(whole, _)| whole);
                digits.parse().ok().or_else(|| whole(text.parse().ok()?))
            }
            _ => None,
        }
    }

    fn number(self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a measure")]
            Scalar::Whole(number) => Some(number as f64),
            Scalar::Number(number) => Some(number),
            Scalar::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
        .filter(|number: &f64| number.is_finite())
    }

    fn boolean(self) -> Option<bool> {
        match self {
            Scalar::Flag(value) => Some(value),
            Scalar::Text(text) if ["true", "yes", "y", "on", "1"].iter().any(|word| is(text, word)) => Some(true),
            Scalar::Text(text) if ["false", "no", "n", "off", "0"].iter().any(|word| is(text, word)) => Some(false),
            Scalar::Whole(number) => Some(number != 0),
            Scalar::Number(number) => Some(number != 0.0),
            _ => None,
        }
    }
}

/// An integer that came as a number with a fraction of nothing.
fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is exact")]
    let whole = number as i64;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(whole)
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
            (json!(901.0), Some(901)),
            (json!("901.0"), Some(901)),
            (json!("-3.00"), Some(-3)),
            (json!(-0.0), Some(0)),
            (json!(9.01e2), Some(901)),
            (json!("9.01e2"), Some(901)),
            (json!("9007199254740993.0"), Some(9_007_199_254_740_993)),
            (json!(9_007_199_254_740_993_i64), Some(9_007_199_254_740_993)),
            (json!(9_007_199_254_740_994.0), None),
            (json!(1e300), None),
            (json!(u64::MAX), None),
            (json!(1.5), None),
            (json!("1.5"), None),
            (json!("1.0.0"), None),
            (json!("NaN"), None),
            (json!("Infinity"), None),
            (json!(""), None),
            (json!(true), None),
            (json!(null), None),
            (json!([1]), None),
        ];
        for (value, expected) in cases {
            assert_eq!(integer_of(&value), expected, "{value}");
            assert_eq!(integer(&value).expect("a value is JSON"), expected, "{value}");
        }
    }

    #[test]
    fn measures_may_be_fractions_and_what_is_no_number_is_no_value() {
        for (value, number, rounded) in [
            (json!(61_000.4), Some(61_000.4), Some(61_000)),
            (json!("61000.6"), Some(61_000.6), Some(61_001)),
            (json!(61_000), Some(61_000.0), Some(61_000)),
            (json!(" 5 "), Some(5.0), Some(5)),
            (json!("1e3"), Some(1000.0), Some(1000)),
            (json!(-0.0), Some(-0.0), Some(0)),
            (json!("NaN"), None, None),
            (json!("nan"), None, None),
            (json!("-Infinity"), None, None),
            (json!("+INFINITY"), None, None),
            (json!("inf"), None, None),
            (json!("1e400"), None, None),
            (json!("soon"), None, None),
            (json!([1]), None, None),
            (json!(null), None, None),
        ] {
            assert_eq!(number_of(&value), number, "{value}");
            assert_eq!(super::number(&value).expect("a value is JSON"), number, "{value}");
            assert_eq!(super::rounded(&value).expect("a value is JSON"), rounded, "{value}");
        }
    }

    #[test]
    fn booleans_and_texts_come_as_each_other() {
        for (value, flag, text) in [
            (json!(true), Some(true), None),
            (json!("True"), Some(true), Some("True")),
            (json!(" FALSE "), Some(false), Some(" FALSE ")),
            (json!("Yes"), Some(true), Some("Yes")),
            (json!("no"), Some(false), Some("no")),
            (json!(1), Some(true), Some("1")),
            (json!(0.0), Some(false), Some("0")),
            (json!("0"), Some(false), Some("0")),
            (json!("maybe"), None, Some("maybe")),
            (json!(901.0), Some(true), Some("901")),
            (json!(-0.0), Some(false), Some("0")),
            (json!(1.5), Some(true), Some("1.5")),
            (json!(" "), None, None),
            (json!({}), None, None),
        ] {
            assert_eq!(boolean_of(&value), flag, "{value}");
            assert_eq!(boolean(&value).expect("a value is JSON"), flag, "{value}");
            assert_eq!(text_of(&value).as_deref(), text, "{value}");
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
            ("2026-08-31t17:40:45z", Some("2026-08-31T17:40:45Z")),
            ("1788198045", Some("2026-08-31T17:40:45Z")),
            ("1788198045.9", Some("2026-08-31T17:40:45.9Z")),
            ("1788198045900", Some("2026-08-31T17:40:45.9Z")),
            ("2026-08-31 19:40:45 +0200", Some("2026-08-31T17:40:45Z")),
            ("2026-08-31 19:40:45.9 +02:00", Some("2026-08-31T17:40:45.9Z")),
            ("2026-08-31 17:40:45 UTC", Some("2026-08-31T17:40:45Z")),
            ("2026/08/31 17:40:45", Some("2026-08-31T17:40:45Z")),
            ("Mon, 31 Aug 2026 19:40:45 +0200", Some("2026-08-31T17:40:45Z")),
            ("31/08/2026", None),
            ("/Date(1788198045900)/", Some("2026-08-31T17:40:45.9Z")),
            ("/Date(1788198045900+0200)/", Some("2026-08-31T17:40:45.9Z")),
            ("0001-01-01T00:00:00", None),
            ("0001-01-01T00:00:00Z", None),
            ("1970-01-01T00:00:00Z", None),
            ("1970-01-01T05:00:00+01:00", None),
            ("1970-06-01 05:00", None),
            ("9999-12-31T23:59:59.9999999", None),
            ("0", None),
            ("-62135596800", None),
            ("/Date(-62135596800000)/", None),
            ("1971-01-01T00:00:00Z", None),
            ("2612-01-01T00:00:00Z", None),
            ("202611301600", None),
            ("20261130160000", None),
            ("NaN", None),
            ("Infinity", None),
            ("01-01-2026", None),
            ("soon", None),
            ("2026-13-40 99:99", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(time_of(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
        for (value, expected) in [
            (json!(1_788_198_045), Some("2026-08-31T17:40:45Z")),
            (json!(1_788_198_045.9), Some("2026-08-31T17:40:45.9Z")),
            (json!(1_788_198_045_900_i64), Some("2026-08-31T17:40:45.9Z")),
            (json!("2026-08-31T17:40:45"), Some("2026-08-31T17:40:45Z")),
            (json!(0), None),
            (json!(-1), None),
            (json!(1e300), None),
            (json!(true), None),
        ] {
            assert_eq!(
                time(&value).expect("a value is JSON").map(|time| time.to_string()).as_deref(),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn local_time_needs_a_zone() {
        let chicago = TimeZone::get("America/Chicago").expect("a zone");
        for (text, is_known, expected) in [
            ("2026-08-31T17:40:45", false, Some("2026-08-31T22:40:45Z")),
            ("2026-01-31 17:40", false, Some("2026-01-31T23:40:00Z")),
            ("2026-08-31", false, Some("2026-08-31T05:00:00Z")),
            // An hour that the clock leaves out, and one that it shows twice.
            ("2026-03-08T02:30:00", false, Some("2026-03-08T08:30:00Z")),
            ("2026-11-01T01:30:00", false, Some("2026-11-01T06:30:00Z")),
            ("2026-08-31T17:40:45Z", true, Some("2026-08-31T17:40:45Z")),
            ("2026-08-31 17:40:45Z", true, Some("2026-08-31T17:40:45Z")),
            ("2026-08-31T17:40:45-05:00", true, Some("2026-08-31T22:40:45Z")),
            ("1788198045", true, Some("2026-08-31T17:40:45Z")),
        ] {
            let moment = WrittenTime::of(text).expect("a moment");
            assert_eq!(matches!(moment, WrittenTime::Known(_)), is_known, "{text}");
            assert_eq!(moment.at(&chicago).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
        for value in [json!(null), json!([]), json!("0001-01-01"), json!("1970-01-01"), json!(0), json!("yesterday")] {
            assert_eq!(WrittenTime::of_value(&value), None, "{value}");
        }
    }

    #[test]
    fn lists_come_in_three_shapes() {
        for value in [json!([1, "x", 2]), json!({"items": [1, 2], "count": "2"})] {
            assert_eq!(list_of::<i64>(value), Some(vec![1, 2]));
        }
        assert_eq!(list_of::<Value>(json!({"id": 1})), Some(vec![json!({"id": 1})]));
        assert_eq!(list_of::<Value>(json!("x")), None);
        assert_eq!(list_of::<Value>(json!({"items": null})), Some(Vec::new()));
        assert_eq!(integers(&json!([1, "2", "x"])).expect("JSON"), Some(vec![1, 2]));
        assert_eq!(integers(&json!(5)).expect("JSON"), Some(vec![5]), "one alone");
        assert_eq!(text::<_, String>(&json!("NOTSET")).expect("JSON"), None);
        // An item that is no object is kept as an empty one, and is counted where it is left out.
        type Bag = Map<String, Value>;
        for value in [json!([{"a": 1}, "x", null]), json!({"items": [{"a": 1}, "x", null]})] {
            let read = objects::<_, Bag>(&value).expect("JSON").expect("a list");
            assert_eq!(read.iter().map(Map::len).collect::<Vec<_>>(), [1, 0, 0], "{value}");
        }
        assert_eq!(objects::<_, Bag>(&json!({"a": 1})).expect("JSON").map(|all| all.len()), Some(1), "one alone");
    }

    #[test]
    fn names_of_all_depths_become_camel_case() {
        assert_eq!(
            camel_case_names(json!({"Id": 1, "Metrics": [{"AnsweredCount": 2}]})),
            json!({"id": 1, "metrics": [{"answeredCount": 2}]})
        );
    }
}
