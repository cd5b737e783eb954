//! What administrators do to a room and to the people in it, down to the media house.
#![allow(deprecated)] // Fields of data packets that clients still read.

use std::time::Duration;

use door::{ChannelLabel, Command, Kind, Notice};
use livekit_protocol as proto;
use prost::Message as _;
use proto::data_packet::Value;
use proto::participant_info::State;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use room::TrackSid;

use super::scene::{Client, Scene};
use crate::world::admin::rpc::{ACK_TIMEOUT, PAYLOAD_BYTES_MAX, RPCS_MAX};
use crate::world::{Fault, Input, Mode, Order, OrderId, Reply, RoomChange, RoomEvent};

impl Scene {
    /// Gives an order; tells its number.
    fn give(&mut self, order: Order) -> OrderId {
        self.orders += 1;
        let id = OrderId(self.orders);
        self.input(Input::Order(id, Box::new(order)));
        id
    }

    fn reply(&mut self, id: OrderId) -> Option<Result<Reply, Fault>> {
        let at = self.replies.iter().position(|(of, _)| *of == id)?;
        Some(self.replies.remove(at).1)
    }

    /// Gives an order that is answered at once.
    pub(super) fn order(&mut self, order: Order) -> Result<Reply, Fault> {
        let id = self.give(order);
        self.reply(id).expect("a reply")
    }

    pub(super) fn permit(&mut self, identity: &str, change: impl FnOnce(&mut proto::ParticipantPermission)) {
        let mut permission = proto::ParticipantPermission {
            can_publish: true,
            can_subscribe: true,
            can_publish_data: true,
            ..Default::default()
        };
        change(&mut permission);
        let request = proto::UpdateParticipantRequest {
            identity: identity.into(),
            permission: Some(permission),
            ..Default::default()
        };
        assert!(matches!(self.order(Order::Update(Box::new(request))), Ok(Reply::Participant(_))));
    }

    /// Data packets sent to anybody since the last look.
    fn packets(&mut self) -> Vec<proto::DataPacket> {
        let log = std::mem::take(&mut self.ledger.log);
        let sent = log.into_iter().filter_map(|command| match command {
            Command::SendData { payload, .. } => proto::DataPacket::decode(&*payload).ok(),
            _ => None,
        });
        sent.collect()
    }

    fn says(&mut self, client: &Client, value: Value) {
        let peer = self.peers(client)[0];
        let payload = proto::DataPacket { value: Some(value), ..Default::default() }.encode_to_vec();
        self.input(Input::Media(Notice::Data { peer, channel: ChannelLabel::Reliable, payload }));
    }
}

fn withdrawn(scene: &mut Scene, client: &Client) -> Vec<String> {
    scene.take(client, |it| if let Message::TrackUnpublished(it) = it { Some(it.track_sid.clone()) } else { None })
}

#[test]
fn a_publisher_without_its_right_is_cut_in_the_same_turn() {
    for mode in [Mode::Single, Mode::Dual] {
        let mut scene = Scene::new();
        let (mut ann, mut bob) = (scene.enter("ann", mode), scene.enter("bob", mode));
        let (track, _) = scene.publish(&mut ann, Kind::Video, "cam");
        scene.meet_requirements(&mut bob);
        scene.answer_offers(&bob);
        assert_eq!((scene.ledger.ups.len(), scene.ledger.downs.len()), (1, 1));
        scene.clear();
        scene.permit("ann", |it| it.can_publish = false);
        assert_eq!((scene.ledger.ups.len(), scene.ledger.downs.len()), (0, 0), "{mode:?}");
        assert_eq!(withdrawn(&mut scene, &ann), [track]);
        let seen = scene.updates(&bob).pop().unwrap();
        assert!(seen.tracks.is_empty() && !seen.permission.unwrap().can_publish);
        let own = scene.updates(&ann).pop().unwrap();
        assert!(!own.permission.unwrap().can_publish && !own.is_publisher);
        assert!(!scene.refreshed.last().unwrap().1.grants.can_publish);
        // The section goes on sending; nothing takes it.
        let answer = scene.offer(&mut ann);
        assert!(!answer.sdp.contains("a=recvonly"), "{}", answer.sdp);
        assert_eq!(scene.world.counts().up_tracks, 0);
    }
}

#[test]
fn a_right_that_comes_back_can_be_used() {
    let mut scene = Scene::new();
    let mut ann = scene.enter_with("ann", Mode::Single, |join| join.grants.can_publish = false);
    scene.permit("ann", |_| {});
    assert!(scene.updates(&ann).pop().unwrap().is_publisher);
    scene.publish(&mut ann, Kind::Video, "cam");
    assert_eq!(scene.world.counts().up_tracks, 1);
}

