//! VP8's payload descriptor (RFC 7741 section 4.2), read and rewritten in place.

use super::counters::{Counters, PictureId};

/// The descriptor before each payload, and whether a key frame begins behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Descriptor {
    /// Its length in bytes, 1..=6.
    pub len: u8,
    /// A frame begins here: start of the first partition.
    pub frame_start: bool,
    /// A key frame begins here.
    pub keyframe: bool,
    /// Counts frames.
    pub picture_id: Option<PictureId>,
    /// Counts frames of the lowest temporal layer.
    pub tl0_index: Option<u8>,
    /// The temporal layer.
    pub temporal: Option<u8>,
    /// Depends on the lowest temporal layer only; of meaning beside `temporal`.
    pub layer_sync: bool,
    /// Counts key frames.
    pub key_index: Option<u8>,
}

impl Descriptor {
    /// Reads the descriptor at the start of `payload`; `None` when it is cut short.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut descriptor = Self { frame_start: first & 0x17 == 0x10, ..Self::default() };
        let mut at = 1;
        if first & 0x80 != 0 {
            let fields = *payload.get(1)?;
            at = 2;
            if fields & 0x80 != 0 {
                descriptor.picture_id = Some(PictureId::read(payload.get(at..)?)?);
                at += 1 + usize::from(descriptor.picture_id?.long);
            }
            if fields & 0x40 != 0 {
                descriptor.tl0_index = Some(*payload.get(at)?);
                at += 1;
            }
            if fields & 0x30 != 0 {
                let byte = *payload.get(at)?;
                descriptor.temporal = (fields & 0x20 != 0).then_some(byte >> 6);
                descriptor.layer_sync = fields & 0x20 != 0 && byte & 0x20 != 0;
                descriptor.key_index = (fields & 0x10 != 0).then_some(byte & 0x1f);
                at += 1;
            }
        }
        descriptor.len = at as u8;
        // The frame tag's lowest bit is clear for a key frame (RFC 6386 section 9.1).
        descriptor.keyframe = descriptor.frame_start && payload.get(at).is_some_and(|tag| tag & 1 == 0);
        Some(descriptor)
    }

    /// Where the descriptor counts pictures.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        let mut at = 2;
        if let Some(id) = self.picture_id {
            counters = counters.with_picture_id(id, at);
            at += 1 + u8::from(id.long);
        }
        if let Some(index) = self.tl0_index {
            counters = counters.with_tl0_index(index, at);
        }
        counters
    }

    /// Writes other values into `payload`, a copy of the one that was parsed, in the widths it has. What
    /// the descriptor lacks stays out.
    pub fn rewrite(&self, payload: &mut [u8], picture_id: u16, tl0_index: u8) {
        self.counters().rewrite(payload, picture_id, tl0_index);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_every_field() {
        let payload = [0x90, 0xf0, 0x92, 0x34, 0x07, 0b0110_0101, 0x00];
        let expected = Descriptor {
            len: 6,
            frame_start: true,
            keyframe: true,
            picture_id: Some(PictureId { value: 0x1234, long: true }),
            tl0_index: Some(7),
            temporal: Some(1),
            layer_sync: true,
            key_index: Some(5),
        };
        assert_eq!(Descriptor::parse(&payload), Some(expected));
    }

    #[test]
    fn a_key_frame_begins_only_at_the_first_partition() {
        for (payload, keyframe) in [
            (&[0x10, 0x00][..], true),
            (&[0x10, 0x01], false),
            (&[0x00, 0x00], false),
            (&[0x11, 0x00], false),
            (&[0x10], false),
        ] {
            assert_eq!(Descriptor::parse(payload).unwrap().keyframe, keyframe, "{payload:02x?}");
        }
    }

    #[test]
    fn refuses_what_is_cut_short() {
        for payload in [&[][..], &[0x80], &[0x80, 0x80], &[0x80, 0x80, 0x80], &[0x80, 0x40], &[0x80, 0x20]] {
            assert_eq!(Descriptor::parse(payload), None, "{payload:02x?}");
        }
    }

    proptest! {
        #[test]
        fn rewriting_changes_nothing_else(
            mut payload in proptest::collection::vec(any::<u8>(), 0..12), picture_id: u16, tl0_index: u8,
        ) {
            let Some(before) = Descriptor::parse(&payload) else { return Ok(()) };
            before.rewrite(&mut payload, picture_id, tl0_index);
            let mut expected = before;
            expected.picture_id = before.picture_id.map(|id| PictureId { value: picture_id % id.modulus(), ..id });
            expected.tl0_index = before.tl0_index.map(|_| tl0_index);
            prop_assert_eq!(Descriptor::parse(&payload), Some(expected));
        }
    }
}
