//! `[clarity]`: the telephony system.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{ConfigError, account, secret, value};
use base::Secret;
use base::secret::ExposeSecret;

/// A shorter key can be guessed (RFC 8725, section 3.5).
const SHORTEST_KEY: usize = 32;

/// How to reach Clarity Connect, and what to ask it for.
#[derive(Debug, Clone, Deserialize)]
pub struct Clarity {
    /// The root of the Web API, such as `https://connect.example.com/webapi/api`. Must be given.
    #[serde(deserialize_with = "value::text")]
    pub api_root: Url,
    /// The GUID that the admin site shows under API Management (`apis.md` C2). Must be given unless `auth` is `static`.
    #[serde(default)]
    pub client_id: String,
    /// The hosts that the 401 challenge may name as the place to get a token; nobody else is sent credentials.
    /// Default: the host of [`api_root`](Self::api_root).
    #[serde(default)]
    pub token_hosts: Vec<String>,
    /// The address that issues tokens. Default: none, it is discovered by the 401 challenge.
    #[serde(default, deserialize_with = "value::optional")]
    pub token_url: Option<Url>,
    /// How the service account signs in. Default `negotiate`.
    #[serde(default)]
    pub auth: Auth,
    /// The service account's name: plain, `DOMAIN\user` or `user@domain`. Must be given unless `auth` is `static`, or
    /// [`credential_cache`](Self::credential_cache) says who it is.
    #[serde(default)]
    pub username: String,
    /// The service account's Windows domain. For Kerberos it is the full one, such as `example.com`. Default: none.
    #[serde(default)]
    pub domain: String,
    /// The host that gives Kerberos tickets, with a port if it is not 88. Default: what the machine's `krb5.conf` says of
    /// the domain, else the domain's own name.
    #[serde(default)]
    pub kdc: String,
    /// The service account's password. This, a keytab or a credential cache must be given unless `auth` is `static`.
    #[serde(default, deserialize_with = "secret::optional")]
    pub password: Option<Secret>,
    /// A keytab with the service account's key, instead of its password. For Kerberos alone. Default: none.
    #[serde(default, deserialize_with = "account::kerberos_file")]
    pub keytab: Option<PathBuf>,
    /// A credential cache of the kind `FILE` with the service account's ticket, kept fresh by others, instead of its
    /// password. For Kerberos alone. Default: none.
    #[serde(default, deserialize_with = "account::kerberos_file")]
    pub credential_cache: Option<PathBuf>,
    /// A ready JWT. Must be given if `auth` is `static`.
    #[serde(default, deserialize_with = "secret::optional")]
    pub token: Option<Secret>,
    /// The HS256 key that the site shares, with which viewers' tokens are then verified here too. Default: none.
    #[serde(default, deserialize_with = "secret::optional")]
    pub jwt_key: Option<Secret>,
    /// The file that [`password`](Self::password) or [`token`](Self::token) came from, if it came from one: what is
    /// refused is read again there.
    #[serde(skip)]
    pub secret_file: Option<PathBuf>,
    /// Who issues tokens, as their `iss` says. Must be given with [`jwt_key`](Self::jwt_key).
    #[serde(default)]
    pub jwt_issuer: String,
    /// Whom tokens are for, as their `aud` says. Default: [`client_id`](Self::client_id).
    #[serde(default)]
    pub jwt_audience: String,
    /// The path of the SignalR endpoint on the host of [`api_root`](Self::api_root). Default `/webapi/signalr`.
    #[serde(default = "signalr_path")]
    pub signalr_path: String,
    /// The name of the SignalR hub. Default `connect`.
    #[serde(default = "hub")]
    pub hub: String,
    /// The ways to hear changes, tried in this order. Default: all three, as in the enumeration.
    #[serde(default = "transports")]
    pub transports: Vec<Transport>,
    /// How often everything is read afresh, which repairs drift. More than 18 s count as 18 s: nothing older could be shown as
    /// live. Default 15 s.
    #[serde(default = "poll_interval", deserialize_with = "value::text")]
    pub poll_interval: Duration,
    /// The kinds of contact to ask for. Default `audio`, `instantMessage`, `message`.
    #[serde(default = "modalities")]
    pub modalities: Vec<String>,
    /// The agents' metrics to ask for, by Clarity's names. Default `answeredCount`, `ronaCount`, `availableTime`.
    #[serde(default = "agent_metrics")]
    pub agent_metrics: Vec<String>,
    /// The queues' metrics to ask for, by Clarity's names. Default `queuedCount`, `answeredCount`,
    /// `abandonedCount`.
    #[serde(default = "queue_metrics")]
    pub queue_metrics: Vec<String>,
    /// Whether queues' metrics are asked for over REST too, though the document has no such method (`apis.md` C48): some
    /// sites may answer all the same. Default `false`.
    #[serde(default)]
    pub probe_queue_metrics: bool,
    /// Whether agents' statuses of the last 24 hours are asked for: at the start, every five minutes, and after each break of
    /// the pushes. Default `true`.
    #[serde(default = "yes")]
    pub status_history: bool,
    /// Whether agents' metrics are asked for by queue too, in readings and in pushes. Default `true`.
    #[serde(default = "yes")]
    pub breakdowns: bool,
    /// Under which key a subscription lists the properties of sessions (`apis.md` B40). Default `both`.
    #[serde(default)]
    pub session_properties_key: SessionPropertiesKey,
    /// The verb of `setcallnotes` and its like: `GET` as documented, `POST` where a site has mended it. Default `GET`.
    #[serde(default)]
    pub write_verb: WriteVerb,
}

