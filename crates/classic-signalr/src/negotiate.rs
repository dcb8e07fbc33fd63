//! The first question: who am I here, and how shall we talk (`signalr.md` section 3).

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use super::{Error, RepairJson, Settings, address};
use crate::http::{self, BodyError};

/// How often a server may send us elsewhere.
const REDIRECTS: usize = 5;

/// What was agreed.
pub struct Agreement {
    /// Where the other commands hang now.
    pub base: Url,
    /// The site's query from now on.
    pub query: Vec<(String, String)>,
    /// The bearer token that a redirect gave, which replaces our own.
    pub bearer: Option<Arc<SecretString>>,
    /// Goes into every address. Secret.
    pub token: SecretString,
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

/// The answer to `negotiate`. A field of another type counts as absent; numbers and booleans may be written as text.
struct Answer(Map<String, Value>);

impl Answer {
    fn parse(body: &[u8], repair_json: Option<RepairJson>) -> Option<Self> {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let object = serde_json::from_slice(body).ok();
        object.or_else(|| serde_json::from_str(&repair_json?(body)?).ok()).map(Self)
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => {
                let whole = number.as_i64().map(|number| number.to_string());
                // Without a fraction where there is none: 7.0 is 7.
                whole.or_else(|| number.as_f64().map(|number| number.to_string()))
            }
            _ => None,
        }
    }

