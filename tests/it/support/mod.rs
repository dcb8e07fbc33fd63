//! What the tests stand on.

pub mod agent_connect;
pub mod browser;
pub mod clarity;
pub mod door;
pub mod floor;
pub mod goodays;
pub mod house;
pub mod kustomer;
pub mod peer;
pub mod program;
pub mod slow;
pub mod tls;
pub mod viewer;
pub mod windows;

/// Waits until something that nobody announces has come to pass.
pub async fn until(what: &str, mut wanted: impl FnMut() -> bool) {
    let reached = async {
        while !wanted() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(house::PATIENCE, reached).await.is_ok(), "never came: {what}");
}

/// The same, for what has to be asked for.
pub async fn until_async(what: &str, mut wanted: impl AsyncFnMut() -> bool) {
    let reached = async {
        while !wanted().await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(house::PATIENCE, reached).await.is_ok(), "never came: {what}");
}
