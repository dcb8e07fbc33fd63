//! `callboard check`: checks the configuration, and calls each configured system once. Prints one line for each with
//! advice.

mod advice;

use std::path::Path;
use std::time::Duration;

use classic_signalr::Event;

use super::error::CommandError;
use super::output::print_line;
use super::resources::{load_config, open_tls};
use super::serve;
use crate::config;
use crate::feeds::clarity;
use crate::store;
use crate::upstream::agent_connect::AgentConnect;
use crate::upstream::clarity::Clarity;
use crate::upstream::goodays::Goodays;
use crate::upstream::kustomer::Kustomer;
use base::{Clock, error_chain, http};

/// The timeout of opening SignalR, with all transports tried.
const SIGNALR_TIMEOUT: Duration = Duration::from_secs(30);

/// The result of one check.
enum Finding {
    Ok(String),
    /// Not configured; the name of the missing section.
    Off(&'static str),
    /// A problem, and what to do about it.
    Problem(String),
}

pub(super) async fn run(path: &Path) -> Result<(), CommandError> {
    let config = load_config(path)?;
    serve::check_exposure(&config)?;
    open_tls(&config, &Clock::system())?;
    let data_dir = store::check_directory(&config.server.data_dir).err();
    let data_dir = data_dir.map(|error| ("Data directory", Finding::Problem(error.to_string())));
    let login = serve::login_warning(&config).map(|warning| ("Sign-in", Finding::Problem(warning.to_owned())));
    let findings = [
        ("Clarity Connect", check_clarity(config.clarity.as_ref()).await),
        ("Goodays", check_goodays(config.goodays.as_ref()).await),
        ("Agent Connect", check_agent_connect(config.agent_connect.as_ref()).await),
        ("Kustomer", check_kustomer(config.kustomer.as_ref()).await),
    ];
    let mut problems = 0;
    for (system, finding) in findings.into_iter().chain(login).chain(data_dir) {
        let (word, what) = match finding {
            Finding::Ok(what) => ("ok", what),
            Finding::Off(section) => ("off", format!("Not configured. Add {section} to switch it on.")),
            Finding::Problem(what) => {
                problems += 1;
                ("WRONG", what)
            }
        };
        print_line(&format!("{system:<16} {word:<6} {what}"));
    }
    for key in config.keys_without_effect() {
        print_line(&format!("{:<16} {:<6} `{key}` has no effect yet.", "Note", ""));
    }
    match problems {
        0 => Ok(()),
        1 => Err(CommandError::Runtime("One system cannot be used; its line says what to do.".to_owned())),
        _ => Err(CommandError::Runtime(format!("{problems} systems cannot be used; their lines say what to do."))),
    }
}

async fn check_clarity(config: Option<&config::Clarity>) -> Finding {
    let Some(config) = config else { return Finding::Off("[clarity]") };
    let upstream = match clarity::settings::client(config, &Clock::system()) {
        Ok(upstream) => upstream,
        Err(error) => return Finding::Problem(error),
    };
    let version = match upstream.info().await {
        Ok(info) => info.connect_version.unwrap_or_else(|| "of an unknown version".to_owned()),
        Err(error) => return problem(&error, advice::about_clarity(&error)),
    };
    let signalr = check_signalr(&upstream).await;
    match upstream.structure().await {
        Ok(structure) => {
            let count = |list: Option<Vec<_>>| list.map_or(0, |list| list.len());
            let (agents, queues) = (count(structure.agents), count(structure.queues));
            let seen = format!("Clarity Connect {version} shows this account {agents} agents and {queues} queues.");
            match signalr {
                Ok(transport) => Finding::Ok(format!("{seen} It pushes over {transport}.")),
                Err(why) => Finding::Problem(format!(
                    "{seen} It does not push, and would only be polled every 5 s: {why} Check `signalr_path`, `hub` \
                     and `transports`."
                )),
            }
        }
        Err(error) => problem(&error, advice::about_clarity(&error)),
    }
}

/// The SignalR transport that works, or why none does.
async fn check_signalr(upstream: &Clarity) -> Result<&'static str, String> {
    let mut connection = upstream.open_connection().map_err(|error| format!("TLS cannot be set up: {error}."))?;
    let first = tokio::time::timeout(SIGNALR_TIMEOUT, async {
        loop {
            match connection.next().await {
                Event::Connected { transport, .. } => return Ok(transport.as_str()),
                Event::Failed { reason, .. } => return Err(error_chain(&reason)),
                _ => {}
            }
        }
    });
    let found = first.await.unwrap_or_else(|_| Err("No connection within 30 s.".to_owned()));
    connection.close().await;
    found
}

