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

/// The temporal layer of the payload's units (RFC 7798 section 1.1.4: the header's TID less one); `None` when it is cut
/// short or has the forbidden value.
pub fn temporal(payload: &[u8]) -> Option<u8> {
    (payload.get(1)? & 0x07).checked_sub(1)
}

/// Whether the payload belongs to a picture from which on its temporal layer may be taken by who has the layers below:
/// a temporal sub-layer access picture, stepwise or not (H.265 table 7-1, types 2 to 5).
pub fn temporal_switch(payload: &[u8]) -> bool {
    let Some((head, rest)) = payload.split_first_chunk::<2>() else {
        return false;
    };
    let kind = match unit_type(head[0]) {
        FU => rest.first().map_or(0, |header| header & 0x3f),
        AP => units(rest).next().and_then(|unit| unit.first()).map_or(0, |&byte| unit_type(byte)),
        kind => kind,
    };
    (2..=5).contains(&kind)
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

    #[test]
    fn reads_the_temporal_layer() {
        for (payload, expected) in
            [(&[0x02, 0x01][..], Some(0)), (&[0x02, 0x0b], Some(2)), (&[0x02, 0], None), (&[2], None)]
        {
            assert_eq!(temporal(payload), expected, "{payload:02x?}");
        }
    }

    #[test]
    fn finds_where_a_temporal_layer_may_be_taken() {
        for (payload, expected) in [
            (&[0x04, 2][..], true),
            (&[0x0a, 2], true),
            (&[0x02, 2], false),
            (&[0x62, 2, 0x03], true),
            (&[0x04], false),
        ] {
            assert_eq!(temporal_switch(payload), expected, "{payload:02x?}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            keyframe(&payload);
            let _ = (temporal(&payload), temporal_switch(&payload));
        }
    }
}
