//! Reading bits and Exp-Golomb numbers (H.264 7.2 and 9.1). Reading past the end gives `None`.

/// A reader over bytes; over a NAL unit's payload it skips emulation prevention bytes (00 00 03) by itself.
#[derive(Clone, Debug)]
pub(crate) struct Bits<'a> {
    rest: &'a [u8],
    emulation: bool,
    /// Zero bytes read in a row.
    zeros: u8,
    /// The current byte, and how many of its low bits are unread.
    byte: u8,
    left: u8,
}

impl<'a> Bits<'a> {
    /// Over a NAL unit's payload.
    pub(crate) fn nal(payload: &'a [u8]) -> Self {
        Self { rest: payload, emulation: true, zeros: 0, byte: 0, left: 0 }
    }

    /// Over bytes as they are.
    pub(crate) fn raw(bytes: &'a [u8]) -> Self {
        Self { emulation: false, ..Self::nal(bytes) }
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        if self.left == 0 {
            self.byte = self.next_byte()?;
            self.left = 8;
        }
        self.left -= 1;
        Some(self.byte >> self.left & 1 == 1)
    }

    /// `count` bits, at most 32.
    pub(crate) fn bits(&mut self, count: u8) -> Option<u32> {
        (0..count).try_fold(0u32, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    /// ue(v); at most 31 leading zeros, which is all that a `u32` holds.
    pub(crate) fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let low = self.bits(zeros)?;
        (1u32 << zeros).checked_add(low)?.checked_sub(1)
    }

    /// se(v).
    pub(crate) fn signed(&mut self) -> Option<i32> {
        let code = self.unsigned()?;
        let size = i32::try_from(code.div_ceil(2)).ok()?;
        Some(if code % 2 == 1 { size } else { -size })
    }

    fn next_byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        if self.emulation && self.zeros >= 2 && byte == 3 {
            self.zeros = 0;
            return self.next_byte();
        }
        self.zeros = if byte == 0 { (self.zeros + 1).min(2) } else { 0 };
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb() {
        // 1 | 010 | 011 | 00100 | 00101 | 00110 -> 0 1 2 3 4 5
        let bytes = [0b1010_0110, 0b0100_0010, 0b1001_1000];
        let mut bits = Bits::nal(&bytes);
        for expected in 0..6 {
            assert_eq!(bits.unsigned(), Some(expected));
        }
        let mut bits = Bits::nal(&bytes);
        for expected in [0, 1, -1, 2, -2, 3] {
            assert_eq!(bits.signed(), Some(expected));
        }
    }

    #[test]
    fn emulation_prevention_is_skipped() {
        let mut bits = Bits::nal(&[0, 0, 3, 1, 0, 0, 3]);
        assert_eq!(bits.bits(32), Some(0x0000_0100));
        assert_eq!(bits.bits(8), Some(0));
        assert_eq!(bits.flag(), None);
    }

    #[test]
    fn too_long_numbers_end() {
        assert_eq!(Bits::nal(&[0; 64]).unsigned(), None);
        assert_eq!(Bits::nal(&[]).unsigned(), None);
    }
}
