//! What one peer may be sent: the estimate of its link, the pace, what waits for it, and what it watches.

use std::collections::VecDeque;
use std::time::Duration;

use congestion::allocator::Holding;
use congestion::{Estimator, Pacer, Stamp};
use door::{DownKey, LayerTarget, TrackKey, Weight};
use forward::Arrival;

/// Packets that wait for one peer at most: two seconds of 5 Mbit/s. When full, the newest is not sent; the
/// subscriber misses it and asks for it, and by then the layer is lower.
pub(crate) const HELD_MAX: usize = 1024;

/// What media is sent at, as a multiple of the estimate, so that a frame's burst is gone before the next.
const PACE: f64 = 1.5;

/// A client that negotiated feedback and gives none for this long is sent what it wants: it cannot be helped.
const FEEDBACK_PATIENCE: Duration = Duration::from_secs(2);

/// Share of the estimate that repetitions may take, and for how long it is saved up.
const REPEAT_SHARE: f64 = 0.5;
/// See [`REPEAT_SHARE`].
const REPEAT_SAVED: Duration = Duration::from_secs(1);
/// Rate of repetitions before anything is known, in bits per second.
const REPEAT_START_BPS: u64 = 2_000_000;

/// Sound goes without redundancy while the estimate is below this many times what it takes, and with it again above the
/// second, by what it would take then.
const LEAN: (f64, f64) = (3.0, 4.0);

/// What sound takes with redundancy, as a multiple of what it takes without: one packet repeated, as browsers do.
const REDUNDANCY: f64 = 2.0;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    pub(crate) estimator: Estimator,
    pub(crate) pacer: Pacer,
    /// Video that waits for its turn, oldest first.
    pub(crate) held: VecDeque<Held>,
    /// Videos that the peer subscribes to.
    pub(crate) watched: Vec<Watched>,
    /// When its rate was last shared out.
    pub(crate) shared_at: Stamp,
    /// What it is sent whatever its link carries, in bits per second.
    pub(crate) owed_bps: u64,
    /// Every video has the best that it may.
    pub(crate) is_content: bool,
    /// What it could use, in bits per second.
    pub(crate) desired_bps: u64,
    /// The first numbered packet was sent.
    first_sent: Option<Stamp>,
    /// Anything was sent since the last look.
    pub(crate) has_sent: bool,
    pub(crate) sound: Meter,
    pub(crate) repeats: Meter,
    /// Sound goes without redundancy.
    pub(crate) lean: bool,
    /// Bytes of repetitions that may be sent; the last one may have overdrawn it.
    repeat_credit: i64,
    credited_at: Stamp,
}

/// A packet that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) track: TrackKey,
    pub(crate) down: DownKey,
    pub(crate) arrival: Arrival,
}

/// A video that a peer subscribes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched {
    pub(crate) down: DownKey,
    pub(crate) track: TrackKey,
    /// The best that control allows.
    pub(crate) wish: LayerTarget,
    pub(crate) weight: Weight,
    pub(crate) holding: Holding,
    /// Padding can travel beside it.
    pub(crate) can_pad: bool,
    /// What the link allows.
    pub(crate) limit: LayerTarget,
}

/// Bytes between two looks, smoothed to a rate.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    bytes: u64,
    bps: f64,
}

impl Meter {
    pub(crate) fn note(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// The rate in bits per second, `elapsed` after the last look.
    pub(crate) fn take(&mut self, elapsed: Duration) -> f64 {
        let seconds = elapsed.as_secs_f64().max(0.01);
        let bps = std::mem::take(&mut self.bytes) as f64 * 8.0 / seconds;
        self.bps += (bps - self.bps) * (seconds / 2.0).min(1.0);
        self.bps
    }
}

impl Sending {
    /// Notes a packet of `bytes` on the wire; `numbered` when it carries [`Estimator::sequence`].
    #[inline]
    pub(crate) fn sent(&mut self, at: Stamp, bytes: usize, numbered: bool) {
        // A datagram is no longer.
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        self.pacer.sent(at, bytes);
        self.has_sent = true;
        if numbered {
            self.estimator.sent(at, bytes);
        }
    }

    /// Whether video must wait.
    #[inline]
    pub(crate) fn is_closed(&self, at: Stamp) -> bool {
        !self.held.is_empty() || !self.pacer.is_open(at)
    }

    /// Lets a packet wait; false when too many do.
    pub(crate) fn hold(&mut self, held: Held) -> bool {
        let fits = self.held.len() < HELD_MAX;
        if fits {
            self.held.push_back(held);
        }
        fits
    }

    /// A subscription leaves its layer for `encoding`: forgets what of the others waits for it. How many packets that were.
    pub(crate) fn leave(&mut self, down: DownKey, encoding: u8) -> u64 {
        let before = self.held.len();
        self.held.retain(|held| held.down != down || held.arrival.encoding == encoding);
        (before - self.held.len()) as u64
    }

