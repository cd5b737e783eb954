//! Every combination of rights against every message that takes one: done exactly when allowed, refused aloud otherwise.

use door::{ChannelLabel, Command, Kind, Notice};
use livekit_protocol as proto;
use prost::Message as _;
use proto::request_response::Reason;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use room::{Grants, Source};

use super::scene::{Client, Scene};
use crate::world::{Input, Mode};

const FLAGS: u32 = 8;

/// The rights that the bits of a number name.
fn grants(bits: u32) -> Grants {
    let has = |bit: u32| bits & (1 << bit) != 0;
    Grants {
        can_publish: has(0),
        can_subscribe: has(1),
        can_publish_data: has(2),
        can_update_metadata: has(3),
        hidden: has(4),
        can_publish_sources: if has(5) { [Source::Microphone].into() } else { Default::default() },
        recorder: has(6),
        room_admin: has(7),
        ..Grants::default()
    }
}

/// A room in which `eve` has these rights; from the beginning, or given while she is there.
fn room_with_eve(grants: &Grants, live: bool) -> (Scene, Client, Client) {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    let eve = scene.enter_with("eve", Mode::Single, |join| {
        if !live {
            join.grants = grants.clone();
        }
    });
    if live {
        scene.permit("eve", |it| {
            let sources = |source: &Source| crate::world::publication::proto_source(*source).into();
            it.can_publish = grants.can_publish;
            it.can_subscribe = grants.can_subscribe;
            it.can_publish_data = grants.can_publish_data;
            it.can_update_metadata = grants.can_update_metadata;
            it.hidden = grants.hidden;
            it.can_publish_sources = grants.can_publish_sources.iter().map(sources).collect();
            #[allow(deprecated)]
            {
                it.recorder = grants.recorder;
            }
        });
    }
    (scene, ann, eve)
}

fn every(check: impl Fn(&Grants, &mut Scene, &mut Client, &mut Client)) {
    for bits in 0..1 << FLAGS {
        for live in [false, true] {
            let grants = grants(bits);
            let (mut scene, mut ann, mut eve) = room_with_eve(&grants, live);
            check(&grants, &mut scene, &mut ann, &mut eve);
        }
    }
}

fn reasons(scene: &mut Scene, client: &Client) -> Vec<Reason> {
    scene.take(client, |it| if let Message::RequestResponse(it) = it { Some(it.reason()) } else { None })
}

#[test]
fn publishing() {
    every(|grants, scene, _, eve| {
        for (source, number) in [(Source::Camera, 1), (Source::Microphone, 2), (Source::ScreenShare, 3)] {
            let cid = format!("{source:?}");
            let kind = i32::from(source != Source::Microphone);
            let request = proto::AddTrackRequest { cid, r#type: kind, source: number, ..Default::default() };
            scene.ask(eve, Asked::AddTrack(request));
            let took = scene.take(eve, |it| if let Message::TrackPublished(_) = it { Some(()) } else { None });
            let allowed = grants.can_publish && (grants.can_publish_sources.is_empty() || source == Source::Microphone);
            assert_eq!(took.len(), usize::from(allowed), "{source:?} {grants:?}");
            let refused: &[Reason] = if allowed { &[] } else { &[Reason::NotAllowed] };
            assert_eq!(reasons(scene, eve), refused, "{source:?} {grants:?}");
        }
    });
}

#[test]
fn publishing_media_without_asking() {
    every(|_, scene, _, eve| {
        eve.add(super::client::Offered::send(Kind::Video, "smuggled", &[]));
        scene.offer(eve);
        assert!(scene.ledger.ups.is_empty(), "what was never announced is never taken");
    });
}

#[test]
fn receiving() {
    every(|grants, scene, ann, eve| {
        let (track, _) = scene.publish(ann, Kind::Audio, "mic");
        scene.meet_requirements(eve);
        assert_eq!(scene.ledger.downs.len(), usize::from(grants.can_subscribe), "{grants:?}");
        let wish = proto::UpdateSubscription { track_sids: vec![track], subscribe: true, ..Default::default() };
        scene.ask(eve, Asked::Subscription(wish));
        scene.meet_requirements(eve);
        assert_eq!(scene.ledger.downs.len(), usize::from(grants.can_subscribe), "a wish is no right: {grants:?}");
    });
}

#[test]
fn data() {
    every(|grants, scene, _, eve| {
        scene.clear();
        for channel in [ChannelLabel::Reliable, ChannelLabel::Lossy] {
            scene.ledger.log.clear();
            let user = proto::UserPacket { payload: vec![1], ..Default::default() };
            let value = Some(proto::data_packet::Value::User(user));
            let forged = proto::DataPacket {
                value,
                participant_identity: "ann".into(),
                participant_sid: "PA_forged".into(),
                ..Default::default()
            };
            let peer = scene.peers(eve)[0];
            scene.input(Input::Media(Notice::Data { peer, channel, payload: forged.encode_to_vec() }));
            let sent = scene.ledger.log.iter().filter_map(|it| match it {
                Command::SendData { payload, .. } => proto::DataPacket::decode(&**payload).ok(),
                _ => None,
            });
            let sent: Vec<_> = sent.collect();
            assert_eq!(sent.len(), usize::from(grants.can_publish_data), "{grants:?}");
            assert!(sent.iter().all(|it| it.participant_identity == "eve"), "a sender cannot be forged");
        }
    });
}

#[test]
fn own_words() {
    every(|grants, scene, ann, eve| {
        scene.clear();
        let request = proto::UpdateParticipantMetadata { metadata: "m".into(), request_id: 7, ..Default::default() };
        scene.ask(eve, Asked::UpdateMetadata(request));
        let reason = if grants.can_update_metadata { Reason::Ok } else { Reason::NotAllowed };
        assert_eq!(reasons(scene, eve), [reason], "{grants:?}");
        let seen = scene.updates(ann).into_iter().any(|it| it.metadata == "m");
        assert_eq!(seen, grants.can_update_metadata && !grants.hidden, "{grants:?}");
    });
}

#[test]
fn what_belongs_to_others() {
    every(|grants, scene, ann, eve| {
        let (track, _) = scene.publish(ann, Kind::Audio, "mic");
        scene.clear();
        scene.ask(eve, Asked::Mute(proto::MuteTrackRequest { sid: track.clone(), muted: true }));
        let features = proto::UpdateLocalAudioTrack { track_sid: track.clone(), features: vec![0] };
        scene.ask(eve, Asked::UpdateAudioTrack(features));
        scene.ask(eve, Asked::UpdateVideoTrack(proto::UpdateLocalVideoTrack { track_sid: track, width: 1, height: 1 }));
        assert_eq!(reasons(scene, eve), [Reason::NotFound; 3], "no right reaches others' tracks: {grants:?}");
        assert!(scene.updates(ann).is_empty());
    });
}

#[test]
fn being_seen() {
    every(|grants, scene, ann, eve| {
        let bob = scene.knock("bob", Mode::Single, |_| {});
        let Some(Message::Join(join)) = scene.inboxes[&bob.connection].first() else { panic!() };
        let seen = join.other_participants.iter().any(|it| it.identity == "eve");
        assert_eq!(seen, !grants.hidden, "{grants:?}");
        scene.clear();
        scene.ask(eve, Asked::Leave(proto::LeaveRequest::default()));
        let told = scene.updates(ann).into_iter().any(|it| it.identity == "eve");
        assert_eq!(told, !grants.hidden, "{grants:?}");
    });
}
