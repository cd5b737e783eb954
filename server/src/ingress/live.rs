//! One stream in its room: events of the encoder in, packets for the media house out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use door::{Command, TrackKey};
use livekit::ingress::{Push, PushEnd};
use livekit::world::FedTrack;
use livekit::{Guest, GuestNews, GuestWish};
use livekit_protocol as proto;
use proto::ingress_state::Status;
use publish::{Feed, Line, Sending};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rtmp::{Event, Metadata, Refusal};
use sdp::{Format, TrackCodec, Variant};
use transcode::{Output, State};

use super::account::Account;
use super::picture::Picture;
use super::sound::Sound;
use super::{Door, count, seed};

/// Between two reports of clocks and rates.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Seconds from NTP's beginning (1900) to Unix's (RFC 5905 section 6).
const NTP_UNIX_S: u64 = 2_208_988_800;
/// An encoder that sends nothing for so long has stalled: at the lowest rates something comes every second.
const STALLED_AFTER: Duration = Duration::from_secs(2);
/// What codecs hold back at a stream's end: reordered pictures, and sound for a packet.
const CODECS_LAG: Duration = Duration::from_millis(300);
/// Tracks that one stream may begin: its form may change now and then, not with every picture.
const TRACKS_MAX: u32 = 8;
/// Key frames further apart than this are worth a word: new viewers wait for them.
const KEYFRAME_INTERVAL_FINE_MS: i64 = 4_000;

/// See the module's description.
pub(super) struct Live<'a> {
    door: &'a Door,
    push: Push,
    feed: Feed,
    guest: Option<Guest>,
    tracks: BTreeMap<Line, Track>,
    picture: Picture,
    sound: Sound,
    metadata: Metadata,
    report_at: Instant,
    /// Media came since the last report.
    heard: bool,
    /// When media came last.
    heard_at: Instant,
    /// Tracks begun.
    begun: u32,
    account: Account,
    /// The picture's size as the room knows it.
    told_size: Option<(u32, u32)>,
    /// What is the matter with where it comes from.
    trouble: String,
}

/// One of its tracks.
#[derive(Debug, Default)]
struct Track {
    /// Where its packets go, once the room has it.
    key: Option<TrackKey>,
    /// Its id in the room.
    sid: String,
}

/// What else happens to a stream.
pub(super) enum News {
    Guest(GuestNews),
    Picture(Option<Output>),
    Sound(Option<Output>),
    End(PushEnd),
}

impl<'a> Live<'a> {
    pub(super) fn new(door: &'a Door, push: Push) -> Self {
        Self {
            door,
            push,
            feed: Feed::new(StdRng::seed_from_u64(seed())),
            guest: None,
            tracks: BTreeMap::new(),
            picture: Picture::default(),
            sound: Sound::default(),
            metadata: Metadata::default(),
            report_at: Instant::now() + REPORT_INTERVAL,
            heard: false,
            heard_at: Instant::now(),
            begun: 0,
            account: Account::default(),
            told_size: None,
            trouble: String::new(),
        }
    }

    /// What the encoder did.
    pub(super) async fn take(&mut self, event: Event, now: Instant) -> Result<(), Refusal> {
        let info = self.push.info();
        match event {
            Event::Metadata(metadata) => {
                tracing::debug!(ingress = info.ingress_id, ?metadata, "an encoder tells of itself");
                self.metadata = metadata;
            }
            Event::VideoConfig(config) => {
                let transcoding = info.enable_transcoding.unwrap_or(true);
                if self.picture.configure(config, info.video.as_ref(), transcoding, &mut self.feed)? {
                    self.open(Line::Video).await?;
                }
            }
            Event::Video(unit) => {
                (self.heard, self.heard_at) = (true, now);
                self.feed.taken(now, unit.dts_ms.saturating_mul(1000));
                if self.picture.unit(now, unit, info.video.as_ref(), &mut self.feed)? {
                    self.open(Line::Video).await?;
                }
            }
            Event::AudioConfig(config) => {
                if self.sound.configure(config, info.audio.as_ref(), &mut self.feed)? {
                    self.open(Line::Audio).await?;
                }
            }
            Event::Audio(unit) => {
                (self.heard, self.heard_at) = (true, now);
                self.feed.taken(now, unit.pts_ms.saturating_mul(1000));
                self.sound.unit(now, unit, &mut self.feed);
            }
            Event::Publish(_) | Event::Ended => {}
        }
        Ok(())
    }

