//! `callboard sandbox`: the four upstreams' systems alone, to develop an integration against.

use super::arguments::FloorOptions;
use super::{CommandError, demo, say};
use base::secret::ExposeSecret;
use base::{Clock, Lifecycle};

pub(super) async fn run(options: FloorOptions) -> Result<(), CommandError> {
    let life = Lifecycle::new();
    let sandbox = demo::start_sandbox(&options, &Clock::system(), &life).await?;
    let at = sandbox.addresses();
    say("The four upstreams' systems, invented. Whatever is secret here is secret to nobody.\n");
    // These secrets open nothing but the sandbox that has just been started.
    for (what, value) in [
        ("Clarity api_root", at.clarity_api.to_string()),
        ("Clarity signalr_path", at.signalr_path.to_owned()),
        ("Clarity client_id", at.client_id.clone()),
        ("Goodays api_root", at.goodays_api.to_string()),
        ("Goodays api_token", at.goodays_token.expose_secret().to_owned()),
        ("Goodays hmac_secrets", at.goodays_hmac.expose_secret().to_owned()),
        ("Agent Connect api_root", at.agent_connect_api.to_string()),
        ("Agent Connect api_key", at.agent_connect_key.expose_secret().to_owned()),
        ("Agent Connect api_secret", at.agent_connect_secret.expose_secret().to_owned()),
        ("Kustomer api_root", at.kustomer_api.to_string()),
        ("Kustomer api_key", at.kustomer_key.expose_secret().to_owned()),
        ("Control API", at.control.to_string()),
    ] {
        say(&format!("  {what:<26} {value}"));
    }
    say("\nCtrl-C stops it.");
    life.run_until_signal().await;
    Ok(())
}
