//! `[server]`: addresses, TLS, the data directory, the time zone and the business day.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::Deserialize;
use url::Url;

use super::error::ConfigError;
use super::tls::Tls;
use super::value;

/// Settings of the server itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Server {
    /// The address and port that browsers, or the proxy in front, connect to. Default `127.0.0.1:8080`.
    #[serde(deserialize_with = "value::text")]
    pub listen: SocketAddr,
    /// The URL that people type: for the check of `Origin`, for cookies and for links. Default: `http://` and
    /// [`listen`](Self::listen).
    #[serde(deserialize_with = "value::optional")]
    pub public_url: Option<Url>,
    /// The TLS certificate. Default: none, for this machine only or behind a proxy that terminates TLS.
    pub tls: Option<Tls>,
    /// The data directory: the database and the admin socket. Default `data`, in the working directory.
    pub data_dir: PathBuf,
    /// The time zone of the business day and of the times on pages. Default `UTC`.
    #[serde(deserialize_with = "value::text")]
    pub time_zone: TimeZone,
    /// Whether a proxy in front authenticates every request. Without it, and without a login, the server listens on
    /// this machine only. Default `false`.
    pub behind_sign_in: bool,
    /// The proxies whose forwarding headers name the client's address, as addresses or networks. Default: none, the
    /// client is the peer of the connection.
    #[serde(deserialize_with = "value::list")]
    pub trusted_proxies: Vec<IpNet>,
    /// How many live sockets one address may hold; an office may be one address. Default 512.
    pub sockets_per_address: usize,
    /// Whether `/metrics` answers other machines too. Default `false`.
    pub open_metrics: bool,
    /// The time of day, in [`time_zone`](Self::time_zone), at which the business day begins. Default `00:00`.
    #[serde(deserialize_with = "value::text")]
    pub day_starts: Time,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: None,
            tls: None,
            data_dir: PathBuf::from("data"),
            time_zone: TimeZone::UTC,
            behind_sign_in: false,
            trusted_proxies: Vec::new(),
            sockets_per_address: 512,
            open_metrics: false,
            day_starts: Time::midnight(),
        }
    }
}

impl Server {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if let Some(tls) = &self.tls {
            if self.public_url.as_ref().is_none_or(|url| url.scheme() != "https") {
                let advice = "must be the address that people type, beginning with https://, because server.tls is set";
                return Err(ConfigError::invalid("server.public_url", advice));
            }
            tls.check()?;
        }
        let Some(url) = &self.public_url else {
            if self.behind_sign_in {
                let advice = "is missing: behind a proxy the server must know the address that people type";
                return Err(ConfigError::invalid("server.public_url", advice));
            }
            return Ok(());
        };
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            let advice = "must have no path: write only scheme and host, such as \"https://callboard.example.com\"";
            return Err(ConfigError::invalid("server.public_url", advice));
        }
        value::check_credential_address("server.public_url", url)
    }
}
