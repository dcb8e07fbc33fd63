//! Logging: sets up `tracing` with text or JSON lines on standard error. Each event is one line, whatever text is in
//! it.

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
    /// Text for people.
    #[default]
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Sends log lines to standard error. `RUST_LOG` sets the filter; the default is `info` for Callboard and `warn` for
/// libraries. A second call does nothing, so that tests can share a process.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,callboard=info"));
    // Colors are for people, not for files and journals.
    let is_terminal = io::stderr().is_terminal();
    // An earlier call has set up logging already.
    let _ = logger(format, filter, is_terminal, io::stderr).try_init();
}

fn logger<W: Write>(
    format: LogFormat,
    filter: EnvFilter,
    with_colors: bool,
    writer: impl Fn() -> W + Send + Sync + 'static,
) -> Dispatch {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || SingleLineWriter { writer: writer(), with_colors })
        .with_ansi(with_colors);
    match format {
        LogFormat::Text => Dispatch::new(lines.finish().with(filter_fn(is_allowed))),
        LogFormat::Json => Dispatch::new(lines.json().flatten_event(true).finish().with(filter_fn(is_allowed))),
    }
}

/// Below `info` HTTP libraries log URLs with tokens and the texts of customers. They are not logged, whatever
/// `RUST_LOG` says.
fn is_allowed(metadata: &Metadata<'_>) -> bool {
    let is_ours = metadata.target() == "callboard" || metadata.target().starts_with("callboard::");
    is_ours || *metadata.level() <= Level::INFO
}

/// Writes each event as one line, and escapes control characters: text from outside could otherwise forge further
/// events (log injection) or control the terminal of a reader.
struct SingleLineWriter<W> {
    writer: W,
    /// Keeps the escape sequences that set a color, which the formatter writes, and no others.
    with_colors: bool,
}

/// Whether this text, behind an escape character, is a sequence that sets a color.
fn sets_color(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix('[') else { return false };
    rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';').starts_with('m')
}

/// Control characters, line and paragraph separators, and characters that change the direction of text.
fn must_be_escaped(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

impl<W: Write> Write for SingleLineWriter<W> {
    /// `event` is a whole event: the formatter writes it at once.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let mut safe = String::with_capacity(line.len() + 1);
        for (place, letter) in line.char_indices() {
            let is_color = self.with_colors && letter == '\u{1b}' && sets_color(&line[place + 1..]);
            if must_be_escaped(letter) && !is_color {
                // As JSON escapes them. All of them have four digits.
                let _ = write!(safe, "\\u{:04x}", u32::from(letter));
            } else {
                safe.push(letter);
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
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    /// A text that tries to forge a log line and to control the terminal.
    const FORGED: &str = "a\r\n2026-11-21T09:00:00Z  INFO forged: \
        b\u{1b}[2Jred\u{1b}]0;title\u{7}\u{0}\u{85}c\u{2028}d\u{2029}e\u{202e}f\u{2066}g\tz";

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, with_colors: bool, filter: &str, log: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let logger = logger(format, EnvFilter::new(filter), with_colors, move || writer.clone());
        tracing::dispatcher::with_default(&logger, log);
        String::from_utf8(page.0.lock().clone()).expect("text")
    }

    /// One event for each way in which text gets into one.
    fn log_forged_text() {
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
    fn event_is_one_line_without_control_characters() {
        for (format, with_colors) in [(LogFormat::Text, false), (LogFormat::Text, true), (LogFormat::Json, false)] {
            let text = logged(format, with_colors, "trace", log_forged_text);
            assert_eq!(text.split(['\n', '\u{2028}', '\u{2029}', '\u{85}', '\r']).count(), 7, "{text:?}");
            let odd = |letter: char| letter.is_control() && letter != '\n' && !(with_colors && letter == '\u{1b}');
            assert!(!text.contains(odd) && !text.contains(['\u{202e}', '\u{2066}']), "{text:?}");
            let foreign = text.match_indices('\u{1b}').find(|(place, _)| !sets_color(&text[place + 1..]));
            assert_eq!(foreign, None, "an escape sequence that sets no color: {text:?}");
            assert!(text.contains("forged") && text.contains("red"), "the text stays");
            if format == LogFormat::Json {
                for line in text.lines() {
                    let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
                    assert_eq!(event["span"]["path"], FORGED, "a collector reads the original text");
                }
            }
        }
    }

    #[test]
    fn libraries_are_not_logged_below_info() {
        let text = logged(LogFormat::Text, false, "trace", || {
            tracing::trace!(target: "callboard::feeds", "ours");
            tracing::debug!(target: "hyper_util::client", "GET /connect?connectionToken=secret");
            tracing::trace!(target: "callboardish", "another crate");
            tracing::warn!(target: "hyper_util::client", "a warning");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("ours") && text.contains("a warning"), "{text}");
    }
}