    /// Another file begins: what is late from here on is shown at its own pace.
    pub(super) fn turn(&mut self) {
        self.feed.turn();
    }

    /// Notes what its creator should know of where it comes from; nothing when all is well.
    pub(super) fn trouble(&mut self, words: String, now: Instant) {
        self.trouble = words;
        self.report_state(now);
    }

    /// Notes why it can never come.
    pub(super) fn fail(&self, words: &str) {
        self.note(words, true);
    }

    /// Notes that it came to its end.
    pub(super) fn complete(&self) {
        self.push.note(|state| {
            if state.status != i32::from(Status::EndpointError) {
                (state.status, state.error) = (Status::EndpointComplete.into(), String::new());
            }
        });
    }

    /// When the last of what came is shown, with some time for codecs.
    pub(super) fn ends(&self, now: Instant) -> Instant {
        self.feed.ends().map_or(now, |end| end.max(now) + CODECS_LAG)
    }

    /// When media came last.
    pub(super) fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// The encoder ends its stream: its participant leaves.
    pub(super) async fn leave(mut self) {
        self.report_cost().await;
        if let Some(guest) = self.guest {
            guest.leave().await;
        }
    }

    /// What else there is to hear. Codecs are not heard while enough waits to leave: what they make without an end stays
    /// with them. Safe to be cancelled.
    pub(super) async fn next(&mut self, now: Instant) -> News {
        let hungry = !self.feed.is_stocked(now);
        let guest = &mut self.guest;
        let told = async {
            match guest {
                Some(guest) => guest.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            news = told => News::Guest(news),
            output = self.picture.next(), if hungry => News::Picture(output),
            output = self.sound.next(), if hungry => News::Sound(output),
            end = self.push.ended() => News::End(end),
        }
    }

    /// Acts on what was heard.
    pub(super) fn hear(&mut self, news: News) -> Result<(), Refusal> {
        let now = Instant::now();
        match news {
            News::Guest(news) => return self.hear_room(news, now),
            News::Picture(Some(output)) => self.made(Line::Video, output, now),
            News::Sound(Some(output)) => self.made(Line::Audio, output, now),
            News::Picture(None) => self.picture.stop(),
            News::Sound(None) => self.sound.stop(),
            News::End(PushEnd::TakenOver) => return Err(Refusal::TakenOver),
            News::End(PushEnd::Revoked) => return Err(Refusal::Revoked),
        }
        Ok(())
    }

    fn hear_room(&mut self, news: GuestNews, now: Instant) -> Result<(), Refusal> {
        match news {
            GuestNews::Opened { cid, key, track } => {
                if let Some(line) = line(&cid) {
                    self.tracks.insert(line, Track { key: Some(key), sid: track });
                    self.report_clock(line, now);
                }
            }
            GuestNews::Refused { cid, error } => {
                self.note(&format!("{cid}: {error}"), true);
                line(&cid).map(|line| self.tracks.remove(&line));
            }
            GuestNews::KeyframeWanted { encoding, .. } => self.picture.keyframe(encoding),
            GuestNews::Wanted(update) => {
                let shown = self.tracks.get(&Line::Video).is_none_or(|track| track.sid == update.track_sid);
                tracing::debug!(ingress = self.push.info().ingress_id, shown, wanted = ?update.subscribed_codecs, "viewers");
                if shown {
                    self.picture.watched(&update);
                }
            }
            GuestNews::Left(reason) => {
                self.guest = None;
                return Err(match reason {
                    proto::DisconnectReason::DuplicateIdentity => Refusal::TakenOver,
                    proto::DisconnectReason::ParticipantRemoved => Refusal::Removed,
                    proto::DisconnectReason::ServerShutdown => Refusal::Closing,
                    _ => Refusal::RoomRefuses,
                });
            }
        }
        Ok(())
    }

    fn made(&mut self, line: Line, output: Output, now: Instant) {
        match output {
            Output::Opus { pts_us, data } => self.feed.sound(now, pts_us, &data),
            Output::H264 { layer, pts_us, data, .. } => {
                self.picture.made(now, layer, pts_us, &data, &mut self.feed);
            }
            Output::State(state) => {
                tracing::info!(ingress = self.push.info().ingress_id, ?line, %state, "transcoder");
                let told = if line == Line::Video { &mut self.picture.told } else { &mut self.sound.told };
                if told.hear(&state, now) {
                    count(&self.door.counters.codecs_restarted);
                }
                if let State::GaveUp(_) = state {
                    self.note(&state.to_string(), true);
                }
                self.report_state(now);
            }
        }
    }

    /// Sends what is due.
    pub(super) fn advance(&mut self, now: Instant) {
        if !self.is_opening() {
            while let Some(Sending { line, encoding, packets }) = self.feed.poll(now) {
                if let Some(track) = self.tracks.get(&line).and_then(|track| track.key) {
                    self.door.command(Command::Feed { track, encoding, packets });
                }
            }
        }
    }

    /// Tells once a second what has changed: a stream that changes with every picture tells no more often.
    pub(super) async fn report(&mut self, now: Instant) {
        if now < self.report_at {
            return;
        }
        self.report_at = now + REPORT_INTERVAL;
        if std::mem::take(&mut self.heard) {
            self.push.heard(now);
        }
        self.report_cost().await;
        self.report_clock(Line::Video, now);
        self.report_clock(Line::Audio, now);
        self.report_state(now);
        self.report_size().await;
    }

    /// When [`Live::advance`] or [`Live::report`] has something to do.
    pub(super) fn deadline(&self, now: Instant) -> Instant {
        let sending = self.feed.deadline().filter(|_| !self.is_opening());
        let relief = self.feed.relief().filter(|at| *at > now);
        sending.into_iter().chain(relief).fold(self.report_at, Instant::min)
    }

    /// Whether the encoder must not be read for a while.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.feed.is_full(now)
    }

