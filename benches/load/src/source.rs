//! A published track: packets as an encoder makes them, again when asked for, keyframes when asked for.

use std::time::{Duration, Instant};

use door::Kind;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use wire::rtcp::{self, SenderInfo};
use wire::rtp::Header;
use wire::{Mid, Pt, Rid, Ssrc, ext};

use crate::encoder::{AudioModel, VideoModel, split};
use crate::mark::{MARK_BYTES, Mark, VIDEO_MARK_AT};

/// Packets kept for retransmission, per encoding.
const HISTORY_PACKETS: u16 = 512;
/// Between two keyframes that were asked for: an encoder makes one and ignores requests until it is out.
const KEY_INTERVAL_MIN: Duration = Duration::from_millis(300);
/// Between two sender reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// The first packets of an encoding name its RID, until the server surely knows it.
const RID_PACKETS: u32 = 200;
/// So far behind its time an encoder skips frames rather than catching up.
const BEHIND_MAX: Duration = Duration::from_millis(500);
/// Seconds between the beginnings of NTP's and Unix' time.
const NTP_OFFSET_S: u64 = 2_208_988_800;
/// Opus: 20 ms of hybrid coding in a single frame (RFC 6716 section 3.1).
const OPUS_CONTENTS: u8 = 0x78;
/// Loudness of somebody who speaks, and of silence, in -dBov (RFC 6464).
const LEVELS: [u8; 2] = [0x80 | 20, 127];
/// Room for a header with all extensions, in bytes.
const HEADER_BYTES_MAX: usize = 96;

/// What is encoded.
#[derive(Clone, PartialEq, Debug)]
pub enum Model {
    /// A camera with one or more encodings, lowest first.
    Camera(Vec<VideoModel>),
    /// A microphone.
    Microphone(AudioModel),
}

impl Model {
    /// Audio or video.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Camera(_) => Kind::Video,
            Self::Microphone(_) => Kind::Audio,
        }
    }

    /// Number of encodings.
    pub fn encodings(&self) -> usize {
        match self {
            Self::Camera(encodings) => encodings.len(),
            Self::Microphone(_) => 1,
        }
    }
}

/// Ids of the header extensions of a section, as negotiated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExtensionIds {
    /// MID.
    pub mid: Option<u8>,
    /// RID.
    pub rid: Option<u8>,
    /// RID of what is repeated.
    pub repaired_rid: Option<u8>,
    /// Transport-wide sequence number.
    pub transport: Option<u8>,
    /// Audio level.
    pub level: Option<u8>,
}

/// Where and how the server takes the track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wiring {
    /// The section.
    pub mid: Mid,
    /// Payload type of the media.
    pub pt: Pt,
    /// Payload type of retransmissions.
    pub rtx: Option<Pt>,
    /// Extensions.
    pub ids: ExtensionIds,
}

/// One stream of the track.
struct Encoding {
    rid: Option<Rid>,
    ssrc: Ssrc,
    rtx_ssrc: Ssrc,
    seq: u16,
    rtx_seq: u16,
    serial: u32,
    key_serial: u32,
    next_frame: Instant,
    frame: u32,
    timestamp: u32,
    next_key: Instant,
    key_asked: bool,
    last_key: Option<Instant>,
    bytes: u32,
    /// Timestamp, marker and payload by sequence number modulo [`HISTORY_PACKETS`].
    history: Vec<(u16, u32, bool, Vec<u8>)>,
}

/// What the source counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SourceCounts {
    /// Packets sent for the first time.
    pub packets: u64,
    /// Their bytes before encryption.
    pub bytes: u64,
    /// Packets sent again.
    pub repeated: u64,
    /// Keyframe requests received.
    pub key_requests: u64,
    /// Frames left out because the load tester itself came too late.
    pub skipped_frames: u64,
}

/// See the module.
pub struct Source {
    track: u32,
    model: Model,
    wiring: Wiring,
    encodings: Vec<Encoding>,
    next_report: Instant,
    rng: StdRng,
    payload: Vec<u8>,
    packet: Vec<u8>,
    /// What was counted.
    pub counts: SourceCounts,
}

/// Takes a cleartext packet with the length of its header.
pub type Emit<'a> = &'a mut dyn FnMut(&[u8], usize);

