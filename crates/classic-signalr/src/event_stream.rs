//! Decodes a stream of server-sent events into their data. Pure.

use super::Error;

/// Joins events from whatever pieces the network delivers.
///
/// Works on bytes, because a read can end in the middle of a character.
#[derive(Debug)]
pub struct Decoder {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    is_after_carriage_return: bool,
    limit: usize,
}

impl Decoder {
    /// A decoder for events of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { line: Vec::new(), data: Vec::new(), has_data: false, is_after_carriage_return: false, limit }
    }

    /// Takes the next bytes, and returns the data of each event that they complete.
    ///
    /// # Errors
    /// [`Error::FrameTooLarge`] when an event is larger than the limit.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (piece, after) = rest.split_at(end);
            let ending = after[0];
            rest = &after[1..];
            // The LF of a CR LF ends no line of its own, whether it comes in the same read or in the next.
            let is_second_half = ending == b'\n' && piece.is_empty() && self.is_after_carriage_return;
            self.is_after_carriage_return = ending == b'\r';
            if !is_second_half {
                self.extend_line(piece)?;
                self.end_line(&mut events);
            }
        }
        if !rest.is_empty() {
            self.is_after_carriage_return = false;
            self.extend_line(rest)?;
        }
        Ok(events)
    }

    fn extend_line(&mut self, piece: &[u8]) -> Result<(), Error> {
        if self.data.len() + self.line.len() + piece.len() > self.limit {
            return Err(Error::FrameTooLarge { limit: self.limit });
        }
        self.line.extend_from_slice(piece);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Vec<u8>>) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                events.push(std::mem::take(&mut self.data));
            }
            return;
        }
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line);
        let value = if line == b"data" { Some(&b""[..]) } else { line.strip_prefix(b"data:") };
        if let Some(value) = value {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "\u{feff}data: initialized\n\n: a comment\r\nid: 7\r\ndata: {\"name\":\"Zoë \
        €\"}\r\n\r\ndata:{}\r\rdata: a\ndata: b\n\ndata\n\nevent: x\n\n";
    const EVENTS: [&str; 5] = ["initialized", "{\"name\":\"Zoë €\"}", "{}", "a\nb", ""];

    fn decode(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::new(1000);
        let mut events = Vec::new();
        for piece in pieces {
            events.extend(decoder.feed(piece).expect("small events"));
        }
        events.into_iter().map(|event| String::from_utf8(event).expect("UTF-8")).collect()
    }

    #[test]
    fn all_line_endings_and_several_data_lines_are_read() {
        assert_eq!(decode(&[STREAM.as_bytes()]), EVENTS);
    }

    #[test]
    fn single_bytes_give_the_same_events() {
        let pieces: Vec<&[u8]> = STREAM.as_bytes().chunks(1).collect();
        assert_eq!(decode(&pieces), EVENTS);
    }

    proptest! {
        #[test]
        fn splits_of_a_stream_do_not_matter(mut cuts in proptest::collection::vec(0..STREAM.len(), 0..12)) {
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([STREAM.len()]) {
                pieces.push(&STREAM.as_bytes()[from..cut]);
                from = cut;
            }
            prop_assert_eq!(decode(&pieces), EVENTS);
        }
    }

    proptest! {
        #[test]
        fn splits_of_any_bytes_do_not_matter(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b':'), Just(b'd'),
                any::<u8>()], 0..80),
            size in 1..9_usize,
        ) {
            let whole = Decoder::new(1000).feed(&bytes).expect("small events");
            let mut decoder = Decoder::new(1000);
            let mut pieces = Vec::new();
            for piece in bytes.chunks(size) {
                pieces.extend(decoder.feed(piece).expect("small events"));
            }
            prop_assert_eq!(whole, pieces);
        }
    }

    #[test]
    fn event_larger_than_the_limit_is_refused() {
        let mut decoder = Decoder::new(20);
        assert!(decoder.feed(b"data: 0123456789").is_ok());
        assert!(matches!(decoder.feed(b"0123456789"), Err(Error::FrameTooLarge { limit: 20 })));
    }
}
