//! Which packet indices were seen: a sliding bit map, and the guess of a 48-bit index from 16 bits.

/// The largest packet index plus one: 32 bits of rollover counter, 16 bits of sequence number.
const INDEX_END: u64 = 1 << 48;

/// The last `WORDS * 64` indices up to the highest one seen.
#[derive(Clone, Debug)]
pub(super) struct Window<const WORDS: usize> {
    highest: u64,
    /// Bit `index % size` says whether `index` was seen.
    bits: [u64; WORDS],
}

/// A record of seen indices.
pub(super) trait Seen {
    /// A record that has seen `index` only.
    fn first(index: u64) -> Self;
    /// Notes `index`.
    fn mark(&mut self, index: u64);
}

impl<const WORDS: usize> Window<WORDS> {
    const SIZE: u64 = WORDS as u64 * 64;

    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether `index` was neither seen nor is too old to tell.
    pub(super) fn is_fresh(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        self.highest - index < Self::SIZE && !self.bit(index)
    }

    fn bit(&self, index: u64) -> bool {
        let (word, mask) = Self::place(index);
        self.bits[word] & mask != 0
    }

    fn place(index: u64) -> (usize, u64) {
        let at = index % Self::SIZE;
        ((at / 64) as usize, 1 << (at % 64))
    }
}

impl<const WORDS: usize> Seen for Window<WORDS> {
    fn first(index: u64) -> Self {
        let mut window = Self { highest: index, bits: [0; WORDS] };
        window.mark(index);
        window
    }

    fn mark(&mut self, index: u64) {
        if index > self.highest {
            if index - self.highest >= Self::SIZE {
                self.bits = [0; WORDS];
            } else {
                for skipped in self.highest + 1..index {
                    let (word, mask) = Self::place(skipped);
                    self.bits[word] &= !mask;
                }
            }
            self.highest = index;
        } else if self.highest - index >= Self::SIZE {
            return;
        }
        let (word, mask) = Self::place(index);
        self.bits[word] |= mask;
    }
}

/// The index nearest to `highest` that ends with `sequence` (RFC 3711 section 3.3.1, appendix A); `None` before the
/// first or behind the last possible one.
pub(super) fn index_of(highest: u64, sequence: u16) -> Option<u64> {
    let step = sequence.wrapping_sub(highest as u16) as i16;
    highest.checked_add_signed(i64::from(step)).filter(|index| *index < INDEX_END)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn guesses_over_the_wrap() {
        let table = [
            (5, 6, Some(6)),
            (5, 65_535, None),
            (65_535, 0, Some(65_536)),
            (65_536, 65_535, Some(65_535)),
            (0x1_FFF0, 0x0010, Some(0x2_0010)),
            (0x2_0010, 0xFFF0, Some(0x1_FFF0)),
            (INDEX_END - 1, 0, None),
        ];
        for (highest, sequence, expected) in table {
            assert_eq!(index_of(highest, sequence), expected, "{highest} {sequence}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(start in 0_u64..1_000, steps in prop::collection::vec(-200_i64..200, 1..400)) {
            let mut window = Window::<2>::first(start);
            let mut set = BTreeSet::from([start]);
            let mut at = start;
            for step in steps {
                at = at.saturating_add_signed(step);
                let highest = *set.last().unwrap();
                let fresh = at > highest || (highest - at < 128 && !set.contains(&at));
                prop_assert_eq!(window.is_fresh(at), fresh);
                window.mark(at);
                set.insert(at);
            }
        }
    }
}
