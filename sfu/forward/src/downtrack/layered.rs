//! Streams of spatial and temporal layers, against a decoder that knows what truly depends on what.

use std::collections::{BTreeMap, BTreeSet};

use door::{Codec, CodecParams, ExtensionKind, Kind};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use wire::codec::{dependency, vp9};

use super::*;
use crate::testing::{Made, down_params, video_params};

const MS: Duration = Duration::from_millis(1);
const SPATIALS: u8 = 3;
/// Temporal layer of each picture in turn.
const PATTERN: [u8; 4] = [0, 2, 1, 2];
/// How many pictures before each stands the one that it needs.
const BACK: [u64; 4] = [4, 1, 2, 1];
const PACKETS: u8 = 2;
const DESCRIPTOR_ID: u8 = 12;

/// How a stream is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Form {
    codec: Codec,
    /// Lower spatial layers are needed in key pictures only.
    key_only: bool,
    /// It has dependency descriptors.
    described: bool,
    /// VP9 tells references by each picture.
    flexible: bool,
}

fn forms() -> impl Strategy<Value = Form> {
    let codec = prop_oneof![Just(Codec::Vp9), Just(Codec::Av1)];
    (codec, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(codec, key_only, described, flexible)| Form {
        codec,
        key_only,
        described: described || codec == Codec::Av1,
        flexible,
    })
}

/// One frame as its encoder knows it.
#[derive(Clone, Debug)]
struct Truth {
    picture: u64,
    spatial: u8,
    temporal: u8,
    is_key: bool,
    needs: Vec<u64>,
}

struct Encoder {
    form: Form,
    picture: u64,
    /// The first picture since the last key picture.
    key: u64,
    tl0: u8,
    frames: Vec<Truth>,
    seq: u16,
}

impl Encoder {
    fn new(form: Form) -> Self {
        Self { form, picture: 0, key: 0, tl0: 0, frames: Vec::new(), seq: 65_000 }
    }

    fn number(picture: u64, spatial: u8) -> u64 {
        picture * u64::from(SPATIALS) + u64::from(spatial)
    }

    /// The packets of the next picture.
    fn picture(&mut self, is_key: bool) -> Vec<Made> {
        let is_key = is_key || self.picture == 0;
        if is_key {
            self.key = self.picture;
        }
        let place = ((self.picture - self.key) % 4) as usize;
        let temporal = PATTERN[place];
        self.tl0 = self.tl0.wrapping_add(u8::from(temporal == 0));
        let mut packets = Vec::new();
        for spatial in 0..SPATIALS {
            let mut needs = Vec::new();
            if !is_key {
                needs.push(Self::number(self.picture - BACK[place], spatial));
            }
            if spatial > 0 && (is_key || !self.form.key_only) {
                needs.push(Self::number(self.picture, spatial - 1));
            }
            self.frames.push(Truth { picture: self.picture, spatial, temporal, is_key, needs });
            for index in 0..PACKETS {
                packets.push(self.packet(spatial, index));
                self.seq = self.seq.wrapping_add(1);
            }
        }
        self.picture += 1;
        packets
    }

    fn packet(&self, spatial: u8, index: u8) -> Made {
        let number = Self::number(self.picture, spatial);
        let truth = &self.frames[number as usize];
        let mut payload = match self.form.codec {
            Codec::Vp9 => self.vp9(truth, index),
            _ => vec![if truth.is_key && spatial == 0 && index == 0 { 0x18 } else { 0x10 }],
        };
        payload.extend_from_slice(&(number as u32).to_be_bytes());
        payload.push(index);
        let extensions =
            if self.form.described { vec![(DESCRIPTOR_ID, self.descriptor(truth, index))] } else { Vec::new() };
        let marker = spatial + 1 == SPATIALS && index + 1 == PACKETS;
        let timestamp = (self.picture * 3000) as u32;
        Made { ssrc: 100, pt: 98, seq: self.seq, timestamp, marker, extensions, payload }
    }

    fn vp9(&self, truth: &Truth, index: u8) -> Vec<u8> {
        let (first, last) = (index == 0, index + 1 == PACKETS);
        let tells = truth.is_key && truth.spatial == 0 && first;
        let inter_layer = truth.spatial > 0 && (truth.is_key || !self.form.key_only);
        let alone = truth.spatial + 1 == SPATIALS || self.form.key_only && !truth.is_key;
        let flags =
            [(true, 7), (!truth.is_key, 6), (true, 5), (self.form.flexible, 4), (first, 3), (last, 2), (tells, 1)];
        let mut payload = vec![flags.iter().fold(u8::from(alone), |all, &(on, bit)| all | u8::from(on) << bit)];
        payload.extend_from_slice(&((truth.picture % 0x8000) as u16 | 0x8000).to_be_bytes());
        let up = truth.temporal < 2;
        payload.push(truth.temporal << 5 | u8::from(up) << 4 | truth.spatial << 1 | u8::from(inter_layer));
        if !self.form.flexible {
            payload.push(self.tl0);
        } else if !truth.is_key {
            let back = BACK[((truth.picture - self.key) % 4) as usize];
            payload.push((back as u8) << 1);
        }
        if tells {
            payload.push((SPATIALS - 1) << 5);
        }
        payload
    }

