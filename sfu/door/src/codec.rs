//! What was negotiated of codecs, payload types and header extensions.

use wire::Pt;

/// The codecs that the media house tells apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// Redundant Opus, RFC 2198.
    Red,
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722.
    G722,
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// RFC 7798.
    H265,
    /// The Alliance for Open Media's RTP payload format.
    Av1,
}

/// One payload type that a publisher may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodecParams {
    /// The payload type.
    pub pt: Pt,
    /// What it carries.
    pub codec: Codec,
    /// RTP timestamp ticks per second.
    pub clock_hz: u32,
    /// The payload type of its retransmissions (RFC 4588), when negotiated.
    pub rtx: Option<Pt>,
    /// The sender answers generic NACK (RFC 4585).
    pub nack: bool,
    /// The sender answers PLI or, failing that, FIR.
    pub pli: bool,
}

/// How one of the publisher's payload types reaches one subscriber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PayloadMap {
    /// The publisher's payload type.
    pub from: Pt,
    /// The subscriber's payload type.
    pub to: Pt,
    /// The subscriber's payload type for retransmissions, when negotiated.
    pub rtx: Option<Pt>,
    /// The publisher sends RED that this subscriber does not take: forward its primary block.
    pub strip_red: bool,
}

/// The header extensions that the media house reads or writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ExtensionKind {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`
    Mid,
    /// `urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`
    Rid,
    /// `urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id`
    RepairedRid,
    /// `urn:ietf:params:rtp-hdrext:ssrc-audio-level` (RFC 6464)
    AudioLevel,
    /// Transport-wide sequence number, version 01.
    TransportSequence,
    /// `http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time`
    AbsSendTime,
    /// `http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time`
    AbsCaptureTime,
    /// `http://www.webrtc.org/experiments/rtp-hdrext/playout-delay`
    PlayoutDelay,
    /// AV1's dependency descriptor.
    DependencyDescriptor,
    /// `urn:3gpp:video-orientation`
    VideoOrientation,
    /// `urn:ietf:params:rtp-hdrext:toffset` (RFC 5450)
    TimeOffset,
    /// Video content type.
    VideoContentType,
    /// Video timing.
    VideoTiming,
    /// Colour space.
    ColorSpace,
    /// `urn:ietf:params:rtp-hdrext:framemarking`
    FrameMarking,
}

impl ExtensionKind {
    /// Number of kinds.
    pub const COUNT: usize = 15;
}

/// Extension ids of one media section; id 0 means "not negotiated" (RFC 8285 reserves it).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExtensionMap {
    ids: [u8; ExtensionKind::COUNT],
}

impl ExtensionMap {
    /// Notes that `kind` travels under `id`, 1..=255.
    pub fn set(&mut self, kind: ExtensionKind, id: u8) {
        self.ids[kind as usize] = id;
    }

    /// The id of `kind`, if negotiated.
    pub fn id(&self, kind: ExtensionKind) -> Option<u8> {
        Some(self.ids[kind as usize]).filter(|&id| id != 0)
    }
}
