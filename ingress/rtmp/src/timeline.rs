//! The sender's 32-bit clock made whole: it wraps after 49 days, and encoders begin it anew in mid-stream.

use crate::limits::CLOCK_JUMP_MIN;

/// Where a clock that begins anew is joined on: a little after what was last, in milliseconds.
const JOINT_MS: i64 = 1;

/// One clock for all that a connection sends.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    last: Option<(u32, i64)>,
    anew: bool,
}

impl Timeline {
    /// The time of a message in milliseconds. A jump of [`CLOCK_JUMP_MIN`] or more either way is a new beginning.
    pub(crate) fn place(&mut self, timestamp: u32) -> i64 {
        let time = match self.last {
            None => i64::from(timestamp),
            Some((before, time)) => {
                let step = i64::from(timestamp.wrapping_sub(before) as i32);
                let is_jump = self.anew || u128::from(step.unsigned_abs()) >= CLOCK_JUMP_MIN.as_millis();
                time.saturating_add(if is_jump { JOINT_MS } else { step })
            }
        };
        (self.last, self.anew) = (Some((timestamp, time)), false);
        time
    }

    /// The next message begins the clock anew, whatever its time.
    pub(crate) fn anew(&mut self) {
        self.anew = true;
    }
}

/// The times of one medium in decoding order: they never fall.
#[derive(Debug, Default)]
pub(crate) struct Rising {
    highest: Option<i64>,
}

impl Rising {
    /// `time`, or the highest so far if that is later.
    pub(crate) fn place(&mut self, time: i64) -> i64 {
        let time = self.highest.map_or(time, |highest| highest.max(time));
        self.highest = Some(time);
        time
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wraps_and_begins_anew() {
        let mut timeline = Timeline::default();
        for (timestamp, time) in [
            (u32::MAX - 10, i64::from(u32::MAX) - 10),
            (20, i64::from(u32::MAX) + 21),
            (5, i64::from(u32::MAX) + 6),
            (3_600_000, i64::from(u32::MAX) + 7),
            (3_600_040, i64::from(u32::MAX) + 47),
            (0, i64::from(u32::MAX) + 48),
        ] {
            assert_eq!(timeline.place(timestamp), time, "{timestamp}");
        }
    }

    #[test]
    fn one_medium_never_runs_back() {
        let mut rising = Rising::default();
        let times: Vec<_> = [5, 9, 7, 9, 12].map(|time| rising.place(time)).to_vec();
        assert_eq!(times, [5, 9, 9, 9, 12]);
    }

    proptest! {
        #[test]
        fn no_step_is_a_jump(timestamps in proptest::collection::vec(any::<u32>(), 1..100)) {
            let mut timeline = Timeline::default();
            let times: Vec<_> = timestamps.iter().map(|&timestamp| timeline.place(timestamp)).collect();
            for pair in times.windows(2) {
                prop_assert!((pair[1] - pair[0]).unsigned_abs() < CLOCK_JUMP_MIN.as_millis() as u64);
            }
        }
    }
}
