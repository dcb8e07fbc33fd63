//! How long things took, so that what half of them did not exceed is found without looking at each.

use std::collections::BTreeMap;

use super::stats::Percentiles;

/// How many seconds share a drawer: about as many drawers are walked over as times within the one that matters.
const DRAWER: i64 = 512;

/// Percentiles in seconds, any of them as often as it occurred.
#[derive(Debug, Clone, Default)]
pub(super) struct PercentileIndex {
    n: u64,
    drawers: BTreeMap<i64, Bucket>,
}

#[derive(Debug, Clone, Default)]
struct Bucket {
    n: u64,
    times: BTreeMap<i64, u64>,
}

impl PercentileIndex {
    /// One more.
    pub fn put(&mut self, seconds: i64) {
        let drawer = self.drawers.entry(seconds.div_euclid(DRAWER)).or_default();
        *drawer.times.entry(seconds).or_default() += 1;
        drawer.n += 1;
        self.n += 1;
    }

    /// One fewer, if it is there.
    pub fn take(&mut self, seconds: i64) {
        let place = seconds.div_euclid(DRAWER);
        let Some(drawer) = self.drawers.get_mut(&place) else { return };
        let Some(count) = drawer.times.get_mut(&seconds) else { return };
        *count -= 1;
        if *count == 0 {
            drawer.times.remove(&seconds);
        }
        drawer.n -= 1;
        if drawer.n == 0 {
            self.drawers.remove(&place);
        }
        self.n -= 1;
    }

    /// What they amount to. Percentiles are times that occurred: the smallest that the share of them does not exceed.
    pub fn times(&self) -> Percentiles {
        let rank = |tenths: u64| (self.n * tenths).div_ceil(10);
        let at = |tenths| self.at(rank(tenths)).unwrap_or_default();
        Percentiles { median: at(5), p90: at(9), n: self.n }
    }

    /// The time that stands at that place, counted from one.
    fn at(&self, mut rank: u64) -> Option<i64> {
        let drawer = self.drawers.values().find(|drawer| is_within(&mut rank, drawer.n))?;
        drawer.times.iter().find(|(_, count)| is_within(&mut rank, **count)).map(|(seconds, _)| *seconds)
    }
}

/// Whether the place is among the next `n`; if not, what is left of it behind them.
fn is_within(rank: &mut u64, n: u64) -> bool {
    let is_within = *rank <= n;
    if !is_within {
        *rank -= n;
    }
    is_within
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranked(times: &[i64]) -> PercentileIndex {
        let mut ranked = PercentileIndex::default();
        times.iter().for_each(|seconds| ranked.put(*seconds));
        ranked
    }

    #[test]
    fn percentiles_are_times_that_occurred() {
        let cases: [(&[i64], _, _); 6] = [
            (&[], 0, 0),
            (&[7], 7, 7),
            (&[30, 10], 10, 30),
            (&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 5, 9),
            (&[1, 1, 1, 1000], 1, 1000),
            (&[100_000, 600, 3], 600, 100_000),
        ];
        for (seconds, median, p90) in cases {
            let n = seconds.len() as u64;
            assert_eq!(ranked(seconds).times(), Percentiles { median, p90, n }, "{seconds:?}");
        }
    }

    proptest! {
        /// As if all that are left had been put in a row.
        #[test]
        fn what_was_taken_back_was_never_there(
            stay in prop::collection::vec(0..3000_i64, 0..40),
            go in prop::collection::vec(0..3000_i64, 0..40),
        ) {
            let mut all = ranked(&[&stay[..], &go[..]].concat());
            go.iter().for_each(|seconds| all.take(*seconds));
            let mut row = stay.clone();
            row.sort_unstable();
            let at = |tenths: usize| row.get((row.len() * tenths).div_ceil(10).saturating_sub(1)).copied().unwrap_or(0);
            prop_assert_eq!(all.times(), Percentiles { median: at(5), p90: at(9), n: row.len() as u64 });
        }
    }
}
