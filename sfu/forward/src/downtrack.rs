//! One subscription: a track as one subscriber gets it.

use std::time::{Duration, Instant};

use door::{DownTrackParams, LayerTarget, UpTrackParams};
use wire::Ssrc;

use crate::uptrack::{Arrival, UpTrack};

/// A packet in the output buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Length of the packet in bytes.
    pub len: usize,
    /// Length of its header with extensions in bytes: what SRTP leaves in the clear.
    pub header_len: usize,
    /// Where the two bytes of the transport-wide sequence number are to be written, if negotiated.
    pub transport_seq_offset: Option<usize>,
    /// Its source (media or retransmission).
    pub ssrc: Ssrc,
    /// Its sequence number.
    pub seq: u16,
}

/// The fields of a sender report (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderReport {
    /// Our source.
    pub ssrc: Ssrc,
    /// NTP time in the publisher's clock, 32.32 fixed point.
    pub ntp: u64,
    /// The RTP timestamp at that time.
    pub rtp: u32,
    /// Packets sent, modulo 2^32.
    pub packets: u32,
    /// Payload bytes sent, modulo 2^32.
    pub octets: u32,
}

/// Cumulative counters of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DownStats {
    /// Packets sent, without retransmissions.
    pub packets: u64,
    /// Payload bytes sent, without retransmissions.
    pub payload_bytes: u64,
    /// Packets sent again.
    pub retransmitted: u64,
    /// Requests for packets that are not, or no longer, known, or were repeated too soon.
    pub retransmit_refused: u64,
    /// Packets of a payload type that the subscriber does not take.
    pub unmapped: u64,
    /// Packets left out on purpose: temporal layers above the target.
    pub thinned: u64,
}

/// One subscription.
#[derive(Debug)]
pub struct DownTrack {
    params: DownTrackParams,
}

impl DownTrack {
    /// A subscription to a track with parameters `up`. Random starting points come from `rng` (RFC 3550 section 5.1).
    pub fn new(_up: &UpTrackParams, params: DownTrackParams, _target: LayerTarget, _rng: &mut impl rand::Rng) -> Self {
        Self { params }
    }

    /// What the subscriber negotiated.
    pub fn params(&self) -> &DownTrackParams {
        &self.params
    }

    /// The up track was renegotiated: takes its extension ids. Forwarding goes on.
    pub fn update_up(&mut self, _up: &UpTrackParams) {}

    /// The subscriber renegotiated; our sources must be the same. Forwarding goes on.
    pub fn update(&mut self, _up: &UpTrackParams, params: DownTrackParams) {
        self.params = params;
    }

    /// From here on another up track is forwarded; the subscriber sees one stream.
    pub fn replace(&mut self, _up: &UpTrackParams) {}

    /// Chooses another layer.
    pub fn set_target(&mut self, _target: LayerTarget) {}

    /// The layer asked for.
    pub fn target(&self) -> LayerTarget {
        LayerTarget::Off
    }

    /// The encoding that is forwarded.
    pub fn encoding(&self) -> Option<u8> {
        None
    }

    /// The encoding that must bring a key frame before forwarding begins, or before a switch.
    pub fn keyframe_wanted(&self, _now: Instant, _up: &UpTrack) -> Option<u8> {
        None
    }

    /// The subscriber lost its picture (PLI or FIR): the encoding to ask for a key frame.
    pub fn picture_lost(&self) -> Option<u8> {
        None
    }

    /// Writes the packet behind `arrival` for this subscriber to `out`; `None` when it gets nothing.
    /// `out` needs at most the packet's length and 64 bytes.
    pub fn forward(&mut self, _now: Instant, _up: &UpTrack, _arrival: &Arrival, _out: &mut [u8]) -> Option<Written> {
        None
    }

    /// Writes the packet that the subscriber misses under `seq` again.
    pub fn retransmit(&mut self, _now: Instant, _up: &UpTrack, _seq: u16, _out: &mut [u8]) -> Option<Written> {
        None
    }

    /// The sender report to send at `now`; `None` before packets and before the publisher's own report.
    pub fn sender_report(&mut self, _now: Instant, _up: &UpTrack) -> Option<SenderReport> {
        None
    }

    /// Round trip from the subscriber's reception report (RFC 3550 section 6.4.1): its LSR and DLSR fields.
    pub fn round_trip(&self, _now: Instant, _lsr: u32, _dlsr: u32) -> Option<Duration> {
        None
    }

    /// The counters.
    pub fn stats(&self) -> DownStats {
        DownStats::default()
    }
}
