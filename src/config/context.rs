//! What one reading of a configuration shares, and what it learns on the way.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::Origin;
use super::error::Problem;
use super::deserializer::Reader;
use super::source::Written;

/// What one reading shares.
pub(super) struct Reading<'a> {
    /// Where relative paths of secret files begin; `None` leaves the files alone.
    directory: Option<&'a Path>,
    /// Whether all of it stands in one variable of the environment.
    is_of_variable: bool,
    /// Every key that the types know, with `[]` for any place in a list.
    known: RefCell<BTreeSet<String>>,
    /// Where each value came from.
    origins: RefCell<Vec<(String, Origin)>>,
    /// The first key whose secret stands in the configuration file itself.
    secret_in_file: RefCell<Option<String>>,
}

impl<'a> Reading<'a> {
    /// A reading that takes secrets from files, relative to `directory`.
    pub(super) fn new(directory: Option<&'a Path>) -> Self {
        Self {
            directory,
            is_of_variable: false,
            known: RefCell::default(),
            origins: RefCell::default(),
            secret_in_file: RefCell::default(),
        }
    }

    /// The reading of a variable that holds TOML, within this one.
    pub(super) fn of_variable(&self) -> Self {
        Self { is_of_variable: true, ..Self::new(self.directory) }
    }

    /// Whether all of it stands in one variable of the environment.
    pub(super) fn is_of_variable(&self) -> bool {
        self.is_of_variable
    }

    /// Gives `written` its type.
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self, written: &Written) -> Result<T, Problem> {
        T::deserialize(Reader::new(self, written))
    }

    /// Where relative paths of secret files begin; `None` leaves the files alone.
    pub(super) fn directory(&self) -> Option<&'a Path> {
        self.directory
    }

    /// A type has said that it knows this key.
    pub(super) fn learn(&self, path: &str) {
        self.known.borrow_mut().insert(without_places(path));
    }

    /// The value of this key comes from there.
    pub(super) fn note(&self, key: &str, origin: Origin) {
        self.origins.borrow_mut().push((key.to_owned(), origin));
    }

    /// The secret of this key stands in the configuration file itself.
    pub(super) fn note_secret_in_file(&self, key: &str) {
        self.secret_in_file.borrow_mut().get_or_insert_with(|| key.to_owned());
    }

    /// The first key of which that is so.
    pub(super) fn secret_in_file(&self) -> Option<String> {
        self.secret_in_file.borrow().clone()
    }

    /// The keys that the types know, as far as the reading came.
    pub(super) fn known(self) -> BTreeSet<String> {
        self.known.into_inner()
    }

    /// How many values have told their origin.
    pub(super) fn origins_so_far(&self) -> usize {
        self.origins.borrow().len()
    }

    /// Whether one of the values after the first `count` came from a secret file.
    pub(super) fn has_read_a_file_since(&self, count: usize) -> bool {
        self.origins.borrow()[count..].iter().any(|(_, origin)| *origin == Origin::SecretFile)
    }

    /// Where each value came from.
    pub(super) fn origins(self) -> Vec<(String, Origin)> {
        self.origins.into_inner()
    }
}

/// `queues[2].id` as `queues[].id`: which place in a list it is does not matter to the types.
pub(super) fn without_places(path: &str) -> String {
    path.chars().filter(|sign| !sign.is_ascii_digit()).collect()
}
