//! NAL units in a byte stream with start codes (H.264 annex B).

/// `nal_unit_type` of a slice of a picture that is not IDR (H.264 table 7-1).
pub const SLICE: u8 = 1;
/// `nal_unit_type` of a slice of an IDR picture.
pub const IDR: u8 = 5;
/// `nal_unit_type` of a sequence parameter set.
pub const SPS: u8 = 7;
/// `nal_unit_type` of a picture parameter set.
pub const PPS: u8 = 8;

/// A start code as this crate writes it.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The `nal_unit_type` of a NAL unit; 0, which is unspecified, for an empty one.
pub fn kind(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |header| header & 0x1f)
}

/// The NAL units of a byte stream, without start codes and the zeros before them. What stands before the first start
/// code is left out; bytes without any start code hold no NAL unit.
pub fn nals(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start(stream).map(|(_, after)| after);
    std::iter::from_fn(move || {
        let from = rest?;
        let nal = match start(from) {
            Some((before, after)) => {
                rest = Some(after);
                before
            }
            None => {
                rest = None;
                from
            }
        };
        Some(nal.trim_suffix_zeros())
    })
    .filter(|nal| !nal.is_empty())
}

/// What stands before the first start code, and what after it.
fn start(stream: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    // Looking at every third byte first: a start code has a byte below 2 in any three.
    while let Some(window) = stream.get(from..from + 3) {
        match *window {
            [0, 0, 1] => return Some((stream.get(..from)?, stream.get(from + 3..)?)),
            [_, _, last] if last > 1 => from += 3,
            [_, middle, 1] if middle > 0 => from += 3,
            _ => from += 1,
        }
    }
    None
}

trait TrimZeros {
    fn trim_suffix_zeros(&self) -> &Self;
}

impl TrimZeros for [u8] {
    fn trim_suffix_zeros(&self) -> &Self {
        let end = self.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        self.get(..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_found() {
        let stream = [9, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 0, 0, 3, 1, 0];
        let found: Vec<_> = nals(&stream).collect();
        assert_eq!(found, [&[0x67, 1][..], &[0x68, 2], &[0x65, 0, 0, 3, 1]]);
        assert_eq!(found.iter().map(|nal| kind(nal)).collect::<Vec<_>>(), [SPS, PPS, IDR]);
        assert_eq!(nals(&[1, 2, 3]).count(), 0);
        assert_eq!(nals(&[0, 0, 1]).count(), 0);
    }

    proptest! {
        #[test]
        fn what_was_joined_is_split(units in prop::collection::vec(prop::collection::vec(1u8.., 1..20), 0..8)) {
            let joined: Vec<u8> = units.iter().flat_map(|unit| [&START_CODE[..], unit].concat()).collect();
            prop_assert_eq!(nals(&joined).collect::<Vec<_>>(), units);
        }

        #[test]
        fn zeros_do_not_hide_a_start(noise in prop::collection::vec(0u8..3, 0..40)) {
            let slow = (0..noise.len()).find(|&at| noise[at..].starts_with(&[0, 0, 1]));
            prop_assert_eq!(start(&noise).map(|(before, _)| before.len()), slow);
        }
    }
}
