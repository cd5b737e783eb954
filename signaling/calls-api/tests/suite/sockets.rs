//! Events over a WebSocket: who hears what, and until when.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::world::{Base, World, server, signed, user};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn listen(address: &str, token: &str, calls: &str) -> Result<Socket, Error> {
    connect_async(format!("ws://{address}/api/v1/events?token={token}&calls={calls}")).await.map(|pair| pair.0)
}

/// The next event's name, or the code with which it was closed.
async fn next(socket: &mut Socket) -> String {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let event: Value = serde_json::from_str(&text).unwrap();
                return event["event"].as_str().unwrap().to_owned();
            }
            Some(Ok(Message::Close(Some(frame)))) => return u16::from(frame.code).to_string(),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

on_each_store!(members_and_watchers_hear_until_their_token_ends, who_may_not_is_refused_before_the_upgrade,);

async fn members_and_watchers_hear_until_their_token_ends(base: Base) {
    let world = World::new(base).await;
    let address = world.serve().await;
    world.call("default/one", json!({ "members": [{ "user": "ann" }] })).await;
    let mut ann = listen(&address, &user("ann", "user"), "").await.unwrap();
    let mut bob = listen(&address, &user("bob", "user"), "").await.unwrap();
    let mut cid = listen(&address, &user("cid", "user"), "default:one").await.unwrap();
    let mut back = listen(&address, &server(), "").await.unwrap();
    let react = async || {
        let told = world.ask("POST", "/calls/default/one/reactions", &server(), json!({ "reaction": "x" })).await;
        assert_eq!(told.status, 200);
    };
    react().await;
    for socket in [&mut ann, &mut cid, &mut back] {
        assert_eq!(next(socket).await, "call_reaction");
    }
    bob.send(Message::text(json!({ "watch": ["default:one"] }).to_string())).await.unwrap();
    assert_eq!(next(&mut bob).await, "ok");
    cid.send(Message::text(json!({ "unwatch": ["default:one"] }).to_string())).await.unwrap();
    assert_eq!(next(&mut cid).await, "ok");
    cid.send(Message::text(json!({ "watch": ["default:two"] }).to_string())).await.unwrap();
    assert_eq!(next(&mut cid).await, "error");
    react().await;
    for socket in [&mut ann, &mut bob] {
        assert_eq!(next(socket).await, "call_reaction");
    }
    // What is asked of those who may grant it is theirs alone to hear.
    let hana = user("hana", "user");
    let mut host = listen(&address, &hana, "").await.unwrap();
    let lend = json!({ "user": "bob", "revoke": ["send-video"] });
    assert_eq!(world.ask("POST", "/calls/default/one/permissions", &hana, lend).await.status, 200);
    let ask = json!({ "capabilities": ["send-video"] });
    let asked = world.ask("POST", "/calls/default/one/permissions/request", &user("bob", "user"), ask).await;
    assert_eq!(asked.status, 200);
    assert_eq!(
        [next(&mut host).await, next(&mut host).await].join(" "),
        "call_permissions_changed call_permission_requested"
    );
    let end = world.ask("POST", "/users/ann/revoke", &server(), Value::Null).await;
    assert_eq!(end.status, 200);
    assert_eq!([next(&mut ann).await, next(&mut ann).await].join(" "), "call_permissions_changed 4401");
    world.calls.close();
    assert_eq!([next(&mut bob).await, next(&mut bob).await].join(" "), "call_permissions_changed 1001");
}

async fn who_may_not_is_refused_before_the_upgrade(base: Base) {
    let world = World::new(base).await;
    let address = world.serve().await;
    world.call("default/one", json!({})).await;
    world.ask("POST", "/calls/default/one/block", &server(), json!({ "user": "eve" })).await;
    let short = signed(json!({ "sub": "ann", "calls": ["default:two"] }));
    for (token, calls, status) in [
        ("rubbish", "", 401),
        (user("ann", "user").as_str(), "default:none", 404),
        (user("ann", "user").as_str(), "rubbish", 422),
        (user("eve", "user").as_str(), "default:one", 403),
        (short.as_str(), "default:one", 403),
    ] {
        match listen(&address, token, calls).await {
            Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), status, "{calls}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.calls.counts().hub.connections, 0);
}
