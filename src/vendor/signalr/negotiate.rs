//! The first question: who am I here, and how shall we talk (`signalr.md` section 3).

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{Error, Settings, address};
use crate::base::http::{self, BodyError};
use crate::base::secret::ExposeSecret;
use crate::base::{Cookies, Secret, json};
use crate::vendor::lenient;

/// How often a server may send us elsewhere.
const REDIRECTS: usize = 5;

/// No answer to a command is longer than this.
const ANSWER_LIMIT: usize = 256 * 1024;

/// What was agreed.
pub struct Agreement {
    /// Where the other commands hang now.
    pub base: Url,
    /// The site's query from now on.
    pub query: Vec<(String, String)>,
    /// The bearer token that a redirect gave, which replaces our own.
    pub bearer: Option<Arc<Secret>>,
    /// Goes into every address. Secret.
    pub token: Secret,
    /// What subscriptions name.
    pub id: String,
    /// How long silence may last. `None`: keep-alive is off.
    pub keep_alive: Option<Duration>,
    /// How long the server remembers us.
    pub disconnect: Duration,
    /// How long a transport may take to come up.
    pub connect: Duration,
    /// Whether the server speaks WebSocket.
    pub web_sockets: bool,
    /// The version that both sides speak.
    pub protocol: String,
    /// Whether the server expects `start`: from 1.4 on.
    pub start: bool,
    /// How long the server holds a poll.
    pub poll: Duration,
    /// How long to wait between polls, unless a frame says otherwise.
    pub poll_delay: Duration,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    #[serde(deserialize_with = "lenient::text")]
    connection_token: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    connection_id: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    keep_alive_timeout: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    disconnect_timeout: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    connection_timeout: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    long_poll_delay: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    transport_connect_timeout: Option<f64>,
    #[serde(deserialize_with = "lenient::boolean")]
    try_web_sockets: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    protocol_version: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    error: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    redirect_url: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    access_token: Option<String>,
    #[serde(rename = "availableTransports")]
    available_transports: Option<Value>,
}

/// Negotiates, following redirects to allowed hosts.
pub async fn negotiate(
    client: &reqwest::Client,
    settings: &Settings,
    bearer: Option<Arc<Secret>>,
) -> Result<Agreement, Error> {
    let mut base = settings.base.clone();
    let mut query = settings.query.clone();
    let mut given: Option<Arc<Secret>> = None;
    for _ in 0..=REDIRECTS {
        let data = address::connection_data(&settings.hub);
        let parameters = [("clientProtocol", settings.protocol.as_str()), ("connectionData", &data)];
        let at = address::command(&base, "negotiate", &parameters, &query);
        let bearer = given.as_ref().or(bearer.as_ref());
        let body = ask(client.get(at), "negotiate", &base, bearer, &settings.cookies).await?;
        let answer: Answer = json::read(&body)
            .map_err(|_| Error::Unintelligible { command: "negotiate", host: address::host(&base) })?;
        let Some(to) = answer.redirect_url.as_deref() else {
            return agree(answer, &settings.protocol, base, query, given);
        };
        let to = redirected(settings, &base, to)?;
        if to.query().is_some() {
            query = to.query_pairs().into_owned().collect();
        }
        base = to;
        given = answer.access_token.map(|token| Arc::new(Secret::from(token))).or(given);
    }
    Err(Error::RedirectedTooOften)
}

/// Sends a request that is answered and over, and reads the answer.
pub async fn ask(
    request: reqwest::RequestBuilder,
    command: &'static str,
    base: &Url,
    bearer: Option<&Arc<Secret>>,
    cookies: &Cookies,
) -> Result<Vec<u8>, Error> {
    let host = address::host(base);
    let request = match bearer {
        Some(bearer) => request.bearer_auth(bearer.expose_secret()),
        None => request,
    };
    let answer = cookies.send(request).await.map_err(|error| Error::Unreachable {
        command,
        host: host.clone(),
        source: Box::new(error.without_url()),
    })?;
    if !answer.status().is_success() {
        return Err(Error::Refused { command, host, status: answer.status().as_u16() });
    }
    http::read_answer(answer, ANSWER_LIMIT).await.map_err(|error| match error {
        BodyError::TooLarge { limit } => Error::TooLarge { limit },
        BodyError::NotTheApi { .. } => Error::Unintelligible { command, host },
        other => Error::Unreachable { command, host, source: Box::new(other) },
    })
}

