//! Signs webhooks and delivers each until the receiver accepts it (apis.md G20).

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::{mpsc, watch};
use url::Url;

use base::secret::ExposeSecret;
use base::{Backoff, Lifecycle, Secret};

/// The HMAC-SHA-256 of the body, in lowercase hexadecimal.
pub fn sign(secret: &Secret, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Delivers the events in order. A refused event is sent again, with exponential backoff, until it is accepted.
pub async fn deliver(
    mut events: mpsc::UnboundedReceiver<Vec<u8>>,
    mut target: watch::Receiver<Option<Url>>,
    (header, secret): (&'static str, Secret),
    client: reqwest::Client,
    life: Lifecycle,
) {
    let work = async {
        while let Some(body) = events.recv().await {
            let signature = sign(&secret, &body);
            let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(15));
            loop {
                let Ok(url) = target.wait_for(Option::is_some).await.map(|url| url.clone()) else { return };
                let Some(url) = url else { continue };
                let call = client
                    .post(url)
                    .header("content-type", "application/json")
                    .header(header, &signature)
                    .body(body.clone());
                match call.send().await {
                    Ok(answer) if answer.status().is_success() => break,
                    Ok(answer) => tracing::debug!(status = answer.status().as_u16(), "the receiver refused a webhook"),
                    Err(_) => tracing::debug!("the receiver of a webhook cannot be reached"),
                }
                tokio::time::sleep(backoff.next_wait()).await;
            }
        }
    };
    tokio::select! {
        () = life.stopping() => {}
        () = work => {}
    }
}
