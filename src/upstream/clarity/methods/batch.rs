//! Several calls in one round trip (apis.md C44).

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::malformed_answer;
use crate::upstream::clarity::error::RefusalReason;
use crate::upstream::clarity::{Clarity, Error};
use crate::upstream::tolerant;
use base::error_response;

/// One call of a batch. Only reads have a constructor: after a batch that breaks off it would be unknown what was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItem {
    method: &'static str,
    relative_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
}

/// What became of one call.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BatchAnswer {
    /// The HTTP status.
    #[serde(deserialize_with = "tolerant::integer")]
    pub code: Option<i64>,
    /// What was answered.
    pub body: Value,
}

impl BatchItem {
    /// A reading. The path follows `/v2/`; the dictionary's sample has another version in front (apis.md B30).
    #[must_use]
    pub fn get(path: impl AsRef<str>) -> Self {
        Self { method: "GET", relative_url: format!("../v2/{}", path.as_ref()), body: None }
    }

    /// A reading that says in its body what is wanted, as the metrics methods do. The body is JSON, not the list of
    /// texts that the dictionary has (apis.md B31).
    #[must_use]
    pub fn post(path: impl AsRef<str>, body: Value) -> Self {
        Self { method: "POST", relative_url: format!("../v2/{}", path.as_ref()), body: Some(body) }
    }
}

impl BatchAnswer {
    /// The body, if this call went well: the batch as a whole is answered 200 whatever became of its calls (apis.md
    /// B96).
    ///
    /// # Errors
    /// The same as if the call had been made alone.
    pub fn success(self, call: &'static str) -> Result<Value, Error> {
        match self.code {
            Some(200..=299) => Ok(self.body),
            Some(401) => Err(Error::Denied { call }),
            Some(429) => Err(Error::RateLimited { call, retry_after: None }),
            Some(code) => {
                let reason = error_response::message(self.body.to_string().as_bytes()).map(RefusalReason::new);
                Err(Error::Status { call, status: u16::try_from(code).unwrap_or(500), reason })
            }
            None => Err(malformed_answer(call)),
        }
    }
}

impl Clarity {
    /// Makes several calls at once; answers come in the order of the calls.
    ///
    /// # Errors
    /// See [`Error`]; also when the numbers of answers and calls differ, because they could not be matched.
    pub async fn batch(&self, call: &'static str, items: &[BatchItem]) -> Result<Vec<BatchAnswer>, Error> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let answer: Value = self.call(call, Method::POST, self.url("/v2/", ""), Some(&items)).await?;
        let Value::Array(answers) = answer else { return Err(malformed_answer(call)) };
        // Only the frame is read here: names inside the bodies stay as they are.
        let answers: Vec<BatchAnswer> =
            answers.into_iter().map(|answer| serde_json::from_value(answer).unwrap_or_default()).collect();
        if answers.len() == items.len() { Ok(answers) } else { Err(malformed_answer(call)) }
    }

    /// The same for a known number of calls.
    pub(super) async fn batch_of<const N: usize>(
        &self,
        call: &'static str,
        items: [BatchItem; N],
    ) -> Result<[BatchAnswer; N], Error> {
        self.batch(call, &items).await?.try_into().map_err(|_| malformed_answer(call))
    }
}

/// Without the body: it may be about people.
impl std::fmt::Debug for BatchAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BatchAnswer").field(&self.code).finish()
    }
}
