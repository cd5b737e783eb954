//! From 16-bit sequence numbers to ones that never wrap (RFC 3550 appendix A.1).

/// A larger step forward is a new beginning, not loss.
const DROPOUT_MAX: u16 = 3000;
/// An older packet than this is a new beginning or too late for any use: the video ring's length.
const MISORDER_MAX: u16 = 1024;

/// Where a packet stands among those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// The newest; those between it and the former newest are missing.
    Newest {
        /// Its extended sequence number.
        seq: u64,
        /// The first one missing; `seq` when none is.
        missing_from: u64,
    },
    /// The newest, and the first of a new numbering.
    Restart(u64),
    /// Older than the newest, or the newest again.
    Late(u64),
    /// Too far off. A second one that continues it is believed.
    Astray,
}

/// Extends the sequence numbers of one source after the other.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    highest: Option<u64>,
    astray: Option<u16>,
    run: u16,
}

impl Sequence {
    /// The highest extended sequence number.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Counts the new numberings.
    pub(crate) fn run(&self) -> u16 {
        self.run
    }

    /// Takes the next packet of the source.
    pub(crate) fn place(&mut self, seq: u16) -> Place {
        let Some(highest) = self.highest else {
            return self.restart(seq);
        };
        let ahead = seq.wrapping_sub(highest as u16);
        let behind = ahead.wrapping_neg();
        if ahead != 0 && ahead < DROPOUT_MAX {
            self.astray = None;
            let seq = highest + u64::from(ahead);
            self.highest = Some(seq);
            return Place::Newest { seq, missing_from: highest + 1 };
        }
        if behind < MISORDER_MAX {
            return Place::Late(highest - u64::from(behind));
        }
        if self.astray.replace(seq.wrapping_add(1)) == Some(seq) {
            return self.restart(seq);
        }
        Place::Astray
    }

    /// Takes a packet that was retransmitted: it never begins a numbering. `None` without one, or too far off.
    pub(crate) fn place_retransmitted(&mut self, seq: u16) -> Option<Place> {
        let ahead = seq.wrapping_sub(self.highest? as u16);
        (ahead < DROPOUT_MAX || ahead.wrapping_neg() < MISORDER_MAX).then(|| self.place(seq))
    }

    /// The next packet is of another source: it begins a new numbering.
    pub(crate) fn restart(&mut self, seq: u16) -> Place {
        // Beyond all that came before, and never so low that an older packet had no number.
        let base = self.highest.map_or(0, |highest| {
            self.run = self.run.wrapping_add(1);
            highest >> 16
        });
        let seq = ((base + 2) << 16) | u64::from(seq);
        self.highest = Some(seq);
        self.astray = None;
        Place::Restart(seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extends_over_wraps_gaps_and_disorder() {
        let mut sequence = Sequence::default();
        let base = 2 << 16;
        let newest = |seq, from| Place::Newest { seq: base + seq, missing_from: base + from };
        assert_eq!(sequence.place(65534), Place::Restart(base + 65534));
        assert_eq!(sequence.place(65535), newest(65535, 65535));
        assert_eq!(sequence.place(1), newest(65537, 65536));
        assert_eq!(sequence.place(0), Place::Late(base + 65536));
        assert_eq!(sequence.place(65000), Place::Late(base + 65000));
        assert_eq!(sequence.place(1), Place::Late(base + 65537));
        assert_eq!(sequence.run(), 0);
    }

    #[test]
    fn a_leap_is_believed_when_it_continues() {
        let mut sequence = Sequence::default();
        sequence.place(100);
        assert_eq!(sequence.place(30000), Place::Astray);
        assert_eq!(sequence.place(101), Place::Newest { seq: (2 << 16) + 101, missing_from: (2 << 16) + 101 });
        assert_eq!(sequence.place(30000), Place::Astray);
        assert_eq!(sequence.place(30001), Place::Restart((4 << 16) + 30001));
        assert_eq!(sequence.run(), 1);
    }

    #[test]
    fn a_retransmission_never_begins_a_numbering() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.place_retransmitted(5), None);
        sequence.place(100);
        assert_eq!(sequence.place_retransmitted(99), Some(Place::Late((2 << 16) + 99)));
        assert_eq!(sequence.place_retransmitted(30000), None);
        assert_eq!(sequence.place_retransmitted(30001), None);
        assert_eq!(sequence.run(), 0);
    }
}
