//! Calls from beginning to end, as apps use them.

use serde_json::{Value, json};
use thalweg_calls_api::{News, Opening};

use crate::world::{Base, World, server, user};

on_each_store!(
    a_livestream_goes_live_and_ends,
    a_listener_is_given_the_floor_and_loses_it,
    a_call_rings,
    chat_holds_to_its_settings,
    lists_show_what_the_caller_may_read,
    the_server_itself_hands_out_tokens,
    a_type_is_edited_under_the_feet_of_its_calls,
    a_call_ends_when_its_time_is_over,
);

async fn a_livestream_goes_live_and_ends(base: Base) {
    let world = World::new(base).await;
    let (hana, vik) = (user("hana", "user"), user("vik", "viewer"));
    let made = world.call("livestream/show", json!({ "custom": { "title": "Show" } })).await;
    assert_eq!((&made.body["call"]["state"], &made.body["created"]), (&json!("backstage"), &json!(true)));
    let again = world.ask("POST", "/calls/livestream/show", &server(), json!({ "created_by": "eve" })).await;
    assert_eq!((again.status, &again.body["call"]["created_by"]), (200, &json!("hana")));
    let early = world.ask("POST", "/calls/livestream/show/join", &vik, Value::Null).await;
    assert_eq!((early.status, early.code()), (403, "call_not_live"));
    assert!(matches!(world.knock("livestream:show", "vik", "viewer").await, Opening::Refused(_)));

    let users = json!({ "users": [{ "id": "hana", "image": "https://pictures.example/hana" }] });
    assert_eq!(world.ask("PUT", "/users", &server(), users).await.status, 200);
    let joined = world.ask("POST", "/calls/livestream/show/join", &hana, Value::Null).await;
    assert_eq!((joined.status, &joined.body["role"]), (200, &json!("host")));
    let ingress = &joined.body["call"]["ingress"];
    assert_eq!((&ingress["rtmp_url"], &ingress["push"]["state"]), (&json!("rtmp://here/live"), &json!("inactive")));
    let token = joined.body["token"].as_str().unwrap();
    assert!(
        token.starts_with("livestream:show hana user ") && token.ends_with(" https://pictures.example/hana"),
        "{token}"
    );
    world.rooms.done();
    let renewed = world.ask("POST", "/calls/livestream/show/stream-key", &hana, Value::Null).await;
    assert_eq!((renewed.status, &renewed.body["call"]["ingress"]["stream_key"]), (200, &json!("key")));
    assert_eq!(world.rooms.done(), ["renew IN_1"]);
    assert!(world.enter("livestream:show", "hana", "user").await.can_publish);
    world.until_there("livestream/show", 1).await;
    world.events();
    let live = world.ask("POST", "/calls/livestream/show/go-live", &hana, Value::Null).await;
    assert_eq!(live.body["call"]["state"], "live");
    let seen = world.ask("POST", "/calls/livestream/show/join", &vik, Value::Null).await;
    assert_eq!((seen.status, &seen.body["call"]["ingress"]), (200, &Value::Null));
    let grants = world.enter("livestream:show", "vik", "viewer").await;
    assert!(grants.can_subscribe && !grants.can_publish);
    world.until_there("livestream/show", 2).await;
    world.rooms.done();

    world.ask("POST", "/calls/livestream/show/stop-live", &hana, Value::Null).await;
    assert_eq!(world.rooms.done(), ["remove vik"]);
    assert!(matches!(world.knock("livestream:show", "vik", "viewer").await, Opening::Refused(_)));
    world.calls.news("livestream:show", News::Left { identity: "vik".into(), session: "PA_vik".into() });
    world.until_there("livestream/show", 1).await;
    let ended = world.ask("POST", "/calls/livestream/show/end", &hana, Value::Null).await;
    assert_eq!(ended.body["call"]["state"], "ended");
    assert_eq!(world.rooms.done(), ["close livestream:show", "forget IN_1"]);
    assert!(matches!(world.knock("livestream:show", "hana", "user").await, Opening::Refused(_)));
    let late = world.ask("POST", "/calls/livestream/show/join", &hana, Value::Null).await;
    assert_eq!((late.status, late.code()), (409, "call_ended"));
    let told = world.events();
    for event in ["call_live_started", "call_participant_joined", "call_live_ended", "call_ended"] {
        assert!(told.contains(&event), "{told:?}");
    }
}

