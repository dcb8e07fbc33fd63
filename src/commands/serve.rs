//! `callboard serve`: the server against real upstream systems.

use std::path::Path;

use super::application::{Application, RunMode};
use super::error::CommandError;
use super::output::print_line;
use super::resources::{bind, load_config};
use crate::config::{Config, SignIn};
use base::{Clock, Lifecycle};

pub(super) async fn run(path: &Path) -> Result<(), CommandError> {
    let config = load_config(path)?;
    check_exposure(&config)?;
    let listener = bind(config.server.listen).await?;
    let life = Lifecycle::new();
    let application = Application::start(&config, listener, RunMode::Serve, Clock::system(), &life).await?;
    for key in config.keys_without_effect() {
        tracing::warn!(key, "this section has no effect yet");
    }
    if let Some(warning) = login_warning(&config) {
        tracing::warn!("{warning}");
    }
    match &config.server.public_url {
        Some(url) => print_line(&format!("Callboard serves {url} on {}.", application.address)),
        None => print_line(&format!("Callboard serves http://{}/", application.address)),
    }
    life.run_until_signal().await;
    application.close().await;
    if life.has_failed() {
        return Err(CommandError::Runtime(
            "A part of the server failed; the log says which. Start it again.".to_owned(),
        ));
    }
    Ok(())
}

/// Refuses to serve other machines without a login, or to take passwords over plain HTTP.
pub(super) fn check_exposure(config: &Config) -> Result<(), CommandError> {
    let server = &config.server;
    let listen = server.listen;
    if listen.ip().is_loopback() {
        return Ok(());
    }
    let is_https = server.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    match config.access.sign_in {
        SignIn::None if !server.behind_sign_in => Err(CommandError::Usage(format!(
            "server.listen = \"{listen}\" would show all data to every client that reaches it, because access.sign_in \
             is \"none\": listen on 127.0.0.1, let people sign in, or put a proxy that signs people in before it and \
             set server.behind_sign_in = true."
        ))),
        SignIn::Clarity if !is_https => Err(CommandError::Usage(format!(
            "server.listen = \"{listen}\" would take passwords without TLS: set server.tls, or put a proxy that speaks \
             TLS before it, and set server.public_url to the https address that people type; or listen on 127.0.0.1."
        ))),
        _ => Ok(()),
    }
}

/// A warning if no sign-in is possible. Displays still work with their tokens, and webhooks are stored.
pub(super) fn login_warning(config: &Config) -> Option<&'static str> {
    let is_locked_out = config.access.sign_in == SignIn::Clarity && config.clarity.is_none();
    is_locked_out.then_some(
        "no user can sign in: access.sign_in is \"clarity\", and there is no [clarity]. Add [clarity], or set \
         access.sign_in = \"none\" on 127.0.0.1 or behind a proxy that signs people in.",
    )
}
