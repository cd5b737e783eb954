//! What goes wrong: bad tokens, bad bodies, too many requests, origins, restarts, races.

use axum::body::Body;
use axum::http::Request;
use databases::Folder;
use serde_json::{Value, json};
use store::Place;
use thalweg_calls_api::{Opening, Rates};

use crate::world::{Base, World, now_s, server, signed, user};

on_each_store!(
    bad_tokens_have_their_codes,
    a_token_older_than_revocations_are_remembered_has_expired,
    what_does_not_fit_is_named,
    too_many_requests_wait,
    origins_and_request_ids,
    guests_and_strangers_where_they_are_let_in,
    a_full_call_and_a_blocked_user_stay_shut,
    many_at_once_make_one_call,
    everything_is_there_after_a_restart,
);

async fn bad_tokens_have_their_codes(base: Base) {
    let world = World::new(base).await;
    let past = json!({ "sub": "ann", "iat": now_s() - 100, "exp": now_s() - 1 });
    for (token, code) in [
        (String::new(), "token_missing"),
        ("rubbish".into(), "token_invalid"),
        (signed(past), "token_expired"),
        (signed(json!({ "sub": "ann", "iss": "other" })), "token_invalid"),
        (signed(json!({ "sub": "ann", "video": { "roomJoin": true } })), "token_invalid"),
        (signed(json!({ "sub": "ann", "exp": null })), "token_invalid"),
    ] {
        let told = world.ask("GET", "/calls", &token, Value::Null).await;
        assert_eq!((told.status, told.code()), (401, code), "{token}");
    }
    let ann = signed(json!({ "sub": "ann", "iat": now_s() - 10 }));
    assert_eq!(world.ask("GET", "/calls", &ann, Value::Null).await.status, 200);
    let told = world.ask("POST", "/users/ann/revoke", &server(), json!({ "issued_before_s": now_s() - 5 })).await;
    assert_eq!(told.status, 200);
    assert_eq!(world.ask("GET", "/calls", &ann, Value::Null).await.code(), "token_revoked");
    assert_eq!(world.ask("GET", "/calls", &user("ann", "user"), Value::Null).await.status, 200);
    assert_eq!(world.ask("GET", "/calls", &user("bob", "user"), Value::Null).await.status, 200);
}

async fn a_token_older_than_revocations_are_remembered_has_expired(base: Base) {
    let world = World::with(base, |config| config.token_life_s = 600).await;
    for (age_s, status) in [(500, 200), (700, 401)] {
        let token = signed(json!({ "sub": "ann", "iat": now_s() - age_s }));
        assert_eq!(world.ask("GET", "/calls", &token, Value::Null).await.status, status, "{age_s}");
    }
}

async fn what_does_not_fit_is_named(base: Base) {
    let world = World::new(base).await;
    let hana = user("hana", "user");
    for (method, path, body, field) in [
        ("POST", "/calls/default/a", json!({ "members": [{ "user": "b" }, { "user": "a b" }] }), "members.1.user"),
        ("POST", "/calls/default/a", json!({ "member": [] }), "member"),
        (
            "POST",
            "/calls/default/a",
            json!({ "settings": { "chat": { "slow_mode_s": -1 } } }),
            "settings.chat.slow_mode_s",
        ),
        ("POST", "/calls/default/a", json!({ "settings": { "sound": {} } }), "settings.sound"),
        ("POST", "/calls/default/a", json!({ "starts_at_ms": u64::MAX }), "starts_at_ms"),
        ("POST", "/calls/default/a", json!({ "created_by": "eve" }), "created_by"),
        ("POST", "/calls/default/a", json!({ "custom": { "x": "y".repeat(20_000) } }), "custom"),
        ("POST", "/calls/default/a%20b", json!({}), "id"),
        ("GET", "/calls?limit=x", Value::Null, "limit"),
        ("GET", "/calls?limit=101", Value::Null, "limit"),
        ("GET", "/calls?cursor=x", Value::Null, "cursor"),
        ("GET", "/calls?state=gone", Value::Null, "state"),
        ("PATCH", "/users/me", json!({ "name": "a\u{0}b" }), "name"),
    ] {
        let told = world.ask(method, path, &hana, body).await;
        assert_eq!((told.status, told.code(), told.field()), (422, "invalid", field), "{path} {}", told.body);
    }
    let raw = Request::post("/api/v1/calls/default/a").header("authorization", format!("Bearer {hana}"));
    assert_eq!(world.request(raw.body(Body::from("{")).unwrap()).await.status, 422);
    let raw = Request::post("/api/v1/calls/default/a").header("authorization", format!("Bearer {hana}"));
    assert_eq!(world.request(raw.body(Body::from(" ".repeat(2_000_000))).unwrap()).await.code(), "body_too_large");
    assert_eq!(world.ask("GET", "/calls/default/a", &hana, Value::Null).await.code(), "call_not_found");
    assert_eq!(world.ask("POST", "/calls/nope/a", &hana, Value::Null).await.code(), "type_not_found");
    assert_eq!(world.ask("GET", "/nope", &hana, Value::Null).await.code(), "not_found");
    let told = world.ask("DELETE", "/calls", &hana, Value::Null).await;
    assert_eq!((told.status, told.headers["allow"].to_str().unwrap()), (405, "GET, OPTIONS"));
}