#[test]
fn a_subscriber_without_its_right_is_cut_in_the_same_turn() {
    for mode in [Mode::Single, Mode::Dual] {
        let mut scene = Scene::new();
        let (mut ann, mut bob) = (scene.enter("ann", mode), scene.enter("bob", mode));
        scene.publish(&mut ann, Kind::Video, "cam");
        scene.meet_requirements(&mut bob);
        scene.answer_offers(&bob);
        scene.permit("bob", |it| it.can_subscribe = false);
        assert_eq!(scene.ledger.downs.len(), 0);
        scene.meet_requirements(&mut bob);
        scene.answer_offers(&bob);
        scene.permit("bob", |_| {});
        scene.meet_requirements(&mut bob);
        scene.answer_offers(&bob);
        assert_eq!(scene.ledger.downs.len(), 1, "{mode:?}: what was wanted comes back by itself");
    }
}

#[test]
fn who_may_receive_only_later_gets_its_offer_then() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Dual);
    scene.publish(&mut ann, Kind::Video, "cam");
    let bob = scene.enter_with("bob", Mode::Dual, |join| join.grants.can_subscribe = false);
    assert_eq!(scene.ledger.downs.len(), 0);
    scene.permit("bob", |_| {});
    scene.connect(&bob);
    assert_eq!(scene.ledger.downs.len(), 1);
}

#[test]
fn only_forbidden_sources_end() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let (camera, _) = scene.publish(&mut ann, Kind::Video, "cam");
    scene.publish(&mut ann, Kind::Audio, "mic");
    scene.meet_requirements(&mut bob);
    scene.clear();
    scene.permit("ann", |it| it.can_publish_sources = vec![proto::TrackSource::Microphone.into()]);
    assert_eq!(withdrawn(&mut scene, &ann), [camera]);
    assert_eq!((scene.ledger.ups.len(), scene.ledger.downs.len()), (1, 1));
}

#[test]
fn data_tracks_follow_the_rights_over_data() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let request = proto::PublishDataTrackRequest { pub_handle: 1, name: "t".into(), ..Default::default() };
    scene.ask(&ann, Asked::PublishDataTrackRequest(request.clone()));
    assert_eq!(scene.updates(&bob).pop().unwrap().data_tracks.len(), 1);
    scene.permit("ann", |it| it.can_publish_data = false);
    assert!(scene.updates(&bob).pop().unwrap().data_tracks.is_empty());
    scene.ask(&ann, Asked::PublishDataTrackRequest(request.clone()));
    assert!(scene.updates(&bob).is_empty(), "nor may it publish another");
    scene.permit("ann", |_| {});
    scene.ask(&ann, Asked::PublishDataTrackRequest(request));
    assert_eq!(scene.updates(&bob).pop().unwrap().data_tracks.len(), 1);
}

#[test]
fn who_hides_seems_to_leave_and_who_shows_itself_to_come() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    scene.publish(&mut ann, Kind::Audio, "mic");
    scene.meet_requirements(&mut bob);
    scene.clear();
    scene.permit("ann", |it| it.hidden = true);
    assert_eq!(scene.updates(&bob).pop().unwrap().state(), State::Disconnected);
    assert_eq!(scene.ledger.downs.len(), 0);
    assert!(scene.updates(&ann).iter().all(|it| it.state() == State::Active), "it has not left");
    scene.permit("ann", |_| {});
    assert_eq!(scene.updates(&bob).pop().unwrap().state(), State::Active);
    scene.meet_requirements(&mut bob);
    assert_eq!(scene.ledger.downs.len(), 1);
}

#[test]
fn a_recorder_is_told_of_at_once() {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    scene.enter("bob", Mode::Single);
    scene.clear();
    scene.permit("bob", |it| it.recorder = true);
    let told =
        scene.take(&ann, |it| if let Message::RoomUpdate(it) = it { it.room.clone() } else { None }).pop().unwrap();
    assert!(told.active_recording);
    assert_eq!(told.num_participants, 1);
}

