//! Which header extensions a subscriber gets, under which ids.

use door::{DownTrackParams, ExtensionKind, UpTrackParams};
use wire::Mid;
use wire::ext::{PlayoutDelay, Writer};
use wire::rtp::{FIXED_HEADER_BYTES, Packet};

/// Packets that carry the MID after a beginning. A receiver that knows our SSRC from the description needs
/// none; one that does not learns it from the first that arrives (RFC 8843 section 9.2), and of a hundred
/// some arrive. Key frames carry it too, so that a decoder that can start also knows where it belongs.
/// Leaving it out of the rest saves four bytes per packet.
const MID_PACKETS: u8 = 100;
/// Packets that carry the playout delay after a beginning: a receiver keeps what it was last told, and of so many some
/// arrive.
const DELAY_PACKETS: u8 = 100;
/// Bytes before an extension's first element: profile and length.
const BLOCK_HEAD_BYTES: usize = 4;

/// What the publisher says of the media itself, and which is as true for the subscriber. Not copied: what
/// names the stream or its path from the publisher (MID, RID, send times, transport-wide sequence).
const COPIED: [ExtensionKind; 7] = [
    ExtensionKind::AudioLevel,
    ExtensionKind::AbsCaptureTime,
    ExtensionKind::PlayoutDelay,
    ExtensionKind::VideoOrientation,
    ExtensionKind::VideoContentType,
    ExtensionKind::VideoTiming,
    ExtensionKind::ColorSpace,
];

/// Translates the extensions of one subscription.
#[derive(Debug)]
pub(crate) struct Extensions {
    /// The subscriber's id by the publisher's; 0 for what is not copied.
    ids: [u8; 16],
    mid: Mid,
    mid_id: Option<u8>,
    transport_id: Option<u8>,
    /// Packets carry the transport-wide sequence number if it was negotiated.
    numbered: bool,
    /// The subscriber's id of the dependency descriptor, if both ends have it.
    descriptor_id: Option<u8>,
    mids_left: u8,
    /// The subscriber's id of the playout delay, and what is to be said in place of the publisher's.
    delay: Option<(u8, [u8; 3])>,
    delays_left: u8,
}

impl Extensions {
    pub(crate) fn new(up: &UpTrackParams, down: &DownTrackParams) -> Self {
        let mut ids = [0; 16];
        for kind in COPIED {
            if let Some((from, to)) = both(up, down, kind)
                && let Some(place) = ids.get_mut(usize::from(from))
            {
                *place = to;
            }
        }
        Self {
            ids,
            mid: down.mid,
            mid_id: down.extensions.id(ExtensionKind::Mid),
            transport_id: down.extensions.id(ExtensionKind::TransportSequence),
            numbered: true,
            descriptor_id: both(up, down, ExtensionKind::DependencyDescriptor).map(|(_, to)| to),
            mids_left: MID_PACKETS,
            delay: None,
            delays_left: DELAY_PACKETS,
        }
        .delayed(up, down)
    }

    /// Tells the subscriber the playout delay that was set, in place of what the publisher says of it.
    fn delayed(mut self, up: &UpTrackParams, down: &DownTrackParams) -> Self {
        let delay = down.playout_delay_ms.map(|(min, max)| PlayoutDelay::from_ms(min, max).to_bytes());
        self.delay = down.extensions.id(ExtensionKind::PlayoutDelay).zip(delay);
        let own = up.extensions.id(ExtensionKind::PlayoutDelay).filter(|_| self.delay.is_some());
        if let Some(place) = own.and_then(|from| self.ids.get_mut(usize::from(from))) {
            *place = 0;
        }
        self
    }

    /// Whether the subscriber gets dependency descriptors.
    pub(crate) fn describes(&self) -> bool {
        self.descriptor_id.is_some()
    }

    /// Leaves the transport-wide sequence number out, or puts it in again.
    pub(crate) fn set_numbered(&mut self, numbered: bool) {
        self.numbered = numbered;
    }

    /// MID and playout delay are sent again for a while.
    pub(crate) fn begin(&mut self) {
        self.mids_left = MID_PACKETS;
        self.delays_left = DELAY_PACKETS;
    }

    /// Adds the extensions of a packet made from `source` to the empty `writer`, and the dependency descriptor that was
    /// made of the source's. Returns where the transport-wide sequence number stands in the packet to be written, zero
    /// for the time being.
    pub(crate) fn collect<'a>(
        &'a mut self,
        source: Option<&Packet<'a>>,
        keyframe: bool,
        descriptor: Option<&'a [u8]>,
        writer: &mut Writer<'a>,
    ) -> Option<usize> {
        let transport = self.transport_id.filter(|_| self.numbered).is_some_and(|id| writer.push(id, &[0, 0]));
        if let Some(id) = self.mid_id
            && (self.mids_left > 0 || keyframe)
        {
            self.mids_left = self.mids_left.saturating_sub(1);
            writer.push(id, self.mid.as_bytes());
        }
        for (id, data) in source.into_iter().flat_map(Packet::extensions) {
            // Id 0 is refused, a full block takes no more: such an element is left out.
            writer.push(self.ids.get(usize::from(id)).copied().unwrap_or(0), data);
        }
        if let Some((id, delay)) = &self.delay
            && (self.delays_left > 0 || keyframe)
        {
            self.delays_left = self.delays_left.saturating_sub(1);
            writer.push(*id, delay);
        }
        if let (Some(id), Some(data)) = (self.descriptor_id, descriptor) {
            writer.push(id, data);
        }
        // It was put first.
        let offset = FIXED_HEADER_BYTES + BLOCK_HEAD_BYTES + writer.element_head_bytes();
        transport.then_some(offset)
    }
}

fn both(up: &UpTrackParams, down: &DownTrackParams, kind: ExtensionKind) -> Option<(u8, u8)> {
    up.extensions.id(kind).zip(down.extensions.id(kind))
}
