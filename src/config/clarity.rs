//! `[clarity]`: Clarity Connect, the telephony system.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{secret, value};
use base::Secret;

/// How to reach Clarity Connect, and what to ask it for.
#[derive(Debug, Clone, Deserialize)]
pub struct Clarity {
    /// The root URL of the Web API, such as `https://connect.example.com/webapi/api`. Required.
    #[serde(deserialize_with = "value::text")]
    pub api_root: Url,
    /// The GUID that the admin site shows under API Management (apis.md C2). Required unless `auth` is `static`.
    #[serde(default)]
    pub client_id: String,
    /// The hosts that the 401 challenge may name as token service; credentials are sent to no other. Default: the host
    /// of [`api_root`](Self::api_root).
    #[serde(default)]
    pub token_hosts: Vec<String>,
    /// The URL of the token service. Default: none, the 401 challenge names it.
    #[serde(default, deserialize_with = "value::optional")]
    pub token_url: Option<Url>,
    /// How the service account authenticates. Default `negotiate`.
    #[serde(default)]
    pub auth: Auth,
    /// The service account's name: plain, `DOMAIN\user` or `user@domain`. Required unless `auth` is `static`, or
    /// [`credential_cache`](Self::credential_cache) names it.
    #[serde(default)]
    pub username: String,
    /// The service account's Windows domain. Kerberos needs the full name, such as `example.com`. Default: none.
    #[serde(default)]
    pub domain: String,
    /// The host of the Kerberos key distribution center, with a port if it is not 88. Default: the one that the
    /// machine's `krb5.conf` names for the domain, else the domain's own name.
    #[serde(default)]
    pub kdc: String,
    /// The service account's password. This, a keytab or a credential cache is required unless `auth` is `static`.
    #[serde(default, deserialize_with = "secret::optional")]
    pub password: Option<Secret>,
    /// A keytab with the service account's key, instead of its password. Kerberos only. Default: none.
    #[serde(default, deserialize_with = "value::kerberos_file")]
    pub keytab: Option<PathBuf>,
    /// A credential cache of type `FILE` with the service account's ticket, which another program renews, instead of
    /// its password. Kerberos only. Default: none.
    #[serde(default, deserialize_with = "value::kerberos_file")]
    pub credential_cache: Option<PathBuf>,
    /// A ready JWT. Required if `auth` is `static`.
    #[serde(default, deserialize_with = "secret::optional")]
    pub token: Option<Secret>,
    /// The HS256 key of the site. With it viewers' tokens are verified here before Clarity is asked. Default: none.
    #[serde(default, deserialize_with = "secret::optional")]
    pub jwt_key: Option<Secret>,
    /// The file that [`password`](Self::password) or [`token`](Self::token) came from, if it came from one. It is read
    /// again when Clarity refuses the secret.
    #[serde(skip)]
    pub secret_file: Option<PathBuf>,
    /// The issuer of tokens, their `iss`. Required with [`jwt_key`](Self::jwt_key).
    #[serde(default)]
    pub jwt_issuer: String,
    /// The audience of tokens, their `aud`. Default: [`client_id`](Self::client_id).
    #[serde(default)]
    pub jwt_audience: String,
    /// The path of the SignalR endpoint on the host of [`api_root`](Self::api_root). Default `/webapi/signalr`.
    #[serde(default = "signalr_path")]
    pub signalr_path: String,
    /// The name of the SignalR hub. Default `connect`.
    #[serde(default = "hub")]
    pub hub: String,
    /// The SignalR transports, tried in this order. Default: all three, in the order of [`Transport`].
    #[serde(default = "transports")]
    pub transports: Vec<Transport>,
    /// How often everything is read in full, which repairs drift. More than 18 s count as 18 s: older values could not
    /// be shown as live. Default 15 s.
    #[serde(default = "poll_interval", deserialize_with = "value::text")]
    pub poll_interval: Duration,
    /// The modalities to ask for. Default `audio`, `instantMessage`, `message`.
    #[serde(default = "modalities")]
    pub modalities: Vec<String>,
    /// The agent metrics to ask for, by Clarity's names. Default `answeredCount`, `ronaCount`, `availableTime`.
    #[serde(default = "agent_metrics")]
    pub agent_metrics: Vec<String>,
    /// The queue metrics to ask for, by Clarity's names. Default `queuedCount`, `answeredCount`, `abandonedCount`.
    #[serde(default = "queue_metrics")]
    pub queue_metrics: Vec<String>,
    /// Whether queue metrics are asked for over REST too: Clarity's document has no such method, but some sites may
    /// answer (apis.md C48). Default `false`.
    #[serde(default)]
    pub probe_queue_metrics: bool,
    /// Whether the status history of the last 24 hours is asked for: at the start, every five minutes, and after each
    /// interruption of the pushes. Default `true`.
    #[serde(default = "yes")]
    pub status_history: bool,
    /// Whether agent metrics are asked for by queue too, in polls and in subscriptions. Default `true`.
    #[serde(default = "yes")]
    pub breakdowns: bool,
    /// The key under which a subscription lists session properties: Clarity's document names two (apis.md B40). Default
    /// `both`.
    #[serde(default)]
    pub session_properties_key: SessionPropertiesKey,
    /// The HTTP method of `setcallnotes` and its like: `GET` as documented, `POST` where a site has corrected it.
    /// Default `GET`.
    #[serde(default)]
    pub write_verb: WriteVerb,
}

