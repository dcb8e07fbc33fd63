//! `Content-Encoding`: decodes gzip answers in pieces as they arrive (RFC 9110, section 8.4).

use std::io::Write;

use flate2::write::GzDecoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use thiserror::Error;

/// More nested codings are an attack.
const MAX_LAYERS: usize = 3;

/// The first byte of each gzip member.
const GZIP_MAGIC: u8 = 0x1f;

/// Why an answer cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// An unsupported coding, which the request did not accept.
    #[error("the answer is encoded as `{0}`, which was not asked for and cannot be read")]
    Unknown(String),
    /// The bytes are no gzip.
    #[error("the answer is said to be gzip and is damaged")]
    Damaged,
    /// The gzip stream ends early.
    #[error("the answer is gzip and breaks off")]
    Truncated,
    /// It is larger than the limit.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in decoded bytes.
        limit: usize,
    },
}

/// Decodes one answer.
pub struct Decoder {
    /// The outermost coding first.
    layers: Vec<GzipMembers>,
}

impl Decoder {
    /// A decoder for an answer with these headers.
    ///
    /// # Errors
    /// When a coding is not supported.
    pub fn for_headers(headers: &HeaderMap) -> Result<Self, DecodeError> {
        let mut layers = Vec::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            for coding in String::from_utf8_lossy(value.as_bytes()).split(',').map(str::trim) {
                match coding.to_ascii_lowercase().as_str() {
                    "gzip" | "x-gzip" if layers.len() < MAX_LAYERS => layers.push(GzipMembers::default()),
                    plain if is_identity(plain) => {}
                    _ => {
                        return Err(DecodeError::Unknown(
                            coding.chars().filter(|c| !c.is_control()).take(40).collect(),
                        ));
                    }
                }
            }
        }
        // The coding that was applied last is decoded first.
        layers.reverse();
        Ok(Self { layers })
    }

    /// Decodes the next bytes.
    ///
    /// # Errors
    /// When they are no gzip, or decode to more than `limit` bytes.
    pub fn feed(&mut self, bytes: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
        let mut bytes = bytes.to_vec();
        for layer in &mut self.layers {
            bytes = layer.feed(&bytes, limit)?;
        }
        if bytes.len() > limit { Err(DecodeError::TooLarge { limit }) } else { Ok(bytes) }
    }

    /// Ends the stream, and returns the bytes that were still buffered.
    ///
    /// # Errors
    /// When the stream ends early.
    pub fn finish(&mut self, limit: usize) -> Result<Vec<u8>, DecodeError> {
        let mut rest = Vec::new();
        for layer in &mut self.layers {
            rest = layer.feed(&rest, limit)?;
            rest.append(&mut layer.finish()?);
        }
        Ok(rest)
    }
}

/// Whether a value of `Content-Encoding` leaves the bytes as they are: `identity`, empty, or a charset, which some
/// senders put there.
#[must_use]
pub fn is_identity(coding: &str) -> bool {
    let coding = coding.trim();
    coding.is_empty()
        || coding.eq_ignore_ascii_case("identity")
        || encoding_rs::Encoding::for_label(coding.as_bytes()).is_some()
}

/// One or more gzip members (RFC 1952, section 2.2). Padding behind the last one is ignored, as gzip itself does.
#[derive(Default)]
struct GzipMembers {
    member: Option<GzDecoder<Vec<u8>>>,
    /// Whether a member has ended.
    complete: bool,
    /// Whether padding follows the last member.
    over: bool,
}

impl GzipMembers {
    fn feed(&mut self, mut bytes: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        while !bytes.is_empty() && !self.over {
            if self.member.is_none() && !self.complete && bytes[0] != GZIP_MAGIC {
                return Err(DecodeError::Damaged);
            }
            if self.member.is_none() && self.complete {
                bytes = without_leading_zeros(bytes);
                self.over = bytes.first().is_some_and(|first| *first != GZIP_MAGIC);
                if self.over || bytes.is_empty() {
                    break;
                }
            }
            let member = self.member.get_or_insert_with(|| GzDecoder::new(Vec::new()));
            let taken = member.write(bytes).map_err(|_| DecodeError::Damaged)?;
            if taken == 0 {
                self.complete = true;
                out.append(&mut self.finish()?);
            } else {
                member.flush().map_err(|_| DecodeError::Damaged)?;
                out.append(member.get_mut());
                bytes = &bytes[taken..];
            }
            if out.len() > limit {
                return Err(DecodeError::TooLarge { limit });
            }
        }
        Ok(out)
    }

