//! Subscriptions: what Clarity pushes over a connection (apis.md C35 to C43). A connection is named by its id, not by
//! its token (apis.md B111).

use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use super::client::{RESERVED, in_chunks};
use super::entity_ids::{EntityIds, joined};
use super::methods::MetricIncludes;
use super::{Clarity, Error, PropertySelection};
use crate::upstream::tolerant::number_text;
use base::json;

/// A subscription that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id, if the answer held one in any known shape (apis.md B90). Without an id it cannot be changed, and ends
    /// only with its connection.
    pub id: Option<String>,
}

/// The kinds of subscriptions with ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Each agent by itself (apis.md C35).
    Agents,
    /// The sum over the named agents (apis.md C36).
    AgentAggregate,
    /// Agents by team, group or business unit (apis.md C37).
    AgentGroups,
    /// Each queue by itself (apis.md C38).
    Queues,
    /// The sum over the named queues (apis.md C39).
    QueueAggregate,
    /// Queues by team, group or business unit (apis.md C40).
    QueueGroups,
}

/// The body of calls that need only the connection (apis.md C77).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionOnly<'a> {
    connection_id: &'a str,
}

impl Clarity {
    /// Subscribes to changes of these agents (apis.md C35). Agents that Clarity has denied lately are left out: one of
    /// them would fail them all.
    ///
    /// # Errors
    /// See [`Clarity::subscribe`].
    pub async fn subscribe_agents(
        &self,
        connection_id: &str,
        ids: &[i64],
        includes: MetricIncludes,
        made: &mut Vec<Subscription>,
    ) -> Result<(), Error> {
        let (permitted, properties) = (self.permitted(ids), self.agent_properties());
        self.subscribe(Subject::Agents, connection_id, EntityIds::Agents(&permitted), &properties, includes, made).await
    }

    /// Subscribes to changes of these queues (apis.md C38).
    ///
    /// # Errors
    /// See [`Clarity::subscribe`].
    pub async fn subscribe_queues(
        &self,
        connection_id: &str,
        ids: &[i64],
        made: &mut Vec<Subscription>,
    ) -> Result<(), Error> {
        let properties = self.queue_properties();
        self.subscribe(
            Subject::Queues,
            connection_id,
            EntityIds::Queues(ids),
            &properties,
            MetricIncludes::default(),
            made,
        )
        .await
    }

