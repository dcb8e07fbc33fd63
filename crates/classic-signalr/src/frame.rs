//! Frames from the server (`signalr.md` section 5). Pure.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Error, HubCall, RepairJson};

/// One frame, understood.
#[derive(Debug, Default)]
pub struct Frame {
    /// Where the stream stands: the next `messageId`. Only present when the frame has messages, be the list empty.
    pub cursor: Option<String>,
    /// The calls, in order.
    pub calls: Vec<HubCall>,
    /// How many messages are no calls.
    pub unread: usize,
    /// Whether this is the init message.
    pub init: bool,
    /// The new groups token; an empty text replaces the old one too.
    pub groups: Option<String>,
    /// Whether the server goes away and wants us to come back.
    pub leaving: bool,
    /// Whether the server ended the connection with an error.
    pub fatal: bool,
    /// How long the server wants us to wait before the next poll, if nothing came.
    pub delay: Option<Duration>,
}

#[derive(Deserialize)]
struct Wire<M> {
    #[serde(rename = "C", default)]
    cursor: Value,
    #[serde(rename = "M")]
    messages: Option<M>,
    #[serde(rename = "S", default)]
    init: Value,
    #[serde(rename = "G", default)]
    groups: Value,
    #[serde(rename = "T", default)]
    leaving: Value,
    #[serde(rename = "I", default)]
    answer: Value,
    #[serde(rename = "E", default)]
    error: Value,
    #[serde(rename = "L", default)]
    delay: Value,
}

#[derive(Deserialize)]
struct Call {
    #[serde(rename = "H")]
    hub: String,
    #[serde(rename = "M")]
    method: String,
    #[serde(rename = "A", default)]
    args: Vec<Box<RawValue>>,
}

/// A call whose arguments are no list.
#[derive(Deserialize)]
struct OddCall {
    #[serde(rename = "H")]
    hub: String,
    #[serde(rename = "M")]
    method: String,
    #[serde(rename = "A")]
    arg: Option<Box<RawValue>>,
}

impl Frame {
    /// Reads one frame.
    ///
    /// # Errors
    /// [`Error::MalformedFrame`] when it is not one JSON object. What it said is not repeated.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse_with(bytes, None)
    }

    /// The same; what is no JSON is repaired before it is given up.
    ///
    /// # Errors
    /// See [`Frame::parse`].
    pub fn parse_with(bytes: &[u8], repair_json: Option<RepairJson>) -> Result<Self, Error> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        // A list would otherwise pass for a struct whose fields come in order.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(Error::MalformedFrame { line: 1, column: 1 });
        }
        let calls = |messages: &RawValue| calls(messages, repair_json);
        // At once, if it holds nothing but calls.
        serde_json::from_slice(bytes)
            .map(|wire| Self::of(wire, |calls| Some((calls, 0))))
            .or_else(|_| serde_json::from_slice(bytes).map(|wire| Self::of(wire, calls)))
            .or_else(|error| match repair_json.and_then(|repair| repair(bytes)) {
                Some(text) => serde_json::from_str(&text).map(|wire| Self::of(wire, calls)),
                None => Err(error),
            })
            .map_err(|error| Error::MalformedFrame { line: error.line(), column: error.column() })
    }

    fn of<M>(wire: Wire<M>, calls: impl Fn(M) -> Option<(Vec<Call>, usize)>) -> Self {
        let hub_call = |Call { hub, method, args }| HubCall { hub, method, args };
        let messages = wire.messages.and_then(calls);
        Self {
            cursor: messages.as_ref().and_then(|_| text(&wire.cursor)),
            unread: messages.as_ref().map_or(0, |(_, unread)| *unread),
            calls: messages.into_iter().flat_map(|(calls, _)| calls).map(hub_call).collect(),
            init: is_set(&wire.init),
            groups: wire.groups.as_str().map(str::to_owned),
            leaving: is_set(&wire.leaving),
            fatal: !wire.error.is_null() && wire.answer.is_null(),
            delay: wire.delay.as_f64().and_then(|milliseconds| Duration::try_from_secs_f64(milliseconds / 1000.0).ok()),
        }
    }
}

/// The calls in a list, and how many of its items are none. The empty object that some servers send as a heartbeat is no
/// message at all.
fn calls(messages: &RawValue, repair_json: Option<RepairJson>) -> Option<(Vec<Call>, usize)> {
    let messages: Vec<&RawValue> = serde_json::from_str(messages.get()).ok()?;
    let is_something = |message: &&RawValue| {
        let text: String = message.get().split_ascii_whitespace().collect();
        !matches!(&*text, "{}" | "[]" | "null")
    };
    let all = messages.iter().copied().filter(is_something).count();
    let calls: Vec<Call> = messages.into_iter().filter_map(|message| call(message.get(), repair_json)).collect();
    let unread = all.saturating_sub(calls.len());
    Some((calls, unread))
}

fn call(message: &str, repair_json: Option<RepairJson>) -> Option<Call> {
    let read = |text: &str| {
        serde_json::from_str(text).ok().or_else(|| {
            let OddCall { hub, method, arg } = serde_json::from_str(text).ok()?;
            Some(Call { hub, method, args: arg.into_iter().collect() })
        })
    };
    read(message).or_else(|| read(&repair_json?(message.as_bytes())?))
}

