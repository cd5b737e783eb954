//! When a room is live.

use std::time::Duration;

use door::Kind;
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;

use super::scene::Scene;
use crate::world::events::LIVE_GRACE;
use crate::world::{Input, Mode, RoomEvent};

/// The names of what was told since the last time.
fn told(scene: &mut Scene) -> Vec<&'static str> {
    std::mem::take(&mut scene.events).iter().map(RoomEvent::name).collect()
}

fn leave(scene: &mut Scene, client: &super::scene::Client) {
    scene.ask(client, Asked::Leave(proto::LeaveRequest { reason: 1, ..Default::default() }));
}

#[test]
fn live_begins_with_the_first_track_and_ends_after_the_last() {
    let mut scene = Scene::new();
    let (mut ada, mut bob) = (scene.enter("ada", Mode::Single), scene.enter("bob", Mode::Single));
    told(&mut scene);
    scene.publish(&mut ada, Kind::Audio, "voice");
    assert_eq!(told(&mut scene), ["track_published", "live_started"]);
    scene.publish(&mut bob, Kind::Video, "picture");
    assert_eq!(told(&mut scene), ["track_published"]);
    leave(&mut scene, &ada);
    scene.advance(2 * LIVE_GRACE);
    scene.input(Input::Tick);
    assert_eq!(told(&mut scene), ["track_unpublished", "participant_left"]);
    leave(&mut scene, &bob);
    assert_eq!(told(&mut scene), ["track_unpublished", "participant_left"]);
    scene.advance(LIVE_GRACE - Duration::from_millis(1));
    scene.input(Input::Tick);
    assert_eq!(told(&mut scene), Vec::<&str>::new());
    assert!(scene.world.deadline().is_some_and(|due| due <= scene.now.monotonic + Duration::from_millis(1)));
    scene.advance(Duration::from_millis(1));
    scene.input(Input::Tick);
    assert_eq!(told(&mut scene), ["live_ended"]);
}

#[test]
fn a_short_gap_is_no_end() {
    let mut scene = Scene::new();
    let mut ada = scene.enter("ada", Mode::Single);
    scene.enter("bob", Mode::Single);
    scene.publish(&mut ada, Kind::Audio, "voice");
    leave(&mut scene, &ada);
    scene.advance(LIVE_GRACE / 2);
    let mut ada = scene.enter("ada", Mode::Single);
    scene.publish(&mut ada, Kind::Audio, "voice");
    told(&mut scene);
    scene.advance(2 * LIVE_GRACE);
    scene.input(Input::Tick);
    assert_eq!(told(&mut scene), Vec::<&str>::new());
}

#[test]
fn a_live_room_that_ends_says_so_first() {
    let mut scene = Scene::new();
    let mut ada = scene.enter("ada", Mode::Single);
    scene.publish(&mut ada, Kind::Audio, "voice");
    told(&mut scene);
    scene.input(Input::Shutdown);
    assert_eq!(told(&mut scene), ["track_unpublished", "participant_left", "live_ended", "room_finished"]);
}
