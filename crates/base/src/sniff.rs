//! Content sniffing: the charset of an answer, and whether it is JSON or a page for people.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use reqwest::header::HeaderValue;

/// The answer converted to UTF-8 without a byte order mark. JSON must be UTF-8 (RFC 8259, section 8.1); where it is
/// not, the byte order mark, the position of zero bytes or the charset says what it is.
pub fn to_utf8(body: Vec<u8>, kind: Option<&HeaderValue>) -> Vec<u8> {
    if let Some((encoding, mark)) = Encoding::for_bom(&body) {
        return encoding.decode_without_bom_handling(&body[mark..]).0.into_owned().into_bytes();
    }
    // The first character of JSON is ASCII (RFC 4627, section 3).
    let encoding = match body.as_slice() {
        [0, 1..=255, ..] => UTF_16BE,
        [1..=255, 0, ..] => UTF_16LE,
        _ if std::str::from_utf8(&body).is_ok() => return body,
        _ => match kind.and_then(charset) {
            Some(encoding) => encoding,
            None => return body,
        },
    };
    encoding.decode_without_bom_handling(&body).0.into_owned().into_bytes()
}

fn charset(kind: &HeaderValue) -> Option<&'static Encoding> {
    let text = kind.to_str().ok()?;
    let parameters = text.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let named = parameters.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    Encoding::for_label(named?.1.trim().trim_matches(['"', '\'']).as_bytes())
}

/// Whether the body is HTML or XML. JSON never begins so.
pub fn is_markup(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

/// Whether the body begins like a JSON value; .NET also writes `NaN` and `Infinity`. `None`: it is empty.
pub fn begins_like_json(body: &[u8]) -> Option<bool> {
    let body = body.trim_ascii_start();
    let words = [&b"true"[..], b"false", b"null", b"NaN", b"Infinity", b"-"];
    let first = body.first()?;
    Some(matches!(first, b'{' | b'[' | b'"' | b'0'..=b'9') || words.iter().any(|word| body.starts_with(word)))
}
