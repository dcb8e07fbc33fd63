//! Lenient JSON: reads messages from outside that `serde_json` refuses, so that a defect costs only the value it is in.
//!
//! `serde_json` reads first. Only a message that it refuses is repaired: a lone surrogate, which the grammar of RFC
//! 8259 allows (§8.2), becomes U+FFFD; a number out of the range of `f64` (§6) and too deep nesting (§9) are absent; of
//! duplicate names the last value counts (§4). No library reads like that.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use prometheus_client::metrics::counter::Counter;
use serde::de::{DeserializeOwned, IgnoredAny};

/// Counts messages that had to be repaired, for [`Metrics`](super::Metrics). A message that is read twice counts twice.
pub static REPAIRS: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Deeper values are absent. `serde_json` reads 127 levels; a raw value may be nested in a message of ours.
const MAX_DEPTH: usize = 100;

/// Deserializes a message, repaired if necessary. Types that borrow from it are read from the text of [`sanitize`]
/// instead.
///
/// # Errors
/// When it is no JSON, or not of that type. The position is that in the original, unless it had to be repaired.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(bytes).or_else(|error| match repair(bytes) {
        Some(text) => serde_json::from_str(&text).inspect(|_| {
            REPAIRS.inc();
        }),
        None => Err(error),
    })
}

/// The repaired text that `serde_json` reads. `None`: nothing to repair, or it is no JSON at all. Counted in
/// [`REPAIRS`].
#[must_use]
pub fn repair(bytes: &[u8]) -> Option<String> {
    let repaired = sanitize(bytes).filter(|text| text.as_bytes() != bytes)?;
    REPAIRS.inc();
    Some(repaired)
}

/// The same JSON without what `serde_json` refuses. `None`: it is no JSON at all.
///
/// Lone surrogates, invalid UTF-8 and bare control characters are repaired. A member or an item that cannot be read is
/// left out.
#[must_use]
pub fn sanitize(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let mut sanitizer = Sanitizer { text: &text, at: 0, out: String::with_capacity(text.len()) };
    let is_there = sanitizer.value(0)?;
    sanitizer.blanks();
    (is_there && sanitizer.at == text.len()).then_some(sanitizer.out)
}

/// A single pass over a text. Its functions return `None` for what is no JSON.
struct Sanitizer<'a> {
    text: &'a str,
    at: usize,
    out: String,
}

