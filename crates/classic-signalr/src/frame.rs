//! Frames from the server: one JSON object each, which the server's source calls a persistent response.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Error, HubCall, RepairJson};

/// A frame from the server.
///
/// [`Connection`](crate::Connection) reads frames itself. This type is for recorded ones.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Frame {
    /// `C`: the position in the stream after this frame, which becomes the next `messageId`. Only if the frame has a
    /// list of messages, which may be empty.
    pub cursor: Option<String>,
    /// `M`: the calls, in order.
    pub calls: Vec<HubCall>,
    /// How many messages in `M` are no calls.
    pub malformed_messages: usize,
    /// `S`: whether this is the init message, after which the client sends `start`.
    pub is_init: bool,
    /// `G`: the new groups token. An empty one replaces the old one too.
    pub groups_token: Option<String>,
    /// `T`: whether the server goes away or restarts, and asks the client to reconnect.
    pub should_reconnect: bool,
    /// `E` without `I`: whether the server ended the connection with an error.
    pub is_error: bool,
    /// `L`: how long to wait before the next poll if this one brought nothing.
    pub poll_delay: Option<Duration>,
}

/// A frame as it is written. `M` is the type of its messages.
#[derive(Deserialize)]
struct WireFrame<M> {
    #[serde(rename = "C", default)]
    cursor: Value,
    #[serde(rename = "M")]
    messages: Option<M>,
    #[serde(rename = "S", default)]
    init: Value,
    #[serde(rename = "G", default)]
    groups_token: Value,
    #[serde(rename = "T", default)]
    reconnect: Value,
    #[serde(rename = "I", default)]
    invocation: Value,
    #[serde(rename = "E", default)]
    error: Value,
    #[serde(rename = "L", default)]
    poll_delay: Value,
}

#[derive(Deserialize)]
struct WireCall {
    #[serde(rename = "H")]
    hub: String,
    #[serde(rename = "M")]
    method: String,
    #[serde(rename = "A", default)]
    args: Vec<Box<RawValue>>,
}

/// A call whose arguments are not a list, as some servers write a single one.
#[derive(Deserialize)]
struct WireCallWithOneArg {
    #[serde(rename = "H")]
    hub: String,
    #[serde(rename = "M")]
    method: String,
    #[serde(rename = "A")]
    arg: Option<Box<RawValue>>,
}

impl Frame {
    /// Parses a frame.
    ///
    /// # Errors
    /// [`Error::MalformedFrame`] when it is not one JSON object. The error does not quote it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse_with(bytes, None)
    }

    /// Parses a frame. If that fails, tries again with what `repair_json` makes of it.
    ///
    /// # Errors
    /// As [`Frame::parse`].
    pub fn parse_with(bytes: &[u8], repair_json: Option<RepairJson>) -> Result<Self, Error> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        // serde reads a list into a struct too, field by field.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(Error::MalformedFrame { line: 1, column: 1 });
        }
        let calls = |messages: &RawValue| calls(messages, repair_json);
        // The fast path is for a frame that has nothing but well-formed calls.
        serde_json::from_slice(bytes)
            .map(|frame| Self::from_wire(frame, |calls| Some((calls, 0))))
            .or_else(|_| serde_json::from_slice(bytes).map(|frame| Self::from_wire(frame, calls)))
            .or_else(|error| match repair_json.and_then(|repair| repair(bytes)) {
                Some(text) => serde_json::from_str(&text).map(|frame| Self::from_wire(frame, calls)),
                None => Err(error),
            })
            .map_err(|error| Error::MalformedFrame { line: error.line(), column: error.column() })
    }

    fn from_wire<M>(frame: WireFrame<M>, calls: impl Fn(M) -> Option<(Vec<WireCall>, usize)>) -> Self {
        let hub_call = |WireCall { hub, method, args }| HubCall { hub, method, args };
        let messages = frame.messages.and_then(calls);
        let milliseconds = frame.poll_delay.as_f64();
        Self {
            cursor: messages.as_ref().and_then(|_| text(&frame.cursor)),
            malformed_messages: messages.as_ref().map_or(0, |(_, malformed)| *malformed),
            calls: messages.into_iter().flat_map(|(calls, _)| calls).map(hub_call).collect(),
            is_init: is_set(&frame.init),
            groups_token: frame.groups_token.as_str().map(str::to_owned),
            should_reconnect: is_set(&frame.reconnect),
            is_error: !frame.error.is_null() && frame.invocation.is_null(),
            poll_delay: milliseconds.and_then(|milliseconds| Duration::try_from_secs_f64(milliseconds / 1000.0).ok()),
        }
    }
}