    /// Notes at the end of a turn that numbered packets are sent. Whether they are the first.
    #[inline]
    pub(crate) fn begins(&mut self, at: Stamp) -> bool {
        let begins = self.first_sent.is_none() && self.estimator.sequence() != 0;
        if begins {
            self.first_sent = Some(at);
        }
        begins
    }

    /// When a peer that says nothing is taken for one that never will; `None` when it has spoken or nothing was sent.
    pub(crate) fn patience(&self) -> Option<Stamp> {
        self.first_sent.filter(|_| !self.estimator.is_heard()).map(|at| at.after(FEEDBACK_PATIENCE))
    }

    /// Sets the pace by the estimate.
    pub(crate) fn set_pace(&mut self, target_bps: u64) {
        let bps = (target_bps.max(self.owed_bps) as f64 * PACE) as u64;
        self.pacer.set_rate(Some(bps), self.estimator.burst_bytes());
    }

    /// Judges whether there is room for redundant sound; `sound` is what it takes at present, both in bits per second.
    pub(crate) fn judge_sound(&mut self, target: f64, sound: f64) {
        self.lean = target < if self.lean { LEAN.1 * REDUNDANCY * sound } else { LEAN.0 * sound };
    }

    /// Takes the right to repeat one packet.
    pub(crate) fn may_repeat(&mut self, at: Stamp, target_bps: Option<u64>) -> bool {
        let bps = target_bps.map_or(REPEAT_START_BPS, |bps| (bps as f64 * REPEAT_SHARE) as u64);
        let elapsed = at.since(std::mem::replace(&mut self.credited_at, at)).min(REPEAT_SAVED);
        let earned = (bps as f64 * elapsed.as_secs_f64() / 8.0) as i64;
        let saved_max = (bps as f64 * REPEAT_SAVED.as_secs_f64() / 8.0) as i64;
        self.repeat_credit = (self.repeat_credit + earned).min(saved_max);
        self.repeat_credit > 0
    }

    /// Notes a repetition.
    pub(crate) fn repeated(&mut self, bytes: usize) {
        self.repeats.note(bytes);
        self.repeat_credit -= i64::try_from(bytes).unwrap_or(i64::MAX / 2);
    }

    pub(crate) fn watched(&mut self, down: DownKey) -> Option<&mut Watched> {
        self.watched.iter_mut().find(|watched| watched.down == down)
    }

    /// Forgets a subscription.
    pub(crate) fn forget(&mut self, down: DownKey) {
        self.watched.retain(|watched| watched.down != down);
        self.held.retain(|held| held.down != down);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use door::ShardId;

    #[test]
    fn repetitions_are_within_the_budget() {
        let mut sending = Sending::default();
        let mut sent = 0;
        for ms in 1..=10_000 {
            for _ in 0..5 {
                if sending.may_repeat(Stamp(ms * 1000), Some(800_000)) {
                    sending.repeated(1000);
                    sent += 1000;
                }
            }
        }
        // Half of 100 kB a second.
        assert!((490_000..=551_000).contains(&sent), "{sent}");
    }

    #[test]
    fn sound_is_lean_on_a_thin_link() {
        let mut sending = Sending::default();
        let mut seen = Vec::new();
        for (target, sound) in
            [(400e3, 124e3), (360e3, 124e3), (500e3, 76e3), (620e3, 76e3), (400e3, 124e3), (1e5, 0.0)]
        {
            sending.judge_sound(target, sound);
            seen.push(sending.lean);
        }
        assert_eq!(seen, [false, true, true, false, false, false]);
    }

    #[test]
    fn what_waits_is_bounded_and_goes_with_its_subscription() {
        let mut sending = Sending::default();
        let key = |serial| DownKey { shard: ShardId(0), serial };
        let track = TrackKey { shard: ShardId(0), serial: 9 };
        let arrival = Arrival { encoding: 0, seq: 1, first: false, recovered: false, keyframe: false, level: None };
        let held = |serial| Held { track, down: key(serial), arrival };
        assert!(!sending.is_closed(Stamp(0)));
        let fitting = (0..HELD_MAX as u64 + 5).filter(|index| sending.hold(held(index % 2))).count();
        assert_eq!(fitting, HELD_MAX);
        assert!(sending.is_closed(Stamp(0)));
        sending.forget(key(0));
        assert_eq!(sending.held.len(), HELD_MAX / 2);
        assert_eq!((sending.leave(key(1), 0), sending.leave(key(2), 5)), (0, 0));
        assert_eq!(sending.leave(key(1), 5), HELD_MAX as u64 / 2);
    }
}
