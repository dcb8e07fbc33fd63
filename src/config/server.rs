//! `[server]`: where pages are served, where data is kept, when the day begins.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::Deserialize;
use url::Url;

use super::{ConfigError, Tls, value};

/// The server itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Server {
    /// The address and port that browsers, or the proxy in front, connect to. Default `127.0.0.1:8080`.
    #[serde(deserialize_with = "value::text")]
    pub listen: SocketAddr,
    /// The address that people type: for the check of `Origin`, for cookies and for links. Default: `http://` and
    /// [`listen`](Self::listen).
    #[serde(deserialize_with = "value::optional")]
    pub public_url: Option<Url>,
    /// The certificate to encrypt with. Default: none, which is for this machine alone or behind a proxy that encrypts.
    pub tls: Option<Tls>,
    /// The directory for everything that must survive a restart. Default `data`, in the working directory.
    pub data_dir: PathBuf,
    /// The zone in which the board's day begins and clocks are shown. Default `UTC`.
    #[serde(deserialize_with = "value::text")]
    pub time_zone: TimeZone,
    /// Whether only people who have signed in elsewhere can reach `listen`, because a proxy in front sees to it. Without
    /// this the server listens on this machine alone. Default `false`.
    pub behind_sign_in: bool,
    /// The proxies in front, as addresses or networks: who asks through them is who they say. Default: none, and who asks is
    /// who connects.
    #[serde(deserialize_with = "value::list")]
    pub trusted_proxies: Vec<IpNet>,
    /// How many open live connections one address may hold; an office may be one address. Default 512.
    pub sockets_per_address: usize,
    /// Whether `/metrics` answers other machines too. Default `false`.
    pub open_metrics: bool,
    /// The time of day, in [`time_zone`](Self::time_zone), at which the counts of the day begin anew. Default `00:00`.
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
            let advice = "must have no path: write only the beginning, such as \"https://callboard.example.com\"";
            return Err(ConfigError::invalid("server.public_url", advice));
        }
        value::check_credential_address("server.public_url", url)
    }
}
