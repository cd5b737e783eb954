//! Data tracks: who publishes, who receives, under which handles.

use std::time::Duration;

use door::{ChannelLabel, Command, Notice, PeerKey};
use livekit_protocol as proto;
use proto::request_response::Reason;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;

use super::scene::{Client, Scene, join};
use crate::world::{Input, Mode};

/// A frame in one packet.
const SINGLE: u8 = 0b0001_1000;

fn publish(scene: &mut Scene, client: &Client, pub_handle: u32, name: &str) -> Result<String, Reason> {
    let request = proto::PublishDataTrackRequest { pub_handle, name: name.into(), ..Default::default() };
    scene.ask(client, Asked::PublishDataTrackRequest(request));
    let answers = scene.take(client, |it| match it {
        Message::PublishDataTrackResponse(it) => Some(Ok(it.info.clone().unwrap().sid)),
        Message::RequestResponse(it) => Some(Err(it.reason())),
        _ => None,
    });
    answers.into_iter().next().unwrap()
}

fn subscribe(scene: &mut Scene, client: &Client, track: &str, subscribe: bool, fps: Option<u32>) {
    let options = Some(proto::DataTrackSubscriptionOptions { target_fps: fps });
    let update = proto::update_data_subscription::Update { track_sid: track.into(), subscribe, options };
    scene.ask(client, Asked::UpdateDataSubscription(proto::UpdateDataSubscription { updates: vec![update] }));
}

fn handles(scene: &mut Scene, client: &Client) -> Vec<(u32, String)> {
    let told =
        scene.take(client, |it| if let Message::DataTrackSubscriberHandles(it) = it { Some(it.clone()) } else { None });
    let last = told.into_iter().next_back().unwrap_or_default();
    let mut handles: Vec<_> = last.sub_handles.into_iter().map(|(handle, it)| (handle, it.track_sid)).collect();
    handles.sort();
    handles
}

