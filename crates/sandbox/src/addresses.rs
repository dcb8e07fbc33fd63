//! Where the upstreams listen and how to get in.

use std::io;
use std::net::SocketAddr;

use url::Url;

use base::Secret;

/// Where the upstreams listen and how to get in.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Clarity's `api_root`, without a final slash.
    pub clarity_api: Url,
    /// Clarity's SignalR path, by itself.
    pub signalr_path: &'static str,
    /// Clarity's token endpoint, which the challenge names too.
    pub clarity_token: Url,
    /// The client id that the token endpoint knows.
    pub client_id: String,
    /// The key that Clarity's tokens are signed with (HS256).
    pub jwt_key: Secret,
    /// Goodays' `api_root`, with `/v2`.
    pub goodays_api: Url,
    /// What actions carry in `Authorization`.
    pub goodays_token: Secret,
    /// What webhooks are signed with.
    pub goodays_hmac: Secret,
    /// Agent Connect's `api_root`, without a version.
    pub agent_connect_api: Url,
    /// The `x-api-key`.
    pub agent_connect_key: Secret,
    /// Signs the Data Return JWT.
    pub agent_connect_secret: Secret,
    /// Kustomer's `api_root`, without a version.
    pub kustomer_api: Url,
    /// The bearer key.
    pub kustomer_key: Secret,
    /// What Kustomer's webhooks are signed with.
    pub kustomer_token: Secret,
    /// The steering wheel.
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