    fn descriptor(&self, truth: &Truth, index: u8) -> Vec<u8> {
        let mut sheet = Sheet::default();
        sheet.put(u32::from(index == 0), 1);
        sheet.put(u32::from(index + 1 == PACKETS), 1);
        let template = truth.spatial * 4 + if truth.is_key { 0 } else { 1 + truth.temporal };
        sheet.put(template.into(), 6);
        let number = Self::number(truth.picture, truth.spatial);
        sheet.put((number % 0x1_0000) as u32, 16);
        if index > 0 {
            return sheet.bytes;
        }
        let brings = truth.is_key && truth.spatial == 0;
        sheet.put(if brings { 0b10010 } else { 0b00010 }, 5);
        if brings {
            self.structure(&mut sheet);
        }
        for need in &truth.needs {
            sheet.put(0b01, 2);
            sheet.put((number - need - 1) as u32, 4);
        }
        sheet.put(0, 2);
        sheet.bytes
    }

    /// Nine decode targets, temporal layers first; four templates for each spatial layer: key pictures, then one for each
    /// temporal layer. No chains.
    fn structure(&self, sheet: &mut Sheet) {
        sheet.put(0, 6);
        sheet.put(8, 5);
        for step in [0, 0, 1, 1, 2, 0, 1, 1, 2, 0, 1, 1, 3].into_iter().skip(1) {
            sheet.put(step, 2);
        }
        for (spatial, kind) in (0..SPATIALS).flat_map(|spatial| (0..4).map(move |kind| (spatial, kind))) {
            for (target_s, target_t) in (0..SPATIALS).flat_map(|s| (0..3).map(move |t| (s, t))) {
                sheet.put(self.indication(spatial, kind, target_s, target_t), 2);
            }
        }
        for _ in 0..12 {
            sheet.put(0, 1);
        }
        // No chains, of at most nine: a value below ten, whose short form has three bits.
        sheet.put(0, 3);
        sheet.put(0, 1);
    }

    fn indication(&self, spatial: u8, kind: u8, target_s: u8, target_t: u8) -> u32 {
        let (absent, discardable, switch, required) = (0, 1, 2, 3);
        if spatial > target_s {
            return absent;
        }
        let Some(temporal) = kind.checked_sub(1) else { return switch };
        let same = spatial == target_s;
        if temporal > target_t || !same && self.form.key_only {
            absent
        } else if !same {
            required
        } else if temporal == 2 || temporal == target_t && temporal > 0 {
            discardable
        } else {
            switch
        }
    }
}

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

/// What the subscriber receives, judged.
#[derive(Default)]
struct Decoder {
    last_seq: Option<u16>,
    decoded: BTreeSet<u64>,
    /// Packets of the frame that is on its way.
    part: Option<(u64, u8)>,
    /// Per picture: timestamp, layers, and whether it ended.
    pictures: BTreeMap<u64, Shown>,
    /// What numbers were moved by.
    moved: Option<Moved>,
}

#[derive(Clone, Debug, Default)]
struct Shown {
    timestamp: u32,
    spatial: u8,
    temporal: u8,
    ended: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Moved {
    timestamp: u32,
    picture: Option<u16>,
    tl0: Option<u8>,
    frame: Option<u16>,
}

impl Decoder {
    fn take(&mut self, form: Form, frames: &[Truth], source: &Made, bytes: &[u8]) {
        let packet = Packet::parse(bytes).unwrap();
        if let Some(last) = self.last_seq.replace(packet.seq()) {
            assert_eq!(packet.seq(), last.wrapping_add(1), "no gap");
        }
        let end = packet.payload().len();
        let mark = &packet.payload()[end - 5..];
        assert_eq!(mark, &source.payload[source.payload.len() - 5..]);
        let number = u64::from(u32::from_be_bytes(mark[..4].try_into().unwrap()));
        let (truth, index) = (&frames[number as usize], mark[4]);
        assert_eq!(self.part.replace((number, index + 1)), (index > 0).then_some((number, index)).or(None));
        self.check_numbers(form, truth, number, source, &packet);
        let shown = self.pictures.entry(truth.picture).or_default();
        assert!(!shown.ended, "nothing follows the marker of {truth:?}");
        (shown.timestamp, shown.ended) = (packet.timestamp(), packet.marker());
        (shown.spatial, shown.temporal) = (truth.spatial, truth.temporal);
        if index + 1 == PACKETS {
            self.part = None;
            let lacks: Vec<_> = truth.needs.iter().filter(|need| !self.decoded.contains(need)).collect();
            assert!(lacks.is_empty(), "{truth:?} lacks {lacks:?}");
            self.decoded.insert(number);
        }
    }

