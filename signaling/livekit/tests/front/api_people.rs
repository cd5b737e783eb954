//! The server API and the people in a room: found, changed, moved, removed for good.

use std::sync::{Arc, Mutex};

use livekit_protocol as proto;
use proto::DisconnectReason;
use proto::leave_request::Action;
use proto::signal_response::Message as Say;
use serde_json::{Value, json};
use thalweg_livekit::{AccessToken, Revocation, RevocationKeeper, RoomSettings, RoomWish, Secret};

use crate::node::{Client, Config, Node, SECRET, config, mint, node, now_s, token};

async fn join(node: &Node, token: &str) -> Client {
    let mut client = node.client(&format!("/rtc?access_token={token}&protocol=16")).await;
    client.until(|say| if let Say::Join(_) = say { Some(()) } else { None }).await;
    client
}

fn leave(say: Say) -> Option<proto::LeaveRequest> {
    if let Say::Leave(leave) = say { Some(leave) } else { None }
}

fn refreshed(say: Say) -> Option<String> {
    if let Say::RefreshToken(token) = say { Some(token) } else { None }
}

async fn validates(node: &Node, token: &str) -> (u16, String) {
    let answer = node.http("GET", &format!("/rtc/validate?access_token={token}"), &[]).await;
    (answer.status, answer.body)
}

fn ann() -> Value {
    json!({"room": "demo", "identity": "ann"})
}

fn with(base: Value, more: Value) -> Value {
    let (Value::Object(mut base), Value::Object(more)) = (base, more) else { panic!() };
    base.extend(more);
    Value::Object(base)
}

#[tokio::test]
async fn people_are_found_and_changed() {
    let node = node(config()).await;
    let mut client = join(&node, &mint(token("ann").name("Ann").attribute("a", "1"))).await;
    let people = node.fine("ListParticipants", json!({"room": "demo"})).await;
    assert_eq!(people["participants"][0]["identity"], json!("ann"));
    let rooms = node.fine("ListRooms", json!({})).await;
    assert_eq!(rooms["rooms"][0]["num_participants"], json!(1));
    let found = node.fine("GetParticipant", ann()).await;
    assert_eq!((&found["name"], &found["state"]), (&json!("Ann"), &json!("JOINED")));
    assert_eq!(found["permission"]["can_publish"], json!(true));
    let words = json!({"metadata": "m", "attributes": {"a": "", "camelCase": "2"}});
    let changed = node.fine("UpdateParticipant", with(ann(), words)).await;
    assert_eq!((&changed["metadata"], &changed["name"]), (&json!("m"), &json!("Ann")));
    assert_eq!(changed["attributes"], json!({"camelCase": "2"}));
    let rights = json!({"permission": {"canSubscribe": true, "canPublishSources": ["MICROPHONE", 3]}});
    let changed = node.fine("UpdateParticipant", with(ann(), rights)).await;
    assert_eq!(changed["permission"]["can_publish"], json!(false));
    assert_eq!(changed["permission"]["can_publish_sources"], json!(["MICROPHONE", "SCREEN_SHARE"]));
    let told = |say| match say {
        Say::Update(update) => update.participants.into_iter().find(|it| !it.permission.as_ref().unwrap().can_publish),
        _ => None,
    };
    assert_eq!(client.until(told).await.metadata, "m");
    let nobody = (404, "not_found".to_owned(), "participant does not exist".to_owned());
    for method in ["GetParticipant", "UpdateParticipant", "RemoveParticipant", "UpdateSubscriptions"] {
        assert_eq!(node.fault(method, json!({"room": "demo", "identity": "nobody"})).await, nobody, "{method}");
    }
    let long = with(ann(), json!({"name": "x".repeat(257)}));
    let fault = (400, "invalid_argument".to_owned(), "name length exceeds limits 256".to_owned());
    assert_eq!(node.fault("UpdateParticipant", long).await, fault);
}