    fn finish(&mut self) -> Result<Vec<u8>, DecodeError> {
        let Some(mut member) = self.member.take() else { return Ok(Vec::new()) };
        let error = if self.complete { DecodeError::Damaged } else { DecodeError::Truncated };
        member.try_finish().map_err(|_| error)?;
        Ok(std::mem::take(member.get_mut()))
    }
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len())..]
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    }

    fn decode(codings: &[&str], bytes: &[u8], pieces: usize) -> Result<String, DecodeError> {
        let mut headers = HeaderMap::new();
        for coding in codings {
            headers.append(CONTENT_ENCODING, coding.parse().expect("a header"));
        }
        let mut decoder = Decoder::for_headers(&headers)?;
        let mut out = Vec::new();
        for piece in bytes.chunks(pieces) {
            out.append(&mut decoder.feed(piece, LIMIT)?);
        }
        out.append(&mut decoder.finish(LIMIT)?);
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn gzip_is_decoded_however_the_network_splits_it() {
        let (one, two) = (gzip("{\"a\":"), gzip("1}"));
        let members = [&one[..], &two].concat();
        let padded = [&members[..], &[0; 512]].concat();
        let between = [&one[..], &[0, 0, 0], &two].concat();
        let garbage = [&members[..], b"\r\n"].concat();
        let twice = {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&members).expect("memory");
            encoder.finish().expect("memory")
        };
        let plain = b"{\"a\":1}".to_vec();
        for (what, codings, bytes) in [
            ("one member", &["gzip"][..], &gzip("{\"a\":1}")),
            ("several members", &["gzip"], &members),
            ("an empty member", &["gzip"], &[&one[..], &gzip(""), &two].concat()),
            ("zeros behind the last", &["gzip"], &padded),
            ("zeros in between", &["gzip"], &between),
            ("other bytes behind the last", &["gzip"], &garbage),
            ("the old name", &["x-gzip"], &members),
            ("any letter case", &["GZip"], &members),
            ("a list", &["gzip, identity"], &members),
            ("empty elements", &[" , gzip ,, "], &members),
            ("two fields", &["identity", "gzip"], &members),
            ("one around the other", &["gzip, gzip"], &twice),
            ("the same in two fields", &["gzip", "x-gzip"], &twice),
            ("identity", &["Identity"], &plain),
            ("nothing", &[""], &plain),
            ("a charset", &["UTF-8"], &plain),
            ("no header", &[], &plain),
        ] {
            for pieces in [1, 3, 7, usize::MAX] {
                assert_eq!(decode(codings, bytes, pieces).as_deref(), Ok("{\"a\":1}"), "{what}, {pieces} at a time");
            }
        }
        assert_eq!(decode(&["gzip"], b"", 1).as_deref(), Ok(""), "an empty body");
    }

    #[test]
    fn unsupported_damaged_and_oversized_answers_are_errors() {
        for coding in ["br", "deflate", "zstd", "compress", "gzip, br", "rot13", "gzip,gzip,gzip,gzip"] {
            let error = decode(&[coding], b"x", 1).expect_err(coding);
            let name = coding.rsplit([',', ' ']).next().expect("a name");
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
        let whole = gzip("{\"a\":1}");
        for cut in 1..whole.len() {
            assert_eq!(decode(&["gzip"], &whole[..cut], 5), Err(DecodeError::Truncated), "{cut}");
        }
        let mut wrong = whole.clone();
        let sum = wrong.len() - 6;
        wrong[sum] ^= 1;
        assert!(decode(&["gzip"], &wrong, 5).is_err());
        assert_eq!(decode(&["gzip"], b"{\"a\":1}", 5), Err(DecodeError::Damaged));
        let bomb = gzip(&"0".repeat(LIMIT + 1));
        assert_eq!(decode(&["gzip"], &bomb, usize::MAX), Err(DecodeError::TooLarge { limit: LIMIT }));
    }
}
