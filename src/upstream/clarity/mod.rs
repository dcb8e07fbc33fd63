//! A client for Clarity Connect: sign-in, REST, subscriptions. It uses Clarity's words and knows nothing of `domain`.

use url::Url;

use base::Secret;

mod client;
mod denial_cache;
mod entity_ids;
mod error;
pub mod methods;
mod permitted_agents;
mod properties;
mod pushes;
mod rate_limit;
mod signalr;
mod subscribe;
mod token;
mod token_claims;
pub mod wire;

pub use client::Clarity;
pub use entity_ids::EntityIds;
pub use error::{Error, RefusalReason};
pub use properties::PropertySelection;
pub use pushes::{Pushes, find_pushes};
pub use subscribe::{Subject, Subscription};
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use token::fuzz_challenge;
pub use token::{LockoutRisk, TokenError, Tokens};
pub use token_claims::{
    InvalidToken, MAX_TOKEN_LENGTH, TokenClaims, TokenVerifier, is_token_expired, token_agent_id, token_claims,
};

/// The settings of a site.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The root of the API: `https://{fqdn}/webapi/api`.
    pub api_root: Url,
    /// The GUID from the admin site's API Management page (apis.md C2).
    pub client_id: String,
    /// Hosts that a 401 challenge may name, besides `api_root`'s own.
    pub token_hosts: Vec<String>,
    /// The token endpoint. `None`: it is taken from the challenge of a 401.
    pub token_url: Option<Url>,
    /// The account and its proof.
    pub credential: Credential,
    /// The path of the SignalR endpoint on `api_root`'s host, by default `/webapi/signalr` (apis.md B110).
    pub signalr_path: String,
    /// The hub that pushes.
    pub hub: String,
    /// SignalR transports by their protocol names, best first. Unknown ones are skipped.
    pub transports: Vec<String>,
    /// Under which name the list of session properties is sent.
    pub session_properties_key: SessionPropertiesKey,
    /// The verb of calls that change something though they are documented as `GET` (apis.md B27).
    pub write_verb: WriteVerb,
    /// The kinds of contact to request; empty means all.
    pub modalities: Vec<String>,
    /// The agent metrics to request; empty means all that are enabled.
    pub agent_metrics: Vec<String>,
    /// The queue metrics to request; empty means all that are enabled.
    pub queue_metrics: Vec<String>,
}

/// How requests are authenticated.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A token made elsewhere, sent as it is.
    Static(Secret),
    /// A Windows account, signed in by the token endpoint (apis.md C2, C7).
    Windows {
        /// The account.
        account: windows_auth::Account,
        /// How it signs in, if the endpoint asks for it.
        method: windows_auth::Method,
        /// The host that gives Kerberos tickets, where the machine does not know it by itself.
        kdc: Option<String>,
    },
}

/// The name of the list of session properties in requests. The document has two names, crossed between samples and
/// dictionary (apis.md B40).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SessionPropertiesKey {
    /// Send the same list under both names.
    #[default]
    Both,
    /// `sessionProperties` alone.
    SessionProperties,
    /// `sessionPropertyType` alone.
    SessionPropertyType,
}

/// The verb of `setcallnotes` and similar calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WriteVerb {
    /// As documented.
    #[default]
    Get,
    /// For proxies that drop the body of a `GET`.
    Post,
}
