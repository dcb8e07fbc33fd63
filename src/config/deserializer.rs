//! Gives what has been written its types, and notices on the way what the types do not know.
//!
//! A serde `Deserializer` of our own, because no ready one can do four things at once: name the full path in every
//! error without quoting values, collect the known keys from the types themselves, read a variable of the environment
//! as whatever the type asks for, and let a secret come from a file.

use serde::de::{Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use zeroize::Zeroizing;

use super::error::Problem;
use super::context::Reading;
use super::source::{Written, variable};
use super::walk::{Keys, Places};
use super::{Origin, secret};

/// Stands at one key.
pub(super) struct Reader<'a> {
    reading: &'a Reading<'a>,
    written: &'a Written,
    path: String,
    /// Whether the key was given in its `_file` form.
    is_file: bool,
}

impl<'a> Reader<'a> {
    /// Stands at the root.
    pub(super) fn new(reading: &'a Reading<'a>, written: &'a Written) -> Self {
        Self { reading, written, path: String::new(), is_file: false }
    }

    fn child(&self, key: &str, written: &'a Written) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { reading: self.reading, written, path, is_file: false }
    }

    /// Whoever stands at this place of the list.
    pub(super) fn place(&self, place: usize, written: &'a Written) -> Self {
        Self { reading: self.reading, written, path: format!("{}[{place}]", self.path), is_file: false }
    }

    /// What all readers share.
    pub(super) fn reading(&self) -> &'a Reading<'a> {
        self.reading
    }

    /// Whether the key was given in its `_file` form.
    pub(super) fn is_file(&self) -> bool {
        self.is_file
    }

    /// The key as the person who wrote it knows it.
    pub(super) fn name(&self) -> String {
        let is_variable = self.reading.is_of_variable() || self.written.is_from_environment();
        if is_variable { variable(&self.path) } else { self.path.clone() }
    }

    /// The key that gets the value: `password`, even where it is written as `password_file`.
    fn key(&self) -> &str {
        if self.is_file { self.path.trim_end_matches("_file") } else { &self.path }
    }

    fn note_origin(&self) {
        let origin = match self.written {
            Written::Text(_) => Origin::Environment,
            _ => Origin::File,
        };
        self.note(origin);
    }

    fn note(&self, origin: Origin) {
        self.reading.note(self.key(), origin);
    }

    /// Reads a variable of the environment as TOML, where the type asks for something other than text.
    fn with_toml<R>(self, text: &str, read: impl FnOnce(Reader<'_>) -> Result<R, Problem>) -> Result<R, Problem> {
        let value = text.trim().parse::<toml::Value>().unwrap_or_else(|_| toml::Value::String(text.to_owned()));
        let written = Written::from(value);
        let reading = self.reading.of_variable();
        read(Reader { reading: &reading, written: &written, path: self.path, is_file: false })
    }

    fn text(&self) -> Result<&'a str, Problem> {
        match self.written {
            Written::Text(text) | Written::Value(toml::Value::String(text)) => Ok(text),
            other => Err(Problem::invalid_type(unexpected(other), &"a text in quotes")),
        }
    }

    fn is_empty_text(&self) -> bool {
        matches!(self.written, Written::Text(text) | Written::Value(toml::Value::String(text)) if text.is_empty())
    }
}

