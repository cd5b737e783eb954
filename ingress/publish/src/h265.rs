//! H.265 as RTP payloads (RFC 7798).

use crate::nal::{self, ParameterSets};

const SLICES_MAX: u8 = 31;
/// Pictures at which decoding can begin.
const RANDOM_ACCESS: std::ops::RangeInclusive<u8> = 16..=23;
const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;
const AGGREGATION: u8 = 48;
const FRAGMENT: u8 = 49;

/// Payloads of one picture, as for H.264: parameter sets before every picture at which decoding can begin, slices, and
/// nothing else.
pub(crate) fn payloads<'a>(units: impl Iterator<Item = &'a [u8]>, sets: &mut ParameterSets) -> Vec<Vec<u8>> {
    let units: Vec<&[u8]> = units.filter(|unit| unit.len() > 2).collect();
    let found: Vec<&[u8]> = units.iter().copied().filter(|unit| (VPS..=PPS).contains(&kind(unit))).collect();
    if found.iter().any(|unit| kind(unit) == SPS) {
        sets.replace(&found);
    }
    let mut payloads = Vec::new();
    if units.iter().any(|unit| RANDOM_ACCESS.contains(&kind(unit))) {
        // All in one packet (section 4.4.2); they are of the base layer.
        nal::aggregate(&[AGGREGATION << 1, 1], sets, &mut payloads);
    }
    units.into_iter().filter(|unit| kind(unit) <= SLICES_MAX).for_each(|unit| fragment(unit, &mut payloads));
    payloads
}

fn kind(unit: &[u8]) -> u8 {
    unit.first().map_or(u8::MAX, |head| head >> 1 & 0x3f)
}

/// A unit as it is, or in fragments (section 4.4.3).
fn fragment(unit: &[u8], payloads: &mut Vec<Vec<u8>>) {
    let Some(head) = unit.first_chunk::<2>() else { return };
    nal::fragment(unit, &[head[0] & 0x81 | FRAGMENT << 1, head[1], kind(unit)], payloads);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::PAYLOAD_BYTES_MAX;

    #[test]
    fn sets_go_before_random_access_pictures() {
        let mut sets = ParameterSets::default();
        for set in [[0x40, 1, 1], [0x42, 1, 2], [0x44, 1, 3]] {
            sets.push(&set).unwrap();
        }
        let idr = payloads([&[0x46, 1, 0x50][..], &[0x28, 1, 9]].into_iter(), &mut sets);
        assert_eq!(idr.len(), 2);
        assert_eq!(idr[0][..7], [AGGREGATION << 1, 1, 0, 3, 0x40, 1, 1]);
        assert!(wire::codec::h265::keyframe(&idr[0]));
        assert_eq!(idr[1], [0x28, 1, 9]);
        let inter = payloads([&[0x02, 1, 9][..], &[0x50, 1, 1], &[0x02]].into_iter(), &mut sets);
        assert_eq!(inter, [[0x02, 1, 9]]);
    }

    #[test]
    fn fragments_find_together() {
        let unit: Vec<u8> = [0x28, 1].into_iter().chain((0..3000).map(|index| index as u8)).collect();
        let pieces = payloads([unit.as_slice()].into_iter(), &mut ParameterSets::default());
        let pieces = &pieces[1..];
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.len() <= PAYLOAD_BYTES_MAX && piece[0] == FRAGMENT << 1));
        assert_eq!((pieces[0][2], pieces[1][2], pieces[2][2]), (0x80 | 20, 20, 0x40 | 20));
        let body: Vec<u8> = pieces.iter().flat_map(|piece| piece[3..].to_vec()).collect();
        assert_eq!(body, unit[2..]);
    }
}
