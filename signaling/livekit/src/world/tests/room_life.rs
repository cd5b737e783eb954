//! The room from its first participant to its end.

use std::time::Duration;

use door::Kind;
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;

use super::scene::Scene;
use crate::world::{Input, JoinRefusal, Mode, RoomEvent};

fn names(scene: &Scene) -> Vec<&'static str> {
    let name = |it: &RoomEvent| match it {
        RoomEvent::RoomStarted(_) => "room_started",
        RoomEvent::RoomFinished(..) => "room_finished",
        RoomEvent::ParticipantJoined(..) => "joined",
        RoomEvent::ParticipantLeft(..) => "left",
        RoomEvent::ParticipantConnectionAborted(..) => "aborted",
        RoomEvent::TrackPublished(..) => "published",
        RoomEvent::TrackUnpublished(..) => "unpublished",
        RoomEvent::LiveStarted(..) => "live_started",
        RoomEvent::LiveEnded(_) => "live_ended",
        RoomEvent::ClientFault { .. } => "fault",
    };
    scene.events.iter().map(name).collect()
}

#[test]
fn events_tell_the_story() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    scene.publish(&mut ann, Kind::Audio, "mic");
    let bob = scene.knock("bob", Mode::Single, |_| {});
    scene.ask(&bob, Asked::Leave(Default::default()));
    scene.ask(&ann, Asked::Leave(Default::default()));
    assert!(!scene.world.is_over());
    scene.advance(Duration::from_secs(20));
    assert!(scene.world.is_over());
    assert_eq!(scene.world.deadline(), None);
    assert_eq!(
        names(&scene),
        [
            "room_started",
            "joined",
            "published",
            "live_started",
            "aborted",
            "unpublished",
            "left",
            "live_ended",
            "room_finished"
        ]
    );
    scene.knock("late", Mode::Single, |_| {});
    assert_eq!(scene.refused, [JoinRefusal::Closing]);
}

#[test]
fn the_newest_session_of_an_identity_wins() {
    let mut scene = Scene::new();
    let (mut first, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    scene.publish(&mut first, Kind::Audio, "mic");
    let old = scene.sid("ann");
    scene.clear();
    let second = scene.enter("ann", Mode::Single);
    let leave = scene.leave_message(&first).unwrap();
    assert_eq!((leave.action, leave.reason), (0, 2), "disconnect, duplicate identity");
    assert_eq!(scene.closed, [first.connection]);
    let sid = scene.sid("ann");
    let told: Vec<_> = scene.updates(&bob);
    assert!(told.iter().all(|it| it.sid == sid && it.sid != old), "nobody is told of the old session");
    scene.input(Input::ConnectionClosed(first.connection));
    scene.ask(&second, Asked::PingReq(proto::Ping { timestamp: 5, rtt: 1 }));
    let pong = scene.take(&second, |it| if let Message::PongResp(it) = it { Some(*it) } else { None });
    assert_eq!(pong[0].last_ping_timestamp, 5);
    assert_eq!(scene.world.counts().participants, 2);
}

#[test]
fn old_clients_are_told_of_the_replaced_session() {
    let mut scene = Scene::new();
    let bob = scene.enter_with("bob", Mode::Dual, |join| join.client_info.protocol = 9);
    scene.enter("ann", Mode::Single);
    let old = scene.sid("ann");
    scene.clear();
    scene.enter("ann", Mode::Single);
    assert_eq!(scene.updates(&bob)[0].sid, old);
}

#[test]
fn a_departure_is_told_with_its_reason() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    scene.clear();
    scene.ask(&ann, Asked::Leave(proto::LeaveRequest { reason: 12, ..Default::default() }));
    assert!(scene.leave_message(&ann).is_none());
    assert_eq!(scene.closed, [ann.connection]);
    let last = scene.updates(&bob).pop().unwrap();
    assert_eq!((last.state, last.disconnect_reason), (3, 12));
    scene.advance(Duration::from_secs(5));
    let rooms = scene.take(&bob, |it| if let Message::RoomUpdate(it) = it { it.room.clone() } else { None });
    assert_eq!(rooms[0].num_participants, 1);
}

#[test]
fn a_shutdown_sends_everybody_elsewhere() {
    let mut scene = Scene::new();
    let clients = [scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Dual)];
    scene.input(Input::Shutdown);
    for client in &clients {
        let leave = scene.leave_message(client).unwrap();
        assert_eq!((leave.action, leave.reason), (2, 3));
        assert!(scene.closed.contains(&client.connection));
    }
    assert!(scene.world.is_over() && scene.ledger.is_empty());
}

#[test]
fn versions_rise_and_tokens_are_refreshed() {
    let mut scene = Scene::new();
    let (mut ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    scene.publish(&mut ann, Kind::Audio, "mic");
    scene.publish(&mut ann, Kind::Audio, "mic2");
    let versions: Vec<_> = scene.updates(&bob).iter().filter(|it| it.identity == "ann").map(|it| it.version).collect();
    assert!(versions.is_sorted() && versions.len() == 2 && versions[0] < versions[1]);
    scene.clear();
    scene.advance(Duration::from_secs(300));
    assert_eq!(scene.refreshed.len(), 2);
    scene.advance(Duration::from_secs(300));
    assert_eq!(scene.refreshed.len(), 4);
}

#[test]
fn who_never_gets_media_up_is_removed() {
    let mut scene = Scene::new();
    let ann = scene.knock("ann", Mode::Single, |_| {});
    scene.advance(Duration::from_secs(60));
    assert_eq!(scene.leave_message(&ann).unwrap().reason, 7);
    assert!(scene.ledger.is_empty());
}
