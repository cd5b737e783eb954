//! Who is told how good connections are, and which sizes are wanted.

use std::time::Duration;

use door::{Flow, Health, Kind, Notice};
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;

use super::scene::{Client, Scene};
use crate::world::dynacast::PAUSE_DELAY;
use crate::world::{Input, Mode};

/// Qualities told to a client, by participant.
fn told(scene: &mut Scene, client: &Client) -> Vec<(String, i32)> {
    let updates =
        scene.take(client, |it| if let Message::ConnectionQuality(it) = it { Some(it.updates.clone()) } else { None });
    updates.into_iter().flatten().map(|it| (it.participant_sid, it.quality)).collect()
}

fn lose(scene: &mut Scene, client: &Client, loss_permille: u16) {
    let peer = scene.peers(client)[0];
    let up = Some(Flow { loss_permille, jitter_ms: 5 });
    scene.input(Input::Media(Notice::Health(vec![Health { peer, up, down: None, rtt_ms: Some(50) }])));
}

#[test]
fn quality_is_told_to_itself_and_to_who_receives_it() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let stranger = scene.enter("eve", Mode::Single);
    scene.publish(&mut ann, Kind::Audio, "mic");
    scene.meet_requirements(&mut bob);
    let sid = scene.sid("ann");
    scene.ask(&stranger, Asked::Subscription(proto::UpdateSubscription { ..Default::default() }));
    scene.clear();
    lose(&mut scene, &ann, 0);
    assert!(told(&mut scene, &ann).is_empty(), "it is what was told at first");
    lose(&mut scene, &ann, 70);
    let good = vec![(sid.clone(), 1)];
    assert_eq!((told(&mut scene, &ann), told(&mut scene, &bob)), (good.clone(), good));
    lose(&mut scene, &ann, 400);
    assert_eq!(told(&mut scene, &bob), [(sid.clone(), 0)]);
    let peer = scene.peers(&ann)[0];
    scene.input(Input::Media(Notice::PeerSilent(peer)));
    assert_eq!(told(&mut scene, &bob), [(sid.clone(), 3)]);
    scene.input(Input::Media(Notice::PeerHeard(peer)));
    assert_eq!(told(&mut scene, &bob), [(sid.clone(), 0)]);
    lose(&mut scene, &ann, 0);
    assert_eq!(told(&mut scene, &bob), [(sid, 2)]);
}

/// What a publisher is told of its picture: how many of the three sizes are wanted.
fn wanted(scene: &mut Scene, client: &Client) -> Vec<usize> {
    let updates = scene.take(client, |it| {
        if let Message::SubscribedQualityUpdate(it) = it { Some(it.subscribed_codecs[0].clone()) } else { None }
    });
    updates.iter().map(|it| it.qualities.iter().filter(|it| it.enabled).count()).collect()
}

#[test]
fn unwatched_sizes_are_paused_after_a_while_and_wanted_again_at_once() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    let (track, _) = scene.publish(&mut ann, Kind::Video, "cam");
    assert!(wanted(&mut scene, &ann).is_empty(), "everything is sent at first without a word");
    scene.advance(PAUSE_DELAY - Duration::from_millis(1));
    assert!(wanted(&mut scene, &ann).is_empty());
    scene.advance(Duration::from_millis(1));
    assert_eq!(wanted(&mut scene, &ann), [0], "nobody watches");
    let mut bob = scene.enter("bob", Mode::Single);
    scene.meet_requirements(&mut bob);
    assert_eq!(wanted(&mut scene, &ann), [3]);
    let setting = |quality, disabled| {
        Asked::TrackSetting(proto::UpdateTrackSettings {
            track_sids: vec![track.clone()],
            quality,
            disabled,
            ..Default::default()
        })
    };
    scene.ask(&bob, setting(0, false));
    scene.advance(PAUSE_DELAY);
    assert_eq!(wanted(&mut scene, &ann), [1]);
    scene.ask(&bob, setting(1, false));
    assert_eq!(wanted(&mut scene, &ann), [2]);
    scene.ask(&bob, setting(1, true));
    scene.ask(&bob, setting(1, false));
    scene.advance(PAUSE_DELAY);
    assert!(wanted(&mut scene, &ann).is_empty(), "a short absence is not told");
    scene.ask(&bob, Asked::Leave(Default::default()));
    scene.advance(PAUSE_DELAY);
    assert_eq!(wanted(&mut scene, &ann), [0]);
}

#[test]
fn adaptive_viewers_begin_with_the_smallest() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    scene.publish(&mut ann, Kind::Video, "cam");
    let mut bob = scene.enter_with("bob", Mode::Single, |join| {
        join.request.connection_settings.as_mut().unwrap().adaptive_stream = true;
    });
    scene.meet_requirements(&mut bob);
    scene.advance(PAUSE_DELAY);
    assert_eq!(wanted(&mut scene, &ann), [1]);
}
