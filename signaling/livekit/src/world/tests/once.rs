//! Clients that offer once (WHIP and WHEP): tracks come and go on the sections of their only offer.

use door::{Command, Kind, Notice, PeerEnd};
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use sdp::{Description, Direction};

use super::client::Offered;
use super::scene::{Client, Scene, description};
use crate::world::{Input, Mode};

/// A viewer with one seat for sound and one for a picture, and the answer that it was given.
fn viewer(scene: &mut Scene) -> (Client, String) {
    let sections = vec![Offered::receive(Kind::Audio), Offered::receive(Kind::Video)];
    let offer = super::client::offer(&sections, "view");
    let client = scene.enter_with("tv", Mode::Once, |join| {
        join.request.publisher_offer = Some(description("offer", offer, 1));
        join.request.connection_settings =
            Some(proto::ConnectionSettings { auto_subscribe: false, ..Default::default() });
        join.grants.can_publish = false;
    });
    let client = Client { sections, ufrag: "view".into(), ..client };
    let answers = scene.take(&client, |it| if let Message::Answer(it) = it { Some(it.sdp.clone()) } else { None });
    (client, answers.into_iter().next().expect("an answer"))
}

fn wish(scene: &mut Scene, client: &Client, track: &str, subscribe: bool) {
    let track_sids = vec![track.to_owned()];
    scene.ask(
        client,
        Asked::Subscription(proto::UpdateSubscription { track_sids, subscribe, participant_tracks: vec![] }),
    );
}

/// The sections on which tracks flow to anybody, in the order in which they began.
fn begun(scene: &Scene) -> Vec<String> {
    let mid =
        |it: &Command| if let Command::AddDownTrack { params, .. } = it { Some(params.mid.to_string()) } else { None };
    scene.ledger.log.iter().filter_map(mid).collect()
}

#[test]
fn sections_are_open_before_anything_flows() {
    let mut scene = Scene::new();
    let (_, answer) = viewer(&mut scene);
    let parsed = Description::parse(&answer).unwrap();
    for section in &parsed.sections {
        assert_eq!(section.direction, Direction::SendOnly, "{answer}");
        assert_eq!(section.msid.as_ref().unwrap().stream, "room");
        assert!(section.ssrcs.is_empty() && !section.codecs.is_empty(), "{answer}");
    }
}

#[test]
fn tracks_take_their_turns_on_a_section_without_another_offer() {
    let mut scene = Scene::new();
    let (tv, _) = viewer(&mut scene);
    let mut ann = scene.enter("ann", Mode::Single);
    let (first, _) = scene.publish(&mut ann, Kind::Video, "one");
    let (second, _) = scene.publish(&mut ann, Kind::Video, "two");
    scene.clear();
    wish(&mut scene, &tv, &first, true);
    assert_eq!(begun(&scene), ["1"]);
    wish(&mut scene, &tv, &second, true);
    assert_eq!(begun(&scene), ["1"], "there is one seat");
    wish(&mut scene, &tv, &first, false);
    assert_eq!(begun(&scene), ["1", "1"]);
    assert_eq!(scene.ledger.downs.len(), 1);
    let asked = |it: &Message| matches!(it, Message::MediaSectionsRequirement(_)).then_some(());
    assert!(scene.take(&tv, asked).is_empty(), "nobody could answer");
}

#[test]
fn a_restart_keeps_what_flows() {
    let mut scene = Scene::new();
    let (mut tv, _) = viewer(&mut scene);
    let mut ann = scene.enter("ann", Mode::Single);
    let (track, _) = scene.publish(&mut ann, Kind::Video, "one");
    wish(&mut scene, &tv, &track, true);
    tv.ufrag = "anew".into();
    scene.clear();
    let answer = scene.offer(&mut tv);
    assert!(scene.ledger.log.iter().any(|it| matches!(it, Command::SetRemote { local: Some(_), .. })));
    assert_eq!((begun(&scene).len(), scene.ledger.downs.len()), (0, 1));
    assert!(Description::parse(&answer.sdp).unwrap().sections.iter().all(|it| it.direction == Direction::SendOnly));
}

#[test]
fn who_closes_its_connection_is_gone_at_once() {
    let mut scene = Scene::new();
    let (tv, _) = viewer(&mut scene);
    let peer = scene.peers(&tv)[0];
    scene.input(Input::Media(Notice::PeerEnded(peer, PeerEnd::Closed)));
    assert!(scene.world.room.by_identity("tv").is_none());
    assert!(scene.ledger.peers.is_empty());
}

#[test]
fn a_publisher_brings_its_tracks_with_its_only_offer() {
    let mut scene = Scene::new();
    let sections = vec![Offered::send(Kind::Audio, "a", &[]), Offered::send(Kind::Video, "v", &["q", "h", "f"])];
    let offer = super::client::offer(&sections, "whip");
    let track = |cid: &str, kind| proto::AddTrackRequest { cid: cid.into(), r#type: kind, ..Default::default() };
    let cam = scene.enter_with("cam", Mode::Once, |join| {
        join.request.add_track_requests = vec![track("a", 0), track("v", 1)];
        join.request.publisher_offer = Some(description("offer", offer, 1));
    });
    assert_eq!(scene.ledger.ups.len(), 2);
    let own = scene.updates(&cam).pop().unwrap();
    assert_eq!((own.state, own.tracks.len()), (2, 2));
}
