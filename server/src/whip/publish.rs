//! WHIP: a client publishes, with a token or with the stream key of an ingress.

use std::net::SocketAddr;
use std::sync::Arc;

use door::Kind;
use livekit::ingress::Push;
use livekit::{Caller, CallerNews, GuestWish, Pass};
use livekit_protocol as proto;
use proto::ingress_state::Status;
use spans::Context;
use whip::{OfferedTrack, Publish, Refusal};

use super::WHIP;
use super::answer::Answer;
use super::house::House;
use super::session::{self, Part};

/// Publishes as the bearer of a token.
pub(super) async fn by_token(
    house: &Arc<House>,
    token: &str,
    (remote, request): (SocketAddr, Option<Context>),
    offer: Publish,
) -> Result<Answer, Refusal> {
    let pass = house.lobby().pass(token, Some(remote)).map_err(|error| session::refuse(&error))?.traced(request);
    if !pass.grants().can_publish {
        return Err(Refusal::NotAllowed("the token may not publish"));
    }
    begin(house, pass, None, offer).await
}

/// Publishes as the participant of an ingress.
pub(super) async fn by_key(
    house: &Arc<House>,
    push: Push,
    request: Option<Context>,
    offer: Publish,
) -> Result<Answer, Refusal> {
    let info = push.info();
    let name = if info.participant_name.is_empty() { &info.participant_identity } else { &info.participant_name };
    let wish = GuestWish {
        room: info.room_name.clone(),
        identity: info.participant_identity.clone(),
        name: name.clone(),
        metadata: info.participant_metadata.clone(),
        ..GuestWish::default()
    };
    begin(house, Pass::of_ingress(wish).traced(request), Some(push), offer).await
}

async fn begin(house: &Arc<House>, pass: Pass, push: Option<Push>, offer: Publish) -> Result<Answer, Refusal> {
    tracing::info!(room = pass.room(), participant = pass.identity(), tracks = offer.tracks.len(), "WHIP");
    let publisher = Publisher { tracks: offer.tracks, push };
    session::begin(house, pass, offer.sdp, publisher).await
}

struct Publisher {
    tracks: Vec<OfferedTrack>,
    push: Option<Push>,
}

impl Part for Publisher {
    const PATH: &'static str = WHIP;
    const SPAN: &'static str = "whip";

    async fn enter(&mut self, caller: &Caller) {
        let info = self.push.as_ref().map(Push::info);
        let requests: Vec<_> =
            self.tracks.iter().scan((false, false), |seen, track| Some(request(track, info, seen))).collect();
        for request in requests {
            caller.announce(request).await;
        }
    }

    async fn hear(&mut self, news: &CallerNews, caller: &Caller) {
        let (Some(push), CallerNews::People(people)) = (&self.push, news) else { return };
        let own = people.iter().find(|it| it.sid == caller.sid());
        let active = |it: &&proto::ParticipantInfo| it.state() == proto::participant_info::State::Active;
        if let Some(own) = own.filter(active) {
            push.note(|state| tell(state, own));
        }
    }

    fn pulse(&mut self, heard: bool) {
        if let Some(push) = self.push.as_ref().filter(|_| heard) {
            push.heard(std::time::Instant::now());
        }
    }

    async fn ended(&mut self) {
        match &mut self.push {
            Some(push) => _ = push.ended().await,
            None => std::future::pending().await,
        }
    }
}

/// What the room is told of a track. The first of a kind is camera or microphone, or what the ingress says; others are of
/// a screen.
fn request(track: &OfferedTrack, info: Option<&proto::IngressInfo>, seen: &mut (bool, bool)) -> proto::AddTrackRequest {
    let video = track.kind == Kind::Video;
    let again = std::mem::replace(if video { &mut seen.0 } else { &mut seen.1 }, true);
    let told = info.map(|info| {
        let (picture, sound) = (info.video.clone().unwrap_or_default(), info.audio.clone().unwrap_or_default());
        if video { (picture.name, picture.source) } else { (sound.name, sound.source) }
    });
    let (first, other) = if video {
        (proto::TrackSource::Camera, proto::TrackSource::ScreenShare)
    } else {
        (proto::TrackSource::Microphone, proto::TrackSource::ScreenShareAudio)
    };
    let default = (String::new(), i32::from(if again { other } else { first }));
    let (name, source) = told.filter(|_| !again).unwrap_or(default);
    let kind = if video { proto::TrackType::Video } else { proto::TrackType::Audio };
    let feature = |it: proto::AudioTrackFeature| i32::from(it);
    let stereo = track.stereo.then_some(feature(proto::AudioTrackFeature::TfStereo));
    // What an encoder sends is seldom speech alone: it is heard throughout.
    let constant = Some(feature(proto::AudioTrackFeature::TfNoDtx)).filter(|_| info.is_some());
    let layers = layers(track);
    let codec = proto::SimulcastCodec {
        codec: track.codec.clone(),
        cid: track.cid.clone(),
        layers: layers.clone(),
        ..Default::default()
    };
    proto::AddTrackRequest {
        cid: track.cid.clone(),
        name,
        r#type: kind.into(),
        source,
        layers,
        simulcast_codecs: if video { vec![codec] } else { vec![] },
        disable_red: true,
        audio_features: stereo.into_iter().chain(constant).collect(),
        ..Default::default()
    }
}

/// Its encodings by quality. How large they are, an offer does not say.
fn layers(track: &OfferedTrack) -> Vec<proto::VideoLayer> {
    let qualities = [proto::VideoQuality::Low, proto::VideoQuality::Medium, proto::VideoQuality::High];
    let layer = |(index, (quality, rid)): (i32, (proto::VideoQuality, &String))| proto::VideoLayer {
        quality: quality.into(),
        rid: rid.clone(),
        spatial_layer: index,
        ..Default::default()
    };
    (0..).zip(qualities.into_iter().zip(&track.rids)).map(layer).collect()
}

/// What `ListIngress` tells of a client that publishes.
fn tell(state: &mut proto::IngressState, own: &proto::ParticipantInfo) {
    let mime = |kind: proto::TrackType| {
        own.tracks.iter().find(|it| it.r#type == i32::from(kind)).map(|it| (it.mime_type.clone(), it.width, it.height))
    };
    state.status = Status::EndpointPublishing.into();
    state.tracks.clone_from(&own.tracks);
    state.video = mime(proto::TrackType::Video).map(|(mime_type, width, height)| proto::InputVideoState {
        mime_type,
        width,
        height,
        ..Default::default()
    });
    state.audio = mime(proto::TrackType::Audio).map(|(mime_type, ..)| proto::InputAudioState {
        mime_type,
        sample_rate: 48_000,
        ..Default::default()
    });
}
