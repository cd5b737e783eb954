//! What a link has shown to pass in one go: packets that left together and arrived together found no bottleneck on their
//! way, so twice as many may leave together next. Key frames pass a good link at once by this, and on a narrow one, which
//! stretches what it gets, they go at the pace. Not part of the draft.

use std::time::Duration;

use crate::Stamp;
use crate::stamp::micros;

/// Packets that left within this time left together.
const TOGETHER: Duration = Duration::from_millis(2);
/// Packets that arrived within this time arrived together: a few readings of a busy receiver's socket.
const SPREAD_MAX: Duration = Duration::from_millis(10);
/// Fewer packets are no train: one that got lost alone says nothing.
const PACKETS_MIN: u32 = 2;
/// So many trains must have passed at a size before it counts: one may have waited at the receiver's own door.
const PASSES: u32 = 2;
/// Most bytes that are let go in one go, whatever has passed.
const BYTES_MAX: u32 = 256 << 10;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Trains {
    train: Option<Train>,
    /// The longest train that counts, in bytes.
    proven: u32,
    /// Longer ones that passed since, and the shortest of them.
    passes: u32,
    least: u32,
}

#[derive(Clone, Copy, Debug)]
struct Train {
    left: Stamp,
    first: Stamp,
    last: Stamp,
    packets: u32,
    bytes: u32,
    is_torn: bool,
}

impl Trains {
    /// Notes a packet: when it left and when it arrived, each by the clock there; `None` when it was lost.
    pub(crate) fn note(&mut self, left: Stamp, arrived: Option<Stamp>, bytes: u16) {
        let is_next = self.train.is_none_or(|train| left.0.abs_diff(train.left.0) > micros(TOGETHER));
        if is_next && let Some(train) = self.train.take() {
            self.judge(train);
        }
        let at = arrived.or_else(|| self.train.map(|train| train.last)).unwrap_or_default();
        let train = self.train.get_or_insert(Train { left, first: at, last: at, packets: 0, bytes: 0, is_torn: false });
        train.first = train.first.min(at);
        train.last = train.last.max(at);
        train.packets += 1;
        train.bytes = train.bytes.saturating_add(bytes.into());
        train.is_torn |= arrived.is_none();
    }

    fn judge(&mut self, train: Train) {
        if train.packets < PACKETS_MIN {
            return;
        }
        if train.is_torn || train.last.since(train.first) > SPREAD_MAX {
            let too_long = train.bytes.div_ceil(2);
            self.proven = self.proven.min(too_long);
            self.passes = 0;
        } else if train.bytes > self.proven {
            self.least = if self.passes == 0 { train.bytes } else { self.least.min(train.bytes) };
            self.passes += 1;
            if self.passes >= PASSES {
                (self.proven, self.passes) = (self.least, 0);
            }
        }
    }

    /// A queue grows: what passed before passes no more.
    pub(crate) fn forget(&mut self) {
        (self.proven, self.passes) = (0, 0);
    }

    /// Bytes that may leave in one go.
    pub(crate) fn burst_bytes(&self) -> u32 {
        self.proven.saturating_mul(2).min(BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `packets` at once over a link of `bps`, and returns what may leave at once next.
    fn send(trains: &mut Trains, at_ms: u64, packets: u64, bps: u64) -> u32 {
        for index in 0..packets {
            let arrived = at_ms * 1000 + 20_000 + (index + 1) * 9_600_000_000 / bps;
            trains.note(Stamp(at_ms * 1000), Some(Stamp(arrived)), 1200);
        }
        trains.note(Stamp(at_ms * 1000 + 5_000), None, 0);
        trains.burst_bytes()
    }

    #[test]
    fn doubles_with_what_passes_a_fast_link() {
        let mut trains = Trains::default();
        let seen: Vec<_> = (1..=8).map(|turn| send(&mut trains, turn * 33, 5 << (turn / 3), 1_000_000_000)).collect();
        assert_eq!(seen, [0, 12_000, 12_000, 24_000, 24_000, 24_000, 48_000, 48_000]);
    }

    #[test]
    fn a_narrow_link_shows_nothing() {
        let mut trains = Trains::default();
        for turn in 1..=100 {
            assert_eq!(send(&mut trains, turn * 33, 6, 3_000_000), 0);
        }
    }

    #[test]
    fn a_stretched_or_torn_train_takes_it_back() {
        let mut trains = Trains::default();
        let mut at_ms = 0;
        let mut prove = |trains: &mut Trains| {
            at_ms += 100;
            send(trains, at_ms, 40, 1_000_000_000);
            assert_eq!(send(trains, at_ms + 50, 40, 1_000_000_000), 96_000);
            at_ms + 80
        };
        let at = prove(&mut trains);
        assert_eq!(send(&mut trains, at, 20, 5_000_000), 24_000);
        let at = prove(&mut trains);
        trains.note(Stamp(at * 1000), Some(Stamp(1)), 1200);
        trains.note(Stamp(at * 1000), None, 1200);
        trains.note(Stamp(at * 1000 + 50_000), Some(Stamp(50_000)), 1200);
        assert_eq!(trains.burst_bytes(), 2400);
    }

    #[test]
    fn is_bounded_whatever_feedback_claims() {
        let mut trains = Trains::default();
        for left in 0..100_000 {
            trains.note(Stamp(left / 1000 * 10_000), Some(Stamp(u64::MAX)), u16::MAX);
        }
        assert_eq!(trains.burst_bytes(), BYTES_MAX);
    }
}
