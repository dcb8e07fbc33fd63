//! The URLs of commands.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use url::Url;

/// Everything but the unreserved characters of RFC 3986. Tokens contain `+`, `/`, `=`, `|` and `,`; the server would
/// read a raw `+` as a blank.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The URL of `command` below `base`, with `parameters` and then the query parameters from the settings.
pub fn command(base: &Url, command: &str, parameters: &[(&str, &str)], query: &[(String, String)]) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{command}", base.path().trim_end_matches('/')));
    let query = query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let parameters: Vec<_> = parameters.iter().copied().chain(query).collect();
    url.set_query(Some(&encode_query(&parameters)));
    url.set_fragment(None);
    url
}

/// The same URL with further parameters.
pub fn with_parameters(url: &Url, parameters: &[(&str, &str)]) -> Url {
    let mut url = url.clone();
    if !parameters.is_empty() {
        let more = encode_query(parameters);
        let query = url.query().map_or_else(|| more.clone(), |query| format!("{query}&{more}"));
        url.set_query(Some(&query));
    }
    url
}

/// Parameters as a query, or as the body of a form.
pub fn encode_query(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// The `connectionData` parameter: the hubs whose calls the server may send.
pub fn connection_data(hub: &str) -> String {
    json!([{ "name": hub }]).to_string()
}

/// The same URL with the scheme `ws` or `wss`.
pub fn websocket(mut url: Url) -> Url {
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    // Cannot fail: all four are "special" schemes of the URL standard.
    let _ = url.set_scheme(scheme);
    url
}

/// The host, for messages. Never show a whole URL: its query contains the connection token.
pub fn host(url: &Url) -> String {
    url.host_str().unwrap_or("(no host)").to_owned()
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_percent_encoded_and_decode_to_themselves() {
        let base: Url = "http://host/webapi/signalr/".parse().expect("a URL");
        let token = "a+b/c=d|e,f g&h#i";
        let url = command(&base, "connect", &[("connectionToken", token)], &[("site".into(), "1".into())]);
        assert_eq!(
            url.as_str(),
            "http://host/webapi/signalr/connect?connectionToken=a%2Bb%2Fc%3Dd%7Ce%2Cf%20g%26h%23i&site=1"
        );
        let back: Vec<_> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
        assert_eq!(back, [token, "1"]);
    }

    #[test]
    fn connection_data_is_a_percent_encoded_json_list() {
        let base: Url = "https://host/signalr".parse().expect("a URL");
        let url = command(&base, "negotiate", &[("connectionData", &connection_data("connect"))], &[]);
        assert_eq!(url.query(), Some("connectionData=%5B%7B%22name%22%3A%22connect%22%7D%5D"));
    }

    #[test]
    fn websocket_url_keeps_its_encryption() {
        let scheme = |text: &str| websocket(text.parse().expect("a URL")).scheme().to_owned();
        assert_eq!(scheme("https://host/x"), "wss");
        assert_eq!(scheme("http://host/x"), "ws");
    }
}
