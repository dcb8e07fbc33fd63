//! Deserializers and checks of values that are written as text: durations, sizes, URLs, time zones, distances.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, tz};
use serde::de::{Deserialize, Deserializer, Error, Unexpected};
use url::Url;

use super::error::ConfigError;
use base::http::is_loopback;

/// A type that is written as text in the configuration.
pub(super) trait FromText: Sized {
    /// The expected form, in plain words with an example.
    const EXPECTED: &'static str;

    /// Parses the text. The error is a reason of its own, or `None` where [`EXPECTED`](Self::EXPECTED) says it all.
    fn from_text(text: &str) -> Result<Self, Option<String>>;
}

impl FromText for Duration {
    const EXPECTED: &'static str = "a duration such as \"15s\", \"500ms\", \"1m\" or \"2h\"";

    fn from_text(text: &str) -> Result<Self, Option<String>> {
        let duration: SignedDuration = text.parse().map_err(|_| None)?;
        Self::try_from(duration).map_err(|_| None)
    }
}

/// A size in bytes. Units are powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl FromText for Bytes {
    const EXPECTED: &'static str = "a size such as \"64MB\" or \"2GB\"";

    fn from_text(text: &str) -> Result<Self, Option<String>> {
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = match text.get(digits.len()..).map(str::to_ascii_uppercase).as_deref() {
            Some("B") => 1,
            Some("KB" | "KIB") => 1 << 10,
            Some("MB" | "MIB") => 1 << 20,
            Some("GB" | "GIB") => 1 << 30,
            Some("TB" | "TIB") => 1 << 40,
            _ => return Err(None),
        };
        let number: u64 = digits.trim_end().parse().map_err(|_| None)?;
        number.checked_mul(unit).map(Self).ok_or(None)
    }
}

impl FromText for Span {
    const EXPECTED: &'static str = "a term such as \"30d\", \"8w\", \"13mo\" or \"2y\"";

    fn from_text(text: &str) -> Result<Self, Option<String>> {
        text.parse().map_err(|_| None)
    }
}

impl FromText for Url {
    const EXPECTED: &'static str = "an address such as \"https://connect.example.com/webapi/api\"";

    fn from_text(text: &str) -> Result<Self, Option<String>> {
        Self::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or(None)
    }
}

impl FromText for SocketAddr {
    const EXPECTED: &'static str = "an address and a port such as \"127.0.0.1:8080\"";

    fn from_text(text: &str) -> Result<Self, Option<String>> {
        text.parse().map_err(|_| None)
    }
}

impl FromText for IpNet {
    const EXPECTED: &'static str = "an address or a network such as \"10.0.0.0/8\"";

    fn from_text(text: &str) -> Result<Self, Option<String>> {
        text.parse().or_else(|_| text.parse().map(|address: IpAddr| Self::from(address))).map_err(|_| None)
    }
}

impl FromText for TimeZone {
    const EXPECTED: &'static str = "a time zone such as \"America/Chicago\"";

    fn from_text(text: &str) -> Result<Self, Option<String>> {
        tz::db().get(text).map_err(|_| {
            Some(format!("names the time zone \"{text}\", which is not known: write one such as \"America/Chicago\""))
        })
    }
}

impl FromText for Time {
    const EXPECTED: &'static str = "a time of day such as \"00:00\" or \"04:30\"";

    fn from_text(text: &str) -> Result<Self, Option<String>> {
        Self::strptime("%H:%M", text).map_err(|_| None)
    }
}

/// For `#[serde(deserialize_with)]`: a [`FromText`] value.
pub(super) fn text<'de, D: Deserializer<'de>, T: FromText>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::from_text(&text).map_err(|reason| match reason {
        Some(reason) => D::Error::custom(reason),
        None => D::Error::invalid_value(Unexpected::Other("text"), &T::EXPECTED),
    })
}

struct Wrapped<T>(T);

impl<'de, T: FromText> Deserialize<'de> for Wrapped<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer).map(Self)
    }
}

/// For `#[serde(default, deserialize_with)]`: a [`FromText`] value or none.
pub(super) fn optional<'de, D: Deserializer<'de>, T: FromText>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Wrapped<T>>::deserialize(deserializer)?.map(|wrapped| wrapped.0))
}

/// For `#[serde(deserialize_with)]`: a list of [`FromText`] values.
pub(super) fn list<'de, D: Deserializer<'de>, T: FromText>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let all = Vec::<Wrapped<T>>::deserialize(deserializer)?;
    Ok(all.into_iter().map(|wrapped| wrapped.0).collect())
}

/// For `#[serde(deserialize_with)]`: a distance in meters.
pub(super) fn meters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.strip_suffix('m')
        .and_then(|number| number.trim_end().parse().ok())
        .filter(|meters: &f32| meters.is_finite() && *meters > 0.0)
        .ok_or_else(|| D::Error::invalid_value(Unexpected::Other("text"), &"a distance in meters such as \"5m\""))
}

/// For `#[serde(default, deserialize_with)]`: a path or none. Kerberos' own tools put the kind of store before it, such
/// as `FILE:/tmp/krb5cc_1000` or `KCM:1000`; only files can be read.
pub(super) fn kerberos_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    match text.split_once(':') {
        Some(("FILE", path)) => Ok(Some(path.into())),
        // A single letter would be a Windows drive.
        Some((kind, _)) if kind.len() > 1 && kind.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            let advice =
                "must be a file, because nothing else can be read: `kinit -c` writes a cache, `ktutil` a keytab";
            Err(D::Error::custom(advice))
        }
        _ => Ok(Some(text.into())),
    }
}

/// Checks a URL that credentials are sent to: it must be https, or on this machine.
pub(super) fn check_credential_address(key: &str, url: &Url) -> Result<(), ConfigError> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigError::invalid(key, "must not carry a user name or password: use the keys made for them"));
    }
    if url.scheme() != "https" && !is_loopback(url) {
        let advice = "must begin with https://, because credentials are sent to it; only this machine (localhost, \
                      127.0.0.1) needs no TLS";
        return Err(ConfigError::invalid(key, advice));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigError::invalid(key, "must end with its path: take away what begins with ? or #"));
    }
    Ok(())
}

/// Refuses a duration of zero.
pub(super) fn check_positive(key: &str, duration: Duration) -> Result<(), ConfigError> {
    match duration.is_zero() {
        true => Err(ConfigError::invalid(key, "must be longer than zero: write a duration such as \"15s\"")),
        false => Ok(()),
    }
}