impl Sanitizer<'_> {
    /// Copies a value. `Some(false)`: it is JSON that cannot be read, and nothing was copied.
    fn value(&mut self, level: usize) -> Option<bool> {
        self.blanks();
        match self.peek()? {
            b'{' | b'[' if level == MAX_DEPTH => self.skip_value().map(|()| false),
            b'{' => self.object(level).map(|()| true),
            b'[' => self.list(level).map(|()| true),
            b'"' => self.string().map(|()| true),
            _ => self.word(),
        }
    }

    fn object(&mut self, level: usize) -> Option<()> {
        // The range of each member in the output; empty for those that are left out.
        let mut members = Vec::new();
        let mut known = HashMap::new();
        let mut has_duplicates = false;
        self.open('{');
        let begin = self.out.len();
        while !self.closes('}', members.is_empty())? {
            self.blanks();
            let start = self.out.len();
            self.string()?;
            let name: String = serde_json::from_str(&self.out[start..]).ok()?;
            self.blanks();
            self.take(':')?;
            self.out.push(':');
            if !self.value(level + 1)? {
                self.out.truncate(start);
            }
            if let Some(earlier) = known.insert(name, members.len()) {
                has_duplicates = true;
                members[earlier] = start..start;
            }
            members.push(start..self.out.len());
            self.separate(start);
        }
        if has_duplicates {
            let kept = members.iter().filter(|member| !member.is_empty()).map(|member| &self.out[member.clone()]);
            let kept = kept.collect::<Vec<_>>().join(",");
            self.out.truncate(begin);
            self.out.push_str(&kept);
        }
        self.close('}');
        Some(())
    }

    fn list(&mut self, level: usize) -> Option<()> {
        let mut is_first = true;
        self.open('[');
        while !self.closes(']', is_first)? {
            let start = self.out.len();
            self.value(level + 1)?;
            self.separate(start);
            is_first = false;
        }
        self.close(']');
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        self.take('"')?;
        self.out.push('"');
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|letter| matches!(letter, '"' | '\\' | '\0'..='\x1f'))?;
            self.copy(plain);
            match rest.as_bytes()[plain] {
                b'"' => break,
                b'\\' => self.escape()?,
                control => {
                    let _ = write!(self.out, "\\u{control:04x}");
                    self.at += 1;
                }
            }
        }
        self.copy(1);
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        match self.text.as_bytes().get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.copy(2),
            b'u' => match (self.unit(self.at)?, self.unit(self.at + 6)) {
                (0xD800..=0xDBFF, Some(0xDC00..=0xDFFF)) => self.copy(12),
                (0xD800..=0xDFFF, _) => {
                    self.out.push(char::REPLACEMENT_CHARACTER);
                    self.at += 6;
                }
                _ => self.copy(6),
            },
            _ => return None,
        }
        Some(())
    }

    /// The UTF-16 code unit of an escape such as `\ud83d`.
    fn unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        u16::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)
    }

    /// A number or a literal. `NaN` and infinity are no JSON, but some serializers write them.
    fn word(&mut self) -> Option<bool> {
        let rest = &self.text[self.at..];
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.');
        let word = &rest[..rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())];
        let is_number = word.starts_with(|letter: char| letter == '-' || letter.is_ascii_digit());
        let is_read = match word {
            "NaN" | "Infinity" | "-Infinity" => false,
            _ => {
                // The first checks only the grammar, the second also the range.
                serde_json::from_str::<IgnoredAny>(word).ok()?;
                !is_number || serde_json::from_str::<f64>(word).is_ok()
            }
        };
        match is_read {
            true => self.copy(word.len()),
            false => self.at += word.len(),
        }
        Some(is_read)
    }

    /// Skips a value without recursion, which would overflow the stack.
    fn skip_value(&mut self) -> Option<()> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(())
    }

    fn blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, expected: char) -> Option<()> {
        self.at += self.text[self.at..].strip_prefix(expected).map(|_| 1)?;
        Some(())
    }

    fn copy(&mut self, length: usize) {
        self.out.push_str(&self.text[self.at..self.at + length]);
        self.at += length;
    }

    fn open(&mut self, bracket: char) {
        self.out.push(bracket);
        self.at += 1;
    }

    /// Whether the bracket closes here. If not, and it is not the first member or item, a comma must be here.
    fn closes(&mut self, bracket: char, is_first: bool) -> Option<bool> {
        self.blanks();
        if self.take(bracket).is_some() {
            return Some(true);
        }
        if !is_first {
            self.take(',')?;
        }
        Some(false)
    }

    /// A comma behind the member or item, if one was copied.
    fn separate(&mut self, start: usize) {
        if self.out.len() > start {
            self.out.push(',');
        }
    }

    fn close(&mut self, bracket: char) {
        if self.out.ends_with(',') {
            self.out.pop();
        }
        self.out.push(bracket);
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    fn value(text: &[u8]) -> Option<Value> {
        read(text).ok()
    }

    #[test]
    fn defects_cost_only_the_value_they_are_in() {
        for (text, expected) in [
            (r#"{"a":"cut \ud83d","b":1}"#, json!({"a": "cut \u{fffd}", "b": 1})),
            (r#"{"a":"\udc00","b":1}"#, json!({"a": "\u{fffd}", "b": 1})),
            (r#"{"a":"\ud83d\u0041","b":1}"#, json!({"a": "\u{fffd}A", "b": 1})),
            (r#"{"a":"\ud83dA\ude00","b":1}"#, json!({"a": "\u{fffd}A\u{fffd}", "b": 1})),
            (r#"{"a":"\ud83d\ud83d\ude00","b":1}"#, json!({"a": "\u{fffd}\u{1f600}", "b": 1})),
            (r#"{"a":"\uD83D\uDE00 \uDE00\uD83D"}"#, json!({"a": "\u{1f600} \u{fffd}\u{fffd}"})),
            (r#"{"a":"\ud83d\n\ud83d\\ude00"}"#, json!({"a": "\u{fffd}\n\u{fffd}\\ude00"})),
            (r#"{"n\ud83d":1,"b":{"\udead":"\\\"/"}}"#, json!({"n\u{fffd}": 1, "b": {"\u{fffd}": "\\\"/"}})),
            (
                r#"{"a":1e400,"b":[1,1e400,-1e999,2],"c":[1e400],"d":{"e":1e309}}"#,
                json!({"b": [1, 2], "c": [], "d": {}}),
            ),
            (r#"[1e400,{"a":1e400,"b":2,"c":1E+400},1e400]"#, json!([{"b": 2}])),
            (r#"{"a":NaN,"b":[Infinity,1,-Infinity],"c":true}"#, json!({"b": [1], "c": true})),
            (r#"{"a":1,"a":2,"b":"\ud83d","a":3}"#, json!({"a": 3, "b": "\u{fffd}"})),
            (r#"{"a":1,"\u0061":1e400,"b":2}"#, json!({"b": 2})),
            ("{\"a\":\"x\ny\0z\t\",\"b\":1}", json!({"a": "x\ny\0z\t", "b": 1})),
            ("\u{feff} {\"a\" : [ ] , \"b\" : { } }\r\n", json!({"a": [], "b": {}})),
            (
                r#"{"s":"\ud83d","i":901.0,"n":-0.0,"u":18446744073709551615,"x":1e-400,"t":[true,false,null]}"#,
                json!({"s": "\u{fffd}", "i": 901.0, "n": -0.0, "u": u64::MAX, "x": 0.0, "t": [true, false, null]}),
            ),
            (
                r#"{"s":"\ud83d","big":123456789012345678901234567890}"#,
                json!({"s": "\u{fffd}", "big": 123_456_789_012_345_678_901_234_567_890_f64}),
            ),
        ] {
            assert_eq!(value(text.as_bytes()), Some(expected), "{text}");
        }
        let bytes = b"{\"a\":\"caf\xe9 \xed\xa0\x80\",\"\xff\":1,\"b\":2}";
        let before = REPAIRS.get();
        assert_eq!(value(bytes), Some(json!({"a": "caf\u{fffd} \u{fffd}\u{fffd}\u{fffd}", "\u{fffd}": 1, "b": 2})));
        assert!(REPAIRS.get() > before, "it is counted");
    }

    #[test]
    fn invalid_json_stays_invalid() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "[",
            "]",
            "nul",
            "truth",
            "undefined",
            "'a'",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "{\"a\":1}}",
            "{} {}",
            "\"\\ud83d",
            "\"\\ud8\"",
            "\"\\ud83d\\u\"",
            "\"\\x\"",
            "\"\\u+123\"",
            "[01]",
            "[+1]",
            "[.5]",
            "[1.]",
            "[1e]",
            "[--1]",
            "[-]",
            "[-Inf]",
            "[1,NaNa]",
            "<html>",
            "\u{feff}",
            "\u{feff}\u{feff}1",
            "1e400",
            "/* */ 1",
            "{\"a\":\"\\ud83d\"",
            "[\"\\ud83d\"}",
            "data: {}",
        ] {
            assert!(value(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn too_deep_nesting_is_absent_and_costs_no_other_member() {
        for (open, close) in [("[", "]"), ("{\"x\":", "}")] {
            for levels in [101, 128, 129, 100_000] {
                let text = format!("{{\"a\":{}1{},\"b\":2}}", open.repeat(levels), close.repeat(levels));
                assert_eq!(value(text.as_bytes()).map(|read| read["b"].clone()), Some(json!(2)), "{levels} of {open}");
            }
        }
        assert!(value("[".repeat(100_000).as_bytes()).is_none());
    }

    #[test]
    fn last_of_duplicate_names_counts() {
        #[derive(Deserialize)]
        struct Two {
            a: i64,
            b: Option<Box<RawValue>>,
        }
        let read: Two = read(br#"{"a":1,"b":[1e400,"\ud83d"],"a":2}"#).expect("two");
        assert_eq!((read.a, read.b.map(|raw| raw.get().to_owned()).as_deref()), (2, Some("[\"\u{fffd}\"]")));
    }

    const JSON_LIKE: &str = concat!(
        r#"[\[{]([\[\]{},:]|"(a|b|\\u[dD][89cC][0-9a-f]{2}|\\n|é){0,4}""#,
        r"|-?[0-9]{1,3}(\.5)?([eE][+-]?[0-9]{1,3})?|true|null|NaN| ){0,30}[\]}]"
    );
    const VALID: &str = r#"\{"a":(\[|\{"b":)(1|"x\\u00e9"|-2\.5e3|true|null)(\]|\}),"c":\[1,2\]\}"#;

    proptest::proptest! {
        #[test]
        fn sanitized_text_is_json(text in JSON_LIKE) {
            if let Some(sanitized) = sanitize(text.as_bytes()) {
                proptest::prop_assert!(serde_json::from_str::<Value>(&sanitized).is_ok(), "{text} became {sanitized}");
            }
        }

        #[test]
        fn valid_json_keeps_its_value(text in VALID) {
            if let Ok(plain) = serde_json::from_str::<Value>(&text) {
                let sanitized = sanitize(text.as_bytes()).expect("it is JSON");
                proptest::prop_assert_eq!(serde_json::from_str::<Value>(&sanitized).expect("JSON"), plain);
            }
        }

        #[test]
        fn any_bytes_do_not_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = sanitize(&bytes);
        }
    }
}
