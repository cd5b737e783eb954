//! What a client that was away is sent when it is back, and whom slow and fast ones hold up.
#![allow(deprecated)] // Clients still read the fields that newer ones replace.

use std::time::Duration;

use door::{ChannelLabel, Command, Kind, Notice};
use livekit_protocol as proto;
use prost::Message as _;
use proto::DataPacket;
use proto::data_packet::Value;
use proto::request_response::Reason;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;

use super::scene::{Client, Scene, join};
use crate::world::pace::PATIENCE;
use crate::world::{Input, Mode};

fn resume(scene: &mut Scene, client: &Client) -> Client {
    resume_as(scene, client, "")
}

fn resume_as(scene: &mut Scene, client: &Client, sid: &str) -> Client {
    let connection = scene.connection();
    let mut join = join(connection, &client.identity, client.mode);
    join.reconnect = true;
    join.request.participant_sid = sid.into();
    scene.input(Input::Join(Box::new(join)));
    Client { connection, ..client.clone() }
}

fn say(scene: &mut Scene, client: &Client, sequence: u32) {
    let value = Some(Value::User(proto::UserPacket { payload: b"hi".to_vec(), ..Default::default() }));
    let payload = DataPacket { value, sequence, ..Default::default() }.encode_to_vec();
    let peer = scene.peers(client)[0];
    scene.input(Input::Media(Notice::Data { peer, channel: ChannelLabel::Reliable, payload }));
}

/// Sequence numbers of the messages sent to a client, since the log was cleared.
fn sent(scene: &mut Scene, client: &Client) -> Vec<u32> {
    let peers = scene.peers(client);
    let log = std::mem::take(&mut scene.ledger.log);
    let sent = log.iter().filter_map(|it| match it {
        Command::SendData { peer, payload, .. } if peers.contains(peer) => {
            Some(DataPacket::decode(&payload[..]).unwrap().sequence)
        }
        _ => None,
    });
    sent.collect()
}

/// Credit that was given back, since the log was cleared.
fn repaid(scene: &mut Scene) -> u32 {
    let log = std::mem::take(&mut scene.ledger.log);
    log.iter().map(|it| if let Command::DataTaken { cost, .. } = it { *cost } else { 0 }).sum()
}

fn states(scene: &Scene, of: &str, last_seq: u32) -> Asked {
    let states = vec![proto::DataChannelReceiveState { publisher_sid: scene.sid(of), last_seq }];
    Asked::SyncState(proto::SyncState { datachannel_receive_states: states, ..Default::default() })
}

#[test]
fn a_resumed_client_is_sent_what_it_lacks_and_told_what_we_have() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    (1..=5).for_each(|sequence| say(&mut scene, &ann, sequence));
    let again = resume(&mut scene, &bob);
    scene.ledger.log.clear();
    let state = states(&scene, "ann", 3);
    scene.ask(&again, state);
    assert_eq!(sent(&mut scene, &bob), [4, 5]);
    say(&mut scene, &ann, 6);
    assert_eq!(sent(&mut scene, &bob), [6]);
    let ann = resume(&mut scene, &ann);
    let told = scene.take(&ann, |it| if let Message::Reconnect(it) = it { Some(it.last_message_seq) } else { None });
    assert_eq!(told, [6]);
}

#[test]
fn nobody_is_sent_what_was_not_meant_for_it_or_before_its_time() {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    scene.enter("bob", Mode::Single);
    say(&mut scene, &ann, 1);
    let cem = scene.enter("cem", Mode::Single);
    let value = Some(Value::User(proto::UserPacket::default()));
    let to_bob = DataPacket { value, sequence: 2, destination_identities: vec!["bob".into()], ..Default::default() };
    let (peer, payload) = (scene.peers(&ann)[0], to_bob.encode_to_vec());
    scene.input(Input::Media(Notice::Data { peer, channel: ChannelLabel::Reliable, payload }));
    say(&mut scene, &ann, 3);
    let again = resume(&mut scene, &cem);
    scene.ledger.log.clear();
    scene.ask(&again, Asked::SyncState(Default::default()));
    assert_eq!(sent(&mut scene, &cem), [3]);
}

#[test]
fn who_left_meanwhile_is_told_once_back() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let cem = scene.enter("cem", Mode::Single);
    scene.input(Input::ConnectionClosed(ann.connection));
    scene.ask(&bob, Asked::Leave(Default::default()));
    scene.ask(&cem, Asked::Leave(Default::default()));
    scene.enter("cem", Mode::Single);
    scene.clear();
    let again = resume(&mut scene, &ann);
    let states: Vec<_> = scene.updates(&again).into_iter().map(|it| (it.identity, it.state)).collect();
    let has = |identity: &str, state| states.contains(&(identity.into(), state));
    assert!(has("bob", 3) && has("cem", 2) && !has("cem", 3), "{states:?}");
}