    /// Times are seconds, fractions allowed; what is no sensible time counts as absent.
    fn seconds(&self, name: &str) -> Option<Duration> {
        let seconds = match self.0.get(name)? {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero())?;
        Some(time.min(Duration::from_secs(86_400)))
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => number.as_f64().map(|number| number != 0.0),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Negotiates, following redirects to allowed hosts.
pub async fn negotiate(
    client: &reqwest::Client,
    settings: &Settings,
    bearer: Option<Arc<SecretString>>,
) -> Result<Agreement, Error> {
    let mut base = settings.url.clone();
    let mut query = settings.query.clone();
    let mut given: Option<Arc<SecretString>> = None;
    for _ in 0..=REDIRECTS {
        let data = address::connection_data(&settings.hub);
        let parameters = [("clientProtocol", settings.client_protocol.as_str()), ("connectionData", &data)];
        let at = address::command(&base, "negotiate", &parameters, &query);
        let bearer = given.as_ref().or(bearer.as_ref());
        let body = ask(client.get(at), "negotiate", &base, bearer).await?;
        let answer = Answer::parse(&body, settings.repair_json)
            .ok_or_else(|| Error::NotSignalR { command: "negotiate", host: address::host(&base) })?;
        let Some(to) = answer.text("RedirectUrl") else {
            return agree(&answer, &settings.client_protocol, base, query, given);
        };
        let to = redirected(settings, &base, &to)?;
        if to.query().is_some() {
            query = to.query_pairs().into_owned().collect();
        }
        base = to;
        given = answer.text("AccessToken").map(|token| Arc::new(SecretString::from(token))).or(given);
    }
    Err(Error::TooManyRedirects)
}

/// Sends a request that is answered and over, and reads the answer.
pub async fn ask(
    request: reqwest::RequestBuilder,
    command: &'static str,
    base: &Url,
    bearer: Option<&Arc<SecretString>>,
) -> Result<Vec<u8>, Error> {
    let host = address::host(base);
    let request = match bearer {
        Some(bearer) => request.bearer_auth(bearer.expose_secret()),
        None => request,
    };
    let answer = request.send().await.map_err(|error| Error::Unreachable {
        command,
        host: host.clone(),
        source: Box::new(error.without_url()),
    })?;
    if !answer.status().is_success() {
        return Err(Error::HttpStatus { command, host, status: answer.status().as_u16() });
    }
    http::read_command(answer).await.map_err(|error| match error {
        BodyError::TooLarge { limit } => Error::FrameTooLarge { limit },
        BodyError::Page => Error::NotSignalR { command, host },
        other => Error::Unreachable { command, host, source: Box::new(other) },
    })
}

fn agree(
    answer: &Answer,
    offered: &str,
    base: Url,
    query: Vec<(String, String)>,
    bearer: Option<Arc<SecretString>>,
) -> Result<Agreement, Error> {
    let host = address::host(&base);
    if answer.0.get("availableTransports").is_some_and(|transports| !transports.is_null()) {
        return Err(Error::AspNetCore { host });
    }
    if let Some(text) = answer.text("Error") {
        let text = text.chars().filter(|letter| !letter.is_control()).take(200).collect();
        return Err(Error::Negotiation { host, text });
    }
    let (Some(token), Some(id)) = (answer.text("ConnectionToken"), answer.text("ConnectionId")) else {
        return Err(Error::NotSignalR { command: "negotiate", host });
    };
    // Without a version the server is older than the field.
    let named = answer.text("ProtocolVersion").unwrap_or_else(|| "1.2".to_owned());
    let spoken = version(&named).filter(|version| SPOKEN.contains(version));
    let Some(spoken) = spoken else {
        let version = named.chars().filter(|letter| !letter.is_control()).take(20).collect();
        return Err(Error::UnsupportedVersion { host, version });
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
        keep_alive: answer.seconds("KeepAliveTimeout"),
        disconnect: answer.seconds("DisconnectTimeout").unwrap_or(Duration::from_secs(30)),
        connect: answer.seconds("TransportConnectTimeout").unwrap_or(Duration::from_secs(5)),
        web_sockets: answer.flag("TryWebSockets").unwrap_or(false),
        protocol,
        start: spoken >= (1, 4),
        poll: answer.seconds("ConnectionTimeout").unwrap_or(Duration::from_secs(110)),
        poll_delay: answer.seconds("LongPollDelay").unwrap_or_default(),
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

/// Our token must not go to a host that nobody allowed, nor leave encryption.
fn redirected(settings: &Settings, base: &Url, to: &str) -> Result<Url, Error> {
    let to = base.join(to).map_err(|_| Error::RedirectNotAllowed { host: "an address that is none".to_owned() })?;
    let host = address::host(&to);
    let allowed = settings.url.host_str().into_iter().chain(settings.redirect_hosts.iter().map(String::as_str));
    let is_allowed = allowed.into_iter().any(|allowed| http::is_same_host(allowed, &host));
    // Unencrypted only within this very machine.
    let is_safe = to.scheme() == "https" || (to.scheme() == "http" && http::is_loopback(&to));
    if is_allowed && is_safe { Ok(to) } else { Err(Error::RedirectNotAllowed { host }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEFAULT_CLIENT_PROTOCOL;

    fn base() -> Url {
        "https://floor.example.com/webapi/signalr".parse().expect("a URL")
    }

    fn read(text: &str) -> Result<Agreement, Error> {
        agree(&Answer::parse(text.as_bytes(), None).expect("JSON"), DEFAULT_CLIENT_PROTOCOL, base(), Vec::new(), None)
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
        assert!(matches!(error, Error::AspNetCore { .. }) && error.is_permanent());
    }

    #[test]
    fn redirects_stay_encrypted_and_among_friends() {
        let mut settings = Settings::new(base(), "connect");
        settings.redirect_hosts = vec!["Other.example.com".into()];
        let allowed = |to: &str| redirected(&settings, &settings.url, to).is_ok();
        assert!(allowed("https://other.example.com/signalr?x=1"));
        assert!(allowed("/elsewhere/signalr"));
        assert!(!allowed("http://other.example.com/signalr"));
        assert!(!allowed("https://evil.example.net/signalr"));
        assert!(!allowed("https://other.example.com.evil.example.net/signalr"));
        assert!(!allowed("ftp://other.example.com/signalr"));
        let local = Settings { url: "http://127.0.0.1:9/signalr".parse().expect("a URL"), ..settings };
        assert!(redirected(&local, &local.url, "http://127.0.0.1:10/signalr").is_ok());
        assert!(redirected(&local, &local.url, "http://other.example.com/signalr").is_err(), "no longer this machine");
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
            assert!(error.is_permanent(), "{unknown}");
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