async fn too_many_requests_wait(base: Base) {
    let world = World::with(base, |config| config.rates = Rates { user: 2, key: 0 }).await;
    let ann = user("ann", "user");
    for _ in 0..4 {
        assert_eq!(world.ask("GET", "/calls", &ann, Value::Null).await.status, 200);
    }
    let told = world.ask("GET", "/calls", &ann, Value::Null).await;
    assert_eq!((told.status, told.code()), (429, "rate_limited"));
    assert_eq!(told.headers["retry-after"], "1");
    assert_eq!(world.ask("GET", "/calls", &user("bob", "user"), Value::Null).await.status, 200);
}

async fn origins_and_request_ids(base: Base) {
    let app = "https://app.example.com";
    let world = World::with(base, |config| config.origins = vec![app.into()]).await;
    let ask = async |method: &str, origin: &str, token: &str| {
        let request = Request::builder().method(method).uri("/api/v1/calls/default/a").header("origin", origin);
        let request = request.header("authorization", format!("Bearer {token}")).header("x-request-id", "mine-1");
        world.request(request.body(Body::empty()).unwrap()).await
    };
    let preflight = ask("OPTIONS", app, "").await;
    assert_eq!((preflight.status, preflight.headers["access-control-allow-origin"].to_str().unwrap()), (204, app));
    assert_eq!(preflight.headers["access-control-allow-methods"], "POST, GET, PATCH, OPTIONS");
    assert!(preflight.headers["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
    let foreign = ask("OPTIONS", "https://evil.example.com", "").await;
    assert!(!foreign.headers.contains_key("access-control-allow-origin"));
    assert!(!foreign.headers.contains_key("access-control-allow-methods"));
    // An error can be read by the page as well.
    let refused = ask("GET", app, "rubbish").await;
    assert_eq!((refused.status, refused.headers["access-control-allow-origin"].to_str().unwrap()), (401, app));
    assert_eq!(refused.headers["x-request-id"], "mine-1");
    assert_eq!(refused.body["error"]["request_id"], "mine-1");
}

async fn guests_and_strangers_where_they_are_let_in(base: Base) {
    let world = World::with(base, |config| (config.guests, config.anonymous) = (true, true)).await;
    world.call("livestream/show", json!({})).await;
    world.ask("POST", "/calls/livestream/show/go-live", &server(), Value::Null).await;
    let guest = world.ask("POST", "/guests", "", json!({ "name": "Gus" })).await;
    assert_eq!((guest.status, &guest.body["user"]["role"]), (201, &json!("viewer")));
    let token = guest.body["token"].as_str().unwrap();
    for token in [token, ""] {
        let joined = world.ask("POST", "/calls/livestream/show/join", token, Value::Null).await;
        assert_eq!((joined.status, &joined.body["role"]), (200, &json!("viewer")), "{joined:?}");
        let user = joined.body["user"].as_str().unwrap();
        assert!(user.starts_with("guest-") || user.starts_with("anonymous-"), "{user}");
    }
    assert_eq!(world.ask("POST", "/calls/livestream/show/end", token, Value::Null).await.status, 403);
    assert_eq!(world.ask("PUT", "/users", "", json!({ "users": [] })).await.code(), "server_only");
}

async fn a_full_call_and_a_blocked_user_stay_shut(base: Base) {
    let world = World::new(base).await;
    world.call("default/two", json!({ "settings": { "limits": { "max_participants": 2 } } })).await;
    world.enter("default:two", "ann", "user").await;
    world.enter("default:two", "bob", "user").await;
    assert!(matches!(world.knock("default:two", "cid", "user").await, Opening::Refused(_)));
    assert!(matches!(world.knock("default:two", "bob", "user").await, Opening::Granted(_)), "bob comes back");
    world.rooms.done();
    let block = json!({ "user": "bob" });
    assert_eq!(world.ask("POST", "/calls/default/two/block", &user("hana", "user"), block).await.status, 200);
    assert_eq!(world.rooms.done(), ["remove bob for good"]);
    let Opening::Refused(why) = world.knock("default:two", "bob", "user").await else { panic!("bob is let in") };
    assert!(why.contains("sent out"), "{why}");
    // Rooms that are no calls are none of ours.
    assert_eq!(world.knock("lobby", "bob", "user").await, Opening::Unguarded);
}

async fn many_at_once_make_one_call(base: Base) {
    let world = std::sync::Arc::new(World::new(base).await);
    let tasks: Vec<_> = (0..50)
        .map(|index| {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move {
                let token = user(&format!("u{index}"), "user");
                world.ask("POST", "/calls/default/race", &token, json!({})).await
            })
        })
        .collect();
    let mut made = Vec::new();
    for task in tasks {
        let told = task.await.unwrap();
        made.push((told.status, told.body["call"]["created_by"].clone()));
    }
    assert_eq!(made.iter().filter(|(status, _)| *status == 201).count(), 1);
    assert!(made.iter().all(|(_, by)| *by == made[0].1));
}

async fn everything_is_there_after_a_restart(base: Base) {
    let folder = Folder::new();
    let place = base.place(&folder).await;
    let before = {
        let world = World::at(place.clone(), |_| {}).await;
        world.ask("PUT", "/types/class", &server(), json!({ "settings": { "recording": false } })).await;
        world
            .call("class/math", json!({ "members": [{ "user": "ann", "role": "host" }], "custom": { "a": [1] } }))
            .await;
        for (path, body) in [
            ("block", json!({ "user": "eve" })),
            ("permissions", json!({ "user": "bob", "revoke": ["send-video"] })),
            ("pins", json!({ "pin": ["ann"] })),
            ("messages", json!({ "text": "hello" })),
        ] {
            let told = world.ask("POST", &format!("/calls/class/math/{path}"), &server(), body).await;
            assert!(told.status < 300, "{told:?}");
        }
        world.ask("GET", "/calls/class/math", &server(), Value::Null).await.body
    };
    // The first server's tasks let go of the store within a sweep.
    let world = reopened(place).await;
    assert_eq!(world.ask("GET", "/calls/class/math", &server(), Value::Null).await.body, before);
    let bob = world.ask("GET", "/calls/class/math", &user("bob", "user"), Value::Null).await;
    assert!(!bob.body["call"]["capabilities"].as_array().unwrap().contains(&json!("send-video")));
    assert!(matches!(world.knock("class:math", "eve", "user").await, Opening::Refused(_)));
    let said = world.ask("POST", "/calls/class/math/messages", &server(), json!({ "text": "again" })).await;
    assert_eq!(said.body["message"]["id"], 2);
}

async fn reopened(place: Place) -> World {
    for _ in 0..500 {
        if let Ok(store) = store::Store::open(place.clone(), None).await {
            drop(store);
            return World::at(place, |_| {}).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the store is never let go of");
}
