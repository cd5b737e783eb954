//! H.264 as files and RTMP carry it (ISO/IEC 14496-15): parameter sets apart, each NAL unit behind its length.

use bytes::{BufMut, Bytes, BytesMut};

use crate::annexb::{self, START_CODE};

/// Most parameter sets of a kind that are believed (the record's own count goes to 31 and 255).
const SETS_MAX: usize = 32;

/// An AVCDecoderConfigurationRecord (`avcC`, 5.3.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Avcc {
    length_bytes: usize,
    /// SPS and PPS with start codes.
    sets: Bytes,
}

impl Avcc {
    /// Reads a record; `None` for a broken one.
    pub fn parse(record: &[u8]) -> Option<Self> {
        let (&[version, _, _, _, length, count], mut rest) = record.split_first_chunk::<6>()?;
        if version != 1 {
            return None;
        }
        let mut sets = BytesMut::new();
        take_sets(&mut rest, count & 0x1f, &mut sets)?;
        let (&count, pictures) = rest.split_first()?;
        rest = pictures;
        take_sets(&mut rest, count, &mut sets)?;
        Some(Self { length_bytes: usize::from(length & 3) + 1, sets: sets.freeze() })
    }

    /// The parameter sets with start codes, in which [`crate::sps::Sps::find`] finds the stream's properties.
    pub fn sets(&self) -> &Bytes {
        &self.sets
    }

    /// An access unit with start codes, for [`crate::AccessUnit`]: the parameter sets before an IDR picture, and the
    /// stream's own NAL units. `None` when a length points beyond its end or nothing is left.
    pub fn annexb(&self, unit: &[u8]) -> Option<Bytes> {
        let mut out = BytesMut::with_capacity(self.sets.len() + unit.len() + 64);
        let mut told = false;
        let mut rest = unit;
        while !rest.is_empty() {
            let (length, after) = rest.split_at_checked(self.length_bytes)?;
            let len = length.iter().fold(0usize, |len, &byte| len << 8 | usize::from(byte));
            let (nal, after) = after.split_at_checked(len)?;
            rest = after;
            if nal.is_empty() {
                continue;
            }
            if annexb::kind(nal) == annexb::IDR && !told {
                out.put_slice(&self.sets);
                told = true;
            }
            out.put_slice(&START_CODE);
            out.put_slice(nal);
        }
        (!out.is_empty()).then(|| out.freeze())
    }
}

fn take_sets(rest: &mut &[u8], count: u8, sets: &mut BytesMut) -> Option<()> {
    if usize::from(count) > SETS_MAX {
        return None;
    }
    for _ in 0..count {
        let (&length, after) = rest.split_first_chunk::<2>()?;
        let (set, after) = after.split_at_checked(usize::from(u16::from_be_bytes(length)))?;
        *rest = after;
        sets.put_slice(&START_CODE);
        sets.put_slice(set);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: [u8; 14] = [1, 66, 0, 30, 0xff, 0xe1, 0, 2, 0x67, 66, 1, 0, 0, 0];

    #[test]
    fn a_unit_gets_start_codes_and_its_sets() {
        let avcc = Avcc::parse(&[1, 66, 0, 30, 0xfd, 0xe1, 0, 2, 0x67, 66, 1, 0, 1, 0x68]).unwrap();
        assert_eq!(avcc.sets()[..], [0, 0, 0, 1, 0x67, 66, 0, 0, 0, 1, 0x68]);
        assert_eq!(avcc.annexb(&[0, 2, 0x41, 9]).unwrap()[..], [0, 0, 0, 1, 0x41, 9]);
        let key = avcc.annexb(&[0, 1, 0x65, 0, 1, 0x65]).unwrap();
        assert_eq!(key[..11], avcc.sets()[..]);
        assert_eq!(key[11..], [0, 0, 0, 1, 0x65, 0, 0, 0, 1, 0x65]);
    }

    #[test]
    fn broken_ones_are_none() {
        assert!(Avcc::parse(&RECORD).is_some(), "a record may hold no picture parameter set");
        for len in 0..11 {
            assert_eq!(Avcc::parse(&RECORD[..len]), None, "{len}");
        }
        let avcc = Avcc::parse(&RECORD).unwrap();
        for unit in [&[][..], &[0, 0, 0], &[0, 0, 0, 2, 1], &[0xff; 8], &[0, 0, 0, 0]] {
            assert_eq!(avcc.annexb(unit), None, "{unit:?}");
        }
    }
}
