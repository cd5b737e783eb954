//! One video of three spatial and three temporal layers in one stream (L3T3_KEY), as a browser sends AV1: spatial layers
//! build on each other in key pictures only, and the dependency descriptor tells what needs what
//! (AV1 RTP payload format, appendix A).

use door::SsrcPair;
use wire::rtp::Header;

use super::studio::{KEY_FACTOR, Label, PAYLOAD_BYTES_MAX};
use crate::publisher::VP8_PT;

/// Spatial layers.
const SPATIALS: u8 = 3;
/// Kinds of frames of each spatial layer: of a key picture, then of each temporal layer.
const KINDS: u8 = 4;
/// Of four pictures in turn: the temporal layer, how many pictures before stands the one that it needs, and its share of
/// their bits.
const CYCLE: [(u8, u32, f64); 4] = [(0, 4, 1.6), (2, 1, 0.8), (1, 2, 0.8), (2, 1, 0.8)];

/// See the module.
#[derive(Debug)]
pub(super) struct Layered {
    pub(super) ssrcs: SsrcPair,
    /// Bits per second of each spatial layer.
    layers_bps: [u64; SPATIALS as usize],
    seq: u16,
    /// Pictures sent.
    pub(super) pictures: u32,
    /// Number of the last key picture.
    key: u32,
    pub(super) key_asked: bool,
}

/// A packet of it: header, dependency descriptor, payload.
pub(super) type Described = (Header, Vec<u8>, Vec<u8>);

/// One frame: a spatial layer of a picture.
#[derive(Clone, Copy)]
struct Frame {
    picture: u32,
    spatial: u8,
    temporal: u8,
    is_key: bool,
    /// How many frames earlier the one was numbered that it needs; 0 for none.
    back: u32,
}

impl Layered {
    pub(super) fn new(ssrcs: SsrcPair, layers_bps: [u64; SPATIALS as usize]) -> Self {
        Self { ssrcs, layers_bps, seq: 100, pictures: 0, key: 0, key_asked: true }
    }

    /// The packets of the next picture. `second` is its share of a second, `breath` varies its size.
    pub(super) fn picture(&mut self, timestamp: u32, second: f64, breath: f64) -> Vec<Described> {
        self.pictures += 1;
        let (picture, is_key) = (self.pictures, std::mem::take(&mut self.key_asked));
        if is_key {
            self.key = picture;
        }
        let (temporal, back, share) = CYCLE[(picture - self.key) as usize % CYCLE.len()];
        let mut packets = Vec::new();
        for (spatial, bps) in (0..SPATIALS).zip(self.layers_bps) {
            let mean = bps as f64 / 8.0 * second;
            let bytes = if is_key { KEY_FACTOR * mean as usize } else { (mean * share * breath) as usize };
            let back = match (is_key, spatial) {
                (true, 0) => 0,
                (true, _) => 1,
                _ => back * u32::from(SPATIALS),
            };
            self.frame(Frame { picture, spatial, temporal, is_key, back }, timestamp, bytes, &mut packets);
        }
        packets
    }

    fn frame(&mut self, frame: Frame, timestamp: u32, bytes: usize, packets: &mut Vec<Described>) {
        let count = bytes.div_ceil(PAYLOAD_BYTES_MAX).clamp(1, 255);
        for index in 0..count {
            let (first, last) = (index == 0, index + 1 == count);
            self.seq = self.seq.wrapping_add(1);
            let marker = last && frame.spatial + 1 == SPATIALS;
            let header = Header { marker, pt: VP8_PT, seq: self.seq, timestamp, ssrc: self.ssrcs.media };
            // The aggregation header: one element, and whether a coded sequence begins.
            let head = if frame.is_key && frame.spatial == 0 && first { 0x18 } else { 0x10 };
            let mut payload = vec![head; Label::AT];
            payload.extend_from_slice(&frame.label(index as u8, count as u8).to_bytes());
            payload.resize(payload.len().max(bytes / count), 0xab);
            packets.push((header, frame.descriptor(first, last), payload));
        }
    }
}

impl Frame {
    fn number(&self) -> u32 {
        self.picture * u32::from(SPATIALS) + u32::from(self.spatial)
    }

