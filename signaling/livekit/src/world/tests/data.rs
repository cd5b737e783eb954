//! Data messages.
#![allow(deprecated)] // Clients still read the fields that newer ones replace.

use std::time::Duration;

use door::{ChannelLabel, Command, Notice, PeerKey};
use livekit_protocol as proto;
use prost::Message as _;
use proto::DataPacket;
use proto::data_packet::Value;

use super::scene::{Client, Scene};
use crate::world::replay::REPLAY_TIME_MAX;
use crate::world::{Input, Mode};

fn send(scene: &mut Scene, client: &Client, channel: ChannelLabel, payload: Vec<u8>) -> Vec<(PeerKey, Vec<u8>)> {
    scene.ledger.log.clear();
    let peer = scene.peers(client)[0];
    scene.input(Input::Media(Notice::Data { peer, channel, payload }));
    sent(scene)
}

fn sent(scene: &mut Scene) -> Vec<(PeerKey, Vec<u8>)> {
    let sent = scene.ledger.log.iter().filter_map(|it| match it {
        Command::SendData { peer, payload, .. } => Some((*peer, payload.to_vec())),
        _ => None,
    });
    sent.collect()
}

fn user(packet: DataPacket) -> Vec<u8> {
    let value = Some(Value::User(proto::UserPacket { payload: b"hi".to_vec(), ..Default::default() }));
    DataPacket { value, ..packet }.encode_to_vec()
}

#[test]
fn messages_carry_the_true_sender_and_reach_all_others() {
    let mut scene = Scene::new();
    let clients = ["ann", "bob", "cem"].map(|it| scene.enter(it, Mode::Single));
    let forged = DataPacket {
        participant_identity: "bob".into(),
        participant_sid: "PA_bob".into(),
        kind: 1,
        ..Default::default()
    };
    let sent = send(&mut scene, &clients[0], ChannelLabel::Reliable, user(forged));
    assert_eq!(sent.len(), 2);
    let packet = DataPacket::decode(sent[0].1.as_slice()).unwrap();
    assert_eq!((packet.participant_identity.as_str(), packet.kind), ("ann", 0));
    assert_eq!(packet.participant_sid, scene.sid("ann"));
    let Some(Value::User(user)) = packet.value else { panic!() };
    assert_eq!(user.participant_identity, "ann");
}

#[test]
fn messages_reach_only_their_destinations() {
    let mut scene = Scene::new();
    let clients = ["ann", "bob", "cem"].map(|it| scene.enter(it, Mode::Single));
    let to_cem = DataPacket { destination_identities: vec!["cem".into(), "ann".into()], ..Default::default() };
    let sent = send(&mut scene, &clients[0], ChannelLabel::Lossy, user(to_cem));
    assert_eq!(sent.iter().map(|(peer, _)| *peer).collect::<Vec<_>>(), scene.peers(&clients[2]));
    let packet = DataPacket::decode(sent[0].1.as_slice()).unwrap();
    let Some(Value::User(user)) = packet.value else { panic!() };
    assert_eq!((packet.kind, user.destination_identities.len()), (1, 2));
    let by_sid = proto::UserPacket { destination_sids: vec![scene.sid("bob")], ..Default::default() };
    let packet = DataPacket { value: Some(Value::User(by_sid)), ..Default::default() };
    let sent = send(&mut scene, &clients[0], ChannelLabel::Lossy, packet.encode_to_vec());
    assert_eq!(sent.iter().map(|(peer, _)| *peer).collect::<Vec<_>>(), scene.peers(&clients[1]));
}

#[test]
fn repeated_reliable_messages_are_dropped() {
    let mut scene = Scene::new();
    let (ann, _bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let counts: Vec<_> = [1, 2, 2, 1, 0, 3]
        .map(|sequence| {
            send(&mut scene, &ann, ChannelLabel::Reliable, user(DataPacket { sequence, ..Default::default() })).len()
        })
        .into();
    assert_eq!(counts, [1, 1, 0, 0, 1, 1]);
}

#[test]
fn what_may_not_be_sent_is_dropped() {
    let mut scene = Scene::new();
    let (ann, _bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let mute = scene.enter_with("mute", Mode::Single, |join| join.grants.can_publish_data = false);
    assert!(send(&mut scene, &mute, ChannelLabel::Lossy, user(DataPacket::default())).is_empty());
    assert!(send(&mut scene, &ann, ChannelLabel::Lossy, vec![0xff; 40]).is_empty());
    assert!(send(&mut scene, &ann, ChannelLabel::Lossy, vec![]).is_empty());
    for value in [
        Value::Speaker(Default::default()),
        Value::Transcription(Default::default()),
        Value::Metrics(Default::default()),
    ] {
        let packet = DataPacket { value: Some(value), ..Default::default() };
        assert!(send(&mut scene, &ann, ChannelLabel::Reliable, packet.encode_to_vec()).is_empty());
    }
}

#[test]
fn an_agent_may_speak_for_others() {
    let mut scene = Scene::new();
    let agent = scene.enter_with("bot", Mode::Single, |join| join.kind = room::ParticipantKind::Agent);
    scene.enter("bob", Mode::Single);
    let value = Some(Value::ChatMessage(proto::ChatMessage::default()));
    let packet = DataPacket { value, participant_identity: "ann".into(), ..Default::default() };
    let sent = send(&mut scene, &agent, ChannelLabel::Reliable, packet.encode_to_vec());
    let packet = DataPacket::decode(sent[0].1.as_slice()).unwrap();
    assert_eq!(packet.participant_identity, "ann");
    assert!(matches!(packet.value, Some(Value::ChatMessage(chat)) if chat.generated));
}

#[test]
fn other_channels_are_relayed_untouched() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let other = ChannelLabel::Other("game".into());
    assert!(send(&mut scene, &ann, other.clone(), b"raw".to_vec()).is_empty(), "not open there");
    let peer = scene.peers(&bob)[0];
    scene.input(Input::Media(Notice::ChannelOpen(peer, other.clone())));
    assert_eq!(send(&mut scene, &ann, other, b"raw".to_vec()), [(peer, b"raw".to_vec())]);
}

#[test]
fn reliable_messages_wait_for_who_is_connecting() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.enter("ann", Mode::Dual), scene.knock("bob", Mode::Dual, |_| {}));
    assert!(send(&mut scene, &ann, ChannelLabel::Reliable, user(DataPacket::default())).is_empty());
    assert!(send(&mut scene, &ann, ChannelLabel::Lossy, user(DataPacket::default())).is_empty());
    scene.connect(&bob);
    assert_eq!(sent(&mut scene).len(), 1);
    let cem = scene.knock("cem", Mode::Single, |_| {});
    for _ in 0..200 {
        send(&mut scene, &ann, ChannelLabel::Reliable, user(DataPacket::default()));
    }
    scene.now.monotonic += Duration::from_secs(1);
    scene.ledger.log.clear();
    scene.connect(&cem);
    assert_eq!(sent(&mut scene).len(), 200);
    let eve = scene.knock("eve", Mode::Single, |_| {});
    send(&mut scene, &ann, ChannelLabel::Reliable, user(DataPacket::default()));
    scene.now.monotonic += REPLAY_TIME_MAX + Duration::from_secs(1);
    scene.ledger.log.clear();
    scene.connect(&eve);
    assert!(sent(&mut scene).is_empty(), "too old");
}
