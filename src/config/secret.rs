//! Secrets of the configuration: written at their key, or in a file of their own that other users cannot read.

use std::path::Path;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use zeroize::Zeroizing;

use base::Secret;
use base::private_file::{self, PrivateFileError};

/// The newtype name that marks values which may be in a file.
pub(super) const MARK: &str = "callboard::Secret";
/// The same for several secrets, one a line.
pub(super) const LIST_MARK: &str = "callboard::Secrets";

/// In bytes. A larger file is not the one that holds the secret.
const LIMIT: u64 = 64 * 1024;

/// For `#[serde(deserialize_with)]`: one secret.
pub(super) fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    deserializer.deserialize_newtype_struct(MARK, SecretVisitor)
}

/// For `#[serde(default, deserialize_with)]`: one secret or none.
pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    struct Wrapped(Secret);
    impl<'de> Deserialize<'de> for Wrapped {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            one(deserializer).map(Self)
        }
    }
    Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|wrapped| wrapped.0))
}

/// For `#[serde(default, deserialize_with)]`: several secrets.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
    deserializer.deserialize_newtype_struct(LIST_MARK, SecretsVisitor)
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text in quotes")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Secret, D::Error> {
        self.visit_str(&Zeroizing::new(String::deserialize(deserializer)?))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        match text.is_empty() {
            true => Err(E::custom("is empty: write the secret there, or leave the key out")),
            false => Ok(text.into()),
        }
    }
}

struct SecretsVisitor;

impl<'de> Visitor<'de> for SecretsVisitor {
    type Value = Vec<Secret>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of texts in [brackets]")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Vec::<Zeroizing<String>>::deserialize(deserializer)?.iter().map(|text| SecretVisitor.visit_str(text)).collect()
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| SecretVisitor.visit_str(line)).collect()
    }
}

/// Reads a secret file. The error is the rest of a sentence that begins with the key.
pub(super) fn read_file(path: &Path) -> Result<Zeroizing<String>, String> {
    const REMEDY: &str = "write the secret into it";
    let shown = path.display();
    let bytes = private_file::read(path, LIMIT).map_err(|error| advice(path, error, REMEDY))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| format!("names {shown}, which is not a text: {REMEDY}"))?;
    let secret = private_file::without_line_end(text);
    if secret.trim().is_empty() {
        return Err(format!("names {shown}, which is empty: {REMEDY}"));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

/// Checks that a binary file which the server reads later and again, such as a keytab, can be read now. `remedy` says
/// how to make one. The error is the rest of a sentence that begins with the key.
pub(super) fn check_file(path: &Path, remedy: &str) -> Result<(), String> {
    private_file::read(path, LIMIT).map(drop).map_err(|error| advice(path, error, remedy))
}

fn advice(path: &Path, error: PrivateFileError, remedy: &str) -> String {
    let shown = path.display();
    match error {
        PrivateFileError::Missing => format!("names {shown}, which does not exist: {remedy}"),
        PrivateFileError::Unreadable => {
            format!("names {shown}, which cannot be read: make it a file that this user may read")
        }
        PrivateFileError::NotAFile => format!("names {shown}, which is a directory, a pipe or a device: name a file"),
        PrivateFileError::Public => {
            format!("names {shown}, which every user of this machine can reach: run chmod 600 {shown}")
        }
        PrivateFileError::TooLarge => format!("names {shown}, which is too large for a secret: name the right file"),
    }
}