async fn check_goodays(config: Option<&config::Goodays>) -> Finding {
    let Some(config) = config else { return Finding::Off("[goodays]") };
    let upstream = match http_client()
        .and_then(|http| Goodays::new(http, &config.api_root, &config.api_token).map_err(|error| error.to_string()))
    {
        Ok(upstream) => upstream,
        Err(error) => return Finding::Problem(error),
    };
    match upstream.check().await {
        Ok(()) if config.hmac_secrets.is_empty() && config.allow_unsigned => {
            Finding::Ok("The API answers. Unsigned webhooks are accepted, from every sender.".to_owned())
        }
        Ok(()) if config.hmac_secrets.is_empty() => Finding::Problem(
            "The API answers, but every webhook is refused: agree on a secret with Goodays and set hmac_secrets."
                .to_owned(),
        ),
        Ok(()) => Finding::Ok(format!(
            "The API answers. Webhooks are checked against {} secret{}.",
            config.hmac_secrets.len(),
            if config.hmac_secrets.len() == 1 { "" } else { "s" }
        )),
        Err(error) => problem(&error, advice::about_goodays(&error)),
    }
}

async fn check_agent_connect(config: Option<&config::AgentConnect>) -> Finding {
    let Some(config) = config else { return Finding::Off("[agent_connect]") };
    let Some(key) = &config.api_key else {
        return Finding::Problem("Requests need api_key or api_key_file in [agent_connect].".to_owned());
    };
    let upstream = match http_client()
        .and_then(|http| AgentConnect::new(http, &config.api_root, key).map_err(|error| error.to_string()))
    {
        Ok(upstream) => upstream,
        Err(error) => return Finding::Problem(error),
    };
    match upstream.check().await {
        Ok(()) => {
            let mode = if config.mode == config::Mode::Test { "test" } else { "production" };
            Finding::Ok(format!("The API accepts the key. The mode is {mode}."))
        }
        Err(error) => problem(&error, advice::about_agent_connect(&error)),
    }
}

async fn check_kustomer(config: Option<&config::Kustomer>) -> Finding {
    let Some(config) = config else { return Finding::Off("[kustomer]") };
    let Some(key) = &config.api_key else {
        return Finding::Problem(
            "Add api_key or api_key_file to [kustomer]: without it only what webhooks contain is known.".to_owned(),
        );
    };
    let upstream = match http_client()
        .and_then(|http| Kustomer::new(http, &config.api_root, key).map_err(|error| error.to_string()))
    {
        Ok(upstream) => upstream,
        Err(error) => return Finding::Problem(error),
    };
    match upstream.check().await {
        Ok(()) => Finding::Ok("The API accepts the key.".to_owned()),
        Err(error) => problem(&error, advice::about_kustomer(&error)),
    }
}

/// The error, and advice.
fn problem(error: &dyn std::error::Error, advice: &str) -> Finding {
    Finding::Problem(format!("{} {advice}", error_chain(error)).trim_end().to_owned())
}

fn http_client() -> Result<http::Client, String> {
    http::client().map_err(|error| format!("TLS cannot be set up: {error}."))
}
