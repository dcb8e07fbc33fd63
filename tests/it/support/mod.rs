//! Helpers: the server under test, mocks of the upstreams, clients.

pub mod agent_connect;
pub mod browser;
pub mod clarity;
pub mod goodays;
pub mod kustomer;
pub mod login;
pub mod openapi;
pub mod program;
pub mod sample_document;
pub mod server;
pub mod signalrjs;
pub mod throttled;
pub mod tls;
pub mod viewer;
pub mod windows_site;

/// Polls until a condition holds.
pub async fn until(what: &str, mut wanted: impl FnMut() -> bool) {
    let reached = async {
        while !wanted() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(server::TIMEOUT, reached).await.is_ok(), "never came: {what}");
}

/// The same for an async condition.
pub async fn until_async(what: &str, mut wanted: impl AsyncFnMut() -> bool) {
    let reached = async {
        while !wanted().await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(server::TIMEOUT, reached).await.is_ok(), "never came: {what}");
}
