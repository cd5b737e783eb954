//! How many requests somebody may make: a bucket for each, filled at a rate.

use std::collections::BTreeMap;

/// Buckets remembered at a time; full ones are forgotten first, since they say nothing, and then all.
const BUCKETS_MAX: usize = 50_000;
/// A bucket holds what comes in so many seconds.
const BURST_S: u64 = 2;
/// Thousandths of a request, in which buckets are counted.
const UNIT: u64 = 1_000;

/// All buckets.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    buckets: BTreeMap<String, Bucket>,
    refused: u64,
}

#[derive(Debug)]
struct Bucket {
    left: u64,
    since_ms: u64,
}

impl Limiter {
    /// Takes one request of `who` who may make `rate` in a second.
    ///
    /// # Errors
    /// It is one too many: the seconds after which another may be made.
    pub(crate) fn take(&mut self, who: &str, rate: u32, now_ms: u64) -> Result<(), u64> {
        if rate == 0 {
            return Ok(());
        }
        let (rate, full) = (u64::from(rate), u64::from(rate) * BURST_S * UNIT);
        if self.buckets.len() >= BUCKETS_MAX && !self.buckets.contains_key(who) {
            self.forget(now_ms);
        }
        let bucket = self.buckets.entry(who.to_owned()).or_insert(Bucket { left: full, since_ms: now_ms });
        // A request for each rate-th of a second is a thousandth of one for each millisecond and unit of rate.
        let filled = now_ms.saturating_sub(bucket.since_ms).saturating_mul(rate);
        bucket.left = bucket.left.saturating_add(filled).min(full);
        bucket.since_ms = now_ms;
        if bucket.left < UNIT {
            self.refused += 1;
            let wait_ms = (UNIT - bucket.left).div_ceil(rate);
            return Err(wait_ms.div_ceil(1000).max(1));
        }
        bucket.left -= UNIT;
        Ok(())
    }

    /// Requests that were one too many.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    fn forget(&mut self, now_ms: u64) {
        let idle_ms = BURST_S * 1000;
        self.buckets.retain(|_, bucket| now_ms.saturating_sub(bucket.since_ms) < idle_ms);
        if self.buckets.len() >= BUCKETS_MAX {
            self.buckets.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut limiter = Limiter::default();
        let mut take = |who: &str, now_ms| limiter.take(who, 2, now_ms);
        assert_eq!([0; 5].map(|_| take("ann", 1_000)), [Ok(()), Ok(()), Ok(()), Ok(()), Err(1)]);
        assert_eq!(take("bob", 1_000), Ok(()));
        assert_eq!([take("ann", 1_499), take("ann", 1_500), take("ann", 1_500)], [Err(1), Ok(()), Err(1)]);
        assert_eq!([0; 5].map(|_| take("ann", 60_000)).iter().filter(|it| it.is_ok()).count(), 4);
        assert_eq!(limiter.refused(), 4);
    }

    #[test]
    fn no_limit_and_no_endless_memory() {
        let mut limiter = Limiter::default();
        assert!((0..1000).all(|_| limiter.take("ann", 0, 0).is_ok()));
        for index in 0..BUCKETS_MAX as u64 + 10 {
            limiter.take(&index.to_string(), 1, index).unwrap();
        }
        assert!(limiter.buckets.len() <= BUCKETS_MAX);
    }
}
