//! The signal connection: what a joined client gets, in which encoding, and how it ends.

use std::time::Duration;

use futures_util::SinkExt;
use livekit_protocol as proto;
use proto::signal_request::Message as Ask;
use proto::signal_response::Message as Say;
use thalweg_livekit::SignalSettings;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::node::{Client, Config, Node, config, mint, node, packed, token};

fn v0(identity: &str) -> String {
    format!("/rtc?access_token={}&auto_subscribe=1&sdk=js&protocol=16", mint(token(identity)))
}

fn v1(identity: &str) -> String {
    let info = proto::ClientInfo { protocol: 17, ..Default::default() };
    let request = proto::JoinRequest { client_info: Some(info), ..Default::default() };
    format!("/rtc/v1?access_token={}&join_request={}", mint(token(identity)), packed(&request))
}

async fn joined(node: &Node, target: &str) -> (Client, Box<proto::JoinResponse>) {
    let mut client = node.client(target).await;
    match client.message().await {
        Say::Join(join) => (client, Box::new(join)),
        other => panic!("the first message must be join: {other:?}"),
    }
}

fn ping() -> Ask {
    Ask::PingReq(proto::Ping { timestamp: 42, rtt: 1 })
}

fn pong(say: Say) -> Option<i64> {
    match say {
        Say::PongResp(pong) => Some(pong.last_ping_timestamp),
        _ => None,
    }
}

#[tokio::test]
async fn the_first_message_is_join() {
    let node = node(config()).await;
    let mut clients = Vec::new();
    for (target, identity) in [(v0("alice"), "alice"), (v1("bob"), "bob"), (format!("/{}", v0("carol")), "carol")] {
        let (client, join) = joined(&node, &target).await;
        assert_eq!(join.participant.unwrap().identity, identity);
        assert_eq!(join.room.unwrap().name, "demo");
        assert_eq!((join.ping_interval, join.ping_timeout), (5, 15));
        clients.push(client);
    }
    let counts = node.lobby.counts();
    assert_eq!((counts.rooms, counts.connections), (1, 3));
}

#[tokio::test]
async fn a_bearer_header_is_as_good() {
    let node = node(config()).await;
    let mut request = format!("ws://{}/rtc?protocol=16", node.address).into_client_request().unwrap();
    let bearer = format!("Bearer {}", mint(token("alice")));
    request.headers_mut().insert("Authorization", bearer.parse().unwrap());
    let (socket, _) = connect_async(request).await.unwrap();
    assert!(matches!(Client { socket }.message().await, Say::Join(_)));
}

#[tokio::test]
async fn a_refreshed_token_opens_again() {
    let node = node(config()).await;
    let (mut client, _) = joined(&node, &v0("alice")).await;
    let token = client.until(|say| if let Say::RefreshToken(token) = say { Some(token) } else { None }).await;
    let answer = node.http("GET", &format!("/rtc/validate?access_token={token}"), &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "success"));
}

#[tokio::test]
async fn replies_come_in_the_encoding_last_used() {
    let node = node(config()).await;
    let (mut client, _) = joined(&node, &v0("alice")).await;
    client.send(ping()).await;
    assert_eq!(client.until(pong).await, 42);

    let text = r#"{"pingReq":{"timestamp":"43","rtt":"1"},"unknownField":1}"#;
    client.socket.send(Message::text(text)).await.unwrap();
    let reply = loop {
        if let Some(Message::Text(text)) = client.frame().await {
            break text;
        }
    };
    let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
    assert_eq!(reply["pongResp"]["lastPingTimestamp"], "43");

    client.send(ping()).await;
    assert_eq!(client.until(pong).await, 42);
}

#[tokio::test]
async fn rubbish_and_giants_close_the_connection() {
    let node = node(config()).await;
    let giant = Bytes::from(vec![0; thalweg_livekit::http::SIGNAL_BYTES_MAX + 1]);
    let cases = [
        (Message::binary(vec![0xff; 9]), 1007),
        (Message::text("{"), 1007),
        (Message::text("[".repeat(100_000)), 1007),
        (Message::Binary(giant), 1009),
    ];
    for (message, code) in cases {
        let (mut client, _) = joined(&node, &v0("alice")).await;
        // The server may stop reading in the middle of a giant.
        let _ = client.socket.send(message).await;
        assert_eq!(client.close_code().await, Some(code));
        node.until("the connection is gone", |counts| counts.connections == 0).await;
    }
}

#[tokio::test]
async fn fragments_without_end_close_the_connection() {
    let node = node(config()).await;
    let (mut client, _) = joined(&node, &v0("alice")).await;
    let piece = Bytes::from(vec![0; 64 * 1024]);
    for index in 0..=thalweg_livekit::http::SIGNAL_BYTES_MAX / piece.len() {
        let part = if index == 0 { Data::Binary } else { Data::Continue };
        let frame = Frame::message(piece.clone(), OpCode::Data(part), false);
        // The server may have had enough.
        let _ = client.socket.send(Message::Frame(frame)).await;
    }
    assert_eq!(client.close_code().await, Some(1009));
    node.until("the connection is gone", |counts| counts.connections == 0).await;
}

#[tokio::test]
async fn a_flood_of_pings_harms_nobody() {
    let node = node(config()).await;
    let (mut alice, _) = joined(&node, &v0("alice")).await;
    let (mut bob, _) = joined(&node, &v0("bob")).await;
    for _ in 0..20_000 {
        alice.socket.feed(Message::Ping(Bytes::from_static(b"x"))).await.unwrap();
    }
    alice.send(ping()).await;
    bob.send(ping()).await;
    assert_eq!([alice.until(pong).await, bob.until(pong).await], [42, 42]);
}

