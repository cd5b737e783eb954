//! A track in LiveKit's words, and its media at the media house.
#![allow(deprecated)] // Clients still read the fields of `TrackInfo` and `AddTrackRequest` that newer ones replace.

use door::{Codec, Kind, TrackKey};
use livekit_protocol as proto;
use proto::video_layer::Mode as LayerMode;
use proto::{AudioTrackFeature, TrackSource, TrackType, VideoQuality};
use room::{Layer, ParticipantSid, Publication, Source, TrackRequest, TrackSid};
use wire::Mid;

use super::dynacast::Wanted;
use super::subscription::Rendition;

/// What LiveKit's clients know of a track beyond the room's own view.
#[derive(Debug)]
pub(super) struct Published {
    /// Everything that does not change by the room.
    pub(super) info: proto::TrackInfo,
    /// Who publishes.
    pub(super) publisher: ParticipantSid,
    /// The client's own id of the track.
    pub(super) cid: String,
    /// Set when the track is another room's.
    pub(super) borrowed: Option<Borrowed>,
    /// Its media, once described.
    pub(super) live: Option<Live>,
    /// The same picture in a second codec, once described.
    pub(super) backup: Option<Live>,
    /// Everybody is shown the second codec, so that the publisher need not send the first.
    pub(super) regressed: bool,
    /// The best picture sizes that the publisher was told are wanted.
    pub(super) told_wanted: Wanted,
}

/// What is remembered of another room's track.
#[derive(Debug)]
pub(super) struct Borrowed {
    /// Whether its publisher had silenced it when its portrait came last.
    pub(super) muted: bool,
}

/// A described track.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) key: TrackKey,
    pub(super) mid: Mid,
    pub(super) up: sdp::UpTrack,
}

impl Published {
    /// Takes over what the client asked for.
    pub(super) fn new(
        sid: &TrackSid,
        publisher: ParticipantSid,
        request: &proto::AddTrackRequest,
        enabled: &[Codec],
    ) -> Self {
        Self {
            info: track_info(sid, request, enabled),
            publisher,
            cid: request.cid.clone(),
            borrowed: None,
            live: None,
            backup: None,
            regressed: false,
            told_wanted: Wanted::AT_FIRST,
        }
    }

    /// Another room's track, which is called `name` there.
    pub(super) fn mirrored(
        info: proto::TrackInfo,
        publisher: ParticipantSid,
        name: &str,
        live: Live,
        borrowed: Borrowed,
    ) -> Self {
        let (borrowed, live) = (Some(borrowed), Some(live));
        let (backup, told_wanted) = (None, Wanted::AT_FIRST);
        Self { info, publisher, cid: name.to_owned(), borrowed, live, backup, regressed: false, told_wanted }
    }

    /// The track's id in its publisher's own room.
    pub(super) fn home_sid(&self) -> String {
        if self.borrowed.is_some() { self.cid.clone() } else { self.info.sid.clone() }
    }

    /// The whole truth for clients.
    pub(super) fn info(&self, publication: &Publication) -> proto::TrackInfo {
        let (muted, width, height) = (publication.muted, publication.width, publication.height);
        proto::TrackInfo { muted, width, height, ..self.info.clone() }
    }

    /// Whether the client calls this track `name`, in a request or in an earlier description.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.cid == name || self.info.codecs.iter().any(|it| it.cid == name || it.sdp_cid == name)
    }

    /// What the server wants of the section that carries it.
    pub(super) fn receive(&self, enabled: &[Codec], only_primary: bool, rendition: Rendition) -> sdp::Receive {
        let primary = self.info.codecs.get(rendition.index()).and_then(|it| sdp::codec_named(&it.mime_type));
        let video = self.is_video();
        sdp::Receive {
            enabled: enabled.iter().copied().collect(),
            primary,
            only_primary: only_primary && video && primary.is_some(),
            red: !self.info.disable_red,
            stereo: self.has(AudioTrackFeature::TfStereo),
            dtx: !self.has(AudioTrackFeature::TfNoDtx),
            encrypted: self.info.encryption != i32::from(proto::encryption::Type::None),
        }
    }

    /// Whether it is something seen.
    pub(super) fn is_video(&self) -> bool {
        self.info.r#type == i32::from(TrackType::Video)
    }

    /// Whether the audio has a feature.
    pub(super) fn has(&self, feature: AudioTrackFeature) -> bool {
        has(&self.info, feature)
    }

    /// Replaces the audio's features.
    pub(super) fn set_features(&mut self, features: &[i32]) {
        set_features(&mut self.info, features);
    }

    /// Notes that a second codec is about to be described. False when it cannot be taken.
    pub(super) fn announce_backup(&mut self, request: &proto::AddTrackRequest, enabled: &[Codec]) -> bool {
        let asked = request.simulcast_codecs.first();
        let codec = asked.and_then(|it| sdp::codec_named(&it.codec)).filter(|it| is_video(*it) && enabled.contains(it));
        let (Some(asked), Some(codec)) = (asked, codec.filter(|_| self.is_video() && self.backup.is_none())) else {
            return false;
        };
        let layers = if asked.layers.is_empty() { layers(request) } else { asked.layers.clone() };
        let cid = if asked.cid.is_empty() { request.cid.clone() } else { asked.cid.clone() };
        let announced = info(mime(codec), cid, layers, layer_mode(Some(codec), true));
        self.info.codecs.truncate(Rendition::Backup.index());
        self.info.codecs.push(announced);
        self.info.codecs.len() == Rendition::Backup.index() + 1
    }

    /// Notes where and how the track is described. `name` is its id in the description.
    pub(super) fn describe(&mut self, live: Live, name: &str, rendition: Rendition) {
        let mime = live.up.params.codecs.first().map(|it| mime(it.codec)).unwrap_or_default();
        if rendition == Rendition::Primary {
            self.info.mid = live.mid.to_string();
            self.info.mime_type.clone_from(&mime);
        }
        if let Some(codec) = self.info.codecs.get_mut(rendition.index()) {
            codec.mid = live.mid.to_string();
            codec.mime_type = mime;
            let known = codec.cid == name;
            codec.sdp_cid = if known { String::new() } else { name.to_owned() };
        }
        match rendition {
            Rendition::Primary => self.live = Some(live),
            Rendition::Backup => self.backup = Some(live),
        }
    }
}