#[tokio::test]
async fn a_deleted_room_sends_everybody_away() {
    let node = node(config()).await;
    let mut client = join(&node, &mint(token("ann"))).await;
    node.fine("DeleteRoom", json!({"room": "demo"})).await;
    let leave = client.until(leave).await;
    assert_eq!((leave.reason(), leave.action()), (DisconnectReason::RoomDeleted, Action::Disconnect));
    assert_eq!(client.close_code().await, Some(1000));
    assert_eq!(node.lobby.counts().rooms, 0);
}

#[tokio::test]
async fn the_removed_come_back_only_with_a_new_token() {
    let node = node(config()).await;
    let now = now_s();
    // Clocks differ: this token is from half a minute ahead.
    let early = token("ann").mint(&Secret::new(SECRET), now + 30);
    let own = mint(token("ann"));
    let mut client = join(&node, &early).await;
    let refreshed = client.until(refreshed).await;
    assert_eq!(node.fine("RemoveParticipant", ann()).await, json!({}));
    let leave = client.until(leave).await;
    assert_eq!((leave.reason(), leave.action()), (DisconnectReason::ParticipantRemoved, Action::Disconnect));
    for (name, token) in [("its own", &early), ("refreshed", &refreshed), ("another old one", &own)] {
        let refused = (401, "token has been revoked".to_owned());
        assert_eq!(validates(&node, token).await, refused, "{name}");
        for target in [format!("/rtc?access_token={token}"), format!("/rtc?access_token={token}&reconnect=1&sid=PA_x")]
        {
            let answer = node.refused(&target, None).await;
            assert_eq!((answer.status, answer.body), refused, "{name}");
        }
        // The second connection of a publisher has another identity, and the same token.
        let answer = node.refused(&format!("/rtc?access_token={token}&publish=x"), None).await;
        assert_eq!((answer.status, answer.body), refused, "{name} for publishing");
    }
    let fresh = token("ann").mint(&Secret::new(SECRET), now + 40);
    let _back = join(&node, &fresh).await;
    assert_eq!(validates(&node, &mint(token("bob"))).await.0, 200, "others are not concerned");
    let elsewhere = mint(AccessToken::new("devkey").join("other", "ann"));
    assert_eq!(validates(&node, &elsewhere).await.0, 200, "nor other rooms");
    assert_eq!(node.lobby.counts().revocations, 1);
}

#[tokio::test]
async fn a_removal_may_name_the_time() {
    let node = node(config()).await;
    let now = now_s();
    let minted = |at| token("ann").mint(&Secret::new(SECRET), at);
    // Somebody who is not there keeps its tokens, unless a time is named.
    assert_eq!(node.fault("RemoveParticipant", ann()).await.0, 404);
    assert_eq!(validates(&node, &minted(now)).await.0, 200);
    let at = json!({"revokeTokenTs": (now - 10).to_string()});
    assert_eq!(node.fault("RemoveParticipant", with(ann(), at)).await.0, 404);
    assert_eq!(validates(&node, &minted(now - 11)).await.0, 401);
    assert_eq!(validates(&node, &minted(now - 10)).await.0, 200);
}

#[tokio::test]
async fn revocations_outlive_the_node() {
    let kept: Arc<Mutex<Vec<Revocation>>> = Arc::default();
    let keeper = |kept: &Arc<Mutex<Vec<Revocation>>>| -> RevocationKeeper {
        let kept = Arc::clone(kept);
        Arc::new(move |revocation| {
            kept.lock().unwrap().push(revocation);
            Box::pin(std::future::ready(true))
        })
    };
    let (first, second) = (node(config()).await, node(config()).await);
    first.lobby.keep_revocations([], keeper(&kept));
    let token = mint(token("ann"));
    let _ann = join(&first, &token).await;
    first.fine("RemoveParticipant", ann()).await;
    let known = kept.lock().unwrap().clone();
    assert_eq!(known.len(), 1, "{known:?}");
    assert_eq!(validates(&second, &token).await.0, 200);
    second.lobby.keep_revocations(known, keeper(&kept));
    assert_eq!(validates(&second, &token).await, (401, "token has been revoked".to_owned()));
}

