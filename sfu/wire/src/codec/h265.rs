//! Where an H.265 decoder can start (RFC 7798 section 4.4).

use super::h264::units;

const VPS: u8 = 32;
const SPS: u8 = 33;
const AP: u8 = 48;
const FU: u8 = 49;

/// Whether the payload brings a video or sequence parameter set, without which no later slice can be read.
pub fn keyframe(payload: &[u8]) -> bool {
    let Some((head, rest)) = payload.split_first_chunk::<2>() else {
        return false;
    };
    match unit_type(head[0]) {
        VPS | SPS => true,
        AP => units(rest).any(|unit| unit.first().is_some_and(|&byte| matches!(unit_type(byte), VPS | SPS))),
        FU => rest.first().is_some_and(|header| header & 0x80 != 0 && matches!(header & 0x3f, VPS | SPS)),
        _ => false,
    }
}

fn unit_type(byte: u8) -> u8 {
    byte >> 1 & 0x3f
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_parameter_sets() {
        for (payload, expected) in [
            (&[0x40, 1, 0][..], true),
            (&[0x42, 1, 0], true),
            (&[0x26, 1, 0], false),
            (&[0x60, 1, 0, 2, 0x40, 1], true),
            (&[0x60, 1, 0, 2, 0x44, 1], false),
            (&[0x62, 1, 0xa0], true),
            (&[0x62, 1, 0x20], false),
            (&[0x40], false),
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