#[test]
fn words_are_merged_and_limited() {
    let mut scene = Scene::new();
    let ann = scene.enter_with("ann", Mode::Single, |join| {
        join.attributes = [("a".into(), "1".into()), ("b".into(), "2".into())].into();
        join.metadata = "old".into();
    });
    scene.clear();
    let request = proto::UpdateParticipantRequest {
        identity: "ann".into(),
        name: "Ann".into(),
        attributes: [("a".to_owned(), String::new()), ("c".to_owned(), "3".to_owned())].into(),
        ..Default::default()
    };
    let Ok(Reply::Participant(info)) = scene.order(Order::Update(Box::new(request.clone()))) else { panic!() };
    assert_eq!((info.name.as_str(), info.metadata.as_str()), ("Ann", "old"));
    let wanted = [("b".to_owned(), "2".to_owned()), ("c".to_owned(), "3".to_owned())].into();
    assert_eq!(info.attributes, wanted);
    assert_eq!(scene.updates(&ann).pop().unwrap().version, info.version);
    let long = || "x".repeat(room::limits::METADATA_BYTES_MAX + 1);
    let faults = [
        proto::UpdateParticipantRequest { metadata: long(), ..request.clone() },
        proto::UpdateParticipantRequest { name: long(), ..request.clone() },
        proto::UpdateParticipantRequest { attributes: [("k".to_owned(), long())].into(), ..request.clone() },
        proto::UpdateParticipantRequest { identity: "nobody".into(), ..request },
    ];
    let faults = faults.map(|request| scene.order(Order::Update(Box::new(request))).unwrap_err());
    let wanted = [
        Fault::MetadataTooLong(512 * 1024),
        Fault::NameTooLong(256),
        Fault::AttributesTooLong(64 * 1024),
        Fault::ParticipantMissing,
    ];
    assert_eq!(faults, wanted);
}

#[test]
fn the_room_is_opened_changed_and_closed() {
    let mut scene = Scene::new();
    assert!(scene.order(Order::Configure(RoomChange::default())).is_ok());
    assert!(matches!(scene.events[..], [RoomEvent::RoomStarted(_)]));
    let ann = scene.enter("ann", Mode::Single);
    assert_eq!(scene.events.iter().filter(|it| matches!(it, RoomEvent::RoomStarted(_))).count(), 1);
    scene.clear();
    let change = RoomChange { max_participants: Some(1), metadata: Some("m".into()), ..Default::default() };
    let Ok(Reply::Room(room)) = scene.order(Order::Configure(change.clone())) else { panic!() };
    assert_eq!((room.max_participants, room.metadata.as_str(), room.empty_timeout), (1, "m", 300));
    assert_eq!(scene.words(&ann).iter().filter(|it| **it == "room_update").count(), 1);
    scene.order(Order::Configure(change)).unwrap();
    assert!(scene.words(&ann).is_empty(), "nothing changed");
    scene.knock("bob", Mode::Single, |_| {});
    assert_eq!(scene.refused.len(), 1, "the new limit holds");
    let long = "x".repeat(room::limits::METADATA_BYTES_MAX + 1);
    assert_eq!(scene.order(Order::SetMetadata(long)), Err(Fault::MetadataTooLong(512 * 1024)));
    let Ok(Reply::Room(room)) = scene.order(Order::SetMetadata(String::new())) else { panic!() };
    assert!(room.metadata.is_empty());
    assert_eq!(scene.order(Order::Close), Ok(Reply::Done));
    assert_eq!(scene.leave_message(&ann).unwrap().reason(), proto::DisconnectReason::RoomDeleted);
    assert!(scene.world.is_over());
    assert_eq!(scene.order(Order::Describe), Err(Fault::RoomOver));
}

#[test]
fn a_timeout_that_is_changed_holds() {
    let mut scene = Scene::new();
    let soon = RoomChange { empty_timeout: Some(Duration::from_secs(2)), ..Default::default() };
    scene.order(Order::Configure(soon)).unwrap();
    scene.advance(Duration::from_millis(1900));
    assert!(!scene.world.is_over());
    scene.advance(Duration::from_millis(100));
    assert!(scene.world.is_over());
}

#[test]
fn everybody_is_listed_hidden_ones_too() {
    let mut scene = Scene::new();
    scene.enter("ann", Mode::Single);
    scene.enter_with("ghost", Mode::Dual, |join| join.grants.hidden = true);
    let Ok(Reply::Participants(people)) = scene.order(Order::Participants) else { panic!() };
    assert_eq!(people.len(), 2);
    let Ok(Reply::Participant(ghost)) = scene.order(Order::Participant("ghost".into())) else { panic!() };
    assert!(ghost.permission.unwrap().hidden);
    assert_eq!(scene.order(Order::Participant("nobody".into())), Err(Fault::ParticipantMissing));
}

