//! Building addresses. Pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use url::Url;

/// Everything but the unreserved characters: tokens hold `+`, `/`, `=`, `|` and `,`, and a raw `+` would arrive as a
/// blank (`signalr.md` section 1).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address of `command` below `base`, with `parameters` and then the site's own query.
pub fn command(base: &Url, command: &str, parameters: &[(&str, &str)], site: &[(String, String)]) -> Url {
    let mut address = base.clone();
    address.set_path(&format!("{}/{command}", base.path().trim_end_matches('/')));
    let site = site.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let parameters: Vec<_> = parameters.iter().copied().chain(site).collect();
    address.set_query(Some(&query(&parameters)));
    address.set_fragment(None);
    address
}

/// The same address with further parameters.
pub fn with(address: &Url, parameters: &[(&str, &str)]) -> Url {
    let mut address = address.clone();
    if !parameters.is_empty() {
        let more = query(parameters);
        let whole = address.query().map_or_else(|| more.clone(), |query| format!("{query}&{more}"));
        address.set_query(Some(&whole));
    }
    address
}

/// Parameters as a query, or as the body of a form.
pub fn query(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// The `connectionData` parameter: the hubs that the server may push for.
pub fn connection_data(hub: &str) -> String {
    json!([{ "name": hub }]).to_string()
}

/// The same address with the scheme of a socket.
pub fn socket(mut address: Url) -> Url {
    let scheme = if address.scheme() == "https" { "wss" } else { "ws" };
    // Both are "special" schemes, between which the URL standard lets an address change.
    let _ = address.set_scheme(scheme);
    address
}

/// The host, for messages: never the whole address, whose query holds tokens.
pub fn host(address: &Url) -> String {
    address.host_str().unwrap_or("(no host)").to_owned()
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_encoded_completely_and_come_back_whole() {
        let base: Url = "http://host/webapi/signalr/".parse().expect("a URL");
        let token = "a+b/c=d|e,f g&h#i";
        let address = command(&base, "connect", &[("connectionToken", token)], &[("site".into(), "1".into())]);
        assert_eq!(
            address.as_str(),
            "http://host/webapi/signalr/connect?connectionToken=a%2Bb%2Fc%3Dd%7Ce%2Cf%20g%26h%23i&site=1"
        );
        let back: Vec<_> = address.query_pairs().map(|(_, value)| value.into_owned()).collect();
        assert_eq!(back, [token, "1"]);
    }

    #[test]
    fn connection_data_is_an_encoded_list_of_hubs() {
        let base: Url = "https://host/signalr".parse().expect("a URL");
        let address = command(&base, "negotiate", &[("connectionData", &connection_data("connect"))], &[]);
        assert_eq!(address.query(), Some("connectionData=%5B%7B%22name%22%3A%22connect%22%7D%5D"));
    }

    #[test]
    fn sockets_keep_their_encryption() {
        let scheme = |text: &str| socket(text.parse().expect("a URL")).scheme().to_owned();
        assert_eq!(scheme("https://host/x"), "wss");
        assert_eq!(scheme("http://host/x"), "ws");
    }
}
