//! The packets of one encoding, kept once for all subscribers: for forwarding, for retransmission, and
//! to tell duplicates.

use std::time::{Duration, Instant};

use door::Kind;
use wire::rtp::FIXED_HEADER_BYTES;
use wire::{Pt, Ssrc};

use crate::frame::Frame;

/// Most packets kept of a video encoding: ten seconds of 2 Mbit/s. A power of two.
pub const VIDEO_PACKETS: usize = 2048;
/// Most packets kept of an audio encoding: about 5 s. A power of two.
pub const AUDIO_PACKETS: usize = 256;
/// Longest packet that is kept, in bytes: more than any path's datagram, so only a hostile sender meets it.
pub const PACKET_BYTES_MAX: usize = 2048;
/// Most bytes kept of a video encoding; older packets give way.
pub const VIDEO_BYTES_MAX: usize = 1 << 21;
/// Most bytes kept of an audio encoding; older packets give way.
pub const AUDIO_BYTES_MAX: usize = 1 << 16;
/// Bytes to begin with for video. Doubled while they hold less than they should, so that a thin stream stays small.
const VIDEO_BYTES_START: usize = 1 << 14;
/// Bytes to begin with for audio.
const AUDIO_BYTES_START: usize = 1 << 12;
/// Packets to begin with. Doubled when their bytes are still there as their places are needed.
const PACKETS_START: usize = 64;
/// How long a packet should stay: ten retransmission attempts at 150 ms round trip.
const RETAINED: Duration = Duration::from_millis(1500);
/// How long a packet should stay that nobody is sent: its pictures are counted for a second.
const RETAINED_UNWATCHED: Duration = Duration::from_millis(1100);
/// A ring that takes so many times longer to be written over is larger than it need be and halved.
const RETAINED_RATIO_MAX: f64 = 2.15;

