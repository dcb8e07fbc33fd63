//! `callboard sandbox`: only the simulated contact center with its four upstream systems, to develop an integration
//! against.

use super::arguments::SandboxOptions;
use super::demo;
use super::error::CommandError;
use super::output::print_line;
use base::secret::ExposeSecret;
use base::{Clock, Lifecycle};

pub(super) async fn run(options: SandboxOptions) -> Result<(), CommandError> {
    let life = Lifecycle::new();
    let sandbox = demo::start_sandbox(&options, &Clock::system(), &life).await?;
    let at = sandbox.addresses();
    print_line("A simulated contact center with its four upstream systems. The secrets below open nothing else.\n");
    for (key, value) in [
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
        print_line(&format!("  {key:<26} {value}"));
    }
    print_line("\nCtrl-C stops it.");
    life.run_until_signal().await;
    Ok(())
}
