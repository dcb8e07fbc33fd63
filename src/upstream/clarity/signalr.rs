//! The SignalR connection over which Clarity pushes.

use std::sync::Arc;

use classic_signalr::{Connection, Credentials, Transport};

use super::Clarity;
use base::{http, json};

impl Clarity {
    /// The settings for [`signalr::Connection::new`]. The hub is not documented, so all of it can be configured
    /// (apis.md B110).
    #[must_use]
    pub fn signalr_settings(&self) -> classic_signalr::Settings {
        let settings = self.settings();
        let mut base = settings.api_root.clone();
        base.set_path(&settings.signalr_path);
        base.set_query(None);
        let mut signalr = classic_signalr::Settings::new(base, settings.hub.clone());
        signalr.transports = settings.transports.iter().filter_map(|name| Transport::from_name(name)).collect();
        signalr.redirect_hosts = settings.token_hosts.clone();
        signalr.cookies = Arc::clone(self.cookies()) as _;
        signalr.repair_json = Some(json::repair);
        signalr
    }

    /// The credentials for [`signalr::Connection::new`]: the same tokens as for REST calls.
    #[must_use]
    pub fn signalr_credentials(&self) -> Arc<dyn Credentials> {
        Arc::clone(self.tokens()) as Arc<dyn Credentials>
    }

    /// Begins to open a connection for pushes.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn open_connection(&self) -> Result<Connection, reqwest::Error> {
        Connection::start_with(self.signalr_settings(), self.signalr_credentials(), http::builder)
    }
}

#[cfg(test)]
mod tests {
    use classic_signalr::Frame;

    use super::*;

    #[test]
    fn invalid_utf8_costs_no_call_and_no_cursor() {
        for (bytes, cursor, args) in [
            (&br#"{"C":"a","C":"b","M":[{"H":"c","M":"m","A":[1]}]}"#[..], "b", "1"),
            (br#"{"C":"b","M":[{"H":"c","M":"m","M":"m","A":[1]},{"H":"c"}]}"#, "b", "1"),
            (br#"{"C":"b","M":[{"H":"c","M":"m","X":"\ud83d","A":[1]}],"Y":1e400}"#, "b", "1"),
            (br#"{"C":"b","L":1e400,"M":[{"H":"c","M":"m","A":["\udead",2]}]}"#, "b", "\"\u{fffd}\"2"),
            (br#"{"C":"b\ud83d","M":[{"H":"c","M":"m","A":{"type":"agent"}}]}"#, "b\u{fffd}", r#"{"type":"agent"}"#),
            (b"{\"C\":\"b\xed\xa0\x80\",\"M\":[{\"H\":\"c\",\"M\":\"m\",\"A\":[]}]}", "b\u{fffd}\u{fffd}\u{fffd}", ""),
            (b"{\"C\":\"b\x01\",\"M\":[{\"H\":\"c\",\"M\":\"m\"}]}", "b\u{1}", ""),
        ] {
            let frame = Frame::parse_with(bytes, Some(json::repair)).expect("a frame");
            let [call] = &frame.calls[..] else { panic!("one call in {}", String::from_utf8_lossy(bytes)) };
            assert_eq!((frame.cursor.as_deref(), &*call.method), (Some(cursor), "m"));
            assert_eq!(call.args.iter().map(|arg| arg.get()).collect::<String>(), args);
        }
    }
}
