//! Lost websockets, lost networks, and the way back.

use std::time::Duration;

use door::{Command, Kind, Notice, PeerEnd};
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;

use super::scene::{Client, Scene, join};
use crate::world::{Input, Mode};

fn resume(scene: &mut Scene, client: &Client) -> Client {
    let connection = scene.connection();
    let mut join = join(connection, &client.identity, client.mode);
    join.reconnect = true;
    scene.input(Input::Join(Box::new(join)));
    Client { connection, ufrag: format!("again{}", connection.0), ..client.clone() }
}

#[test]
fn a_lost_websocket_does_not_end_the_session() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let sid = scene.sid("ann");
    scene.input(Input::ConnectionClosed(ann.connection));
    scene.clear();
    let mut again = resume(&mut scene, &ann);
    assert_eq!(scene.words(&again), ["reconnect", "update", "room_update", "quality"]);
    assert_eq!(scene.sid("ann"), sid);
    assert!(scene.words(&bob).is_empty());
    scene.offer(&mut again);
    let restart = scene.ledger.log.iter().any(|it| matches!(it, Command::SetRemote { local: Some(_), .. }));
    assert!(restart, "other credentials restart ICE");
}

#[test]
fn a_new_websocket_replaces_the_old() {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    let again = resume(&mut scene, &ann);
    assert_eq!(scene.closed, [ann.connection]);
    scene.input(Input::ConnectionClosed(ann.connection));
    scene.ask(&ann, Asked::Leave(Default::default()));
    assert_eq!(scene.world.counts().participants, 1);
    scene.ask(&again, Asked::Ping(1));
    assert!(scene.words(&again).contains(&"pong"));
}

#[test]
fn dual_mode_restarts_the_subscriber() {
    let mut scene = Scene::new();
    let (mut ann, bob) = (scene.enter("ann", Mode::Dual), scene.enter("bob", Mode::Dual));
    scene.publish(&mut ann, Kind::Audio, "mic");
    // The offer for the new track is lost with the websocket.
    scene.input(Input::ConnectionClosed(bob.connection));
    scene.clear();
    let again = resume(&mut scene, &bob);
    assert!(matches!(scene.ledger.log[..], [Command::SetRemote { local: Some(_), .. }]));
    assert_eq!(scene.words(&again), ["reconnect", "update", "room_update", "quality", "quality", "offer"]);
    let again = resume(&mut scene, &again);
    assert_eq!(scene.answer_offers(&again), 1);
    assert_eq!(scene.ledger.downs.len(), 1);
}

#[test]
fn the_unknown_must_join_anew() {
    let mut scene = Scene::new();
    scene.enter("bob", Mode::Dual);
    for client in [
        Client { identity: "ann".into(), ..scene.enter("x", Mode::Single) },
        Client { identity: "bob".into(), ..scene.enter("y", Mode::Single) },
    ] {
        let again = resume(&mut scene, &client);
        let leave = scene.leave_message(&again).unwrap();
        assert_eq!((leave.action, leave.reason, leave.can_reconnect), (2, 6, true));
        assert!(scene.closed.contains(&again.connection));
    }
}

#[test]
fn without_media_a_lost_websocket_is_the_end() {
    let mut scene = Scene::new();
    let ann = scene.knock("ann", Mode::Single, |_| {});
    scene.input(Input::ConnectionClosed(ann.connection));
    assert_eq!(scene.world.counts().participants, 0);
    assert!(scene.ledger.is_empty());
}

#[test]
fn lost_media_must_come_back() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let peer = scene.peers(&ann)[0];
    scene.input(Input::Media(Notice::PeerEnded(peer, PeerEnd::ConsentExpired)));
    let leave = scene.leave_message(&ann).unwrap();
    assert_eq!((leave.action, leave.reason), (1, 14), "resume, connection timeout");
    assert_eq!(scene.closed, [ann.connection]);
    scene.advance(Duration::from_secs(4));
    let again = resume(&mut scene, &ann);
    scene.advance(Duration::from_secs(20));
    assert_eq!(scene.world.counts().participants, 2);
    scene.input(Input::Media(Notice::PeerHeard(peer)));
    scene.advance(Duration::from_secs(40));
    assert_eq!(scene.world.counts().participants, 2);
    scene.input(Input::Media(Notice::PeerEnded(peer, PeerEnd::ConsentExpired)));
    scene.clear();
    scene.advance(Duration::from_secs(5));
    assert_eq!(scene.updates(&bob).pop().unwrap().disconnect_reason, 14);
    assert!(scene.closed.contains(&again.connection));
}

#[test]
fn a_connection_that_never_was_is_not_lost() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Dual);
    scene.offer(&mut ann);
    let subscriber = scene.peers(&ann)[1];
    scene.input(Input::Media(Notice::PeerEnded(subscriber, PeerEnd::ConsentExpired)));
    resume(&mut scene, &ann);
    scene.input(Input::Media(Notice::PeerConnected(subscriber)));
    scene.advance(Duration::from_secs(12));
    assert_eq!(scene.world.counts().participants, 1);
}

#[test]
fn media_that_cannot_be_makes_the_client_begin_anew() {
    for end in [PeerEnd::DtlsFailed, PeerEnd::FingerprintMismatch] {
        let mut scene = Scene::new();
        let ann = scene.knock("ann", Mode::Single, |_| {});
        let peer = scene.peers(&ann)[0];
        scene.input(Input::Media(Notice::PeerEnded(peer, end)));
        assert_eq!(scene.leave_message(&ann).unwrap().action, 2);
        assert!(scene.ledger.is_empty());
    }
}

#[test]
fn the_end_of_dtls_and_websocket_is_a_departure() {
    for signal_first in [true, false] {
        let mut scene = Scene::new();
        let ann = scene.enter("ann", Mode::Single);
        let ended = Input::Media(Notice::PeerEnded(scene.peers(&ann)[0], PeerEnd::Closed));
        let closed = Input::ConnectionClosed(ann.connection);
        let inputs = if signal_first { [closed, ended] } else { [ended, closed] };
        inputs.into_iter().for_each(|it| scene.input(it));
        assert_eq!(scene.world.counts().participants, 0);
    }
}

#[test]
fn state_is_synchronised_or_begun_anew() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let (sid, _) = scene.publish(&mut ann, Kind::Video, "cam");
    scene.meet_requirements(&mut bob);
    scene.clear();
    let bob = resume(&mut scene, &bob);
    let disabled = proto::SyncState { track_sids_disabled: vec![sid.clone()], ..Default::default() };
    scene.ask(&bob, Asked::SyncState(disabled));
    assert!(matches!(scene.ledger.log[..], [Command::SetTarget { target: door::LayerTarget::Off, .. }]));
    let state = |sid: &str| {
        let track = Some(proto::TrackInfo { sid: sid.into(), ..Default::default() });
        let publish_tracks = vec![proto::TrackPublishedResponse { cid: "cam".into(), track }];
        Asked::SyncState(proto::SyncState { publish_tracks, ..Default::default() })
    };
    scene.ask(&ann, state(&sid));
    assert_eq!(scene.world.counts().participants, 2);
    scene.ask(&bob, state(&sid));
    assert_eq!(scene.leave_message(&bob).unwrap().action, 2);
    assert_eq!(scene.world.counts().participants, 1);
}
