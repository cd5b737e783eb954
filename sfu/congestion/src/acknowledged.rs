//! The rate that arrives: bytes acknowledged over the last few hundred milliseconds of the receiver's clock.

use crate::Stamp;

/// Length of one count.
const SLOT_MICROS: u64 = 50_000;
/// Counts in the window of 400 ms: a dozen frames, and still fresh when a link has just got slower.
const SLOTS: usize = 8;
/// Counts of the last moments: 150 ms, four or five frames.
const RECENT_SLOTS: u64 = 3;
/// Fewest packets of which the last moments tell a rate.
const RECENT_PACKETS_MIN: u32 = 8;
/// Less than this was heard: no rate is told yet.
const SPAN_MICROS_MIN: u64 = 150_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    slots: [u32; SLOTS],
    packets: [u32; SLOTS],
    /// Number of the newest slot since the clock's beginning.
    newest: u64,
    first: Option<Stamp>,
    last: Stamp,
}

impl Acknowledged {
    /// Notes a packet of `bytes` that arrived at `at` in the receiver's clock.
    pub(crate) fn note(&mut self, at: Stamp, bytes: u16) {
        let number = at.0 / SLOT_MICROS;
        let begins_anew = self.first.is_none() || number > self.newest + 4 * SLOTS as u64;
        if begins_anew {
            // After a long silence the rate of what came before says nothing.
            *self = Self { newest: number, first: Some(at), last: at, ..Self::default() };
        }
        for between in (self.newest + 1)..=number {
            (self.slots[slot(between)], self.packets[slot(between)]) = (0, 0);
        }
        if number + SLOTS as u64 <= self.newest {
            return;
        }
        self.newest = self.newest.max(number);
        self.last = self.last.max(at);
        self.slots[slot(number)] = self.slots[slot(number)].saturating_add(u32::from(bytes));
        self.packets[slot(number)] = self.packets[slot(number)].saturating_add(1);
    }

    /// Bits per second, once enough was heard to tell.
    pub(crate) fn bps(&self) -> Option<f64> {
        self.over(SLOTS as u64, SPAN_MICROS_MIN)
    }

    /// The same of the last moments alone: while a queue stands, what the link itself carries. `None` of so few packets
    /// that one more or less makes the difference.
    pub(crate) fn recent_bps(&self) -> Option<f64> {
        let oldest = (self.newest + 1).saturating_sub(RECENT_SLOTS);
        let packets: u32 = (oldest..=self.newest).filter_map(|it| self.packets.get(slot(it))).sum();
        if packets < RECENT_PACKETS_MIN {
            return None;
        }
        self.over(RECENT_SLOTS, (RECENT_SLOTS - 1) * SLOT_MICROS)
    }

    fn over(&self, slots: u64, span_min: u64) -> Option<f64> {
        let first = self.first?;
        let oldest = (self.newest + 1).saturating_sub(slots);
        let span = self.last.0.saturating_sub(Stamp(oldest * SLOT_MICROS).max(first).0);
        if span < span_min {
            return None;
        }
        let bytes: u64 =
            (oldest..=self.newest).filter_map(|it| self.slots.get(slot(it))).map(|&it| u64::from(it)).sum();
        Some(bytes as f64 * 8e6 / span as f64)
    }
}

fn slot(number: u64) -> usize {
    (number % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_rate_within_its_window() {
        let mut acknowledged = Acknowledged::default();
        assert_eq!(acknowledged.bps(), None);
        let mut at = 0;
        for (bytes, expected) in [(1250, 1e6), (125, 1e5), (2500, 2e6)] {
            for _ in 0..100 {
                at += 10_000;
                acknowledged.note(Stamp(at), bytes);
            }
            let bps = acknowledged.bps().unwrap();
            assert!((bps / expected - 1.0).abs() < 0.1, "{bps} for {expected}");
        }
    }

    #[test]
    fn a_silence_begins_anew_and_old_news_are_ignored() {
        let mut acknowledged = Acknowledged::default();
        for tick in 0..100 {
            acknowledged.note(Stamp(tick * 10_000), 1250);
        }
        acknowledged.note(Stamp(0), u16::MAX);
        assert!(acknowledged.bps().unwrap() < 1.1e6);
        acknowledged.note(Stamp(60_000_000), 1250);
        assert_eq!(acknowledged.bps(), None);
        acknowledged.note(Stamp(u64::MAX), 1);
        acknowledged.note(Stamp(0), 1);
    }
}
