//! What a payload and its extensions tell of frames and layers.

use door::Codec;
use wire::codec::dependency::{Description, Head};
use wire::codec::marking::Marking;
use wire::codec::{av1, h264, h265, vp8, vp9};

use crate::frame::{Described, Frame};
use crate::layout::Layout;
use crate::points::Points;

/// The parts of a packet that are looked at.
#[derive(Clone, Copy, Default)]
pub(crate) struct Parts<'a> {
    pub(crate) payload: &'a [u8],
    /// The dependency descriptor and where it begins in the packet's bytes.
    pub(crate) descriptor: Option<(&'a [u8], usize)>,
    pub(crate) marking: Option<&'a [u8]>,
    /// The payload is end-to-end encrypted: only what stands before it can be read.
    pub(crate) encrypted: bool,
}

/// Looks at the packets of one encoding.
#[derive(Debug, Default)]
pub(crate) struct Inspector {
    /// The dependency descriptor's structure, once there was one.
    layout: Option<Box<Layout>>,
}

impl Inspector {
    /// The structure that the stream's dependency descriptors refer to.
    pub(crate) fn layout(&self) -> Option<&Layout> {
        self.layout.as_deref()
    }

    /// Another source: its structure is another.
    pub(crate) fn begin_run(&mut self) {
        self.layout = None;
    }

    /// Looks at a packet. Where the dependency descriptor tells of layers it wins over the payload, as its word on
    /// dependence is exact, and readable even where the payload is end-to-end encrypted. VP8's own descriptor is as good,
    /// never encrypted, and needs no structure.
    pub(crate) fn inspect(&mut self, codec: Codec, parts: &Parts<'_>) -> Frame {
        let own = by_payload(codec, parts);
        match parts.descriptor {
            Some((data, at)) => self.by_descriptor(codec, own, data, at).unwrap_or(own),
            None => own,
        }
    }

    fn by_descriptor(&mut self, codec: Codec, own: Frame, data: &[u8], at: usize) -> Option<Frame> {
        let head = Head::parse(data)?;
        if head.has_structure {
            Layout::read(&mut self.layout, data, head.frame_number);
        }
        let number = head.frame_number;
        let (at, len) = (u16::try_from(at).ok()?, u8::try_from(data.len()).ok()?);
        let Some(layout) = &mut self.layout else {
            let described = Some(Described { number, needs: Default::default(), at, len });
            let keyframe = if codec == Codec::Vp8 { own.keyframe } else { head.keyframe() };
            return Some(Frame { described, keyframe, ..own });
        };
        let Some(told) = layout.describe(data) else {
            let described = Some(Described { number, needs: Default::default(), at, len });
            return Some(Frame { described, ..own });
        };
        let described = Some(Described { number, needs: told.template.needs, at, len });
        if codec == Codec::Vp8 {
            return Some(Frame { described, ..own });
        }
        let announced = if head.has_structure { layout.spatial_layers() } else { 0 };
        Some(Frame { described, announced, counters: own.counters, ..by_template(layout, &told, head) })
    }
}

fn by_payload(codec: Codec, parts: &Parts<'_>) -> Frame {
    let payload = parts.payload;
    match codec {
        Codec::Vp8 => by_vp8(payload),
        Codec::Vp9 => by_vp9(payload),
        Codec::Av1 if parts.encrypted => Frame::plain(payload.first().is_some_and(|head| head & 0x88 == 0x08)),
        Codec::Av1 => Frame::plain(av1::keyframe(payload)),
        Codec::H264 | Codec::H265 if parts.marking.is_some() && parts.encrypted => by_marking(parts, None),
        Codec::H264 => by_marking(parts, Some(h264::keyframe(payload))),
        Codec::H265 => by_h265(payload),
        Codec::Opus | Codec::Red | Codec::Pcmu | Codec::Pcma | Codec::G722 => Frame::default(),
    }
}

fn by_vp9(payload: &[u8]) -> Frame {
    let Some(vp9) = vp9::Descriptor::parse(payload) else { return Frame::default() };
    let keyframe = vp9.keyframe();
    let (spatial, temporal) = (vp9.spatial.unwrap_or(0), vp9.temporal.unwrap_or(0));
    let above = if vp9.unneeded_above { Points::at_spatial(spatial) } else { Points::from_spatial(spatial) };
    let plain = Frame {
        points: above.and(Points::from_temporal(temporal)),
        counters: vp9.counters,
        announced: vp9.spatial_layers.unwrap_or(0),
        spatial,
        temporal,
        starts: vp9.frame_start,
        ends: vp9.frame_end,
        ..Frame::plain(keyframe)
    };
    if keyframe || !vp9.frame_start {
        return plain;
    }
    let same = Points::at_spatial(spatial);
    if !vp9.inter_picture && spatial > 0 {
        // Of its own picture it needs the layer below, of earlier ones nothing.
        let decodable_at = Points::from_spatial(spatial - 1);
        return Frame { switches: same, decodable_at, ..plain };
    }
    if vp9.switching_up {
        // Who has all of this temporal layer may take the higher ones from here on.
        return Frame { switches: same, decodable_at: same.and(Points::from_temporal(temporal)), ..plain };
    }
    plain
}

