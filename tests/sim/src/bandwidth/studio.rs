//! A publisher of several videos and one sound, as a browser with many cameras would send them: three encodings each, or
//! three spatial layers, three temporal layers in each, keyframes several times as large as other frames.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use door::{Codec, CodecParams, ExtensionKind, ExtensionMap, Kind, SsrcPair, UpTrackParams};
use wire::ext;
use wire::rtcp::{self, Packet};
use wire::rtp::Header;
use wire::{Mid, Pt, Ssrc};

use super::layered::Layered;
use crate::publisher::{Cleartext, MID_ID, RTX_PT, TRANSPORT_SEQUENCE_ID, VP8_PT};

/// Payload type of the sound.
pub const OPUS_PT: Pt = Pt(111);
/// Payload type of the sound with what was said before (RFC 2198).
pub const RED_PT: Pt = Pt(63);

/// Time between packets of sound.
const SOUND_INTERVAL: Duration = Duration::from_millis(20);
/// Longest payload.
pub(super) const PAYLOAD_BYTES_MAX: usize = 1100;
/// A keyframe is this many times as large as a frame.
pub(super) const KEY_FACTOR: usize = 4;
/// Packets of an encoding kept for retransmission.
const HISTORY_PACKETS: u16 = 500;
/// Extension id of the dependency descriptor.
pub const DESCRIPTOR_ID: u8 = 12;

/// What a studio sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cast {
    /// How many videos.
    pub videos: u32,
    /// Bits per second of the three encodings, or spatial layers, of every video.
    pub layers_bps: [u64; 3],
    /// Videos are one stream of spatial layers each (L3T3_KEY), not three encodings.
    pub layered: bool,
    /// Pictures of a video in a second.
    pub pictures: u32,
    /// Bytes of a packet of sound.
    pub sound_bytes: usize,
    /// Bytes of the packets before that each packet of sound repeats; 0 for none.
    pub redundant_bytes: usize,
}

impl Cast {
    /// Six videos of a meeting, and thin sound: 32 kbit/s.
    pub const MEETING: Self = Self {
        videos: 6,
        layers_bps: [100_000, 300_000, 900_000],
        layered: false,
        pictures: 30,
        sound_bytes: 80,
        redundant_bytes: 0,
    };
    /// The same in spatial layers.
    pub const LAYERED_MEETING: Self = Self { layered: true, ..Self::MEETING };
    /// One browser's camera of 720 lines and its microphone with redundancy, as they were measured: 124 kbit/s of sound
    /// on the wire.
    pub const CAMERA: Self = Self {
        videos: 1,
        layers_bps: [150_000, 470_000, 1_300_000],
        layered: false,
        pictures: 20,
        sound_bytes: 120,
        redundant_bytes: 120,
    };
}

/// What each payload of video says of itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Label {
    /// Index of the encoding or spatial layer.
    pub encoding: u8,
    /// The frame's number in it.
    pub frame: u32,
    /// The frame that it builds on, by encoding and number; itself for a keyframe.
    pub base_encoding: u8,
    /// See above.
    pub base: u32,
    /// The packet's place in the frame.
    pub index: u8,
    /// Packets of the frame.
    pub count: u8,
    /// Its temporal layer.
    pub temporal: u8,
}

impl Label {
    /// Where it stands in a payload: behind the descriptor and the payload header.
    pub(super) const AT: usize = 16;

    pub(super) fn to_bytes(self) -> [u8; 13] {
        let mut bytes = [0; 13];
        bytes[..4].copy_from_slice(&self.frame.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.base.to_be_bytes());
        bytes[8..].copy_from_slice(&[self.encoding, self.index, self.count, self.temporal, self.base_encoding]);
        bytes
    }

    /// Reads the label of a payload that came out of the server.
    pub fn of(payload: &[u8]) -> Option<Self> {
        let bytes = payload.get(Self::AT..Self::AT + 13)?;
        let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let (frame, base) = (number(0)?, number(4)?);
        let [encoding, index, count, temporal, base_encoding] = *bytes.last_chunk()?;
        Some(Self { encoding, frame, base_encoding, base, index, count, temporal })
    }
}

/// See the module.
#[derive(Debug)]
pub struct Studio {
    cast: Cast,
    videos: Vec<Video>,
    sound_seq: u16,
    next_frame: Instant,
    next_sound: Instant,
    start: Instant,
    serial: u32,
    transport_seq: u16,
    chance: u64,
    /// Keyframe requests received.
    pub plis: u64,
}