/// How the service account authenticates at Clarity's token service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Auth {
    /// Windows authentication: Kerberos if the domain gives a ticket, else NTLM.
    #[default]
    Negotiate,
    /// Windows authentication with NTLM; the domain is not asked for a ticket.
    Ntlm,
    /// A ready JWT.
    Static,
}

/// A transport of SignalR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// `webSockets`.
    WebSockets,
    /// `serverSentEvents`.
    ServerSentEvents,
    /// `longPolling`.
    LongPolling,
}

/// The key under which a subscription lists session properties.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SessionPropertiesKey {
    /// `sessionProperties`.
    SessionProperties,
    /// `sessionPropertyType`.
    SessionPropertyType,
    /// Both, with the same list.
    #[default]
    Both,
}

/// The HTTP method of calls that change something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum WriteVerb {
    /// As documented.
    #[default]
    Get,
    /// As HTTP demands of calls that change something.
    Post,
}

impl Clarity {
    /// A section with these keys and the defaults of all others.
    #[must_use]
    pub fn new(api_root: Url, client_id: impl Into<String>, auth: Auth) -> Self {
        Self {
            token_hosts: api_root.host_str().map(str::to_owned).into_iter().collect(),
            api_root,
            client_id: client_id.into(),
            token_url: None,
            auth,
            username: String::new(),
            domain: String::new(),
            kdc: String::new(),
            password: None,
            keytab: None,
            credential_cache: None,
            token: None,
            jwt_key: None,
            secret_file: None,
            jwt_issuer: String::new(),
            jwt_audience: String::new(),
            signalr_path: signalr_path(),
            hub: hub(),
            transports: transports(),
            poll_interval: poll_interval(),
            modalities: modalities(),
            agent_metrics: agent_metrics(),
            queue_metrics: queue_metrics(),
            probe_queue_metrics: false,
            status_history: true,
            breakdowns: true,
            session_properties_key: SessionPropertiesKey::default(),
            write_verb: WriteVerb::default(),
        }
    }
}

fn signalr_path() -> String {
    "/webapi/signalr".to_owned()
}

fn hub() -> String {
    "connect".to_owned()
}

fn transports() -> Vec<Transport> {
    vec![Transport::WebSockets, Transport::ServerSentEvents, Transport::LongPolling]
}

fn poll_interval() -> Duration {
    Duration::from_secs(15)
}

fn modalities() -> Vec<String> {
    ["audio", "instantMessage", "message"].map(str::to_owned).to_vec()
}

fn yes() -> bool {
    true
}

fn agent_metrics() -> Vec<String> {
    ["answeredCount", "ronaCount", "availableTime"].map(str::to_owned).to_vec()
}

fn queue_metrics() -> Vec<String> {
    ["queuedCount", "answeredCount", "abandonedCount"].map(str::to_owned).to_vec()
}
