//! A viewer of a studio: decodes what it can, asks for what it misses, and tells how packets arrive.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use congestion::Arrivals;
use door::{DownTrackParams, ExtensionKind, ExtensionMap, Kind, PayloadMap, UpTrackParams};
use wire::rtp::Packet;
use wire::{Mid, Pt, Ssrc, ext, rtcp};

use super::studio::{DESCRIPTOR_ID, Label, OPUS_PT, RED_PT};
use crate::publisher::{MID_ID, RTX_PT, TRANSPORT_SEQUENCE_ID, VP8_PT};

/// A picture that stands this long is frozen.
pub const FREEZE: Duration = Duration::from_millis(500);

/// Between two requests for one packet.
const NACK_INTERVAL: Duration = Duration::from_millis(80);
/// Given up after this long.
const NACK_PATIENCE: Duration = Duration::from_millis(1000);
/// Without a picture for this long it asks for a keyframe.
const PICTURE_LOST: Duration = Duration::from_millis(400);

/// See the module.
#[derive(Debug, Default)]
pub struct Viewer {
    arrivals: Arrivals,
    /// By our source of the media.
    pub screens: BTreeMap<Ssrc, Screen>,
    /// Bytes of datagrams of sound that came.
    pub sound_bytes: u64,
    /// Packets of sound that came.
    pub sound_packets: u64,
    /// Bytes of padding that came.
    pub padding_bytes: u64,
}

/// One video.
#[derive(Debug)]
pub struct Screen {
    /// It gets spatial layers of one stream, not one of several encodings.
    layered: bool,
    highest: Option<u64>,
    /// When to ask, and when it was missed first.
    missing: BTreeMap<u64, (Instant, Instant)>,
    parts: BTreeMap<(u8, u32), BTreeSet<u8>>,
    labels: BTreeMap<(u8, u32), Label>,
    decoded: BTreeSet<(u8, u32)>,
    decoded_at: Instant,
    next_pli: Instant,
    /// Control said that nothing comes.
    pub paused: bool,
    /// The layer of the newest picture.
    pub layer: Option<(u8, u8)>,
    /// Frames decoded.
    pub frames: u64,
    /// How long it was frozen, beyond what is no freeze.
    pub frozen: Duration,
    /// Bytes of media that came, repetitions included.
    pub bytes: u64,
    /// How often the spatial layer changed, and when last.
    pub switches: Vec<Instant>,
    /// Packets of the media's own source that came behind one with a higher number.
    pub overtaken: u64,
    /// Number of the newest picture, in its encoding.
    pub newest: u32,
    /// The spatial layer of the picture before it, and whether that it is another counted as a switch.
    before: (Option<u8>, bool),
    /// Frames that came whole and were given up, because what they build on never came.
    pub orphans: u64,
    longest: Duration,
}

impl Viewer {
    /// Parameters of a subscription to `up` under `ssrc`.
    pub fn params(&mut self, now: Instant, up: &UpTrackParams, ssrc: Ssrc) -> DownTrackParams {
        let mut extensions = ExtensionMap::default();
        extensions.set(ExtensionKind::Mid, MID_ID);
        extensions.set(ExtensionKind::TransportSequence, TRANSPORT_SEQUENCE_ID);
        let layered = up.extensions.id(ExtensionKind::DependencyDescriptor).is_some();
        if layered {
            extensions.set(ExtensionKind::DependencyDescriptor, DESCRIPTOR_ID);
        }
        let is_video = up.kind == Kind::Video;
        if is_video {
            self.screens.insert(ssrc, Screen::new(now, layered));
        }
        let map = |from: Pt, rtx| PayloadMap { from, to: from, rtx, strip_red: false };
        DownTrackParams {
            mid: Mid::new(b"s").expect("a token"),
            kind: up.kind,
            ssrc,
            rtx_ssrc: is_video.then_some(Ssrc(ssrc.0 + 1)),
            payloads: if is_video {
                vec![map(VP8_PT, Some(RTX_PT))]
            } else {
                vec![map(RED_PT, None), map(OPUS_PT, None)]
            },
            extensions,
            playout_delay_ms: None,
        }
    }

