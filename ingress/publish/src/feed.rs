//! One publisher's media as paced RTP packets.

mod pacer;

use std::time::{Duration, Instant};

use bytes::Bytes;
use door::{Codec, CodecParams, ExtensionMap, Kind, Packets, SsrcPair, UpTrackParams};
use rand::Rng;
use rand::rngs::StdRng;
use rtmp::media::nal_units as length_prefixed;
use rtmp::{VideoCodec, VideoConfig, VideoUnit, annexb};
use wire::{Mid, Pt, Ssrc};

use crate::nal::ParameterSets;
use crate::schedule::{AHEAD_MAX, Schedule};
use crate::stream::Stream;
use crate::{Unreadable, av1, avc, h264, h265};

use pacer::Pacer;

/// Payload types of what is fed; nobody negotiates them.
const VIDEO_PT: Pt = Pt(96);
const AUDIO_PT: Pt = Pt(111);
const VIDEO_HZ: u32 = 90_000;
const AUDIO_HZ: u32 = 48_000;
/// Encodings of one picture: what simulcast has.
const ENCODINGS_MAX: usize = 3;
/// How long a picture may take to leave when nothing is known of its rate.
const PICTURE_SPREAD: Duration = Duration::from_millis(15);
/// Longest time that a picture may take to leave, also at one picture a second.
const PICTURE_SPREAD_MAX: Duration = Duration::from_millis(25);

/// Which of a feed's two tracks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Line {
    /// The picture.
    Video,
    /// The sound.
    Audio,
}

/// One picture of a codec's own output, in Annex B form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Picture<'a> {
    /// Index of the encoding, lowest quality first.
    pub encoding: u8,
    /// When it is shown, which is also the order of decoding.
    pub pts_us: i64,
    /// NAL units behind start codes.
    pub stream: &'a [u8],
}

/// Packets that leave now.
#[derive(Debug)]
pub struct Sending {
    /// Of which track.
    pub line: Line,
    /// Of which encoding.
    pub encoding: u8,
    /// In order.
    pub packets: Packets,
}

/// See the module's description.
#[derive(Debug)]
pub struct Feed {
    schedule: Schedule,
    /// When what came from the publisher is due, whatever becomes of it on its way here.
    intake: Schedule,
    taken_until: Option<Instant>,
    /// The media time in microseconds that is now at an instant, for reports; both tracks share it.
    origin: Option<(Instant, i64)>,
    video: Option<Video>,
    audio: Option<Audio>,
    rng: StdRng,
}

#[derive(Debug)]
struct Video {
    codec: Codec,
    sets: ParameterSets,
    length_bytes: usize,
    /// AV1's sequence header.
    header: Bytes,
    encodings: Vec<(Stream, Pacer)>,
    last_us: Option<i64>,
    spread: Duration,
    /// Codecs of ours make it, and a key frame when they are asked for one.
    own: bool,
}

#[derive(Debug)]
struct Audio {
    stream: Stream,
    pacer: Pacer,
}

impl Feed {
    /// A feed without tracks. `rng` decides sources and first numbers.
    pub fn new(rng: StdRng) -> Self {
        Self {
            schedule: Schedule::default(),
            intake: Schedule::default(),
            taken_until: None,
            origin: None,
            video: None,
            audio: None,
            rng,
        }
    }

    /// Begins the picture, or changes its configuration. Every encoding is of the same codec.
    ///
    /// # Errors
    /// When the configuration cannot be read; the picture stays as it was.
    pub fn configure_video(&mut self, config: &VideoConfig) -> Result<(), Unreadable> {
        let (codec, (sets, length_bytes), header) = match config.codec {
            VideoCodec::H264 => (Codec::H264, avc::avc(&config.record)?, Bytes::new()),
            VideoCodec::H265 => (Codec::H265, avc::hevc(&config.record)?, Bytes::new()),
            VideoCodec::Av1 => {
                let header = config.record.get(4..).ok_or(Unreadable("AV1"))?;
                (Codec::Av1, (ParameterSets::default(), 0), config.record.slice_ref(header))
            }
        };
        let encodings = match self.video.take().filter(|video| video.codec == codec) {
            Some(video) => video.encodings,
            None => self.encodings(1),
        };
        let (last_us, spread) = (None, PICTURE_SPREAD);
        self.video = Some(Video { codec, sets, length_bytes, header, encodings, last_us, spread, own: false });
        Ok(())
    }