#[test]
fn the_removed_leave_for_good() {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    let bob = scene.enter("bob", Mode::Single);
    assert_eq!(scene.order(Order::Remove("ann".into())), Ok(Reply::Done));
    let leave = scene.leave_message(&ann).unwrap();
    assert_eq!(leave.reason(), proto::DisconnectReason::ParticipantRemoved);
    assert_eq!(leave.action(), proto::leave_request::Action::Disconnect);
    assert!(!leave.can_reconnect);
    assert_eq!(scene.updates(&bob).pop().unwrap().state(), State::Disconnected);
    assert_eq!(scene.order(Order::Remove("ann".into())), Err(Fault::ParticipantMissing));
}

#[test]
fn muting_reaches_media_client_and_others() {
    let mut scene = Scene::new();
    let (mut ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let (track, _) = scene.publish(&mut ann, Kind::Audio, "mic");
    scene.clear();
    let mute = |identity: &str, track: &str| Order::Mute {
        identity: identity.into(),
        track: TrackSid::new(track),
        muted: true,
    };
    let Ok(Reply::Track(info)) = scene.order(mute("ann", &track)) else { panic!() };
    assert!(info.muted && info.sid == track);
    assert!(scene.ledger.log.iter().any(|it| matches!(it, Command::MuteUpTrack { muted: true, .. })));
    let told = scene.take(&ann, |it| if let Message::Mute(it) = it { Some(it.clone()) } else { None });
    assert_eq!(told, [proto::MuteTrackRequest { sid: track.clone(), muted: true }]);
    assert!(scene.updates(&bob).pop().unwrap().tracks[0].muted);
    assert_eq!(scene.order(mute("bob", &track)), Err(Fault::TrackMissing), "it is not bob's");
    assert_eq!(scene.order(mute("ann", "TR_x")), Err(Fault::TrackMissing));
}

#[test]
fn subscriptions_are_changed_from_outside() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let (track, _) = scene.publish(&mut ann, Kind::Audio, "mic");
    scene.meet_requirements(&mut bob);
    let update = |subscribe| {
        let request = proto::UpdateSubscriptionsRequest {
            identity: "bob".into(),
            track_sids: vec![track.clone()],
            subscribe,
            ..Default::default()
        };
        Order::Subscribe(Box::new(request))
    };
    assert_eq!(scene.order(update(false)), Ok(Reply::Done));
    assert_eq!(scene.ledger.downs.len(), 0);
    assert_eq!(scene.order(update(true)), Ok(Reply::Done));
    scene.meet_requirements(&mut bob);
    assert_eq!(scene.ledger.downs.len(), 1);
}

#[test]
fn data_of_the_server_has_no_sender_and_finds_its_people() {
    let mut scene = Scene::new();
    for identity in ["ann", "bob", "cid"] {
        scene.enter(identity, Mode::Single);
    }
    scene.clear();
    let request = proto::SendDataRequest { data: vec![1, 2], topic: Some("t".into()), ..Default::default() };
    assert_eq!(scene.order(Order::Send(Box::new(request.clone()))), Ok(Reply::Done));
    let packets = scene.packets();
    assert_eq!(packets.len(), 3);
    let Some(Value::User(user)) = &packets[0].value else { panic!() };
    assert_eq!((user.payload.as_slice(), user.topic.as_deref()), ([1, 2].as_slice(), Some("t")));
    assert!(packets[0].participant_sid.is_empty() && packets[0].participant_identity.is_empty());
    let named = proto::SendDataRequest { destination_identities: vec!["bob".into()], ..request.clone() };
    scene.order(Order::Send(Box::new(named))).unwrap();
    assert_eq!(scene.packets().len(), 1);
    let by_sid = proto::SendDataRequest { destination_sids: vec![scene.sid("cid")], ..request.clone() };
    scene.order(Order::Send(Box::new(by_sid))).unwrap();
    assert_eq!(scene.packets().len(), 1);
    let long = proto::SendDataRequest { data: vec![0; 100_000], ..request };
    assert_eq!(scene.order(Order::Send(Box::new(long))), Err(Fault::DataTooLong(60_000)));
}

fn rpc(identity: &str, response_timeout_ms: u32) -> Order {
    Order::PerformRpc(Box::new(proto::PerformRpcRequest {
        destination_identity: identity.into(),
        method: "greet".into(),
        payload: "hi".into(),
        response_timeout_ms,
        ..Default::default()
    }))
}

/// The id of the call that was just sent.
fn called(scene: &mut Scene) -> String {
    match scene.packets().pop().and_then(|it| it.value) {
        Some(Value::RpcRequest(request)) => {
            assert_eq!((request.method.as_str(), request.payload.as_str(), request.version), ("greet", "hi", 1));
            request.id
        }
        other => panic!("{other:?}"),
    }
}

