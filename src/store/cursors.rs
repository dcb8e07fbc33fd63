//! Cursors: the position in a source up to which its records are stored.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;

/// The value of a cursor.
pub(super) fn get(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM cursor WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Moves a cursor, in the transaction that stores the records before it.
pub(super) fn set(connection: &Connection, name: &str, value: &str, now: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO cursor (name, value, changed) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed = excluded.changed",
        )?
        .execute(params![name, value, now.as_millisecond()])?;
    Ok(())
}
