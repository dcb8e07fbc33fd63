//! A serde `Deserializer` over the raw configuration.
//!
//! It does four things that no published configuration crate does together: it names the full path of the key in every
//! error without quoting values, collects the known keys from the types, reads an environment variable as whatever the
//! type asks for, and reads secrets from files.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;
use zeroize::Zeroizing;

use super::context::{LoadContext, Origin};
use super::error::ValueError;
use super::raw_value::{RawValue, env_variable};
use super::secret;

/// Deserializes `raw`, and notes what it finds in `context`.
pub(super) fn read<T: DeserializeOwned>(context: &LoadContext<'_>, raw: &RawValue) -> Result<T, ValueError> {
    T::deserialize(ValueReader { context, raw, path: String::new(), is_file: false })
}

/// The deserializer of the value at one key.
struct ValueReader<'a> {
    context: &'a LoadContext<'a>,
    raw: &'a RawValue,
    path: String,
    /// Whether the key was given in its `_file` form.
    is_file: bool,
}

impl<'a> ValueReader<'a> {
    fn child(&self, key: &str, raw: &'a RawValue) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { context: self.context, raw, path, is_file: false }
    }

    fn item(&self, index: usize, raw: &'a RawValue) -> Self {
        Self { context: self.context, raw, path: format!("{}[{index}]", self.path), is_file: false }
    }

    /// The key as the operator wrote it: a path, or an environment variable.
    fn name(&self) -> String {
        let is_variable = self.context.is_of_variable() || self.raw.is_from_environment();
        if is_variable { env_variable(&self.path) } else { self.path.clone() }
    }

    /// The key that gets the value: `password`, even where it is written as `password_file`.
    fn key(&self) -> &str {
        if self.is_file { self.path.trim_end_matches("_file") } else { &self.path }
    }

    fn note_origin(&self) {
        let origin = match self.raw {
            RawValue::Env(_) => Origin::Environment,
            _ => Origin::File,
        };
        self.context.add_origin(self.key(), origin);
    }

    /// Reads an environment variable as TOML, where the type asks for something other than text.
    fn with_toml<R>(
        self,
        text: &str,
        read: impl FnOnce(ValueReader<'_>) -> Result<R, ValueError>,
    ) -> Result<R, ValueError> {
        let value = text.trim().parse::<toml::Value>().unwrap_or_else(|_| toml::Value::String(text.to_owned()));
        let raw = RawValue::from(value);
        let context = self.context.of_variable();
        read(ValueReader { context: &context, raw: &raw, path: self.path, is_file: false })
    }

    fn text(&self) -> Result<&'a str, ValueError> {
        match self.raw {
            RawValue::Env(text) | RawValue::File(toml::Value::String(text)) => Ok(text),
            other => Err(ValueError::invalid_type(unexpected(other), &"a text in quotes")),
        }
    }

    fn is_empty_text(&self) -> bool {
        matches!(self.raw, RawValue::Env(text) | RawValue::File(toml::Value::String(text)) if text.is_empty())
    }
}

fn unexpected(raw: &RawValue) -> Unexpected<'_> {
    match raw {
        RawValue::Table(_) => Unexpected::Map,
        RawValue::List(_) => Unexpected::Seq,
        RawValue::Env(text) | RawValue::File(toml::Value::String(text)) => Unexpected::Str(text),
        RawValue::File(toml::Value::Integer(number)) => Unexpected::Signed(*number),
        RawValue::File(toml::Value::Float(number)) => Unexpected::Float(*number),
        RawValue::File(toml::Value::Boolean(value)) => Unexpected::Bool(*value),
        RawValue::File(_) => Unexpected::Other("a date"),
    }
}