fn agree(
    answer: Answer,
    offered: &str,
    base: Url,
    query: Vec<(String, String)>,
    bearer: Option<Arc<Secret>>,
) -> Result<Agreement, Error> {
    let host = address::host(&base);
    if answer.available_transports.is_some() {
        return Err(Error::AspNetCore { host });
    }
    if let Some(text) = answer.error {
        let text = text.chars().filter(|letter| !letter.is_control()).take(200).collect();
        return Err(Error::Negotiation { host, text });
    }
    let (Some(token), Some(id)) = (answer.connection_token, answer.connection_id) else {
        return Err(Error::Unintelligible { command: "negotiate", host });
    };
    // Without a version the server is older than the field.
    let named = answer.protocol_version.unwrap_or_else(|| "1.2".to_owned());
    let spoken = version(&named).filter(|version| SPOKEN.contains(version));
    let Some(spoken) = spoken else {
        let version = named.chars().filter(|letter| !letter.is_control()).take(20).collect();
        return Err(Error::Version { host, version });
    };
    // A server should not answer with more than it was offered; should it do so, what we offered is what we speak.
    let (spoken, protocol) = match version(offered) {
        Some(limit) if limit < spoken => (limit, offered.to_owned()),
        _ => (spoken, named),
    };
    Ok(Agreement {
        base,
        query,
        bearer,
        token: token.into(),
        id,
        keep_alive: answer.keep_alive_timeout.and_then(duration),
        disconnect: answer.disconnect_timeout.and_then(duration).unwrap_or(Duration::from_secs(30)),
        connect: answer.transport_connect_timeout.and_then(duration).unwrap_or(Duration::from_secs(5)),
        web_sockets: answer.try_web_sockets.unwrap_or(false),
        protocol,
        start: spoken >= (1, 4),
        poll: answer.connection_timeout.and_then(duration).unwrap_or(Duration::from_secs(110)),
        poll_delay: answer.long_poll_delay.and_then(duration).unwrap_or_default(),
    })
}

/// The versions that this client speaks (`signalr.md` section 2).
const SPOKEN: std::ops::RangeInclusive<(u32, u32)> = (1, 2)..=(2, 1);

/// Major and minor: 1.10 would be later than 1.5.
fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let minor = minor.split_once('.').map_or(minor, |(minor, _)| minor);
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Times are seconds, fractions allowed; nothing sensible is as good as nothing.
fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero())
        .map(|time| time.min(Duration::from_secs(86_400)))
}