#[derive(Debug)]
struct Video {
    mid: Mid,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Simulcast(Vec<Stream>),
    Layered(Layered),
}

/// One encoding.
#[derive(Debug)]
struct Stream {
    ssrcs: SsrcPair,
    bps: u64,
    seq: u16,
    rtx_seq: u16,
    frame: u32,
    tl0: u8,
    /// Newest frames of temporal layers 0 and 1.
    bases: [u32; 2],
    cycle: usize,
    key_asked: bool,
    history: BTreeMap<u16, (u32, Vec<u8>)>,
}

impl Studio {
    /// A studio that begins at `now`. `serial` keeps sources apart, `seed` gives frames their sizes.
    pub fn new(now: Instant, serial: u32, cast: Cast, seed: u64) -> Self {
        let videos = (0..cast.videos).map(|index| Video::new(serial, index, &cast)).collect();
        let (next_frame, next_sound) = (now, now);
        Self {
            cast,
            videos,
            sound_seq: 0,
            next_frame,
            next_sound,
            start: now,
            serial,
            transport_seq: 0,
            chance: seed,
            plis: 0,
        }
    }

    /// What its description would say: the videos, then the sound.
    pub fn params(&self) -> Vec<UpTrackParams> {
        let mut extensions = ExtensionMap::default();
        extensions.set(ExtensionKind::Mid, MID_ID);
        extensions.set(ExtensionKind::TransportSequence, TRANSPORT_SEQUENCE_ID);
        if self.cast.layered {
            extensions.set(ExtensionKind::DependencyDescriptor, DESCRIPTOR_ID);
        }
        let base = |mid, kind, codecs, ssrcs| UpTrackParams {
            mid,
            kind,
            codecs,
            extensions,
            rids: Vec::new(),
            ssrcs,
            transport_feedback: true,
            encrypted: false,
        };
        let codec = if self.cast.layered { Codec::Av1 } else { Codec::Vp8 };
        let video = CodecParams { pt: VP8_PT, codec, clock_hz: 90_000, rtx: Some(RTX_PT), nack: true, pli: true };
        let opus =
            CodecParams { pt: OPUS_PT, codec: Codec::Opus, clock_hz: 48_000, rtx: None, nack: false, pli: false };
        let videos = self.videos.iter().map(|it| base(it.mid, Kind::Video, vec![video], it.source.ssrcs()));
        let red = CodecParams { pt: RED_PT, codec: Codec::Red, ..opus };
        let sound = SsrcPair { media: self.sound_ssrc(), rtx: None };
        let mid = Mid::new(b"sound").expect("a token");
        videos.chain([base(mid, Kind::Audio, vec![red, opus], vec![sound])]).collect()
    }

    /// Pictures that the first video's encoding has sent.
    pub fn pictures(&self, encoding: u8) -> u32 {
        match self.videos.first().map(|video| &video.source) {
            Some(Source::Simulcast(streams)) => streams.get(usize::from(encoding)).map_or(0, |it| it.frame),
            Some(Source::Layered(layered)) => layered.pictures,
            None => 0,
        }
    }

    /// Opus, alone or behind what was said before.
    fn sound(&self) -> (Pt, Vec<u8>) {
        let primary = vec![0x55; self.cast.sound_bytes];
        let Ok(redundant) = u16::try_from(self.cast.redundant_bytes) else { return (OPUS_PT, primary) };
        if redundant == 0 {
            return (OPUS_PT, primary);
        }
        // Block header (RFC 2198 section 3): another follows, payload type, 14 bits of offset, 10 of length.
        let [high, low] = redundant.to_be_bytes();
        let mut payload =
            vec![0x80 | OPUS_PT.0, (960_u16 >> 6) as u8, ((960_u16 << 2) & 0xfc) as u8 | high, low, OPUS_PT.0];
        payload.resize(payload.len() + usize::from(redundant), 0x44);
        payload.extend_from_slice(&primary);
        (RED_PT, payload)
    }

    fn sound_ssrc(&self) -> Ssrc {
        Ssrc(90_000 + self.serial)
    }

    /// When [`Studio::advance`] is due.
    pub fn deadline(&self) -> Instant {
        self.next_frame.min(self.next_sound)
    }