/// How the service account signs in to Clarity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Auth {
    /// Windows sign-in: Kerberos if the domain gives a ticket, NTLM if it gives none.
    #[default]
    Negotiate,
    /// Windows sign-in by NTLM; the domain is not asked for a ticket.
    Ntlm,
    /// A ready JWT.
    Static,
}

/// A way to hear changes over SignalR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// A WebSocket.
    WebSockets,
    /// Server-sent events.
    ServerSentEvents,
    /// One request after the other, each answered when there is news.
    LongPolling,
}

/// The key under which a subscription lists the properties of sessions.
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

/// The verb of calls that change something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum WriteVerb {
    /// As documented.
    #[default]
    Get,
    /// As it should be.
    Post,
}

impl Clarity {
    /// A section with these three keys and the defaults of all others.
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

    /// Fills in what follows from other keys. Paths begin at `directory`, as those of secret files do.
    pub(super) fn settle(&mut self, directory: &Path, password_file: Option<&str>, token_file: Option<&str>) {
        let secret_file = if self.auth == Auth::Static { token_file } else { password_file };
        self.secret_file = secret_file.map(|path| directory.join(path));
        for path in [&mut self.keytab, &mut self.credential_cache].into_iter().flatten() {
            *path = directory.join(&path);
        }
        if self.token_hosts.is_empty() {
            self.token_hosts.extend(self.api_root.host_str().map(str::to_owned));
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, advice: &str| Err(ConfigError::invalid(format!("clarity.{key}"), advice));
        value::check_credential_address("clarity.api_root", &self.api_root)?;
        if let Some(url) = &self.token_url {
            value::check_credential_address("clarity.token_url", url)?;
        }
        if self.token_hosts.iter().any(|host| host.contains('/') || host.is_empty()) {
            return wrong("token_hosts", "must list bare host names such as \"connect.example.com\"");
        }
        if self.auth == Auth::Static {
            if self.token.is_none() {
                return wrong("token", "is missing: auth = \"static\" needs a ready JWT in token or token_file");
            }
        } else if self.client_id.is_empty() {
            return wrong("client_id", "is missing: copy it from API Management on Clarity's admin site");
        } else {
            self.check_account()?;
        }
        if self.username.contains(['\\', '@']) && !self.domain.is_empty() {
            return wrong("domain", "must be left out: username names a domain already");
        }
        if self.kdc.contains('/') {
            return wrong("kdc", "must be a bare host, with a port if it is not 88, such as \"dc1.example.com\"");
        }
        if let Some(key) = &self.jwt_key {
            if key.expose_secret().len() < SHORTEST_KEY {
                return wrong("jwt_key", "is too short for HS256: ask the site for the whole key, at least 32 bytes");
            }
            if self.jwt_issuer.is_empty() {
                return wrong("jwt_issuer", "is missing: copy it from the `iss` of one of the site's tokens");
            }
        }
        if !self.signalr_path.starts_with('/') {
            return wrong("signalr_path", "must begin with /");
        }
        if self.hub.is_empty() {
            return wrong("hub", "must not be empty: leave it out for \"connect\"");
        }
        if self.transports.is_empty() {
            return wrong("transports", "must name at least one transport: leave it out for all of them");
        }
        value::check_positive("clarity.poll_interval", self.poll_interval)
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
