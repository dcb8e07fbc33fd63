//! The site: what runs there, what things are called, and which of its servers is ours (apis.md C11, C33, C34).

use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use url::Url;

use crate::upstream::clarity::client::RESERVED;
use crate::upstream::clarity::wire::{Info, Labels};
use crate::upstream::clarity::{Clarity, Error};
use base::http::is_loopback;
use base::json;

impl Clarity {
    /// Which versions run, and how SignalR may travel (apis.md C11).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn info(&self) -> Result<Info, Error> {
        self.ask("info", "/info", "").await
    }

    /// What metrics are called in a language, such as `en-us` (apis.md C33): the version in the document's sample is an
    /// old one, and the language is part of the path (B29).
    ///
    /// # Errors
    /// See [`Error`]; status 404 when the site has no such language. Without a language nothing is sent.
    pub async fn labels(&self, locale: &str) -> Result<Labels, Error> {
        const CALL: &str = "the labels";
        let is_locale = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        if locale.is_empty() || !locale.chars().all(is_locale) {
            return Err(Error::NotSent { call: CALL, reason: "a language is named like \"en-us\"" });
        }
        let path = format!("/v2/resources/dashboard/localization/{}", utf8_percent_encode(locale, RESERVED));
        self.call(CALL, Method::GET, self.url(&path, ""), None::<&()>).await
    }

    /// The base URL of the one server that metrics and SignalR of a connection should stay with (apis.md C34). Called a
    /// name and in truth a URL, with quotes or without; only a host that may have our token is believed (B37).
    ///
    /// # Errors
    /// See [`Error`]; [`Error::UntrustedHost`] when the answer names a host that is not listed.
    pub async fn specific_server(&self) -> Result<Url, Error> {
        const CALL: &str = "the specific server";
        let bytes = self.send(CALL, Method::GET, self.url("/v2/metrics/specificserver", ""), None::<&()>).await?;
        let text = json::read::<String>(&bytes).ok();
        let text = text.unwrap_or_else(|| String::from_utf8_lossy(&bytes).into_owned());
        let server: Url = text.trim().parse().map_err(|_| super::malformed_answer(CALL))?;
        let host = server.host_str().unwrap_or("(no host)").to_owned();
        let settings = self.settings();
        let known = settings.api_root.host_str().into_iter().chain(settings.token_hosts.iter().map(String::as_str));
        let is_known = known.into_iter().any(|known| known.eq_ignore_ascii_case(&host));
        let is_safe = server.scheme() == "https" || (server.scheme() == "http" && is_loopback(&server));
        if is_known && is_safe { Ok(server) } else { Err(Error::UntrustedHost { call: CALL, host }) }
    }
}
