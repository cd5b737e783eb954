//! The pictures since the last key frame, kept as long as it is quick to decode them again.

use crate::unit::AccessUnit;

/// Pictures kept at most: decoding them takes about a second.
pub(crate) const UNITS_MAX: usize = 90;
/// Bytes kept at most: three seconds at 20 Mb/s.
pub(crate) const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Pictures of which the first is a key frame, or none: a group that grew too long is forgotten until the next begins.
#[derive(Debug, Default)]
pub(crate) struct Group {
    units: Vec<AccessUnit>,
    bytes: usize,
}

impl Group {
    /// Takes the next picture of the stream.
    pub(crate) fn push(&mut self, unit: &AccessUnit) {
        if unit.keyframe {
            self.clear();
        } else if self.units.is_empty() {
            return;
        }
        self.bytes += unit.data.len();
        self.units.push(unit.clone());
        if self.units.len() > UNITS_MAX || self.bytes > BYTES_MAX {
            self.clear();
        }
    }

    /// The pictures, in decoding order.
    pub(crate) fn units(&self) -> &[AccessUnit] {
        &self.units
    }

    /// Their bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn clear(&mut self) {
        self.units.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::unit::Codec;

    fn group(keyframes: &[usize], units: usize, bytes: usize) -> Group {
        let mut group = Group::default();
        let data = Bytes::from(vec![0; bytes]);
        for n in 0..units {
            let keyframe = keyframes.contains(&n);
            let at = n as i64;
            group.push(&AccessUnit { dts_ms: at, pts_ms: at, codec: Codec::H264, keyframe, data: data.clone() });
        }
        group
    }

    #[test]
    fn a_group_begins_with_a_key_frame_and_has_limits() {
        for (keyframes, units, bytes, kept) in [
            (&[][..], 5, 1, 0),
            (&[2], 5, 1, 3),
            (&[0, 3], 5, 1, 2),
            (&[0], UNITS_MAX, 1, UNITS_MAX),
            (&[0], UNITS_MAX + 1, 1, 0),
            (&[0], UNITS_MAX + 9, 1, 0),
            (&[0, 95], UNITS_MAX + 9, 1, 4),
            (&[0], 9, 1024 * 1024, 0),
        ] {
            let group = group(keyframes, units, bytes);
            assert_eq!((group.units().len(), group.bytes()), (kept, kept * bytes), "{keyframes:?} of {units}");
        }
    }
}