fn set_features(info: &mut proto::TrackInfo, features: &[i32]) {
    info.audio_features = features.to_vec();
    info.audio_features.sort_unstable();
    info.audio_features.dedup();
    info.stereo = has(info, AudioTrackFeature::TfStereo);
    info.disable_dtx = has(info, AudioTrackFeature::TfNoDtx);
}

fn has(info: &proto::TrackInfo, feature: AudioTrackFeature) -> bool {
    info.audio_features.contains(&i32::from(feature))
}

/// The MIME type as `TrackInfo` has it.
fn mime(codec: Codec) -> String {
    sdp::mime(codec).to_ascii_lowercase()
}

/// What the room needs of a client's request. `None` when it is neither audio nor video.
pub(super) fn track_request(request: &proto::AddTrackRequest) -> Option<TrackRequest> {
    let kind = match TrackType::try_from(request.r#type).ok()? {
        TrackType::Audio => Kind::Audio,
        TrackType::Video => Kind::Video,
        TrackType::Data => return None,
    };
    let layers = layers(request).iter().map(|it| Layer { width: it.width, height: it.height }).collect();
    Some(TrackRequest {
        kind,
        source: source(request.source),
        name: request.name.clone(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        layers,
    })
}

/// A source in the room's words.
pub(crate) fn source(source: i32) -> Source {
    match TrackSource::try_from(source).unwrap_or_default() {
        TrackSource::Unknown => Source::Unknown,
        TrackSource::Camera => Source::Camera,
        TrackSource::Microphone => Source::Microphone,
        TrackSource::ScreenShare => Source::ScreenShare,
        TrackSource::ScreenShareAudio => Source::ScreenShareAudio,
    }
}

/// A source in LiveKit's words.
pub(crate) fn proto_source(source: Source) -> TrackSource {
    match source {
        Source::Unknown => TrackSource::Unknown,
        Source::Camera => TrackSource::Camera,
        Source::Microphone => TrackSource::Microphone,
        Source::ScreenShare => TrackSource::ScreenShare,
        Source::ScreenShareAudio => TrackSource::ScreenShareAudio,
    }
}

/// Layers by quality, lowest first. A video without layers has one.
fn layers(request: &proto::AddTrackRequest) -> Vec<proto::VideoLayer> {
    if request.r#type != i32::from(TrackType::Video) {
        return Vec::new();
    }
    let mut layers = request.layers.clone();
    if layers.is_empty() {
        let (width, height) = (request.width, request.height);
        layers.push(proto::VideoLayer { quality: VideoQuality::High.into(), width, height, ..Default::default() });
    }
    layers.truncate(sdp::limits::RIDS_MAX);
    layers.sort_by_key(|it| it.quality);
    layers
}

fn track_info(sid: &TrackSid, request: &proto::AddTrackRequest, enabled: &[Codec]) -> proto::TrackInfo {
    let layers = layers(request);
    let codecs = codecs(request, &layers, enabled);
    let mode = codecs.first().map(|it| it.video_layer_mode).unwrap_or_default();
    let one_per_stream = mode == i32::from(LayerMode::OneSpatialLayerPerStream);
    let mut features = request.audio_features.clone();
    if request.stereo {
        features.push(AudioTrackFeature::TfStereo.into());
    }
    if request.disable_dtx {
        features.push(AudioTrackFeature::TfNoDtx.into());
    }
    let info = proto::TrackInfo {
        sid: sid.to_string(),
        r#type: request.r#type,
        name: request.name.clone(),
        simulcast: one_per_stream && layers.len() > 1,
        source: request.source,
        layers,
        mime_type: codecs.first().map(|it| it.mime_type.clone()).unwrap_or_default(),
        codecs,
        disable_red: request.disable_red,
        encryption: request.encryption,
        stream: stream(request),
        backup_codec_policy: request.backup_codec_policy,
        packet_trailer_features: request.packet_trailer_features.clone(),
        ..Default::default()
    };
    let mut info = info;
    set_features(&mut info, &features);
    info
}

