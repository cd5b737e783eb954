//! What HTTP says to a join that must not be: statuses, bodies and CORS as LiveKit's clients know them.

use crate::node::{Config, SECRET, config, mint, node, now_s, packed, token};
use livekit_protocol as proto;
use std::time::Duration;
use thalweg_livekit::{AccessToken, Limits, RoomSettings, Secret};

fn foreign(key: &str, secret: &str) -> String {
    AccessToken::new(key).join("demo", "alice").mint(&Secret::new(secret), now_s())
}

#[tokio::test]
async fn every_refusal_has_its_status_and_body() {
    let node = node(config()).await;
    let long = "x".repeat(257);
    let expired = token("alice").ttl(Duration::from_secs(10)).mint(&Secret::new(SECRET), now_s() - 3600);
    let early = token("alice").mint(&Secret::new(SECRET), now_s() + 3600);
    let hs512 = {
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS512);
        let claims = serde_json::json!({"iss": "devkey", "sub": "alice", "exp": now_s() + 600,
            "video": {"roomJoin": true, "room": "demo"}});
        jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
    };
    // {"alg":"none"}.{"iss":"devkey","sub":"alice"}.
    let unsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJkZXZrZXkiLCJzdWIiOiJhbGljZSJ9.".to_owned();
    let cases = [
        (mint(AccessToken::new("devkey")), 401, "permissions denied"),
        (mint(token("alice").grant(|grant| grant.room_join = false)), 401, "permissions denied"),
        ("rubbish".into(), 401, "invalid authorization token"),
        (unsigned, 401, "invalid authorization token"),
        (hs512, 401, "invalid authorization token"),
        (foreign("stranger", SECRET), 401, "invalid API key"),
        (foreign("devkey", "not the secret"), 401, "invalid authorization token: signature does not match"),
        (expired, 401, "invalid authorization token: token is expired"),
        (early, 401, "invalid authorization token: token is not valid yet"),
        (mint(token("")), 400, "identity cannot be empty"),
        (mint(AccessToken::new("devkey").join("", "alice")), 400, "no room name"),
        (mint(token(&long)), 400, "participant identity length exceeds limits: max length 256"),
        (mint(AccessToken::new("devkey").join(&long, "alice")), 400, "room name length exceeds limits: max length 256"),
    ];
    for (bearer, status, body) in cases {
        for path in ["/rtc", "/rtc/v1"] {
            let answer = node.refused(path, Some(&bearer)).await;
            assert_eq!((answer.status, answer.body.as_str()), (status, body), "{path}");
            assert!(answer.headers.contains("access-control-allow-origin: *"), "{}", answer.headers);
            let answer = node.http("GET", &format!("{path}/validate?access_token={bearer}"), &[]).await;
            assert_eq!((answer.status, answer.body.as_str()), (status, body), "{path}/validate");
            assert!(answer.headers.contains("access-control-allow-origin: *"), "{}", answer.headers);
        }
    }
    let counts = node.lobby.counts();
    assert_eq!((counts.rooms, counts.connections, counts.tasks), (0, 0, 0), "a refusal leaves nothing behind");
    assert!(counts.joins_refused > 0);
}

#[tokio::test]
async fn without_a_bearer_nobody_enters() {
    let node = node(config()).await;
    let basic = node.http("GET", "/rtc/validate", &["Authorization: Basic abc".into()]).await;
    assert_eq!((basic.status, basic.body.as_str()), (401, "invalid authorization header. Must start with Bearer "));
    let none = node.refused("/rtc", None).await;
    assert_eq!((none.status, none.body.as_str()), (401, "permissions denied"));
}

#[tokio::test]
async fn v1_needs_a_readable_request() {
    let node = node(config()).await;
    let bearer = mint(token("alice"));
    let cases = [
        ("/rtc/v1", "join_request is required"),
        ("/rtc/v1?join_request=%21%21", "cannot base64 decode wrapped join request"),
        ("/rtc/v1?join_request=____", "cannot unmarshal wrapped join request"),
    ];
    for (target, body) in cases {
        let answer = node.refused(target, Some(&bearer)).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, body), "{target}");
    }
}

#[tokio::test]
async fn own_words_need_the_grant() {
    let node = node(config()).await;
    let request = proto::JoinRequest { metadata: "mine".into(), ..Default::default() };
    let target = format!("/rtc/v1/validate?join_request={}", packed(&request));
    let bearer = |token| vec![format!("Authorization: Bearer {}", mint(token))];
    let answer = node.http("GET", &target, &bearer(token("alice"))).await;
    assert_eq!((answer.status, answer.body.as_str()), (401, "permissions denied"));
    let allowed = token("alice").grant(|grant| grant.can_update_own_metadata = Some(true));
    assert_eq!(node.http("GET", &target, &bearer(allowed)).await.status, 200);
}

#[tokio::test]
async fn a_missing_room_is_made_only_by_who_may() {
    let node = node({
        let room = RoomSettings { auto_create: false, ..Default::default() };
        Config { room, ..config() }
    })
    .await;
    for path in ["/rtc", "/rtc/validate"] {
        let target = format!("{path}?access_token={}", mint(token("alice")));
        let answer = node.refused(&target, None).await;
        assert_eq!((answer.status, answer.body.as_str()), (404, "requested room does not exist"), "{path}");
    }
    let maker = mint(token("alice").grant(|grant| grant.room_create = true));
    assert_eq!(node.http("GET", &format!("/rtc/validate?access_token={maker}"), &[]).await.status, 200);
}

