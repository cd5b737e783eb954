//! Parameters and packets for the tests of this crate.

use std::time::Instant;

use door::{
    Codec, CodecParams, DownTrackParams, ExtensionKind, ExtensionMap, Kind, PayloadMap, SsrcPair, UpTrackParams,
};
use wire::ext::Writer;
use wire::rtp::Header;
use wire::{Mid, Pt, Rid, Ssrc};

/// Extension ids as a browser offers them.
pub(crate) fn extensions() -> ExtensionMap {
    let mut map = ExtensionMap::default();
    map.set(ExtensionKind::AudioLevel, 1);
    map.set(ExtensionKind::TransportSequence, 3);
    map.set(ExtensionKind::Mid, 4);
    map.set(ExtensionKind::Rid, 10);
    map.set(ExtensionKind::RepairedRid, 11);
    map.set(ExtensionKind::DependencyDescriptor, 12);
    map.set(ExtensionKind::VideoOrientation, 13);
    map
}

pub(crate) fn audio_params(mid: &str) -> UpTrackParams {
    let opus = CodecParams { pt: Pt(111), codec: Codec::Opus, clock_hz: 48_000, rtx: None, nack: true, pli: false };
    let red = CodecParams { pt: Pt(63), codec: Codec::Red, ..opus };
    params(mid, Kind::Audio, vec![opus, red], &[])
}

pub(crate) fn video_params(mid: &str, rids: &[&str]) -> UpTrackParams {
    let vp8 = CodecParams { pt: Pt(96), codec: Codec::Vp8, clock_hz: 90_000, rtx: Some(Pt(97)), nack: true, pli: true };
    let h264 = CodecParams { pt: Pt(102), codec: Codec::H264, rtx: Some(Pt(103)), ..vp8 };
    params(mid, Kind::Video, vec![vp8, h264], rids)
}

fn params(mid: &str, kind: Kind, codecs: Vec<CodecParams>, rids: &[&str]) -> UpTrackParams {
    UpTrackParams {
        mid: Mid::new(mid.as_bytes()).unwrap(),
        kind,
        codecs,
        extensions: extensions(),
        rids: rids.iter().map(|rid| Rid::new(rid.as_bytes()).unwrap()).collect(),
        ssrcs: Vec::<SsrcPair>::new(),
        transport_feedback: true,
        encrypted: false,
    }
}

/// A subscriber with other payload types and extension ids than the publisher.
pub(crate) fn down_params(kind: Kind) -> DownTrackParams {
    let mut extensions = ExtensionMap::default();
    extensions.set(ExtensionKind::AudioLevel, 2);
    extensions.set(ExtensionKind::TransportSequence, 5);
    extensions.set(ExtensionKind::Mid, 9);
    extensions.set(ExtensionKind::VideoOrientation, 6);
    let map = |from, to, rtx, strip_red| PayloadMap { from: Pt(from), to: Pt(to), rtx, strip_red };
    let payloads = match kind {
        Kind::Audio => vec![map(111, 120, None, false), map(63, 120, None, true)],
        Kind::Video => vec![map(96, 45, Some(Pt(46)), false)],
    };
    DownTrackParams {
        mid: Mid::new(b"7").unwrap(),
        kind,
        ssrc: Ssrc(900),
        rtx_ssrc: (kind == Kind::Video).then_some(Ssrc(901)),
        payloads,
        extensions,
        playout_delay_ms: None,
    }
}

/// One packet of the source.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) ssrc: u32,
    pub(crate) pt: u8,
    pub(crate) seq: u16,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) extensions: Vec<(u8, Vec<u8>)>,
    pub(crate) payload: Vec<u8>,
}

impl Made {
    pub(crate) fn audio(seq: u16) -> Self {
        let timestamp = u32::from(seq).wrapping_mul(960);
        Self { ssrc: 10, pt: 111, seq, timestamp, marker: false, extensions: vec![], payload: vec![seq as u8; 20] }
    }

    /// A VP8 packet that is a frame of its own.
    pub(crate) fn vp8(encoding: u8, seq: u16, timestamp: u32, frame: Vp8Frame) -> Self {
        let first = 0x80 | u8::from(frame.start) << 4;
        let picture = (frame.picture | 0x8000).to_be_bytes();
        let layer = frame.temporal << 6 | u8::from(frame.sync) << 5;
        let tag = u8::from(!frame.key);
        let payload = vec![first, 0xe0, picture[0], picture[1], frame.tl0, layer, tag, seq as u8, (seq >> 8) as u8];
        Self { ssrc: 100 + u32::from(encoding), pt: 96, seq, timestamp, marker: true, extensions: vec![], payload }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        for (id, data) in &self.extensions {
            assert!(writer.push(*id, data));
        }
        let header = Header {
            marker: self.marker,
            pt: Pt(self.pt),
            seq: self.seq,
            timestamp: self.timestamp,
            ssrc: Ssrc(self.ssrc),
        };
        let mut out = vec![0; 2000];
        let len = header.write(&writer, &mut out).unwrap();
        out.truncate(len);
        out.extend_from_slice(&self.payload);
        out
    }

    /// The same packet as its retransmission (RFC 4588 section 4).
    pub(crate) fn rtx(&self, seq: u16) -> Self {
        let mut payload = self.seq.to_be_bytes().to_vec();
        payload.extend_from_slice(&self.payload);
        Self { ssrc: self.ssrc + 50, pt: self.pt + 1, seq, payload, ..self.clone() }
    }
}

/// What the descriptor of a made VP8 packet says.
#[derive(Clone, Copy, Default)]
pub(crate) struct Vp8Frame {
    pub(crate) key: bool,
    pub(crate) start: bool,
    pub(crate) picture: u16,
    pub(crate) tl0: u8,
    pub(crate) temporal: u8,
    pub(crate) sync: bool,
}

impl Vp8Frame {
    pub(crate) fn key(picture: u16) -> Self {
        Self { key: true, start: true, picture, sync: true, ..Self::default() }
    }

    pub(crate) fn delta(picture: u16) -> Self {
        Self { start: true, picture, ..Self::default() }
    }

    pub(crate) fn at(self, temporal: u8, sync: bool) -> Self {
        Self { temporal, sync, ..self }
    }
}

/// Some moment to count from.
#[expect(clippy::disallowed_methods, reason = "std makes the first moment in no other way")]
pub(crate) fn start() -> Instant {
    Instant::now()
}