fn frame(scene: &mut Scene, client: &Client, mark: u8, handle: u8) -> Vec<(PeerKey, u8)> {
    scene.ledger.log.clear();
    let (peer, payload) = (scene.peers(client)[0], vec![mark, 0, 0, handle, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    scene.input(Input::Media(Notice::Data { peer, channel: ChannelLabel::DataTrack, payload }));
    let sent = scene.ledger.log.iter().filter_map(|it| match it {
        Command::SendData { peer, payload, channel: ChannelLabel::DataTrack } => Some((*peer, payload[3])),
        _ => None,
    });
    sent.collect()
}

fn enter(scene: &mut Scene, identity: &str) -> Client {
    let client = scene.enter(identity, Mode::Single);
    let peer = scene.peers(&client)[0];
    scene.input(Input::Media(Notice::ChannelOpen(peer, ChannelLabel::DataTrack)));
    client
}

#[test]
fn frames_go_to_subscribers_under_their_handles() {
    let mut scene = Scene::new();
    let [ann, bob, cem] = ["ann", "bob", "cem"].map(|it| enter(&mut scene, it));
    let of_ann = publish(&mut scene, &ann, 1, "pose").unwrap();
    let of_bob = publish(&mut scene, &bob, 1, "pose").unwrap();
    assert_eq!(scene.updates(&cem).last().unwrap().data_tracks[0].name, "pose");
    assert!(frame(&mut scene, &ann, SINGLE, 1).is_empty(), "nobody has subscribed");
    subscribe(&mut scene, &cem, &of_ann, true, None);
    subscribe(&mut scene, &cem, &of_bob, true, None);
    subscribe(&mut scene, &bob, &of_ann, true, None);
    assert_eq!(handles(&mut scene, &cem), [(1, of_ann.clone()), (2, of_bob.clone())]);
    assert_eq!(handles(&mut scene, &bob), [(1, of_ann.clone())]);
    let (bob_peer, cem_peer) = (scene.peers(&bob)[0], scene.peers(&cem)[0]);
    let mut sent = frame(&mut scene, &ann, SINGLE, 1);
    sent.sort();
    let mut expected = [(bob_peer, 1), (cem_peer, 1)];
    expected.sort();
    assert_eq!(sent, expected);
    assert_eq!(frame(&mut scene, &bob, SINGLE, 1), [(cem_peer, 2)]);
    subscribe(&mut scene, &cem, &of_ann, false, None);
    assert_eq!(frame(&mut scene, &ann, SINGLE, 1), [(bob_peer, 1)]);
    scene.ask(&ann, Asked::UnpublishDataTrackRequest(proto::UnpublishDataTrackRequest { pub_handle: 1 }));
    assert!(frame(&mut scene, &ann, SINGLE, 1).is_empty());
    assert!(scene.updates(&cem).last().unwrap().data_tracks.is_empty());
}

#[test]
fn what_cannot_be_published_is_refused() {
    let mut scene = Scene::new();
    let ann = enter(&mut scene, "ann");
    publish(&mut scene, &ann, 1, "pose").unwrap();
    let mut refused = |handle, name: &str| publish(&mut scene, &ann, handle, name).unwrap_err();
    assert_eq!(refused(0, "x"), Reason::InvalidHandle);
    assert_eq!(refused(65_536, "x"), Reason::InvalidHandle);
    assert_eq!(refused(1, "x"), Reason::DuplicateHandle);
    assert_eq!(refused(2, "pose"), Reason::DuplicateName);
    assert_eq!(refused(2, ""), Reason::InvalidName);
    assert_eq!(refused(2, &"x".repeat(257)), Reason::InvalidName);
    for handle in 2..=100 {
        publish(&mut scene, &ann, handle, &handle.to_string()).unwrap();
    }
    assert_eq!(publish(&mut scene, &ann, 101, "more").unwrap_err(), Reason::LimitExceeded);
    let mute = scene.enter_with("mute", Mode::Single, |join| join.grants.can_publish_data = false);
    assert_eq!(publish(&mut scene, &mute, 1, "x").unwrap_err(), Reason::NotAllowed);
    scene.ask(&mute, Asked::UnpublishDataTrackRequest(proto::UnpublishDataTrackRequest { pub_handle: 1 }));
    assert!(scene.words(&mute).contains(&"request_response"));
}

#[test]
fn a_slower_rate_leaves_out_whole_frames() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|it| enter(&mut scene, it));
    let track = publish(&mut scene, &ann, 1, "pose").unwrap();
    subscribe(&mut scene, &bob, &track, true, Some(10));
    let (start, rest) = (0b0001_0000, 0b0000_1000);
    let counts: Vec<_> = [start, rest, start, rest].map(|mark| frame(&mut scene, &ann, mark, 1).len()).into();
    assert_eq!(counts, [1, 1, 0, 0]);
    scene.advance(Duration::from_millis(100));
    assert_eq!(frame(&mut scene, &ann, SINGLE, 1).len(), 1);
}

#[test]
fn who_wants_all_gets_all_and_who_goes_takes_its_own_along() {
    let mut scene = Scene::new();
    let ann = enter(&mut scene, "ann");
    let first = publish(&mut scene, &ann, 7, "first").unwrap();
    let eve = scene.enter_with("eve", Mode::Single, |join| {
        join.request.connection_settings.as_mut().unwrap().auto_subscribe_data_track = Some(true);
    });
    assert_eq!(handles(&mut scene, &eve), [(7, first)]);
    publish(&mut scene, &ann, 8, "second").unwrap();
    assert_eq!(handles(&mut scene, &eve).len(), 2);
    scene.ask(&ann, Asked::Leave(Default::default()));
    assert!(scene.world.data_tracks.is_empty());
}

#[test]
fn a_resumed_client_learns_its_handles_and_must_know_its_tracks() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|it| enter(&mut scene, it));
    let track = publish(&mut scene, &ann, 1, "pose").unwrap();
    subscribe(&mut scene, &bob, &track, true, None);
    scene.clear();
    let connection = scene.connection();
    let again = Client { connection, ..bob };
    let resume = crate::world::Join { reconnect: true, ..join(connection, "bob", Mode::Single) };
    scene.input(Input::Join(Box::new(resume)));
    assert_eq!(handles(&mut scene, &again), [(1, track.clone())]);
    let info = Some(proto::DataTrackInfo { sid: track, ..Default::default() });
    let publish_data_tracks = vec![proto::PublishDataTrackResponse { info }];
    scene.ask(&again, Asked::SyncState(proto::SyncState { publish_data_tracks, ..Default::default() }));
    assert_eq!(scene.leave_message(&again).unwrap().action, 2, "it is not its own");
}
