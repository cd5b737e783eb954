//! What was sent under which sequence number, for as long as it may be asked for.

use crate::points::Point;

/// Numbers remembered of a video subscription: as many as the ring keeps packets. A power of two.
pub(crate) const VIDEO_ENTRIES: usize = 1024;
/// Numbers remembered of an audio subscription: over two seconds. A power of two.
pub(crate) const AUDIO_ENTRIES: usize = 128;

/// What stands under one sequence number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// The packet was sent.
    Sent,
    /// Kept free for a packet that has not come.
    Awaited,
    /// Its packet came late and was to be left out: padding was sent.
    Filled,
    /// Nothing will ever stand here.
    Void,
}

/// One sequence number. A thousand of these are kept per subscription: 24 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// Extended sequence number at the source.
    pub(crate) source_seq: u64,
    /// When it was last sent again, in milliseconds of the subscription's life; 0 for never.
    pub(crate) repeated_ms: u32,
    /// To be taken from the source's picture id.
    pub(crate) picture_offset: u16,
    /// Which stretch of the stream it belongs to.
    pub(crate) stretch: u16,
    /// The point that was sent when the number was given. A late packet is judged by it, so that its frame is sent or
    /// left out as a whole, and one that is sent again ends its picture as it did before.
    pub(crate) point: Point,
    pub(crate) state: State,
}

/// The last sequence numbers of one subscription.
#[derive(Debug)]
pub(crate) struct History {
    entries: Vec<Entry>,
    first: u64,
    next: u64,
}

impl History {
    /// Begins with the extended sequence number `first`.
    pub(crate) fn new(len: usize, first: u64) -> Self {
        let void = Entry {
            source_seq: 0,
            repeated_ms: 0,
            picture_offset: 0,
            stretch: 0,
            point: Point::default(),
            state: State::Void,
        };
        Self { entries: vec![void; len.next_power_of_two()], first, next: first }
    }

    /// The number that the next entry gets.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// How many numbers are remembered.
    pub(crate) fn len_max(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Adds an entry and returns its number.
    pub(crate) fn push(&mut self, entry: Entry) -> u64 {
        let number = self.next;
        let index = self.index(number);
        self.entries[index] = entry;
        self.next += 1;
        self.first = self.first.max(self.next.saturating_sub(self.len_max()));
        number
    }

    /// The entry of a number that is still remembered.
    pub(crate) fn at(&mut self, number: u64) -> Option<&mut Entry> {
        let index = self.index(number);
        (self.first..self.next).contains(&number).then(|| &mut self.entries[index])
    }

    /// The extended form of a number as it stands on the wire.
    pub(crate) fn extend(&self, number: u16) -> Option<u64> {
        let newest = self.next.checked_sub(1)?;
        newest.checked_sub(u64::from((newest as u16).wrapping_sub(number)))
    }

    /// The number under which a packet of the newest stretch stands, which began with number `from`.
    pub(crate) fn find(&self, from: u64, source_seq: u64) -> Option<u64> {
        // Within a stretch, numbers rise with the source's.
        let (mut low, mut high) = (from.max(self.first), self.next);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entries[self.index(middle)].source_seq < source_seq {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.next && self.entries[self.index(low)].source_seq == source_seq).then_some(low)
    }

    fn index(&self, number: u64) -> usize {
        number as usize & (self.entries.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(source_seq: u64) -> Entry {
        Entry { source_seq, repeated_ms: 0, picture_offset: 0, stretch: 1, point: Point::default(), state: State::Sent }
    }

    #[test]
    fn remembers_the_last_numbers_only() {
        let mut history = History::new(4, 65_534);
        for source in [10, 12, 13, 17, 18] {
            history.push(entry(source));
        }
        assert_eq!(history.at(65_534), None);
        assert_eq!(history.at(65_535).unwrap().source_seq, 12);
        assert_eq!(history.at(65_539), None);
        assert_eq!((history.extend(65_535), history.extend(2)), (Some(65_535), Some(65_538)));
        assert_eq!((history.find(0, 12), history.find(0, 18)), (Some(65_535), Some(65_538)));
        for absent in [10, 14, 19] {
            assert_eq!(history.find(0, absent), None);
        }
        assert_eq!(history.find(65_536, 12), None);
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 24);
    }
}