/// The calls in a list of messages, and how many messages are none. An empty object counts as neither: npm `signalrjs`
/// sends it as a heartbeat.
fn calls(messages: &RawValue, repair_json: Option<RepairJson>) -> Option<(Vec<WireCall>, usize)> {
    let messages: Vec<&RawValue> = serde_json::from_str(messages.get()).ok()?;
    let is_message = |message: &&RawValue| {
        let text: String = message.get().split_ascii_whitespace().collect();
        !matches!(&*text, "{}" | "[]" | "null")
    };
    let count = messages.iter().copied().filter(is_message).count();
    let calls: Vec<WireCall> = messages.into_iter().filter_map(|message| call(message.get(), repair_json)).collect();
    let malformed = count.saturating_sub(calls.len());
    Some((calls, malformed))
}

fn call(message: &str, repair_json: Option<RepairJson>) -> Option<WireCall> {
    let parse = |text: &str| {
        serde_json::from_str(text).ok().or_else(|| {
            let WireCallWithOneArg { hub, method, arg } = serde_json::from_str(text).ok()?;
            Some(WireCall { hub, method, args: arg.into_iter().collect() })
        })
    };
    parse(message).or_else(|| parse(&repair_json?(message.as_bytes())?))
}

/// npm `signalrjs` writes numbers for cursors.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// npm `signalrjs` writes `true` for 1.
fn is_set(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || value.as_i64() == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Frame {
        Frame::parse(text.as_bytes()).expect("a frame")
    }

    #[test]
    fn calls_are_in_order_and_cursor_is_kept() {
        let frame = parse(
            r#"{"C":"d-1A,0|C,1",
                "M":[{"H":"Connect","M":"onData","A":[{"id":1},2]},{"H":"Connect","M":"onAlert"}],"X":1}"#,
        );
        assert_eq!(frame.cursor.as_deref(), Some("d-1A,0|C,1"));
        let calls: Vec<_> = frame.calls.iter().map(|call| format!("{call:?}")).collect();
        assert_eq!(calls, ["Connect.onData(#2)", "Connect.onAlert(#0)"]);
        assert_eq!(frame.calls[0].args[0].get(), r#"{"id":1}"#);
    }

    #[test]
    fn keep_alive_changes_nothing() {
        let frame = parse("{}");
        assert!(
            frame.cursor.is_none()
                && frame.calls.is_empty()
                && !frame.is_init
                && !frame.should_reconnect
                && !frame.is_error
        );
        assert!(parse(r#"{"C":"x"}"#).cursor.is_none());
        assert_eq!(parse(r#"{"C":"x","M":[]}"#).cursor.as_deref(), Some("x"));
    }

    #[test]
    fn spellings_of_signalrjs_are_read() {
        let frame = parse(r#"{"C":1479,"S":true,"T":false,"M":[{}]}"#);
        assert_eq!(frame.cursor.as_deref(), Some("1479"));
        assert!(frame.is_init && !frame.should_reconnect && frame.calls.is_empty());
        assert!(parse(r#"{"C":"a","S":1,"M":[]}"#).is_init);
        assert!(parse(r#"{"T":1}"#).should_reconnect);
        assert!(parse(r#"{"T":true}"#).should_reconnect);
    }

    #[test]
    fn empty_groups_token_replaces_and_absent_one_does_not() {
        assert_eq!(parse(r#"{"G":""}"#).groups_token.as_deref(), Some(""));
        assert_eq!(parse(r#"{"G":null}"#).groups_token, None);
        assert_eq!(parse("{}").groups_token, None);
    }

    #[test]
    fn error_is_fatal_unless_it_answers_an_invocation() {
        assert!(parse(r#"{"E":"gone"}"#).is_error);
        assert!(!parse(r#"{"I":"0","E":"no"}"#).is_error);
    }

    #[test]
    fn error_does_not_quote_the_malformed_frame() {
        for bytes in [&b"{\"C\":\"secret"[..], b"{}{}", b"[]", b"null", b"\xff\xfe", b"", b"{\"G\":\"\\x\"}"] {
            let error = Frame::parse(bytes).expect_err("not a frame");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn malformed_message_does_not_affect_its_neighbors() {
        let frame = parse(r#"{"M":[7,"x",{"H":1,"M":2},{"H":"c","M":"m","A":[]}]}"#);
        assert_eq!((frame.calls.len(), frame.malformed_messages), (1, 3), "each of them is counted");
        assert_eq!(
            parse(r#"{"M":[{},{ },null,[],{"H":"c","M":"m"}]}"#).malformed_messages,
            0,
            "a heartbeat is not counted"
        );
    }

    #[test]
    fn hostile_frames_are_refused_or_partly_read() {
        let deep = format!(r#"{{"M":[{}{}]}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let refused: &[&[u8]] =
            &[br#"{"M":[{"H":"c","M":"m","A":[1]}]"#, b"\xef\xbb\xbf\xef\xbb\xbf{}", b"{} {}", b"data: {}", b"   "];
        for bytes in refused {
            assert!(Frame::parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
        // Either result will do, but no stack overflow.
        let _ = Frame::parse(deep.as_bytes());

        let read = [
            (r#"{"S":2,"T":"1","G":7,"C":{},"L":"soon","M":[]}"#, 0),
            (r#"{"M":null,"S":null,"I":null,"E":null}"#, 0),
            (r#"{"M":[null,[],{"H":"c"},{"H":null,"M":"m"},{"h":"c","m":"x"}]}"#, 0),
            (r#"{"M":[{"H":"c","M":"m","A":{"not":"a list"}},{"H":"c","M":"n","S":{"state":1}}]}"#, 2),
            (r#"{"M":{}}"#, 0),
            (r#"{"C":"a","M":"x"}"#, 0),
            ("\u{feff}{}", 0),
            (r#"{"L":-1,"M":[]}"#, 0),
            (r#"{"L":1e300,"M":[]}"#, 0),
        ];
        for (text, calls) in read {
            let frame = parse(text);
            assert_eq!(frame.calls.len(), calls, "{text}");
            assert!(!frame.is_init && !frame.should_reconnect && !frame.is_error && frame.cursor.is_none(), "{text}");
            assert!(frame.groups_token.is_none() && frame.poll_delay.is_none(), "{text}");
        }
        assert_eq!(parse(r#"{"L":250.5,"M":[]}"#).poll_delay, Some(Duration::from_micros(250_500)));
    }

    #[test]
    fn unreadable_json_is_passed_to_repair_json() {
        fn repair(bytes: &[u8]) -> Option<String> {
            let text = std::str::from_utf8(bytes).ok()?;
            Some(
                text.replace("\\ud83d", "\u{fffd}")
                    .replace("1e400", "null")
                    .replace(r#""M":"m","M":"m""#, r#""M":"m""#),
            )
        }
        for (text, args) in [
            (r#"{"C":"b","M":[{"H":"c","M":"m","M":"m","A":[1]},{"H":"c"}]}"#, "1"),
            (r#"{"C":"b","M":[{"H":"c","M":"m","X":"\ud83d","A":[1]}],"Y":1e400}"#, "1"),
            (r#"{"C":"b","L":1e400,"M":[{"H":"c","M":"m","A":["\ud83d",2]}]}"#, "\"\u{fffd}\"2"),
        ] {
            let frame = Frame::parse_with(text.as_bytes(), Some(repair)).expect("a frame");
            let [call] = &frame.calls[..] else { panic!("one call in {text}") };
            assert_eq!((frame.cursor.as_deref(), &*call.method), (Some("b"), "m"));
            assert_eq!(call.args.iter().map(|arg| arg.get()).collect::<String>(), args);
        }
        assert!(Frame::parse_with(b"{\"C\":", Some(repair)).is_err());
    }

    #[test]
    fn truncated_frame_is_malformed() {
        let whole =
            r#"{"C":"d-1A,0|C,1","G":"g+1/=","M":[{"H":"Connect","M":"onData","A":[{"id":41,"name":"Zoë €"}]}]}"#;
        assert_eq!(parse(whole).calls.len(), 1);
        for end in 0..whole.len() {
            assert!(Frame::parse(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_do_not_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = Frame::parse(&bytes);
        }

        #[test]
        fn any_frame_like_text_does_not_panic(
            text in r#"\{("[CMSGTIEL]":(1|true|null|"x"|-9e9|\[\{?"?[HMA:{}\[\],"]{0,9}\]),?){0,6}\}"#,
        ) {
            let _ = Frame::parse(text.as_bytes());
        }
    }
}