    /// Packets that are due.
    pub fn advance(&mut self, now: Instant) -> Vec<Cleartext> {
        let mut packets = Vec::new();
        while self.next_sound <= now {
            self.next_sound += SOUND_INTERVAL;
            self.sound_seq = self.sound_seq.wrapping_add(1);
            let timestamp = u32::from(self.sound_seq).wrapping_mul(960);
            let (pt, payload) = self.sound();
            let header = Header { marker: false, pt, seq: self.sound_seq, timestamp, ssrc: self.sound_ssrc() };
            packets.push(assemble(&mut self.transport_seq, &[], &header, &payload));
        }
        while self.next_frame <= now {
            let timestamp = ((self.next_frame - self.start).as_micros() * 9 / 100 % (1 << 32)) as u32;
            self.next_frame += Duration::from_secs(1) / self.cast.pictures;
            let second = 1.0 / f64::from(self.cast.pictures);
            for Video { mid, source } in &mut self.videos {
                let mut breath = || {
                    self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    0.8 + 0.4 * ((self.chance >> 40) as f64 / (1_u64 << 24) as f64)
                };
                let mid = (MID_ID, mid.as_bytes());
                match source {
                    Source::Simulcast(streams) => {
                        for (index, stream) in (0_u8..).zip(streams) {
                            let mean = stream.bps as f64 / 8.0 * second;
                            for (header, payload) in stream.frame(index, timestamp, mean, breath()) {
                                packets.push(assemble(&mut self.transport_seq, &[mid], &header, &payload));
                            }
                        }
                    }
                    Source::Layered(layered) => {
                        for (header, descriptor, payload) in layered.picture(timestamp, second, breath()) {
                            let extensions = [mid, (DESCRIPTOR_ID, descriptor.as_slice())];
                            packets.push(assemble(&mut self.transport_seq, &extensions, &header, &payload));
                        }
                    }
                }
            }
        }
        packets
    }

    /// Takes feedback; packets to send again come back.
    pub fn feedback(&mut self, compound: &[u8]) -> Vec<Cleartext> {
        let mut again = Vec::new();
        for packet in rtcp::packets(compound).flatten() {
            let media = match &packet {
                Packet::Nack(nack) => nack.media,
                Packet::Pli(pli) => pli.media,
                _ => continue,
            };
            for Video { mid, source } in &mut self.videos {
                let Some(repeated) = source.hear(media, &packet) else { continue };
                self.plis += u64::from(matches!(packet, Packet::Pli(_)));
                let mid = (MID_ID, mid.as_bytes());
                for (header, payload) in repeated {
                    again.push(assemble(&mut self.transport_seq, &[mid], &header, &payload));
                }
            }
        }
        again
    }
}

impl Video {
    fn new(serial: u32, index: u32, cast: &Cast) -> Self {
        let mid = Mid::new(format!("v{index}").as_bytes()).expect("a token");
        let ssrcs = |layer: u32| {
            let media = 10_000 + serial * 1000 + index * 10 + layer * 2;
            SsrcPair { media: Ssrc(media), rtx: Some(Ssrc(media + 1)) }
        };
        if cast.layered {
            return Self { mid, source: Source::Layered(Layered::new(ssrcs(0), cast.layers_bps)) };
        }
        let stream = |(layer, &bps): (u32, &u64)| Stream {
            ssrcs: ssrcs(layer),
            bps,
            seq: 100,
            rtx_seq: 0,
            frame: 0,
            tl0: 0,
            bases: [0; 2],
            cycle: 0,
            key_asked: true,
            history: BTreeMap::new(),
        };
        Self { mid, source: Source::Simulcast((0..).zip(&cast.layers_bps).map(stream).collect()) }
    }
}

impl Source {
    fn ssrcs(&self) -> Vec<SsrcPair> {
        match self {
            Self::Simulcast(streams) => streams.iter().map(|stream| stream.ssrcs).collect(),
            Self::Layered(layered) => vec![layered.ssrcs],
        }
    }

    /// Takes a request for `media`, if that is its own; what it sends again.
    fn hear(&mut self, media: Ssrc, request: &Packet<'_>) -> Option<Vec<(Header, Vec<u8>)>> {
        let stream = match self {
            Self::Simulcast(streams) => streams.iter_mut().find(|stream| stream.ssrcs.media == media)?,
            Self::Layered(layered) => {
                let asked = layered.ssrcs.media == media;
                layered.key_asked |= asked && matches!(request, Packet::Pli(_));
                return asked.then(Vec::new);
            }
        };
        if let Packet::Nack(nack) = request {
            return Some(nack.sequences().filter_map(|seq| stream.repeat(seq)).collect());
        }
        stream.key_asked = true;
        Some(Vec::new())
    }
}