    /// Subscribes to changes of any kind of subject (apis.md C35 to C40), in as many subscriptions as the ids need. A
    /// sum goes into one address, however long.
    ///
    /// Subscriptions are added to `made`, also where a later part fails. One that Clarity may have made, but did not
    /// confirm, is added without an id: it may push.
    ///
    /// # Errors
    /// See [`Error`]. Without ids nothing is sent (apis.md B49).
    pub async fn subscribe(
        &self,
        subject: Subject,
        connection_id: &str,
        ids: EntityIds<'_>,
        properties: &PropertySelection,
        includes: MetricIncludes,
        made: &mut Vec<Subscription>,
    ) -> Result<(), Error> {
        let (call, path) = subject.call();
        if ids.ids().is_empty() {
            return Err(Error::NotSent { call, reason: "no ids were named" });
        }
        if !subject.accepts(ids) {
            return Err(Error::NotSent { call, reason: "the ids are of a kind that it does not take" });
        }
        let mut body = self.properties(properties);
        body.connection_id = Some(connection_id);
        // Only single agents have a history (apis.md C72).
        let status_history = includes.status_history && subject == Subject::Agents;
        let includes = MetricIncludes { status_history, ..includes };
        for chunk in subject.chunks(ids.ids()) {
            let url = self.url(path, &format!("{}={chunk}{}{}", ids.parameter(), self.modalities(), includes.query()));
            match self.send(call, Method::POST, url, Some(&body)).await {
                Ok(answer) => made.push(Subscription { id: id_of(&answer) }),
                Err(error) => {
                    if !error.is_surely_not_applied() {
                        made.push(Subscription { id: None });
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Subscribes to alerts (apis.md C41), whose shape is not documented (B115).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn subscribe_alerts(&self, connection_id: &str) -> Result<Subscription, Error> {
        let url = self.url("/v2/subscriptions/alerts", "");
        let body = ConnectionOnly { connection_id };
        let answer = self.send("a subscription to alerts", Method::POST, url, Some(&body)).await?;
        Ok(Subscription { id: id_of(&answer) })
    }

    /// Changes the ids or properties of a subscription (apis.md C42). The parameter is spelt as on creation, whatever
    /// the sample says (B25).
    ///
    /// # Errors
    /// See [`Error`]; 404 when Clarity does not know the subscription. Without ids nothing is sent.
    pub async fn update_subscription(
        &self,
        id: &str,
        connection_id: &str,
        ids: EntityIds<'_>,
        properties: &PropertySelection,
        includes: MetricIncludes,
    ) -> Result<(), Error> {
        const CALL: &str = "a change of a subscription";
        if ids.ids().is_empty() {
            return Err(Error::NotSent { call: CALL, reason: "no ids were named" });
        }
        let mut body = self.properties(properties);
        body.connection_id = Some(connection_id);
        let query = format!("{}={}{}{}", ids.parameter(), joined(ids.ids()), self.modalities(), includes.query());
        let url = self.url(&path_of(id, CALL)?, &query);
        self.send(CALL, Method::POST, url, Some(&body)).await.map(|_| ())
    }

    /// Ends a subscription (apis.md C43). The DELETE has a body (B32).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_subscription(&self, id: &str, connection_id: &str) -> Result<(), Error> {
        const CALL: &str = "the end of a subscription";
        let url = self.url(&path_of(id, CALL)?, "");
        self.send(CALL, Method::DELETE, url, Some(&ConnectionOnly { connection_id })).await.map(|_| ())
    }
}

impl Subject {
    /// The name in errors and the path.
    fn call(self) -> (&'static str, &'static str) {
        match self {
            Self::Agents => ("a subscription to agents", "/v2/subscriptions/agents"),
            Self::AgentAggregate => ("a subscription to agents as one", "/v2/subscriptions/agents/aggregateBy"),
            Self::AgentGroups => ("a subscription to agents by group", "/v2/subscriptions/agents/groupBy"),
            Self::Queues => ("a subscription to queues", "/v2/subscriptions/queues"),
            Self::QueueAggregate => ("a subscription to queues as one", "/v2/subscriptions/queues/aggregateBy"),
            Self::QueueGroups => ("a subscription to queues by group", "/v2/subscriptions/queues/groupBy"),
        }
    }

    /// Whether ids of this kind fit: groups take teams, groups and business units only.
    fn accepts(self, ids: EntityIds<'_>) -> bool {
        match ids {
            EntityIds::Agents(_) => matches!(self, Self::Agents | Self::AgentAggregate),
            EntityIds::Queues(_) => matches!(self, Self::Queues | Self::QueueAggregate),
            EntityIds::Teams(_) | EntityIds::Groups(_) | EntityIds::BusinessUnits(_) => true,
        }
    }

    /// The ids of each request: a sum over a part would be a wrong number.
    fn chunks(self, ids: &[i64]) -> Vec<String> {
        match self {
            Self::AgentAggregate | Self::QueueAggregate => vec![joined(ids)],
            _ => in_chunks(ids),
        }
    }
}

/// The path of a subscription. Its id is Clarity's own text and may hold anything.
fn path_of(id: &str, call: &'static str) -> Result<String, Error> {
    // The path would be normalized away, or be that of another call.
    if id.trim().is_empty() || id == "." || id == ".." {
        return Err(Error::NotSent { call, reason: "the subscription has no id" });
    }
    Ok(format!("/v2/subscriptions/{}", utf8_percent_encode(id, RESERVED)))
}

/// The id in an answer: a text, a number, or inside an object; or none (apis.md B90).
fn id_of(answer: &[u8]) -> Option<String> {
    let Ok(value) = json::read::<Value>(answer) else {
        let text = std::str::from_utf8(answer).ok()?.trim();
        let is_id =
            !text.is_empty() && text.len() <= 100 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        return is_id.then(|| text.to_owned());
    };
    let inner = |name: &str| value.get(name).and_then(scalar);
    scalar(&value)
        .or_else(|| inner("subscriptionId"))
        .or_else(|| inner("id"))
        .or_else(|| value.get("subscription").and_then(|inner| inner.get("id")).and_then(scalar))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => number_text(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscription_id_is_found_in_every_shape() {
        let cases = [
            (r#""abc123""#, Some("abc123")),
            ("abc-123", Some("abc-123")),
            ("17", Some("17")),
            ("17.0", Some("17")),
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
