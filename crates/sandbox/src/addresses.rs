//! Addresses and credentials of the servers.

use std::io;
use std::net::SocketAddr;

use url::Url;

use base::Secret;

/// Addresses and credentials of the servers.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Clarity's `api_root`, without a trailing slash.
    pub clarity_api: Url,
    /// Clarity's SignalR path.
    pub signalr_path: &'static str,
    /// Clarity's token endpoint, which the 401 challenge names too.
    pub clarity_token: Url,
    /// The client id that the token endpoint accepts.
    pub client_id: String,
    /// The HS256 key of Clarity's tokens.
    pub jwt_key: Secret,
    /// Goodays' `api_root`, with `/v2`.
    pub goodays_api: Url,
    /// The value of `Authorization` for Goodays' API.
    pub goodays_token: Secret,
    /// The HMAC secret of Goodays' webhooks.
    pub goodays_hmac: Secret,
    /// Agent Connect's `api_root`, without a version.
    pub agent_connect_api: Url,
    /// Agent Connect's `x-api-key`.
    pub agent_connect_key: Secret,
    /// The key of the Data Return JWT.
    pub agent_connect_secret: Secret,
    /// Kustomer's `api_root`, without a version.
    pub kustomer_api: Url,
    /// Kustomer's bearer token.
    pub kustomer_key: Secret,
    /// The HMAC secret of Kustomer's webhooks.
    pub kustomer_token: Secret,
    /// The control API.
    pub control: Url,
}

impl Addresses {
    /// The addresses of servers bound in the order of [`super::Options::ports`].
    pub(super) fn new(bound: &[SocketAddr]) -> io::Result<Self> {
        let url =
            |index: usize, path: &str| Url::parse(&format!("http://{}{path}", bound[index])).map_err(io::Error::other);
        let secret = |kind: &str| Secret::from(format!("sandbox-{kind}"));
        Ok(Self {
            clarity_api: url(0, "/webapi/api")?,
            signalr_path: "/webapi/signalr",
            clarity_token: url(0, "/webauth/token")?,
            client_id: "0224C392-3845-4AC0-B1A0-D63706181BA7".to_owned(),
            jwt_key: secret("jwt-key-that-is-long-enough-for-hs256"),
            goodays_api: url(1, "/v2")?,
            goodays_token: secret("goodays-token"),
            goodays_hmac: secret("goodays-hmac"),
            agent_connect_api: url(2, "")?,
            agent_connect_key: secret("agent-connect-key"),
            agent_connect_secret: secret("agent-connect-secret"),
            kustomer_api: url(3, "")?,
            kustomer_key: secret("kustomer-key"),
            kustomer_token: secret("kustomer-webhook-token"),
            control: url(4, "/")?,
        })
    }
}
