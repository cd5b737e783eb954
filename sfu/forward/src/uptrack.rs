//! A published track as it arrives.

use std::time::{Duration, Instant};

use door::UpTrackParams;
use wire::Ssrc;
use wire::ext::AudioLevel;
use wire::rtp::Packet;

use crate::ring::Meta;

/// Handle to a packet that arrived and is in its ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// Index of the encoding.
    pub encoding: u8,
    /// Extended sequence number in the encoding.
    pub seq: u64,
    /// The first packet of the track.
    pub first: bool,
    /// It came by retransmission.
    pub recovered: bool,
    /// A key frame begins here.
    pub keyframe: bool,
    /// Its loudness, if told.
    pub level: Option<AudioLevel>,
}

/// Ask the publisher for a key frame (PLI, RFC 4585 section 6.3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyframeRequest {
    /// Index of the encoding.
    pub encoding: u8,
    /// Its source. A mirror may not know it; its home track does, by the encoding.
    pub ssrc: Option<Ssrc>,
}

/// A reception report block (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReceptionReport {
    /// Whose reception is reported.
    pub ssrc: Ssrc,
    /// Loss since the last report in 1/256.
    pub fraction_lost: u8,
    /// Loss since the beginning, within 24 bits signed.
    pub cumulative_lost: i32,
    /// Extended highest sequence number received.
    pub highest_seq: u32,
    /// Interarrival jitter in timestamp ticks.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time, or 0.
    pub last_sender_report: u32,
    /// Time since then in 1/65536 s, or 0.
    pub delay_since_last: u32,
}

/// Cumulative counters of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UpStats {
    /// New packets, with those recovered by retransmission.
    pub received: u64,
    /// Packets that came by retransmission and were missing.
    pub recovered: u64,
    /// Packets known already.
    pub duplicate: u64,
    /// Packets too old for the ring.
    pub old: u64,
    /// Packets with a payload type that was not negotiated, or unreadable.
    pub refused: u64,
    /// Packets of padding only.
    pub padding: u64,
    /// Packets never received although asked for as often as allowed.
    pub lost: u64,
}

/// A published track.
#[derive(Debug)]
pub struct UpTrack {
    params: UpTrackParams,
}

impl UpTrack {
    /// A track whose packets come from its publisher.
    pub fn new(params: UpTrackParams) -> Self {
        Self { params }
    }

    /// A copy, on another shard, of a track whose packets come from its home shard.
    pub fn mirror(params: UpTrackParams) -> Self {
        Self { params }
    }

    /// Takes new parameters; layers and counters go on.
    pub fn update(&mut self, params: UpTrackParams) {
        self.params = params;
    }

    /// What was negotiated.
    pub fn params(&self) -> &UpTrackParams {
        &self.params
    }

    /// Number of encodings.
    pub fn encodings(&self) -> u8 {
        1
    }

    /// Takes a packet of `encoding`; the handle if it is new and to be forwarded.
    pub fn receive(&mut self, _now: Instant, _encoding: u8, _packet: &Packet<'_>, _is_rtx: bool) -> Option<Arrival> {
        None
    }

    /// Takes a packet that its home shard has received (its bytes as [`UpTrack::packet`] gives them there).
    pub fn receive_mirrored(&mut self, _now: Instant, _encoding: u8, _packet: &Packet<'_>) -> Option<Arrival> {
        None
    }

    /// The packet behind a handle while it is kept: header and payload in the clear, without padding.
    pub fn packet(&self, _encoding: u8, _seq: u64) -> Option<(&Meta, &[u8])> {
        None
    }

    /// Fills `seqs` with the sequence numbers to be asked for (NACK) of one encoding, and returns whose.
    pub fn nacks(&mut self, _now: Instant, _encoding: u8, _rtt: Duration, _seqs: &mut Vec<u16>) -> Option<Ssrc> {
        None
    }

    /// Wants a key frame; the request if it may go out at once, else it goes when the throttle lets it.
    pub fn request_keyframe(&mut self, _now: Instant, _encoding: u8) -> Option<KeyframeRequest> {
        None
    }

    /// The next key frame request whose time has come; call until `None`.
    pub fn keyframe_due(&mut self, _now: Instant) -> Option<KeyframeRequest> {
        None
    }

    /// When `nacks` or `keyframe_due` next have something to say.
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// What to report of `encoding`; begins a new interval.
    pub fn reception_report(&mut self, _now: Instant, _encoding: u8) -> Option<ReceptionReport> {
        None
    }

    /// Notes the publisher's sender report of `encoding` (NTP 64 bits, RTP timestamp).
    pub fn sender_report(&mut self, _now: Instant, _encoding: u8, _ntp: u64, _rtp: u32) {}

    /// Source of an encoding's media, once known.
    pub fn ssrc(&self, _encoding: u8) -> Option<Ssrc> {
        None
    }

    /// Whether packets of `encoding` arrived within the last second.
    pub fn is_live(&self, _now: Instant, _encoding: u8) -> bool {
        false
    }

    /// Received bits per second of `encoding`.
    pub fn bitrate_bps(&self, _now: Instant, _encoding: u8) -> u64 {
        0
    }

    /// Mutes or unmutes: nothing is forwarded while muted.
    pub fn set_muted(&mut self, _muted: bool) {}

    /// Whether it is muted.
    pub fn is_muted(&self) -> bool {
        false
    }

    /// The counters.
    pub fn stats(&self) -> UpStats {
        UpStats::default()
    }
}
