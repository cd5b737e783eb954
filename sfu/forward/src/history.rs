//! What was sent under which sequence number, for as long as it may be asked for.

use std::time::{Duration, Instant};

use crate::points::Point;

/// Most numbers remembered of a video subscription: 1.5 s of 8 Mbit/s. A power of two.
pub(crate) const VIDEO_ENTRIES: usize = 1024;
/// Most numbers remembered of an audio subscription: over two seconds. A power of two.
pub(crate) const AUDIO_ENTRIES: usize = 128;
/// Numbers remembered to begin with. Doubled while they pass faster than they should, so that a thin stream stays small.
const ENTRIES_START: usize = 128;
/// How long a number should be remembered: as long as the ring keeps its packet.
const RETAINED: Duration = Duration::from_millis(1500);
/// A history that takes longer than this to be written over is larger than it need be and halved.
const RETAINED_MAX: Duration = Duration::from_millis(3200);

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

/// One sequence number. Up to a thousand of these are kept per subscription: 12 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// The low bits of the extended sequence number at the source.
    pub(crate) source_low: u32,
    /// When it was last sent again: the low bits of the milliseconds of the subscription's life, 0 for never. After a minute
    /// the same comes again, and a repetition may then be left out once.
    pub(crate) repeated_ms: u16,
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
    len_max: usize,
    first: u64,
    next: u64,
    lap_ends: u64,
    lap_began: Option<Instant>,
}

const VOID: Entry =
    Entry { source_low: 0, repeated_ms: 0, picture_offset: 0, stretch: 0, point: Point::BEST, state: State::Void };

impl History {
    /// Begins with the extended sequence number `first`; remembers `len_max` numbers at most, a power of two.
    pub(crate) fn new(len_max: usize, first: u64) -> Self {
        let len = len_max.min(ENTRIES_START);
        let lap_ends = first + len as u64;
        Self { entries: vec![VOID; len], len_max, first, next: first, lap_ends, lap_began: None }
    }

    /// The number that the next entry gets.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// How many numbers are remembered.
    fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Makes room for a gap of `count` numbers, which is to fill half of the history at most; false when it would not.
    pub(crate) fn take_gap(&mut self, count: u64) -> bool {
        while count > self.len() / 2 {
            if self.entries.len() >= self.len_max {
                return false;
            }
            self.resize(2 * self.entries.len());
        }
        true
    }

    /// Fits its length to the pace, once for each time that it was written over.
    #[inline]
    pub(crate) fn keep_pace(&mut self, now: Instant) {
        if self.next >= self.lap_ends {
            self.end_lap(now);
        }
    }

    fn end_lap(&mut self, now: Instant) {
        let lap = self.lap_began.map(|began| now.saturating_duration_since(began));
        let len = self.entries.len();
        match lap {
            Some(lap) if lap > RETAINED_MAX && len > ENTRIES_START => self.resize(len / 2),
            Some(lap) if lap >= RETAINED => {}
            _ if len < self.len_max => self.resize(2 * len),
            _ => {}
        }
        self.lap_began = Some(now);
        self.lap_ends = self.next + self.len();
    }

    fn resize(&mut self, len: usize) {
        self.first = self.first.max(self.next.saturating_sub(len as u64));
        let mut entries = vec![VOID; len];
        for number in self.first..self.next {
            entries[number as usize & (len - 1)] = self.entries[self.index(number)];
        }
        self.entries = entries;
    }

    /// Adds an entry and returns its number.
    pub(crate) fn push(&mut self, entry: Entry) -> u64 {
        let number = self.next;
        let index = self.index(number);
        self.entries[index] = entry;
        self.next += 1;
        self.first = self.first.max(self.next.saturating_sub(self.len()));
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
        // Within a stretch, numbers rise with the source's, and by less than half of what the low bits count.
        let source_low = low(source_seq);
        let is_before = |entry: &Entry| (entry.source_low.wrapping_sub(source_low) as i32) < 0;
        let (mut low, mut high) = (from.max(self.first), self.next);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(&self.entries[self.index(middle)]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.next && self.entries[self.index(low)].source_low == source_low).then_some(low)
    }

    fn index(&self, number: u64) -> usize {
        number as usize & (self.entries.len() - 1)
    }
}

/// What an [`Entry`] keeps of an extended sequence number.
pub(crate) fn low(source_seq: u64) -> u32 {
    source_seq as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(source_seq: u64) -> Entry {
        let source_low = low(source_seq);
        Entry { source_low, repeated_ms: 0, picture_offset: 0, stretch: 1, point: Point::default(), state: State::Sent }
    }

    #[test]
    fn remembers_the_last_numbers_only() {
        let mut history = History::new(4, 65_534);
        for source in [10, 12, 13, 17, 18] {
            history.push(entry(source));
        }
        assert_eq!(history.at(65_534), None);
        assert_eq!(history.at(65_535).unwrap().source_low, 12);
        assert_eq!(history.at(65_539), None);
        assert_eq!((history.extend(65_535), history.extend(2)), (Some(65_535), Some(65_538)));
        assert_eq!((history.find(0, 12), history.find(0, 18)), (Some(65_535), Some(65_538)));
        for absent in [10, 14, 19] {
            assert_eq!(history.find(0, absent), None);
        }
        assert_eq!(history.find(65_536, 12), None);
    }

    #[test]
    fn finds_where_the_low_bits_wrap() {
        let (mut history, start) = (History::new(16, 0), (1 << 32) - 3);
        for source in start..start + 8 {
            history.push(entry(source));
        }
        assert!((0..8).all(|number| history.find(0, start + number) == Some(number)));
        assert_eq!((history.find(0, start - 1), history.find(0, start + 8)), (None, None));
    }

    fn pass(history: &mut History, now: &mut Instant, count: u64, gap: Duration) {
        for _ in 0..count {
            *now += gap;
            let next = history.next();
            history.push(entry(next));
            history.keep_pace(*now);
        }
    }

    #[test]
    fn a_thin_stream_is_remembered_in_little() {
        let (mut history, mut now) = (History::new(VIDEO_ENTRIES, 0), crate::testing::start());
        pass(&mut history, &mut now, 2000, Duration::from_millis(40));
        assert_eq!(history.len(), ENTRIES_START as u64);
        pass(&mut history, &mut now, 5000, Duration::from_millis(1));
        assert_eq!(history.len(), VIDEO_ENTRIES as u64, "and a thick one in no more than there may be");
        pass(&mut history, &mut now, 5000, Duration::from_millis(5));
        assert_eq!(history.len(), 512);
        assert!((11_500..12_000).all(|number| history.at(number).is_some_and(|it| u64::from(it.source_low) == number)));
        pass(&mut history, &mut now, 2000, Duration::from_millis(40));
        assert_eq!(history.len(), ENTRIES_START as u64);
    }

    #[test]
    fn a_gap_finds_room_up_to_the_limit() {
        let mut history = History::new(VIDEO_ENTRIES, 7);
        history.push(entry(3));
        assert!(history.take_gap(300) && !history.take_gap(513));
        assert_eq!(history.at(7).unwrap().source_low, 3);
        assert_eq!(history.len(), VIDEO_ENTRIES as u64);
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 12);
    }
}
