//! Redundant audio (RFC 2198 section 3).

use crate::Pt;

/// Blocks that one packet may hold; browsers send two or three.
pub const BLOCKS_MAX: usize = 8;

/// Finds the primary block, the newest, which is the last: its payload type and bytes. `None` when the
/// headers contradict the payload's length.
pub fn primary(payload: &[u8]) -> Option<(Pt, &[u8])> {
    let mut rest = payload;
    let mut redundant_bytes = 0;
    for _ in 0..BLOCKS_MAX {
        let (&first, after) = rest.split_first()?;
        if first & 0x80 == 0 {
            return Some((Pt(first), after.get(redundant_bytes..)?));
        }
        let (head, after) = rest.split_first_chunk::<4>()?;
        redundant_bytes += usize::from(u16::from_be_bytes([head[2] & 0x03, head[3]]));
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_newest_block() {
        assert_eq!(primary(&[111, 1, 2, 3]), Some((Pt(111), &[1, 2, 3][..])));
        assert_eq!(primary(&[0xef, 0, 0, 2, 111, 9, 9, 1, 2]), Some((Pt(111), &[1, 2][..])));
    }

    #[test]
    fn refuses_headers_that_contradict_the_length() {
        for payload in [&[][..], &[0xef, 0, 0], &[0xef, 0, 0, 3, 111, 9, 9], &[0xef, 0, 0, 0].repeat(9)] {
            assert_eq!(primary(payload), None, "{payload:02x?}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            primary(&payload);
        }
    }
}
