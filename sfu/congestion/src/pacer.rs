//! Spreads what would overrun the link: bursts pass untouched as long as the link's rate, a little raised, would have
//! carried them within some ten milliseconds or the link has passed the like before, and only what is beyond waits.

use std::time::Duration;

use crate::Stamp;
use crate::stamp::micros;

/// A burst that the pace carries within this long is not touched. A frame at 30 frames a second, and the slack of a
/// timer.
pub const BURST: Duration = Duration::from_millis(40);
/// What waits is let go in portions, not sooner than this after another.
pub const QUANTUM: Duration = Duration::from_millis(5);
/// Most that sound, repetitions and probes, which wait for nobody, hold back the rest.
const DEBT_MAX: Duration = Duration::from_millis(500);
/// Longest burst in time at the pace, however much the link has passed at once: less than [`DEBT_MAX`], or nothing would
/// ever wait.
const BURST_MAX: Duration = Duration::from_millis(400);
/// Fraction bits of the cost of a byte.
const FRACTION: u32 = 10;

/// A leaky bucket, counted in time: when would all that was sent have left at the pace?
#[derive(Debug)]
pub struct Pacer {
    /// In microseconds, with [`FRACTION`] more bits.
    busy_until: u64,
    /// Time for a byte in the same unit; 0 without limit.
    byte_cost: u64,
    /// Time at the pace that a burst may take, in microseconds.
    burst: u64,
    closed_until: Stamp,
}

impl Default for Pacer {
    fn default() -> Self {
        Self { busy_until: 0, byte_cost: 0, burst: micros(BURST), closed_until: Stamp(0) }
    }
}

impl Pacer {
    /// From here on paces at `bps` bits per second; `None` is no limit. `burst_bytes` pass at once in any case.
    pub fn set_rate(&mut self, bps: Option<u64>, burst_bytes: u32) {
        self.byte_cost = bps.map_or(0, |bps| (8_000_000 << FRACTION) / bps.max(8_000));
        let burst = (u64::from(burst_bytes) * self.byte_cost) >> FRACTION;
        self.burst = burst.clamp(micros(BURST), micros(BURST_MAX));
    }

    /// Notes a packet sent at `at`.
    #[inline]
    pub fn sent(&mut self, at: Stamp, bytes: u16) {
        let busy_until = self.busy_until.max(at.0 << FRACTION) + u64::from(bytes) * self.byte_cost;
        self.busy_until = busy_until.min((at.0 + micros(DEBT_MAX)) << FRACTION);
    }

    /// Whether another packet may go at `at`.
    #[inline]
    pub fn is_open(&self, at: Stamp) -> bool {
        self.busy_until <= (at.0 + self.burst) << FRACTION && self.closed_until <= at
    }

    /// Nothing may go before `at`, whatever the pace.
    pub fn close_until(&mut self, at: Stamp) {
        self.closed_until = at;
    }

    /// When the next packet may go, if none may at present.
    pub fn opens_at(&self) -> Stamp {
        Stamp((self.busy_until >> FRACTION).saturating_sub(self.burst) + 1).max(self.closed_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_what_is_beyond_waits() {
        let mut pacer = Pacer::default();
        pacer.set_rate(Some(960_000), 0);
        let mut passed = 0;
        while pacer.is_open(Stamp(1_000_000)) {
            pacer.sent(Stamp(1_000_000), 1200);
            passed += 1;
        }
        // 10 ms each: four within the burst, and one that overdraws.
        assert_eq!(passed, 5);
        assert!(!pacer.is_open(Stamp(1_009_000)));
        assert!((1_009_990..=1_010_001).contains(&pacer.opens_at().0));
        assert!(pacer.is_open(pacer.opens_at()));
    }

    #[test]
    fn what_the_link_has_passed_passes_and_no_more() {
        let passed = |burst_bytes| {
            let mut pacer = Pacer::default();
            pacer.set_rate(Some(960_000), burst_bytes);
            let sent = std::iter::repeat_with(|| pacer.is_open(Stamp(0)).then(|| pacer.sent(Stamp(0), 1200)));
            sent.take(1000).flatten().count()
        };
        // Some 10 ms each, and one that overdraws; never more than 400 ms.
        assert_eq!([0, 4_800, 24_000, u32::MAX].map(passed), [5, 5, 20, 41]);
    }

    #[test]
    fn what_is_closed_waits_without_any_rate() {
        let mut pacer = Pacer::default();
        pacer.close_until(Stamp(5_000));
        assert!(!pacer.is_open(Stamp(4_999)) && pacer.is_open(Stamp(5_000)));
        assert_eq!(pacer.opens_at(), Stamp(5_000));
        pacer.close_until(Stamp(1_000));
        assert!(pacer.is_open(Stamp(1_000)));
    }

    #[test]
    fn no_rate_no_limit() {
        let mut pacer = Pacer::default();
        for _ in 0..10_000 {
            pacer.sent(Stamp(5), u16::MAX);
        }
        assert!(pacer.is_open(Stamp(5)));
        pacer.set_rate(Some(0), 0);
        pacer.sent(Stamp(5), u16::MAX);
        assert!(!pacer.is_open(Stamp(5)));
        pacer.set_rate(None, 0);
        pacer.sent(Stamp(6), 1);
    }
}
