//! Asking Clarity to push (`apis.md` C35 to C43). A connection is named by its id, not its token (`apis.md` B111).

use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use super::client::{RESERVED, in_chunks};
use super::methods::MetricIncludes;
use super::entity_ids::{EntityIds, joined};
use super::{Clarity, Error, PropertySelection};
use base::json;
use crate::upstream::tolerant::number_text;

/// What Clarity will push for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id, if the answer held one in any known shape (`apis.md` B90). Without it, it can be neither changed nor
    /// ended but by the end of its connection.
    pub id: Option<String>,
}

/// The kinds of subscription that are about somebody or something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Each agent by itself (`apis.md` C35).
    Agents,
    /// All agents that are named, as one (`apis.md` C36).
    AgentAggregate,
    /// Agents by team, group or business unit (`apis.md` C37).
    AgentGroups,
    /// Each queue by itself (`apis.md` C38).
    Queues,
    /// All queues that are named, as one (`apis.md` C39).
    QueueAggregate,
    /// Queues by team, group or business unit (`apis.md` C40).
    QueueGroups,
}

/// What alerts and the end of a subscription take: the connection and nothing else (`apis.md` C77).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionOnly<'a> {
    connection_id: &'a str,
}

impl Clarity {
    /// Has changes of these agents pushed (`apis.md` C35). Agents whom the account was denied lately are left out: one of
    /// them would deny them all.
    ///
    /// # Errors
    /// See [`Clarity::subscribe`].
    pub async fn subscribe_agents(
        &self,
        connection_id: &str,
        ids: &[i64],
        also: MetricIncludes,
        made: &mut Vec<Subscription>,
    ) -> Result<(), Error> {
        let (permitted, wanted) = (self.permitted(ids), self.agent_properties());
        self.subscribe(Subject::Agents, connection_id, EntityIds::Agents(&permitted), &wanted, also, made).await
    }

    /// Has changes of these queues pushed (`apis.md` C38).
    ///
    /// # Errors
    /// See [`Clarity::subscribe`].
    pub async fn subscribe_queues(
        &self,
        connection_id: &str,
        ids: &[i64],
        made: &mut Vec<Subscription>,
    ) -> Result<(), Error> {
        let wanted = self.queue_properties();
        self.subscribe(Subject::Queues, connection_id, EntityIds::Queues(ids), &wanted, MetricIncludes::default(), made).await
    }

    /// Has changes of any kind of subject pushed (`apis.md` C35 to C40), in as many subscriptions as the ids need. What
    /// is counted as one goes into one address, however long.
    ///
    /// What was subscribed is added to `made`, also where a later part fails. A call of which only Clarity knows whether
    /// it took it is added without an id: it may push.
    ///
    /// # Errors
    /// See [`Error`]. Without ids nothing is sent (`apis.md` B49).
    pub async fn subscribe(
        &self,
        subject: Subject,
        connection_id: &str,
        whom: EntityIds<'_>,
        wanted: &PropertySelection,
        also: MetricIncludes,
        made: &mut Vec<Subscription>,
    ) -> Result<(), Error> {
        let (call, path) = subject.call();
        if whom.ids().is_empty() {
            return Err(Error::NotSent { call, reason: "nobody and nothing was named" });
        }
        if !subject.takes(whom) {
            return Err(Error::NotSent { call, reason: "the ids are of a kind that it does not take" });
        }
        let mut body = self.properties(wanted);
        body.connection_id = Some(connection_id);
        // Only single agents have a history (`apis.md` C72).
        let also = MetricIncludes { status_history: also.status_history && subject == Subject::Agents, ..also };
        for ids in subject.chunks(whom.ids()) {
            let at = self.at(path, &format!("{}={ids}{}{}", whom.parameter(), self.modalities(), also.query()));
            match self.send(call, Method::POST, at, Some(&body)).await {
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

    /// Has alerts pushed (`apis.md` C41). What they look like is not documented (B115).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn subscribe_alerts(&self, connection_id: &str) -> Result<Subscription, Error> {
        let at = self.at("/v2/subscriptions/alerts", "");
        let body = ConnectionOnly { connection_id };
        let answer = self.send("a subscription to alerts", Method::POST, at, Some(&body)).await?;
        Ok(Subscription { id: id_of(&answer) })
    }

    /// Makes a subscription one to others, or to other properties (`apis.md` C42). The parameter is spelt as on creation,
    /// whatever the sample says (B25).
    ///
    /// # Errors
    /// See [`Error`]; 404 when Clarity does not know the subscription. Without ids nothing is sent.
    pub async fn update_subscription(
        &self,
        id: &str,
        connection_id: &str,
        whom: EntityIds<'_>,
        wanted: &PropertySelection,
        also: MetricIncludes,
    ) -> Result<(), Error> {
        const CALL: &str = "a change of a subscription";
        if whom.ids().is_empty() {
            return Err(Error::NotSent { call: CALL, reason: "nobody and nothing was named" });
        }
        let mut body = self.properties(wanted);
        body.connection_id = Some(connection_id);
        let query = format!("{}={}{}{}", whom.parameter(), joined(whom.ids()), self.modalities(), also.query());
        let at = self.at(&path_of(id, CALL)?, &query);
        self.send(CALL, Method::POST, at, Some(&body)).await.map(|_| ())
    }

    /// Ends a subscription (`apis.md` C43), with a body although it is a DELETE (B32).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_subscription(&self, id: &str, connection_id: &str) -> Result<(), Error> {
        const CALL: &str = "the end of a subscription";
        let at = self.at(&path_of(id, CALL)?, "");
        self.send(CALL, Method::DELETE, at, Some(&ConnectionOnly { connection_id })).await.map(|_| ())
    }
}

impl Subject {
    /// Its name in errors and its path.
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

    /// Groups are made of teams, groups and business units alone; agents and queues are not each other.
    fn takes(self, whom: EntityIds<'_>) -> bool {
        match whom {
            EntityIds::Agents(_) => matches!(self, Self::Agents | Self::AgentAggregate),
            EntityIds::Queues(_) => matches!(self, Self::Queues | Self::QueueAggregate),
            EntityIds::Teams(_) | EntityIds::Groups(_) | EntityIds::BusinessUnits(_) => true,
        }
    }

    /// An aggregate of a part would be a wrong number.
    fn chunks(self, ids: &[i64]) -> Vec<String> {
        match self {
            Self::AgentAggregate | Self::QueueAggregate => vec![joined(ids)],
            _ => in_chunks(ids),
        }
    }
}

/// The id is Clarity's own text and may hold anything.
fn path_of(id: &str, call: &'static str) -> Result<String, Error> {
    // The path would be normalised away, or be the address of another call.
    if id.trim().is_empty() || id == "." || id == ".." {
        return Err(Error::NotSent { call, reason: "the subscription has no id" });
    }
    Ok(format!("/v2/subscriptions/{}", utf8_percent_encode(id, RESERVED)))
}

/// The id may come as text, number, or inside an object; or not at all (`apis.md` B90).
fn id_of(answer: &[u8]) -> Option<String> {
    let Ok(value) = json::read::<Value>(answer) else {
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
        Value::Number(number) => number_text(number),
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