async fn a_listener_is_given_the_floor_and_loses_it(base: Base) {
    let world = World::new(base).await;
    let (hana, lea) = (user("hana", "user"), user("lea", "user"));
    world.call("audio_room/talk", json!({})).await;
    world.ask("POST", "/calls/audio_room/talk/go-live", &hana, Value::Null).await;
    assert!(!world.enter("audio_room:talk", "lea", "user").await.can_publish);
    world.until_there("audio_room/talk", 1).await;
    let voice = json!({ "capabilities": ["send-audio"] });
    assert_eq!(world.ask("POST", "/calls/audio_room/talk/permissions/request", &lea, voice).await.status, 200);
    let seen = world.ask("GET", "/calls/audio_room/talk", &hana, Value::Null).await;
    assert_eq!(seen.body["call"]["requests"], json!([{ "user": "lea", "capabilities": ["send-audio"] }]));
    for (change, speaks) in [("grant", true), ("revoke", false)] {
        let body = json!({ "user": "lea", change: ["send-audio"] });
        assert_eq!(world.ask("POST", "/calls/audio_room/talk/permissions", &hana, body).await.status, 200);
        assert_eq!(world.rooms.done(), ["permit lea"]);
        assert_eq!(world.rooms.grants.lock().unwrap()["lea"].can_publish, speaks);
        // An older token says nothing: the door asks the call.
        let Opening::Granted(grants) = world.knock("audio_room:talk", "lea", "user").await else { panic!() };
        assert_eq!(grants.can_publish, speaks);
    }
    for (by, body) in [(&lea, Value::Null), (&hana, json!({ "user": "lea" }))] {
        let ask = async |what: &str, body: Value| {
            world.ask("POST", &format!("/calls/audio_room/talk/permissions/{what}"), by, body).await
        };
        let voice = json!({ "capabilities": ["send-audio"] });
        assert_eq!(world.ask("POST", "/calls/audio_room/talk/permissions/request", &lea, voice).await.status, 200);
        let own = world.ask("GET", "/calls/audio_room/talk", &lea, Value::Null).await;
        assert_eq!(own.body["call"]["requests"][0]["user"], "lea");
        let bob = world.ask("GET", "/calls/audio_room/talk", &user("bob", "user"), Value::Null).await;
        assert_eq!(bob.body["call"]["requests"], Value::Null);
        world.events();
        // The second time there is nothing to lower, and nothing to tell.
        for _ in 0..2 {
            assert_eq!(ask("withdraw", body.clone()).await.status, 200);
        }
        assert_eq!(world.events(), ["call_permission_withdrawn"]);
        let seen = world.ask("GET", "/calls/audio_room/talk", &hana, Value::Null).await;
        assert_eq!(seen.body["call"]["requests"], json!([]));
    }
    let wrong = json!({ "user": "lea", "grant": ["end-call"] });
    let told = world.ask("POST", "/calls/audio_room/talk/permissions", &hana, wrong).await;
    assert_eq!((told.status, told.field()), (422, "capabilities"));
}

async fn a_call_rings(base: Base) {
    let world = World::new(base).await;
    let (hana, bob) = (user("hana", "user"), user("bob", "user"));
    world.call("default/two", json!({ "members": [{ "user": "bob" }, { "user": "cid" }, { "user": "dan" }] })).await;
    let rung = world.ask("POST", "/calls/default/two/ring", &hana, json!({ "timeout_s": 1 })).await;
    assert_eq!(rung.body["users"], json!(["bob", "cid", "dan"]));
    assert_eq!(world.ask("POST", "/calls/default/two/accept", &bob, Value::Null).await.status, 200);
    let no = world.ask("POST", "/calls/default/two/reject", &user("cid", "user"), json!({ "reason": "busy" })).await;
    assert_eq!(no.status, 200);
    assert_eq!(world.ask("POST", "/calls/default/two/accept", &bob, Value::Null).await.code(), "not_ringing");
    let mut told = world.events();
    for _ in 0..600 {
        if told.contains(&"call_missed") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        told.extend(world.events());
    }
    let rings: Vec<_> = told.into_iter().filter(|it| !matches!(*it, "call_created")).collect();
    assert_eq!(rings, ["call_ring", "call_accepted", "call_rejected", "call_missed"]);
}

