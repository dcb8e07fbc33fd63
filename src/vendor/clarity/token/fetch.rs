//! Asking for a token: find the endpoint, post the form, read the answer (`apis.md` C1 to C4).

use std::sync::Arc;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, WWW_AUTHENTICATE};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::lifetime::{claims, lifetime, margin};
use super::{Token, TokenError, Tokens, challenge};
use crate::base::{Secret, http};
use crate::vendor::clarity::client::date_of;
use crate::vendor::clarity::lenient;

/// No answer here is longer than this.
const ANSWER_LIMIT: usize = 64 * 1024;

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

impl Tokens {
    pub(super) async fn fetch(&self) -> Result<Token, TokenError> {
        let endpoint = self.endpoint().await?;
        let host = host(&endpoint);
        let form = [("grant_type", "urn:connect.auth:windows"), ("client_id", self.settings.client_id.as_str())];
        let request = self.http.post(endpoint).header(ACCEPT, "application/json").form(&form);
        let answer = request.send().await.map_err(|error| unreachable(&host, error))?;
        let made = Instant::now();
        let status = answer.status();
        let server_now = date_of(&answer).unwrap_or_else(|| self.clock.now());
        let wants_windows = challenges(&answer).any(|challenge| {
            let scheme = challenge.split_ascii_whitespace().next().unwrap_or_default();
            scheme.eq_ignore_ascii_case("Negotiate") || scheme.eq_ignore_ascii_case("NTLM")
        });
        let body = http::read_body(answer, ANSWER_LIMIT).await.unwrap_or_default();
        match status {
            StatusCode::UNAUTHORIZED if wants_windows => return Err(TokenError::WindowsSignIn { host }),
            StatusCode::UNAUTHORIZED => return Err(TokenError::AccountRefused { host }),
            StatusCode::BAD_REQUEST if is_invalid_client(&body) => return Err(TokenError::InvalidClientId),
            status if !status.is_success() => return Err(TokenError::Status { host, status: status.as_u16() }),
            _ => {}
        }
        let answer: Option<Answer> = serde_json::from_slice(&body).ok();
        let Some(Answer { access_token: Some(token), expires_in }) = answer else {
            return Err(TokenError::NoToken { host });
        };
        let expires_in = expires_in.and_then(|seconds| u64::try_from(seconds).ok());
        let life = lifetime(&claims(&token), expires_in, server_now);
        let renew = life.map(|life| made + (life - margin(life)));
        Ok(Token { secret: Secret::from(token), made, renew, dead: life.map(|life| made + life) })
    }

    async fn endpoint(&self) -> Result<Url, TokenError> {
        if let Some(fixed) = &self.settings.token_url {
            return Ok(fixed.clone());
        }
        if let Some(found) = self.held().found.clone() {
            return Ok(found);
        }
        let root = &self.settings.api_root;
        let host = host(root);
        let mut info = root.clone();
        info.set_path(&format!("{}/info", root.path().trim_end_matches('/')));
        let answer = self.http.get(info).header(ACCEPT, "application/json").send().await;
        let answer = answer.map_err(|error| unreachable(&host, error))?;
        let status = answer.status().as_u16();
        let own = root.host_str().into_iter();
        let allowed: Vec<&str> = own.chain(self.settings.token_hosts.iter().map(String::as_str)).collect();
        let found = challenge::endpoint(challenges(&answer), &allowed)?;
        let found = found.ok_or(TokenError::NoChallenge { host, status })?;
        self.held().found = Some(found.clone());
        Ok(found)
    }
}

fn challenges(answer: &reqwest::Response) -> impl Iterator<Item = &str> {
    answer.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok())
}

fn is_invalid_client(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|Failure { error }| error.eq_ignore_ascii_case("invalid_clientId"))
}

fn unreachable(host: &str, error: reqwest::Error) -> TokenError {
    TokenError::Unreachable { host: host.to_owned(), source: Arc::new(error.without_url()) }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or("(no host)").to_owned()
}
