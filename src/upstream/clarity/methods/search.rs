//! Search: the one place that knows agents' e-mail addresses, and queues' numbers over REST (apis.md C46).

use percent_encoding::utf8_percent_encode;
use reqwest::Method;

use super::{BatchItem, object};
use crate::upstream::clarity::client::RESERVED;
use crate::upstream::clarity::wire::SearchResult;
use crate::upstream::clarity::{Clarity, Error};

const CALL: &str = "a search";

impl Clarity {
    /// Agents and queues whose names or addresses contain a text (apis.md C46).
    ///
    /// # Errors
    /// See [`Error`]. A blank text is not sent.
    pub async fn search(&self, text: &str) -> Result<SearchResult, Error> {
        let url = self.url(&format!("/v2/{}", path(text)?), "");
        object(CALL, self.call(CALL, Method::GET, url, None::<&()>).await?)
    }

    /// Several searches in one round trip (apis.md C44), each with an outcome of its own.
    ///
    /// # Errors
    /// See [`Error`]. With a blank text among them nothing is sent.
    pub async fn search_all(&self, texts: &[&str]) -> Result<Vec<Result<SearchResult, Error>>, Error> {
        let items: Vec<BatchItem> =
            texts.iter().map(|text| path(text).map(BatchItem::get)).collect::<Result<_, _>>()?;
        let answers = self.batch(CALL, &items).await?;
        Ok(answers.into_iter().map(|answer| object(CALL, answer.success(CALL)?)).collect())
    }
}

/// Everything in the text is encoded, slashes and question marks included (apis.md B33).
fn path(text: &str) -> Result<String, Error> {
    // A dot would be normalised away, as part of the path.
    if text.trim().is_empty() || text == "." || text == ".." {
        return Err(Error::NotSent { call: CALL, reason: "there is nothing to search for" });
    }
    Ok(format!("search/{}", utf8_percent_encode(text, RESERVED)))
}
