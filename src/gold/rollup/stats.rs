//! Shares, means, scores and times: each with how many cases it stands on. PeriodAggregate are kept, never quotients, so that the
//! total of several is a ratio of sums.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::SkipReason;

/// Fewer cases than this are shown as counts.
pub const SMALL_SAMPLE: u64 = 5;

/// Whether something counts from now on, or no longer. What is taken back has been counted exactly so before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It counts.
    Put,
    /// It no longer does.
    Take,
}

impl Change {
    /// Changes a count by what is in a part of it.
    pub fn count(self, whole: &mut u64, part: u64) {
        *whole = match self {
            Self::Put => *whole + part,
            Self::Take => *whole - part,
        };
    }
}

/// Of so many cases, so many were so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many were so.
    pub hit: u64,
    /// How many cases.
    pub n: u64,
}

impl Share {
    /// One more case.
    pub fn add(&mut self, hit: bool) {
        self.hit += u64::from(hit);
        self.n += 1;
    }

    pub(super) fn change(&mut self, part: Self, change: Change) {
        change.count(&mut self.hit, part.hit);
        change.count(&mut self.n, part.n);
    }

    /// In percent, to one decimal. `None`: there was no case.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        (self.n > 0).then(|| (float(self.hit) * 1000.0 / float(self.n)).round() / 10.0)
    }

    /// Between which whole percents the true share lies, with a confidence of 95 %: Wilson's interval, which stays sensible
    /// where there are few cases or all are alike. `None`: there was no case.
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

/// A sum of whole numbers, and of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mean {
    /// The sum.
    pub sum: i64,
    /// Of how many.
    pub n: u64,
}

impl Mean {
    /// One more number.
    pub fn add(&mut self, number: i64) {
        self.sum += number;
        self.n += 1;
    }

    pub(super) fn change(&mut self, part: Self, change: Change) {
        self.sum = match change {
            Change::Put => self.sum + part.sum,
            Change::Take => self.sum - part.sum,
        };
        change.count(&mut self.n, part.n);
    }

    /// Those of this sum that are not in that one, which is part of it.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        Self { sum: self.sum - part.sum, n: self.n.saturating_sub(part.n) }
    }

    /// The mean, to one decimal. `None`: there was no number.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.exact().map(|mean| (mean * 10.0).round() / 10.0)
    }

    /// The mean as it is.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "sums of stars are far below 2^52")]
    pub fn exact(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum as f64 / float(self.n))
    }
}

/// Answers to "would you recommend us", 0 to 10.
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
    /// One more answer. A five is a detractor (`apis.md` B147).
    pub fn add(&mut self, score: u8) {
        self.promoters += u64::from(score >= 9);
        self.detractors += u64::from(score <= 6);
        self.n += 1;
    }

    pub(super) fn change(&mut self, part: Self, change: Change) {
        change.count(&mut self.promoters, part.promoters);
        change.count(&mut self.detractors, part.detractors);
        change.count(&mut self.n, part.n);
    }

    /// The share of promoters minus that of detractors, from -100 to 100, to one decimal. `None`: nobody answered.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        let score = (float(self.promoters) - float(self.detractors)) * 100.0 / float(self.n);
        // Not minus nought.
        (self.n > 0).then(|| (score * 10.0).round() / 10.0 + 0.0)
    }
}

/// How long something took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// The time that half of them did not exceed, in seconds.
    pub median: i64,
    /// The time that nine of ten did not exceed, in seconds.
    pub p90: i64,
    /// How many.
    pub n: u64,
}

/// Of the interactions that ended: how many customers were asked, and why the others were not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Whose customers were asked, of all that ended.
    pub asked: Share,
    /// The others, by reason.
    pub reasons: BTreeMap<SkipReason, u64>,
    /// Since when.
    pub since: Timestamp,
}

impl Coverage {
    /// One has ended, or not after all. `None`: the customer was asked; else why not.
    pub(super) fn change(&mut self, reason: Option<SkipReason>, change: Change) {
        self.asked.change(Share { hit: u64::from(reason.is_none()), n: 1 }, change);
        if let Some(reason) = reason {
            let count = self.reasons.entry(reason).or_default();
            change.count(count, 1);
            if *count == 0 {
                self.reasons.remove(&reason);
            }
        }
    }

    /// How many have ended.
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
    fn a_share_carries_its_counts_and_the_interval_of_few_cases_is_wide() {
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
    fn the_total_of_two_shares_is_a_ratio_of_sums() {
        let mut total = Share::default();
        for hit in std::iter::once(true).chain([false; 99]) {
            total.add(hit);
        }
        assert_eq!(total.percent(), Some(1.0), "1 of 1 and 0 of 99 are not 50 %");
    }

    #[test]
    fn nps_has_one_decimal_and_five_is_a_detractor() {
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
    fn a_mean_has_one_decimal_and_a_part_can_be_taken_out_of_it() {
        let mut all = Mean::default();
        assert_eq!(all.value(), None);
        [5, 4, 4, 1].into_iter().for_each(|stars| all.add(stars));
        assert_eq!(all.value(), Some(3.5));
        assert_eq!(all.without(&Mean { sum: 1, n: 1 }).value(), Some(4.3));
    }
}
