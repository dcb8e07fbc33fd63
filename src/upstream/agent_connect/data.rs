//! Data Return: what became of surveys, page after page behind a cursor (apis.md P7 to P11).

use std::fmt;
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use serde_json::{Value, json};
use thiserror::Error;
use url::Url;

use base::secret::ExposeSecret;
use base::{Secret, SourceClock, error_response, http, json};

/// How many records a page may have (apis.md P7).
pub const PAGE: usize = 1000;

const ANSWER_LIMIT: usize = 32 * 1024 * 1024;

/// The way to Data Return. Cheap to clone.
#[derive(Clone)]
pub struct DataReturn {
    http: reqwest::Client,
    address: Url,
    key: HeaderValue,
    signer: EncodingKey,
    clock: SourceClock,
}

/// Why Data Return did not tell. Asking again is always harmless.
#[derive(Debug, Error)]
pub enum DataError {
    /// The key or the secret is missing or wrong.
    #[error(
        "Agent Connect does not let us read results (status {status}). Check `[agent_connect] api_key_file` and \
         `api_secret_file`."
    )]
    KeyRefused {
        /// 401 or 403.
        status: u16,
    },
    /// Too many requests, or it is unavailable.
    #[error("Agent Connect answered that it cannot tell results now (status {status}).")]
    Overloaded {
        /// The status.
        status: u16,
        /// When to come back, if it said so.
        retry_after: Option<Duration>,
    },
    /// No answer came.
    #[error("Agent Connect could not be reached or did not answer when it was asked for results.")]
    Unreachable(#[source] reqwest::Error),
    /// The answer broke off.
    #[error("Agent Connect's results could not be read: {0}.")]
    Broken(#[from] http::BodyError),
    /// The answer is no list of records.
    #[error("Agent Connect's results are not a list of records.")]
    Unreadable,
    /// The configuration cannot be used.
    #[error("{0}")]
    Misconfigured(&'static str),
}

impl DataReturn {
    /// `api_root` is such as `https://api.stellaconnect.net`. The key goes as it is, the secret signs and never leaves.
    ///
    /// # Errors
    /// When the key cannot stand in a header.
    pub fn new(
        http: reqwest::Client,
        api_root: &Url,
        key: &Secret,
        secret: &Secret,
        clock: SourceClock,
    ) -> Result<Self, DataError> {
        let mut key = HeaderValue::from_str(key.expose_secret().trim()).map_err(|_| {
            DataError::Misconfigured("The Agent Connect API key contains characters that no header can carry.")
        })?;
        key.set_sensitive(true);
        let mut address = api_root.clone();
        match address.path_segments_mut() {
            Ok(mut path) => path.pop_if_empty().extend(["v2", "data"]),
            Err(()) => {
                return Err(DataError::Misconfigured(
                    "The Agent Connect `api_root` is not an address such as https://api.stellaconnect.net.",
                ));
            }
        };
        let signer = EncodingKey::from_secret(secret.expose_secret().trim().as_bytes());
        Ok(Self { http, address, key, signer, clock })
    }

    /// The records after a sequence number, at most [`PAGE`], recoveries included; from the first record without one.
    ///
    /// # Errors
    /// See [`DataError`].
    pub async fn page(&self, after: Option<i64>) -> Result<Vec<Value>, DataError> {
        let mut address = self.address.clone();
        address
            .query_pairs_mut()
            .append_pair("limit", &PAGE.to_string())
            .append_pair("include_recovery", "true")
            .extend_pairs(after.map(|after| ("after", after.to_string())));
        let request = self
            .http
            .get(address)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header("x-api-key", self.key.clone())
            .header(AUTHORIZATION, self.token()?);
        let answer = http::send(request, &self.clock).await;
        let answer = answer.map_err(|error| DataError::Unreachable(error.without_url()))?;
        let (status, retry_after) = (answer.status(), error_response::retry_after(answer.headers()));
        match status {
            _ if status.is_success() => list(&http::read_json(answer, ANSWER_LIMIT).await?),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(DataError::KeyRefused { status: status.as_u16() }),
            _ => Err(DataError::Overloaded { status: status.as_u16(), retry_after }),
        }
    }

    /// Signed anew for each question: the upstream wants a recent `iat`, and the token raw, without a scheme
    /// (apis.md P11).
    fn token(&self) -> Result<HeaderValue, DataError> {
        const UNUSABLE: DataError = DataError::Misconfigured("The Agent Connect API secret cannot sign a token.");
        let claims = json!({ "iat": self.clock.theirs().as_second() });
        let token =
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signer).map_err(|_| UNUSABLE)?;
        let mut token = HeaderValue::from_str(&token).map_err(|_| UNUSABLE)?;
        token.set_sensitive(true);
        Ok(token)
    }
}

/// A bare list, as the public record has it, or one in an envelope.
fn list(body: &[u8]) -> Result<Vec<Value>, DataError> {
    match json::read(body).map_err(|_| DataError::Unreadable)? {
        Value::Array(records) => Ok(records),
        Value::Object(mut envelope) => match envelope.remove("data") {
            Some(Value::Array(records)) => Ok(records),
            _ => Err(DataError::Unreadable),
        },
        _ => Err(DataError::Unreadable),
    }
}

impl fmt::Debug for DataReturn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataReturn").field("address", &self.address.as_str()).finish_non_exhaustive()
    }
}