    fn label(&self, index: u8, count: u8) -> Label {
        let needed = self.number() - self.back;
        let (base, base_encoding) = (needed / u32::from(SPATIALS), (needed % u32::from(SPATIALS)) as u8);
        let (encoding, frame, temporal) = (self.spatial, self.picture, self.temporal);
        Label { encoding, frame, base_encoding, base, index, count, temporal }
    }

    fn descriptor(&self, first: bool, last: bool) -> Vec<u8> {
        let mut sheet = Sheet::default();
        sheet.put(first.into(), 1);
        sheet.put(last.into(), 1);
        let kind = if self.is_key { 0 } else { 1 + self.temporal };
        sheet.put((self.spatial * KINDS + kind).into(), 6);
        sheet.put(self.number() % 0x1_0000, 16);
        if !first {
            return sheet.bytes;
        }
        let brings = self.is_key && self.spatial == 0;
        sheet.put(brings.into(), 1);
        // Of active targets, indications, needs and chains, only what it needs is its own.
        sheet.put(0b0010, 4);
        if brings {
            structure(&mut sheet);
        }
        if let Some(step) = self.back.checked_sub(1) {
            sheet.put(0b01, 2);
            sheet.put(step, 4);
        }
        sheet.put(0, 2);
        sheet.bytes
    }
}

/// Nine decode targets, temporal layers first, and the templates. No chains, no resolutions.
fn structure(sheet: &mut Sheet) {
    sheet.put(0, 6);
    sheet.put(8, 5);
    // From each template to the next: the same layers, the next temporal, the next spatial, none.
    for step in [0, 1, 1, 2, 0, 1, 1, 2, 0, 1, 1, 3] {
        sheet.put(step, 2);
    }
    for (spatial, kind) in (0..SPATIALS).flat_map(|spatial| (0..KINDS).map(move |kind| (spatial, kind))) {
        for (target_spatial, target_temporal) in (0..SPATIALS).flat_map(|s| (0..3).map(move |t| (s, t))) {
            sheet.put(indication(spatial, kind, target_spatial, target_temporal), 2);
        }
    }
    for _ in 0..SPATIALS * KINDS {
        sheet.put(0, 1);
    }
    sheet.put(0, 3);
    sheet.put(0, 1);
}

/// What a kind of frame is to a decode target.
fn indication(spatial: u8, kind: u8, target_spatial: u8, target_temporal: u8) -> u32 {
    let (absent, discardable, switch) = (0, 1, 2);
    let Some(temporal) = kind.checked_sub(1) else { return if spatial > target_spatial { absent } else { switch } };
    if spatial != target_spatial || temporal > target_temporal {
        absent
    } else if temporal == 2 || temporal == target_temporal && temporal > 0 {
        discardable
    } else {
        switch
    }
}

/// Bits, highest first.
#[derive(Default)]
struct Sheet {
    bytes: Vec<u8>,
    bits: usize,
}

impl Sheet {
    fn put(&mut self, value: u32, count: usize) {
        for shift in (0..count).rev() {
            if self.bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= ((value >> shift & 1) as u8) << (7 - self.bits % 8);
            self.bits += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Ssrc;
    use wire::codec::dependency::{Head, Structure};

    #[test]
    fn its_descriptors_tell_what_its_labels_tell() {
        let ssrcs = SsrcPair { media: Ssrc(1), rtx: Some(Ssrc(2)) };
        let mut video = Layered::new(ssrcs, [100_000, 300_000, 900_000]);
        let mut structure = None;
        for _ in 0..9 {
            for (header, descriptor, payload) in video.picture(0, 1.0 / 30.0, 1.0) {
                let (head, label) = (Head::parse(&descriptor).unwrap(), Label::of(&payload).unwrap());
                structure = Structure::parse(&descriptor).or(structure);
                let told = structure.as_ref().unwrap().describe(&descriptor).unwrap();
                assert_eq!((told.template.spatial, told.template.temporal), (label.encoding, label.temporal));
                assert_eq!((head.frame_start, head.frame_end), (label.index == 0, label.index + 1 == label.count));
                assert_eq!(u32::from(head.frame_number), label.frame * 3 + u32::from(label.encoding));
                assert_eq!(head.keyframe(), label.frame == 1 && label.encoding == 0 && label.index == 0);
                assert_eq!(header.marker, label.encoding == 2 && head.frame_end);
            }
        }
    }
}
