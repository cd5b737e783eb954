//! The packets of one encoding, kept once for all subscribers: for forwarding, for retransmission, and
//! to tell duplicates.

use std::time::{Duration, Instant};

use door::Kind;
use wire::rtp::FIXED_HEADER_BYTES;
use wire::{Pt, Ssrc};

use crate::frame::Frame;

/// Packets kept of a video encoding: about 3 s of 3.5 Mbit/s. A power of two.
pub const VIDEO_PACKETS: usize = 1024;
/// Packets kept of an audio encoding: about 5 s. A power of two.
pub const AUDIO_PACKETS: usize = 256;
/// Longest packet that is kept, in bytes: more than any path's datagram, so only a hostile sender meets it.
pub const PACKET_BYTES_MAX: usize = 2048;
/// Most bytes kept of a video encoding; older packets give way.
pub const VIDEO_BYTES_MAX: usize = 1 << 20;
/// Most bytes kept of an audio encoding; older packets give way.
pub const AUDIO_BYTES_MAX: usize = 1 << 16;
/// Bytes to begin with. Doubled while they hold less than [`RETAINED`], so that a thin stream stays small.
const BYTES_START: usize = 1 << 14;
/// How long a packet should stay: ten retransmission attempts at 150 ms round trip.
const RETAINED: Duration = Duration::from_millis(1500);

/// What is known of a packet beside its bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Meta {
    /// Extended sequence number; its low 16 bits are the publisher's.
    pub seq: u64,
    /// Counts how often the publisher began its numbering anew: another source, or a leap.
    pub run: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// When it arrived.
    pub arrival: Instant,
    /// Payload type; that of the media also when it came by retransmission.
    pub pt: Pt,
    /// Marker bit.
    pub marker: bool,
    /// Where the payload begins in the packet's bytes.
    pub payload_offset: u16,
    /// What its frame is to the choice of layers.
    pub frame: Frame,
}

/// A ring of packets addressed by extended sequence number. Memory is taken as packets come and then
/// reused: the steady state allocates nothing.
#[derive(Debug)]
pub struct Ring {
    slots: Vec<Option<Slot>>,
    slots_max: usize,
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Bytes ever written: the place of the next packet, modulo the length of `bytes`.
    written: u64,
    /// Bytes before this place were overwritten when the ring was shorter.
    kept_from: u64,
    lap_began: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    meta: Meta,
    place: u64,
    len: usize,
}

impl Ring {
    /// An empty ring.
    pub fn new(kind: Kind) -> Self {
        let (slots_max, bytes_max) = match kind {
            Kind::Audio => (AUDIO_PACKETS, AUDIO_BYTES_MAX),
            Kind::Video => (VIDEO_PACKETS, VIDEO_BYTES_MAX),
        };
        Self { slots: Vec::new(), slots_max, bytes: Vec::new(), bytes_max, written: 0, kept_from: 0, lap_began: None }
    }

    /// Most packets kept.
    pub fn packets_max(&self) -> usize {
        self.slots_max
    }

    /// Whether a packet was kept under `seq`, and no newer one in its place.
    pub fn knows(&self, seq: u64) -> bool {
        self.slot(seq).is_some()
    }

    /// Finds a packet that is still kept; its bytes are header and payload in the clear without padding.
    pub fn packet(&self, seq: u64) -> Option<(&Meta, &[u8])> {
        let slot = self.slot(seq)?;
        let kept = slot.place >= self.kept_from && slot.place + self.bytes.len() as u64 >= self.written;
        let start = self.offset(slot.place);
        self.bytes.get(start..start + slot.len).filter(|_| kept).map(|bytes| (&slot.meta, bytes))
    }

    /// Keeps a packet made of `header` and `payload`; header fields that a retransmission changes are taken
    /// from `meta` and `ssrc`. False, and nothing kept, when it is too long or no header.
    pub fn insert(&mut self, meta: Meta, ssrc: Ssrc, header: &[u8], payload: &[u8]) -> bool {
        let len = header.len() + payload.len();
        if len > PACKET_BYTES_MAX || header.len() < FIXED_HEADER_BYTES {
            return false;
        }
        let start = self.make_room(meta.arrival, len);
        let (place, end) = (self.written, start + len);
        self.bytes[start..start + header.len()].copy_from_slice(header);
        self.bytes[start + header.len()..end].copy_from_slice(payload);
        let fixed = &mut self.bytes[start..start + FIXED_HEADER_BYTES];
        // The padding is left behind, and with it the padding bit.
        fixed[0] &= !0x20;
        fixed[1] = u8::from(meta.marker) << 7 | meta.pt.0 & 0x7f;
        fixed[2..4].copy_from_slice(&(meta.seq as u16).to_be_bytes());
        fixed[8..12].copy_from_slice(&ssrc.0.to_be_bytes());
        self.written += len as u64;
        if self.slots.is_empty() {
            self.slots = vec![None; self.slots_max];
        }
        let index = meta.seq as usize & (self.slots_max - 1);
        self.slots[index] = Some(Slot { meta, place, len });
        true
    }

