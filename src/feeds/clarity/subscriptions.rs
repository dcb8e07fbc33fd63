//! What Clarity has been asked to push over one connection. It belongs to the connection, not to its transport: a
//! transport that breaks and comes back with the same connection id has kept it.

use super::error_chain;
use super::push_watchdog::Kinds;
use crate::upstream::clarity::{Clarity, Error, Subscription};

/// How many subscriptions may wait to be ended, when Clarity does not take it now.
const MOST_LEFT: usize = 20;

/// The subscriptions of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subscriptions {
    /// Whose they are. Empty: no connection was ever opened.
    pub connection_id: String,
    /// Those to agents that can be ended, by id.
    pub agents: Vec<String>,
    /// The same to queues.
    pub queues: Vec<String>,
    /// Whether there may be others, which end only with the connection: Clarity told no id, or did not take the end.
    pub endless: bool,
    /// Of which kinds everything that is wanted was subscribed.
    pub complete: Kinds,
}

impl Subscriptions {
    /// Those of a connection that was just negotiated: none.
    pub fn none(connection_id: String) -> Self {
        Self { connection_id, ..Self::default() }
    }

    /// Notes what was subscribed, and returns the ids of those that it can be told by.
    pub fn told(&mut self, made: Vec<Subscription>) -> Vec<String> {
        self.endless |= made.iter().any(|subscription| subscription.id.is_none());
        made.into_iter().filter_map(|subscription| subscription.id).collect()
    }

    /// Ends those that others have replaced: beside these they would push everything twice. What cannot be ended now is
    /// returned, to be ended with the next. A Clarity that tells the same id again means the same subscription.
    pub async fn end(&mut self, upstream: &Clarity, replaced: Vec<String>, made: &[String]) -> Vec<String> {
        let mut left = Vec::new();
        for id in replaced.into_iter().filter(|id| !made.contains(id)) {
            match upstream.delete_subscription(&id, &self.connection_id).await {
                Ok(()) => {}
                Err(Error::Token { .. } | Error::RateLimited { .. }) => left.push(id),
                // Whether a 404 means that it is gone, or that nothing can be ended here, Clarity alone knows.
                Err(error) => {
                    tracing::debug!(error = %error_chain(&error), "a subscription could not be ended, unless by its connection");
                    self.endless = true;
                }
            }
        }
        self.endless |= left.len() > MOST_LEFT;
        left
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::http::{StatusCode, Uri};

    use super::*;
    use base::Clock;
    use crate::config::{self, Auth};
    use crate::feeds::clarity::settings;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn subscription_without_an_id_ends_only_with_its_connection() {
        let mut subscriptions = Subscriptions::none("c".to_owned());
        let made = |id: Option<&str>| Subscription { id: id.map(str::to_owned) };
        assert_eq!(subscriptions.told(vec![made(Some("a"))]), ["a"]);
        assert!(!subscriptions.endless);
        assert_eq!(subscriptions.told(vec![made(Some("b")), made(None)]), ["b"]);
        assert!(subscriptions.endless);
    }

    #[tokio::test]
    async fn replaced_subscriptions_are_ended_and_those_told_again_stay() {
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
        let upstream = settings::client(&section, &Clock::system()).expect("a client");

        let mut subscriptions = Subscriptions::none("c".to_owned());
        let left = subscriptions.end(&upstream, ids(&["old", "same"]), &ids(&["same"])).await;
        assert_eq!((left, subscriptions.endless), (Vec::new(), false));
        assert_eq!(*ended.lock().expect("no panic"), ["old"]);
        let mut others = subscriptions.clone();
        assert!(others.end(&upstream, ids(&["gone"]), &[]).await.is_empty());
        assert!(others.endless, "perhaps nothing can be ended here");
        let left = subscriptions.end(&upstream, ids(&["busy"]), &[]).await;
        assert_eq!((left, subscriptions.endless), (ids(&["busy"]), false), "it is ended with the next");
        let many = vec!["busy".to_owned(); MOST_LEFT + 1];
        assert_eq!(subscriptions.end(&upstream, many, &[]).await.len(), MOST_LEFT + 1);
        assert!(subscriptions.endless, "another connection begins without them");
    }
}