#[tokio::test]
async fn a_full_node_says_so() {
    for limits in [Limits { rooms_max: 0, ..Default::default() }, Limits { connections_max: 0, ..Default::default() }] {
        let node = node(Config { limits, ..config() }).await;
        let answer = node.refused(&format!("/rtc?access_token={}", mint(token("alice"))), None).await;
        assert_eq!((answer.status, answer.body.as_str()), (503, "node has exceeded its configured limit"));
        assert_eq!(node.lobby.counts().connections, 0);
    }
}

#[tokio::test]
async fn validation_lets_browsers_read_it() {
    let node = node(config()).await;
    let bearer = mint(token("alice"));
    let request = packed(&proto::JoinRequest::default());
    let targets = [
        format!("/rtc/validate?access_token={bearer}"),
        format!("//rtc/validate?access_token={bearer}"),
        format!("/rtc/v1/validate?access_token={bearer}&join_request={request}"),
        format!("//rtc/v1/validate?access_token={bearer}&join_request={request}"),
    ];
    for target in targets {
        let answer = node.http("GET", &target, &["Origin: https://app.example".into()]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "success"));
        assert!(answer.headers.contains("access-control-allow-origin: *"));
    }
    assert_eq!(node.lobby.counts().rooms, 0, "validation makes no room");
}

#[tokio::test]
async fn preflights_are_answered() {
    let node = node(config()).await;
    let headers = ["Origin: https://app.example", "Access-Control-Request-Headers: authorization"].map(String::from);
    for path in ["/rtc", "/rtc/v1", "/rtc/validate", "/rtc/v1/validate"] {
        let answer = node.http("OPTIONS", path, &headers).await;
        assert_eq!(answer.status, 204);
        for line in
            ["allow-origin: *", "allow-headers: authorization", "max-age: 86400", "allow-methods: options, head"]
        {
            assert!(answer.headers.contains(&format!("access-control-{line}")), "{line}: {}", answer.headers);
        }
    }
}

#[tokio::test]
async fn a_plain_get_finds_nothing() {
    let node = node(config()).await;
    for path in ["/rtc", "/rtc/v1", "//rtc"] {
        let answer = node.http("GET", path, &[]).await;
        assert_eq!((answer.status, answer.body.as_str()), (404, ""), "{path}");
        assert!(answer.headers.contains("access-control-allow-origin: *"));
    }
}

#[tokio::test]
async fn a_token_may_be_too_long_lived() {
    let limits = Limits { token_life_max: Duration::from_secs(3600), ..Limits::default() };
    let node = node(Config { limits, ..config() }).await;
    for (seconds, status) in [(3600, 200), (3601, 401)] {
        let token = mint(token("ann").ttl(Duration::from_secs(seconds)));
        let answer = node.http("GET", &format!("/rtc/validate?access_token={token}"), &[]).await;
        assert_eq!(answer.status, status, "{seconds}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_closing_node_takes_nobody() {
    let node = node(config()).await;
    node.lobby.shutdown(Duration::from_secs(1)).await;
    let answer = node.refused(&format!("/rtc?access_token={}", mint(token("alice"))), None).await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "server is shutting down"));
}

#[tokio::test]
async fn a_full_room_says_so_before_the_upgrade() {
    let room = RoomSettings { max_participants: 1, ..Default::default() };
    let node = node(Config { room, ..config() }).await;
    let target = |identity| format!("/rtc?access_token={}", mint(token(identity)));
    let _alice = node.client(&target("alice")).await;
    let answer = node.refused(&target("bob"), None).await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "room has exceeded its max participants"));
    node.until("only the first is there", |counts| (counts.participants, counts.connections) == (1, 1)).await;
}

#[tokio::test]
async fn an_identity_that_joins_too_often_and_a_key_that_asks_too_often_wait() {
    let rate = quota::Rate { per_second: 1, burst: 2 };
    let limits = Limits { identity: rate, key: rate, ..Default::default() };
    let node = node(Config { limits, ..config() }).await;
    let validate = async |identity: &str| {
        let target = format!("/rtc/validate?access_token={}", mint(token(identity)));
        node.http("GET", &target, &[]).await
    };
    let answers = [validate("alice").await.status, validate("alice").await.status, validate("alice").await.status];
    assert_eq!(answers, [200, 200, 429]);
    assert_eq!(node.refused("/rtc", Some(&mint(token("alice")))).await.status, 429);
    assert_eq!(validate("bob").await.status, 200, "others are not concerned");
    let list = mint(AccessToken::new("devkey").grant(|grant| grant.room_list = true));
    let headers = [format!("Authorization: Bearer {list}"), "Content-Type: application/json".into()];
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(node.post("/twirp/livekit.RoomService/ListRooms", &headers, b"{}").await);
    }
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200, 429]);
    assert!(answers[2].body.contains("resource_exhausted"), "{}", answers[2].body);
    let counts = node.lobby.counts();
    assert_eq!((counts.joins_throttled, counts.api_throttled), (2, 1));
}