#[tokio::test]
async fn an_empty_request_is_no_fault() {
    let node = node(config()).await;
    let (mut client, _) = joined(&node, &v0("alice")).await;
    client.socket.send(Message::binary(Vec::new())).await.unwrap();
    client.send(ping()).await;
    assert_eq!(client.until(pong).await, 42);
}

#[tokio::test]
async fn a_leaver_is_gone_and_its_room_after_it() {
    let node = node(config()).await;
    let (mut client, _) = joined(&node, &v0("alice")).await;
    assert_eq!(node.lobby.counts().participants, 1);
    let leave = proto::LeaveRequest { reason: proto::DisconnectReason::ClientInitiated.into(), ..Default::default() };
    client.send(Ask::Leave(leave)).await;
    assert_eq!(client.close_code().await, Some(1000));
    node.until("nothing is left", |counts| (counts.rooms, counts.connections, counts.tasks) == (0, 0, 0)).await;
    let commands = node.commands.lock().unwrap();
    let added = commands.iter().filter(|command| matches!(command, door::Command::AddPeer(..))).count();
    let removed = commands.iter().filter(|command| matches!(command, door::Command::RemovePeer(_))).count();
    assert_eq!(added, removed, "the media house is given back what it was given");
}

#[tokio::test]
async fn a_newer_session_takes_the_identity() {
    let node = node(config()).await;
    let (mut old, _) = joined(&node, &v0("alice")).await;
    let (_new, _) = joined(&node, &v0("alice")).await;
    let reason = old.until(|say| if let Say::Leave(leave) = say { Some(leave.reason()) } else { None }).await;
    assert_eq!(reason, proto::DisconnectReason::DuplicateIdentity);
    assert_eq!(old.close_code().await, Some(1000));
}

#[tokio::test]
async fn shutdown_says_goodbye_and_leaves_no_task() {
    let node = node(config()).await;
    let (mut alice, _) = joined(&node, &v0("alice")).await;
    let (mut bob, _) = joined(&node, &v1("bob")).await;
    let lobby = node.lobby.clone();
    let closing = tokio::spawn(async move { lobby.shutdown(Duration::from_secs(5)).await });
    for client in [&mut alice, &mut bob] {
        client.until(|say| matches!(say, Say::Leave(_)).then_some(())).await;
        assert_eq!(client.close_code().await, Some(1000));
    }
    closing.await.unwrap();
    let counts = node.lobby.counts();
    assert_eq!((counts.rooms, counts.participants, counts.connections, counts.tasks), (0, 0, 0, 0));
}

#[tokio::test]
async fn a_draining_node_keeps_who_is_there_and_takes_nobody() {
    let node = node(config()).await;
    let (mut alice, joined) = joined(&node, &v0("alice")).await;
    let lobby = node.lobby.clone();
    let draining = tokio::spawn(async move { lobby.drain(Duration::from_secs(60)).await });
    let full = loop {
        let answer = node.http("GET", &v0("bob").replace("/rtc?", "/rtc/validate?"), &[]).await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((full.status, full.body.as_str()), (503, "server is shutting down"));
    assert_eq!(node.refused(&v0("bob"), None).await.status, 503);
    let sid = joined.participant.unwrap().sid;
    let mut again = node.client(&format!("{}&reconnect=1&sid={sid}", v0("alice"))).await;
    again.until(|say| matches!(say, Say::Reconnect(_)).then_some(())).await;
    assert_eq!(alice.close_code().await, Some(1000), "she goes on with her new connection");
    assert!(!draining.is_finished());
    drop(again);
    assert!(draining.await.unwrap(), "all have gone");
    let (lobby, room) = (node.lobby.clone(), node.lobby.counts().rooms);
    lobby.shutdown(Duration::from_secs(5)).await;
    assert!(room <= 1 && lobby.counts().rooms == 0);
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let node = node(config()).await;
    let (_alice, _) = joined(&node, &v0("alice")).await;
    assert!(!node.lobby.drain(Duration::ZERO).await, "alice stays");
    assert_eq!(node.lobby.counts().participants, 1);
}

#[tokio::test]
async fn a_silent_socket_is_given_up() {
    let signal = SignalSettings { socket_silence_max: Duration::from_millis(50), ..Default::default() };
    let node = node(Config { signal, ..config() }).await;
    let (_client, _) = joined(&node, &v0("alice")).await;
    node.until("the silent one is gone", |counts| counts.connections == 0).await;
}

#[tokio::test]
async fn a_client_that_answers_pings_is_not_silent() {
    let signal = SignalSettings {
        socket_ping_interval: Duration::from_millis(20),
        socket_silence_max: Duration::from_millis(400),
        ..Default::default()
    };
    let node = node(Config { signal, ..config() }).await;
    let (mut client, _) = joined(&node, &v0("alice")).await;
    // Reading answers the pings; nothing but pings comes for twice the silence allowed.
    let reading = tokio::time::timeout(Duration::from_millis(800), client.close_code());
    assert!(reading.await.is_err(), "closed in spite of its pongs");
    assert_eq!(node.lobby.counts().connections, 1);
}

#[tokio::test]
async fn one_who_hangs_up_frees_the_connection() {
    let node = node(config()).await;
    let (client, _) = joined(&node, &v0("alice")).await;
    drop(client);
    node.until("the connection is gone", |counts| counts.connections == 0).await;
}

#[tokio::test]
async fn a_client_that_closes_gets_its_close_back() {
    let node = node(config()).await;
    let (mut client, _) = joined(&node, &v0("alice")).await;
    let code = tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode::Normal;
    let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame { code, reason: "".into() };
    client.socket.send(Message::Close(Some(frame))).await.unwrap();
    assert_eq!(client.close_code().await, Some(1000));
}
