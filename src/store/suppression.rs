//! The suppression list: keyed hashes of erased customers, by which a repeated event is recognized without a name.
//!
//! The key is a file beside the database: a copy of the database alone does not suffice to try addresses.

use std::io::{Read, Write};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{StoreError, database};
use crate::domain::CustomerIdentity;
use crate::domain::customer_identity::Phone;
use base::secret::ExposeSecret;
use base::{Secret, key, private_file};

/// The name of the key's file in the data directory.
const FILE: &str = "erasure.key";

/// More than it holds: a buffer that grows leaves its content in memory.
const ROOM: usize = 256;

/// Computes the hashes.
#[derive(Clone)]
pub(super) struct SuppressionList(Secret);

type Mark = Vec<u8>;

impl SuppressionList {
    /// Reads the key, and creates one if there is none.
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let refused = |source| StoreError::Directory { dir: path.clone(), source };
        let mut file = database::open_private(&path).map_err(refused)?;
        if private_file::is_public(&file) {
            return Err(StoreError::Public { path });
        }
        let mut text = Zeroizing::new(String::with_capacity(ROOM));
        file.read_to_string(&mut text).map_err(refused)?;
        if text.trim().is_empty() {
            text.clear();
            text.push_str(key::generate().expose_secret());
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(refused)?;
            std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(refused)?;
        }
        Ok(Self(text.trim().into()))
    }

    /// Whether there are entries that were hashed with another key.
    pub(super) fn verify(&self, connection: &Connection) -> Result<bool, StoreError> {
        let known: Option<i64> =
            connection.query_row("SELECT 1 FROM suppression LIMIT 1", [], |row| row.get(0)).optional()?;
        Ok(known.is_none() || found(connection, &self.mark("key", ""))?.is_some())
    }

    /// Adds a customer and their responses.
    pub(super) fn erase<'a>(
        &self,
        connection: &Connection,
        person: &CustomerIdentity,
        subjects: impl IntoIterator<Item = &'a str>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let emails = person.emails().map(|email| self.mark("email", email));
        let phones = person.phones().flat_map(|phone| {
            let forms = phone.national_forms().into_iter().map(|form| self.mark("without country", form));
            std::iter::once(self.phone(phone)).chain(forms).collect::<Vec<_>>()
        });
        let subjects = subjects.into_iter().map(|subject| self.mark("subject", subject));
        let key = std::iter::once(self.mark("key", ""));
        for mark in key.chain(emails).chain(phones).chain(subjects) {
            connection
                .prepare_cached(
                    "INSERT INTO suppression (hash, at) VALUES (?1, ?2) ON CONFLICT (hash) DO UPDATE SET at = \
                        excluded.at",
                )?
                .execute(params![mark, at.as_millisecond()])?;
        }
        Ok(())
    }

    /// Whether an event is about a customer who was erased. `created` is when its response was written: one that was
    /// written after the erasure is kept.
    pub(super) fn is_erased(
        &self,
        connection: &Connection,
        person: &CustomerIdentity,
        subject: Option<&str>,
        created: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        if found(connection, &self.mark("key", ""))?.is_none() {
            // No customer was ever erased, as on most sites.
            return Ok(false);
        }
        if let Some(subject) = subject
            && found(connection, &self.mark("subject", subject))?.is_some()
        {
            return Ok(true);
        }
        let emails = person.emails().map(|email| self.mark("email", email));
        let phones = person.phones().flat_map(|phone| match phone {
            Phone::International(_) => {
                let national = phone.national_forms().into_iter().map(|form| self.mark("national", form));
                std::iter::once(self.phone(phone)).chain(national).collect::<Vec<_>>()
            }
            Phone::National(digits) => vec![self.phone(phone), self.mark("without country", digits)],
        });
        for mark in emails.chain(phones) {
            if let Some(at) = found(connection, &mark)?
                && created.is_none_or(|created| created.as_millisecond() <= at)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an erased customer wrote again after the erasure.
    pub(super) fn came_back(&self, connection: &Connection, person: &CustomerIdentity) -> Result<bool, StoreError> {
        // Older, or without a date: only a hash makes this true.
        Ok(!person.is_unknown() && self.is_erased(connection, person, None, None)?)
    }

    fn phone(&self, phone: &Phone) -> Mark {
        let kind = if matches!(phone, Phone::International(_)) { "international" } else { "national" };
        self.mark(kind, phone.digits())
    }

    fn mark(&self, kind: &str, of: &str) -> Mark {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret().as_bytes())
            .expect("HMAC takes keys of any length")
            .chain_update(kind)
            .chain_update([0])
            .chain_update(of);
        mac.finalize().into_bytes().to_vec()
    }
}

fn found(connection: &Connection, mark: &Mark) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT at FROM suppression WHERE hash = ?1")?;
    Ok(statement.query_row([mark], |row| row.get(0)).optional()?)
}
