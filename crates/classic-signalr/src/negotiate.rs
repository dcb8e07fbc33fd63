//! `negotiate`, and sending the commands that are answered at once.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use super::{Error, RepairJson, Settings, endpoint};
use crate::http::{self, BodyError};

/// How many redirects to follow. Microsoft's client follows 100.
const MAX_REDIRECTS: usize = 5;

/// The protocol versions that this client speaks, as major and minor.
const SUPPORTED: RangeInclusive<(u32, u32)> = (1, 2)..=(2, 1);

/// The first version in which the client sends `start`.
const START_SINCE: (u32, u32) = (1, 4);

/// What was negotiated.
pub struct Negotiated {
    /// The URL of the endpoint, after redirects.
    pub url: Url,
    /// The query parameters of the settings, or those of the last redirect.
    pub query: Vec<(String, String)>,
    /// The bearer token from a redirect, which replaces that of the credentials.
    pub redirect_token: Option<Arc<SecretString>>,
    /// Part of every URL. Secret.
    pub connection_token: SecretString,
    /// What an application calls this connection.
    pub connection_id: String,
    /// How long silence may last. `None`: the server sends no keep-alives.
    pub keep_alive: Option<Duration>,
    /// How long the server remembers a connection without a transport.
    pub disconnect: Duration,
    /// How long opening a transport may take.
    pub transport_connect: Duration,
    /// Whether the server accepts WebSockets.
    pub has_web_sockets: bool,
    /// The protocol version that both sides speak.
    pub protocol: String,
    /// Whether the server expects `start`.
    pub has_start: bool,
    /// How long the server holds a poll.
    pub poll_timeout: Duration,
    /// How long to wait between polls, unless a frame says otherwise.
    pub poll_delay: Duration,
}

/// The answer to `negotiate`. Other implementations of the server write numbers and booleans as text. A field of
/// another type counts as absent.
struct Answer(Map<String, Value>);

impl Answer {
    fn parse(body: &[u8], repair_json: Option<RepairJson>) -> Option<Self> {
        let object = serde_json::from_slice(body).ok();
        object.or_else(|| serde_json::from_str(&repair_json?(body)?).ok()).map(Self)
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => {
                let whole = number.as_i64().map(|number| number.to_string());
                // Writes 7.0 as 7.
                whole.or_else(|| number.as_f64().map(|number| number.to_string()))
            }
            _ => None,
        }
    }

    /// Times are seconds, with fractions. Zero, negative and impossible times count as absent.
    fn seconds(&self, name: &str) -> Option<Duration> {
        let seconds = match self.0.get(name)? {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero())?;
        Some(time.min(Duration::from_secs(86_400)))
    }

    fn boolean(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Bool(value) => Some(*value),
            Value::Number(number) => number.as_f64().map(|number| number != 0.0),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The field of that name for a message: without control characters, and not longer than this.
    fn message(&self, name: &str, length: usize) -> Option<String> {
        Some(self.text(name)?.chars().filter(|letter| !letter.is_control()).take(length).collect())
    }
}

/// Negotiates, following redirects to allowed hosts.
pub async fn negotiate(
    client: &Client,
    settings: &Settings,
    token: Option<Arc<SecretString>>,
) -> Result<Negotiated, Error> {
    let mut url = settings.url.clone();
    let mut query = settings.query.clone();
    let mut redirect_token: Option<Arc<SecretString>> = None;
    for _ in 0..=MAX_REDIRECTS {
        let data = endpoint::connection_data(&settings.hub);
        let parameters = [("clientProtocol", settings.client_protocol.as_str()), ("connectionData", &data)];
        let command = endpoint::command(&url, "negotiate", &parameters, &query);
        let token = redirect_token.as_ref().or(token.as_ref());
        let body = send_command(client, command, "negotiate", token).await?;
        let answer = Answer::parse(&body, settings.repair_json)
            .ok_or_else(|| Error::NotSignalR { command: "negotiate", host: endpoint::host(&url) })?;
        let Some(location) = answer.text("RedirectUrl") else {
            return accept(&answer, &settings.client_protocol, url, query, redirect_token);
        };
        let location = allowed_redirect(settings, &url, &location)?;
        if location.query().is_some() {
            query = location.query_pairs().into_owned().collect();
        }
        url = location;
        redirect_token = answer.text("AccessToken").map(|token| Arc::new(token.into())).or(redirect_token);
    }
    Err(Error::TooManyRedirects)
}

