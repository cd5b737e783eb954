//! The sender's clock against the count of samples: when to stretch, when to fill, when to cut.

use super::{PACKET_FRAMES, RATE};

/// From here on a difference is a hole or an overlap: more than one AAC frame at 44.1 kHz, less than what an eye
/// notices between lips and sound (±40 ms).
const HOLE_US: i64 = 30_000;
/// A hole of this length is no longer filled, time goes on behind it: silence in one burst would flood the receivers'
/// buffers (theirs hold 200 packets), and it is longer than [`OVERDUE_US`].
const LEAP_US: i64 = 1_200_000;
/// From here on the sender's clock has jumped back, and time starts anew; below, sound is only late.
const JUMP_US: i64 = 5_000_000;
/// So long sound may be late against the picture's decoding time before silence stands in for it: encoders interleave
/// more tightly than this.
const OVERDUE_US: i64 = 1_000_000;
/// Differences within this are rounding and no drift.
const REST_US: f64 = 2_000.0;
/// A smoothed difference is made up for over this time: 100 ppm of drift then stand at 0.8 ms.
const CATCH_UP_US: f64 = 8_000_000.0;
/// The most that pitch is bent: half a percent, which nobody hears.
const CORRECTION_MAX: f64 = 0.005;
/// Weight of a new difference in the smoothed one: about 0.7 s of AAC frames.
const SMOOTHING: f64 = 1.0 / 32.0;

/// What is to be done before a decoded frame is resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It follows what was there.
    Follow,
    /// Sound is missing before it.
    Silence {
        /// How much, microseconds.
        us: i64,
    },
    /// Its beginning was already heard, or it is wholly late.
    Drop {
        /// How much, microseconds.
        us: i64,
    },
    /// The sender's clock jumped, or nothing came for long: it begins a new count.
    Restart,
}

/// Where samples lie on the sender's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timeline {
    /// The time of output frame 0, once there is one.
    anchor_us: Option<i64>,
    /// Frames that the resampler gave out.
    produced: i64,
    /// Frames of them that went into packets.
    packed: i64,
    /// The smoothed difference between time stamps and count.
    drift_us: f64,
    correcting: bool,
}

impl Timeline {
    /// Places a decoded frame by its time stamp; `pending_us` is what the resampler still holds.
    pub fn place(&mut self, pts_us: i64, pending_us: i64) -> Step {
        let Some(expected_us) = self.expected_us(pending_us) else {
            *self = Self { anchor_us: Some(pts_us), ..Self::default() };
            return Step::Follow;
        };
        let difference = pts_us.saturating_sub(expected_us);
        if !(-JUMP_US..LEAP_US).contains(&difference) {
            *self = Self { anchor_us: Some(pts_us), ..Self::default() };
            return Step::Restart;
        }
        if difference.unsigned_abs() < HOLE_US.unsigned_abs() {
            self.drift_us += (difference as f64 - self.drift_us) * SMOOTHING;
            return Step::Follow;
        }
        if difference > 0 { Step::Silence { us: difference } } else { Step::Drop { us: -difference } }
    }

    /// How much silence is to stand in for sound that is long overdue, the source's clock having come to `now_us`.
    pub fn overdue(&self, now_us: i64, pending_us: i64) -> Option<i64> {
        let late = now_us.saturating_sub(self.expected_us(pending_us)?).saturating_sub(OVERDUE_US);
        // A clock that jumped is told by the sound itself.
        (HOLE_US..JUMP_US).contains(&late).then_some(late)
    }

    /// By which share the output is to be longer than the count says.
    pub fn correction(&mut self) -> f64 {
        let rest = if self.correcting { REST_US / 4.0 } else { REST_US };
        self.correcting = self.drift_us.abs() > rest;
        if self.correcting { (self.drift_us / CATCH_UP_US).clamp(-CORRECTION_MAX, CORRECTION_MAX) } else { 0.0 }
    }

    /// Counts frames that the resampler gave out.
    pub fn produced(&mut self, frames: usize) {
        self.produced = self.produced.saturating_add_unsigned(frames as u64);
    }

    /// The time of the next packet's first frame; counts that packet.
    pub fn packet_us(&mut self) -> i64 {
        let at = self.anchor_us.unwrap_or_default().saturating_add(frames_us(self.packed));
        self.packed += PACKET_FRAMES as i64;
        at
    }

