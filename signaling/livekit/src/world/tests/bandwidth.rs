//! What a subscriber's link does to its videos is told to its client, and what the client wants is told to the media house.

use door::{Command, DownKey, Kind, Notice};
use livekit_protocol as proto;
use proto::StreamState;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;

use super::scene::Scene;
use crate::world::{Input, Mode};

fn downs(scene: &Scene) -> Vec<DownKey> {
    let added = |it: &Command| if let Command::AddDownTrack { down, .. } = it { Some(*down) } else { None };
    scene.ledger.log.iter().filter_map(added).collect()
}

#[test]
fn a_video_that_does_not_fit_is_told_paused_and_active_again() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let (sid, _) = scene.publish(&mut ann, Kind::Video, "cam");
    scene.meet_requirements(&mut bob);
    let (down, peer, publisher) = (downs(&scene)[0], scene.peers(&bob)[0], scene.sid("ann"));
    for (paused, state) in [(true, StreamState::Paused), (false, StreamState::Active)] {
        scene.input(Input::Media(Notice::Paused { peer, down, paused }));
        let told = scene.take(&bob, |it| if let Message::StreamStateUpdate(it) = it { Some(it.clone()) } else { None });
        let info =
            proto::StreamStateInfo { participant_sid: publisher.clone(), track_sid: sid.clone(), state: state.into() };
        assert_eq!(told, [proto::StreamStateUpdate { stream_states: vec![info] }]);
    }
    // A key that ended meanwhile, and another's peer, are of no consequence.
    let stale = DownKey { serial: down.serial + 1000, ..down };
    scene.input(Input::Media(Notice::Paused { peer, down: stale, paused: true }));
    let other = scene.peers(&ann)[0];
    scene.input(Input::Media(Notice::Paused { peer: other, down, paused: true }));
    for client in [&ann, &bob] {
        let told = scene.take(client, |it| matches!(it, Message::StreamStateUpdate(_)).then_some(()));
        assert!(told.is_empty());
    }
}

#[test]
fn a_client_may_say_whether_its_videos_pause() {
    for mode in [Mode::Single, Mode::Dual] {
        for wish in [None, Some(true), Some(false)] {
            let mut scene = Scene::new();
            scene.enter_with("ann", mode, |join| {
                let settings = proto::ConnectionSettings { subscriber_allow_pause: wish, ..Default::default() };
                join.request.connection_settings = Some(settings);
            });
            let added = |it: &Command| if let Command::AddPeer(_, params) = it { Some(params.pauses) } else { None };
            assert_eq!(scene.ledger.log.iter().find_map(added), Some(wish), "{mode:?}");
        }
    }
}

#[test]
fn size_and_priority_are_weighed() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let (sid, _) = scene.publish(&mut ann, Kind::Video, "cam");
    scene.meet_requirements(&mut bob);
    let down = downs(&scene)[0];
    scene.clear();
    let (width, height, priority) = (640, 360, 2);
    let setting = proto::UpdateTrackSettings { track_sids: vec![sid], width, height, priority, ..Default::default() };
    scene.ask(&bob, Asked::TrackSetting(setting));
    let weights: Vec<_> = scene
        .ledger
        .log
        .iter()
        .filter_map(|it| if let Command::SetWeight { down, weight } = it { Some((*down, *weight)) } else { None })
        .collect();
    assert_eq!(weights, [(down, door::Weight { screen: false, priority: 2, pixels: 640 * 360 })]);
}