impl<'de> Deserializer<'de> for ValueReader<'_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let name = self.name();
        match self.raw {
            RawValue::Table(_) => self.deserialize_map(visitor),
            RawValue::List(_) => self.deserialize_seq(visitor),
            RawValue::Env(text) => {
                self.note_origin();
                self.with_toml(text, |reader| reader.deserialize_any(visitor))
            }
            RawValue::File(value) => {
                self.note_origin();
                match value {
                    toml::Value::Integer(number) => visitor.visit_i64(*number),
                    toml::Value::Float(number) => visitor.visit_f64(*number),
                    toml::Value::Boolean(value) => visitor.visit_bool(*value),
                    toml::Value::String(text) => visitor.visit_str(text),
                    _ => Err(ValueError::invalid_type(Unexpected::Other("a date"), &visitor)),
                }
            }
        }
        .map_err(|error| error.at(&name))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        // `token_url = ""` is how a file says that there is none.
        if self.is_empty_text() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let name = self.name();
        self.note_origin();
        self.text().and_then(|text| visitor.visit_str(text)).map_err(|error| error.at(&name))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let name = self.name();
        self.note_origin();
        self.text()
            .and_then(|text| visitor.visit_enum(IntoDeserializer::<ValueError>::into_deserializer(text)))
            .map_err(|error| error.at(&name))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        kind: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        if kind != secret::MARK && kind != secret::LIST_MARK {
            return visitor.visit_newtype_struct(self);
        }
        let name = self.name();
        self.context.add_known_key(&format!("{}_file", self.key()));
        if !self.is_file {
            if !self.context.is_of_variable() && !self.raw.is_from_environment() {
                self.context.add_secret_in_file(self.key());
            }
            return visitor.visit_newtype_struct(self);
        }
        self.context.add_origin(self.key(), Origin::SecretFile);
        let text = match self.context.directory() {
            Some(directory) => {
                let path = directory.join(self.text().map_err(|error| error.at(&name))?);
                secret::read_file(&path).map_err(|advice| ValueError::Invalid(advice).at(&name))?
            }
            None => Zeroizing::new("not opened".to_owned()),
        };
        visitor.visit_str(&text).map_err(|error: ValueError| error.at(&name))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let name = self.name();
        match self.raw {
            RawValue::List(values) => visitor.visit_seq(Items { list: &self, values: values.iter().enumerate() }),
            RawValue::Env(text) => {
                self.note_origin();
                self.with_toml(text, |reader| reader.deserialize_seq(visitor))
            }
            other => Err(ValueError::invalid_type(unexpected(other), &visitor)),
        }
        .map_err(|error| error.at(&name))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let name = self.name();
        match self.raw {
            RawValue::Table(table) => {
                let entries = table.iter().map(|(key, value)| (key.clone(), self.child(key, value))).collect();
                visitor.visit_map(Entries::new(entries))
            }
            RawValue::Env(text) => {
                self.note_origin();
                self.with_toml(text, |reader| reader.deserialize_map(visitor))
            }
            other => Err(ValueError::invalid_type(unexpected(other), &visitor)),
        }
        .map_err(|error| error.at(&name))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        kind: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let name = self.name();
        for field in fields {
            self.context.add_known_key(&self.child(field, self.raw).path);
        }
        let table = match self.raw {
            RawValue::Table(table) => table,
            RawValue::Env(text) => {
                return self.with_toml(text, |reader| reader.deserialize_struct(kind, fields, visitor));
            }
            other => return Err(ValueError::invalid_type(unexpected(other), &visitor).at(&name)),
        };
        let mut entries = Vec::new();
        for (key, value) in table {
            let mut child = self.child(key, value);
            let stem = key.strip_suffix("_file").unwrap_or(key);
            if fields.contains(&key.as_str()) {
                entries.push((key.clone(), child));
            } else if fields.contains(&stem) {
                if child.is_empty_text() {
                    continue;
                }
                if table.contains_key(stem) {
                    let advice = format!("is given beside {}: keep one of the two", self.child(stem, value).name());
                    return Err(ValueError::Invalid(advice).at(&child.name()));
                }
                child.is_file = true;
                entries.push((stem.to_owned(), child));
            } else {
                return Err(ValueError::UnknownKey.at(&child.name()));
            }
        }
        visitor.visit_map(Entries::new(entries)).map_err(|error| error.at(&self.path))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier
    }
}

/// The entries of a table.
struct Entries<'a> {
    rest: std::vec::IntoIter<(String, ValueReader<'a>)>,
    value: Option<ValueReader<'a>>,
}

impl<'a> Entries<'a> {
    fn new(entries: Vec<(String, ValueReader<'a>)>) -> Self {
        Self { rest: entries.into_iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        let Some((key, reader)) = self.rest.next() else { return Ok(None) };
        self.value = Some(reader);
        seed.deserialize(IntoDeserializer::<ValueError>::into_deserializer(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ValueError> {
        let reader = self.value.take().ok_or_else(|| ValueError::custom("was asked for twice"))?;
        let (name, is_file, context) = (reader.name(), reader.is_file, reader.context);
        let origins = context.origin_count();
        let value = seed.deserialize(reader).map_err(|error| error.at(&name))?;
        // `hub_file`: `hub` is a key but no secret, so no file was read.
        let is_unknown = is_file && !context.has_read_secret_file_since(origins);
        if is_unknown { Err(ValueError::UnknownKey.at(&name)) } else { Ok(value) }
    }
}

/// The items of a list.
struct Items<'r, 'a> {
    list: &'r ValueReader<'a>,
    values: std::iter::Enumerate<std::slice::Iter<'a, RawValue>>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = ValueError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ValueError> {
        let Some((index, raw)) = self.values.next() else { return Ok(None) };
        let reader = self.list.item(index, raw);
        let name = reader.name();
        seed.deserialize(reader).map(Some).map_err(|error| error.at(&name))
    }
}