    /// Takes one cleartext packet.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        let Ok(packet) = Packet::parse(bytes) else { return };
        let number = packet.extensions().find(|&(id, _)| id == TRANSPORT_SEQUENCE_ID);
        if let Some(number) = number.and_then(|(_, data)| ext::transport_sequence(data)) {
            self.arrivals.note(now, number);
        }
        let ssrc = packet.ssrc();
        if packet.pt() == OPUS_PT || packet.pt() == RED_PT {
            self.sound_bytes += bytes.len() as u64;
            self.sound_packets += 1;
        } else if let Some(screen) = self.screens.get_mut(&ssrc) {
            screen.note_order(packet.seq());
            screen.take(now, packet.seq(), packet.payload());
            screen.bytes += bytes.len() as u64;
        } else if let Some(screen) = self.screens.get_mut(&Ssrc(ssrc.0.wrapping_sub(1))) {
            let Some((original, payload)) = packet.payload().split_first_chunk::<2>() else {
                self.padding_bytes += bytes.len() as u64;
                return;
            };
            screen.take(now, u16::from_be_bytes(*original), payload);
            screen.bytes += bytes.len() as u64;
        }
    }

    /// When [`Viewer::advance`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        let screens = self.screens.values().filter_map(Screen::deadline).min();
        [self.arrivals.deadline(), screens].into_iter().flatten().min()
    }

    /// Feedback that is due, in compound packets.
    pub fn advance(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut compounds = Vec::new();
        while let Some(report) = self.arrivals.poll(now) {
            compounds.push(compound(|writer| writer.twcc(Ssrc(1), Ssrc(2), &report)));
        }
        for (&ssrc, screen) in &mut self.screens {
            let missed = screen.missed(now);
            if !missed.is_empty() {
                compounds.push(compound(|writer| writer.nack(Ssrc(1), ssrc, missed.iter().copied())));
            }
            if !screen.paused && screen.frames > 0 && now >= screen.next_pli {
                screen.next_pli = now + PICTURE_LOST;
                compounds.push(compound(|writer| writer.pli(Ssrc(1), ssrc)));
            }
        }
        compounds
    }
}

