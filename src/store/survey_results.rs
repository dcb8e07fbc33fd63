//! Survey results as Agent Connect reported them: the newest record of each survey, unchanged.

use std::fmt;

use rusqlite::params;
use serde_json::Value;

use super::{EventContext, Shared, StoreError, StoredBatch, cursors};

/// One record of a survey.
#[derive(Clone, PartialEq)]
pub struct SurveyRecord {
    /// The survey's id in Agent Connect.
    pub uuid: String,
    /// Rises with each change of the record (apis.md P10).
    pub sequence: i64,
    /// The record as received.
    pub body: Value,
}

/// Survey results.
#[derive(Clone, Copy)]
pub struct SurveyResults<'a>(pub(super) &'a Shared);

impl SurveyResults<'_> {
    /// Stores a page of records and moves the cursor, in one transaction. An older record never replaces a newer one,
    /// so that pages may come twice and in any order. Returns the records of customers who were not erased: publish
    /// them while the batch is held.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn record_page(
        self,
        records: Vec<(EventContext, SurveyRecord)>,
        cursor: &str,
        place: String,
    ) -> Result<StoredBatch<SurveyRecord>, StoreError> {
        let (cursor, now, suppression) = (cursor.to_owned(), self.0.clock.now(), self.0.suppression.clone());
        self.0
            .keep(move |connection| {
                let mut statement = connection.prepare_cached(
                    "INSERT INTO survey_result (uuid, sequence, body, changed) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (uuid) DO UPDATE SET sequence = excluded.sequence, body = excluded.body,
                 changed = excluded.changed WHERE excluded.sequence > survey_result.sequence",
                )?;
                let mut kept = Vec::new();
                for (about, record) in records {
                    if suppression.is_erased(connection, &about.person, Some(&record.uuid), about.created)? {
                        continue;
                    }
                    let body = record.body.to_string();
                    statement.execute(params![record.uuid, record.sequence, body, now.as_millisecond()])?;
                    kept.push(record);
                }
                cursors::set(connection, &cursor, &place, now)?;
                Ok(kept)
            })
            .await
    }

    /// The cursor of this name, if it was ever written.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn cursor(self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.0.read(move |connection| cursors::get(connection, &name)).await
    }

    /// Records that have a sequence above this one, in that order.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn after(self, sequence: i64, limit: u32) -> Result<Vec<SurveyRecord>, StoreError> {
        self.0
            .read(move |connection| {
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
    use crate::domain::{Actor, CustomerIdentity};
    use crate::store::Store;
    use crate::store::tests::private_dir;
    use base::Clock;

    #[tokio::test]
    async fn newest_record_of_each_survey_is_kept_in_any_order() {
        let directory = private_dir();
        let store = Store::open(directory.path(), Clock::system()).unwrap();
        let record =
            |uuid: &str, sequence| SurveyRecord { uuid: uuid.into(), sequence, body: json!({ "n": sequence }) };
        let about_no_one = |record| (EventContext::default(), record);
        for page in [vec![record("a", 3), record("b", 2)], vec![record("a", 1)], vec![record("b", 7), record("b", 7)]] {
            let page = page.into_iter().map(about_no_one).collect();
            drop(store.survey_results().record_page(page, "data", "7".into()).await.unwrap());
        }
        let kept = store.survey_results().after(0, 10).await.unwrap();
        assert_eq!(kept, [record("a", 3), record("b", 7)]);
        assert_eq!(store.survey_results().after(3, 10).await.unwrap(), [record("b", 7)]);
        assert_eq!(store.survey_results().cursor("data").await.unwrap().as_deref(), Some("7"));
        store.close().await;
    }

    #[tokio::test]
    async fn erased_survey_result_does_not_come_back() {
        let directory = private_dir();
        let store = Store::open(directory.path(), Clock::system()).unwrap();
        let record = |uuid: &str, sequence, email: &str| {
            let body = json!({"customer": {"email": email}});
            let created = "2026-01-05T09:00:00Z".parse().ok();
            let about = EventContext { subject: None, person: CustomerIdentity::new(Some(email), None), created };
            (about, SurveyRecord { uuid: uuid.into(), sequence, body })
        };
        let jane = "Jane@Example.com";
        let page = vec![record("a", 1, jane), record("b", 2, "rob@example.com")];
        drop(store.survey_results().record_page(page, "data", "2".into()).await.unwrap());
        let erased = store
            .privacy()
            .erase(CustomerIdentity::new(Some("jane@example.com"), None), Actor::command("a test"))
            .await
            .unwrap();
        assert_eq!(erased.report.results, ["a".into()]);
        drop(erased);
        // The upstream reports it again, with the address and without, and an older one.
        let page =
            vec![record("a", 3, jane), record("a", 4, ""), record("c", 5, jane), record("b", 6, "rob@example.com")];
        let kept = store.survey_results().record_page(page, "data", "6".into()).await.unwrap();
        assert_eq!(kept.records.iter().map(|record| (&*record.uuid, record.sequence)).collect::<Vec<_>>(), [("b", 6)]);
        drop(kept);
        let left = store.survey_results().after(0, 9).await.unwrap();
        assert_eq!(left.iter().map(|record| &*record.uuid).collect::<Vec<_>>(), ["b"]);
    }
}
