//! Shares, means, scores and percentiles, each with its number of cases. Sums are kept, never quotients, so that a
//! total is a ratio of sums.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::SkipReason;

/// Fewer cases than this are a small sample: they are shown as counts.
pub const SMALL_SAMPLE: u64 = 5;

/// Whether a contribution is added or removed. What is removed was added before with the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// It is added.
    Add,
    /// It is removed.
    Remove,
}

impl Operation {
    /// Adds `part` to a count, or removes it.
    pub fn count(self, whole: &mut u64, part: u64) {
        *whole = match self {
            Self::Add => *whole + part,
            Self::Remove => *whole - part,
        };
    }
}

/// A share of cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// The cases that count.
    pub hit: u64,
    /// All cases.
    pub n: u64,
}

impl Share {
    /// Adds a case.
    pub fn add(&mut self, hit: bool) {
        self.hit += u64::from(hit);
        self.n += 1;
    }

    pub(super) fn change(&mut self, part: Self, operation: Operation) {
        operation.count(&mut self.hit, part.hit);
        operation.count(&mut self.n, part.n);
    }

    /// In percent, to one decimal. `None`: there are no cases.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        (self.n > 0).then(|| (float(self.hit) * 1000.0 / float(self.n)).round() / 10.0)
    }

    /// The 95 % confidence interval in whole percents, by Wilson's formula, which also fits few cases and shares of 0
    /// and 100 %. `None`: there are no cases.
    #[must_use]
    pub fn interval(&self) -> Option<(u8, u8)> {
        const Z: f64 = 1.959_964;
        if self.n == 0 {
            return None;
        }
        let (n, p) = (float(self.n), float(self.hit) / float(self.n));
        let middle = p + Z * Z / (2.0 * n);
        let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + Z * Z / n;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 100 before")]
        let percent = |share: f64| (share / whole * 100.0).round().clamp(0.0, 100.0) as u8;
        Some((percent(middle - reach), percent(middle + reach)))
    }
}

/// The mean of whole numbers, as a sum and a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mean {
    /// The sum.
    pub sum: i64,
    /// How many numbers.
    pub n: u64,
}

impl Mean {
    /// Adds a number.
    pub fn add(&mut self, number: i64) {
        self.sum += number;
        self.n += 1;
    }

    pub(super) fn change(&mut self, part: Self, operation: Operation) {
        self.sum = match operation {
            Operation::Add => self.sum + part.sum,
            Operation::Remove => self.sum - part.sum,
        };
        operation.count(&mut self.n, part.n);
    }

    /// The mean of the numbers that are not in `part`.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        Self { sum: self.sum - part.sum, n: self.n.saturating_sub(part.n) }
    }

    /// The mean, to one decimal. `None`: there are no numbers.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.exact().map(|mean| (mean * 10.0).round() / 10.0)
    }

    /// The mean, not rounded.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "sums of stars are far below 2^52")]
    pub fn exact(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum as f64 / float(self.n))
    }
}

/// The net promoter score, from answers of 0 to 10.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nps {
    /// Answers of 9 or 10.
    pub promoters: u64,
    /// Answers of 0 to 6.
    pub detractors: u64,
    /// All answers.
    pub n: u64,
}

impl Nps {
    /// Adds an answer. A five is a detractor, not five stars (apis.md B147).
    pub fn add(&mut self, score: u8) {
        self.promoters += u64::from(score >= 9);
        self.detractors += u64::from(score <= 6);
        self.n += 1;
    }

    pub(super) fn change(&mut self, part: Self, operation: Operation) {
        operation.count(&mut self.promoters, part.promoters);
        operation.count(&mut self.detractors, part.detractors);
        operation.count(&mut self.n, part.n);
    }

    /// The share of promoters minus that of detractors, from -100 to 100, to one decimal. `None`: there are no answers.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        let score = (float(self.promoters) - float(self.detractors)) * 100.0 / float(self.n);
        // Adding zero turns -0.0 into 0.0.
        (self.n > 0).then(|| (score * 10.0).round() / 10.0 + 0.0)
    }
}

/// Percentiles of durations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// The median, in seconds.
    pub median: i64,
    /// The 90th percentile, in seconds.
    pub p90: i64,
    /// How many durations.
    pub n: u64,
}

/// Survey coverage: for how many ended interactions a survey was requested, and why not for the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Interactions with a survey request, of all that ended.
    pub asked: Share,
    /// The other interactions, by reason.
    pub reasons: BTreeMap<SkipReason, u64>,
    /// Since when interactions are counted.
    pub since: Timestamp,
}

impl Coverage {
    /// Adds or removes an ended interaction. `None`: the customer was surveyed; else why not.
    pub(super) fn change(&mut self, reason: Option<SkipReason>, operation: Operation) {
        self.asked.change(Share { hit: u64::from(reason.is_none()), n: 1 }, operation);
        if let Some(reason) = reason {
            let count = self.reasons.entry(reason).or_default();
            operation.count(count, 1);
            if *count == 0 {
                self.reasons.remove(&reason);
            }
        }
    }

    /// How many interactions have ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.asked.n
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a month are far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_has_percent_and_an_interval_that_is_wide_for_few() {
        // (hit, n, percent, interval)
        let cases = [
            (0, 0, None, None),
            (4, 5, Some(80.0), Some((38, 96))),
            (3, 4, Some(75.0), Some((30, 95))),
            (0, 3, Some(0.0), Some((0, 56))),
            (3, 3, Some(100.0), Some((44, 100))),
            (71, 83, Some(85.5), Some((76, 92))),
            (800, 1000, Some(80.0), Some((77, 82))),
            (1, 100, Some(1.0), Some((0, 5))),
        ];
        for (hit, n, percent, interval) in cases {
            let share = Share { hit, n };
            assert_eq!((share.percent(), share.interval()), (percent, interval), "{hit} of {n}");
        }
    }

    #[test]
    fn total_of_shares_is_a_ratio_of_sums() {
        let mut total = Share::default();
        for hit in std::iter::once(true).chain([false; 99]) {
            total.add(hit);
        }
        assert_eq!(total.percent(), Some(1.0), "1 of 1 and 0 of 99 are not 50 %");
    }

    #[test]
    fn nps_has_one_decimal_and_counts_five_as_detractor() {
        // (answers, score)
        let cases: [(&[u8], Option<f64>); 7] = [
            (&[], None),
            (&[10, 9, 8, 5], Some(25.0)),
            (&[9, 9, 10], Some(100.0)),
            (&[0, 6], Some(-100.0)),
            (&[7, 8], Some(0.0)),
            (&[10, 8, 8], Some(33.3)),
            (&[3, 8, 8, 8, 8, 8, 8, 8], Some(-12.5)),
        ];
        for (answers, score) in cases {
            let mut nps = Nps::default();
            answers.iter().for_each(|answer| nps.add(*answer));
            assert_eq!((nps.score(), nps.n), (score, answers.len() as u64), "{answers:?}");
        }
    }

    #[test]
    fn mean_has_one_decimal_and_can_exclude_a_part() {
        let mut all = Mean::default();
        assert_eq!(all.value(), None);
        [5, 4, 4, 1].into_iter().for_each(|stars| all.add(stars));
        assert_eq!(all.value(), Some(3.5));
        assert_eq!(all.without(&Mean { sum: 1, n: 1 }).value(), Some(4.3));
    }
}