#[tokio::test]
async fn nobody_resumes_the_session_of_another() {
    let node = node(config()).await;
    let _ann = join(&node, &mint(token("ann"))).await;
    let before = node.fine("GetParticipant", ann()).await;
    let sid = before["sid"].as_str().unwrap().to_owned();
    let elsewhere = mint(AccessToken::new("devkey").join("other", "ann"));
    for (name, token) in [("bob", mint(token("bob"))), ("ann of another room", elsewhere)] {
        let target = format!("/rtc?access_token={token}&reconnect=1&sid={sid}&protocol=16");
        let leave = node.client(&target).await.until(leave).await;
        let told = (leave.reason(), leave.action());
        assert_eq!(told, (DisconnectReason::StateMismatch, Action::Reconnect), "{name}");
    }
    let after = node.fine("GetParticipant", ann()).await;
    assert_eq!(after, before, "ann has not noticed");
}

#[tokio::test]
async fn an_old_token_resumes_without_what_was_withdrawn() {
    let node = node(config()).await;
    let own = mint(token("ann"));
    let mut first = join(&node, &own).await;
    let rights = json!({"permission": {"canSubscribe": true}});
    let before = node.fine("UpdateParticipant", with(ann(), rights)).await;
    let resume = format!("/rtc?access_token={own}&reconnect=1&sid={}&protocol=16", before["sid"].as_str().unwrap());
    let mut again = node.client(&resume).await;
    again.until(|say| if let Say::Reconnect(_) = say { Some(()) } else { None }).await;
    let pass = again.until(refreshed).await;
    let after = node.fine("GetParticipant", ann()).await;
    assert_eq!(after["permission"]["can_publish"], json!(false));
    assert_eq!(first.close_code().await, Some(1000), "the old connection is closed");
    drop(again);
    node.until("she has left", |counts| counts.connections == 0).await;
    let mut anew = node.client(&format!("/rtc?access_token={pass}&protocol=16")).await;
    let joined = anew.until(|say| if let Say::Join(join) = say { Some(join) } else { None }).await;
    assert!(!joined.participant.unwrap().permission.unwrap().can_publish, "the refreshed token has the new rights");
}

#[tokio::test]
async fn unmuting_takes_the_operators_leave() {
    let unmute = json!({"room": "demo", "identity": "ann", "trackSid": "TR_x", "muted": false});
    let strict = node(config()).await;
    let refused = (412, "failed_precondition".to_owned(), "remote unmute not enabled".to_owned());
    assert_eq!(strict.fault("MutePublishedTrack", unmute.clone()).await, refused);
    let room = RoomSettings { remote_unmute: true, ..config().room };
    let lenient = node(Config { room, ..config() }).await;
    let _ann = join(&lenient, &mint(token("ann"))).await;
    assert_eq!(lenient.fault("MutePublishedTrack", unmute).await.2, "track is not found");
}

