//! Times by their size, in buckets that grow with them: three digits hold over nine decades, in a fixed few kilobytes.

use std::time::Duration;

/// Buckets in each doubling: an error of at most 1/64.
const STEPS: usize = 64;
/// log2 of [`STEPS`].
const STEP_BITS: u32 = 6;
/// Buckets in all: every 64-bit number has its place.
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) * STEPS;

/// See the module.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], count: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one time.
    pub fn note(&mut self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket(nanoseconds)) {
            *count += 1;
        }
        self.count += 1;
        self.max = self.max.max(nanoseconds);
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest time, exactly.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The time that `share` (0 to 1) of all times do not exceed, within 1/64; zero when there is none.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (share * self.count as f64).ceil().max(1.0);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen as f64 >= wanted {
                return Duration::from_nanos(upper(index).min(self.max));
            }
        }
        Duration::ZERO
    }

    /// Takes the counts of another into this one.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.count, self.max) = (0, 0);
    }
}

/// Small numbers have a bucket each; above, the leading [`STEP_BITS`] + 1 bits say which.
fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(STEP_BITS + 1);
    shift as usize * STEPS + (value >> shift) as usize
}

/// The largest number of a bucket.
fn upper(index: usize) -> u64 {
    if index < 2 * STEPS {
        return index as u64;
    }
    let (shift, lead) = (index / STEPS - 1, (index % STEPS + STEPS) as u64);
    (lead << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tells_quantiles() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        (1..=1000).for_each(|micros| histogram.note(Duration::from_micros(micros)));
        for (share, micros) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let found = histogram.quantile(share).as_secs_f64() * 1e6;
            assert!((found / micros - 1.0).abs() < 1.0 / 60.0, "{share}: {found}");
        }
        assert_eq!((histogram.count(), histogram.max()), (1000, Duration::from_millis(1)));
        let mut sum = Histogram::default();
        sum.add(&histogram);
        sum.add(&histogram);
        assert_eq!((sum.count(), sum.quantile(0.5)), (2000, histogram.quantile(0.5)));
        sum.clear();
        assert_eq!((sum.count(), sum.max()), (0, Duration::ZERO));
    }

    proptest! {
        #[test]
        fn every_number_has_its_bucket(value: u64) {
            let index = bucket(value);
            prop_assert!(index < BUCKETS && value <= upper(index));
            prop_assert!(index == 0 || value > upper(index - 1));
            prop_assert!(upper(index) - value <= value / 64);
        }
    }
}
