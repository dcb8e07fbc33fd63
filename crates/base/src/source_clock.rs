//! How far a source's clock is from ours.
//!
//! What a source says of the time (the `Date` of an answer, the beginning of a status that was another one a moment ago)
//! bounds the offset from both sides. Bounds that agree narrow one another. Those that do not are believed once several
//! in a row agree with each other: then a clock was set.
//!
//! The offset that is used stays the same while it may be right, so that what was translated by it does not change with
//! each measurement.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AGE, HeaderMap};

use super::{Clock, http};

/// A `Date` has whole seconds, and servers write the same one for up to another second.
const DATE_STEP: i64 = 2_000;

/// How far outside the bounds the offset that is used may be, in milliseconds.
const TOLERANCE: i64 = 1_000;

/// How many bounds in a row must contradict what is believed.
const CONTRADICTIONS: usize = 3;

/// So far clocks may be apart that nobody sets, in milliseconds.
const LIKELY: i64 = 3_600_000;

/// What is believed of two clocks is told to people from this on.
const NOTEWORTHY: SignedDuration = SignedDuration::from_secs(5);

/// A source's clock, measured. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SourceClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ours: Clock,
    /// A clock that a test holds in its hand cannot be compared with others.
    is_measured: bool,
    measured: Mutex<Measured>,
}

/// Offsets, theirs less ours, in milliseconds.
#[derive(Debug, Default)]
struct Measured {
    by_date: Believed,
    by_changes: Believed,
    used: i64,
}

#[derive(Debug, Default)]
struct Believed {
    bounds: Option<Bounds>,
    contradictions: Vec<Bounds>,
}

/// The offset is neither less nor more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    least: i64,
    most: i64,
}

impl SourceClock {
    /// A clock that is as ours until it has been measured.
    #[must_use]
    pub fn new(ours: Clock) -> Self {
        Self(Arc::new(Inner { is_measured: ours.is_system(), ours, measured: Mutex::default() }))
    }

    /// What time it is by our clock.
    #[must_use]
    pub fn ours(&self) -> Timestamp {
        self.0.ours.now()
    }

    /// What time it is by the source's.
    #[must_use]
    pub fn theirs(&self) -> Timestamp {
        self.ours().checked_add(self.offset()).unwrap_or(Timestamp::MAX)
    }

    /// How far it is ahead of ours; negative where it is behind. Zero while it may be.
    #[must_use]
    pub fn offset(&self) -> SignedDuration {
        SignedDuration::from_millis(self.measured().used)
    }

    /// The same where people should know, in whole seconds.
    #[must_use]
    pub fn noteworthy_offset(&self) -> Option<i64> {
        let offset = self.offset();
        (offset.abs() > NOTEWORTHY).then(|| (self.measured().used + 500).div_euclid(1_000))
    }

    /// When by our clock something was that the source gives a time for.
    #[must_use]
    pub fn to_ours(&self, theirs: Timestamp) -> Timestamp {
        theirs.checked_sub(self.offset()).unwrap_or(theirs)
    }

    /// A question asked at this time by our clock is answered now. An answer out of a cache says nothing.
    pub fn observe_response(&self, asked: Timestamp, headers: &HeaderMap) {
        let now = self.ours();
        let says_now = self.0.is_measured && !headers.contains_key(AGE) && asked <= now;
        let Some(date) = http::date(headers).filter(|_| says_now) else { return };
        let date = date.as_millisecond();
        let bounds = Bounds { least: date - now.as_millisecond(), most: date + DATE_STEP - asked.as_millisecond() };
        let mut measured = self.measured();
        // An absurd one alone is an answer out of a cache that does not say so.
        measured.by_date.take(bounds, if bounds.widened(LIKELY).holds(0) { 1 } else { CONTRADICTIONS });
        measured.settle();
    }

    /// Something began at a time by the source's clock; by ours between two instants.
    pub fn observe_event(&self, theirs: Timestamp, earliest: Timestamp, latest: Timestamp) {
        if earliest > latest || !self.0.is_measured {
            return;
        }
        let theirs = theirs.as_millisecond();
        let bounds = Bounds { least: theirs - latest.as_millisecond(), most: theirs - earliest.as_millisecond() };
        let mut measured = self.measured();
        // One of them alone may be an error of the source.
        measured.by_changes.take(bounds, 2);
        measured.settle();
    }

    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.0.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measured {
    fn settle(&mut self) {
        let bounds = match (self.by_date.bounds, self.by_changes.bounds) {
            // What is told was dated by the clock that dates what is told.
            (Some(date), Some(changes)) => date.and(changes.widened(TOLERANCE)).unwrap_or(changes),
            (Some(bounds), None) | (None, Some(bounds)) => bounds,
            (None, None) => return,
        };
        let may_be = |offset: i64| bounds.widened(TOLERANCE).holds(offset);
        if !may_be(self.used) {
            // Where the bounds are far apart, what was told was told soon.
            let likely = bounds.least + ((bounds.most - bounds.least) / 2).min(TOLERANCE);
            self.used = if may_be(0) { 0 } else { likely };
        }
    }
}

impl Believed {
    /// Takes bounds in; the first are believed when so many agree.
    fn take(&mut self, bounds: Bounds, at_first: usize) {
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

    fn holds(self, offset: i64) -> bool {
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

    /// A source whose clock is so far from ours.
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

        /// Asks, with an answer after so many milliseconds.
        fn ask(&self, takes: i64) {
            let asked = self.clock.now();
            self.clock.advance(ms(takes / 2));
            let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
            let date = printer.timestamp_to_rfc9110_string(&self.now()).expect("a date");
            self.clock.advance(ms(takes - takes / 2));
            let headers = HeaderMap::from_iter([(DATE, HeaderValue::from_str(&date).expect("a header"))]);
            self.theirs.observe_response(asked, &headers);
        }

        /// A status changes somewhere between two looks.
        fn change(&self) {
            let earliest = self.clock.now();
            self.clock.advance(ms(2_000));
            let began = self.now();
            self.clock.advance(ms(1_000));
            self.theirs.observe_event(began, earliest, self.clock.now());
        }

        fn error(&self) -> i64 {
            (self.theirs.measured().used - self.offset).abs()
        }
    }

    #[test]
    fn offset_is_measured_to_about_a_second_by_dates() {
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
    fn clocks_that_may_agree_agree() {
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
    fn measured_again_the_offset_stays_what_it_was() {
        let source = Source::ahead_by(-1_200_000);
        source.ask(90);
        let first = source.theirs.offset();
        for round in 0..500 {
            source.clock.advance(ms(4_321));
            source.ask(20 + round % 300);
        }
        assert_eq!(source.theirs.offset(), first);
    }

    /// An answer out of a cache that does not say so is the only one for hours.
    #[test]
    fn absurd_first_date_is_believed_when_others_agree() {
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
            assert_eq!(http::date(&headers).is_some(), is_date, "{text}");
        }
    }

    #[test]
    fn clock_that_is_set_is_followed_and_one_odd_date_is_not() {
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
        assert_eq!(source.theirs.offset(), SignedDuration::ZERO, "it was set right, and may be as ours again");
    }

    #[test]
    fn changes_tell_where_no_date_does_and_win_where_they_contradict_it() {
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
        assert_ne!(source.theirs.offset(), SignedDuration::ZERO, "dates are still not those of what is told");
    }

    #[test]
    fn answer_out_of_a_cache_or_without_a_date_says_nothing() {
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