impl Source {
    /// Begins to send at `now`. `track` is its number in the run and chooses its sources.
    pub fn new(track: u32, model: Model, wiring: Wiring, now: Instant) -> Self {
        let mut rng = StdRng::seed_from_u64(u64::from(track));
        let many = model.encodings() > 1;
        let encoding = |index: usize| {
            let (ssrc, rtx_ssrc) = ssrcs(track, index);
            Encoding {
                rid: many.then(|| rid(index)).flatten(),
                ssrc,
                rtx_ssrc,
                seq: rng.random_range(0..0x8000),
                rtx_seq: 0,
                serial: 0,
                key_serial: 0,
                next_frame: now,
                frame: 0,
                timestamp: rng.random(),
                next_key: now,
                key_asked: true,
                last_key: None,
                bytes: 0,
                history: vec![(0, 0, false, Vec::new()); usize::from(HISTORY_PACKETS)],
            }
        };
        let encodings = (0..model.encodings()).map(encoding).collect();
        let (payload, packet) = (Vec::new(), Vec::new());
        let counts = SourceCounts::default();
        Self { track, model, wiring, encodings, next_report: now + REPORT_INTERVAL, rng, payload, packet, counts }
    }

    /// When [`Source::advance`] is due.
    pub fn deadline(&self) -> Instant {
        self.encodings.iter().map(|it| it.next_frame).min().unwrap_or(self.next_report).min(self.next_report)
    }

    /// Makes the frames that are due, stamped with `stamp_ns`. Each packet takes the next of `transport`'s numbers.
    pub fn advance(&mut self, now: Instant, stamp_ns: u64, transport: &mut u16, emit: Emit<'_>) {
        for index in 0..self.encodings.len() {
            while self.encodings.get(index).is_some_and(|it| it.next_frame <= now) {
                self.frame(now, index, stamp_ns, transport, emit);
            }
        }
    }

    fn frame(&mut self, now: Instant, index: usize, stamp_ns: u64, transport: &mut u16, emit: Emit<'_>) {
        let Some(encoding) = self.encodings.get_mut(index) else { return };
        let (interval, clock_step) = pace(&self.model, index);
        let late = now.saturating_duration_since(encoding.next_frame) > BEHIND_MAX;
        encoding.next_frame += interval;
        encoding.timestamp = encoding.timestamp.wrapping_add(clock_step);
        encoding.frame = encoding.frame.wrapping_add(1);
        if late {
            self.counts.skipped_frames += 1;
            return;
        }
        let is_key = self.model.kind() == Kind::Video && encoding.takes_key(now, &self.model, index);
        let bytes = match &self.model {
            Model::Camera(models) => models.get(index).map_or(0, |it| it.frame_bytes(is_key, &mut self.rng)),
            Model::Microphone(model) => model.packet_bytes(&mut self.rng),
        };
        let sizes = split(bytes);
        let count = sizes.len();
        for (at, size) in sizes.enumerate() {
            self.fill(index, size, Place { at, count, is_key, stamp_ns });
            let marker = self.model.kind() == Kind::Video && at + 1 == count;
            self.send(index, marker, transport, emit);
        }
    }

    /// Makes the payload of one packet.
    fn fill(&mut self, index: usize, size: usize, place: Place) {
        let Some(encoding) = self.encodings.get(index) else { return };
        let byte = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
        let mark = Mark {
            sent_ns: place.stamp_ns,
            serial: encoding.serial,
            key_serial: encoding.key_serial,
            frame: encoding.frame,
            track: self.track,
            encoding: byte(index),
            index: byte(place.at),
            count: byte(place.count),
            is_key: place.is_key,
        };
        self.payload.clear();
        match self.model.kind() {
            Kind::Video => self.payload.extend(vp8_head(encoding.frame, place.at == 0, place.is_key)),
            Kind::Audio => self.payload.push(OPUS_CONTENTS),
        }
        // What is too small for a mark, such as comfort noise, goes without.
        if size >= self.payload.len() + MARK_BYTES {
            self.payload.extend(mark.to_bytes());
        }
        self.payload.resize(size.max(1), mark.filler());
    }

