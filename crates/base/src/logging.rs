//! Logs: for people on a terminal, one JSON object a line on request. One event is one line, whoever's words are in it.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use tracing::{Dispatch, Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Sends log lines to standard error. `RUST_LOG` chooses what is logged; without it, ours at `info` and the libraries'
/// at `warn`. A second call does nothing, which lets tests share a process.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,callboard=info"));
    // Colours are for people, not for files and journals.
    let is_terminal = io::stderr().is_terminal();
    // The first caller in the process has decided already.
    let _ = logger(format, filter, is_terminal, io::stderr).try_init();
}

fn logger<W: Write>(
    format: LogFormat,
    filter: EnvFilter,
    with_colours: bool,
    writer: impl Fn() -> W + Send + Sync + 'static,
) -> Dispatch {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || OneLine { writer: writer(), with_colours })
        .with_ansi(with_colours);
    match format {
        LogFormat::Text => Dispatch::new(lines.finish().with(filter_fn(is_discreet))),
        LogFormat::Json => Dispatch::new(lines.json().flatten_event(true).finish().with(filter_fn(is_discreet))),
    }
}

/// Below `info` the libraries that carry our requests write down what they carry: addresses with tokens in them, and
/// customers' words. Whatever `RUST_LOG` says, that much is not theirs to tell.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    let is_ours = metadata.target() == "callboard" || metadata.target().starts_with("callboard::");
    is_ours || *metadata.level() <= Level::INFO
}

/// Writes each event as one line, whatever is in it: an upstream's or a customer's words could otherwise pretend to be further
/// events, or steer the terminal of whoever reads them.
struct OneLine<W> {
    writer: W,
    /// Then what sets a colour stays, and no other sequence of the terminal's: most of them are the formatter's.
    with_colours: bool,
}

/// Whether this is the rest of a sequence that sets a colour, after its escape.
fn sets_colour(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix('[') else { return false };
    rest.trim_start_matches(|sign: char| sign.is_ascii_digit() || sign == ';').starts_with('m')
}

/// Controls, the two separators that some take for the end of a line, and what turns the direction of writing.
fn misleads(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

impl<W: Write> Write for OneLine<W> {
    /// The formatter writes a whole event at once.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let mut safe = String::with_capacity(line.len() + 1);
        for (place, sign) in line.char_indices() {
            let is_colour = self.with_colours && sign == '\u{1b}' && sets_colour(&line[place + 1..]);
            if misleads(sign) && !is_colour {
                // The one way to write them that JSON knows, too. All of them fit into four digits.
                let _ = write!(safe, "\\u{:04x}", u32::from(sign));
            } else {
                safe.push(sign);
            }
        }
        safe.push('\n');
        self.writer.write_all(safe.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What nobody may smuggle into a log.
    const FORGED: &str = "a\r\n2026-11-21T09:00:00Z  INFO forged: b\u{1b}[2Jred\u{1b}]0;title\u{7}\u{0}\u{85}c\u{2028}d\u{2029}e\u{202e}f\u{2066}g\tz";

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, with_colours: bool, filter: &str, deed: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let logger = logger(format, EnvFilter::new(filter), with_colours, move || writer.clone());
        tracing::dispatcher::with_default(&logger, deed);
        String::from_utf8(page.0.lock().expect("no panic").clone()).expect("text")
    }

    /// One event for each way in which words get into one.
    fn tell_everything() {
        let error = io::Error::other(FORGED);
        tracing::info_span!("request", path = FORGED, peer = %FORGED).in_scope(|| {
            tracing::info!("{FORGED}");
            tracing::info!(reason = FORGED, "a text");
            tracing::info!(reason = %FORGED, "shown");
            tracing::info!(reason = ?FORGED, "debugged");
            tracing::info!(error = &error as &dyn std::error::Error, "an error");
            tracing::info!(error = %error, why = ?error, "an error in words");
        });
    }

    #[test]
    fn one_event_is_one_line_and_nothing_in_it_steers_a_terminal() {
        for (format, with_colours) in [(LogFormat::Text, false), (LogFormat::Text, true), (LogFormat::Json, false)] {
            let text = logged(format, with_colours, "trace", tell_everything);
            assert_eq!(text.split(['\n', '\u{2028}', '\u{2029}', '\u{85}', '\r']).count(), 7, "{text:?}");
            let odd = |sign: char| sign.is_control() && sign != '\n' && !(with_colours && sign == '\u{1b}');
            assert!(!text.contains(odd) && !text.contains(['\u{202e}', '\u{2066}']), "{text:?}");
            let foreign = text.match_indices('\u{1b}').find(|(place, _)| !sets_colour(&text[place + 1..]));
            assert_eq!(foreign, None, "a terminal is not theirs to steer: {text:?}");
            assert!(text.contains("forged") && text.contains("red"), "the words stay");
            if format == LogFormat::Json {
                for line in text.lines() {
                    let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
                    assert_eq!(event["span"]["path"], FORGED, "a collector reads what it was");
                }
            }
        }
    }

    #[test]
    fn what_libraries_carry_is_not_theirs_to_tell() {
        let text = logged(LogFormat::Text, false, "trace", || {
            tracing::trace!(target: "callboard::feeds", "ours");
            tracing::debug!(target: "hyper_util::client", "GET /connect?connectionToken=secret");
            tracing::trace!(target: "callboardish", "somebody else");
            tracing::warn!(target: "hyper_util::client", "a warning");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("ours") && text.contains("a warning"), "{text}");
    }
}