/// Servers made by others write numbers for cursors.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Servers made by others write `true` for 1.
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
    fn calls_come_in_order_with_their_cursor() {
        let frame = parse(
            r#"{"C":"d-1A,0|C,1","M":[{"H":"Connect","M":"onData","A":[{"id":1},2]},{"H":"Connect","M":"onAlert"}],"X":1}"#,
        );
        assert_eq!(frame.cursor.as_deref(), Some("d-1A,0|C,1"));
        let calls: Vec<_> = frame.calls.iter().map(|call| format!("{call:?}")).collect();
        assert_eq!(calls, ["Connect.onData(#2)", "Connect.onAlert(#0)"]);
        assert_eq!(frame.calls[0].args[0].get(), r#"{"id":1}"#);
    }

    #[test]
    fn a_keep_alive_says_nothing_and_moves_no_cursor() {
        let frame = parse("{}");
        assert!(frame.cursor.is_none() && frame.calls.is_empty() && !frame.init && !frame.leaving && !frame.fatal);
        assert!(parse(r#"{"C":"x"}"#).cursor.is_none());
        assert_eq!(parse(r#"{"C":"x","M":[]}"#).cursor.as_deref(), Some("x"));
    }

    #[test]
    fn the_spellings_of_servers_made_by_others_are_understood() {
        let frame = parse(r#"{"C":1479,"S":true,"T":false,"M":[{}]}"#);
        assert_eq!(frame.cursor.as_deref(), Some("1479"));
        assert!(frame.init && !frame.leaving && frame.calls.is_empty());
        assert!(parse(r#"{"C":"a","S":1,"M":[]}"#).init);
        assert!(parse(r#"{"T":1}"#).leaving);
        assert!(parse(r#"{"T":true}"#).leaving);
    }

    #[test]
    fn an_empty_groups_token_replaces_and_an_absent_one_does_not() {
        assert_eq!(parse(r#"{"G":""}"#).groups.as_deref(), Some(""));
        assert_eq!(parse(r#"{"G":null}"#).groups, None);
        assert_eq!(parse("{}").groups, None);
    }

    #[test]
    fn an_error_is_fatal_unless_it_answers_a_call() {
        assert!(parse(r#"{"E":"gone"}"#).fatal);
        assert!(!parse(r#"{"I":"0","E":"no"}"#).fatal);
    }

    #[test]
    fn what_is_not_one_object_is_malformed_and_is_not_repeated() {
        for bytes in [&b"{\"C\":\"secret"[..], b"{}{}", b"[]", b"null", b"\xff\xfe", b"", b"{\"G\":\"\\x\"}"] {
            let error = Frame::parse(bytes).expect_err("not a frame");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn one_strange_message_does_not_spoil_its_neighbours() {
        let frame = parse(r#"{"M":[7,"x",{"H":1,"M":2},{"H":"c","M":"m","A":[]}]}"#);
        assert_eq!((frame.calls.len(), frame.unread), (1, 3), "each of them is told");
        assert_eq!(parse(r#"{"M":[{},{ },null,[],{"H":"c","M":"m"}]}"#).unread, 0, "a heartbeat is nothing");
    }

    /// U9: what a broken or hostile server may send, and what becomes of it.
    #[test]
    fn hostile_frames_are_refused_or_read_for_what_they_hold() {
        let deep = format!(r#"{{"M":[{}{}]}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let refused: &[&[u8]] =
            &[br#"{"M":[{"H":"c","M":"m","A":[1]}]"#, b"\xef\xbb\xbf\xef\xbb\xbf{}", b"{} {}", b"data: {}", b"   "];
        for bytes in refused {
            assert!(Frame::parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
        // Nothing follows nested brackets into the ground: either answer will do, a panic will not.
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
            assert!(!frame.init && !frame.leaving && !frame.fatal && frame.cursor.is_none(), "{text}");
            assert!(frame.groups.is_none() && frame.delay.is_none(), "{text}");
        }
        assert_eq!(parse(r#"{"L":250.5,"M":[]}"#).delay, Some(Duration::from_micros(250_500)));
    }

    #[test]
    fn json_that_cannot_be_read_is_repaired_by_the_callers_function() {
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

    /// U9: a frame that breaks off anywhere is no frame.
    #[test]
    fn a_frame_cut_at_any_byte_is_malformed() {
        let whole =
            r#"{"C":"d-1A,0|C,1","G":"g+1/=","M":[{"H":"Connect","M":"onData","A":[{"id":41,"name":"Zoë €"}]}]}"#;
        assert_eq!(parse(whole).calls.len(), 1);
        for end in 0..whole.len() {
            assert!(Frame::parse(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = Frame::parse(&bytes);
        }

        #[test]
        fn nothing_that_looks_like_a_frame_makes_it_panic(text in r#"\{("[CMSGTIEL]":(1|true|null|"x"|-9e9|\[\{?"?[HMA:{}\[\],"]{0,9}\]),?){0,6}\}"#) {
            let _ = Frame::parse(text.as_bytes());
        }
    }
}
