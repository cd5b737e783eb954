//! Who may do what: every endpoint, asked by everybody.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::{Base, World, server, user};

/// Who asks, in the order of the columns: nobody, a viewer, a user, a host of the call, an admin, a back end, and a host
/// who was sent out.
const CALLERS: [&str; 7] = ["nobody", "vik", "uma", "hana", "boss", "server", "mal"];

struct Row {
    name: &'static str,
    method: &'static str,
    /// `C` stands for the call.
    path: &'static str,
    body: Value,
    statuses: [u16; 7],
}

fn row(name: &'static str, method: &'static str, path: &'static str, body: Value, statuses: [u16; 7]) -> Row {
    Row { name, method, path, body, statuses }
}

/// The table. The call is a livestream that is live.
fn table() -> Vec<Row> {
    let server_only = [401, 403, 403, 403, 200, 200, 403];
    let tokens = [401, 200, 200, 200, 200, 200, 200];
    let readers = [401, 200, 200, 200, 200, 200, 403];
    let hosts = [401, 403, 403, 200, 200, 200, 403];
    let nothing = || Value::Null;
    vec![
        row("upsertUsers", "PUT", "/users", json!({ "users": [{ "id": "zoe" }] }), server_only),
        row("readUser", "GET", "/users/hana", nothing(), tokens),
        row("updateMe", "PATCH", "/users/me", json!({ "name": "Me" }), [401, 200, 200, 200, 200, 403, 200]),
        row("createToken", "POST", "/users/zoe/tokens", nothing(), server_only),
        row("revokeUser", "POST", "/users/zoe/revoke", nothing(), server_only),
        row("revokeAll", "POST", "/tokens/revoke", json!({ "issued_before_s": 5 }), server_only),
        row("createGuest", "POST", "/guests", nothing(), [403, 403, 403, 403, 403, 403, 403]),
        row("listTypes", "GET", "/types", nothing(), tokens),
        row("readType", "GET", "/types/default", nothing(), tokens),
        row("upsertType", "PUT", "/types/class", nothing(), server_only),
        row("deleteType", "DELETE", "/types/class", nothing(), server_only),
        row("getOrCreateCall", "POST", "/calls/C", nothing(), readers),
        row("readCall", "GET", "/calls/C", nothing(), readers),
        row("updateCall", "PATCH", "/calls/C", json!({ "custom": {} }), hosts),
        row("queryCalls", "GET", "/calls", nothing(), tokens),
        row("endCall", "POST", "/calls/C/end", nothing(), hosts),
        row("joinCall", "POST", "/calls/C/join", nothing(), [401, 200, 200, 200, 200, 422, 403]),
        row("goLive", "POST", "/calls/C/go-live", nothing(), hosts),
        row("stopLive", "POST", "/calls/C/stop-live", nothing(), hosts),
        row("renewStreamKey", "POST", "/calls/C/stream-key", nothing(), hosts),
        row("listMembers", "GET", "/calls/C/members", nothing(), readers),
        row("updateMembers", "POST", "/calls/C/members", json!({ "put": [{ "user": "zoe" }] }), hosts),
        row(
            "requestPermissions",
            "POST",
            "/calls/C/permissions/request",
            json!({ "capabilities": ["send-audio"] }),
            readers,
        ),
        row("withdrawRequest", "POST", "/calls/C/permissions/withdraw", nothing(), readers),
        row(
            "updatePermissions",
            "POST",
            "/calls/C/permissions",
            json!({ "user": "uma", "grant": ["send-audio"] }),
            hosts,
        ),
        row("muteUsers", "POST", "/calls/C/mute", nothing(), hosts),
        row("kickUser", "POST", "/calls/C/kick", json!({ "user": "zoe" }), hosts),
        row("blockUser", "POST", "/calls/C/block", json!({ "user": "zoe" }), hosts),
        row("unblockUser", "POST", "/calls/C/unblock", json!({ "user": "zoe" }), hosts),
        row("updatePins", "POST", "/calls/C/pins", json!({ "pin": ["zoe"] }), hosts),
        row("ringCall", "POST", "/calls/C/ring", nothing(), readers),
        // It rings for nobody.
        row("acceptCall", "POST", "/calls/C/accept", nothing(), [401, 409, 409, 409, 409, 409, 409]),
        row("rejectCall", "POST", "/calls/C/reject", nothing(), [401, 409, 409, 409, 409, 409, 409]),
        row("sendMessage", "POST", "/calls/C/messages", json!({ "text": "hi" }), [401, 201, 201, 201, 201, 201, 403]),
        row("listMessages", "GET", "/calls/C/messages", nothing(), readers),
        // It is uma's.
        row("deleteMessage", "DELETE", "/calls/C/messages/1", nothing(), [401, 403, 200, 200, 200, 200, 403]),
        row("listRecordings", "GET", "/calls/C/recordings", nothing(), readers),
        // Nobody records here, whatever it may.
        row("startRecording", "POST", "/calls/C/recordings", nothing(), [401, 403, 403, 403, 403, 403, 403]),
        row("sendReaction", "POST", "/calls/C/reactions", json!({ "reaction": "heart" }), readers),
        row("sendEvent", "POST", "/calls/C/events", json!({ "custom": {} }), readers),
    ]
}

fn token(caller: &str) -> String {
    match caller {
        "nobody" => String::new(),
        "server" => server(),
        "boss" => user("boss", "admin"),
        "vik" => user("vik", "viewer"),
        other => user(other, "user"),
    }
}

on_each_store!(every_endpoint_answers_everybody_as_the_table_says,);

async fn every_endpoint_answers_everybody_as_the_table_says(base: Base) {
    let world = World::new(base).await;
    let users = json!({ "users": [{ "id": "hana" }] });
    assert_eq!(world.ask("PUT", "/users", &server(), users).await.status, 200);
    let mut wrong = Vec::new();
    for row in table() {
        for (caller, status) in CALLERS.iter().zip(row.statuses) {
            let call = prepare(&world, &row, caller).await;
            let path = row.path.replace('C', &call);
            let told = world.ask(row.method, &path, &token(caller), row.body.clone()).await;
            if told.status != status {
                wrong.push(format!("{} by {caller}: {} in place of {status}: {}", row.name, told.status, told.body));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A fresh call, live, with mal sent out and a message of uma's; and a type to be deleted.
async fn prepare(world: &World, row: &Row, caller: &str) -> String {
    if row.name == "deleteType" {
        assert_eq!(world.ask("PUT", "/types/class", &server(), Value::Null).await.status, 200);
    }
    let call = format!("livestream/{}-{caller}", row.name);
    if row.path.contains('C') {
        world.call(&call, json!({ "members": [{ "user": "mal", "role": "host" }] })).await;
        for (path, body, token) in [
            ("go-live", Value::Null, server()),
            ("block", json!({ "user": "mal" }), server()),
            ("messages", json!({ "text": "mine" }), user("uma", "user")),
        ] {
            let told = world.ask("POST", &format!("/calls/{call}/{path}"), &token, body).await;
            assert!(told.status < 300, "{told:?}");
        }
    }
    call
}

#[tokio::test]
async fn the_table_has_every_endpoint() {
    let document = World::new(Base::Sqlite).await.ask("GET", "/openapi.json", "", Value::Null).await.body;
    let mut names = BTreeSet::new();
    for methods in document["paths"].as_object().unwrap().values() {
        names.extend(methods.as_object().unwrap().values().map(|it| it["operationId"].as_str().unwrap().to_owned()));
    }
    // It has a test of its own.
    assert!(names.remove("listen"));
    let rows: BTreeSet<String> = table().iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(rows, names);
}
