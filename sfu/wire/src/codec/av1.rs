//! Where an AV1 decoder can start: the aggregation header of the Alliance for Open Media's RTP payload
//! format (section 4.4).

const OBU_SEQUENCE_HEADER: u8 = 1;
/// Sequence headers come first in a coded video sequence, so a few elements are enough to look at.
const ELEMENTS_MAX: usize = 4;

/// Whether a coded video sequence begins in this payload: the aggregation header's N bit, or a sequence
/// header among the first OBUs.
pub fn keyframe(payload: &[u8]) -> bool {
    let Some((&aggregation, rest)) = payload.split_first() else {
        return false;
    };
    let continues = aggregation & 0x80 != 0;
    !continues && (aggregation & 0x08 != 0 || has_sequence_header(aggregation >> 4 & 0x03, rest))
}

fn has_sequence_header(count: u8, mut rest: &[u8]) -> bool {
    for index in 1..=ELEMENTS_MAX {
        // With a count of W elements, the last of them has no length.
        let unit = if usize::from(count) == index {
            std::mem::take(&mut rest)
        } else {
            let Some((unit, after)) = leb128(rest).and_then(|(len, after)| after.split_at_checked(len)) else {
                return false;
            };
            rest = after;
            unit
        };
        if unit.first().is_some_and(|header| header >> 3 & 0x0f == OBU_SEQUENCE_HEADER) {
            return true;
        }
    }
    false
}

fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_a_new_sequence() {
        for (payload, expected) in [
            (&[0x18, 0x0a][..], true),
            (&[0x10, 0x0a, 0x00], true),
            (&[0x20, 0x02, 0x12, 0x00, 0x0a], true),
            (&[0x00, 0x01, 0x12, 0x01, 0x0a], true),
            (&[0x10, 0x32, 0x00], false),
            (&[0x88, 0x0a], false),
            (&[0x00, 0xff, 0xff, 0xff, 0xff, 0xff], false),
            (&[], false),
        ] {
            assert_eq!(keyframe(payload), expected, "{payload:02x?}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            keyframe(&payload);
        }
    }
}