/// Bytes kept free behind each packet, to pad it to the length of its neighbours.
pub const PADDING_MAX: usize = 8;

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
    highest: u64,
    bytes: Vec<u8>,
    bytes_start: usize,
    bytes_max: usize,
    /// Bytes ever written: the place of the next packet, modulo the length of `bytes`.
    written: u64,
    /// Bytes before this place were overwritten when the ring had another length.
    kept_from: u64,
    lap_began: Option<Instant>,
    retained: Duration,
    /// Bytes from this place on are to be kept beyond their time, as far as the limits allow.
    wanted_from: Option<u64>,
    /// Most bytes that were wanted at once in this lap.
    wanted_most: u64,
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
        let (slots_max, bytes_start, bytes_max) = match kind {
            Kind::Audio => (AUDIO_PACKETS, AUDIO_BYTES_START, AUDIO_BYTES_MAX),
            Kind::Video => (VIDEO_PACKETS, VIDEO_BYTES_START, VIDEO_BYTES_MAX),
        };
        Self {
            slots: Vec::new(),
            slots_max,
            highest: 0,
            bytes: Vec::new(),
            bytes_start,
            bytes_max,
            written: 0,
            kept_from: 0,
            lap_began: None,
            retained: RETAINED,
            wanted_from: None,
            wanted_most: 0,
        }
    }

    /// Most packets kept.
    pub fn packets_max(&self) -> usize {
        self.slots_max
    }

    /// Memory taken, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.len() + self.slots.len() * size_of::<Option<Slot>>()
    }

    /// Whether a packet was kept under `seq`, and no newer one in its place.
    pub fn knows(&self, seq: u64) -> bool {
        self.slot(seq).is_some()
    }

    /// Finds a packet that is still kept; its bytes are header and payload in the clear, without the publisher's padding
    /// and with that of [`Ring::pad`].
    #[inline]
    pub fn packet(&self, seq: u64) -> Option<(&Meta, &[u8])> {
        let slot = self.slot(seq)?;
        let start = self.offset(slot.place);
        self.bytes.get(start..start + slot.len).filter(|_| self.is_kept(slot)).map(|bytes| (&slot.meta, bytes))
    }

    /// Bytes taken since the packet `seq` came, with its own; `None` when it is no longer kept.
    pub fn bytes_since(&self, seq: u64) -> Option<u64> {
        self.slot(seq).filter(|slot| self.is_kept(slot)).map(|slot| self.written - slot.place)
    }

    /// Whether its packets are sent to anybody: if not they are kept for a shorter time.
    pub fn set_watched(&mut self, watched: bool) {
        self.retained = if watched { RETAINED } else { RETAINED_UNWATCHED };
    }

    /// From the packet `seq` on nothing is to be lost while there is room; `None` takes that back.
    pub fn want_from(&mut self, seq: Option<u64>) {
        self.wanted_from = seq.and_then(|seq| self.slot(seq)).map(|slot| slot.place);
    }

    /// Keeps a packet made of `header` and `payload`; header fields that a retransmission changes are taken
    /// from `meta` and `ssrc`. False, and nothing kept, when it is too long, too old or no header.
    pub fn insert(&mut self, meta: Meta, ssrc: Ssrc, header: &[u8], payload: &[u8]) -> bool {
        let len = header.len() + payload.len();
        if len > PACKET_BYTES_MAX || header.len() < FIXED_HEADER_BYTES || !self.make_slot(&meta) {
            return false;
        }
        let start = self.make_room(meta.arrival, len + PADDING_MAX);
        let (place, end) = (self.written, start + len);
        self.bytes[start..start + header.len()].copy_from_slice(header);
        self.bytes[start + header.len()..end].copy_from_slice(payload);
        let fixed = &mut self.bytes[start..start + FIXED_HEADER_BYTES];
        // The padding is left behind, and with it the padding bit.
        fixed[0] &= !0x20;
        fixed[1] = u8::from(meta.marker) << 7 | meta.pt.0 & 0x7f;
        fixed[2..4].copy_from_slice(&(meta.seq as u16).to_be_bytes());
        fixed[8..12].copy_from_slice(&ssrc.0.to_be_bytes());
        self.written += (len + PADDING_MAX) as u64;
        let index = meta.seq as usize & (self.slots.len() - 1);
        self.slots[index] = Some(Slot { meta, place, len });
        true
    }

    /// Adds `count` bytes of padding (RFC 3550 section 5.1) to a packet that has none; more than [`PADDING_MAX`] are not
    /// added.
    pub fn pad(&mut self, seq: u64, count: usize) {
        let Some(slot) = self.slot(seq).copied().filter(|slot| self.is_kept(slot)) else { return };
        let start = self.offset(slot.place);
        // A count beyond the free bytes finds no room below.
        let Some(bytes) = self.bytes.get_mut(start..start + slot.len + PADDING_MAX) else { return };
        let (0x80, Some(padding)) = (bytes[0] & 0xa0, bytes.get_mut(slot.len..slot.len + count)) else { return };
        padding.fill(0);
        let Some(last) = padding.last_mut() else { return };
        *last = count as u8;
        bytes[0] |= 0x20;
        let index = seq as usize & (self.slots.len() - 1);
        self.slots[index] = Some(Slot { len: slot.len + count, ..slot });
    }

    #[inline]
    fn slot(&self, seq: u64) -> Option<&Slot> {
        let slot = self.slots.get(seq as usize & self.slots.len().wrapping_sub(1))?.as_ref()?;
        (slot.meta.seq == seq).then_some(slot)
    }

    #[inline]
    fn is_kept(&self, slot: &Slot) -> bool {
        slot.place >= self.kept_from && slot.place + self.bytes.len() as u64 >= self.written
    }

    #[inline]
    fn offset(&self, place: u64) -> usize {
        // The length is a power of two.
        place as usize & self.bytes.len().wrapping_sub(1)
    }

    /// Makes sure that a packet has a slot in which nothing stands that is still of use; false when it is too old.
    fn make_slot(&mut self, meta: &Meta) -> bool {
        let seq = meta.seq;
        self.highest = self.highest.max(seq);
        if self.slots.is_empty() {
            self.slots = vec![None; PACKETS_START];
        }
        loop {
            let index = seq as usize & (self.slots.len() - 1);
            // What was numbered otherwise is hardly asked for any more.
            let other = self.slots[index].as_ref().filter(|slot| slot.meta.run == meta.run);
            let in_the_way = other.is_some_and(|slot| slot.meta.seq > seq || self.is_kept(slot));
            let is_behind = self.highest - seq >= self.slots.len() as u64;
            if !in_the_way && !is_behind {
                return true;
            }
            if self.slots.len() >= self.slots_max {
                return !is_behind;
            }
            self.double_slots();
        }
    }

    fn double_slots(&mut self) {
        let longer = vec![None; 2 * self.slots.len()];
        for slot in std::mem::replace(&mut self.slots, longer).into_iter().flatten() {
            let index = slot.meta.seq as usize & (self.slots.len() - 1);
            self.slots[index] = Some(slot);
        }
    }

    /// Moves to where `len` bytes lie in one piece and returns where that is.
    fn make_room(&mut self, now: Instant, len: usize) -> usize {
        if self.bytes.is_empty() {
            self.bytes.resize(self.bytes_start, 0);
        }
        self.keep_wanted(len);
        let start = self.offset(self.written);
        if start + len <= self.bytes.len() {
            self.lap_began.get_or_insert(now);
            return start;
        }
        self.written += (self.bytes.len() - start) as u64;
        self.begin_lap(now);
        self.offset(self.written)
    }

    /// Lengthens the ring when `len` more bytes, and what is left free at a lap's end, would fall on what is wanted.
    fn keep_wanted(&mut self, len: usize) {
        let Some(from) = self.wanted_from else { return };
        let span = (self.written + (len + PACKET_BYTES_MAX) as u64).saturating_sub(from);
        self.wanted_most = self.wanted_most.max(span);
        while span > self.bytes.len() as u64 && self.bytes.len() < self.bytes_max {
            self.lengthen();
        }
    }

    fn begin_lap(&mut self, now: Instant) {
        let lap = self.lap_began.map_or(self.retained, |began| now.saturating_duration_since(began));
        self.lap_began = Some(now);
        let old_len = self.bytes.len();
        let wanted = std::mem::take(&mut self.wanted_most);
        if lap < self.retained {
            self.lengthen();
        } else if lap > self.retained.mul_f64(RETAINED_RATIO_MAX)
            && old_len > self.bytes_start
            && wanted <= old_len as u64 / 2
        {
            self.shorten();
        }
    }

    /// Doubles the ring, with all that it keeps.
    fn lengthen(&mut self) {
        let old_len = self.bytes.len();
        if old_len >= self.bytes_max {
            return;
        }
        self.bytes.resize(2 * old_len, 0);
        self.kept_from = self.kept_from.max(self.written.saturating_sub(old_len as u64));
        // What was written in this lap, and what is left of the lap before, come to lie in halves of their own: those
        // that their places point to.
        let start = self.offset(self.written);
        if start >= old_len {
            self.bytes.copy_within(..start - old_len, old_len);
        } else {
            self.bytes.copy_within(start..old_len, old_len + start);
        }
    }

    /// Keeps the second half of the lap that ended, which is a lap of the shorter ring.
    fn shorten(&mut self) {
        let new_len = self.bytes.len() / 2;
        self.bytes.copy_within(new_len.., 0);
        self.bytes.truncate(new_len);
        self.bytes.shrink_to_fit();
        self.kept_from = self.kept_from.max(self.written - new_len as u64);
        self.shorten_slots();
    }

    fn shorten_slots(&mut self) {
        let kept = self.slots.iter().flatten().filter(|slot| self.is_kept(slot)).map(|slot| slot.meta.seq).min();
        let span = self.highest - kept.unwrap_or(self.highest);
        let len = (span as usize + 1).next_power_of_two().max(PACKETS_START);
        if len >= self.slots.len() {
            return;
        }
        let mut shorter = vec![None; len];
        for slot in self.slots.iter().flatten().filter(|slot| self.is_kept(slot)) {
            shorter[slot.meta.seq as usize & (len - 1)] = Some(*slot);
        }
        self.slots = shorter;
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
    fn padding_is_added_once_and_harms_no_neighbour() {
        let mut ring = Ring::new(Kind::Video);
        for seq in 1..4 {
            assert!(ring.insert(meta(seq, crate::testing::start()), Ssrc(9), &header(seq), &[seq as u8; 5]));
        }
        for count in [0, PADDING_MAX + 1, 3, 2] {
            ring.pad(2, count);
        }
        let packet = |seq| wire::rtp::Packet::parse(ring.packet(seq).unwrap().1).unwrap();
        assert_eq!([1, 2, 3].map(|seq| packet(seq).padding_len()), [0, 3, 0]);
        assert_eq!([1, 2, 3].map(|seq| packet(seq).payload().to_vec()), [[1; 5], [2; 5], [3; 5]].map(Vec::from));
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

    #[test]
    fn what_is_wanted_stays_and_goes_when_it_is_not() {
        let (start, mut ring) = (crate::testing::start(), Ring::new(Kind::Video));
        // 1 Mbit/s, ten seconds long, wanted from the first packet on.
        let at = |seq: u64| start + Duration::from_millis(10) * seq as u32;
        for seq in 0..1000 {
            assert!(ring.insert(meta(seq, at(seq)), Ssrc(9), &header(seq), &[0; 1238]));
            if seq == 0 {
                ring.want_from(Some(0));
            }
        }
        assert!((0..1000).all(|seq| ring.packet(seq).is_some()));
        assert!(ring.bytes_since(999).is_some_and(|bytes| (1250..1300).contains(&bytes)));
        assert!(ring.bytes_since(0).unwrap() >= 1_250_000);
        ring.want_from(None);
        for seq in 1000..6000 {
            assert!(ring.insert(meta(seq, at(seq)), Ssrc(9), &header(seq), &[0; 1238]));
            let from = seq - 140;
            assert!((from..=seq).all(|seq| ring.packet(seq).is_some()), "1.4 s before {seq}");
        }
        assert!(ring.memory_bytes() <= 400_000, "{} bytes", ring.memory_bytes());
    }

    #[test]
    fn what_nobody_is_sent_takes_less() {
        let (start, mut ring) = (crate::testing::start(), Ring::new(Kind::Video));
        // 1.3 Mbit/s.
        let at = |seq: u64| start + Duration::from_micros(7692) * seq as u32;
        let put = |ring: &mut Ring, seqs: std::ops::Range<u64>, kept_ms: u64| {
            for seq in seqs.clone() {
                assert!(ring.insert(meta(seq, at(seq)), Ssrc(9), &header(seq), &[0; 1230]));
            }
            let from = seqs.end - kept_ms * 1000 / 7692;
            assert!((from..seqs.end).all(|seq| ring.packet(seq).is_some()), "{kept_ms} ms before {}", seqs.end);
        };
        put(&mut ring, 0..1300, 1500);
        assert_eq!(ring.bytes.len(), 1 << 19);
        ring.set_watched(false);
        put(&mut ring, 1300..3000, 1100);
        assert_eq!(ring.bytes.len(), 1 << 18);
        ring.set_watched(true);
        put(&mut ring, 3000..4000, 1500);
    }

    #[test]
    fn a_key_frame_every_four_seconds_takes_what_it_needs() {
        let (start, mut ring) = (crate::testing::start(), Ring::new(Kind::Video));
        // 1.5 Mbit/s: 750 KB from one to the next.
        for seq in 0..6000u64 {
            let now = start + Duration::from_micros(6667) * seq as u32;
            assert!(ring.insert(meta(seq, now), Ssrc(9), &header(seq), &[seq as u8; 1230]));
            if seq % 600 == 0 {
                ring.want_from(Some(seq));
            }
            let (from, body) = (seq - seq % 600, FIXED_HEADER_BYTES);
            if seq % 7 == 0 {
                assert!((from..=seq).all(|seq| ring.packet(seq).is_some_and(|it| it.1[body] == seq as u8)), "{seq}");
            }
            assert!(ring.bytes.len() <= 1 << 20, "{} bytes at {seq}", ring.bytes.len());
        }
        assert_eq!(ring.bytes.len(), 1 << 20, "and does not shrink and grow in turns");
    }

    #[test]
    fn a_silent_audio_track_takes_little() {
        let (start, mut ring) = (crate::testing::start(), Ring::new(Kind::Audio));
        for seq in 0..1000 {
            let now = start + Duration::from_millis(20) * seq as u32;
            assert!(ring.insert(meta(seq, now), Ssrc(9), &header(seq), &[0; 20]));
        }
        assert!(ring.memory_bytes() <= 40_000, "{} bytes", ring.memory_bytes());
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