async fn chat_holds_to_its_settings(base: Base) {
    let world = World::new(base).await;
    let (uma, vik) = (user("uma", "user"), user("vik", "user"));
    let chat = json!({ "chat": { "members_only": true, "slow_mode_s": 60 } });
    world.call("default/talk", json!({ "members": [{ "user": "uma" }], "settings": chat })).await;
    let say = async |token: &str, text: &str| {
        world.ask("POST", "/calls/default/talk/messages", token, json!({ "text": text })).await
    };
    assert_eq!(say(&vik, "hi").await.code(), "members_only");
    assert_eq!(say(&uma, "one").await.status, 201);
    let slow = say(&uma, "two").await;
    assert_eq!((slow.status, slow.code()), (429, "slow_mode"));
    assert!(slow.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 50);
    for number in 2..=5 {
        assert_eq!(say(&server(), &number.to_string()).await.status, 201);
    }
    let page = world.ask("GET", "/calls/default/talk/messages?limit=3", &uma, Value::Null).await.body;
    let texts: Vec<_> = page["messages"].as_array().unwrap().iter().map(|it| it["text"].clone()).collect();
    assert_eq!((texts, &page["next"]), (vec![json!("5"), json!("4"), json!("3")], &json!(3)));
    let rest = world.ask("GET", "/calls/default/talk/messages?before=3&limit=3", &uma, Value::Null).await.body;
    assert_eq!((rest["messages"].as_array().unwrap().len(), &rest["next"]), (2, &Value::Null));
    let off = json!({ "settings": { "chat": { "enabled": false } } });
    world.ask("PATCH", "/calls/default/talk", &user("hana", "user"), off).await;
    assert_eq!(say(&uma, "three").await.code(), "chat_disabled");
}

async fn lists_show_what_the_caller_may_read(base: Base) {
    let world = World::new(base).await;
    let hidden = json!({ "grants": { "user": [], "viewer": [] } });
    world.ask("PUT", "/types/secret", &server(), hidden).await;
    for (path, more) in [
        ("default/a", json!({})),
        ("livestream/b", json!({ "starts_at_ms": 4_000_000_000_000_u64 })),
        ("secret/c", json!({ "members": [{ "user": "uma", "role": "host" }] })),
        ("secret/d", json!({})),
    ] {
        world.call(path, more).await;
    }
    let names = async |query: &str, token: &str| {
        let told = world.ask("GET", &format!("/calls{query}"), token, Value::Null).await;
        assert_eq!(told.status, 200, "{told:?}");
        let calls = told.body["calls"].as_array().unwrap().clone();
        calls.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("")
    };
    let (uma, only) = (user("uma", "user"), crate::world::signed(json!({ "sub": "uma", "calls": ["default:a"] })));
    for (query, token, found) in [
        ("?sort=created_at", &server(), "abcd"),
        ("?sort=created_at", &uma, "abc"),
        ("?sort=created_at", &only, "a"),
        ("?member=uma", &uma, "c"),
        ("?type=secret", &uma, "c"),
        ("?state=upcoming", &uma, "b"),
        ("?state=backstage", &uma, "b"),
    ] {
        assert_eq!(names(query, token).await, found, "{query}");
    }
    let page = world.ask("GET", "/calls?sort=created_at&limit=2", &server(), Value::Null).await.body;
    let cursor = page["next"].as_str().unwrap();
    assert_eq!(names(&format!("?sort=created_at&cursor={cursor}"), &server()).await, "cd");
    assert_eq!(world.ask("GET", "/calls/default/x", &only, Value::Null).await.code(), "call_not_in_token");
}

async fn the_server_itself_hands_out_tokens(base: Base) {
    let world = World::new(base).await;
    let token = world.calls.user_token("hana", Some("host")).unwrap();
    assert_eq!(world.ask("POST", "/calls/livestream/show", &token, Value::Null).await.status, 201);
    for (user, role) in [("", None), ("@hana", None), ("hana", Some("a role"))] {
        assert!(world.calls.user_token(user, role).is_err(), "{user} {role:?}");
    }
}

async fn a_type_is_edited_under_the_feet_of_its_calls(base: Base) {
    let world = World::new(base).await;
    world.call("default/one", json!({})).await;
    assert!(world.enter("default:one", "uma", "user").await.can_publish);
    world.until_there("default/one", 1).await;
    let quiet = json!({ "grants": { "user": ["join-call", "read-call"] } });
    assert_eq!(world.ask("PUT", "/types/default", &server(), quiet).await.status, 200);
    assert!(!world.rooms.grants.lock().unwrap()["uma"].can_publish);
    assert_eq!(world.ask("DELETE", "/types/default", &server(), Value::Null).await.status, 200);
    assert!(world.rooms.grants.lock().unwrap()["uma"].can_publish);
}

async fn a_call_ends_when_its_time_is_over(base: Base) {
    let world = World::new(base).await;
    world.call("default/short", json!({ "settings": { "limits": { "max_duration_s": 1 } } })).await;
    world.enter("default:short", "uma", "user").await;
    for _ in 0..800 {
        let told = world.ask("GET", "/calls/default/short", &server(), Value::Null).await;
        if told.body["call"]["state"] == "ended" {
            assert!(world.rooms.done().contains(&"close default:short".to_owned()));
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it never ended");
}