    fn check_numbers(&mut self, form: Form, truth: &Truth, number: u64, source: &Made, packet: &Packet<'_>) {
        let (mut picture, mut tl0, mut frame) = (None, None, None);
        if form.codec == Codec::Vp9 {
            let (before, after) =
                (vp9::Descriptor::parse(&source.payload).unwrap(), vp9::Descriptor::parse(packet.payload()).unwrap());
            let id = after.counters.picture_id().unwrap();
            picture = Some(id.wrapping_sub((truth.picture % 0x8000) as u16) % 0x8000);
            tl0 = after.counters.tl0_index().map(|index| index.wrapping_sub(before.counters.tl0_index().unwrap()));
            assert_eq!(vp9::Descriptor { counters: before.counters, ..after }, before);
        }
        if form.described {
            let (_, data) = packet.extensions().find(|&(id, _)| id == DESCRIPTOR_ID).unwrap();
            let head = dependency::Head::parse(data).unwrap();
            frame = Some(head.frame_number.wrapping_sub(number as u16));
        }
        let timestamp = packet.timestamp().wrapping_sub(source.timestamp);
        let moved = Moved { timestamp, picture, tl0, frame };
        assert_eq!(*self.moved.get_or_insert(moved), moved, "{truth:?}");
    }
}

struct Trial {
    form: Form,
    now: Instant,
    encoder: Encoder,
    up: UpTrack,
    down: DownTrack,
    decoder: Decoder,
    /// Pictures that a key picture takes to come, and for how many one was wanted.
    key_delay: u64,
    waited: u64,
}

impl Trial {
    fn new(form: Form, target: LayerTarget) -> Self {
        let mut params = video_params("1", &[]);
        params.codecs =
            vec![CodecParams { pt: Pt(98), codec: form.codec, clock_hz: 90_000, rtx: None, nack: true, pli: true }];
        let mut down = down_params(Kind::Video);
        down.payloads = vec![PayloadMap { from: Pt(98), to: Pt(98), rtx: None, strip_red: false }];
        down.extensions.set(ExtensionKind::DependencyDescriptor, DESCRIPTOR_ID);
        let down = DownTrack::new(&params, down, target, &mut StdRng::seed_from_u64(3));
        let (now, up) = (crate::testing::start(), UpTrack::new(params));
        Self { form, now, encoder: Encoder::new(form), up, down, decoder: Decoder::default(), key_delay: 0, waited: 0 }
    }

    /// The next picture, a key picture if somebody wants one.
    fn picture(&mut self) {
        let wanted = self.down.keyframe_wanted(self.now, &self.up).is_some() && self.encoder.picture > 0;
        self.waited = if wanted { self.waited + 1 } else { 0 };
        for made in self.encoder.picture(self.waited > self.key_delay) {
            let (bytes, mut out) = (made.bytes(), [0; 2000]);
            let packet = Packet::parse(&bytes).unwrap();
            let arrival = self.up.receive(self.now, 0, &packet, false).unwrap();
            let Some(written) = self.down.forward(self.now, &self.up, &arrival, &mut out) else { continue };
            let whole = [&out[..written.len], written.rest].concat();
            self.decoder.take(self.form, &self.encoder.frames, &made, &whole);
        }
        self.now += 33 * MS;
    }

