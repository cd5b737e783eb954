//! VP9's payload descriptor (RFC 9628 section 4.2), as far as forwarding needs it.

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
}

impl Descriptor {
    /// Reads the descriptor at the start of `payload`; `None` when it is cut short.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut descriptor = Self {
            inter_picture: first & 0x40 != 0,
            frame_start: first & 0x08 != 0,
            frame_end: first & 0x04 != 0,
            ..Self::default()
        };
        let mut at = 1;
        if first & 0x80 != 0 {
            let long = *payload.get(at)? & 0x80 != 0;
            at += 1 + usize::from(long);
        }
        if first & 0x20 != 0 {
            let layers = *payload.get(at)?;
            descriptor.temporal = Some(layers >> 5);
            descriptor.switching_up = layers & 0x10 != 0;
            descriptor.spatial = Some(layers >> 1 & 0x07);
            descriptor.inter_layer = layers & 0x01 != 0;
        }
        Some(descriptor)
    }

    /// Whether a key picture begins here: it depends on nothing, and this is its lowest layer's start.
    pub fn keyframe(&self) -> bool {
        !self.inter_picture && self.frame_start && self.spatial.unwrap_or(0) == 0 && !self.inter_layer
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_layers() {
        let read = Descriptor::parse(&[0xac, 0x81, 0x02, 0b0101_0011, 0]).unwrap();
        assert_eq!((read.temporal, read.spatial), (Some(2), Some(1)));
        assert!(read.switching_up && read.inter_layer && read.frame_start && read.frame_end);
        assert!(!read.inter_picture && !read.keyframe());
    }

    #[test]
    fn a_key_picture_begins_at_its_lowest_layer() {
        for (payload, keyframe) in
            [(&[0x08][..], true), (&[0x48], false), (&[0x00], false), (&[0x28, 0x00], true), (&[0x28, 0x02], false)]
        {
            assert_eq!(Descriptor::parse(payload).unwrap().keyframe(), keyframe, "{payload:02x?}");
        }
    }

    #[test]
    fn refuses_what_is_cut_short() {
        for payload in [&[][..], &[0x80], &[0x20], &[0xa0, 0x80, 0x01]] {
            assert_eq!(Descriptor::parse(payload), None, "{payload:02x?}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = Descriptor::parse(&payload).map(|descriptor| descriptor.keyframe());
        }
    }
}
