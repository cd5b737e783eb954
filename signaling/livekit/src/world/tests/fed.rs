//! Guests whose media the ingress feeds: others see ordinary participants.

use door::{Command, Kind, Notice};
use livekit_protocol as proto;
use proto::signal_response::Message;

use super::scene::{Client, Scene};
use crate::guest::tests::picture;
use crate::view::Coded;
use crate::world::{FedNews, Input, Mode, RoomEvent};

/// A guest that has joined and offers nothing.
fn guest(scene: &mut Scene, identity: &str) -> Client {
    scene.knock(identity, Mode::Single, |join| {
        join.request = proto::JoinRequest::default();
        join.kind = room::ParticipantKind::Ingress;
        join.grants.can_subscribe = false;
    })
}

#[test]
fn a_fed_track_flows_to_subscribers_and_ends_with_its_guest() {
    let mut scene = Scene::new();
    let mut bob = scene.enter("bob", Mode::Single);
    let obs = guest(&mut scene, "obs");
    scene.clear();
    scene.input(Input::Feed(obs.connection, Box::new(picture("video"))));
    let Some((_, FedNews::Opened { cid, key, track })) = scene.fed.pop() else { panic!("not opened") };
    assert_eq!(cid, "video");
    let info = scene.updates(&bob).pop().unwrap();
    assert_eq!((info.kind, info.state, info.is_publisher), (1, 2, true));
    assert_eq!((info.tracks[0].sid.as_str(), info.tracks[0].mime_type.as_str()), (track.as_str(), "video/vp8"));
    scene.meet_requirements(&mut bob);
    let subscribed = |command: &Command| matches!(command, Command::AddDownTrack { track, .. } if *track == key);
    assert!(scene.ledger.log.iter().any(subscribed));
    scene.input(Input::Media(Notice::KeyframeWanted { track: key, encoding: 0 }));
    assert_eq!(scene.fed.pop(), Some((obs.connection, FedNews::KeyframeWanted { key, encoding: 0 })));
    scene.input(Input::ConnectionClosed(obs.connection));
    assert!(scene.ledger.ups.is_empty() && scene.ledger.downs.is_empty());
    assert_eq!(scene.updates(&bob).pop().map(|it| it.state), Some(3));
}

#[test]
fn only_the_guest_itself_ends_its_track() {
    let mut scene = Scene::new();
    let (obs, cam) = (guest(&mut scene, "obs"), guest(&mut scene, "cam"));
    scene.input(Input::Feed(obs.connection, Box::new(picture("video"))));
    let Some((_, FedNews::Opened { key, .. })) = scene.fed.pop() else { panic!("not opened") };
    scene.input(Input::Unfeed(cam.connection, key));
    assert_eq!(scene.ledger.ups.len(), 1);
    scene.input(Input::Unfeed(obs.connection, key));
    assert!(scene.ledger.ups.is_empty());
    // What comes for a track that is gone is dropped.
    scene.input(Input::Media(Notice::KeyframeWanted { track: key, encoding: 0 }));
    scene.input(Input::Unfeed(obs.connection, key));
    assert!(scene.fed.is_empty());
}

#[test]
fn transcoding_is_charged_to_the_guest_and_the_room() {
    let mut scene = Scene::new();
    let (obs, _ann) = (guest(&mut scene, "obs"), scene.enter("ann", Mode::Single));
    scene.input(Input::Feed(obs.connection, Box::new(picture("video"))));
    for _ in 0..2 {
        scene.input(Input::Coded(obs.connection, Coded { ran_ms: 1000, cpu_ms: 400 }));
    }
    scene.input(Input::ConnectionClosed(obs.connection));
    // What comes after its end still counts for the room.
    scene.input(Input::Coded(obs.connection, Coded { ran_ms: 50, cpu_ms: 10 }));
    scene.input(Input::Shutdown);
    let used = scene.events.iter().filter_map(|event| match event {
        RoomEvent::ParticipantLeft(_, who, used) => Some((who.identity.as_str(), used.transcode)),
        RoomEvent::RoomFinished(_, used) => Some(("the room", used.transcode)),
        _ => None,
    });
    let coded = |ran_ms, cpu_ms| Coded { ran_ms, cpu_ms };
    assert_eq!(
        used.collect::<Vec<_>>(),
        [("obs", coded(2000, 800)), ("ann", Coded::default()), ("the room", coded(2050, 810))]
    );
}

#[test]
fn a_removed_guest_is_told() {
    let mut scene = Scene::new();
    let obs = guest(&mut scene, "obs");
    scene.input(Input::Feed(obs.connection, Box::new(picture("video"))));
    let _new = scene.enter("obs", Mode::Single);
    let leave = scene.leave_message(&obs).unwrap();
    assert_eq!(leave.reason(), proto::DisconnectReason::DuplicateIdentity);
    assert!(scene.closed.contains(&obs.connection));
    let mut other = scene.enter("ann", Mode::Single);
    scene.publish(&mut other, Kind::Audio, "mic");
    let heard = scene.take(&obs, |it| if let Message::Update(it) = it { Some(it.clone()) } else { None });
    assert!(heard.iter().all(|it| it.participants.iter().all(|it| it.identity != "ann")));
}

#[test]
fn a_watched_track_stays_wanted() {
    let mut scene = Scene::new();
    let mut bob = scene.enter("bob", Mode::Single);
    let obs = guest(&mut scene, "obs");
    let mut sound = picture("audio");
    sound.request.r#type = proto::TrackType::Audio.into();
    sound.up.params.kind = Kind::Audio;
    for track in [picture("video"), sound] {
        scene.input(Input::Feed(obs.connection, Box::new(track)));
    }
    scene.meet_requirements(&mut bob);
    for _ in 0..10 {
        scene.advance(std::time::Duration::from_secs(1));
    }
    let wanted = |it: &Message| if let Message::SubscribedQualityUpdate(it) = it { Some(it.clone()) } else { None };
    let told = scene.take(&obs, wanted);
    assert!(!told.is_empty());
    for update in told {
        assert!(update.track_sid.starts_with("TR_VC"), "sounds have no sizes: {update:?}");
        assert!(update.subscribed_codecs[0].qualities.iter().all(|it| it.enabled), "{update:?}");
    }
}
