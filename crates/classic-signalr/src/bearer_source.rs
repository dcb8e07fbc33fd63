//! Where the requests of one connection get their bearer token.

use std::future::Future;
use std::sync::Arc;

use secrecy::SecretString;

use super::{Credentials, Error};

/// The token that a redirect of `negotiate` gave, or else what the credentials give for each request.
#[derive(Clone)]
pub struct BearerSource {
    redirect_token: Option<Arc<SecretString>>,
    credentials: Arc<dyn Credentials>,
}

impl BearerSource {
    /// Uses the credentials, unless there is a token from a redirect.
    pub fn new(redirect_token: Option<Arc<SecretString>>, credentials: Arc<dyn Credentials>) -> Self {
        Self { redirect_token, credentials }
    }

    /// Whether there may be another token after the server has rejected one.
    pub fn is_renewable(&self) -> bool {
        self.redirect_token.is_none()
    }

    /// Sends a request with the current token, and notifies the credentials if the server answers 401.
    pub async fn send<T, F>(&self, request: impl FnOnce(Option<Arc<SecretString>>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        if let Some(token) = &self.redirect_token {
            return request(Some(Arc::clone(token))).await;
        }
        let token = self.credentials.bearer_token().await.map_err(Error::Credentials)?.map(Arc::new);
        let outcome = request(token.clone()).await;
        if let (Err(error), Some(token)) = (&outcome, &token)
            && error.status() == Some(401)
        {
            self.credentials.rejected(token);
        }
        outcome
    }
}
