//! Reads a value of any kind without building what is thrown away.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::list_of;

/// A value that is neither list nor object, borrowed from the input.
#[derive(Clone, Copy)]
pub(super) enum Scalar<'a> {
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(&'a str),
    Null,
}

/// What to keep of a value. Everything else is skipped.
pub(super) trait Kind<'de>: Sized {
    type Kept;

    fn scalar(self, _: Scalar<'_>) -> Option<Self::Kept> {
        None
    }

    fn list<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<Self::Kept>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn object<A: MapAccess<'de>>(self, mut fields: A) -> Result<Option<Self::Kept>, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn read<D: Deserializer<'de>>(self, from: D) -> Result<Option<Self::Kept>, D::Error> {
        from.deserialize_any(Reader(self))
    }
}

/// A scalar, by what the function makes of it.
pub(super) struct Only<F>(pub F);

impl<T, F: FnOnce(Scalar<'_>) -> Option<T>> Kind<'_> for Only<F> {
    type Kept = T;

    fn scalar(self, scalar: Scalar<'_>) -> Option<T> {
        (self.0)(scalar)
    }
}

/// An object whose fields are all read loosely.
pub(super) struct Object<T>(pub PhantomData<T>);

impl<'de, T: Deserialize<'de>> Kind<'de> for Object<T> {
    type Kept = T;

    fn object<A: MapAccess<'de>>(self, fields: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Some)
    }
}

/// A list of such objects, in any of its three shapes.
pub(super) struct Objects<T>(pub PhantomData<T>);

impl<'de, T: DeserializeOwned + Default> Kind<'de> for Objects<T> {
    type Kept = Vec<T>;

    fn list<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<Vec<T>>, A::Error> {
        let mut list = Vec::new();
        while let Some(Tolerant(item)) = items.next_element()? {
            list.push(item.unwrap_or_default());
        }
        Ok(Some(list))
    }

    fn object<A: MapAccess<'de>>(self, fields: A) -> Result<Option<Vec<T>>, A::Error> {
        let object = Map::deserialize(MapAccessDeserializer::new(fields))?;
        let items: Option<Vec<Value>> = list_of(Value::Object(object));
        Ok(items.map(|items| items.into_iter().map(|item| T::deserialize(item).unwrap_or_default()).collect()))
    }
}

/// An object whose fields are all read loosely, or nothing where there is no object.
#[derive(Debug)]
pub struct Tolerant<T>(pub Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Tolerant<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Object(PhantomData).read(from).map(Self)
    }
}

/// An object as its fields, in their order: what is read once and passed on needs no map.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields<T>(pub Vec<(String, T)>);

impl<T> Fields<T> {
    /// The field of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl<T> Default for Fields<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Self::default())
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Self, A::Error> {
        while let Some(field) = fields.next_entry()? {
            self.0.push(field);
        }
        Ok(self)
    }
}

struct Reader<K>(K);

impl<'de, K: Kind<'de>> Visitor<'de> for Reader<K> {
    type Value = Option<K::Kept>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.0.scalar(Scalar::Flag(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.0.scalar(Scalar::Whole(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "no id and no count is that large")]
        let scalar = i64::try_from(value).map_or(Scalar::Number(value as f64), Scalar::Whole);
        Ok(self.0.scalar(scalar))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(self.0.scalar(Scalar::Number(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(self.0.scalar(Scalar::Text(value)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(self.0.scalar(Scalar::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        self.0.list(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        self.0.object(fields)
    }
}
