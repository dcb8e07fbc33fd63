//! The places up to which sources have been read.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, SurveyResults};

impl SurveyResults<'_> {
    /// Where reading goes on, if it has ever begun.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn cursor(self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.0.read(move |connection| get(connection, &name)).await
    }
}

/// Where a cursor stands.
pub(super) fn get(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM cursor WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Moves a cursor. Do this only once what lies before it has been taken in.
pub(super) fn set(connection: &Connection, name: &str, value: &str, now: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO cursor (name, value, changed) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed = excluded.changed",
        )?
        .execute(params![name, value, now.as_millisecond()])?;
    Ok(())
}
