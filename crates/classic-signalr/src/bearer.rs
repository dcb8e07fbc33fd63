//! The token that the requests of one connection show.

use std::future::Future;
use std::sync::Arc;

use secrecy::SecretString;

use super::{Credentials, Error};

/// Where a connection's tokens come from: a redirect gave one for good, or the credentials give one each time.
#[derive(Clone)]
pub struct Bearer {
    given: Option<Arc<SecretString>>,
    credentials: Arc<dyn Credentials>,
}

impl Bearer {
    /// Tokens of these credentials, unless one was given.
    pub fn new(given: Option<Arc<SecretString>>, credentials: Arc<dyn Credentials>) -> Self {
        Self { given, credentials }
    }

    /// Whether another token may be had after this one was refused.
    pub fn is_renewable(&self) -> bool {
        self.given.is_none()
    }

    /// Asks something with the token of the moment, and tells the credentials if the server did not accept it.
    pub async fn show<T, F>(&self, ask: impl FnOnce(Option<Arc<SecretString>>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        if let Some(given) = &self.given {
            return ask(Some(Arc::clone(given))).await;
        }
        let bearer = self.credentials.bearer_token().await.map_err(Error::Credentials)?.map(Arc::new);
        let answer = ask(bearer.clone()).await;
        if let (Err(error), Some(bearer)) = (&answer, &bearer)
            && error.status() == Some(401)
        {
            self.credentials.rejected(bearer);
        }
        answer
    }
}
