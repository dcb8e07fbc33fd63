//! The subscriptions of one connection. They belong to the connection, not to its transport: a transport that breaks
//! and resumes with the same connection id has kept them.

use super::push_watchdog::Kinds;
use crate::upstream::clarity::{Clarity, Error, Subscription};
use base::error_chain;

/// Replaced subscriptions that may wait to be ended, where Clarity cannot end them now.
const MAX_LEFT: usize = 20;

/// The subscriptions of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subscriptions {
    /// Empty: no connection was ever opened.
    pub connection_id: String,
    /// Ids of subscriptions to agents.
    pub agents: Vec<String>,
    /// Ids of subscriptions to queues.
    pub queues: Vec<String>,
    /// Whether there may be others that end only with the connection: Clarity returned no id, or did not end one.
    pub has_unremovable: bool,
    /// The kinds of which everything is subscribed.
    pub complete: Kinds,
}

impl Subscriptions {
    /// Those of a connection that was just negotiated: none.
    pub fn of_new_connection(connection_id: String) -> Self {
        Self { connection_id, ..Self::default() }
    }

    /// Ends the `old` subscriptions of one kind if the new ones are complete. Returns the ids of all that are left of
    /// that kind.
    pub async fn replace(
        &mut self,
        clarity: &Clarity,
        old: Vec<String>,
        made: Vec<Subscription>,
        is_complete: bool,
    ) -> Vec<String> {
        let made = self.ids_of(made);
        let left = if is_complete { self.end(clarity, old, &made).await } else { old };
        [left, made].concat()
    }

    fn ids_of(&mut self, made: Vec<Subscription>) -> Vec<String> {
        self.has_unremovable |= made.iter().any(|subscription| subscription.id.is_none());
        made.into_iter().filter_map(|subscription| subscription.id).collect()
    }

    /// Ends subscriptions that others have replaced: beside these they would push everything twice. Returns those that
    /// cannot be ended now. A Clarity that returns the same id again means the same subscription.
    async fn end(&mut self, clarity: &Clarity, replaced: Vec<String>, made: &[String]) -> Vec<String> {
        let mut left = Vec::new();
        for id in replaced.into_iter().filter(|id| !made.contains(id)) {
            match clarity.delete_subscription(&id, &self.connection_id).await {
                Ok(()) => {}
                Err(Error::Token { .. } | Error::RateLimited { .. }) => left.push(id),
                // A 404 may mean that it is gone, or that this Clarity cannot end subscriptions.
                Err(error) => {
                    let error = error_chain(&error);
                    tracing::debug!(%error, "a subscription could not be ended and may last as long as its connection");
                    self.has_unremovable = true;
                }
            }
        }
        self.has_unremovable |= left.len() > MAX_LEFT;
        left
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::http::{StatusCode, Uri};

    use super::*;
    use crate::config::{self, Auth};
    use crate::feeds::clarity::settings;
    use base::Clock;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn subscription_without_an_id_is_unremovable() {
        let mut subscriptions = Subscriptions::of_new_connection("c".to_owned());
        let made = |id: Option<&str>| Subscription { id: id.map(str::to_owned) };
        assert_eq!(subscriptions.ids_of(vec![made(Some("a"))]), ["a"]);
        assert!(!subscriptions.has_unremovable);
        assert_eq!(subscriptions.ids_of(vec![made(Some("b")), made(None)]), ["b"]);
        assert!(subscriptions.has_unremovable);
    }

    #[tokio::test]
    async fn replaced_subscriptions_end_and_repeated_ids_stay() {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&ended);
        let app = Router::new().fallback(async move |uri: Uri| {
            let id = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
            let status = match &*id {
                "gone" => StatusCode::NOT_FOUND,
                "busy" => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::OK,
            };
            note.lock().expect("no panic").push(id);
            status
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let root = format!("http://{}/webapi/api", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let mut section = config::Clarity::new(root.parse().expect("an address"), "client", Auth::Static);
        section.token = Some("token".into());
        let clarity = settings::client(&section, &Clock::system()).expect("a client");

        let mut subscriptions = Subscriptions::of_new_connection("c".to_owned());
        let left = subscriptions.end(&clarity, ids(&["old", "same"]), &ids(&["same"])).await;
        assert_eq!((left, subscriptions.has_unremovable), (Vec::new(), false));
        assert_eq!(*ended.lock().expect("no panic"), ["old"]);
        let mut others = subscriptions.clone();
        assert!(others.end(&clarity, ids(&["gone"]), &[]).await.is_empty());
        assert!(others.has_unremovable, "perhaps this Clarity cannot end subscriptions");
        let left = subscriptions.end(&clarity, ids(&["busy"]), &[]).await;
        assert_eq!((left, subscriptions.has_unremovable), (ids(&["busy"]), false), "it is ended with the next ones");
        let many = vec!["busy".to_owned(); MAX_LEFT + 1];
        assert_eq!(subscriptions.end(&clarity, many, &[]).await.len(), MAX_LEFT + 1);
        assert!(subscriptions.has_unremovable, "only another connection is without them");
    }
}
