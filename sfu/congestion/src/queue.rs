//! How much delay stands in the way's queues: what the least delayed packet of a report took, above the least that
//! was seen for a while. Not part of the draft: the trend tells that a queue grows, this tells that it is there.

use std::time::Duration;

use crate::Stamp;

/// The floor is the least delay of this span and the one before, so that a new route is learnt.
const FLOOR_SPAN: Duration = Duration::from_secs(15);

/// See the module. The two clocks differ by an unknown constant, which cancels out.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Least differences in microseconds: of this span and of the one before.
    floors: (Option<i64>, Option<i64>),
    since: Stamp,
    least: Option<i64>,
    standing: Duration,
}

impl Queue {
    /// Notes one packet of a report.
    pub(crate) fn note(&mut self, sent: Stamp, arrival: Stamp) {
        let difference = arrival.0.wrapping_sub(sent.0).cast_signed();
        self.least = Some(self.least.map_or(difference, |least| least.min(difference)));
    }

    /// Ends a report.
    pub(crate) fn conclude(&mut self, now: Stamp) {
        let Some(least) = self.least.take() else { return };
        if now.since(self.since) >= FLOOR_SPAN {
            (self.floors, self.since) = ((None, self.floors.0), now);
        }
        self.floors.0 = Some(self.floors.0.map_or(least, |floor| floor.min(least)));
        let floor = self.floors.1.map_or(least, |floor| floor.min(least)).min(self.floors.0.unwrap_or(least));
        let above = least.saturating_sub(floor);
        self.standing = Duration::from_micros(u64::try_from(above).unwrap_or(0));
    }

    /// What stands now is the way itself, not a queue.
    pub(crate) fn relearn(&mut self) {
        (self.floors, self.standing) = ((None, None), Duration::ZERO);
    }

    /// The delay that stood in the way as of the last report.
    pub(crate) fn standing(&self) -> Duration {
        self.standing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(queue: &mut Queue, at_ms: u64, delays_ms: &[u64]) -> u128 {
        for delay in delays_ms {
            queue.note(Stamp(at_ms * 1000), Stamp((at_ms + delay + 777_777) * 1000));
        }
        queue.conclude(Stamp(at_ms * 1000));
        queue.standing().as_millis()
    }

    #[test]
    fn tells_what_stands_above_the_floor() {
        let mut queue = Queue::default();
        assert_eq!(report(&mut queue, 0, &[30, 40]), 0);
        assert_eq!(report(&mut queue, 100, &[90, 80]), 50);
        assert_eq!(report(&mut queue, 200, &[]), 50);
        assert_eq!(report(&mut queue, 300, &[25]), 0);
        assert_eq!(report(&mut queue, 400, &[30]), 5);
    }

    #[test]
    fn a_longer_route_becomes_the_floor() {
        let mut queue = Queue::default();
        report(&mut queue, 0, &[30]);
        let after: Vec<_> = (1..=50).map(|second| report(&mut queue, second * 1000, &[90])).collect();
        assert_eq!((after[0], after[20], after[49]), (60, 60, 0));
    }
}
