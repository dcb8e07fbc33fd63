//! Members that may be null. In a push `null` says that there is nothing any more, and absence that nothing has
//! changed.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::upstream::tolerant;

/// `None`: the member is absent or is invalid. `Some(None)`: it is null, or `NOTSET`, which is the same (apis.md
/// B86).
pub type Nullable<T> = Option<Option<T>>;

/// How .NET writes that nothing was measured. Texts may be names, so the case counts.
pub const NO_NUMBER: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Reads a member by any of the tolerant readers, and notes whether it is null.
pub(super) fn or_null<'de, D: Deserializer<'de>, T>(
    from: D,
    read: impl FnOnce(Watched<'_, D>) -> Result<Option<T>, D::Error>,
) -> Result<Nullable<T>, D::Error> {
    let is_null = Cell::new(false);
    let value = read(Watched { from, is_null: &is_null })?;
    Ok(if is_null.get() { Some(None) } else { value.map(Some) })
}

/// See [`tolerant::text`].
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Nullable<String>, D::Error> {
    or_null(from, |from| tolerant::text(from))
}

/// See [`tolerant::integer`].
pub(super) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<Nullable<i64>, D::Error> {
    or_null(from, |from| tolerant::integer(from))
}

/// See [`tolerant::boolean`].
pub(super) fn boolean<'de, D: Deserializer<'de>>(from: D) -> Result<Nullable<bool>, D::Error> {
    or_null(from, |from| tolerant::boolean(from))
}

/// See [`tolerant::time`]. A time that means "not set" is null.
pub(super) fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Nullable<jiff::Timestamp>, D::Error> {
    let time = or_null(from, |from| tolerant::written_time(from))?;
    Ok(time.map(|time| time.filter(|time| tolerant::is_set(*time))))
}

/// See [`tolerant::number`].
pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Nullable<f64>, D::Error> {
    or_null(from, |from| tolerant::number(from))
}

/// An object, null, or nothing that makes sense.
pub(super) struct NullOr<T>(pub Nullable<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for NullOr<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        or_null(from, |from| tolerant::object(from)).map(Self)
    }
}

/// Passes everything on, and notes a null.
pub(super) struct Watched<'a, D> {
    from: D,
    is_null: &'a Cell<bool>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Watched<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.from.deserialize_any(Watching { visitor, is_null: self.is_null })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Watching<'a, V> {
    visitor: V,
    is_null: &'a Cell<bool>,
}

impl<V> Watching<'_, V> {
    fn note(&self, text: &str) {
        let text = text.trim();
        self.is_null.set(text.eq_ignore_ascii_case("notset") || NO_NUMBER.contains(&text));
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watching<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.is_null.set(true);
        self.visitor.visit_unit()
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.is_null.set(true);
        self.visitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<V::Value, E> {
        self.visitor.visit_bool(value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<V::Value, E> {
        self.visitor.visit_i64(value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<V::Value, E> {
        self.visitor.visit_u64(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<V::Value, E> {
        self.visitor.visit_f64(value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<V::Value, E> {
        self.note(value);
        self.visitor.visit_str(value)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, value: &'de str) -> Result<V::Value, E> {
        self.note(value);
        self.visitor.visit_borrowed_str(value)
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<V::Value, E> {
        self.note(&value);
        self.visitor.visit_string(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(fields)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_differs_from_an_invalid_value() {
        for (value, expected) in [
            (json!(null), Some(None)),
            (json!("NotSet"), Some(None)),
            (json!("5"), Some(Some(5))),
            (json!(5), Some(Some(5))),
            (json!("five"), None),
            (json!([5]), None),
            (json!({"five": 5}), None),
        ] {
            assert_eq!(integer(value.clone()).expect("JSON"), expected, "{value}");
            assert_eq!(integer(&mut serde_json::Deserializer::from_str(&value.to_string())).expect("JSON"), expected);
        }
        assert_eq!(text(json!("NOTSET")).expect("JSON"), Some(None));
        assert_eq!(text(json!("Lunch")).expect("JSON"), Some(Some("Lunch".to_owned())));
        assert_eq!(number(json!(1.5)).expect("JSON"), Some(Some(1.5)));
        assert_eq!(number(json!("NaN")).expect("JSON"), Some(None), "none any more");
        for (value, is_set) in [
            (json!("2026-08-31T17:41:16Z"), Some(true)),
            (json!("0001-01-01T00:00:00"), Some(false)),
            (json!("1970-01-01T00:00:00Z"), Some(false)),
            (json!(0), Some(false)),
            (json!(null), Some(false)),
            (json!("soon"), None),
        ] {
            assert_eq!(time(value.clone()).expect("JSON").map(|time| time.is_some()), is_set, "{value}");
        }
    }
}
