//! Makes a Clarity client from the configuration.

use crate::config::{self, Auth};
use crate::upstream::clarity::{Clarity, Credential, SessionPropertiesKey, Settings, WriteVerb};
use base::Clock;

/// A client for the configured Clarity.
///
/// # Errors
/// A sentence, when TLS cannot be set up.
pub fn client(config: &config::Clarity, clock: &Clock) -> Result<Clarity, String> {
    let secret_file = config.secret_file.as_deref();
    Clarity::with_secret_file(settings(config), secret_file, clock.clone())
        .map_err(|error| format!("TLS cannot be set up: {error}."))
}

fn settings(config: &config::Clarity) -> Settings {
    let credential = match config.auth {
        // The configuration has checked that there is a token, or an account with its password, keytab or ticket.
        Auth::Static => Credential::Static(config.token.clone().unwrap_or_default()),
        Auth::Negotiate | Auth::Ntlm => Credential::Windows {
            account: windows_auth::Account {
                username: config.username.clone(),
                domain: config.domain.clone(),
                credential: credential(config),
            },
            method: if config.auth == Auth::Ntlm {
                windows_auth::Method::Ntlm
            } else {
                windows_auth::Method::Negotiate
            },
            kdc: Some(config.kdc.clone()).filter(|kdc| !kdc.is_empty()),
        },
    };
    let transport = |transport: &config::Transport| match transport {
        config::Transport::WebSockets => "webSockets",
        config::Transport::ServerSentEvents => "serverSentEvents",
        config::Transport::LongPolling => "longPolling",
    };
    Settings {
        api_root: config.api_root.clone(),
        client_id: config.client_id.clone(),
        token_hosts: config.token_hosts.clone(),
        token_url: config.token_url.clone(),
        credential,
        signalr_path: config.signalr_path.clone(),
        hub: config.hub.clone(),
        transports: config.transports.iter().map(transport).map(str::to_owned).collect(),
        session_properties_key: match config.session_properties_key {
            config::SessionPropertiesKey::Both => SessionPropertiesKey::Both,
            config::SessionPropertiesKey::SessionProperties => SessionPropertiesKey::SessionProperties,
            config::SessionPropertiesKey::SessionPropertyType => SessionPropertiesKey::SessionPropertyType,
        },
        write_verb: match config.write_verb {
            config::WriteVerb::Get => WriteVerb::Get,
            config::WriteVerb::Post => WriteVerb::Post,
        },
        modalities: config.modalities.clone(),
        agent_metrics: config.agent_metrics.clone(),
        queue_metrics: config.queue_metrics.clone(),
    }
}

fn credential(config: &config::Clarity) -> windows_auth::Credential {
    match (&config.keytab, &config.credential_cache) {
        (Some(keytab), _) => windows_auth::Credential::Keytab(keytab.clone()),
        (None, Some(cache)) => windows_auth::Credential::Cache(cache.clone()),
        (None, None) => windows_auth::Credential::Password(config.password.clone().unwrap_or_default()),
    }
}