fn by_template(layout: &Layout, told: &Description, head: Head) -> Frame {
    let (points, switches) = layout.points(told);
    let keyframe = head.keyframe();
    Frame {
        points: if keyframe { Points::ALL } else { points },
        switches: if keyframe { Points::ALL } else { switches },
        spatial: told.template.spatial,
        temporal: told.template.temporal,
        starts: head.frame_start,
        ends: head.frame_end,
        keyframe,
        ..Frame::default()
    }
}

fn by_vp8(payload: &[u8]) -> Frame {
    let Some(vp8) = vp8::Descriptor::parse(payload) else { return Frame::default() };
    let layers = Frame::of_temporal(vp8.temporal.unwrap_or(0), vp8.layer_sync && vp8.frame_start, vp8.keyframe);
    Frame { counters: vp8.counters(), closes_ids: true, starts: vp8.frame_start, ..layers }
}

fn by_h265(payload: &[u8]) -> Frame {
    Frame::of_temporal(h265::temporal(payload).unwrap_or(0), h265::temporal_switch(payload), h265::keyframe(payload))
}

/// By frame marking, if there is one; `keyframe` is what the payload tells, if it can be read.
fn by_marking(parts: &Parts<'_>, keyframe: Option<bool>) -> Frame {
    let Some(marking) = parts.marking.and_then(Marking::parse) else { return Frame::plain(keyframe.unwrap_or(false)) };
    let keyframe = keyframe.unwrap_or(marking.independent && marking.frame_start);
    Frame { starts: marking.frame_start, ..Frame::of_temporal(marking.temporal, marking.base_sync, keyframe) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspect(codec: Codec, payload: &[u8], descriptor: Option<&[u8]>) -> Frame {
        let parts = Parts { payload, descriptor: descriptor.map(|data| (data, 20)), ..Parts::default() };
        Inspector::default().inspect(codec, &parts)
    }

    #[test]
    fn each_codec_tells_its_key_frames() {
        for (codec, payload) in [
            (Codec::Vp8, &[0x10, 0x00][..]),
            (Codec::Vp9, &[0x08]),
            (Codec::H264, &[0x67, 0x42]),
            (Codec::H265, &[0x40, 1, 0]),
            (Codec::Av1, &[0x18, 0x0a]),
        ] {
            let frame = inspect(codec, payload, None);
            assert!(frame.keyframe && frame.switches == Points::ALL, "{codec:?}");
            assert!(!inspect(codec, &[], None).keyframe, "{codec:?}");
        }
        assert!(!inspect(Codec::Opus, &[0x67], None).keyframe);
    }

    #[test]
    fn the_dependency_descriptor_wins_over_the_payload() {
        assert!(inspect(Codec::Av1, &[0xff], Some(&[0x80, 0, 1, 0x80])).keyframe);
        assert!(!inspect(Codec::Av1, &[0x18, 0x0a], Some(&[0x80, 0, 1])).keyframe);
        assert!(inspect(Codec::Vp8, &[0x10, 0x00], Some(&[0x80, 0, 1])).keyframe);
    }

    #[test]
    fn frame_marking_tells_what_encryption_hides() {
        let hidden = |marking: &[u8]| {
            let parts = Parts { payload: &[0x67, 0x42], marking: Some(marking), encrypted: true, ..Parts::default() };
            Inspector::default().inspect(Codec::H264, &parts)
        };
        assert!(hidden(&[0xa0]).keyframe);
        assert!(!hidden(&[0x80]).keyframe);
        let upper = hidden(&[0x8a, 0, 0]);
        assert_eq!((upper.temporal, upper.points), (2, Points::from_temporal(2)));
        assert!(upper.switches.has(Point::new(0, 2)) && !upper.switches.has(Point::new(0, 3)));
    }

    #[test]
    fn vp9_tells_who_needs_a_layer() {
        // Spatial layer 1 of a key picture in a stream without prediction between layers elsewhere.
        let key = inspect(Codec::Vp9, &[0x28, 0x03, 0], None);
        assert_eq!((key.spatial, key.keyframe), (1, false));
        assert_eq!(key.switches, Points::at_spatial(1));
        let alone = inspect(Codec::Vp9, &[0x69, 0x22, 0], None);
        assert_eq!(alone.points, Points::at_spatial(1).and(Points::from_temporal(1)));
        let shared = inspect(Codec::Vp9, &[0x68, 0x32, 0], None);
        assert_eq!(shared.points, Points::from_spatial(1).and(Points::from_temporal(1)));
        assert!(shared.switches.has(Point::new(1, 3)) && !shared.decodable_at.has(Point::new(1, 0)));
    }

    use crate::points::Point;
}
