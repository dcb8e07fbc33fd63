//! Clarity Connect: sign-in, REST, subscriptions. It speaks the upstream's words and has never heard of ours.

use url::Url;

use base::Secret;

mod permitted_agents;
mod client;
mod denial_cache;
mod error;
mod signalr;
pub mod methods;
mod token_claims;
mod pushes;
mod rate_limit;
mod subscribe;
mod token;
mod properties;
mod entity_ids;
pub mod wire;

pub use client::Clarity;
pub use error::{Error, RefusalReason};
pub use token_claims::{InvalidToken, MAX_TOKEN_LENGTH, TokenClaims, TokenVerifier, token_agent_id, is_token_expired, token_claims};
pub use pushes::{Pushes, find_pushes};
pub use subscribe::{Subject, Subscription};
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use token::fuzz_challenge;
pub use token::{TokenError, Tokens, LockoutRisk};
pub use properties::PropertySelection;
pub use entity_ids::EntityIds;

/// What a site says about its Clarity.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API lives: `https://{fqdn}/webapi/api`.
    pub api_root: Url,
    /// The GUID from the admin site's API Management page (`apis.md` C2).
    pub client_id: String,
    /// Hosts that a 401 challenge may name, besides `api_root`'s own.
    pub token_hosts: Vec<String>,
    /// Set: tokens come from here, and no challenge is asked for.
    pub token_url: Option<Url>,
    /// Who we are.
    pub credential: Credential,
    /// The path of the SignalR endpoint on `api_root`'s host, by default `/webapi/signalr` (`apis.md` B110).
    pub signalr_path: String,
    /// The hub that pushes.
    pub hub: String,
    /// The transports to try, by the upstream's names, best first. Those this server does not speak are passed over.
    pub transports: Vec<String>,
    /// Under which name the list of session properties is sent.
    pub session_properties_key: SessionPropertiesKey,
    /// The verb of the calls that the document sends as `GET` though they change something (`apis.md` B27).
    pub write_verb: WriteVerb,
    /// The kinds of contact to ask for; none means all.
    pub modalities: Vec<String>,
    /// The agent metrics to ask for; none means all that are switched on.
    pub agent_metrics: Vec<String>,
    /// The queue metrics to ask for; none means all that are switched on.
    pub queue_metrics: Vec<String>,
}

/// How this server proves who it is.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A token made elsewhere, shown as it is.
    Static(Secret),
    /// A Windows account, signed in by the token endpoint (`apis.md` C2, C7).
    Windows {
        /// The account.
        account: windows_auth::Account,
        /// How it signs in, if the endpoint asks for it.
        method: windows_auth::Method,
        /// The host that gives Kerberos tickets, where the machine does not know it by itself.
        kdc: Option<String>,
    },
}

/// The document uses two names for the list of session properties, crossed between samples and dictionary
/// (`apis.md` B40).
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

/// The verb of `setcallnotes` and its like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WriteVerb {
    /// As documented.
    #[default]
    Get,
    /// As it should be.
    Post,
}
