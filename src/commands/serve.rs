//! `callboard serve`: the server against real systems.

use std::path::Path;

use tokio::net::TcpListener;

use super::application::{Application, RunMode};
use super::{CommandError, say};
use crate::config::{Config, SignIn};
use base::{Clock, Lifecycle};

pub(super) async fn run(path: &Path) -> Result<(), CommandError> {
    let config = Config::load(Some(path), std::env::vars()).map_err(|error| CommandError::Usage(error.to_string()))?;
    let listen = config.server.listen;
    guard(&config)?;
    let listener = bind(listen).await?;
    let life = Lifecycle::new();
    let world = Application::start(&config, listener, RunMode::Serve, Clock::system(), &life).await?;
    for key in config.keys_without_effect() {
        tracing::warn!(key, "this is read, but nothing acts on it yet");
    }
    if let Some(why) = locked_out(&config) {
        tracing::warn!("{why}");
    }
    match &config.server.public_url {
        Some(address) => say(&format!("Callboard serves {address} on {}.", world.address)),
        None => say(&format!("Callboard serves http://{}/", world.address)),
    }
    life.run_until_signal().await;
    world.close().await;
    if life.has_failed() {
        return Err(CommandError::Runtime(
            "A part of the server failed; the log says which. Start it again.".to_owned(),
        ));
    }
    Ok(())
}

/// What no configuration may say: that the floor is shown to everybody who reaches it, or that passwords are taken
/// where others can read them.
pub(super) fn guard(config: &Config) -> Result<(), CommandError> {
    let server = &config.server;
    let listen = server.listen;
    if listen.ip().is_loopback() {
        return Ok(());
    }
    let is_over_tls = server.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    match config.access.sign_in {
        SignIn::None if !server.behind_sign_in => Err(CommandError::Usage(format!(
            "server.listen = \"{listen}\" would show the floor to everybody who reaches it, because access.sign_in is \
             \"none\": listen on 127.0.0.1, let people sign in, or put a proxy that signs people in before it and set \
             server.behind_sign_in = true."
        ))),
        SignIn::Clarity if !is_over_tls => Err(CommandError::Usage(format!(
            "server.listen = \"{listen}\" would take passwords without TLS: set server.tls, or put a proxy that speaks TLS \
             before it, and set server.public_url to the https address that people type; or listen on 127.0.0.1."
        ))),
        _ => Ok(()),
    }
}

/// That nobody can sign in, if so. Displays come in by their tokens all the same, and webhooks are kept.
pub(super) fn locked_out(config: &Config) -> Option<&'static str> {
    let is_locked = config.access.sign_in == SignIn::Clarity && config.clarity.is_none();
    is_locked.then_some(
        "nobody can sign in: access.sign_in is \"clarity\", and there is no [clarity]. Add [clarity], or set \
         access.sign_in = \"none\" on 127.0.0.1 or behind a proxy that signs people in.",
    )
}

pub(super) async fn bind(address: std::net::SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).await.map_err(|error| {
        CommandError::Runtime(format!(
            "{address} cannot be listened on ({error}): choose another address or stop who uses it."
        ))
    })
}
