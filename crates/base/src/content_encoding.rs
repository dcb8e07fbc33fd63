//! Undoing content codings (RFC 9110, section 8.4) in pieces, as they come.

use std::io::Write;

use flate2::write::GzDecoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use thiserror::Error;

/// More codings than this, one around the other, are an attack.
const DEEPEST: usize = 3;

/// What each gzip member begins with.
const MAGIC: u8 = 0x1f;

/// Why an answer cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A coding that was not asked for.
    #[error("the answer is encoded as `{0}`, which was not asked for and cannot be read")]
    Unknown(String),
    /// The bytes are not what the header says.
    #[error("the answer is said to be gzip and is damaged")]
    Damaged,
    /// It ends in the middle.
    #[error("the answer is gzip and breaks off")]
    BreaksOff,
    /// It is larger than anything that is read at once.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// How many bytes were allowed, decoded.
        limit: usize,
    },
}

/// Undoes the codings of one answer.
pub struct Decoder {
    /// The outermost first.
    layers: Vec<Gunzip>,
}

impl Decoder {
    /// For an answer with these headers.
    ///
    /// # Errors
    /// When a coding is not known.
    pub fn of(headers: &HeaderMap) -> Result<Self, DecodeError> {
        let mut layers = Vec::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            for coding in String::from_utf8_lossy(value.as_bytes()).split(',').map(str::trim) {
                match coding.to_ascii_lowercase().as_str() {
                    "gzip" | "x-gzip" if layers.len() < DEEPEST => layers.push(Gunzip::default()),
                    plain if is_identity(plain) => {}
                    _ => {
                        return Err(DecodeError::Unknown(
                            coding.chars().filter(|c| !c.is_control()).take(40).collect(),
                        ));
                    }
                }
            }
        }
        // The last one that was applied is undone first.
        layers.reverse();
        Ok(Self { layers })
    }

    /// Decodes the next bytes.
    ///
    /// # Errors
    /// When they are not what the headers say, or become more than `limit` bytes.
    pub fn feed(&mut self, bytes: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
        let mut bytes = bytes.to_vec();
        for layer in &mut self.layers {
            bytes = layer.feed(&bytes, limit)?;
        }
        if bytes.len() > limit { Err(DecodeError::TooLarge { limit }) } else { Ok(bytes) }
    }

    /// There are no more bytes. Returns what was held back.
    ///
    /// # Errors
    /// When something is missing.
    pub fn end(&mut self, limit: usize) -> Result<Vec<u8>, DecodeError> {
        let mut held = Vec::new();
        for layer in &mut self.layers {
            held = layer.feed(&held, limit)?;
            held.append(&mut layer.end()?);
        }
        Ok(held)
    }
}

/// Whether what stands in `Content-Encoding` changes no byte: `identity`, nothing, or a charset, which some senders
/// confuse with a coding.
#[must_use]
pub fn is_identity(coding: &str) -> bool {
    let coding = coding.trim();
    coding.is_empty()
        || coding.eq_ignore_ascii_case("identity")
        || encoding_rs::Encoding::for_label(coding.as_bytes()).is_some()
}

/// One or more gzip members, one after the other (RFC 1952, section 2.2). Zeros and other padding behind the last one are
/// passed over, as gzip itself does.
#[derive(Default)]
struct Gunzip {
    member: Option<GzDecoder<Vec<u8>>>,
    /// Whether a member has come to its end.
    complete: bool,
    /// Whether what follows the last member is no member.
    over: bool,
}

impl Gunzip {
    fn feed(&mut self, mut bytes: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        while !bytes.is_empty() && !self.over {
            if self.member.is_none() && !self.complete && bytes[0] != MAGIC {
                return Err(DecodeError::Damaged);
            }
            if self.member.is_none() && self.complete {
                bytes = bytes.trim_ascii_start_zeros();
                self.over = bytes.first().is_some_and(|first| *first != MAGIC);
                if self.over || bytes.is_empty() {
                    break;
                }
            }
            let member = self.member.get_or_insert_with(|| GzDecoder::new(Vec::new()));
            let taken = member.write(bytes).map_err(|_| DecodeError::Damaged)?;
            if taken == 0 {
                self.complete = true;
                out.append(&mut self.end()?);
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

    fn end(&mut self) -> Result<Vec<u8>, DecodeError> {
        let Some(mut member) = self.member.take() else { return Ok(Vec::new()) };
        let broken = if self.complete { DecodeError::Damaged } else { DecodeError::BreaksOff };
        member.try_finish().map_err(|_| broken)?;
        Ok(std::mem::take(member.get_mut()))
    }
}

trait Zeros {
    fn trim_ascii_start_zeros(&self) -> &Self;
}

impl Zeros for [u8] {
    fn trim_ascii_start_zeros(&self) -> &Self {
        let first = self.iter().position(|byte| *byte != 0).unwrap_or(self.len());
        &self[first..]
    }
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
        let mut decoder = Decoder::of(&headers)?;
        let mut out = Vec::new();
        for piece in bytes.chunks(pieces) {
            out.append(&mut decoder.feed(piece, LIMIT)?);
        }
        out.append(&mut decoder.end(LIMIT)?);
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn codings_are_undone_wherever_the_network_splits_them() {
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
        assert_eq!(decode(&["gzip"], b"", 1).as_deref(), Ok(""), "nothing needs no coding");
    }

    #[test]
    fn what_cannot_be_decoded_is_named() {
        for coding in ["br", "deflate", "zstd", "compress", "gzip, br", "rot13", "gzip,gzip,gzip,gzip"] {
            let error = decode(&[coding], b"x", 1).expect_err(coding);
            let name = coding.rsplit([',', ' ']).next().expect("a name");
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
        let whole = gzip("{\"a\":1}");
        for cut in 1..whole.len() {
            assert_eq!(decode(&["gzip"], &whole[..cut], 5), Err(DecodeError::BreaksOff), "{cut}");
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