/// Sends a command and reads the answer. `abort` is a POST, the others are a GET.
pub async fn send_command(
    client: &Client,
    url: Url,
    command: &'static str,
    token: Option<&Arc<SecretString>>,
) -> Result<Vec<u8>, Error> {
    let host = endpoint::host(&url);
    let mut request = if command == "abort" { client.post(url).body("") } else { client.get(url) };
    if let Some(token) = token {
        request = request.bearer_auth(token.expose_secret());
    }
    let answer = http::send(request, command, &host).await?;
    http::read_command(answer).await.map_err(|error| match error {
        BodyError::TooLarge { limit } => Error::FrameTooLarge { limit },
        BodyError::Page => Error::NotSignalR { command, host },
        other => Error::Unreachable { command, host, source: Box::new(other) },
    })
}

fn accept(
    answer: &Answer,
    offered: &str,
    url: Url,
    query: Vec<(String, String)>,
    redirect_token: Option<Arc<SecretString>>,
) -> Result<Negotiated, Error> {
    let host = endpoint::host(&url);
    if answer.0.get("availableTransports").is_some_and(|transports| !transports.is_null()) {
        return Err(Error::AspNetCore { host });
    }
    if let Some(text) = answer.message("Error", 200) {
        return Err(Error::Negotiation { host, text });
    }
    let (Some(connection_token), Some(connection_id)) = (answer.text("ConnectionToken"), answer.text("ConnectionId"))
    else {
        return Err(Error::NotSignalR { command: "negotiate", host });
    };
    // A server without this field is older than the field.
    let answered = answer.text("ProtocolVersion").unwrap_or_else(|| "1.2".to_owned());
    let Some(supported) = version(&answered).filter(|version| SUPPORTED.contains(version)) else {
        let version = answer.message("ProtocolVersion", 20).unwrap_or_default();
        return Err(Error::UnsupportedVersion { host, version });
    };
    // A server should not answer with a later version than it was offered. If it does, the offered one is spoken.
    let (spoken, protocol) = match version(offered) {
        Some(limit) if limit < supported => (limit, offered.to_owned()),
        _ => (supported, answered),
    };
    Ok(Negotiated {
        url,
        query,
        redirect_token,
        connection_token: connection_token.into(),
        connection_id,
        keep_alive: answer.seconds("KeepAliveTimeout"),
        disconnect: answer.seconds("DisconnectTimeout").unwrap_or(Duration::from_secs(30)),
        transport_connect: answer.seconds("TransportConnectTimeout").unwrap_or(Duration::from_secs(5)),
        has_web_sockets: answer.boolean("TryWebSockets").unwrap_or(false),
        protocol,
        has_start: spoken >= START_SINCE,
        poll_timeout: answer.seconds("ConnectionTimeout").unwrap_or(Duration::from_secs(110)),
        poll_delay: answer.seconds("LongPollDelay").unwrap_or_default(),
    })
}

