//! A publisher of one VP8 track, as a browser sends it: frames of several packets, keyframes when asked for,
//! retransmissions on RTX when asked for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use door::{Codec, CodecParams, ExtensionKind, ExtensionMap, Kind, SsrcPair, UpTrackParams};
use wire::ext;
use wire::rtcp::{self, Packet, SenderInfo};
use wire::rtp::Header;
use wire::{Mid, Pt, Ssrc};

/// Time between frames: 30 a second.
pub const FRAME_INTERVAL: Duration = Duration::from_nanos(33_333_333);
/// Packets of a frame.
pub const FRAME_PACKETS: u16 = 5;
/// Payload bytes of a packet behind the descriptor.
const PAYLOAD_BYTES: usize = 900;
/// Packets kept for retransmission.
const HISTORY_PACKETS: u16 = 600;

/// Bytes before the [`Mark`] in a payload.
const MARK_AT: usize = 16;

/// What each payload says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The frame's number, from 0.
    pub frame: u64,
    /// The packet's place in the frame.
    pub index: u8,
    /// It belongs to a keyframe.
    pub is_key: bool,
}

impl Mark {
    fn to_bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&self.frame.to_be_bytes());
        (bytes[8], bytes[9]) = (self.index, u8::from(self.is_key));
        bytes
    }

    /// Reads the mark of a payload that came out of the server.
    pub fn of(payload: &[u8]) -> Option<Self> {
        let bytes = payload.get(MARK_AT..MARK_AT + 10)?;
        let frame = u64::from_be_bytes(bytes[..8].try_into().ok()?);
        Some(Self { frame, index: bytes[8], is_key: bytes[9] == 1 })
    }
}

/// Extension id of MID.
pub const MID_ID: u8 = 4;
/// Extension id of the transport-wide sequence number.
pub const TRANSPORT_SEQUENCE_ID: u8 = 3;
/// Payload type of VP8.
pub const VP8_PT: Pt = Pt(96);
/// Payload type of its retransmissions.
pub const RTX_PT: Pt = Pt(97);

/// A cleartext packet and the length of its header.
pub type Cleartext = (Vec<u8>, usize);

/// See the module.
#[derive(Debug)]
pub struct Publisher {
    mid: Mid,
    ssrcs: SsrcPair,
    start: Instant,
    next_frame: Instant,
    next_report: Instant,
    frames: u64,
    frame_packets: u16,
    seq: u16,
    rtx_seq: u16,
    transport_seq: u16,
    key_asked: bool,
    /// Timestamp and payload by sequence number.
    history: BTreeMap<u16, (u32, Vec<u8>)>,
    /// It sends again what it is asked for.
    pub repeats: bool,
    /// Keyframes sent.
    pub keyframes: u64,
    /// Keyframe requests received.
    pub plis: u64,
    /// Packets sent again.
    pub retransmitted: u64,
}

impl Publisher {
    /// Begins to send at `now` in the section `v`. `serial` keeps sources apart.
    pub fn new(now: Instant, serial: u32) -> Self {
        Self::in_section(now, Mid::new(b"v").expect("a token"), Self::ssrcs(serial))
    }

    /// The sources of the publisher with this serial.
    pub fn ssrcs(serial: u32) -> SsrcPair {
        SsrcPair { media: Ssrc(1000 + serial * 2), rtx: Some(Ssrc(1001 + serial * 2)) }
    }

    /// Begins to send at `now` in the section `mid`.
    pub fn in_section(now: Instant, mid: Mid, ssrcs: SsrcPair) -> Self {
        Self {
            mid,
            ssrcs,
            start: now,
            next_frame: now,
            next_report: now + Duration::from_millis(500),
            frames: 0,
            frame_packets: FRAME_PACKETS,
            seq: 65_000,
            rtx_seq: 0,
            transport_seq: 0,
            key_asked: true,
            history: BTreeMap::new(),
            repeats: true,
            keyframes: 0,
            plis: 0,
            retransmitted: 0,
        }
    }

    /// Makes frames of so many packets from now on, instead of [`FRAME_PACKETS`].
    #[must_use]
    pub fn with_frames_of(self, frame_packets: u16) -> Self {
        Self { frame_packets, ..self }
    }

    /// What its description would say.
    pub fn params(&self) -> UpTrackParams {
        let mut extensions = ExtensionMap::default();
        extensions.set(ExtensionKind::Mid, MID_ID);
        extensions.set(ExtensionKind::TransportSequence, TRANSPORT_SEQUENCE_ID);
        let codec =
            CodecParams { pt: VP8_PT, codec: Codec::Vp8, clock_hz: 90_000, rtx: Some(RTX_PT), nack: true, pli: true };
        UpTrackParams {
            mid: self.mid,
            kind: Kind::Video,
            codecs: vec![codec],
            extensions,
            rids: Vec::new(),
            ssrcs: vec![self.ssrcs],
            transport_feedback: true,
            encrypted: false,
        }
    }

    /// Frames sent.
    pub fn frames_sent(&self) -> u64 {
        self.frames
    }

