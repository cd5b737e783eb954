//! What H.264 and H.265 share: parameter sets and where they stand in a stream.

use bytes::Bytes;

use crate::Unreadable;

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
