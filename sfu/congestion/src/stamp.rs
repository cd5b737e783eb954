//! Time as the arithmetic counts it.

use std::time::{Duration, Instant};

/// Microseconds since a beginning that the owner chose, the same for all it compares.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Stamp(pub u64);

impl Stamp {
    /// The stamp of `now` when stamps begin at `epoch`; what was before counts as the beginning.
    pub fn of(epoch: Instant, now: Instant) -> Self {
        Self(micros(now.saturating_duration_since(epoch)))
    }

    /// Time since `earlier`, or zero when that is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The stamp `span` later.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// The moment that this stamp names when stamps begin at `epoch`.
    pub fn instant(self, epoch: Instant) -> Instant {
        epoch + Duration::from_micros(self.0)
    }
}

/// Whole microseconds of a span.
pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Milliseconds of a span with their fraction.
pub(crate) fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_its_epoch() {
        let epoch = Instant::now();
        let later = Stamp::of(epoch, epoch + Duration::from_millis(5));
        assert_eq!(later, Stamp(5000));
        assert_eq!(later.instant(epoch), epoch + Duration::from_millis(5));
        assert_eq!(Stamp::of(epoch + Duration::from_secs(1), epoch), Stamp(0));
        assert_eq!(Stamp(3).since(Stamp(5)), Duration::ZERO);
        assert_eq!(Stamp(3).after(Duration::from_micros(4)), Stamp(7));
    }
}
