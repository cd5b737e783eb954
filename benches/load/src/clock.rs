//! The two clocks of a turn: the monotonic one that timers use, and the system's that stamps and arrivals use.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Both clocks, read at the same moment.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The monotonic clock.
    pub now: Instant,
    /// The system's clock, nanoseconds since 1970.
    pub now_ns: u64,
}

impl Clock {
    /// Reads both.
    pub fn read() -> Self {
        Self { now: Instant::now(), now_ns: Self::unix_ns() }
    }

    /// The system's clock, nanoseconds since 1970.
    pub fn unix_ns() -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The moment that the system's clock calls `unix_ns`, not later than now.
    #[inline]
    pub fn instant(&self, unix_ns: u64) -> Instant {
        let ago = Duration::from_nanos(self.now_ns.saturating_sub(unix_ns));
        self.now.checked_sub(ago).unwrap_or(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_moment_of_a_stamp() {
        let clock = Clock::read();
        assert_eq!(clock.now - clock.instant(clock.now_ns - 1_000_000), Duration::from_millis(1));
        assert_eq!(clock.instant(clock.now_ns + 5), clock.now);
    }
}