    /// When [`Publisher::advance`] is due.
    pub fn deadline(&self) -> Instant {
        self.next_frame.min(self.next_report)
    }

    /// RTP packets that are due.
    pub fn advance(&mut self, now: Instant) -> Vec<Cleartext> {
        let mut packets = Vec::new();
        while self.next_frame <= now {
            let is_key = std::mem::take(&mut self.key_asked);
            self.keyframes += u64::from(is_key);
            packets.extend((0..self.frame_packets).map(|index| self.packet(index, is_key)));
            self.frames += 1;
            self.next_frame += FRAME_INTERVAL;
        }
        packets
    }

    /// A sender report, if one is due.
    pub fn report(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.next_report {
            return None;
        }
        self.next_report = now + Duration::from_secs(1);
        let life = now - self.start;
        let ntp = (life.as_secs() << 32) | ((u64::from(life.subsec_nanos()) << 32) / 1_000_000_000);
        let rtp_time = u32::try_from(life.as_millis() * 90 % (1 << 32)).unwrap_or(0);
        let packets = u32::try_from(self.frames).unwrap_or(0) * u32::from(self.frame_packets);
        let info = SenderInfo { ssrc: self.ssrcs.media, ntp, rtp_time, packets, bytes: 0 };
        let mut buffer = [0; rtcp::COMPOUND_BYTES_MAX];
        let mut writer = rtcp::Writer::new(&mut buffer);
        writer.sender_report(&info, &[]).ok()?;
        Some(writer.as_bytes().to_vec())
    }

    /// Takes feedback; packets to send again come back.
    pub fn feedback(&mut self, compound: &[u8]) -> Vec<Cleartext> {
        let mut again = Vec::new();
        for packet in rtcp::packets(compound).flatten() {
            match packet {
                Packet::Nack(nack) if self.repeats && nack.media == self.ssrcs.media => {
                    again.extend(nack.sequences().filter_map(|seq| self.repeat(seq)));
                }
                Packet::Pli(pli) if pli.media == self.ssrcs.media => {
                    self.plis += 1;
                    self.key_asked = true;
                }
                _ => {}
            }
        }
        again
    }

    fn packet(&mut self, index: u16, is_key: bool) -> Cleartext {
        let payload = self.payload(index, is_key);
        let header = Header {
            marker: index + 1 == self.frame_packets,
            pt: VP8_PT,
            seq: self.seq,
            timestamp: self.timestamp(),
            ssrc: self.ssrcs.media,
        };
        self.history.insert(self.seq, (header.timestamp, payload.clone()));
        self.history.remove(&self.seq.wrapping_sub(HISTORY_PACKETS));
        self.seq = self.seq.wrapping_add(1);
        self.assemble(&header, &payload)
    }

    fn repeat(&mut self, seq: u16) -> Option<Cleartext> {
        let (timestamp, media) = self.history.get(&seq)?;
        let timestamp = *timestamp;
        let payload = [&seq.to_be_bytes()[..], media].concat();
        self.retransmitted += 1;
        self.rtx_seq = self.rtx_seq.wrapping_add(1);
        let ssrc = self.ssrcs.rtx?;
        let header = Header { marker: false, pt: RTX_PT, seq: self.rtx_seq, timestamp, ssrc };
        Some(self.assemble(&header, &payload))
    }

    /// VP8 descriptor with picture id, temporal index and layer (RFC 7741 section 4.2), the payload header where a
    /// frame begins, then the frame's number, the packet's place in it and whether it is a keyframe: the far end
    /// checks by them that nothing was mixed up.
    fn payload(&self, index: u16, is_key: bool) -> Vec<u8> {
        let [high, low] = (u16::try_from(self.frames % 0x8000).unwrap_or(0)).to_be_bytes();
        let tl0 = (self.frames % 256) as u8;
        let start = if index == 0 { 0x10 } else { 0 };
        let mut payload = vec![0x80 | start, 0xe0, 0x80 | high, low, tl0, 0x00];
        // The payload header's first bit is 0 in a keyframe, which then has a start code and a size.
        payload.extend_from_slice(&[u8::from(!is_key), 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
        let mark = Mark { frame: self.frames, index: index as u8, is_key };
        payload.extend_from_slice(&mark.to_bytes());
        payload.resize(payload.len() + PAYLOAD_BYTES, 0xab);
        payload
    }

    fn timestamp(&self) -> u32 {
        (self.frames * 3000 % (1 << 32)) as u32
    }

    fn assemble(&mut self, header: &Header, payload: &[u8]) -> Cleartext {
        let (mid, transport_seq) = (self.mid, self.transport_seq.to_be_bytes());
        self.transport_seq = self.transport_seq.wrapping_add(1);
        let mut extensions = ext::Writer::new();
        extensions.push(MID_ID, mid.as_bytes());
        extensions.push(TRANSPORT_SEQUENCE_ID, &transport_seq);
        let mut packet = vec![0; 64];
        let header_len = header.write(&extensions, &mut packet).expect("64 bytes hold a header");
        packet.truncate(header_len);
        packet.extend_from_slice(payload);
        (packet, header_len)
    }
}
