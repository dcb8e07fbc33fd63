//! What the deserializer learns while it reads a configuration: known keys, the origin of each value, secrets in the
//! file.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

/// The origin of a value. A value without one is a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file.
    File,
    /// An environment variable.
    Environment,
    /// The secret file that the key's `_file` form names.
    SecretFile,
}

/// What one pass over a configuration shares.
pub(super) struct LoadContext<'a> {
    /// The directory of relative paths of secret files. `None`: secret files are not opened.
    directory: Option<&'a Path>,
    /// Whether everything is read from the TOML in one environment variable.
    is_of_variable: bool,
    /// Every key that the types know, with `[]` for any index of a list.
    known_keys: RefCell<BTreeSet<String>>,
    origins: RefCell<Vec<(String, Origin)>>,
    /// The first key whose secret is written in the configuration file itself.
    secret_in_file: RefCell<Option<String>>,
}

impl<'a> LoadContext<'a> {
    pub(super) fn new(directory: Option<&'a Path>) -> Self {
        Self {
            directory,
            is_of_variable: false,
            known_keys: RefCell::default(),
            origins: RefCell::default(),
            secret_in_file: RefCell::default(),
        }
    }

    /// A context for the TOML in one environment variable.
    pub(super) fn of_variable(&self) -> Self {
        Self { is_of_variable: true, ..Self::new(self.directory) }
    }

    pub(super) fn is_of_variable(&self) -> bool {
        self.is_of_variable
    }

    /// The directory of relative paths of secret files. `None`: secret files are not opened.
    pub(super) fn directory(&self) -> Option<&'a Path> {
        self.directory
    }

    pub(super) fn add_known_key(&self, path: &str) {
        self.known_keys.borrow_mut().insert(without_indexes(path));
    }

    pub(super) fn add_origin(&self, key: &str, origin: Origin) {
        self.origins.borrow_mut().push((key.to_owned(), origin));
    }

    /// Notes that the secret of this key is written in the configuration file itself.
    pub(super) fn add_secret_in_file(&self, key: &str) {
        self.secret_in_file.borrow_mut().get_or_insert_with(|| key.to_owned());
    }

    /// The first key whose secret is written in the configuration file itself.
    pub(super) fn secret_in_file(&self) -> Option<String> {
        self.secret_in_file.borrow().clone()
    }

    /// The keys that the types know, as far as the deserializer came.
    pub(super) fn known_keys(self) -> BTreeSet<String> {
        self.known_keys.into_inner()
    }

    /// How many values have an origin so far.
    pub(super) fn origin_count(&self) -> usize {
        self.origins.borrow().len()
    }

    /// Whether a value after the first `count` came from a secret file.
    pub(super) fn has_read_secret_file_since(&self, count: usize) -> bool {
        self.origins.borrow()[count..].iter().any(|(_, origin)| *origin == Origin::SecretFile)
    }

    pub(super) fn origins(self) -> Vec<(String, Origin)> {
        self.origins.into_inner()
    }
}

/// `queues[2].id` as `queues[].id`.
pub(super) fn without_indexes(path: &str) -> String {
    path.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}
