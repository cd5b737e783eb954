//! What H.264 and H.265 share: parameter sets, where they stand in a stream, and how units fill packets.

use bytes::Bytes;

use crate::Unreadable;
use crate::stream::PAYLOAD_BYTES_MAX;

/// Parameter sets of one decoder configuration; encoders send two or three.
const SETS_MAX: usize = 16;
/// Longest parameter set, bytes: it must fit one packet together with the others to be of use.
const SET_BYTES_MAX: usize = 512;

/// What a decoder must have seen before a key frame, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ParameterSets {
    sets: Vec<Bytes>,
}

impl ParameterSets {
    /// The sets in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.sets.iter().map(Bytes::as_ref)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Adds a set to the end.
    ///
    /// # Errors
    /// When it is empty, or beyond a limit.
    pub(crate) fn push(&mut self, set: &[u8]) -> Result<(), Unreadable> {
        if set.is_empty() || set.len() > SET_BYTES_MAX || self.sets.len() >= SETS_MAX {
            return Err(Unreadable("video"));
        }
        self.sets.push(Bytes::copy_from_slice(set));
        Ok(())
    }

    /// Takes the sets that a picture brings itself in place of those known. Nothing changes when they are too many.
    pub(crate) fn replace(&mut self, found: &[&[u8]]) {
        if found.is_empty() || self.iter().eq(found.iter().copied()) {
            return;
        }
        let mut fresh = Self::default();
        if found.iter().all(|set| fresh.push(set).is_ok()) {
            *self = fresh;
        }
    }
}

/// Reads a record's bytes in order.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Unreadable("video"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Unreadable> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    /// A set behind its length in 16 bits.
    pub(crate) fn set(&mut self) -> Result<&'a [u8], Unreadable> {
        let len = u16::from_be_bytes([self.byte()?, self.byte()?]);
        self.bytes(usize::from(len))
    }
}

/// All sets in one payload behind `head`, or each in its own when they do not fit.
pub(crate) fn aggregate(head: &[u8], sets: &ParameterSets, payloads: &mut Vec<Vec<u8>>) {
    let mut payload = head.to_vec();
    for set in sets.iter() {
        // A set has at most 512 bytes.
        payload.extend_from_slice(&(set.len() as u16).to_be_bytes());
        payload.extend_from_slice(set);
    }
    if payload.len() <= PAYLOAD_BYTES_MAX {
        payloads.push(payload);
    } else {
        payloads.extend(sets.iter().map(<[u8]>::to_vec));
    }
}

/// A unit as it is, or in fragments of like size behind `head`. Its last byte names the kind of unit and takes the marks
/// of the first and the last fragment; the bytes before it stand for the unit's own header, which is left out.
pub(crate) fn fragment(unit: &[u8], head: &[u8], payloads: &mut Vec<Vec<u8>>) {
    if unit.len() <= PAYLOAD_BYTES_MAX {
        payloads.push(unit.to_vec());
        return;
    }
    let Some((kind, stand_in)) = head.split_last() else { return };
    let body = unit.get(stand_in.len()..).unwrap_or_default();
    let count = body.len().div_ceil(PAYLOAD_BYTES_MAX - head.len());
    let pieces = body.chunks(body.len().div_ceil(count));
    let last = pieces.len() - 1;
    for (index, piece) in pieces.enumerate() {
        let (start, end) = (u8::from(index == 0) << 7, u8::from(index == last) << 6);
        let mut payload = stand_in.to_vec();
        payload.push(start | end | kind);
        payload.extend_from_slice(piece);
        payloads.push(payload);
    }
}