impl Stream {
    /// The next frame in packets: `mean` bytes on the average. `breath` varies its size.
    fn frame(&mut self, encoding: u8, timestamp: u32, mean: f64, breath: f64) -> Vec<(Header, Vec<u8>)> {
        // Temporal layers in turn, and their share of four frames' bits.
        const CYCLE: [(u8, f64); 4] = [(0, 1.6), (2, 0.8), (1, 0.8), (2, 0.8)];
        self.frame += 1;
        let is_key = std::mem::take(&mut self.key_asked);
        if is_key {
            self.cycle = 0;
        }
        let (temporal, share) = CYCLE[self.cycle % CYCLE.len()];
        self.cycle += 1;
        let base = match temporal {
            _ if is_key => self.frame,
            0 | 1 => self.bases[0],
            _ => self.bases[1].max(self.bases[0]),
        };
        self.tl0 = self.tl0.wrapping_add(u8::from(temporal == 0));
        if let Some(place) = self.bases.get_mut(usize::from(temporal)) {
            *place = self.frame;
        }
        // Whoever gets a frame above the lowest layer that depends on that alone may go on from there.
        let is_sync = temporal > 0 && base == self.bases[0];
        let mut bytes = (mean * share * breath) as usize;
        if is_key {
            bytes = KEY_FACTOR * mean as usize;
        }
        let count = bytes.div_ceil(PAYLOAD_BYTES_MAX).clamp(1, 255);
        let label = |index| {
            let (frame, count) = (self.frame, count as u8);
            Label { encoding, frame, base_encoding: encoding, base, index, count, temporal }
        };
        let payloads: Vec<_> =
            (0..count as u8).map(|index| payload(label(index), self.tl0, is_key, is_sync, bytes / count)).collect();
        let last = payloads.len();
        (1..).zip(payloads).map(|(place, payload)| self.packet(place == last, timestamp, payload)).collect()
    }

    fn packet(&mut self, marker: bool, timestamp: u32, payload: Vec<u8>) -> (Header, Vec<u8>) {
        self.seq = self.seq.wrapping_add(1);
        self.history.insert(self.seq, (timestamp, payload.clone()));
        self.history.remove(&self.seq.wrapping_sub(HISTORY_PACKETS));
        (Header { marker, pt: VP8_PT, seq: self.seq, timestamp, ssrc: self.ssrcs.media }, payload)
    }

    fn repeat(&mut self, seq: u16) -> Option<(Header, Vec<u8>)> {
        let (timestamp, media) = self.history.get(&seq)?;
        self.rtx_seq = self.rtx_seq.wrapping_add(1);
        let ssrc = self.ssrcs.rtx?;
        let header = Header { marker: false, pt: RTX_PT, seq: self.rtx_seq, timestamp: *timestamp, ssrc };
        Some((header, [&seq.to_be_bytes()[..], media].concat()))
    }
}

/// VP8's descriptor (RFC 7741 section 4.2) and payload header, then the label, then filling up to `bytes`.
fn payload(label: Label, tl0: u8, is_key: bool, is_sync: bool, bytes: usize) -> Vec<u8> {
    let [high, low] = ((label.frame % 0x8000) as u16).to_be_bytes();
    let start = if label.index == 0 { 0x10 } else { 0 };
    let sync = if is_sync { 0x20 } else { 0 };
    let mut payload = vec![0x80 | start, 0xe0, 0x80 | high, low, tl0, label.temporal << 6 | sync];
    payload.extend_from_slice(&[u8::from(!is_key), 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
    payload.extend_from_slice(&label.to_bytes());
    payload.resize(payload.len().max(bytes), 0xab);
    payload
}

fn assemble(transport_seq: &mut u16, others: &[(u8, &[u8])], header: &Header, payload: &[u8]) -> Cleartext {
    let number = transport_seq.to_be_bytes();
    *transport_seq = transport_seq.wrapping_add(1);
    let mut extensions = ext::Writer::new();
    for (id, data) in others {
        assert!(extensions.push(*id, data), "an extension fits");
    }
    extensions.push(TRANSPORT_SEQUENCE_ID, &number);
    let mut packet = vec![0; 256];
    let header_len = header.write(&extensions, &mut packet).expect("256 bytes hold a header");
    packet.truncate(header_len);
    packet.extend_from_slice(payload);
    (packet, header_len)
}