fn unexpected(written: &Written) -> Unexpected<'_> {
    match written {
        Written::Table(_) => Unexpected::Map,
        Written::List(_) => Unexpected::Seq,
        Written::Text(text) | Written::Value(toml::Value::String(text)) => Unexpected::Str(text),
        Written::Value(toml::Value::Integer(number)) => Unexpected::Signed(*number),
        Written::Value(toml::Value::Float(number)) => Unexpected::Float(*number),
        Written::Value(toml::Value::Boolean(value)) => Unexpected::Bool(*value),
        Written::Value(_) => Unexpected::Other("a date"),
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let name = self.name();
        match self.written {
            Written::Table(_) => self.deserialize_map(visitor),
            Written::List(_) => self.deserialize_seq(visitor),
            Written::Text(text) => {
                self.note_origin();
                self.with_toml(text, |reader| reader.deserialize_any(visitor))
            }
            Written::Value(value) => {
                self.note_origin();
                match value {
                    toml::Value::Integer(number) => visitor.visit_i64(*number),
                    toml::Value::Float(number) => visitor.visit_f64(*number),
                    toml::Value::Boolean(value) => visitor.visit_bool(*value),
                    toml::Value::String(text) => visitor.visit_str(text),
                    _ => Err(Problem::invalid_type(Unexpected::Other("a date"), &visitor)),
                }
            }
        }
        .map_err(|problem| problem.at(&name))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        // `token_url = ""` is how a file says that there is none.
        if self.is_empty_text() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let name = self.name();
        self.note_origin();
        self.text().and_then(|text| visitor.visit_str(text)).map_err(|problem| problem.at(&name))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let name = self.name();
        self.note_origin();
        self.text()
            .and_then(|text| visitor.visit_enum(IntoDeserializer::<Problem>::into_deserializer(text)))
            .map_err(|problem| problem.at(&name))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, kind: &'static str, visitor: V) -> Result<V::Value, Problem> {
        if kind != secret::MARK && kind != secret::LIST_MARK {
            return visitor.visit_newtype_struct(self);
        }
        let name = self.name();
        self.reading.learn(&format!("{}_file", self.key()));
        if !self.is_file {
            if !self.reading.is_of_variable() && !self.written.is_from_environment() {
                self.reading.note_secret_in_file(self.key());
            }
            return visitor.visit_newtype_struct(self);
        }
        self.note(Origin::SecretFile);
        let text = match self.reading.directory() {
            Some(directory) => {
                let path = directory.join(self.text().map_err(|problem| problem.at(&name))?);
                secret::read_file(&path).map_err(|advice| Problem::Invalid(advice).at(&name))?
            }
            None => Zeroizing::new("left alone".to_owned()),
        };
        visitor.visit_str(&text).map_err(|problem: Problem| problem.at(&name))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let name = self.name();
        match self.written {
            Written::List(values) => visitor.visit_seq(Places::new(&self, values)),
            Written::Text(text) => {
                self.note_origin();
                self.with_toml(text, |reader| reader.deserialize_seq(visitor))
            }
            other => Err(Problem::invalid_type(unexpected(other), &visitor)),
        }
        .map_err(|problem| problem.at(&name))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let name = self.name();
        match self.written {
            Written::Table(table) => {
                let keys = table.iter().map(|(key, value)| (key.clone(), self.child(key, value))).collect();
                visitor.visit_map(Keys::new(keys))
            }
            Written::Text(text) => {
                self.note_origin();
                self.with_toml(text, |reader| reader.deserialize_map(visitor))
            }
            other => Err(Problem::invalid_type(unexpected(other), &visitor)),
        }
        .map_err(|problem| problem.at(&name))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        kind: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let name = self.name();
        for field in fields {
            self.reading.learn(&self.child(field, self.written).path);
        }
        let table = match self.written {
            Written::Table(table) => table,
            Written::Text(text) => {
                return self.with_toml(text, |reader| reader.deserialize_struct(kind, fields, visitor));
            }
            other => return Err(Problem::invalid_type(unexpected(other), &visitor).at(&name)),
        };
        let mut keys = Vec::new();
        for (key, value) in table {
            let mut child = self.child(key, value);
            let stem = key.strip_suffix("_file").unwrap_or(key);
            if fields.contains(&key.as_str()) {
                keys.push((key.clone(), child));
            } else if fields.contains(&stem) {
                if child.is_empty_text() {
                    continue;
                }
                if table.contains_key(stem) {
                    let advice = format!("stands beside {}: keep one of the two", self.child(stem, value).name());
                    return Err(Problem::Invalid(advice).at(&child.name()));
                }
                child.is_file = true;
                keys.push((stem.to_owned(), child));
            } else {
                return Err(Problem::UnknownKey.at(&child.name()));
            }
        }
        visitor.visit_map(Keys::new(keys)).map_err(|problem| problem.at(&self.path))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier
    }
}