    /// Begins a picture of a codec's own output: H.264 in `encodings` encodings, at most three.
    pub fn begin_layers(&mut self, encodings: usize) {
        let encodings = self.encodings(encodings.clamp(1, ENCODINGS_MAX));
        let (sets, header) = (ParameterSets::default(), Bytes::new());
        let (last_us, spread) = (None, PICTURE_SPREAD);
        let (codec, length_bytes, own) = (Codec::H264, 4, true);
        self.video = Some(Video { codec, sets, length_bytes, header, encodings, last_us, spread, own });
    }

    /// Begins the sound: Opus.
    pub fn begin_audio(&mut self) {
        let ssrc = self.ssrc();
        let stream = Stream::new(ssrc, AUDIO_PT, AUDIO_HZ, &mut self.rng);
        self.audio = Some(Audio { stream, pacer: Pacer::default() });
    }

    fn encodings(&mut self, count: usize) -> Vec<(Stream, Pacer)> {
        let encoding = |_| {
            let ssrc = self.ssrc();
            (Stream::new(ssrc, VIDEO_PT, VIDEO_HZ, &mut self.rng), Pacer::default())
        };
        (0..count).map(encoding).collect()
    }

    /// Zero is left out: some stacks take it for none.
    fn ssrc(&mut self) -> Ssrc {
        Ssrc(self.rng.random_range(1..u32::MAX))
    }

    /// What the media house must know of a track; `None` before it has begun.
    pub fn params(&self, line: Line) -> Option<UpTrackParams> {
        let (kind, codec, pt, clock_hz, ssrcs) = match line {
            Line::Video => {
                let video = self.video.as_ref()?;
                let ssrcs = video.encodings.iter().map(|(stream, _)| stream.ssrc).collect::<Vec<_>>();
                (Kind::Video, video.codec, VIDEO_PT, VIDEO_HZ, ssrcs)
            }
            Line::Audio => {
                let audio = self.audio.as_ref()?;
                (Kind::Audio, Codec::Opus, AUDIO_PT, AUDIO_HZ, vec![audio.stream.ssrc])
            }
        };
        // An encoder has no way to be asked for a key frame.
        let asked = line == Line::Video && self.video.as_ref().is_some_and(|video| video.own);
        let mid = Mid::new(if line == Line::Video { b"0" } else { b"1" })?;
        // What is lost on the way from one thread to another is not asked for again.
        let codec = CodecParams { pt, codec, clock_hz, rtx: None, nack: false, pli: asked };
        Some(UpTrackParams {
            mid,
            kind,
            codecs: vec![codec],
            extensions: ExtensionMap::default(),
            rids: Vec::new(),
            ssrcs: ssrcs.into_iter().map(|media| SsrcPair { media, rtx: None }).collect(),
            transport_feedback: false,
            encrypted: false,
        })
    }

    /// A picture of the publisher's own, as it came.
    pub fn picture(&mut self, now: Instant, unit: &VideoUnit) {
        let Some(video) = &mut self.video else { return };
        let payloads = match video.codec {
            Codec::H264 => h264::payloads(length_prefixed(&unit.data, video.length_bytes), &mut video.sets),
            Codec::H265 => h265::payloads(length_prefixed(&unit.data, video.length_bytes), &mut video.sets),
            _ => av1::payloads(&unit.data, unit.keyframe, &video.header),
        };
        let micros = |ms: i64| ms.saturating_mul(1000);
        self.send_picture(now, 0, micros(unit.dts_ms), micros(unit.pts_ms), payloads);
    }

    /// A picture of one layer, after [`Feed::begin_layers`].
    pub fn layer(&mut self, now: Instant, picture: &Picture<'_>) {
        let Some(video) = self.video.as_mut().filter(|video| video.codec == Codec::H264) else { return };
        // Each encoder repeats its own sets before its key frames.
        let payloads = h264::payloads(annexb::nal_units(picture.stream), &mut video.sets);
        self.send_picture(now, picture.encoding, picture.pts_us, picture.pts_us, payloads);
    }

    fn send_picture(&mut self, now: Instant, encoding: u8, dts_us: i64, pts_us: i64, payloads: Vec<Vec<u8>>) {
        self.begin_clock(now, dts_us);
        let at = self.schedule.release(now, dts_us);
        let Some(video) = &mut self.video else { return };
        let spread = video.spread_for(dts_us);
        let Some((stream, pacer)) = video.encodings.get_mut(usize::from(encoding)) else { return };
        pacer.push(at, spread, stream.packets(pts_us, payloads));
    }