/// Our token must not go to a host that nobody allowed, nor leave encryption.
fn redirected(settings: &Settings, base: &Url, to: &str) -> Result<Url, Error> {
    let to = base.join(to).map_err(|_| Error::Redirected { host: "an address that is none".to_owned() })?;
    let host = address::host(&to);
    let allowed = settings.base.host_str().into_iter().chain(settings.allowed_hosts.iter().map(String::as_str));
    let is_allowed = allowed.into_iter().any(|allowed| http::same_host(allowed, &host));
    // Unencrypted only within this very machine.
    let is_safe = to.scheme() == "https" || (to.scheme() == "http" && http::is_loopback(&to));
    if is_allowed && is_safe { Ok(to) } else { Err(Error::Redirected { host }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendor::signalr::{MAX_FRAME, PING_EVERY, PROTOCOL};

    fn base() -> Url {
        "https://floor.example.com/webapi/signalr".parse().expect("a URL")
    }

    fn read(text: &str) -> Result<Agreement, Error> {
        agree(serde_json::from_str(text).expect("JSON"), PROTOCOL, base(), Vec::new(), None)
    }

    #[test]
    fn what_the_server_offers_is_understood() {
        let agreed = read(
            r#"{"Url":"/signalr","ConnectionToken":"a+b/c==","ConnectionId":"88cf","KeepAliveTimeout":0.5,
                "DisconnectTimeout":30.0,"TryWebSockets":true,"ProtocolVersion":"1.5","TransportConnectTimeout":5.0}"#,
        )
        .expect("an agreement");
        assert_eq!(agreed.keep_alive, Some(Duration::from_millis(500)));
        assert!(agreed.web_sockets && agreed.start);
        assert_eq!(agreed.id, "88cf");
    }

    #[test]
    fn no_keep_alive_and_an_old_protocol_are_understood() {
        let agreed = read(
            r#"{"ConnectionToken":"t","ConnectionId":"i","KeepAliveTimeout":null,"DisconnectTimeout":-1,"ProtocolVersion":"1.3"}"#,
        )
        .expect("an agreement");
        assert_eq!((agreed.keep_alive, agreed.start, agreed.web_sockets), (None, false, false));
        assert_eq!(agreed.disconnect, Duration::from_secs(30));
    }

    #[test]
    fn the_other_signalr_is_named_and_refused() {
        let error = read(r#"{"connectionId":"x","availableTransports":[]}"#).err().expect("an error");
        assert!(matches!(error, Error::AspNetCore { .. }) && error.is_lasting());
    }

    #[test]
    fn redirects_stay_encrypted_and_among_friends() {
        let settings = Settings {
            base: base(),
            hub: "connect".into(),
            protocol: PROTOCOL.into(),
            transports: Vec::new(),
            query: Vec::new(),
            allowed_hosts: vec!["Other.example.com".into()],
            max_frame: MAX_FRAME,
            ping_every: PING_EVERY,
            cookies: Arc::default(),
        };
        let allowed = |to: &str| redirected(&settings, &settings.base, to).is_ok();
        assert!(allowed("https://other.example.com/signalr?x=1"));
        assert!(allowed("/elsewhere/signalr"));
        assert!(!allowed("http://other.example.com/signalr"));
        assert!(!allowed("https://evil.example.net/signalr"));
        assert!(!allowed("https://other.example.com.evil.example.net/signalr"));
        assert!(!allowed("ftp://other.example.com/signalr"));
        let local = Settings { base: "http://127.0.0.1:9/signalr".parse().expect("a URL"), ..settings };
        assert!(redirected(&local, &local.base, "http://127.0.0.1:10/signalr").is_ok());
        assert!(redirected(&local, &local.base, "http://other.example.com/signalr").is_err(), "no longer this machine");
    }

    #[test]
    fn the_older_of_the_two_versions_is_spoken() {
        let spoken = |answered: &str| {
            let text = format!(r#"{{"ConnectionToken":"t","ConnectionId":"i","ProtocolVersion":"{answered}"}}"#);
            read(&text).map(|agreed| (agreed.protocol, agreed.start))
        };
        assert_eq!(spoken("1.2").expect("spoken"), ("1.2".to_owned(), false));
        assert_eq!(spoken("1.4").expect("spoken"), ("1.4".to_owned(), true));
        assert_eq!(spoken("1.5").expect("spoken"), ("1.5".to_owned(), true));
        assert_eq!(spoken("2.1").expect("spoken"), ("1.5".to_owned(), true), "more than was offered");
        for unknown in ["1.0", "1.1", "2.2", "2.10", "3.0", "", "new", "1"] {
            let error = spoken(unknown).expect_err("not spoken");
            assert!(error.is_lasting(), "{unknown}");
            assert!(error.to_string().contains("floor.example.com"), "{error}");
        }
    }

    #[test]
    fn a_field_of_another_type_costs_no_agreement() {
        let agreed = read(
            r#"{"ConnectionToken":"t","ConnectionId":7.0,"KeepAliveTimeout":"20","DisconnectTimeout":{},"TryWebSockets":"True",
                "ProtocolVersion":1.5,"TransportConnectTimeout":"NaN","LongPollDelay":[],"Error":null,"Url":1}"#,
        );
        let agreed = agreed.expect("an agreement");
        assert_eq!((&*agreed.id, agreed.keep_alive, agreed.web_sockets), ("7", Some(Duration::from_secs(20)), true));
        assert_eq!((agreed.disconnect, agreed.connect), (Duration::from_secs(30), Duration::from_secs(5)));
    }

    #[test]
    fn the_times_of_long_polling_are_understood() {
        let agreed =
            read(r#"{"ConnectionToken":"t","ConnectionId":"i","ConnectionTimeout":42.5,"LongPollDelay":0.25}"#);
        let agreed = agreed.expect("an agreement");
        assert_eq!((agreed.poll.as_millis(), agreed.poll_delay.as_millis()), (42_500, 250));
        let agreed = read(r#"{"ConnectionToken":"t","ConnectionId":"i","LongPollDelay":-3}"#).expect("an agreement");
        assert_eq!((agreed.poll.as_secs(), agreed.poll_delay.as_secs()), (110, 0));
    }
}
