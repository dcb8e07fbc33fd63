//! `callboard check`: tries each configured system once and says in one line each what to mend.

mod advice;

use std::path::Path;
use std::time::Duration;

use classic_signalr::Event;

use super::{CommandError, say, serve};
use crate::config::{self, Config};
use crate::feeds::clarity;
use crate::store;
use crate::upstream::agent_connect::AgentConnect;
use crate::upstream::clarity::Clarity;
use crate::upstream::goodays::Goodays;
use crate::upstream::kustomer::Kustomer;
use base::{Clock, error_chain, http};

/// How long Clarity may take to begin to push, all transports tried.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What was found.
enum Finding {
    /// All is well.
    Well(String),
    /// It is not configured, which is nobody's fault.
    Off(&'static str),
    /// Something is to be mended.
    Wrong(String),
}

pub(super) async fn run(path: &Path) -> Result<(), CommandError> {
    let config = Config::load(Some(path), std::env::vars()).map_err(|error| CommandError::Usage(error.to_string()))?;
    serve::guard(&config)?;
    super::application::open_tls(&config, &Clock::system())?;
    let data = store::check_directory(&config.server.data_dir).err();
    let data = data.map(|error| ("Data directory", Finding::Wrong(error.to_string())));
    let locked_out = serve::locked_out(&config).map(|why| ("Sign-in", Finding::Wrong(why.to_owned())));
    let findings = [
        ("Clarity Connect", check_clarity(config.clarity.as_ref()).await),
        ("Goodays", check_goodays(config.goodays.as_ref()).await),
        ("Agent Connect", check_agent_connect(config.agent_connect.as_ref()).await),
        ("Kustomer", check_kustomer(config.kustomer.as_ref()).await),
    ];
    let mut wrong = 0;
    for (system, finding) in findings.into_iter().chain(locked_out).chain(data) {
        let (word, what) = match finding {
            Finding::Well(what) => ("ok", what),
            Finding::Off(section) => ("off", format!("Not configured. Add {section} to switch it on.")),
            Finding::Wrong(what) => {
                wrong += 1;
                ("WRONG", what)
            }
        };
        say(&format!("{system:<16} {word:<6} {what}"));
    }
    for key in config.keys_without_effect() {
        say(&format!("{:<16} {:<6} `{key}` is read, but nothing acts on it yet.", "Note", ""));
    }
    match wrong {
        0 => Ok(()),
        1 => Err(CommandError::Runtime("One system cannot be used; its line says what to mend.".to_owned())),
        _ => Err(CommandError::Runtime(format!("{wrong} systems cannot be used; their lines say what to mend."))),
    }
}

async fn check_clarity(config: Option<&config::Clarity>) -> Finding {
    let Some(config) = config else { return Finding::Off("[clarity]") };
    let upstream = match clarity::settings::client(config, &Clock::system()) {
        Ok(upstream) => upstream,
        Err(error) => return Finding::Wrong(error),
    };
    let version = match upstream.info().await {
        Ok(info) => info.connect_version.unwrap_or_else(|| "of an unknown version".to_owned()),
        Err(error) => return wrong(&error, advice::about_clarity(&error)),
    };
    let pushes = pushes(&upstream).await;
    match upstream.structure().await {
        Ok(structure) => {
            let count = |list: Option<Vec<_>>| list.map_or(0, |list| list.len());
            let (agents, queues) = (count(structure.agents), count(structure.queues));
            let seen = format!("Clarity Connect {version} shows this account {agents} agents and {queues} queues.");
            match pushes {
                Ok(transport) => Finding::Well(format!("{seen} It pushes over {transport}.")),
                Err(why) => Finding::Wrong(format!(
                    "{seen} It does not push, and would only be asked every 5 s: {why} Check `signalr_path`, `hub` and \
                     `transports`."
                )),
            }
        }
        Err(error) => wrong(&error, advice::about_clarity(&error)),
    }
}

/// By which transport Clarity pushes, or why it does not.
async fn pushes(upstream: &Clarity) -> Result<&'static str, String> {
    let mut connection = upstream.open_connection().map_err(|error| format!("TLS cannot be set up: {error}."))?;
    let first = tokio::time::timeout(LONGEST_WAIT, async {
        loop {
            match connection.next().await {
                Event::Connected { transport, .. } => return Ok(transport.as_str()),
                Event::Failed { reason, .. } => return Err(error_chain(&reason)),
                _ => {}
            }
        }
    });
    let found = first.await.unwrap_or_else(|_| Err("Nothing came in time.".to_owned()));
    connection.close().await;
    found
}

async fn check_goodays(config: Option<&config::Goodays>) -> Finding {
    let Some(config) = config else { return Finding::Off("[goodays]") };
    let upstream = match tls()
        .and_then(|http| Goodays::new(http, &config.api_root, &config.api_token).map_err(|error| error.to_string()))
    {
        Ok(upstream) => upstream,
        Err(error) => return Finding::Wrong(error),
    };
    match upstream.check().await {
        Ok(()) if config.hmac_secrets.is_empty() && config.allow_unsigned => {
            Finding::Well("The API answers. Webhooks are taken unsigned, from anybody.".to_owned())
        }
        Ok(()) if config.hmac_secrets.is_empty() => Finding::Wrong(
            "The API answers, but every webhook is refused: agree on a secret with Goodays and set hmac_secrets."
                .to_owned(),
        ),
        Ok(()) => Finding::Well(format!(
            "The API answers. Webhooks are checked against {} secret{}.",
            config.hmac_secrets.len(),
            if config.hmac_secrets.len() == 1 { "" } else { "s" }
        )),
        Err(error) => wrong(&error, advice::about_goodays(&error)),
    }
}

async fn check_agent_connect(config: Option<&config::AgentConnect>) -> Finding {
    let Some(config) = config else { return Finding::Off("[agent_connect]") };
    let Some(key) = &config.api_key else {
        return Finding::Wrong("Requests need api_key or api_key_file in [agent_connect].".to_owned());
    };
    let upstream = match tls()
        .and_then(|http| AgentConnect::new(http, &config.api_root, key).map_err(|error| error.to_string()))
    {
        Ok(upstream) => upstream,
        Err(error) => return Finding::Wrong(error),
    };
    match upstream.check().await {
        Ok(()) => {
            let mode = if config.mode == config::Mode::Test { "test" } else { "production" };
            Finding::Well(format!("The API takes the key. The mode is {mode}."))
        }
        Err(error) => wrong(&error, advice::about_agent_connect(&error)),
    }
}

async fn check_kustomer(config: Option<&config::Kustomer>) -> Finding {
    let Some(config) = config else { return Finding::Off("[kustomer]") };
    let Some(key) = &config.api_key else {
        return Finding::Wrong("Add api_key or api_key_file to [kustomer]: webhooks are not taken yet.".to_owned());
    };
    let upstream =
        match tls().and_then(|http| Kustomer::new(http, &config.api_root, key).map_err(|error| error.to_string())) {
            Ok(upstream) => upstream,
            Err(error) => return Finding::Wrong(error),
        };
    match upstream.check().await {
        Ok(()) => Finding::Well("The API takes the key.".to_owned()),
        Err(error) => wrong(&error, advice::about_kustomer(&error)),
    }
}

/// What went wrong, and what to do about it.
fn wrong(error: &dyn std::error::Error, advice: &str) -> Finding {
    Finding::Wrong(format!("{} {advice}", error_chain(error)).trim_end().to_owned())
}

fn tls() -> Result<http::Client, String> {
    http::client().map_err(|error| format!("TLS cannot be set up: {error}."))
}