    /// The layers of the last pictures that were shown, by picture.
    fn shown_since(&self, picture: u64) -> Vec<Shown> {
        self.decoder.pictures.range(picture..).map(|(_, shown)| shown.clone()).collect()
    }
}

fn up_to(spatial: u8, temporal: u8) -> LayerTarget {
    LayerTarget::UpTo { spatial, temporal }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_is_wanted_can_be_decoded(
        form in forms(),
        wishes in proptest::collection::vec((0u8..4, 0u8..4, any::<bool>(), 1u64..14), 1..12),
        key_delay in 0u64..5,
    ) {
        let mut trial = Trial::new(form, LayerTarget::BEST);
        trial.key_delay = key_delay;
        for (spatial, temporal, is_limit, pictures) in wishes {
            if is_limit {
                trial.down.set_limit(up_to(spatial, temporal));
            } else {
                trial.down.set_target(up_to(spatial, temporal));
            }
            (0..pictures).for_each(|_| trial.picture());
            // A picture that was begun is ended before the next.
            let shown = trial.shown_since(0);
            prop_assert!(shown.iter().all(|shown| shown.ended));
        }
        // Then it settles at the lower of both.
        let LayerTarget::UpTo { spatial: s, temporal: t } = trial.down.target() else { unreachable!() };
        let LayerTarget::UpTo { spatial: limit_s, temporal: limit_t } = trial.down.limit() else { unreachable!() };
        let (spatial, temporal) = (s.min(limit_s).min(SPATIALS - 1), t.min(limit_t).min(2));
        (0..8).for_each(|_| trial.picture());
        let settled = trial.encoder.picture;
        (0..8).for_each(|_| trial.picture());
        let shown = trial.shown_since(settled);
        let expected = [2, 4, 8][usize::from(temporal)];
        prop_assert_eq!(shown.len(), expected, "{:?} at {}, {}", form, spatial, temporal);
        prop_assert!(shown.iter().all(|shown| shown.spatial == spatial && shown.temporal <= temporal));
    }

    #[test]
    fn a_lower_layer_of_a_full_stream_needs_no_key_frame(described: bool, spatial in 0u8..2) {
        let form = Form { codec: Codec::Vp9, key_only: false, described, flexible: true };
        let mut trial = Trial::new(form, LayerTarget::BEST);
        (0..7).for_each(|_| trial.picture());
        trial.down.set_target(up_to(spatial, 2));
        prop_assert_eq!(trial.down.keyframe_wanted(trial.now, &trial.up), None);
        let from = trial.encoder.picture;
        trial.picture();
        prop_assert_eq!(trial.shown_since(from)[0].spatial, spatial);
        trial.down.set_target(LayerTarget::BEST);
        prop_assert_eq!(trial.down.keyframe_wanted(trial.now, &trial.up), Some(0));
    }
}

#[test]
fn the_descriptor_tells_which_targets_go_on() {
    let form = Form { codec: Codec::Av1, key_only: true, described: true, flexible: false };
    let mut trial = Trial::new(form, up_to(1, 1));
    let made = trial.encoder.picture(true);
    let (bytes, mut out) = (made[0].bytes(), [0; 2000]);
    let arrival = trial.up.receive(trial.now, 0, &Packet::parse(&bytes).unwrap(), false).unwrap();
    let written = trial.down.forward(trial.now, &trial.up, &arrival, &mut out).unwrap();
    let packet = Packet::parse(&out[..written.len]).unwrap();
    let (_, data) = packet.extensions().find(|&(id, _)| id == DESCRIPTOR_ID).unwrap();
    let structure = dependency::Structure::parse(data).unwrap();
    let told = structure.describe(data).unwrap();
    // Of the spatial layers only the second goes on, in its two lower temporal layers.
    assert_eq!(told.active, Some(0b000_011_000));
}

#[test]
fn each_layer_has_its_rate() {
    for key_only in [false, true] {
        let form = Form { codec: Codec::Vp9, key_only, described: false, flexible: true };
        let mut trial = Trial::new(form, LayerTarget::BEST);
        (0..90).for_each(|_| trial.picture());
        assert_eq!(trial.up.spatial_layers(), SPATIALS);
        let rate = |spatial, temporal| trial.up.layer_bps(trial.now, spatial, temporal) as f64;
        let ratio = rate(2, 2) / rate(0, 2);
        let expected = if key_only { 1.0 } else { 3.0 };
        assert!((ratio - expected).abs() < 0.2, "{ratio} of {expected}");
        assert!((rate(1, 2) / rate(1, 0) - 4.0).abs() < 0.8);
        assert_eq!(rate(9, 9), rate(2, 2));
    }
}

#[test]
fn a_layer_that_stops_gives_way() {
    let form = Form { codec: Codec::Vp9, key_only: true, described: false, flexible: true };
    let mut trial = Trial::new(form, LayerTarget::BEST);
    (0..5).for_each(|_| trial.picture());
    assert_eq!(trial.down.layer(&trial.up).map(|(spatial, _)| spatial), Some(2));
    // The publisher sends only the lowest layer from here on.
    for _ in 0..30 {
        let wanted = trial.down.keyframe_wanted(trial.now, &trial.up).is_some();
        for made in trial.encoder.picture(wanted).into_iter().take(usize::from(PACKETS)) {
            let made = Made { payload: [&[made.payload[0] & !2][..], &made.payload[1..]].concat(), ..made };
            let (bytes, mut out) = (made.bytes(), [0; 2000]);
            let arrival = trial.up.receive(trial.now, 0, &Packet::parse(&bytes).unwrap(), false).unwrap();
            let _ = trial.down.forward(trial.now, &trial.up, &arrival, &mut out);
        }
        trial.now += 33 * MS;
    }
    assert_eq!(trial.down.layer(&trial.up).map(|(spatial, _)| spatial), Some(0));
}