    /// Sends the payload under the next number and keeps it.
    fn send(&mut self, index: usize, marker: bool, transport: &mut u16, emit: Emit<'_>) {
        let Some(encoding) = self.encodings.get_mut(index) else { return };
        let header = Header {
            marker,
            pt: self.wiring.pt,
            seq: encoding.seq,
            timestamp: encoding.timestamp,
            ssrc: encoding.ssrc,
        };
        if let Some(kept) = encoding.history.get_mut(usize::from(encoding.seq % HISTORY_PACKETS)) {
            (kept.0, kept.1, kept.2) = (encoding.seq, encoding.timestamp, marker);
            kept.3.clone_from(&self.payload);
        }
        let names = if encoding.serial < RID_PACKETS { encoding.rid } else { None };
        encoding.seq = encoding.seq.wrapping_add(1);
        encoding.serial = encoding.serial.wrapping_add(1);
        encoding.bytes = encoding.bytes.wrapping_add(u32::try_from(self.payload.len()).unwrap_or_default());
        let speaks = self.model == Model::Microphone(AudioModel::Silent);
        let level = (self.model.kind() == Kind::Audio).then(|| LEVELS[usize::from(speaks)]);
        let rid = names.and_then(|rid| Some((self.wiring.ids.rid?, rid)));
        assemble(&mut self.packet, &self.wiring, &header, Extras { rid, level }, transport, &self.payload, emit);
        self.counts.packets += 1;
        self.counts.bytes += self.packet.len() as u64;
    }

    /// Takes feedback that the server sent; packets asked for go out again.
    pub fn feedback(&mut self, packet: &rtcp::Packet<'_>, transport: &mut u16, emit: Emit<'_>) {
        match packet {
            rtcp::Packet::Nack(nack) => {
                let index = self.encodings.iter().position(|it| it.ssrc == nack.media);
                for seq in nack.sequences() {
                    index.into_iter().for_each(|index| self.repeat(index, seq, transport, emit));
                }
            }
            rtcp::Packet::Pli(pli) => self.ask_key(pli.media),
            rtcp::Packet::Fir(fir) => fir.requests().for_each(|(ssrc, _)| self.ask_key(ssrc)),
            _ => {}
        }
    }

    fn ask_key(&mut self, ssrc: Ssrc) {
        for encoding in self.encodings.iter_mut().filter(|it| it.ssrc == ssrc) {
            encoding.key_asked = true;
            self.counts.key_requests += 1;
        }
    }

    /// Sends a packet again on the retransmission stream (RFC 4588 section 4).
    fn repeat(&mut self, index: usize, seq: u16, transport: &mut u16, emit: Emit<'_>) {
        let (Some(encoding), Some(pt)) = (self.encodings.get_mut(index), self.wiring.rtx) else { return };
        let kept = encoding.history.get(usize::from(seq % HISTORY_PACKETS)).filter(|it| it.0 == seq);
        let Some((_, timestamp, marker, media)) = kept.filter(|it| !it.3.is_empty()) else { return };
        let payload = [&seq.to_be_bytes()[..], media].concat();
        let header =
            Header { marker: *marker, pt, seq: encoding.rtx_seq, timestamp: *timestamp, ssrc: encoding.rtx_ssrc };
        encoding.rtx_seq = encoding.rtx_seq.wrapping_add(1);
        let rid = encoding.rid.and_then(|rid| Some((self.wiring.ids.repaired_rid?, rid)));
        let extras = Extras { rid, level: None };
        assemble(&mut self.packet, &self.wiring, &header, extras, transport, &payload, emit);
        self.counts.repeated += 1;
    }

    /// Writes a sender report for each encoding, if they are due.
    pub fn report(&mut self, now: Instant, stamp_ns: u64, writer: &mut rtcp::Writer<'_>) {
        if now < self.next_report {
            return;
        }
        self.next_report = now + REPORT_INTERVAL;
        for encoding in &self.encodings {
            let info = SenderInfo {
                ssrc: encoding.ssrc,
                ntp: ntp(stamp_ns),
                rtp_time: encoding.timestamp,
                packets: encoding.serial,
                bytes: encoding.bytes,
            };
            // What does not fit is told a second later.
            let _ = writer.sender_report(&info, &[]);
        }
    }
}

/// Where in its frame a packet stands, and when it leaves.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    count: usize,
    is_key: bool,
    stamp_ns: u64,
}