    /// Nothing is sent until the room has all tracks that were asked for: the first key frame must not be lost.
    fn is_opening(&self) -> bool {
        self.tracks.values().any(|track| track.key.is_none())
    }

    /// Begins a track, or begins it anew with another form.
    async fn open(&mut self, line: Line) -> Result<(), Refusal> {
        if self.guest.is_none() {
            self.guest = Some(self.enter().await?);
        }
        let Some(guest) = &self.guest else { return Ok(()) };
        if let Some(key) = self.tracks.remove(&line).and_then(|track| track.key) {
            guest.unpublish(key).await;
        }
        let Some(track) = self.describe(line) else { return Ok(()) };
        self.begun += 1;
        if self.begun > TRACKS_MAX {
            return Err(Refusal::Unfit("its form changes too often"));
        }
        self.tracks.insert(line, Track::default());
        if line == Line::Video {
            self.told_size = self.picture.size();
        }
        if guest.publish(track).await { Ok(()) } else { Err(Refusal::RoomRefuses) }
    }

    async fn enter(&self) -> Result<Guest, Refusal> {
        let info = self.push.info();
        let name = if info.participant_name.is_empty() { &info.participant_identity } else { &info.participant_name };
        let wish = GuestWish {
            room: info.room_name.clone(),
            identity: info.participant_identity.clone(),
            name: name.clone(),
            metadata: info.participant_metadata.clone(),
            attributes: BTreeMap::new(),
        };
        self.door.lobby.enter(wish).await.map_err(|error| {
            tracing::info!(ingress = info.ingress_id, %error, "a room does not let an ingress in");
            self.note(&format!("the room does not let it in: {error}"), true);
            Refusal::RoomRefuses
        })
    }

    fn describe(&self, line: Line) -> Option<FedTrack> {
        let params = self.feed.params(line)?;
        let pt = params.codecs.first()?.pt;
        let info = self.push.info();
        let (request, formats) = match line {
            Line::Video => {
                let told = self.picture.describe((self.metadata.width, self.metadata.height))?;
                let options = info.video.clone().unwrap_or_default();
                let best = told.layers.last().cloned().unwrap_or_default();
                let codec = proto::SimulcastCodec {
                    codec: told.codec.into(),
                    cid: cid(line).into(),
                    layers: told.layers.clone(),
                    ..Default::default()
                };
                let request = proto::AddTrackRequest {
                    cid: cid(line).into(),
                    name: options.name,
                    r#type: proto::TrackType::Video.into(),
                    source: options.source,
                    width: best.width,
                    height: best.height,
                    layers: told.layers,
                    simulcast_codecs: vec![codec],
                    ..Default::default()
                };
                (request, told.formats)
            }
            Line::Audio => {
                let options = info.audio.clone().unwrap_or_default();
                let request = proto::AddTrackRequest {
                    cid: cid(line).into(),
                    name: options.name,
                    r#type: proto::TrackType::Audio.into(),
                    source: options.source,
                    disable_red: true,
                    audio_features: vec![proto::AudioTrackFeature::TfStereo.into()],
                    ..Default::default()
                };
                (request, vec![Format { codec: door::Codec::Opus, variant: Variant::Single }])
            }
        };
        let codecs = formats.into_iter().map(|format| TrackCodec { pt, format }).collect();
        Some(FedTrack { request, up: sdp::UpTrack { params, codecs } })
    }