/// Major and minor, because 1.10 is later than 1.5.
fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let minor = minor.split_once('.').map_or(minor, |(minor, _)| minor);
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The bearer token goes only to allowed hosts, and without encryption only to this machine.
fn allowed_redirect(settings: &Settings, url: &Url, location: &str) -> Result<Url, Error> {
    let location =
        url.join(location).map_err(|_| Error::RedirectNotAllowed { host: "an address that is none".to_owned() })?;
    let host = endpoint::host(&location);
    let mut allowed = settings.url.host_str().into_iter().chain(settings.redirect_hosts.iter().map(String::as_str));
    let is_allowed = allowed.any(|allowed| http::is_same_host(allowed, &host));
    let is_secure = location.scheme() == "https" || (location.scheme() == "http" && http::is_loopback(&location));
    if is_allowed && is_secure { Ok(location) } else { Err(Error::RedirectNotAllowed { host }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEFAULT_CLIENT_PROTOCOL;

    fn url() -> Url {
        "https://floor.example.com/webapi/signalr".parse().expect("a URL")
    }

    fn read(text: &str) -> Result<Negotiated, Error> {
        accept(&Answer::parse(text.as_bytes(), None).expect("JSON"), DEFAULT_CLIENT_PROTOCOL, url(), Vec::new(), None)
    }

    #[test]
    fn answer_with_all_fields_is_read() {
        let negotiated = read(
            r#"{"Url":"/signalr","ConnectionToken":"a+b/c==","ConnectionId":"88cf","KeepAliveTimeout":0.5,
                "DisconnectTimeout":30.0,"TryWebSockets":true,"ProtocolVersion":"1.5","TransportConnectTimeout":5.0}"#,
        )
        .expect("an answer");
        assert_eq!(negotiated.keep_alive, Some(Duration::from_millis(500)));
        assert!(negotiated.has_web_sockets && negotiated.has_start);
        assert_eq!(negotiated.connection_id, "88cf");
    }

    #[test]
    fn missing_keep_alive_and_old_protocol_are_read() {
        let negotiated = read(
            r#"{"ConnectionToken":"t","ConnectionId":"i","KeepAliveTimeout":null,"DisconnectTimeout":-1,
                "ProtocolVersion":"1.3"}"#,
        )
        .expect("an answer");
        assert_eq!((negotiated.keep_alive, negotiated.has_start, negotiated.has_web_sockets), (None, false, false));
        assert_eq!(negotiated.disconnect, Duration::from_secs(30));
    }

    #[test]
    fn aspnet_core_answer_is_a_permanent_error() {
        let error = read(r#"{"connectionId":"x","availableTransports":[]}"#).err().expect("an error");
        assert!(matches!(error, Error::AspNetCore { .. }) && error.is_permanent());
    }

    #[test]
    fn redirect_to_other_host_or_plain_http_is_refused() {
        let mut settings = Settings::new(url(), "connect");
        settings.redirect_hosts = vec!["Other.example.com".into()];
        let allowed = |to: &str| allowed_redirect(&settings, &settings.url, to).is_ok();
        assert!(allowed("https://other.example.com/signalr?x=1"));
        assert!(allowed("/elsewhere/signalr"));
        assert!(!allowed("http://other.example.com/signalr"));
        assert!(!allowed("https://evil.example.net/signalr"));
        assert!(!allowed("https://other.example.com.evil.example.net/signalr"));
        assert!(!allowed("ftp://other.example.com/signalr"));
        let local = Settings { url: "http://127.0.0.1:9/signalr".parse().expect("a URL"), ..settings };
        assert!(allowed_redirect(&local, &local.url, "http://127.0.0.1:10/signalr").is_ok());
        assert!(
            allowed_redirect(&local, &local.url, "http://other.example.com/signalr").is_err(),
            "the other host is not this machine"
        );
    }

    #[test]
    fn older_of_both_protocol_versions_is_spoken() {
        let spoken = |answered: &str| {
            let text = format!(r#"{{"ConnectionToken":"t","ConnectionId":"i","ProtocolVersion":"{answered}"}}"#);
            read(&text).map(|negotiated| (negotiated.protocol, negotiated.has_start))
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
    fn field_of_another_type_counts_as_absent() {
        let negotiated = read(
            r#"{"ConnectionToken":"t","ConnectionId":7.0,"KeepAliveTimeout":"20","DisconnectTimeout":{},
                "TryWebSockets":"True",
                "ProtocolVersion":1.5,"TransportConnectTimeout":"NaN","LongPollDelay":[],"Error":null,"Url":1}"#,
        );
        let negotiated = negotiated.expect("an answer");
        assert_eq!(
            (&*negotiated.connection_id, negotiated.keep_alive, negotiated.has_web_sockets),
            ("7", Some(Duration::from_secs(20)), true)
        );
        assert_eq!(
            (negotiated.disconnect, negotiated.transport_connect),
            (Duration::from_secs(30), Duration::from_secs(5))
        );
    }

    #[test]
    fn long_polling_times_are_read() {
        let negotiated =
            read(r#"{"ConnectionToken":"t","ConnectionId":"i","ConnectionTimeout":42.5,"LongPollDelay":0.25}"#);
        let negotiated = negotiated.expect("an answer");
        assert_eq!((negotiated.poll_timeout.as_millis(), negotiated.poll_delay.as_millis()), (42_500, 250));
        let negotiated = read(r#"{"ConnectionToken":"t","ConnectionId":"i","LongPollDelay":-3}"#).expect("an answer");
        assert_eq!((negotiated.poll_timeout.as_secs(), negotiated.poll_delay.as_secs()), (110, 0));
    }
}
