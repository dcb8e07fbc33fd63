//! Clock skew: estimates the offset of another system's clock.
//!
//! Each observation (the `Date` of an answer, the start of a status that was another one in the last poll) bounds the
//! offset from both sides. Bounds that overlap narrow each other. Bounds that contradict are accepted once several in a
//! row agree with each other: then a clock was set.
//!
//! The offset in use stays the same while it is within the bounds, so that converted times do not change with each
//! observation.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use reqwest::header::{AGE, HeaderMap};

use super::{Clock, http_date};

/// In milliseconds. A `Date` has whole seconds, and servers cache it for up to another second.
const DATE_PRECISION: i64 = 2_000;

/// How far outside the bounds the offset in use may be, in milliseconds.
const TOLERANCE: i64 = 1_000;

/// How many bounds in a row must contradict the accepted ones to replace them.
const CONTRADICTIONS: usize = 3;

/// In milliseconds. Clocks without synchronization may be this far apart; more is probably an error.
const PLAUSIBLE: i64 = 3_600_000;

/// Smaller offsets are not reported.
const NOTEWORTHY: SignedDuration = SignedDuration::from_secs(5);

/// The estimated clock of another system. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SourceClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ours: Clock,
    /// False for a manual clock, which cannot be compared with real ones.
    is_measured: bool,
    measured: Mutex<Measured>,
}

/// Offsets: their clock minus ours, in milliseconds.
#[derive(Debug, Default)]
struct Measured {
    by_date: Estimate,
    by_events: Estimate,
    in_use: i64,
}

#[derive(Debug, Default)]
struct Estimate {
    bounds: Option<Bounds>,
    contradictions: Vec<Bounds>,
}

/// The offset is between these, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    least: i64,
    most: i64,
}

impl SourceClock {
    /// A clock that equals ours until it is measured.
    #[must_use]
    pub fn new(ours: Clock) -> Self {
        Self(Arc::new(Inner { is_measured: ours.is_system(), ours, measured: Mutex::default() }))
    }

    /// The time by our clock.
    #[must_use]
    pub fn ours(&self) -> Timestamp {
        self.0.ours.now()
    }

    /// The estimated time by their clock.
    #[must_use]
    pub fn theirs(&self) -> Timestamp {
        self.ours().checked_add(self.offset()).unwrap_or(Timestamp::MAX)
    }

    /// How far their clock is ahead of ours; negative if it is behind. Zero while it may be equal.
    #[must_use]
    pub fn offset(&self) -> SignedDuration {
        SignedDuration::from_millis(self.measured().in_use)
    }

    /// The offset in whole seconds, if it is large enough to be reported.
    #[must_use]
    pub fn noteworthy_offset(&self) -> Option<i64> {
        let offset = self.offset();
        (offset.abs() > NOTEWORTHY).then(|| (self.measured().in_use + 500).div_euclid(1_000))
    }

    /// Converts a time of their clock to ours.
    #[must_use]
    pub fn to_ours(&self, theirs: Timestamp) -> Timestamp {
        theirs.checked_sub(self.offset()).unwrap_or(theirs)
    }

    /// Observes the `Date` of an answer that arrived now to a request of this time by our clock. A cached answer is
    /// ignored.
    pub fn observe_response(&self, asked: Timestamp, headers: &HeaderMap) {
        let now = self.ours();
        let is_fresh = self.0.is_measured && !headers.contains_key(AGE) && asked <= now;
        let Some(date) = http_date::date(headers).filter(|_| is_fresh) else { return };
        let date = date.as_millisecond();
        let bounds =
            Bounds { least: date - now.as_millisecond(), most: date + DATE_PRECISION - asked.as_millisecond() };
        let mut measured = self.measured();
        // A single implausible date may be a cached answer without `Age`.
        measured.by_date.add(bounds, if bounds.widened(PLAUSIBLE).contains(0) { 1 } else { CONTRADICTIONS });
        measured.update_offset();
    }

    /// Observes an event that has this time by their clock, and happened between two times of ours.
    pub fn observe_event(&self, theirs: Timestamp, earliest: Timestamp, latest: Timestamp) {
        if earliest > latest || !self.0.is_measured {
            return;
        }
        let theirs = theirs.as_millisecond();
        let bounds = Bounds { least: theirs - latest.as_millisecond(), most: theirs - earliest.as_millisecond() };
        let mut measured = self.measured();
        // A single one may be an error of the source.
        measured.by_events.add(bounds, 2);
        measured.update_offset();
    }

    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.0.measured.lock()
    }
}