fn response(request_id: &str, value: proto::rpc_response::Value) -> Value {
    Value::RpcResponse(proto::RpcResponse { request_id: request_id.into(), value: Some(value) })
}

#[test]
fn a_procedure_answers_its_caller_and_nobody_else() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    scene.clear();
    let order = scene.give(rpc("ann", 0));
    let id = called(&mut scene);
    let payload = || proto::rpc_response::Value::Payload("hello".into());
    scene.says(&bob, response(&id, payload()));
    assert!(scene.reply(order).is_none(), "only the one who was called may answer");
    scene.ledger.log.clear();
    scene.says(&ann, Value::RpcAck(proto::RpcAck { request_id: id.clone() }));
    scene.says(&ann, response(&id, payload()));
    assert_eq!(scene.reply(order), Some(Ok(Reply::Payload("hello".into()))));
    assert!(scene.packets().is_empty(), "the answer is for the caller alone");
    scene.says(&ann, response(&id, payload()));
    assert!(scene.reply(order).is_none(), "once");
}

#[test]
fn a_procedure_may_fail_in_many_ways() {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    let code = |reply: Option<Result<Reply, Fault>>| match reply {
        Some(Err(Fault::Rpc { code, .. })) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(scene.order(rpc("nobody", 0)), Err(Fault::ParticipantMissing));
    let long = proto::PerformRpcRequest {
        destination_identity: "ann".into(),
        payload: "x".repeat(PAYLOAD_BYTES_MAX + 1),
        ..Default::default()
    };
    let long = scene.give(Order::PerformRpc(Box::new(long)));
    assert_eq!(code(scene.reply(long)), 1402);
    scene.clear();
    let failing = scene.give(rpc("ann", 0));
    let id = called(&mut scene);
    let error = proto::RpcError { code: 101, message: "no".into(), data: "why".into() };
    scene.says(&ann, response(&id, proto::rpc_response::Value::Error(error)));
    let reply = scene.reply(failing).unwrap().unwrap_err();
    assert_eq!(reply.to_string(), "RpcError 101: no: why");
    scene.clear();
    let deaf = scene.give(rpc("ann", 0));
    scene.advance(ACK_TIMEOUT);
    assert_eq!(code(scene.reply(deaf)), 1501);
    scene.clear();
    let slow = scene.give(rpc("ann", 20_000));
    let id = called(&mut scene);
    scene.says(&ann, Value::RpcAck(proto::RpcAck { request_id: id }));
    scene.advance(Duration::from_millis(19_999));
    assert!(scene.reply(slow).is_none());
    scene.advance(Duration::from_millis(1));
    assert_eq!(code(scene.reply(slow)), 1502);
    let gone = scene.give(rpc("ann", 0));
    scene.ask(&ann, Asked::Leave(proto::LeaveRequest::default()));
    assert_eq!(code(scene.reply(gone)), 1503);
}

#[test]
fn calls_that_wait_are_limited() {
    let mut scene = Scene::new();
    scene.enter("ann", Mode::Single);
    for _ in 0..RPCS_MAX {
        scene.give(rpc("ann", 0));
    }
    assert_eq!(scene.order(rpc("ann", 0)), Err(Fault::TooManyRpcs(RPCS_MAX)));
    scene.advance(ACK_TIMEOUT);
    assert_eq!(scene.replies.len(), RPCS_MAX);
}

#[test]
fn who_is_moved_gets_a_token_and_is_asked_to_come_back() {
    let mut scene = Scene::new();
    let ann = scene.enter_with("ann", Mode::Single, |join| {
        join.claims_json = r#"{"sub":"ann","video":{"room":"demo","roomAdmin":true}}"#.into();
    });
    let bob = scene.enter("bob", Mode::Single);
    scene.clear();
    let go = |identity: &str| Order::Move { identity: identity.into(), destination: "other".into() };
    assert_eq!(scene.order(go("ann")), Ok(Reply::Done));
    let refresh = &scene.refreshed.last().unwrap().1;
    assert_eq!(refresh.claims_json, r#"{"sub":"ann","video":{"room":"other","roomJoin":true}}"#);
    let leave = scene.leave_message(&ann).unwrap();
    assert_eq!(leave.action(), proto::leave_request::Action::Reconnect);
    assert!(leave.can_reconnect);
    assert_eq!(scene.updates(&bob).pop().unwrap().state(), State::Disconnected);
    assert_eq!(scene.order(go("ann")), Err(Fault::ParticipantMissing));
    scene.input(Input::ConnectionClosed(bob.connection));
    assert_eq!(scene.order(go("bob")), Err(Fault::SignalLost));
}
