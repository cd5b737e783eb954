//! VP9's payload descriptor (RFC 9628 section 4.2), as far as forwarding needs it.

use super::counters::{Counters, PictureId};

/// Pictures that one picture may depend on in the flexible mode (RFC 9628 section 4.2: up to three P_DIFF).
const REFERENCES_MAX: usize = 3;

/// The fields that tell layers and dependence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Descriptor {
    /// The picture depends on an earlier one.
    pub inter_picture: bool,
    /// A layer frame begins here.
    pub frame_start: bool,
    /// A layer frame ends here.
    pub frame_end: bool,
    /// Temporal layer, when layers are told.
    pub temporal: Option<u8>,
    /// Spatial layer, when layers are told.
    pub spatial: Option<u8>,
    /// From here on a higher temporal layer may be taken.
    pub switching_up: bool,
    /// The frame depends on a lower spatial layer of the same picture.
    pub inter_layer: bool,
    /// No frame of a higher spatial layer depends on this one.
    pub unneeded_above: bool,
    /// References are told by each picture, not by a pattern.
    pub flexible: bool,
    /// Spatial layers of the stream, where its structure is told.
    pub spatial_layers: Option<u8>,
    /// Picture id and index of pictures in the lowest temporal layer.
    pub counters: Counters,
}

impl Descriptor {
    /// Reads the descriptor at the start of `payload`; `None` when it is cut short.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut descriptor = Self {
            inter_picture: first & 0x40 != 0,
            flexible: first & 0x10 != 0,
            frame_start: first & 0x08 != 0,
            frame_end: first & 0x04 != 0,
            unneeded_above: first & 0x01 != 0,
            ..Self::default()
        };
        let mut at = 1;
        if first & 0x80 != 0 {
            let id = PictureId::read(payload.get(at..)?)?;
            descriptor.counters = descriptor.counters.with_picture_id(id, at as u8);
            at += 1 + usize::from(id.long);
        }
        if first & 0x20 != 0 {
            at += descriptor.read_layers(payload.get(at..)?, at)?;
        }
        if descriptor.flexible && descriptor.inter_picture {
            at += references(payload.get(at..)?)?;
        }
        if first & 0x02 != 0 {
            descriptor.spatial_layers = Some((payload.get(at)? >> 5) + 1);
        }
        Some(descriptor)
    }

    /// Reads the layer indices at the start of `bytes`, `at` bytes into the payload; how many bytes they take.
    fn read_layers(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let layers = *bytes.first()?;
        self.temporal = Some(layers >> 5);
        self.switching_up = layers & 0x10 != 0;
        self.spatial = Some(layers >> 1 & 0x07);
        self.inter_layer = layers & 0x01 != 0;
        if self.flexible {
            return Some(1);
        }
        self.counters = self.counters.with_tl0_index(*bytes.get(1)?, at as u8 + 1);
        Some(2)
    }

    /// Whether a key picture begins here: it depends on nothing, and this is its lowest layer's start.
    pub fn keyframe(&self) -> bool {
        !self.inter_picture && self.frame_start && self.spatial.unwrap_or(0) == 0 && !self.inter_layer
    }
}

/// Length of the list of references: each byte's lowest bit says whether another follows.
fn references(bytes: &[u8]) -> Option<usize> {
    let last = bytes.iter().take(REFERENCES_MAX).position(|byte| byte & 1 == 0)?;
    Some(last + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_layers() {
        let read = Descriptor::parse(&[0xac, 0x81, 0x02, 0b0101_0011, 7]).unwrap();
        assert_eq!((read.temporal, read.spatial), (Some(2), Some(1)));
        assert!(read.switching_up && read.inter_layer && read.frame_start && read.frame_end);
        assert!(!read.inter_picture && !read.keyframe());
        assert_eq!((read.counters.picture_id(), read.counters.tl0_index()), (Some(0x102), Some(7)));
    }

    #[test]
    fn reads_the_structure_behind_the_references() {
        // Flexible, with two references; then the structure of three layers.
        let read = Descriptor::parse(&[0xfb, 0x05, 0x02, 0x03, 0x04, 0x50, 0]).unwrap();
        assert!(read.flexible && read.inter_picture && read.unneeded_above);
        assert_eq!((read.counters.picture_id(), read.counters.tl0_index()), (Some(5), None));
        assert_eq!((read.spatial, read.spatial_layers), (Some(1), Some(3)));
        assert_eq!(Descriptor::parse(&[0xfb, 0x05, 0x02, 0x03, 0x05, 0x07, 0x50]), None);
    }

    #[test]
    fn a_key_picture_begins_at_its_lowest_layer() {
        for (payload, keyframe) in [
            (&[0x08][..], true),
            (&[0x48], false),
            (&[0x00], false),
            (&[0x28, 0x00, 0], true),
            (&[0x28, 0x02, 0], false),
        ] {
            assert_eq!(Descriptor::parse(payload).unwrap().keyframe(), keyframe, "{payload:02x?}");
        }
    }

    #[test]
    fn refuses_what_is_cut_short() {
        for payload in [&[][..], &[0x80], &[0x20], &[0x20, 0], &[0xa0, 0x80, 0x01], &[0x02], &[0x50, 1]] {
            assert_eq!(Descriptor::parse(payload), None, "{payload:02x?}");
        }
    }

    proptest! {
        #[test]
        fn rewriting_changes_nothing_else(
            mut payload in proptest::collection::vec(any::<u8>(), 0..16), picture_id in 0..0x8000u16, tl0_index: u8,
        ) {
            let Some(before) = Descriptor::parse(&payload) else { return Ok(()) };
            before.keyframe();
            before.counters.rewrite(&mut payload, picture_id, tl0_index);
            let after = Descriptor::parse(&payload).unwrap();
            let id = before.counters.picture_id().map(|_| if payload[1] & 0x80 != 0 { picture_id } else { picture_id & 0x7f });
            prop_assert_eq!(after.counters.picture_id(), id);
            prop_assert_eq!(after.counters.tl0_index(), before.counters.tl0_index().map(|_| tl0_index));
            prop_assert_eq!(Descriptor { counters: before.counters, ..after }, before);
        }
    }
}