/// The stream that ties a device's picture and sound together.
fn stream(request: &proto::AddTrackRequest) -> String {
    if !request.stream.is_empty() {
        return request.stream.clone();
    }
    match source(request.source) {
        Source::Camera | Source::Microphone => "camera",
        Source::ScreenShare | Source::ScreenShareAudio => "screen",
        Source::Unknown => "unknown",
    }
    .to_owned()
}

/// The codecs asked for, each replaced by the first enabled one of its kind when it is not enabled itself.
fn codecs(
    request: &proto::AddTrackRequest,
    layers: &[proto::VideoLayer],
    enabled: &[Codec],
) -> Vec<proto::SimulcastCodecInfo> {
    let video = request.r#type == i32::from(TrackType::Video);
    let asked = request.simulcast_codecs.iter().take(sdp::limits::RIDS_MAX).map(|it| {
        let codec = enabled_codec(&it.codec, video, enabled);
        let own = if it.layers.is_empty() { layers.to_vec() } else { it.layers.clone() };
        let mode = if it.video_layer_mode == 0 { layer_mode(codec, video) } else { it.video_layer_mode };
        info(codec.map(mime).unwrap_or_default(), it.cid.clone(), own, mode)
    });
    let asked: Vec<_> = asked.collect();
    if !asked.is_empty() {
        return asked;
    }
    vec![info(String::new(), request.cid.clone(), layers.to_vec(), layer_mode(None, video))]
}

fn info(mime_type: String, cid: String, layers: Vec<proto::VideoLayer>, mode: i32) -> proto::SimulcastCodecInfo {
    proto::SimulcastCodecInfo { mime_type, cid, layers, video_layer_mode: mode, ..Default::default() }
}

fn enabled_codec(name: &str, video: bool, enabled: &[Codec]) -> Option<Codec> {
    let first = || enabled.iter().copied().find(|&it| is_video(it) == video);
    sdp::codec_named(name).filter(|it| enabled.contains(it)).or_else(first)
}

/// Whether a codec carries pictures.
pub(super) fn is_video(codec: Codec) -> bool {
    matches!(codec, Codec::Vp8 | Codec::Vp9 | Codec::H264 | Codec::H265 | Codec::Av1)
}

fn layer_mode(codec: Option<Codec>, video: bool) -> i32 {
    let mode = match codec {
        _ if !video => LayerMode::Unused,
        Some(Codec::Vp9 | Codec::Av1) => LayerMode::MultipleSpatialLayersPerStream,
        _ => LayerMode::OneSpatialLayerPerStream,
    };
    mode.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_what_a_request_leaves_open() {
        let request = proto::AddTrackRequest {
            cid: "c".into(),
            r#type: TrackType::Video.into(),
            source: TrackSource::Camera.into(),
            simulcast_codecs: vec![proto::SimulcastCodec {
                codec: "h265".into(),
                cid: "c".into(),
                ..Default::default()
            }],
            layers: [2, 0, 1].map(|quality| proto::VideoLayer { quality, ..Default::default() }).to_vec(),
            ..Default::default()
        };
        let info = track_info(&TrackSid::new("TR_VC1"), &request, &[Codec::Opus, Codec::Vp8]);
        assert_eq!(info.codecs[0].mime_type, "video/vp8");
        assert_eq!(info.layers.iter().map(|it| it.quality).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!((info.stream.as_str(), info.simulcast), ("camera", true));
    }

    #[test]
    fn a_layered_codec_is_no_simulcast() {
        let request = proto::AddTrackRequest {
            r#type: TrackType::Video.into(),
            simulcast_codecs: vec![proto::SimulcastCodec { codec: "vp9".into(), ..Default::default() }],
            layers: vec![Default::default(), Default::default()],
            ..Default::default()
        };
        let info = track_info(&TrackSid::new("TR_V1"), &request, &[Codec::Vp9]);
        assert!(!info.simulcast);
        assert_eq!(info.codecs[0].video_layer_mode, i32::from(LayerMode::MultipleSpatialLayersPerStream));
    }

    #[test]
    fn old_flags_become_features() {
        let request = proto::AddTrackRequest { stereo: true, disable_dtx: true, ..Default::default() };
        let info = track_info(&TrackSid::new("TR_A"), &request, &[Codec::Opus]);
        assert_eq!(info.audio_features, [0, 1]);
        assert!(info.stereo && info.disable_dtx);
        assert!(track_request(&proto::AddTrackRequest { r#type: 2, ..Default::default() }).is_none());
        assert!(track_request(&proto::AddTrackRequest { r#type: 9, ..Default::default() }).is_none());
    }
}
