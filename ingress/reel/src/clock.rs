//! One clock for all that comes of a URL, in milliseconds: files that begin anew, and jumps, are joined on.

use crate::limits::CLOCK_JUMP_MIN;

/// Where a clock that begins anew is joined on: a little after what was latest.
const JOINT_MS: i64 = 1;

/// Which of the two media; their times rise apart from each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Medium {
    Video,
    Audio,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// What is added to the file's times; none before the first.
    shift: Option<i64>,
    last: i64,
    latest: i64,
    anew: bool,
    video: Option<i64>,
    audio: Option<i64>,
}

impl Clock {
    /// The next time begins the clock anew, whatever it is.
    pub(crate) fn anew(&mut self) {
        self.anew = true;
    }

    /// The time of a unit in decoding order. A jump of [`CLOCK_JUMP_MIN`] or more either way is a new beginning; the times of
    /// one medium never fall.
    pub(crate) fn place(&mut self, medium: Medium, time_ms: i64) -> i64 {
        let (last, latest) = (self.last, self.latest);
        let shift = *self.shift.get_or_insert(0);
        let shifted = time_ms.saturating_add(shift);
        let is_first = self.video.is_none() && self.audio.is_none();
        let is_jump = u128::from(shifted.abs_diff(last)) >= CLOCK_JUMP_MIN.as_millis();
        let time = if !is_first && (self.anew || is_jump) {
            let joint = latest.saturating_add(JOINT_MS);
            self.shift = Some(joint.saturating_sub(time_ms));
            joint
        } else {
            shifted
        };
        self.anew = false;
        let before = if medium == Medium::Video { &mut self.video } else { &mut self.audio };
        let risen = before.map_or(time, |before| before.max(time));
        *before = Some(risen);
        self.last = time;
        self.latest = if is_first { risen } else { latest.max(risen) };
        risen
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_begins_anew_is_joined_on() {
        let mut clock = Clock::default();
        for (medium, time, placed) in [
            (Medium::Video, 90_000, 90_000),
            (Medium::Audio, 89_980, 89_980),
            (Medium::Video, 90_033, 90_033),
            (Medium::Video, 90_020, 90_033),
            (Medium::Audio, 20, 90_034),
            (Medium::Video, 40, 90_054),
            (Medium::Video, 9_000_000, 90_055),
        ] {
            assert_eq!(clock.place(medium, time), placed, "{time}");
        }
        clock.anew();
        assert_eq!((clock.place(Medium::Video, 9_000_100), clock.place(Medium::Audio, 9_000_090)), (90_056, 90_046));
    }

    proptest! {
        #[test]
        fn no_medium_runs_back_or_jumps(times in prop::collection::vec((any::<bool>(), any::<i64>()), 1..100)) {
            let (mut clock, mut before) = (Clock::default(), [None::<i64>; 2]);
            for (is_video, time) in times {
                let medium = if is_video { Medium::Video } else { Medium::Audio };
                let placed = clock.place(medium, time);
                let before = &mut before[usize::from(is_video)];
                prop_assert!(before.is_none_or(|before| before <= placed));
                *before = Some(placed);
            }
        }
    }
}
