//! Asking for a token: find the endpoint, post the form, read the answer (apis.md C1 to C4).

use std::borrow::Cow;
use std::sync::Arc;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, WWW_AUTHENTICATE};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;
use windows_auth::Authenticator;
use zeroize::Zeroizing;

use super::lifetime::{claims, lifetime, margin};
use super::{Token, TokenError, Tokens, challenge};
use crate::upstream::tolerant;
use base::{Secret, http, json};

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    #[serde(default, deserialize_with = "tolerant::rounded")]
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

impl Tokens {
    /// Asks as the account that signs in. Without a Windows sign-in on the other side, the form alone is enough.
    pub(super) async fn fetch(&self, authenticator: &Authenticator) -> Result<Token, TokenError> {
        let endpoint = self.endpoint().await?;
        let host = host(&endpoint);
        let form = [("grant_type", "urn:connect.auth:windows"), ("client_id", self.settings.client_id.as_str())];
        let answer = authenticator
            .post_form(&endpoint, &form, self.clock.now())
            .await
            .map_err(|error| TokenError::SignIn(Arc::new(error)))?;
        let received_at = Instant::now();
        let server_now = http::date(&answer.headers).unwrap_or_else(|| self.clock.now());
        let (body, is_authenticated) = (answer.body, answer.is_authenticated);
        match answer.status {
            StatusCode::UNAUTHORIZED => return Err(TokenError::AccountRefused { host }),
            StatusCode::BAD_REQUEST if says(&body, "invalid_clientId") => return Err(TokenError::InvalidClientId),
            StatusCode::BAD_REQUEST if says(&body, "invalid_grant") => return Err(TokenError::InvalidGrant { host }),
            status if !status.is_success() => return Err(TokenError::Status { host, status: status.as_u16() }),
            _ => {}
        }
        let body = http::decode_json(body.to_vec(), &answer.headers);
        let body = body.map_err(|error| TokenError::NotTheApi { host: host.clone(), source: Arc::new(error) })?;
        let body = Zeroizing::new(body);
        let answer: Option<Answer> = json::read(&body).ok();
        let Some(Answer { access_token: Some(token), expires_in }) = answer else {
            return Err(TokenError::NoToken { host });
        };
        let token = Zeroizing::new(token);
        let expires_in = expires_in.and_then(|seconds| u64::try_from(seconds).ok());
        let life = lifetime(&claims(&token), expires_in, server_now);
        let renew_at = life.map(|life| received_at + (life - margin(life)));
        let expires_at = life.map(|life| received_at + life);
        Ok(Token { secret: Secret::from(token.as_str()), received_at, renew_at, expires_at, is_authenticated })
    }

    async fn endpoint(&self) -> Result<Url, TokenError> {
        if let Some(fixed) = &self.settings.token_url {
            return Ok(fixed.clone());
        }
        if let Some(url) = self.held().token_url.clone() {
            return Ok(url);
        }
        let root = &self.settings.api_root;
        let host = host(root);
        let mut info = root.clone();
        info.set_path(&format!("{}/info", root.path().trim_end_matches('/')));
        let answer = self.cookies.send(self.http.get(info).header(ACCEPT, "application/json")).await;
        let answer = answer.map_err(|error| unreachable(&host, error))?;
        let status = answer.status().as_u16();
        let own = root.host_str().into_iter();
        let allowed: Vec<&str> = own.chain(self.settings.token_hosts.iter().map(String::as_str)).collect();
        let found = challenge::endpoint(challenges(&answer).iter().map(|value| &**value), &allowed)?;
        let found = found.ok_or(TokenError::NoChallenge { host, status })?;
        self.held().token_url = Some(found.clone());
        Ok(found)
    }
}

/// The values of `WWW-Authenticate`; bytes that are not UTF-8 are replaced.
fn challenges(answer: &reqwest::Response) -> Vec<Cow<'_, str>> {
    let values = answer.headers().get_all(WWW_AUTHENTICATE).iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect()
}

fn says(body: &[u8], what: &str) -> bool {
    json::read(body).is_ok_and(|Failure { error }| error.eq_ignore_ascii_case(what))
}

fn unreachable(host: &str, error: reqwest::Error) -> TokenError {
    TokenError::Unreachable { host: host.to_owned(), source: Arc::new(error.without_url()) }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or("(no host)").to_owned()
}
