//! What was sent to one peer under which transport-wide sequence number, until feedback tells what became of it.

use crate::Stamp;

/// Packets remembered per peer: 400 ms of 25 Mbit/s, so that feedback every 100 ms over 300 ms of way finds them.
/// A power of two; 8 KiB. What falls out behind is neither taken for lost nor for received.
pub(crate) const HISTORY_PACKETS: usize = 1024;
/// Packets remembered to begin with. Doubled when one would fall out sooner than [`RETAINED_US`], so that a thin stream
/// takes little.
const PACKETS_START: usize = 128;
/// How long a packet should be remembered, in microseconds: feedback comes every 250 ms at worst, over any way.
const RETAINED_US: u32 = 1_000_000;

/// Number of a probe cluster; 0 is none.
pub(crate) type Cluster = u8;

/// The last packets sent. Takes no memory before the first.
#[derive(Debug, Default)]
pub(crate) struct History {
    entries: Box<[Entry]>,
    next: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// The low bits of the stamp: packets are not remembered for an hour.
    sent: u32,
    bytes: u16,
    cluster: Cluster,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Fate {
    #[default]
    Unknown,
    Underway,
    Lost,
    Arrived,
}

/// One packet that feedback told of for the first time, or that it takes back for lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    /// When it was sent.
    pub(crate) sent: Stamp,
    /// Its length on the wire in bytes.
    pub(crate) bytes: u16,
    /// The probe to which it belonged.
    pub(crate) cluster: Cluster,
    /// It had been told lost before.
    pub(crate) was_lost: bool,
}

impl History {
    /// The number that the next packet is to carry.
    pub(crate) fn next(&self) -> u16 {
        low(self.next)
    }

    /// Notes a packet sent under [`History::next`].
    pub(crate) fn push(&mut self, sent: Stamp, bytes: u16, cluster: Cluster) {
        let sent = (sent.0 & 0xffff_ffff) as u32;
        self.make_room(sent);
        let index = self.index(self.next);
        if let Some(entry) = self.entries.get_mut(index) {
            *entry = Entry { sent, bytes, cluster, fate: Fate::Underway };
        }
        self.next += 1;
    }

    /// Lengthens the history while what would be written over is too young, and it may.
    fn make_room(&mut self, sent: u32) {
        let is_young = |entry: &Entry| entry.fate != Fate::Unknown && sent.wrapping_sub(entry.sent) < RETAINED_US;
        let falls_out = self.entries.get(self.index(self.next)).is_none_or(is_young);
        let len = if self.entries.is_empty() { PACKETS_START } else { 2 * self.entries.len() };
        if !falls_out || len > HISTORY_PACKETS {
            return;
        }
        let mut longer = vec![Entry::default(); len].into_boxed_slice();
        for number in self.next.saturating_sub(self.entries.len() as u64)..self.next {
            let kept = self.entries.get(self.index(number)).copied();
            if let (Some(kept), Some(entry)) = (kept, longer.get_mut(usize::from(low(number)) & (len - 1))) {
                *entry = kept;
            }
        }
        self.entries = longer;
    }

    /// Notes what feedback tells of one packet at `now`. `None` when it is not remembered or nothing new.
    pub(crate) fn tell(&mut self, now: Stamp, sequence: u16, arrived: bool) -> Option<Told> {
        let newest = self.next.checked_sub(1)?;
        let behind = low(newest).wrapping_sub(sequence);
        let number = newest.checked_sub(u64::from(behind)).filter(|_| usize::from(behind) < self.entries.len())?;
        let index = self.index(number);
        let entry = self.entries.get_mut(index)?;
        let fate = if arrived { Fate::Arrived } else { Fate::Lost };
        if matches!(entry.fate, Fate::Unknown | Fate::Arrived) || entry.fate == fate {
            return None;
        }
        let was_lost = entry.fate == Fate::Lost;
        entry.fate = fate;
        // The age is less than the 71 minutes that 32 bits count, so the difference is right across a wrap.
        let age = ((now.0 & 0xffff_ffff) as u32).wrapping_sub(entry.sent);
        let sent = Stamp(now.0.saturating_sub(u64::from(age)));
        Some(Told { sent, bytes: entry.bytes, cluster: entry.cluster, was_lost })
    }

    fn index(&self, number: u64) -> usize {
        // The length is a power of two.
        usize::from(low(number)) & self.entries.len().wrapping_sub(1)
    }
}

fn low(number: u64) -> u16 {
    (number & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: u64) -> History {
        let mut history = History::default();
        for number in 0..count {
            history.push(Stamp(number * 10), 100, 0);
        }
        history
    }

    #[test]
    fn tells_each_packet_once_and_takes_losses_back() {
        let mut history = filled(3);
        assert_eq!(history.next(), 3);
        let told = Told { sent: Stamp(10), bytes: 100, cluster: 0, was_lost: false };
        assert_eq!(history.tell(Stamp(500), 1, false), Some(told));
        assert_eq!(history.tell(Stamp(500), 1, false), None);
        assert_eq!(history.tell(Stamp(500), 1, true), Some(Told { was_lost: true, ..told }));
        assert_eq!(history.tell(Stamp(500), 1, false), None);
        assert_eq!(history.tell(Stamp(500), 3, true), None);
        assert_eq!(history.tell(Stamp(500), 60_000, true), None);
    }

    #[test]
    fn forgets_what_is_too_old_and_survives_wraps() {
        let mut history = filled(70_000);
        let oldest = 70_000 - HISTORY_PACKETS as u64;
        assert_eq!(history.tell(Stamp(700_000), low(oldest), true).map(|told| told.sent), Some(Stamp(oldest * 10)));
        assert_eq!(history.tell(Stamp(700_000), low(oldest - 1), true), None);
        let mut late = History::default();
        late.push(Stamp((1 << 32) - 5), 1, 0);
        assert_eq!(late.tell(Stamp((1 << 32) + 5), 0, true).map(|told| told.sent), Some(Stamp((1 << 32) - 5)));
    }

    #[test]
    fn grows_with_the_pace() {
        // Microseconds between two packets, and how many are remembered.
        for (gap, len) in [(20_000, 128), (5000, 256), (1500, 1024), (100, 1024)] {
            let mut history = History::default();
            for number in 0..5000 {
                history.push(Stamp(number * gap), 100, 0);
                let remembered = (RETAINED_US as u64 / gap).min(number).min(HISTORY_PACKETS as u64 - 1);
                assert!(history.index(number) < history.entries.len());
                let oldest = history.entries[history.index(number - remembered)];
                assert_eq!(u64::from(oldest.sent), (number - remembered) * gap);
            }
            assert_eq!(history.entries.len(), len, "{gap}");
        }
    }

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Entry>(), 8);
        assert!(History::default().entries.is_empty());
    }
}
