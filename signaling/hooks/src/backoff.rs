//! When to try again.

use std::time::Duration;

/// The wait after the first failure; it doubles with each.
pub(crate) const FIRST: Duration = Duration::from_secs(1);
/// The longest wait that we choose.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);
/// The longest wait that a receiver may ask for.
pub(crate) const ASKED_MAX: Duration = Duration::from_secs(300);

/// The wait after `failures` failures in a row, at least 1. `asked` is what the receiver wants (`Retry-After`). The wait is
/// spread over its last quarter by `seed`, so that rooms that failed together do not come back together.
pub(crate) fn wait(failures: u32, asked: Option<Duration>, seed: u64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let wait = doubled.min(LONGEST).max(asked.unwrap_or_default().min(ASKED_MAX));
    let quarter = u64::try_from(wait.as_millis() / 4).unwrap_or(u64::MAX).max(1);
    wait + Duration::from_millis(mix(seed ^ u64::from(failures) << 48) % quarter)
}

/// Spreads a number evenly (the finaliser of SplitMix64).
fn mix(seed: u64) -> u64 {
    let a = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    b ^ (b >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        for (failures, asked, least) in [
            (1, None, 1),
            (2, None, 2),
            (3, None, 4),
            (6, None, 32),
            (7, None, 60),
            (u32::MAX, None, 60),
            (1, Some(30), 30),
            (7, Some(1), 60),
            (1, Some(100_000), 300),
        ] {
            let least = Duration::from_secs(least);
            let waits: Vec<_> = (0..100).map(|seed| wait(failures, asked.map(Duration::from_secs), seed)).collect();
            assert!(waits.iter().all(|wait| (least..least + least / 4).contains(wait)), "{failures} {waits:?}");
            assert!(waits.iter().any(|wait| *wait != waits[0]));
        }
    }
}
