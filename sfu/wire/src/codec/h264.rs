//! Where an H.264 decoder can start (RFC 6184 section 5).

const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Whether the payload brings a sequence parameter set. That, and not the IDR slice behind it, is where
/// a decoder can start: the slices mean nothing without it, and senders of real-time video put one
/// before every IDR picture.
pub fn keyframe(payload: &[u8]) -> bool {
    let Some((&indicator, rest)) = payload.split_first() else {
        return false;
    };
    match indicator & 0x1f {
        SPS => true,
        STAP_A => units(rest).any(|unit| unit.first().is_some_and(|header| header & 0x1f == SPS)),
        FU_A => rest.first().is_some_and(|header| header & 0x80 != 0 && header & 0x1f == SPS),
        _ => false,
    }
}

/// The units of an aggregation: each is preceded by its length in 16 bits.
pub(super) fn units(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, after) = rest.split_first_chunk::<2>()?;
        let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        rest = after;
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_parameter_set() {
        for (payload, expected) in [
            (&[0x67, 0x42][..], true),
            (&[0x65, 0x88], false),
            (&[0x78, 0, 1, 0x68, 0, 2, 0x67, 0x42], true),
            (&[0x78, 0, 1, 0x68, 0, 1, 0x65], false),
            (&[0x78, 0, 9, 0x67], false),
            (&[0x7c, 0x87], true),
            (&[0x7c, 0x07], false),
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
