//! One encoding of a published track: its numbering, its ring, its reports and requests.

use std::time::{Duration, Instant};

use door::{CodecParams, Kind};
use wire::rtp::Packet;
use wire::{Pt, Ssrc};

use crate::inspect::Inspected;
use crate::keyframe::Throttle;
use crate::missing::Missing;
use crate::reception::{ClockPoint, Reception};
use crate::ring::{Meta, Ring};
use crate::sequence::{Place, Sequence};

/// An encoding without packets for this long is taken to have stopped.
pub const SILENCE: Duration = Duration::from_secs(1);
/// Span over which the bit rate is measured.
const RATE_WINDOW: Duration = Duration::from_millis(500);

/// One encoding.
#[derive(Debug)]
pub(crate) struct Encoding {
    pub(crate) ssrc: Option<Ssrc>,
    pub(crate) sequence: Sequence,
    pub(crate) ring: Ring,
    pub(crate) missing: Missing,
    pub(crate) throttle: Throttle,
    pub(crate) reception: Reception,
    pub(crate) clock: Option<ClockPoint>,
    pub(crate) clock_hz: u32,
    last: Option<Instant>,
    rate: Rate,
}

/// A media packet with what a retransmission changes already undone.
pub(crate) struct Incoming<'a> {
    pub(crate) packet: &'a Packet<'a>,
    pub(crate) pt: Pt,
    pub(crate) payload: &'a [u8],
    pub(crate) inspected: Inspected,
}

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// New; the packets from the second number up to it are missing.
    New { seq: u64, missing_from: u64 },
    /// Known already.
    Duplicate,
    /// Too old, too far off or too long.
    Refused,
}

impl Encoding {
    pub(crate) fn new(index: u8, kind: Kind) -> Self {
        Self {
            ssrc: None,
            sequence: Sequence::default(),
            ring: Ring::new(kind),
            missing: Missing::default(),
            throttle: Throttle::new(index),
            reception: Reception::default(),
            clock: None,
            clock_hz: if kind == Kind::Audio { 48_000 } else { 90_000 },
            last: None,
            rate: Rate::default(),
        }
    }

    /// Numbers a packet and keeps it.
    pub(crate) fn take(&mut self, now: Instant, incoming: &Incoming<'_>, place: Place) -> Outcome {
        let (seq, missing_from) = match place {
            Place::Newest { seq, missing_from } => (seq, missing_from),
            Place::Restart(seq) => {
                self.begin_run(seq);
                (seq, seq)
            }
            Place::Late(seq) => (seq, seq),
            Place::Astray => return Outcome::Refused,
        };
        let highest = self.sequence.highest().unwrap_or(seq);
        if self.ring.knows(seq) {
            return Outcome::Duplicate;
        }
        if seq + self.ring.packets_max() as u64 <= highest {
            return Outcome::Refused;
        }
        let meta = Meta {
            seq,
            run: self.sequence.run(),
            timestamp: incoming.packet.timestamp(),
            arrival: now,
            pt: incoming.pt,
            marker: incoming.packet.marker(),
            payload_offset: incoming.packet.payload_offset() as u16,
            keyframe: incoming.inspected.keyframe,
            vp8: incoming.inspected.vp8,
        };
        let header = &incoming.packet.bytes()[..incoming.packet.payload_offset()];
        let ssrc = self.ssrc.unwrap_or_default();
        if !self.ring.insert(meta, ssrc, header, incoming.payload) {
            return Outcome::Refused;
        }
        self.last = Some(now);
        self.rate.add(now, header.len() + incoming.payload.len());
        self.throttle.unpark();
        if meta.keyframe {
            self.throttle.came();
        }
        Outcome::New { seq, missing_from }
    }

    /// Numbers a packet of `ssrc`; another source than before begins a new numbering.
    pub(crate) fn place(&mut self, ssrc: Ssrc, seq: u16) -> Place {
        let known = self.ssrc.replace(ssrc);
        if known.is_some_and(|known| known != ssrc) { self.sequence.restart(seq) } else { self.sequence.place(seq) }
    }

    fn begin_run(&mut self, seq: u64) {
        self.missing.clear();
        self.reception.restart(seq);
        // Another numbering comes with another RTP clock, which the old reports do not tell of. The first
        // run's reports may have come before its packets.
        if self.sequence.run() != 0 {
            self.clock = None;
        }
    }

    /// Counts a packet for reports, with the clock of its codec.
    pub(crate) fn count(&mut self, now: Instant, packet: &Packet<'_>, codec: &CodecParams) {
        self.clock_hz = codec.clock_hz;
        self.reception.count(now, packet.timestamp(), codec.clock_hz);
    }

    /// Whether packets came lately.
    pub(crate) fn is_live(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.saturating_duration_since(last) < SILENCE)
    }

    /// Bits per second lately.
    pub(crate) fn bitrate_bps(&self, now: Instant) -> u64 {
        self.rate.bits_per_second(now)
    }
}

/// Bytes of this window and rate of the last.
#[derive(Debug, Default)]
struct Rate {
    began: Option<Instant>,
    bytes: u64,
    last_bps: u64,
}

impl Rate {
    fn add(&mut self, now: Instant, len: usize) {
        let began = *self.began.get_or_insert(now);
        let elapsed = now.saturating_duration_since(began);
        if elapsed >= RATE_WINDOW {
            self.last_bps = (u128::from(self.bytes) * 8_000_000 / elapsed.as_micros().max(1)) as u64;
            self.began = Some(now);
            self.bytes = 0;
        }
        self.bytes += len as u64;
    }

    fn bits_per_second(&self, now: Instant) -> u64 {
        let stale = self.began.is_none_or(|began| now.saturating_duration_since(began) >= 2 * RATE_WINDOW);
        if stale { 0 } else { self.last_bps }
    }
}
