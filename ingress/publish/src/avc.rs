//! The decoder configuration records of H.264 (`avcC`) and H.265 (`hvcC`), ISO/IEC 14496-15.

use crate::Unreadable;
use crate::nal::{Fields, ParameterSets};

/// A record: its parameter sets and how long NAL units' lengths are, in bytes.
pub(crate) type Record = (ParameterSets, usize);

/// Reads an `avcC` record (section 5.3.3.1).
pub(crate) fn avc(record: &[u8]) -> Result<Record, Unreadable> {
    let mut fields = Fields(record);
    let (version, _, length) = (fields.byte()?, fields.bytes(3)?, fields.byte()?);
    if version != 1 {
        return Err(Unreadable("H.264"));
    }
    let mut sets = ParameterSets::default();
    for _ in 0..fields.byte()? & 0x1f {
        sets.push(fields.set()?)?;
    }
    for _ in 0..fields.byte()? {
        sets.push(fields.set()?)?;
    }
    if sets.is_empty() { Err(Unreadable("H.264")) } else { Ok((sets, usize::from(length & 3) + 1)) }
}

/// Reads an `hvcC` record (section 8.3.3.1).
pub(crate) fn hevc(record: &[u8]) -> Result<Record, Unreadable> {
    const VPS: u8 = 32;
    const PPS: u8 = 34;
    let mut fields = Fields(record);
    let (version, _, length) = (fields.byte()?, fields.bytes(20)?, fields.byte()?);
    if version != 1 {
        return Err(Unreadable("H.265"));
    }
    let mut sets = ParameterSets::default();
    for _ in 0..fields.byte()? {
        let kind = fields.byte()? & 0x3f;
        let count = u16::from_be_bytes([fields.byte()?, fields.byte()?]);
        for _ in 0..count {
            let set = fields.set()?;
            // SEI may stand here, too.
            if (VPS..=PPS).contains(&kind) {
                sets.push(set)?;
            }
        }
    }
    if sets.is_empty() { Err(Unreadable("H.265")) } else { Ok((sets, usize::from(length & 3) + 1)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_avc() {
        let record = [1, 0x64, 0, 0x28, 0xff, 0xe1, 0, 2, 0x67, 1, 1, 0, 1, 0x68, 0xfd];
        let (sets, length) = avc(&record).unwrap();
        assert_eq!(length, 4);
        assert_eq!(sets.iter().collect::<Vec<_>>(), [&[0x67, 1][..], &[0x68]]);
        for len in 0..record.len() - 1 {
            assert!(avc(&record[..len]).is_err(), "{len}");
        }
        assert!(avc(&[1, 0x64, 0, 0x28, 0xff, 0xe0, 0]).is_err(), "no sets");
    }

    #[test]
    fn reads_hevc() {
        let mut record = vec![1; 21];
        record.extend([0xff, 3, 0xa0, 0, 1, 0, 2, 0x40, 1, 0x27, 0, 1, 0, 1, 0x4e, 0x21, 0, 1, 0, 2, 0x42, 1]);
        let (sets, length) = hevc(&record).unwrap();
        assert_eq!(length, 4);
        assert_eq!(sets.iter().collect::<Vec<_>>(), [&[0x40, 1][..], &[0x42, 1]]);
        for len in 0..record.len() {
            assert!(hevc(&record[..len]).is_err(), "{len}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end(record in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (avc(&record), hevc(&record));
        }
    }
}
