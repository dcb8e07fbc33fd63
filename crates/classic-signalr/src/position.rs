//! Where we stand in the server's stream: what a resumed connection and every poll must tell (`signalr.md` section 5).

use url::Url;

use super::address;
use super::frame::Frame;

/// An address longer than this is refused by servers of the time: IIS takes 2,048 bytes of query.
const LONGEST_QUERY: usize = 1800;

/// Where the stream stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    cursor: Option<String>,
    groups: Option<String>,
}

impl Position {
    /// Keeps what a frame says about the stream.
    pub fn remember(&mut self, frame: &Frame) {
        if let Some(cursor) = &frame.cursor {
            self.cursor = Some(cursor.clone());
        }
        if let Some(groups) = &frame.groups {
            self.groups = Some(groups.clone());
        }
    }

    /// The address with the position in its query, which servers of every age read.
    pub fn in_query(&self, address: &Url) -> Url {
        address::with(address, &self.parameters())
    }

    /// The address and the form of a request that may carry one: the position goes where it fits.
    pub fn in_query_or_form(&self, address: &Url) -> (Url, String) {
        let whole = self.in_query(address);
        if whole.query().is_none_or(|query| query.len() <= LONGEST_QUERY) {
            return (whole, String::new());
        }
        (address.clone(), address::query(&self.parameters()))
    }

    fn parameters(&self) -> Vec<(&str, &str)> {
        let cursor = self.cursor.as_deref().map(|cursor| ("messageId", cursor));
        let groups = self.groups.as_deref().map(|groups| ("groupsToken", groups));
        cursor.into_iter().chain(groups).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(frames: &[&str]) -> Position {
        let mut position = Position::default();
        for frame in frames {
            position.remember(&Frame::parse(frame.as_bytes()).expect("a frame"));
        }
        position
    }

    #[test]
    fn the_latest_cursor_and_token_are_told_and_encoded_completely() {
        let at: Url = "http://host/signalr/poll?a=1".parse().expect("a URL");
        assert_eq!(after(&[]).in_query(&at), at);
        let position = after(&[r#"{"C":"d-1|A,2","M":[],"G":"g+1/="}"#, "{}", r#"{"C":"d-1|A,3","M":[]}"#]);
        let expected = "http://host/signalr/poll?a=1&messageId=d-1%7CA%2C3&groupsToken=g%2B1%2F%3D";
        assert_eq!(position.in_query(&at).as_str(), expected);
        assert_eq!(position.in_query_or_form(&at), (expected.parse().expect("a URL"), String::new()));
    }

    #[test]
    fn what_would_make_the_address_too_long_travels_in_the_form() {
        let at: Url = "http://host/signalr/poll?a=1".parse().expect("a URL");
        let long = format!(r#"{{"C":"x","M":[],"G":"{}"}}"#, "+".repeat(1000));
        let (address, form) = after(&[&long]).in_query_or_form(&at);
        assert_eq!(address, at);
        assert_eq!(form, format!("messageId=x&groupsToken={}", "%2B".repeat(1000)));
    }
}
