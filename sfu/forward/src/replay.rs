//! The first picture at once: from the last key frame in the ring to the present, faster than it came, and then on with
//! what arrives, without gap or repetition.
//!
//! The receiver shows the key frame as soon as it is there and winds through the rest; so that it takes the pictures for
//! fresh ones and does not play them at their old pace, their timestamps are drawn together to just before the present.

use std::time::{Duration, Instant};

use crate::encoding::Stretch;
use crate::ring::VIDEO_BYTES_MAX;

/// Oldest key frame from which is replayed: live encoders are set to one every two to ten seconds.
pub const AGE_MAX: Duration = Duration::from_millis(10_500);
/// Most packets replayed. A decoder takes some milliseconds for each picture of them.
pub const PACKETS_MAX: u64 = 1536;
/// Most bytes replayed: nearly what the ring holds, some of which is given up at its end.
pub const BYTES_MAX: u64 = VIDEO_BYTES_MAX as u64 * 7 / 8;
/// Time between two steps of a replay.
pub const STEP: Duration = Duration::from_millis(5);
/// A replay is sent within this time, so that the picture is soon that of the present.
const SPAN: Duration = Duration::from_millis(150);
/// Fewest bytes of a step: 40 Mbit/s, at which a short replay is over sooner.
const STEP_BYTES_MIN: u64 = 25_000;
/// The timestamps of a replay lie within this span before the present.
pub(crate) const TIMESTAMPS: Duration = Duration::from_millis(80);
/// Shortest time between two replays that a subscriber causes by saying that its picture is lost; a second such word
/// within it goes to the publisher.
pub(crate) const AGAIN_MIN: Duration = Duration::from_secs(1);

/// What is replayed, and where the replay stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replay {
    pub(crate) encoding: u8,
    /// The packet to be looked at next.
    pub(crate) next: u64,
    began: Instant,
    bytes_per_step: u64,
    sent: u64,
}

impl Replay {
    /// A replay of `stretch`.
    pub(crate) fn new(now: Instant, encoding: u8, stretch: Stretch) -> Self {
        let steps = SPAN.as_millis() / STEP.as_millis();
        let bytes_per_step = (stretch.bytes / steps as u64).max(STEP_BYTES_MIN);
        Self { encoding, next: stretch.first, began: now, bytes_per_step, sent: 0 }
    }

    /// Whether another packet may go out at `now`.
    pub(crate) fn may_send(&self, now: Instant) -> bool {
        let steps = now.saturating_duration_since(self.began).as_millis() / STEP.as_millis() + 1;
        self.sent < self.bytes_per_step.saturating_mul(steps as u64)
    }

    /// Whether anything went out.
    pub(crate) fn has_begun(&self) -> bool {
        self.sent > 0
    }

    /// A packet went out.
    pub(crate) fn note(&mut self, len: usize) {
        self.sent += len as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_pace_and_its_span() {
        let start = crate::testing::start();
        for (bytes, steps) in [(60_000, 3), (750_000, 30), (BYTES_MAX, 30)] {
            let mut replay = Replay::new(start, 0, Stretch { first: 1, bytes });
            let (mut left, mut now) = (bytes, start);
            while left > 0 {
                let mut burst = 0;
                while left > 0 && replay.may_send(now) {
                    let len = left.min(1200);
                    replay.note(len as usize);
                    (left, burst) = (left - len, burst + len);
                }
                assert!(burst <= (bytes / 30).max(STEP_BYTES_MIN) + 1200, "{burst} bytes at once");
                now += STEP;
            }
            assert_eq!((now - start).as_millis(), u128::from(steps as u32) * STEP.as_millis(), "{bytes} bytes");
        }
    }
}