    fn expected_us(&self, pending_us: i64) -> Option<i64> {
        Some(self.anchor_us?.saturating_add(frames_us(self.produced)).saturating_add(pending_us))
    }
}

fn frames_us(frames: i64) -> i64 {
    frames.saturating_mul(1_000_000 / 1000) / (i64::from(RATE) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Timeline {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.place(1_000_000, 0), Step::Follow);
        timeline.produced(48_000);
        timeline
    }

    #[test]
    fn holes_overlaps_and_jumps() {
        for (pts_us, step) in [
            (2_000_000, Step::Follow),
            (2_029_000, Step::Follow),
            (2_030_000, Step::Silence { us: 30_000 }),
            (3_199_999, Step::Silence { us: 1_199_999 }),
            (3_200_000, Step::Restart),
            (1_950_000, Step::Drop { us: 50_000 }),
            (-3_000_000, Step::Drop { us: 5_000_000 }),
            (-3_000_001, Step::Restart),
            (i64::MIN, Step::Restart),
        ] {
            assert_eq!(started().place(pts_us, 0), step, "{pts_us}");
        }
        assert_eq!(started().place(2_020_000, 20_000), Step::Follow, "what the resampler holds counts");
    }

    #[test]
    fn silence_stands_in_for_what_is_overdue() {
        assert_eq!(started().overdue(3_020_000, 0), None);
        assert_eq!(started().overdue(3_100_000, 0), Some(100_000));
        assert_eq!(started().overdue(i64::MAX, 0), None);
        assert_eq!(Timeline::default().overdue(3_100_000, 0), None, "a source without sound has none");
    }

    #[test]
    fn rounding_is_no_drift_but_drift_is() {
        let mut timeline = started();
        for n in 0..1000 {
            timeline.place(2_000_000 + n % 2 * 999, 0);
        }
        assert_eq!(timeline.correction().to_bits(), 0.0f64.to_bits());
        for _ in 0..100 {
            timeline.place(2_010_000, 0);
        }
        let correction = timeline.correction();
        assert!((0.001..0.0013).contains(&correction), "{correction}");
    }

    /// An hour of AAC frames from a sound card that is off by `share` against the clock of its time stamps, which are rounded and
    /// jitter by 15 ms: the furthest that sound lies from its time stamps' mean after the first minute, microseconds.
    fn an_hour(share: f64) -> f64 {
        const FRAMES_IN: f64 = 1024.0;
        const RATE_IN: f64 = 44_100.0;
        let (mut timeline, mut out, mut furthest) = (Timeline::default(), 0.0, 0.0f64);
        let mut noise = 7u32;
        for n in 0..(3600.0 * RATE_IN / FRAMES_IN) as u32 {
            let meant_us = f64::from(n) * FRAMES_IN / RATE_IN * 1e6 * (1.0 + share);
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let jitter_us = f64::from(noise >> 16) / 65_536.0 * 30_000.0 - 15_000.0;
            let pts_ms = ((meant_us + if n > 0 { jitter_us } else { 0.0 }) / 1000.0) as i64;
            assert_eq!(timeline.place(pts_ms * 1000, 0), Step::Follow, "after {n} frames");
            if meant_us > 60e6 {
                furthest = furthest.max((meant_us - out / f64::from(RATE) * 1e6).abs());
            }
            let before = out as usize;
            out += FRAMES_IN * f64::from(RATE) / RATE_IN * (1.0 + timeline.correction());
            timeline.produced(out as usize - before);
        }
        furthest
    }

    #[test]
    fn an_hour_of_drift_keeps_lips_and_sound_together() {
        for (share, most_us) in [(0.0, 4000.0), (1e-4, 5000.0), (-1e-4, 5000.0), (1e-3, 12_000.0), (-1e-3, 12_000.0)] {
            let furthest_us = an_hour(share);
            assert!(furthest_us < most_us, "{share}: {furthest_us} us");
        }
    }

    #[test]
    fn packets_are_20_ms_apart() {
        let mut timeline = started();
        let times: Vec<_> = (0..3).map(|_| timeline.packet_us()).collect();
        assert_eq!(times, [1_000_000, 1_020_000, 1_040_000]);
    }
}
