//! What became of surveys, as the vendor told it: the newest record of each, word for word.

use std::fmt;

use rusqlite::params;
use serde_json::Value;

use super::{Store, StoreError, cursors};

/// One record of a survey.
#[derive(Clone, PartialEq)]
pub struct SurveyRecord {
    /// The vendor's identity for it.
    pub uuid: String,
    /// Raised with each change of it (`apis.md` P10).
    pub sequence: i64,
    /// The record as it came.
    pub body: Value,
}

impl Store {
    /// Takes a page of records in and moves the cursor behind it, both or neither. An older record never replaces a newer
    /// one, so that pages may come twice and in any order.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn keep_survey_records(
        &self,
        records: Vec<SurveyRecord>,
        cursor: &str,
        place: String,
    ) -> Result<(), StoreError> {
        let (cursor, now) = (cursor.to_owned(), self.0.clock.now());
        self.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "INSERT INTO survey_result (uuid, sequence, body, changed) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (uuid) DO UPDATE SET sequence = excluded.sequence, body = excluded.body,
                 changed = excluded.changed WHERE excluded.sequence > survey_result.sequence",
            )?;
            for record in records {
                let body = record.body.to_string();
                statement.execute(params![record.uuid, record.sequence, body, now.as_millisecond()])?;
            }
            cursors::set(connection, &cursor, &place, now)
        })
        .await
    }

    /// Records that have a sequence above this one, in that order.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn survey_records_after(&self, sequence: i64, limit: u32) -> Result<Vec<SurveyRecord>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT uuid, sequence, body FROM survey_result WHERE sequence > ?1 ORDER BY sequence, uuid LIMIT ?2",
            )?;
            let rows = statement.query_and_then(params![sequence, limit], |row| {
                let body: String = row.get(2)?;
                Ok(SurveyRecord { uuid: row.get(0)?, sequence: row.get(1)?, body: serde_json::from_str(&body)? })
            })?;
            rows.collect()
        })
        .await
    }
}

/// Without what the customer said.
impl fmt::Debug for SurveyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SurveyRecord")
            .field("uuid", &self.uuid)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::Clock;

    #[tokio::test]
    async fn the_newest_record_of_each_survey_stays_whatever_comes_after_it() {
        let directory = tempfile::TempDir::new().unwrap();
        let store = Store::open(directory.path(), Clock::system()).unwrap();
        let record =
            |uuid: &str, sequence| SurveyRecord { uuid: uuid.into(), sequence, body: json!({ "n": sequence }) };
        for page in [vec![record("a", 3), record("b", 2)], vec![record("a", 1)], vec![record("b", 7), record("b", 7)]] {
            store.keep_survey_records(page, "data", "7".into()).await.unwrap();
        }
        let kept = store.survey_records_after(0, 10).await.unwrap();
        assert_eq!(kept, [record("a", 3), record("b", 7)]);
        assert_eq!(store.survey_records_after(3, 10).await.unwrap(), [record("b", 7)]);
        assert_eq!(store.cursor("data").await.unwrap().as_deref(), Some("7"));
        store.close().await;
    }
}
