//! Who hears that somebody speaks.

use std::time::Duration;

use door::{Kind, Level, Notice};
use livekit_protocol as proto;
use proto::signal_response::Message;

use super::scene::{Client, Scene};
use crate::world::{Input, Mode};

fn told(scene: &mut Scene, client: &Client) -> Vec<bool> {
    let messages =
        scene.take(client, |it| if let Message::SpeakersChanged(it) = it { Some(it.speakers.clone()) } else { None });
    messages.into_iter().flatten().map(|it| it.active).collect()
}

fn speak(scene: &mut Scene, dbov: u8) {
    let track = *scene.ledger.ups.keys().next().unwrap();
    scene.input(Input::Media(Notice::Levels(vec![Level { track, dbov, active_percent: 90 }])));
}

#[test]
fn speakers_and_their_listeners_are_told() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let deaf = scene.enter_with("deaf", Mode::Single, |join| join.grants.can_subscribe = false);
    scene.publish(&mut ann, Kind::Audio, "mic");
    scene.meet_requirements(&mut bob);
    speak(&mut scene, 10);
    assert_eq!(
        (told(&mut scene, &ann), told(&mut scene, &bob), told(&mut scene, &deaf)),
        (vec![true], vec![true], vec![])
    );
    let mut late = scene.enter("late", Mode::Single);
    scene.meet_requirements(&mut late);
    assert_eq!(told(&mut scene, &late), [true]);
    scene.advance(Duration::from_secs(1));
    assert_eq!((told(&mut scene, &ann), told(&mut scene, &bob)), (vec![false], vec![false]));
}

#[test]
fn silence_and_unknown_tracks_are_nothing() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    scene.publish(&mut ann, Kind::Audio, "mic");
    speak(&mut scene, 127);
    let unknown = door::TrackKey { shard: door::ShardId(0), serial: 1 };
    scene.input(Input::Media(Notice::Levels(vec![Level { track: unknown, dbov: 1, active_percent: 100 }])));
    assert!(told(&mut scene, &ann).is_empty());
}