impl Encoding {
    /// Whether the frame that is due is a keyframe.
    fn takes_key(&mut self, now: Instant, model: &Model, index: usize) -> bool {
        let recent = self.last_key.is_some_and(|last| now < last + KEY_INTERVAL_MIN);
        let due = self.next_key <= now || (self.key_asked && !recent);
        if due {
            let interval = match model {
                Model::Camera(models) => models.get(index).map(|it| it.key_interval),
                Model::Microphone(_) => None,
            };
            (self.key_asked, self.last_key, self.key_serial) = (false, Some(now), self.serial);
            self.next_key = now + interval.unwrap_or(REPORT_INTERVAL);
        }
        due
    }
}

/// Time between frames, and in ticks of the RTP clock.
fn pace(model: &Model, index: usize) -> (Duration, u32) {
    match model {
        Model::Camera(models) => {
            let fps = models.get(index).map_or(30, |it| it.fps).max(1);
            (Duration::from_secs(1) / fps, 90_000 / fps)
        }
        Model::Microphone(model) => {
            let interval = model.packet_interval();
            (interval, u32::try_from(interval.as_millis() * 48).unwrap_or_default())
        }
    }
}

/// Sources of an encoding and of its retransmissions: no two of a run are equal.
pub fn ssrcs(track: u32, encoding: usize) -> (Ssrc, Ssrc) {
    let place = u32::try_from(encoding).unwrap_or_default();
    let base = 0x1000_0000_u32.wrapping_add(track.wrapping_mul(16)).wrapping_add(place * 2);
    (Ssrc(base), Ssrc(base.wrapping_add(1)))
}

/// The name of an encoding, lowest first, as LiveKit's clients have them.
pub fn rid(encoding: usize) -> Option<Rid> {
    Rid::new(["q", "h", "f"].get(encoding)?.as_bytes())
}

/// VP8's descriptor with picture id, temporal index and layer (RFC 7741 section 4.2), then bytes like its payload
/// header (RFC 6386 section 9.1), with a start code and a size in keyframes.
fn vp8_head(frame: u32, starts: bool, is_key: bool) -> [u8; VIDEO_MARK_AT] {
    let [_, _, high, low] = (frame & 0x7fff).to_be_bytes();
    let start = if starts { 0x10 } else { 0 };
    let mut head = [0; VIDEO_MARK_AT];
    head[..6].copy_from_slice(&[0x80 | start, 0xe0, 0x80 | high, low, low, 0]);
    head[6..].copy_from_slice(&[u8::from(!is_key), 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02]);
    head
}

/// What only some packets carry.
#[derive(Clone, Copy)]
struct Extras {
    rid: Option<(u8, Rid)>,
    level: Option<u8>,
}

fn assemble(
    packet: &mut Vec<u8>,
    wiring: &Wiring,
    header: &Header,
    extras: Extras,
    transport: &mut u16,
    payload: &[u8],
    emit: Emit<'_>,
) {
    let (transport_seq, level) = (transport.to_be_bytes(), [extras.level.unwrap_or_default()]);
    let mut extensions = ext::Writer::new();
    if let Some(id) = wiring.ids.mid {
        extensions.push(id, wiring.mid.as_bytes());
    }
    if let Some((id, rid)) = &extras.rid {
        extensions.push(*id, rid.as_bytes());
    }
    if let Some(id) = wiring.ids.transport {
        extensions.push(id, &transport_seq);
        *transport = transport.wrapping_add(1);
    }
    if let Some(id) = wiring.ids.level.filter(|_| extras.level.is_some()) {
        extensions.push(id, &level);
    }
    packet.clear();
    packet.resize(HEADER_BYTES_MAX, 0);
    let Some(header_len) = header.write(&extensions, packet) else { return };
    packet.truncate(header_len);
    packet.extend_from_slice(payload);
    emit(packet, header_len);
}

fn ntp(unix_ns: u64) -> u64 {
    let seconds = unix_ns / 1_000_000_000 + NTP_OFFSET_S;
    let fraction = ((unix_ns % 1_000_000_000) << 32) / 1_000_000_000;
    (seconds & 0xffff_ffff) << 32 | fraction
}

#[cfg(test)]
mod tests {
    use wire::rtp::Packet;

