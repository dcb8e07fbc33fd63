//! Walks through tables and lists for the reader.

use serde::de::{DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess};

use super::error::Problem;
use super::deserializer::Reader;
use super::source::Written;

/// The keys of a table, one after the other.
pub(super) struct Keys<'a> {
    rest: std::vec::IntoIter<(String, Reader<'a>)>,
    value: Option<Reader<'a>>,
}

impl<'a> Keys<'a> {
    /// Each key with who stands at it.
    pub(super) fn new(keys: Vec<(String, Reader<'a>)>) -> Self {
        Self { rest: keys.into_iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for Keys<'_> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        let Some((key, reader)) = self.rest.next() else { return Ok(None) };
        self.value = Some(reader);
        seed.deserialize(IntoDeserializer::<Problem>::into_deserializer(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Problem> {
        let reader = self.value.take().ok_or_else(|| Problem::custom("was asked for twice"))?;
        let (name, is_file, reading) = (reader.name(), reader.is_file(), reader.reading());
        let noted = reading.origins_so_far();
        let value = seed.deserialize(reader).map_err(|problem| problem.at(&name))?;
        // `hub_file`: the stem is a key, and no secret, so the file was never looked at.
        if is_file && !reading.has_read_a_file_since(noted) { Err(Problem::UnknownKey.at(&name)) } else { Ok(value) }
    }
}

/// The places of a list, one after the other.
pub(super) struct Places<'r, 'a> {
    reader: &'r Reader<'a>,
    values: std::iter::Enumerate<std::slice::Iter<'a, Written>>,
}

impl<'r, 'a> Places<'r, 'a> {
    /// All of `values`, to which `reader` has come.
    pub(super) fn new(reader: &'r Reader<'a>, values: &'a [Written]) -> Self {
        Self { reader, values: values.iter().enumerate() }
    }
}

impl<'de> SeqAccess<'de> for Places<'_, '_> {
    type Error = Problem;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        let Some((place, written)) = self.values.next() else { return Ok(None) };
        let reader = self.reader.place(place, written);
        let name = reader.name();
        seed.deserialize(reader).map(Some).map_err(|problem| problem.at(&name))
    }
}