    /// Accounts for what the codecs cost.
    pub(super) async fn report_cost(&mut self) {
        let costs = [(Line::Video, self.picture.cost()), (Line::Audio, self.sound.cost())];
        for (line, cost) in costs.into_iter().filter_map(|(line, cost)| Some((line, cost?))) {
            let more = self.account.take(line, cost, &self.door.transcoded);
            self.push.coded(more);
            if let Some(guest) = &self.guest {
                guest.coded(more).await;
            }
        }
    }

    /// Tells the room when the picture has another size.
    async fn report_size(&mut self) {
        let size = self.picture.size();
        let (Some(guest), Some((width, height))) = (&self.guest, size.filter(|_| size != self.told_size)) else {
            return;
        };
        if let Some(track) = self.tracks.get(&Line::Video).filter(|track| track.key.is_some()) {
            guest.resize(track.sid.clone(), width, height).await;
            self.told_size = size;
        }
    }

    fn report_clock(&self, line: Line, now: Instant) {
        let Some(track) = self.tracks.get(&line).and_then(|track| track.key) else { return };
        let ntp = ntp();
        for (encoding, rtp) in (0..).zip(self.feed.clocks(line, now)) {
            self.door.command(Command::FeedClock { track, encoding, ntp, rtp });
        }
    }

    fn report_state(&self, now: Instant) {
        let (picture, sound, metadata) = (&self.picture, &self.sound, &self.metadata);
        let (width, height) = picture.size().unwrap_or((metadata.width, metadata.height));
        let remark = self.remark(now);
        let video = picture.mime().map(|mime| proto::InputVideoState {
            mime_type: mime.into(),
            average_bitrate: picture.gauge.bits_per_second(),
            width,
            height,
            framerate: picture.gauge.units_per_second(),
        });
        let audio = sound.codec.map(|codec| proto::InputAudioState {
            mime_type: if codec == rtmp::AudioCodec::Aac { "audio/aac" } else { "audio/opus" }.into(),
            average_bitrate: sound.gauge.bits_per_second(),
            channels: if metadata.stereo { 2 } else { 0 },
            sample_rate: metadata.audio_hz,
        });
        self.push.note(|state| {
            if state.status != i32::from(Status::EndpointError) {
                let status =
                    if self.tracks.is_empty() { Status::EndpointBuffering } else { Status::EndpointPublishing };
                state.status = status.into();
                state.error = remark;
            }
            (state.video, state.audio) = (video, audio);
        });
    }

    /// What the creator should know.
    fn remark(&self, now: Instant) -> String {
        let interval = self.picture.gauge.keyframe_interval_ms().filter(|it| *it > KEYFRAME_INTERVAL_FINE_MS);
        let slow = interval.map(|it| format!("a key frame every {} s: viewers wait; set it to 2 s", it / 1000));
        let mut remarks = vec![self.trouble.clone(), self.picture.remark.clone()];
        remarks.extend(slow);
        let silent = now.saturating_duration_since(self.heard_at);
        remarks.extend((silent >= STALLED_AFTER).then(|| format!("nothing came for {} s", silent.as_secs())));
        remarks.extend(self.picture.told.remarks(now));
        remarks.extend(self.sound.told.remarks(now));
        remarks.retain(|remark| !remark.is_empty());
        remarks.join("; ")
    }

    fn note(&self, text: &str, is_error: bool) {
        self.push.note(|state| {
            if is_error {
                state.status = Status::EndpointError.into();
            }
            text.clone_into(&mut state.error);
        });
    }
}

/// How the room is told which track is meant.
fn cid(line: Line) -> &'static str {
    match line {
        Line::Video => "video",
        Line::Audio => "audio",
    }
}

fn line(cid: &str) -> Option<Line> {
    [Line::Video, Line::Audio].into_iter().find(|line| self::cid(*line) == cid)
}

/// The wall time as NTP has it, 32.32 fixed point seconds.
fn ntp() -> u64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    (unix.as_secs().wrapping_add(NTP_UNIX_S) << 32) | fraction
}