    use super::*;
    use crate::mark::Reading;

    fn wiring() -> Wiring {
        let ids =
            ExtensionIds { mid: Some(4), rid: Some(10), repaired_rid: Some(11), transport: Some(3), level: Some(1) };
        Wiring { mid: Mid::new(b"2").unwrap(), pt: Pt(96), rtx: Some(Pt(97)), ids }
    }

    fn run(source: &mut Source, from: Instant, millis: u64) -> Vec<Vec<u8>> {
        let (mut packets, mut transport) = (Vec::new(), 0);
        for step in 0..millis {
            let now = from + Duration::from_millis(step);
            source.advance(now, 1 + step, &mut transport, &mut |packet, _| packets.push(packet.to_vec()));
        }
        packets
    }

    #[test]
    fn a_camera_sends_bursts_with_whole_marks_and_one_keyframe() {
        let now = Instant::now();
        let mut source = Source::new(7, Model::Camera(vec![VideoModel::HD]), wiring(), now);
        let packets = run(&mut source, now, 1000);
        assert!((180..240).contains(&packets.len()), "{}", packets.len());
        let mut frames = Vec::new();
        for (serial, bytes) in (0..).zip(&packets) {
            let packet = Packet::parse(bytes).unwrap();
            assert!(bytes.len() <= 1200);
            let Reading::Whole(mark) = Mark::read(Kind::Video, packet.payload()) else { panic!("no mark") };
            assert_eq!((mark.serial, mark.track), (serial, 7));
            assert_eq!(packet.marker(), mark.index + 1 == mark.count);
            frames.push((mark.frame, mark.is_key));
        }
        frames.dedup();
        assert_eq!(frames.len(), 30);
        assert_eq!(frames.iter().filter(|it| it.1).count(), 1);
    }

    #[test]
    fn repeats_what_is_asked_for_and_makes_keyframes() {
        let now = Instant::now();
        let mut source = Source::new(1, Model::Camera(VideoModel::SIMULCAST.to_vec()), wiring(), now);
        let packets = run(&mut source, now, 500);
        let first = Packet::parse(&packets[0]).unwrap();
        assert!(first.extensions().any(|it| it == (10, b"q")));
        let mut room = [0; 200];
        let mut writer = rtcp::Writer::new(&mut room);
        writer.nack(Ssrc(1), first.ssrc(), [first.seq(), first.seq().wrapping_add(9999)]).unwrap();
        writer.pli(Ssrc(1), first.ssrc()).unwrap();
        let mut again = Vec::new();
        for packet in rtcp::packets(writer.as_bytes()).flatten() {
            source.feedback(&packet, &mut 0, &mut |packet, _| again.push(packet.to_vec()));
        }
        assert_eq!((again.len(), source.counts.repeated, source.counts.key_requests), (1, 1, 1));
        let repeated = Packet::parse(&again[0]).unwrap();
        assert_eq!(repeated.payload()[2..], *first.payload());
        let later = run(&mut source, now + Duration::from_millis(500), 500);
        let keys = later.iter().filter(|bytes| {
            let reading = Mark::read(Kind::Video, Packet::parse(bytes).unwrap().payload());
            matches!(reading, Reading::Whole(mark) if mark.is_key && mark.index == 0)
        });
        assert_eq!(keys.count(), 1);
    }

    #[test]
    fn a_microphone_speaks_or_is_silent() {
        let now = Instant::now();
        for (model, count, level) in [(AudioModel::SPEECH, 50, 0x94), (AudioModel::Silent, 3, 127)] {
            let mut source = Source::new(1, Model::Microphone(model), wiring(), now);
            let packets = run(&mut source, now, 1000);
            assert_eq!(packets.len(), count);
            assert!(Packet::parse(&packets[0]).unwrap().extensions().any(|it| it == (1, &[level])));
        }
    }

    #[test]
    fn one_who_comes_late_skips() {
        let now = Instant::now();
        let mut source = Source::new(1, Model::Microphone(AudioModel::SPEECH), wiring(), now);
        let mut count = 0;
        source.advance(now + Duration::from_secs(10), 1, &mut 0, &mut |_, _| count += 1);
        assert_eq!((count, source.counts.skipped_frames), (26, 475));
    }
}