    fn slot(&self, seq: u64) -> Option<&Slot> {
        let slot = self.slots.get(seq as usize & (self.slots_max - 1))?.as_ref()?;
        (slot.meta.seq == seq).then_some(slot)
    }

    fn offset(&self, place: u64) -> usize {
        // The length is a power of two.
        place as usize & self.bytes.len().wrapping_sub(1)
    }

    /// Moves to where `len` bytes lie in one piece and returns where that is.
    fn make_room(&mut self, now: Instant, len: usize) -> usize {
        if self.bytes.is_empty() {
            self.bytes.resize(BYTES_START, 0);
        }
        let start = self.offset(self.written);
        if start + len <= self.bytes.len() {
            self.lap_began.get_or_insert(now);
            return start;
        }
        self.written += (self.bytes.len() - start) as u64;
        self.begin_lap(now);
        self.offset(self.written)
    }

    fn begin_lap(&mut self, now: Instant) {
        let short = self.lap_began.is_some_and(|began| now.saturating_duration_since(began) < RETAINED);
        self.lap_began = Some(now);
        let old_len = self.bytes.len();
        if !short || old_len >= self.bytes_max {
            return;
        }
        self.bytes.resize(2 * old_len, 0);
        self.kept_from = self.written.saturating_sub(old_len as u64);
        // The lap that ended must lie where its places point to in the longer ring: in the half before
        // the place of the next packet.
        if self.offset(self.written) == 0 {
            self.bytes.copy_within(..old_len, old_len);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meta(seq: u64, arrival: Instant) -> Meta {
        let (timestamp, payload_offset) = (seq as u32, FIXED_HEADER_BYTES as u16);
        let (run, pt, marker, frame) = (0, Pt(96), false, Frame::default());
        Meta { seq, run, timestamp, arrival, pt, marker, payload_offset, frame }
    }

    fn header(seq: u64) -> [u8; 12] {
        [0xa0, 96, (seq >> 8) as u8, seq as u8, 0, 0, 0, 0, 0, 0, 0, 9]
    }

    #[test]
    fn a_long_packet_is_refused() {
        let mut ring = Ring::new(Kind::Audio);
        let now = crate::testing::start();
        assert!(!ring.insert(meta(1, now), Ssrc(9), &header(1), &[0; PACKET_BYTES_MAX - 11]));
        assert!(ring.insert(meta(1, now), Ssrc(9), &header(1), &[0; PACKET_BYTES_MAX - 12]));
        assert!(ring.packet(1).is_some() && ring.packet(2).is_none());
    }

    #[test]
    fn header_fields_follow_the_media() {
        let mut ring = Ring::new(Kind::Video);
        assert!(ring.insert(meta(0x1_0203, crate::testing::start()), Ssrc(0xaabb_ccdd), &header(7), &[5]));
        let (_, bytes) = ring.packet(0x1_0203).unwrap();
        assert_eq!(bytes, [0x80, 96, 2, 3, 0, 0, 0, 0, 0xaa, 0xbb, 0xcc, 0xdd, 5]);
    }

    #[test]
    fn a_thin_stream_stays_small_and_a_thick_one_is_bounded() {
        let start = crate::testing::start();
        let (mut thin, mut thick) = (Ring::new(Kind::Video), Ring::new(Kind::Video));
        for seq in 0..4000 {
            let slow = start + Duration::from_millis(100) * seq as u32;
            let fast = start + Duration::from_micros(100) * seq as u32;
            assert!(thin.insert(meta(seq, slow), Ssrc(9), &header(seq), &[0; 1000]));
            assert!(thick.insert(meta(seq, fast), Ssrc(9), &header(seq), &[0; 1000]));
        }
        assert!(thin.bytes.len() <= 1 << 15, "{}", thin.bytes.len());
        assert_eq!(thick.bytes.len(), VIDEO_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn keeps_exactly_what_was_put_in(lens in proptest::collection::vec(0usize..1400, 1..2500), gap_us in 0u64..4000) {
            let start = crate::testing::start();
            let mut ring = Ring::new(Kind::Video);
            for (seq, &len) in lens.iter().enumerate() {
                let now = start + Duration::from_micros(gap_us) * seq as u32;
                let seq = seq as u64;
                prop_assert!(ring.insert(meta(seq, now), Ssrc(9), &header(seq), &vec![seq as u8; len]));
                let (found, bytes) = ring.packet(seq).unwrap();
                prop_assert_eq!((found.seq, bytes.len()), (seq, 12 + len));
            }
            for (seq, &len) in lens.iter().enumerate() {
                if let Some((found, bytes)) = ring.packet(seq as u64) {
                    prop_assert_eq!(found.seq, seq as u64);
                    prop_assert_eq!(&bytes[12..], vec![seq as u8; len]);
                    prop_assert_eq!(&bytes[2..4], &(seq as u16).to_be_bytes());
                }
            }
            let recent = lens.len().saturating_sub(8);
            prop_assert!((recent..lens.len()).all(|seq| ring.packet(seq as u64).is_some()));
        }
    }
}