#[tokio::test]
async fn who_is_moved_reaches_the_other_room_with_the_token_it_was_given() {
    let node = node(config()).await;
    let admin_of_demo = token("ann").grant(|it| (it.room_admin, it.can_publish) = (true, Some(false)));
    let mut client = join(&node, &mint(admin_of_demo)).await;
    client.until(refreshed).await;
    let go = json!({"room": "demo", "identity": "ann", "destinationRoom": "other"});
    assert_eq!(node.fine("MoveParticipant", go.clone()).await, json!({}));
    let pass = client.until(refreshed).await;
    let leave = client.until(leave).await;
    assert_eq!((leave.action(), leave.can_reconnect), (Action::Reconnect, true));
    let mut client = node.client(&format!("/rtc?access_token={pass}&protocol=16")).await;
    let joined = client.until(|say| if let Say::Join(join) = say { Some(join) } else { None }).await;
    assert_eq!(joined.room.unwrap().name, "other");
    let participant = joined.participant.unwrap();
    assert_eq!(participant.identity, "ann");
    assert!(!participant.permission.unwrap().can_publish, "rights go with it");
    let answer = node.raw("ListParticipants", Some(&pass), "application/json", br#"{"room":"other"}"#).await;
    assert_eq!(answer.status, 401, "the right to administrate does not");
    assert_eq!(node.fault("MoveParticipant", go).await.2, "participant does not exist");
}

#[tokio::test]
async fn nobody_is_moved_where_there_is_no_place() {
    let node = node(config()).await;
    let go = json!({"room": "demo", "identity": "ann", "destinationRoom": "other"});
    let _ann = join(&node, &mint(token("ann"))).await;
    node.fine("CreateRoom", json!({"name": "other", "maxParticipants": 1})).await;
    let _bob = join(&node, &mint(AccessToken::new("devkey").join("other", "bob"))).await;
    let (status, code, _) = node.fault("MoveParticipant", go).await;
    assert_eq!((status, code.as_str()), (412, "failed_precondition"));
    node.fine("GetParticipant", ann()).await;
    let nowhere = crate::api::grant(|it| {
        (it.room_admin, it.room, it.destination_room) = (true, "demo".into(), "demo".into());
    });
    let body = br#"{"room":"demo","identity":"ann","destinationRoom":"demo"}"#;
    let answer = node.raw("MoveParticipant", Some(&nowhere), "application/json", body).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
}

#[tokio::test]
async fn a_token_may_say_what_its_room_is_like() {
    let preset = RoomWish { empty_timeout_s: 70, departure_timeout_s: 8, ..Default::default() };
    let room = RoomSettings { presets: [("small".to_owned(), preset)].into(), ..config().room };
    let node = node(Config { room, ..config() }).await;
    let claims = json!({
        "iss": "devkey", "sub": "ann", "nbf": now_s(), "exp": now_s() + 600,
        "video": {"roomJoin": true, "room": "demo"},
        "roomPreset": "small",
        "roomConfig": {"emptyTimeout": 71, "maxParticipants": 5, "metadata": "told", "agents": [{"agentName": "a"}]},
    });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    let _ann = join(&node, &token).await;
    let room = node.fine("ListRooms", json!({})).await["rooms"][0].clone();
    assert_eq!((&room["empty_timeout"], &room["departure_timeout"]), (&json!(71), &json!(8)));
    assert_eq!((&room["max_participants"], &room["metadata"]), (&json!(5), &json!("told")));
}

#[tokio::test]
async fn data_and_calls_reach_only_who_is_there() {
    let node = node(config()).await;
    let missing = "requested room does not exist";
    assert_eq!(node.fault("SendData", json!({"room": "demo", "data": "AQI="})).await.2, missing);
    let _ann = join(&node, &mint(token("ann"))).await;
    assert_eq!(node.fine("SendData", json!({"room": "demo", "data": "AQI=", "kind": "LOSSY"})).await, json!({}));
    let nonce = json!({"room": "demo", "data": "", "nonce": "AQI="});
    let wrong = "nonce should be 16-bytes or not present, got: 2 bytes";
    assert_eq!(node.fault("SendData", nonce).await, (400, "invalid_argument".into(), wrong.into()));
    let call = json!({"room": "demo", "destinationIdentity": "nobody", "method": "m"});
    assert_eq!(node.fault("PerformRpc", call).await.2, "participant does not exist");
    assert_eq!(node.fault("PerformRpc", json!({"room": "demo"})).await.1, "invalid_argument");
    let slow = json!({"room": "demo", "destinationIdentity": "ann", "method": "m", "responseTimeoutMs": 50});
    let silent = (408, "canceled".to_owned(), "RpcError 1501: Connection timeout".to_owned());
    assert_eq!(node.fault("PerformRpc", slow).await, silent);
    node.fine("UpdateSubscriptions", with(ann(), json!({"trackSids": ["TR_x"], "subscribe": true}))).await;
}