#[test]
fn a_client_that_was_away_for_too_long_begins_anew() {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    scene.input(Input::ConnectionClosed(ann.connection));
    for time in [1, 121] {
        let bob = scene.enter("bob", Mode::Single);
        scene.advance(Duration::from_secs(time));
        scene.ask(&bob, Asked::Leave(Default::default()));
    }
    let again = resume(&mut scene, &ann);
    assert_eq!(scene.leave_message(&again).unwrap().action, 2);
}

#[test]
fn a_session_is_resumed_by_its_own_client_only() {
    let mut scene = Scene::new();
    let old = scene.enter("ann", Mode::Single);
    let sid = scene.sid("ann");
    let new = scene.enter("ann", Mode::Single);
    let hijack = resume_as(&mut scene, &old, &sid);
    assert_eq!(scene.leave_message(&hijack).unwrap().action, 2);
    scene.ask(&new, Asked::Ping(1));
    assert!(scene.words(&new).contains(&"pong"), "the new one is not disturbed");
}

#[test]
fn rights_and_wanted_sizes_are_told_again() {
    let mut scene = Scene::new();
    let (mut ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    scene.publish(&mut ann, Kind::Video, "cam");
    let nobody = proto::SubscriptionPermission { all_participants: false, track_permissions: vec![] };
    scene.ask(&ann, Asked::SubscriptionPermission(nobody));
    scene.input(Input::ConnectionClosed(bob.connection));
    scene.clear();
    let bob = resume(&mut scene, &bob);
    let rights = |scene: &mut Scene, client: &Client| {
        scene
            .take(client, |it| if let Message::SubscriptionPermissionUpdate(it) = it { Some(it.allowed) } else { None })
    };
    assert_eq!(rights(&mut scene, &bob), [false]);
    scene.input(Input::ConnectionClosed(bob.connection));
    let all = proto::SubscriptionPermission { all_participants: true, track_permissions: vec![] };
    scene.ask(&ann, Asked::SubscriptionPermission(all));
    let bob = resume(&mut scene, &bob);
    assert_eq!(rights(&mut scene, &bob), [true]);
    let ann = resume(&mut scene, &ann);
    assert!(scene.words(&ann).contains(&"subscribed_quality"));
}

#[test]
fn a_flood_is_slowed_down() {
    let mut scene = Scene::new();
    let (ann, _bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    scene.ledger.log.clear();
    (1..=16).for_each(|sequence| say(&mut scene, &ann, sequence));
    assert!(repaid(&mut scene) > 16 * 1024);
    let mut told = Vec::new();
    (17..=200_000).for_each(|sequence| {
        say(&mut scene, &ann, sequence);
        told.extend(
            scene.take(&ann, |it| if let Message::RequestResponse(it) = it { Some(it.reason()) } else { None }),
        );
        scene.inboxes.clear();
    });
    assert_eq!(told, [Reason::LimitExceeded], "she is told, and not with every message");
    repaid(&mut scene);
    (0..64).for_each(|sequence| say(&mut scene, &ann, 200_001 + sequence));
    assert_eq!(repaid(&mut scene), 0, "its rate is used up");
    scene.advance(Duration::from_secs(4));
    assert!(repaid(&mut scene) > 64 * 1024);
}

#[test]
fn senders_wait_for_a_slow_reader_but_not_for_long() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let reader = scene.peers(&bob)[0];
    scene.input(Input::Media(Notice::DataBacklog(reader, true)));
    scene.ledger.log.clear();
    (1..=40).for_each(|sequence| say(&mut scene, &ann, sequence));
    let log = std::mem::take(&mut scene.ledger.log);
    assert!(log.iter().all(|it| matches!(it, Command::SendData { .. })));
    scene.advance(PATIENCE);
    assert!(repaid(&mut scene) > 40 * 1024);
    (41..=60).for_each(|sequence| say(&mut scene, &ann, sequence));
    assert_eq!(sent(&mut scene, &bob), Vec::<u32>::new(), "what it cannot take is kept");
    scene.input(Input::Media(Notice::DataBacklog(reader, false)));
    assert_eq!(sent(&mut scene, &bob), (41..=60).collect::<Vec<_>>());
}

#[test]
fn a_slow_reader_that_leaves_holds_nobody_up() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let reader = scene.peers(&bob)[0];
    scene.input(Input::Media(Notice::DataBacklog(reader, true)));
    (1..=40).for_each(|sequence| say(&mut scene, &ann, sequence));
    scene.ledger.log.clear();
    scene.ask(&bob, Asked::Leave(Default::default()));
    assert!(repaid(&mut scene) > 40 * 1024);
}
