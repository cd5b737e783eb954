//! Whatever is made in the media house is unmade on every way out.

use std::time::Duration;

use door::{Kind, Notice, PeerEnd};
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;

use super::scene::{Client, Scene, description};
use crate::world::{Counts, Input, Mode};

/// Two of each mode, everybody publishing and receiving everything.
fn crowd(scene: &mut Scene) -> Vec<Client> {
    let modes = [("ann", Mode::Single), ("bob", Mode::Single), ("cem", Mode::Dual), ("eve", Mode::Dual)];
    let mut clients: Vec<_> = modes.map(|(identity, mode)| scene.enter(identity, mode)).into();
    for client in &mut clients {
        scene.publish(client, Kind::Audio, "mic");
        scene.publish(client, Kind::Video, "cam");
    }
    for client in &mut clients {
        scene.meet_requirements(client);
        scene.answer_offers(client);
    }
    let counts = scene.world.counts();
    assert_eq!((counts.peers, counts.up_tracks, counts.down_tracks), (6, 8, 24));
    assert_eq!((counts.subscriptions, counts.subscriptions_pending), (24, 0));
    clients
}

fn is_empty(scene: &Scene, way: &str) {
    assert!(scene.ledger.is_empty(), "{way}: {:?}", scene.ledger);
    assert_eq!(scene.world.counts(), Counts::default(), "{way}");
    assert!(scene.world.tracks.is_empty() && scene.world.ups.is_empty() && scene.world.peers.is_empty(), "{way}");
    assert!(scene.world.sessions.is_empty() && scene.world.changed.is_empty() && scene.world.dirty.is_empty(), "{way}");
}

type WayOut = fn(&mut Scene, &Client);

#[test]
fn every_way_out_leaves_nothing_behind() {
    let ways: [(&str, WayOut); 7] = [
        ("leave", |scene, client| scene.ask(client, Asked::Leave(Default::default()))),
        ("malformed offer", |scene, client| {
            scene.ask(client, Asked::Offer(description("offer", "x".into(), 9)));
        }),
        ("fingerprint", |scene, client| {
            let peer = scene.peers(client)[0];
            scene.input(Input::Media(Notice::PeerEnded(peer, PeerEnd::FingerprintMismatch)));
        }),
        ("lost", |scene, client| {
            for peer in scene.peers(client) {
                scene.input(Input::Media(Notice::PeerEnded(peer, PeerEnd::ConsentExpired)));
            }
            scene.advance(Duration::from_secs(5));
        }),
        ("closed", |scene, client| {
            for peer in scene.peers(client) {
                scene.input(Input::Media(Notice::PeerEnded(peer, PeerEnd::Closed)));
            }
            scene.input(Input::ConnectionClosed(client.connection));
        }),
        ("simulated node failure", |scene, client| {
            let scenario = Some(proto::simulate_scenario::Scenario::NodeFailure(true));
            scene.ask(client, Asked::Simulate(proto::SimulateScenario { scenario }));
        }),
        ("shutdown", |scene, _| scene.input(Input::Shutdown)),
    ];
    for (way, go) in ways {
        let mut scene = Scene::new();
        let clients = crowd(&mut scene);
        clients.iter().for_each(|client| go(&mut scene, client));
        is_empty(&scene, way);
    }
}

#[test]
fn replaced_sessions_leave_nothing_behind() {
    let mut scene = Scene::new();
    crowd(&mut scene);
    let second = ["ann", "bob", "cem", "eve"].map(|identity| scene.enter(identity, Mode::Single));
    let counts = scene.world.counts();
    assert_eq!((counts.participants, counts.peers, counts.up_tracks, counts.down_tracks), (4, 4, 0, 0));
    second.iter().for_each(|it| scene.ask(it, Asked::Leave(Default::default())));
    is_empty(&scene, "replaced");
}

#[test]
fn a_departure_half_way_leaves_nothing_behind() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    let bob = scene.enter("bob", Mode::Dual);
    scene.add_track(&ann, Kind::Audio, "never");
    scene.publish(&mut ann, Kind::Video, "cam");
    // The server's offer is out, unanswered.
    scene.ask(&bob, Asked::Leave(Default::default()));
    scene.ask(&ann, Asked::Leave(Default::default()));
    is_empty(&scene, "half way");
}
