//! Prints what happens on a hub: `cargo run --example follow -- https://example.com/signalr chat`
//!
//! A bearer token, if the server wants one, comes from the environment variable `TOKEN`.

#![expect(clippy::print_stdout, reason = "that is what this program is for")]

use std::sync::Arc;

use classic_signalr::{Anonymous, Connection, CredentialError, Credentials, Event, SecretString, Settings};

/// One token, which is never renewed.
struct FixedToken(SecretString);

impl Credentials for FixedToken {
    fn bearer_token(&self) -> futures_util::future::BoxFuture<'_, Result<Option<SecretString>, CredentialError>> {
        Box::pin(async { Ok(Some(self.0.clone())) })
    }

    fn rejected(&self, _token: &SecretString) {}
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(hub)) = (arguments.next(), arguments.next()) else {
        return Err("usage: follow URL HUB".into());
    };
    let credentials: Arc<dyn Credentials> = match std::env::var("TOKEN") {
        Ok(token) => Arc::new(FixedToken(token.into())),
        Err(_) => Arc::new(Anonymous),
    };
    let mut connection = Connection::start(Settings::new(url.parse()?, hub), credentials)?;
    loop {
        let event = tokio::select! {
            event = connection.next() => event,
            _ = tokio::signal::ctrl_c() => break,
        };
        match event {
            Event::Call(call) => {
                let arguments: Vec<&str> = call.args.iter().map(|argument| argument.get()).collect();
                println!("{}.{}({})", call.hub, call.method, arguments.join(", "));
            }
            Event::Lost { reason } => println!("lost: {reason}"),
            Event::Failed { reason, wait } => println!("failed: {reason}; next attempt in {wait:?}"),
            event => println!("{event:?}"),
        }
    }
    connection.close().await;
    Ok(())
}
