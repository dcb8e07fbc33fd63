//! Where to resume the server's stream of messages.

use url::Url;

use super::endpoint;
use super::frame::Frame;

/// The longest query to send, in bytes. IIS refuses more than 2,048 by default.
const MAX_QUERY: usize = 1800;

/// What `reconnect` and each `poll` tell the server: the cursor, and the groups that it has put the connection into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    cursor: Option<String>,
    groups_token: Option<String>,
}

impl Position {
    /// Takes over what a frame says. A frame without a cursor or a groups token leaves the earlier one valid.
    pub fn update(&mut self, frame: &Frame) {
        if let Some(cursor) = &frame.cursor {
            self.cursor = Some(cursor.clone());
        }
        if let Some(groups_token) = &frame.groups_token {
            self.groups_token = Some(groups_token.clone());
        }
    }

    /// The URL with the position in its query, where every version of the server reads it.
    pub fn in_query(&self, url: &Url) -> Url {
        endpoint::with_parameters(url, &self.parameters())
    }

    /// The URL and the form of a POST, with the position in the query, or in the form if the query would be too long.
    pub fn in_query_or_form(&self, url: &Url) -> (Url, String) {
        let whole = self.in_query(url);
        if whole.query().is_none_or(|query| query.len() <= MAX_QUERY) {
            return (whole, String::new());
        }
        (url.clone(), endpoint::encode_query(&self.parameters()))
    }

    fn parameters(&self) -> Vec<(&str, &str)> {
        let cursor = self.cursor.as_deref().map(|cursor| ("messageId", cursor));
        let groups = self.groups_token.as_deref().map(|token| ("groupsToken", token));
        cursor.into_iter().chain(groups).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(frames: &[&str]) -> Position {
        let mut position = Position::default();
        for frame in frames {
            position.update(&Frame::parse(frame.as_bytes()).expect("a frame"));
        }
        position
    }

    #[test]
    fn latest_cursor_and_groups_token_are_percent_encoded() {
        let url: Url = "http://host/signalr/poll?a=1".parse().expect("a URL");
        assert_eq!(after(&[]).in_query(&url), url);
        let position = after(&[r#"{"C":"d-1|A,2","M":[],"G":"g+1/="}"#, "{}", r#"{"C":"d-1|A,3","M":[]}"#]);
        let expected = "http://host/signalr/poll?a=1&messageId=d-1%7CA%2C3&groupsToken=g%2B1%2F%3D";
        assert_eq!(position.in_query(&url).as_str(), expected);
        assert_eq!(position.in_query_or_form(&url), (expected.parse().expect("a URL"), String::new()));
    }

    #[test]
    fn position_too_long_for_the_query_goes_into_the_form() {
        let url: Url = "http://host/signalr/poll?a=1".parse().expect("a URL");
        let long = format!(r#"{{"C":"x","M":[],"G":"{}"}}"#, "+".repeat(1000));
        let (poll_url, form) = after(&[&long]).in_query_or_form(&url);
        assert_eq!(poll_url, url);
        assert_eq!(form, format!("messageId=x&groupsToken={}", "%2B".repeat(1000)));
    }
}