impl Measured {
    fn update_offset(&mut self) {
        let bounds = match (self.by_date.bounds, self.by_events.bounds) {
            // Events have the clock whose times are converted; `Date` may come from another machine.
            (Some(date), Some(events)) => date.and(events.widened(TOLERANCE)).unwrap_or(events),
            (Some(bounds), None) | (None, Some(bounds)) => bounds,
            (None, None) => return,
        };
        let may_be = |offset: i64| bounds.widened(TOLERANCE).contains(offset);
        if !may_be(self.in_use) {
            // Wide bounds come from slow polls; the event was most likely observed soon.
            let likely = bounds.least + ((bounds.most - bounds.least) / 2).min(TOLERANCE);
            self.in_use = if may_be(0) { 0 } else { likely };
        }
    }
}

impl Estimate {
    /// Adds an observation. The first bounds are accepted when so many observations agree.
    fn add(&mut self, bounds: Bounds, at_first: usize) {
        if let Some(known) = self.bounds
            && let Some(both) = known.and(bounds)
        {
            self.bounds = Some(both);
            self.contradictions.clear();
            return;
        }
        let together = self.contradictions.iter().try_fold(bounds, |all, it| all.and(*it));
        if together.is_none() {
            self.contradictions.clear();
        }
        self.contradictions.push(bounds);
        let wanted = if self.bounds.is_some() { CONTRADICTIONS } else { at_first };
        if self.contradictions.len() >= wanted {
            self.bounds = together.or(Some(bounds));
            self.contradictions.clear();
        }
    }
}

impl Bounds {
    fn and(self, other: Self) -> Option<Self> {
        let both = Self { least: self.least.max(other.least), most: self.most.min(other.most) };
        (both.least <= both.most).then_some(both)
    }

    fn widened(self, by: i64) -> Self {
        Self { least: self.least - by, most: self.most + by }
    }

