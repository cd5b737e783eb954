//! The packets of one encoding, kept once for all subscribers.

use std::time::Instant;

use wire::Pt;
use wire::codec::vp8;

/// What is known of a packet beside its bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Meta {
    /// Extended sequence number.
    pub seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// When it arrived.
    pub arrival: Instant,
    /// Payload type.
    pub pt: Pt,
    /// Marker bit.
    pub marker: bool,
    /// Where the payload begins in the packet's bytes.
    pub payload_offset: u16,
    /// A key frame begins here.
    pub keyframe: bool,
    /// VP8's payload descriptor.
    pub vp8: Option<vp8::Descriptor>,
}

/// A ring of packets addressed by extended sequence number.
#[derive(Debug, Default)]
pub struct Ring {}

impl Ring {
    /// Finds a packet that is still kept; its bytes are header and payload in the clear without padding.
    pub fn packet(&self, _seq: u64) -> Option<(&Meta, &[u8])> {
        None
    }
}
