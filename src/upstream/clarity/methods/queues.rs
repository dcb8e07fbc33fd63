//! Queues' metrics over REST. No document has them (apis.md C48): they are asked for as agents' are.

use reqwest::Method;
use serde_json::value::RawValue;

use crate::upstream::clarity::client::in_chunks;
use crate::upstream::clarity::{Clarity, Error, PropertySelection, Pushes, find_pushes};

impl Clarity {
    /// Updates about these queues, where a site has the method. The shape of the answer is not documented, so it is
    /// searched for whatever has the shape of a reading, as pushes are.
    ///
    /// # Errors
    /// See [`Error`]; status 404 where there is no such method. Without ids nothing is sent.
    pub async fn queues(&self, ids: &[i64], properties: &PropertySelection) -> Result<Pushes, Error> {
        const CALL: &str = "the queues' metrics";
        if ids.is_empty() {
            return Err(Error::NotSent { call: CALL, reason: "no queue was named" });
        }
        let mut found = Pushes::default();
        for ids in in_chunks(ids) {
            let url = self.url("/v2/metrics/queues", &format!("queueIds={ids}{}", self.modalities()));
            let answer: Box<RawValue> = self.call(CALL, Method::POST, url, Some(&self.properties(properties))).await?;
            let part = find_pushes(&[answer]);
            found.updates.extend(part.updates);
            found.unknown += part.unknown;
        }
        Ok(found)
    }
}