    fn contains(self, offset: i64) -> bool {
        (self.least..=self.most).contains(&offset)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{DATE, HeaderValue};

    use super::*;

    const HOUR: i64 = 3_600_000;

    fn start() -> Timestamp {
        "2026-11-21T09:00:00.400Z".parse().expect("a time")
    }

    fn ms(milliseconds: i64) -> SignedDuration {
        SignedDuration::from_millis(milliseconds)
    }

    /// A source whose clock has this offset.
    struct Source {
        clock: Clock,
        theirs: SourceClock,
        offset: i64,
    }

    impl Source {
        fn ahead_by(offset: i64) -> Self {
            let clock = Clock::manual(start());
            let inner = Inner { ours: clock.clone(), is_measured: true, measured: Mutex::default() };
            Self { theirs: SourceClock(Arc::new(inner)), clock, offset }
        }

        fn now(&self) -> Timestamp {
            self.clock.now() + ms(self.offset)
        }

        /// Sends a request that is answered after so many milliseconds.
        fn ask(&self, takes: i64) {
            let asked = self.clock.now();
            self.clock.advance(ms(takes / 2));
            let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
            let date = printer.timestamp_to_rfc9110_string(&self.now()).expect("a date");
            self.clock.advance(ms(takes - takes / 2));
            let headers = HeaderMap::from_iter([(DATE, HeaderValue::from_str(&date).expect("a header"))]);
            self.theirs.observe_response(asked, &headers);
        }

        /// A status changes between two polls.
        fn change(&self) {
            let earliest = self.clock.now();
            self.clock.advance(ms(2_000));
            let began = self.now();
            self.clock.advance(ms(1_000));
            self.theirs.observe_event(began, earliest, self.clock.now());
        }

        fn error(&self) -> i64 {
            (self.theirs.measured().in_use - self.offset).abs()
        }
    }

    #[test]
    fn dates_measure_the_offset_to_about_a_second() {
        for offset in [-2 * HOUR, -1_200_000, -7_300, 6_000, 1_200_000, 2 * HOUR] {
            let source = Source::ahead_by(offset);
            for takes in [80, 2_000, 30, 400] {
                source.ask(takes);
            }
            assert!(source.error() <= 1_500, "{offset}: {:?}", source.theirs.offset());
            let seconds = source.theirs.noteworthy_offset().expect("worth a note");
            assert!((seconds * 1_000 - offset).abs() <= 2_000, "{offset}: {seconds}");
            let translated = source.theirs.to_ours(source.now()).duration_since(source.clock.now());
            assert!(translated.abs() < ms(1_600), "{offset}: {translated}");
        }
    }

    #[test]
    fn offset_within_the_precision_is_zero() {
        for offset in [-900, 0, 900] {
            let source = Source::ahead_by(offset);
            for takes in [80, 2_000, 30] {
                source.ask(takes);
            }
            assert_eq!(source.theirs.offset(), SignedDuration::ZERO, "{offset}");
            assert_eq!(source.theirs.noteworthy_offset(), None);
        }
    }

    #[test]
    fn offset_stays_the_same_with_further_observations() {
        let source = Source::ahead_by(-1_200_000);
        source.ask(90);
        let first = source.theirs.offset();
        for round in 0..500 {
            source.clock.advance(ms(4_321));
            source.ask(20 + round % 300);
        }
        assert_eq!(source.theirs.offset(), first);
    }

    #[test]
    fn implausible_first_date_is_accepted_when_others_agree() {
        for offset in [-13 * HOUR, 56 * 365 * 24 * HOUR] {
            let mut source = Source::ahead_by(offset);
            source.ask(50);
            assert_eq!(source.theirs.offset(), SignedDuration::ZERO);
            source.offset = 0;
            source.ask(50);
            assert_eq!(source.theirs.offset(), SignedDuration::ZERO);

            let source = Source::ahead_by(offset);
            (0..3).for_each(|_| source.ask(50));
            assert!(source.error() <= 1_500, "{offset}: {:?}", source.theirs.offset());
        }
    }

    #[test]
    fn date_is_in_gmt_or_none() {
        for (text, is_date) in [
            ("Sat, 21 Nov 2026 09:00:00 GMT", true),
            ("Sat, 21 Nov 2026 09:00:00 EST", false),
            ("Sat, 21 Nov 2026 09:00:00 -0500", false),
        ] {
            let headers = [(DATE, HeaderValue::from_static(text))].into_iter().collect();
            assert_eq!(http_date::date(&headers).is_some(), is_date, "{text}");
        }
    }

    #[test]
    fn set_clock_is_followed_and_a_single_odd_date_is_not() {
        let mut source = Source::ahead_by(0);
        source.ask(50);
        source.offset = HOUR;
        source.ask(50);
        assert_eq!(source.theirs.offset(), SignedDuration::ZERO, "one is an error");
        source.offset = 0;
        source.ask(50);
        source.offset = HOUR;
        for _ in 0..3 {
            source.ask(50);
        }
        assert!(source.error() <= 1_500, "{:?}", source.theirs.offset());
        source.offset = 300;
        for _ in 0..3 {
            source.ask(50);
        }
        assert_eq!(source.theirs.offset(), SignedDuration::ZERO, "it was set right and may equal ours again");
    }

    #[test]
    fn events_measure_without_dates_and_win_over_them() {
        let source = Source::ahead_by(-1_200_000);
        source.change();
        assert_eq!(source.theirs.offset(), SignedDuration::ZERO, "one alone may be an error");
        source.change();
        assert!(source.error() <= 2_500, "{:?}", source.theirs.offset());

        let mut source = Source::ahead_by(0);
        source.ask(50);
        source.offset = 1_200_000;
        source.change();
        source.change();
        assert!(source.error() <= 2_500, "{:?}", source.theirs.offset());
        source.offset = 0;
        source.ask(50);
        assert_ne!(source.theirs.offset(), SignedDuration::ZERO, "dates are still not by the clock of the events");
    }

    #[test]
    fn cached_answer_or_answer_without_date_is_ignored() {
        let source = Source::ahead_by(0);
        let old = |name, value: &str| (name, HeaderValue::from_str(value).expect("a header"));
        let cached = [old(DATE, "Sat, 21 Nov 2026 07:00:00 GMT"), old(AGE, "7200")];
        for headers in [HeaderMap::from_iter(cached), HeaderMap::from_iter([old(DATE, "yesterday")]), HeaderMap::new()]
        {
            source.theirs.observe_response(source.clock.now(), &headers);
        }
        assert_eq!(source.theirs.offset(), SignedDuration::ZERO);
    }
}
