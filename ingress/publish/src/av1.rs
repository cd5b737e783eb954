//! AV1 as RTP payloads (the Alliance for Open Media's payload format, section 4).

use crate::stream::PAYLOAD_BYTES_MAX;

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;
const EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;
/// Bits of the aggregation header.
const CONTINUES: u8 = 0x80;
const CONTINUED: u8 = 0x40;
const BEGINS_SEQUENCE: u8 = 0x08;
/// OBUs in one picture: tiles and metadata of 4K have a few dozen.
const OBUS_MAX: usize = 256;
/// Bytes of the length before an element: a payload is shorter than 2^14.
const LENGTH_BYTES: usize = 2;

/// Payloads of one temporal unit. `header` is the sequence header known from the configuration, for key frames that do
/// not bring their own.
pub(crate) fn payloads(unit: &[u8], keyframe: bool, header: &[u8]) -> Vec<Vec<u8>> {
    let mut elements: Vec<Vec<u8>> = obus(unit);
    let brings = elements.iter().any(|element| kind(element) == SEQUENCE_HEADER);
    if keyframe && !brings {
        elements.splice(0..0, obus(header));
    }
    let begins = elements.first().is_some_and(|element| kind(element) == SEQUENCE_HEADER);
    let mut packer = Packer { payloads: Vec::new() };
    elements.iter().for_each(|element| packer.add(element));
    if let Some(first) = packer.payloads.first_mut().filter(|_| begins) {
        first[0] |= BEGINS_SEQUENCE;
    }
    packer.payloads
}

/// The OBUs that are sent, each without its size, which RTP has in its own form.
fn obus(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Some((obu, after)) = split(rest).filter(|_| found.len() < OBUS_MAX) {
        if !matches!(kind(&obu), TEMPORAL_DELIMITER | TILE_LIST | PADDING) {
            found.push(obu);
        }
        rest = after;
    }
    found
}

fn split(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let &head = bytes.first()?;
    let head_len = if head & EXTENSION != 0 { 2 } else { 1 };
    let (header, body) = bytes.split_at_checked(head_len)?;
    let (body, after) = if head & HAS_SIZE != 0 {
        let (len, body) = leb128(body)?;
        body.split_at_checked(len)?
    } else {
        (body, &[][..])
    };
    let mut obu = header.to_vec();
    obu[0] &= !HAS_SIZE;
    obu.extend_from_slice(body);
    Some((obu, after))
}

fn kind(obu: &[u8]) -> u8 {
    obu.first().map_or(0, |head| head >> 3 & 0x0f)
}

fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_usize;
    for (index, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.get(index + 1..).map(|rest| (value, rest));
        }
    }
    None
}

/// Fills packets with elements, each behind its length (W is 0).
struct Packer {
    payloads: Vec<Vec<u8>>,
}

impl Packer {
    fn add(&mut self, element: &[u8]) {
        let (mut rest, mut continues) = (element, false);
        while !rest.is_empty() {
            let room = self.room(continues);
            let (piece, after) = rest.split_at(room.min(rest.len()));
            let Some(payload) = self.payloads.last_mut() else { return };
            // Two bytes hold any length below 2^14.
            payload.extend_from_slice(&[piece.len() as u8 | 0x80, (piece.len() >> 7) as u8]);
            payload.extend_from_slice(piece);
            if !after.is_empty() {
                payload[0] |= CONTINUED;
            }
            (rest, continues) = (after, true);
        }
    }

    /// Bytes for an element in the last packet, or in a new one when little or nothing is left there.
    fn room(&mut self, continues: bool) -> usize {
        const WORTH_BYTES: usize = 16;
        let left = |payload: &Vec<u8>| PAYLOAD_BYTES_MAX.saturating_sub(payload.len() + LENGTH_BYTES);
        if let Some(room) = self.payloads.last().map(left).filter(|room| *room >= WORTH_BYTES) {
            return room;
        }
        self.payloads.push(vec![if continues { CONTINUES } else { 0 }]);
        PAYLOAD_BYTES_MAX - 1 - LENGTH_BYTES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a receiver makes of payloads.
    fn elements(payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut elements: Vec<Vec<u8>> = Vec::new();
        let mut open = false;
        for payload in payloads {
            assert!(payload.len() <= PAYLOAD_BYTES_MAX);
            assert_eq!(payload[0] & CONTINUES != 0, open);
            let mut rest = &payload[1..];
            while let Some((len, after)) = leb128(rest) {
                let (piece, after) = after.split_at(len);
                match elements.last_mut().filter(|_| open) {
                    Some(element) => element.extend(piece),
                    None => elements.push(piece.to_vec()),
                }
                (rest, open) = (after, false);
            }
            open = payload[0] & CONTINUED != 0;
        }
        elements
    }

    fn obu(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut obu = vec![kind << 3 | HAS_SIZE, body.len() as u8 | 0x80, (body.len() >> 7) as u8];
        obu.extend(body);
        obu
    }

    #[test]
    fn a_key_frame_begins_with_its_sequence_header() {
        let header = obu(SEQUENCE_HEADER, &[7, 7]);
        let unit = [obu(TEMPORAL_DELIMITER, &[]), obu(6, &[1, 2, 3])].concat();
        let key = payloads(&unit, true, &header);
        assert_eq!(elements(&key), [vec![SEQUENCE_HEADER << 3, 7, 7], vec![6 << 3, 1, 2, 3]]);
        assert!(wire::codec::av1::keyframe(&key[0]));
        let inter = payloads(&unit, false, &header);
        assert_eq!(elements(&inter), [vec![6 << 3, 1, 2, 3]]);
        assert!(!wire::codec::av1::keyframe(&inter[0]));
        let own = [header.clone(), obu(6, &[1])].concat();
        assert_eq!(elements(&payloads(&own, true, &header)).len(), 2);
    }

    #[test]
    fn what_is_cut_short_is_left_out() {
        let unit = [obu(6, &[1]), vec![6 << 3 | HAS_SIZE, 9, 1]].concat();
        assert_eq!(elements(&payloads(&unit, false, &[])).len(), 1);
        assert!(payloads(&[], true, &[]).is_empty());
    }

    proptest! {
        #[test]
        fn elements_find_together(lens in proptest::collection::vec(0..5000_usize, 1..6)) {
            let bodies: Vec<Vec<u8>> = lens.iter().map(|&len| vec![len as u8; len]).collect();
            let unit: Vec<u8> = bodies.iter().flat_map(|body| obu(6, body)).collect();
            let expected: Vec<Vec<u8>> = bodies.iter().map(|body| [&[6 << 3][..], body].concat()).collect();
            prop_assert_eq!(elements(&payloads(&unit, false, &[])), expected);
        }

        #[test]
        fn any_bytes_end(unit in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = payloads(&unit, true, &unit);
        }
    }
}
