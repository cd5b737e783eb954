//! What a payload tells of frames and layers.

use door::Codec;
use wire::codec::{av1, h264, h265, vp8, vp9};

/// What forwarding needs of one payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Inspected {
    /// A key frame begins here.
    pub(crate) keyframe: bool,
    /// VP8's payload descriptor.
    pub(crate) vp8: Option<vp8::Descriptor>,
}

/// Looks at a payload and, where the packet has it, its dependency descriptor, which wins over the payload:
/// it is readable even where the payload is end-to-end encrypted.
pub(crate) fn inspect(codec: Codec, payload: &[u8], descriptor: Option<&[u8]>) -> Inspected {
    if codec == Codec::Vp8 {
        let vp8 = vp8::Descriptor::parse(payload);
        return Inspected { keyframe: vp8.is_some_and(|vp8| vp8.keyframe), vp8 };
    }
    let keyframe = match (descriptor.and_then(av1::DependencyDescriptor::parse), codec) {
        (Some(descriptor), Codec::Vp9 | Codec::Av1 | Codec::H264 | Codec::H265) => descriptor.keyframe(),
        (None, Codec::Vp9) => vp9::Descriptor::parse(payload).is_some_and(|vp9| vp9.keyframe()),
        (None, Codec::Av1) => av1::keyframe(payload),
        (None, Codec::H264) => h264::keyframe(payload),
        (None, Codec::H265) => h265::keyframe(payload),
        (_, Codec::Opus | Codec::Red | Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::Vp8) => false,
    };
    Inspected { keyframe, vp8: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_codec_tells_its_key_frames() {
        for (codec, payload) in [
            (Codec::Vp8, &[0x10, 0x00][..]),
            (Codec::Vp9, &[0x08]),
            (Codec::H264, &[0x67, 0x42]),
            (Codec::H265, &[0x40, 1, 0]),
            (Codec::Av1, &[0x18, 0x0a]),
        ] {
            assert!(inspect(codec, payload, None).keyframe, "{codec:?}");
            assert!(!inspect(codec, &[], None).keyframe, "{codec:?}");
        }
        assert!(!inspect(Codec::Opus, &[0x67], None).keyframe);
    }

    #[test]
    fn the_dependency_descriptor_wins_over_the_payload() {
        assert!(inspect(Codec::Av1, &[0xff], Some(&[0x80, 0, 1, 0x80])).keyframe);
        assert!(!inspect(Codec::Av1, &[0x18, 0x0a], Some(&[0x80, 0, 1])).keyframe);
    }
}