fn compound(write: impl FnOnce(&mut rtcp::Writer<'_>) -> Result<(), rtcp::Full>) -> Vec<u8> {
    let mut buffer = [0; rtcp::COMPOUND_BYTES_MAX];
    let mut writer = rtcp::Writer::new(&mut buffer);
    writer.receiver_report(Ssrc(1), &[]).expect("room for an empty report");
    write(&mut writer).expect("room for feedback");
    writer.as_bytes().to_vec()
}

impl Screen {
    fn new(now: Instant, layered: bool) -> Self {
        Self {
            layered,
            highest: None,
            missing: BTreeMap::new(),
            parts: BTreeMap::new(),
            labels: BTreeMap::new(),
            decoded: BTreeSet::new(),
            decoded_at: now,
            next_pli: now + PICTURE_LOST,
            paused: false,
            layer: None,
            frames: 0,
            frozen: Duration::ZERO,
            bytes: 0,
            switches: Vec::new(),
            overtaken: 0,
            newest: 0,
            before: (None, false),
            orphans: 0,
            longest: Duration::ZERO,
        }
    }

    /// The longest time that a picture has stood since the last call, this one's included.
    pub fn take_pause(&mut self, now: Instant) -> Duration {
        let standing = if self.paused || self.frames == 0 { Duration::ZERO } else { now - self.decoded_at };
        std::mem::take(&mut self.longest).max(standing)
    }

    fn note_order(&mut self, seq: u16) {
        let behind = |highest: u64| seq.wrapping_sub((highest & 0xffff) as u16).cast_signed() < 0;
        self.overtaken += u64::from(self.highest.is_some_and(behind));
    }

    /// It is paused or goes on: a picture that is not sent is not frozen.
    pub fn set_paused(&mut self, now: Instant, paused: bool) {
        (self.paused, self.decoded_at, self.next_pli) = (paused, now, now + PICTURE_LOST);
    }

    fn take(&mut self, now: Instant, seq: u16, payload: &[u8]) {
        let highest = *self.highest.get_or_insert_with(|| (1 << 32) + u64::from(seq));
        let distance = seq.wrapping_sub((highest & 0xffff) as u16) as i16;
        let number = highest.saturating_add_signed(i64::from(distance));
        for absent in highest + 1..number {
            self.missing.insert(absent, (now, now));
        }
        self.highest = Some(highest.max(number));
        self.missing.remove(&number);
        let Some(label) = Label::of(payload) else { return };
        let key = (label.encoding, label.frame);
        self.parts.entry(key).or_default().insert(label.index);
        self.labels.insert(key, label);
        self.decode(now);
    }

    fn decode(&mut self, now: Instant) {
        loop {
            let ready = self.labels.iter().find(|(key, label)| {
                let base = (label.base_encoding, label.base);
                self.is_whole(key, label) && (base == **key || self.decoded.contains(&base))
            });
            let Some((&key, &label)) = ready else { return };
            self.labels.remove(&key);
            self.parts.remove(&key);
            self.decoded.insert(key);
            self.show(now, label);
        }
    }

    fn show(&mut self, now: Instant, label: Label) {
        let gap = now - self.decoded_at;
        if self.frames > 0 && gap > FREEZE && !self.paused {
            self.frozen += gap;
        }
        self.note_layer(now, label);
        let temporal = match self.layer {
            Some((encoding, before)) if encoding == label.encoding && label.temporal == 0 => before,
            _ => label.temporal,
        };
        if self.frames > 0 && !self.paused {
            self.longest = self.longest.max(gap);
        }
        self.newest = label.frame;
        self.layer = Some((label.encoding, temporal));
        self.frames += 1;
        (self.decoded_at, self.next_pli) = (now, now + PICTURE_LOST);
        // What is seconds old builds nothing any more.
        let old = label.frame.saturating_sub(100);
        let given_up = self.labels.iter().filter(|&(key, label)| key.1 < old && self.is_whole(key, label));
        self.orphans += given_up.count() as u64;
        self.decoded.retain(|&(_, frame)| frame >= old);
        self.labels.retain(|&(_, frame), _| frame >= old);
        self.parts.retain(|&(_, frame), _| frame >= old);
    }

    fn is_whole(&self, key: &(u8, u32), label: &Label) -> bool {
        self.parts.get(key).is_some_and(|parts| parts.len() == usize::from(label.count))
    }

    /// Counts a switch. Of the spatial layers of one picture the highest is seen.
    fn note_layer(&mut self, now: Instant, label: Label) {
        let shown = self.layer.map(|(encoding, _)| encoding);
        if self.layered && shown.is_some() && self.newest == label.frame {
            if std::mem::take(&mut self.before.1) {
                self.switches.pop();
            }
        } else {
            self.before.0 = shown;
        }
        self.before.1 = self.before.0.is_some_and(|before| before != label.encoding);
        if self.before.1 {
            self.switches.push(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let pli = (!self.paused && self.frames > 0).then_some(self.next_pli);
        self.missing.values().map(|&(at, _)| at).min().into_iter().chain(pli).min()
    }

    fn missed(&mut self, now: Instant) -> Vec<u16> {
        self.missing.retain(|_, (_, since)| now - *since < NACK_PATIENCE);
        let due = self.missing.iter_mut().filter(|(_, (at, _))| *at <= now).take(200);
        due.map(|(&number, (at, _))| {
            *at = now + NACK_INTERVAL;
            (number & 0xffff) as u16
        })
        .collect()
    }
}
