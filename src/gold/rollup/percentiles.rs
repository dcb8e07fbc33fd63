//! Durations in buckets, to find percentiles without sorting.

use std::collections::BTreeMap;

use super::stats::Percentiles;

/// The width of a bucket. A percentile visits the buckets and then the durations of one: with this width both are few.
const BUCKET_SECONDS: i64 = 512;

/// Durations in seconds, with how often each occurred.
#[derive(Debug, Clone, Default)]
pub(super) struct PercentileIndex {
    n: u64,
    buckets: BTreeMap<i64, Bucket>,
}

#[derive(Debug, Clone, Default)]
struct Bucket {
    n: u64,
    counts: BTreeMap<i64, u64>,
}

impl PercentileIndex {
    /// Adds a duration.
    pub fn add(&mut self, seconds: i64) {
        let bucket = self.buckets.entry(seconds.div_euclid(BUCKET_SECONDS)).or_default();
        *bucket.counts.entry(seconds).or_default() += 1;
        bucket.n += 1;
        self.n += 1;
    }

    /// Removes a duration, if it is there.
    pub fn remove(&mut self, seconds: i64) {
        let key = seconds.div_euclid(BUCKET_SECONDS);
        let Some(bucket) = self.buckets.get_mut(&key) else { return };
        let Some(count) = bucket.counts.get_mut(&seconds) else { return };
        *count -= 1;
        if *count == 0 {
            bucket.counts.remove(&seconds);
        }
        bucket.n -= 1;
        if bucket.n == 0 {
            self.buckets.remove(&key);
        }
        self.n -= 1;
    }

    /// The percentiles by the nearest-rank method: each is a duration that occurred.
    pub fn percentiles(&self) -> Percentiles {
        let rank = |tenths: u64| (self.n * tenths).div_ceil(10);
        let at = |tenths| self.at(rank(tenths)).unwrap_or_default();
        Percentiles { median: at(5), p90: at(9), n: self.n }
    }

    /// The duration at a rank, counted from one.
    fn at(&self, mut rank: u64) -> Option<i64> {
        let bucket = self.buckets.values().find(|bucket| is_within(&mut rank, bucket.n))?;
        bucket.counts.iter().find(|(_, count)| is_within(&mut rank, **count)).map(|(seconds, _)| *seconds)
    }
}

/// Whether the rank is among the next `n`. If not, subtracts them from it.
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

    fn index_of(durations: &[i64]) -> PercentileIndex {
        let mut index = PercentileIndex::default();
        durations.iter().for_each(|seconds| index.add(*seconds));
        index
    }

    #[test]
    fn percentiles_are_durations_that_occurred() {
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
            assert_eq!(index_of(seconds).percentiles(), Percentiles { median, p90, n }, "{seconds:?}");
        }
    }

    proptest! {
        /// The percentiles are those of the sorted rest.
        #[test]
        fn removed_durations_do_not_count(
            stay in prop::collection::vec(0..3000_i64, 0..40),
            go in prop::collection::vec(0..3000_i64, 0..40),
        ) {
            let mut all = index_of(&[&stay[..], &go[..]].concat());
            go.iter().for_each(|seconds| all.remove(*seconds));
            let mut sorted = stay.clone();
            sorted.sort_unstable();
            let index = |tenths: usize| (sorted.len() * tenths).div_ceil(10).saturating_sub(1);
            let at = |tenths: usize| sorted.get(index(tenths)).copied().unwrap_or(0);
            prop_assert_eq!(all.percentiles(), Percentiles { median: at(5), p90: at(9), n: sorted.len() as u64 });
        }
    }
}
