//! `ForwardParticipant`: who is shown in another room, for how long, and who is not.

use livekit_protocol as proto;
use proto::participant_info::{KindDetail, State};
use proto::signal_response::Message as Say;
use serde_json::json;
use thalweg_livekit::AccessToken;

use crate::node::{Client, Node, config, mint, node, token};

async fn join(node: &Node, room: &str, identity: &str) -> Client {
    let token = mint(AccessToken::new("devkey").join(room, identity).name("Name"));
    let mut client = node.client(&format!("/rtc?access_token={token}&protocol=16")).await;
    client.until(|say| if let Say::Join(_) = say { Some(()) } else { None }).await;
    client
}

/// The next news of ann that satisfy `wanted`.
async fn news(client: &mut Client, wanted: impl Fn(&proto::ParticipantInfo) -> bool) -> proto::ParticipantInfo {
    let told = |say| match say {
        Say::Update(update) => update.participants.into_iter().find(|it| it.identity == "ann" && wanted(it)),
        _ => None,
    };
    client.until(told).await
}

fn go() -> serde_json::Value {
    json!({"room": "demo", "identity": "ann", "destinationRoom": "other"})
}

#[tokio::test]
async fn who_is_forwarded_is_in_both_rooms_until_it_leaves() {
    let node = node(config()).await;
    let mut bob = join(&node, "other", "bob").await;
    let ann = join(&node, "demo", "ann").await;
    assert_eq!(node.fine("ForwardParticipant", go()).await, json!({}));
    let shown = news(&mut bob, |it| it.state() == State::Active).await;
    let permission = shown.permission.unwrap();
    assert_eq!((shown.name.as_str(), permission.can_publish, permission.can_subscribe), ("Name", true, false));
    assert_eq!(shown.kind_details, [i32::from(KindDetail::Forwarded)]);
    node.fine("UpdateParticipant", json!({"room": "demo", "identity": "ann", "attributes": {"mood": "good"}})).await;
    let shown = news(&mut bob, |it| !it.attributes.is_empty()).await;
    assert_eq!(shown.attributes["mood"], "good");
    let twice = node.fault("ForwardParticipant", go()).await;
    let text = "participant is in the destination room already".to_owned();
    assert_eq!(twice, (409, "already_exists".to_owned(), text));
    drop(ann);
    news(&mut bob, |it| it.state() == State::Disconnected).await;
    node.until("the forward has ended", |counts| (counts.rooms, counts.participants, counts.connections) == (1, 1, 1))
        .await;
}

#[tokio::test]
async fn removed_from_the_other_room_she_stays_in_her_own() {
    let node = node(config()).await;
    let _ann = join(&node, "demo", "ann").await;
    node.fine("ForwardParticipant", go()).await;
    let there = crate::api::grant(|it| (it.room_admin, it.room) = (true, "other".into()));
    let body = br#"{"room":"other","identity":"ann"}"#;
    assert_eq!(node.raw("RemoveParticipant", Some(&there), "application/json", body).await.status, 200);
    node.until("only she herself is left", |counts| (counts.rooms, counts.participants) == (1, 1)).await;
    node.fine("ForwardParticipant", go()).await;
    node.until("she is back", |counts| counts.participants == 2).await;
    // Another session of hers in her own room is another participant.
    let _again = join(&node, "demo", "ann").await;
    node.until("only she herself is left", |counts| (counts.rooms, counts.participants) == (1, 1)).await;
}

#[tokio::test]
async fn nobody_is_forwarded_where_there_is_no_place() {
    let node = node(config()).await;
    let missing = (404, "not_found".to_owned(), "participant does not exist".to_owned());
    assert_eq!(node.fault("ForwardParticipant", go()).await, missing);
    let _ann = node.client(&format!("/rtc?access_token={}&protocol=16", mint(token("ann")))).await;
    let mover = crate::api::grant(|it| {
        (it.room_admin, it.room, it.destination_room) = (true, "demo".into(), "demo".into());
    });
    let body = br#"{"room":"demo","identity":"ann","destinationRoom":"demo"}"#;
    let answer = node.raw("ForwardParticipant", Some(&mover), "application/json", body).await;
    assert_eq!((answer.status, answer.body.contains("same as source")), (400, true));
    node.fine("CreateRoom", json!({"name": "other", "maxParticipants": 1})).await;
    let _bob = join(&node, "other", "bob").await;
    assert_eq!(node.fault("ForwardParticipant", go()).await.1, "failed_precondition");
    assert_eq!(node.lobby.counts().participants, 2);
}
