//! Asking Clarity to push (`apis.md` C35, C38).

use reqwest::Method;
use serde_json::Value;

use super::client::in_chunks;
use super::{Clarity, Error, Wanted};

/// What Clarity will push for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id, if the answer held one in any known shape (`apis.md` B90).
    pub id: Option<String>,
}

impl Clarity {
    /// Has changes of these agents pushed to a SignalR connection, named by its id, not its token (`apis.md` C35, B111).
    /// Agents whom the account was denied lately are left out: one of them would deny them all.
    ///
    /// # Errors
    /// See [`Error`]. Without ids nothing is sent (`apis.md` B49).
    pub async fn subscribe_agents(&self, connection_id: &str, ids: &[i64]) -> Result<Vec<Subscription>, Error> {
        let path = ("/v2/subscriptions/agents", "agentIds");
        self.subscribe("a subscription to agents", path, connection_id, &self.permitted(ids), &self.wanted_of_agents())
            .await
    }

    /// Has changes of these queues pushed to a SignalR connection (`apis.md` C38).
    ///
    /// # Errors
    /// See [`Error`]. Without ids nothing is sent (`apis.md` B49).
    pub async fn subscribe_queues(&self, connection_id: &str, ids: &[i64]) -> Result<Vec<Subscription>, Error> {
        let path = ("/v2/subscriptions/queues", "queueIds");
        self.subscribe("a subscription to queues", path, connection_id, ids, &self.wanted_of_queues()).await
    }

    async fn subscribe(
        &self,
        call: &'static str,
        (path, parameter): (&str, &str),
        connection_id: &str,
        ids: &[i64],
        wanted: &Wanted,
    ) -> Result<Vec<Subscription>, Error> {
        if ids.is_empty() {
            return Err(Error::NotSent { call, reason: "nobody and nothing was named" });
        }
        let mut body = self.properties(wanted);
        body.connection_id = Some(connection_id);
        let mut subscriptions = Vec::new();
        for ids in in_chunks(ids) {
            let at = self.at(path, &format!("{parameter}={ids}{}", self.modalities()));
            let answer = self.send(call, Method::POST, at, Some(&body)).await?;
            subscriptions.push(Subscription { id: id_of(&answer) });
        }
        Ok(subscriptions)
    }
}

/// The id may come as text, number, or inside an object; or not at all (`apis.md` B90).
fn id_of(answer: &[u8]) -> Option<String> {
    let Ok(value) = serde_json::from_slice::<Value>(answer) else {
        let text = std::str::from_utf8(answer).ok()?.trim();
        let is_id =
            !text.is_empty() && text.len() <= 100 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        return is_id.then(|| text.to_owned());
    };
    let inner = |name: &str| value.get(name).and_then(plain);
    plain(&value)
        .or_else(|| inner("subscriptionId"))
        .or_else(|| inner("id"))
        .or_else(|| value.get("subscription").and_then(|inner| inner.get("id")).and_then(plain))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriptions_id_is_found_in_every_shape() {
        let cases = [
            (r#""abc123""#, Some("abc123")),
            ("abc-123", Some("abc-123")),
            ("17", Some("17")),
            (r#"{"id":17}"#, Some("17")),
            (r#"{"subscriptionId":"x"}"#, Some("x")),
            (r#"{"subscription":{"id":"y"}}"#, Some("y")),
            ("", None),
            ("{}", None),
            ("null", None),
            ("<html>no</html>", None),
        ];
        for (answer, expected) in cases {
            assert_eq!(id_of(answer.as_bytes()).as_deref(), expected, "{answer}");
        }
    }
}