    /// One Opus packet; `pts_us` is the time of its first sample.
    pub fn sound(&mut self, now: Instant, pts_us: i64, opus: &[u8]) {
        self.begin_clock(now, pts_us);
        let at = self.schedule.release(now, pts_us);
        let Some(audio) = self.audio.as_mut().filter(|_| opus.len() <= crate::stream::PAYLOAD_BYTES_MAX) else {
            return;
        };
        let timestamp = audio.stream.timestamp(pts_us);
        let packet = audio.stream.packet(timestamp, false, opus);
        audio.pacer.push(at, Duration::ZERO, vec![packet]);
    }

    fn begin_clock(&mut self, now: Instant, time_us: i64) {
        self.origin.get_or_insert((now, time_us));
    }

    /// What leaves by `now`; call until `None`.
    pub fn poll(&mut self, now: Instant) -> Option<Sending> {
        if let Some(packets) = self.audio.as_mut().and_then(|audio| audio.pacer.poll(now)) {
            return Some(Sending { line: Line::Audio, encoding: 0, packets });
        }
        let encodings = self.video.iter_mut().flat_map(|video| &mut video.encodings);
        let mut ready = (0..).zip(encodings).filter_map(|(encoding, (_, pacer))| Some((encoding, pacer.poll(now)?)));
        let (encoding, packets) = ready.next()?;
        Some(Sending { line: Line::Video, encoding, packets })
    }

    /// When [`Feed::poll`] has something next.
    pub fn deadline(&self) -> Option<Instant> {
        self.pacers().filter_map(Pacer::deadline).min()
    }

    /// When a full feed takes more, unless what waits leaves before; `None` when it is not ahead of its time.
    pub fn relief(&self) -> Option<Instant> {
        self.taken_until.and_then(|until| until.checked_sub(AHEAD_MAX))
    }

    /// When the last of what came is shown; `None` when nothing came.
    pub fn ends(&self) -> Option<Instant> {
        self.taken_until
    }

    /// What comes late from here on is no longer hurried to where it should be: its pace counts from then.
    pub fn turn(&mut self) {
        self.schedule.turn();
        self.intake.turn();
    }

    /// Notes that the publisher's media of a time came, also where it takes another way first.
    pub fn taken(&mut self, now: Instant, time_us: i64) {
        self.taken_until = Some(self.intake.release(now, time_us));
    }

    /// Whether so much waits that the publisher must not be read for a while.
    pub fn is_full(&self, now: Instant) -> bool {
        let ahead = self.taken_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        ahead > AHEAD_MAX || self.is_stocked(now)
    }

    /// Whether so much waits to leave that codecs on the way must not be asked for more.
    pub fn is_stocked(&self, now: Instant) -> bool {
        self.pacers().any(|pacer| pacer.is_full(now, AHEAD_MAX))
    }

    /// The RTP time that is `now`, for each encoding of a track; empty before its first media. All tracks are told of
    /// the same moment, from which receivers know what belongs together.
    pub fn clocks(&self, line: Line, now: Instant) -> Vec<u32> {
        let Some((at, since_us)) = self.origin else { return Vec::new() };
        let elapsed = i64::try_from(now.saturating_duration_since(at).as_micros()).unwrap_or(i64::MAX);
        let time_us = since_us.saturating_add(elapsed);
        match line {
            Line::Video => {
                let encodings = self.video.iter().flat_map(|video| &video.encodings);
                encodings.map(|(stream, _)| stream.timestamp(time_us)).collect()
            }
            Line::Audio => self.audio.iter().map(|audio| audio.stream.timestamp(time_us)).collect(),
        }
    }

    fn pacers(&self) -> impl Iterator<Item = &Pacer> {
        let videos = self.video.iter().flat_map(|video| video.encodings.iter().map(|(_, pacer)| pacer));
        videos.chain(self.audio.iter().map(|audio| &audio.pacer))
    }
}

impl Video {
    /// How long a picture may take to leave: half of the time to the next, so that what waits is caught up at twice the
    /// sender's pace.
    fn spread_for(&mut self, dts_us: i64) -> Duration {
        if let Some(step) = self.last_us.map(|last| dts_us.saturating_sub(last)).filter(|step| *step > 0) {
            let half = Duration::from_micros(step.unsigned_abs() / 2).min(PICTURE_SPREAD_MAX);
            self.spread = (self.spread * 3 + half) / 4;
        }
        self.last_us = Some(dts_us);
        self.spread
    }
}

#[cfg(test)]
mod tests;
