//! H.264 as RTP payloads (RFC 6184), packetization mode 1.

use crate::nal::{self, ParameterSets};

const IDR: u8 = 5;
const SLICES: std::ops::RangeInclusive<u8> = 1..=5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const TYPE: u8 = 0x1f;
const IMPORTANCE: u8 = 0x60;

/// Payloads of one picture. Parameter sets, those of the picture or else those known, go before every IDR picture; what
/// a decoder does not need (delimiters, SEI, filler) is left out. Empty when there is no slice.
pub(crate) fn payloads<'a>(units: impl Iterator<Item = &'a [u8]>, sets: &mut ParameterSets) -> Vec<Vec<u8>> {
    let kind = |unit: &&[u8]| unit.first().map_or(0, |head| head & TYPE);
    let (slices, rest): (Vec<&[u8]>, Vec<&[u8]>) = units.partition(|unit| SLICES.contains(&kind(unit)));
    let found: Vec<&[u8]> = rest.into_iter().filter(|unit| matches!(kind(unit), SPS | PPS)).collect();
    if found.iter().any(|unit| kind(unit) == SPS) {
        sets.replace(&found);
    }
    let mut payloads = Vec::new();
    if slices.iter().any(|unit| kind(unit) == IDR) {
        aggregate(sets, &mut payloads);
    }
    slices.into_iter().for_each(|unit| fragment(unit, &mut payloads));
    payloads
}

/// All sets in one packet (section 5.7.1), as important as the most important of them.
fn aggregate(sets: &ParameterSets, payloads: &mut Vec<Vec<u8>>) {
    let importance = sets.iter().filter_map(|set| set.first()).map(|head| head & IMPORTANCE).max().unwrap_or(0);
    nal::aggregate(&[importance | STAP_A], sets, payloads);
}

/// A unit as it is, or in fragments (section 5.8).
fn fragment(unit: &[u8], payloads: &mut Vec<Vec<u8>>) {
    let Some(head) = unit.first() else { return };
    nal::fragment(unit, &[head & !TYPE | FU_A, head & TYPE], payloads);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stream::PAYLOAD_BYTES_MAX;

    fn sets() -> ParameterSets {
        let mut sets = ParameterSets::default();
        sets.push(&[0x67, 0x42, 0, 1]).unwrap();
        sets.push(&[0x68, 9]).unwrap();
        sets
    }

    /// What a receiver makes of payloads (section 5).
    fn units(payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut units: Vec<Vec<u8>> = Vec::new();
        for payload in payloads {
            assert!(payload.len() <= PAYLOAD_BYTES_MAX);
            match payload[0] & TYPE {
                STAP_A => {
                    let mut rest = &payload[1..];
                    while let Some((len, after)) = rest.split_first_chunk::<2>() {
                        let (unit, after) = after.split_at(usize::from(u16::from_be_bytes(*len)));
                        units.push(unit.to_vec());
                        rest = after;
                    }
                }
                FU_A => {
                    if payload[1] & 0x80 != 0 {
                        units.push(vec![payload[0] & !TYPE | payload[1] & TYPE]);
                    }
                    units.last_mut().unwrap().extend(&payload[2..]);
                }
                _ => units.push(payload.clone()),
            }
        }
        units
    }

    #[test]
    fn sets_go_before_an_idr_picture_only() {
        let mut sets = sets();
        let idr = [&[0x09, 0xf0][..], &[0x06, 5, 1], &[0x65, 1, 2]];
        let key = payloads(idr.into_iter(), &mut sets);
        assert_eq!(units(&key), [&[0x67, 0x42, 0, 1][..], &[0x68, 9], &[0x65, 1, 2]]);
        assert!(wire::codec::h264::keyframe(&key[0]));
        let inter = payloads([&[0x41, 7][..]].into_iter(), &mut sets);
        assert_eq!(units(&inter), [&[0x41, 7]]);
        assert!(payloads([&[0x06, 5][..], &[]].into_iter(), &mut sets).is_empty());
    }

    #[test]
    fn sets_of_the_picture_replace_those_known() {
        let mut sets = sets();
        let fresh = [&[0x67, 0x64, 1][..], &[0x68, 8], &[0x65, 1]];
        assert_eq!(units(&payloads(fresh.into_iter(), &mut sets))[0], [0x67, 0x64, 1]);
        assert_eq!(units(&payloads([&[0x65, 1][..]].into_iter(), &mut sets))[0], [0x67, 0x64, 1]);
        // A set that is too long changes nothing.
        let long = [0x67; 600];
        payloads([&long[..], &[0x65, 1]].into_iter(), &mut sets);
        assert_eq!(sets.iter().next(), Some(&[0x67, 0x64, 1][..]));
    }

    proptest! {
        #[test]
        fn fragments_find_together(lens in proptest::collection::vec(2..9000_usize, 1..5)) {
            let slices: Vec<Vec<u8>> = lens.iter().map(|&len| [vec![0x41], vec![len as u8; len - 1]].concat()).collect();
            let payloads = payloads(slices.iter().map(Vec::as_slice), &mut sets());
            prop_assert_eq!(units(&payloads), slices);
        }
    }
}
