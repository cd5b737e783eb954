//! What strangers and broken programs send to the server API.

use std::time::Duration;

use serde_json::json;
use thalweg_livekit::{AccessToken, Limits, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api::{METHODS, admin};
use crate::node::{Config, PATIENCE, SECRET, config, mint, node, now_s, token};

const JSON: &str = "application/json";

#[tokio::test]
async fn a_bad_token_is_told_in_plain_text() {
    let node = node(config()).await;
    let back_end = || AccessToken::new("devkey").grant(|it| it.room_list = true);
    let past = back_end().ttl(Duration::from_secs(10)).mint(&Secret::new(SECRET), now_s() - 3600);
    let endless = {
        let claims = json!({"iss": "devkey", "video": {"roomList": true}});
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
    };
    // {"alg":"none"}.{"iss":"devkey","video":{"roomList":true}}.
    let unsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJkZXZrZXkiLCJ2aWRlbyI6eyJyb29tTGlzdCI6dHJ1ZX19.".to_owned();
    let huge = format!("{}.{}.x", "a".repeat(40_000), "b".repeat(40_000));
    let cases = [
        ("rubbish".to_owned(), "invalid authorization token"),
        (unsigned, "invalid authorization token"),
        (huge, "invalid authorization token"),
        (
            back_end().mint(&Secret::new("not the secret"), now_s()),
            "invalid authorization token: signature does not match",
        ),
        (past, "invalid authorization token: token is expired"),
        (endless, "invalid authorization token: exp is missing"),
        (
            AccessToken::new("' OR 1=1 --").grant(|it| it.room_list = true).mint(&Secret::new(SECRET), now_s()),
            "invalid API key",
        ),
    ];
    for (token, text) in cases {
        for method in METHODS {
            let answer = node.raw(method, Some(&token), JSON, b"{}").await;
            assert_eq!((answer.status, answer.body.as_str()), (401, text), "{method}");
        }
    }
    assert!(node.lobby.counts().api_refused > 0);
}

#[tokio::test]
async fn grants_are_not_widened_by_words() {
    let node = node(config()).await;
    // A participant's own words and odd names give no right.
    let sneaky = [
        mint(token("ann").metadata(r#"{"video":{"roomAdmin":true}}"#).attribute("roomAdmin", "true")),
        mint(AccessToken::new("devkey").join("demo ", "ann").grant(|it| it.room_admin = true)),
        mint(AccessToken::new("devkey").join("Demo", "ann").grant(|it| it.room_admin = true)),
        mint(AccessToken::new("devkey").join("d\u{435}mo", "ann").grant(|it| it.room_admin = true)),
        mint(AccessToken::new("devkey").join("", "ann").grant(|it| it.room_admin = true)),
    ];
    for token in sneaky {
        let answer = node.raw("ListParticipants", Some(&token), JSON, br#"{"room":"demo"}"#).await;
        assert_eq!(answer.status, 401, "{}", answer.body);
    }
}

#[tokio::test]
async fn roads_that_lead_nowhere() {
    let node = node(config()).await;
    let bearer = vec![format!("Authorization: Bearer {}", admin()), format!("Content-Type: {JSON}")];
    let answer = node.http("GET", "/twirp/livekit.RoomService/ListRooms", &bearer).await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("bad_route") && answer.body.contains("only POST"), "{}", answer.body);
    for (target, status, code) in [
        ("/twirp/livekit.RoomService/Nothing", 404, "bad_route"),
        ("/twirp/livekit.RoomService/createroom", 404, "bad_route"),
        ("/twirp/livekit.Nothing/ListRooms", 404, "bad_route"),
        ("/twirp/livekit.Egress/ListEgress", 501, "unimplemented"),
        ("/twirp/livekit.SIP/ListSIPTrunk", 501, "unimplemented"),
    ] {
        let answer = node.post(target, &bearer, b"{}").await;
        assert_eq!((answer.status, answer.body.contains(code)), (status, true), "{target}: {}", answer.body);
    }
    for mime in ["text/plain", "application/jsonx", "multipart/form-data", ""] {
        let answer = node.raw("ListRooms", Some(&admin()), mime, b"{}").await;
        assert_eq!((answer.status, answer.body.contains("bad_route")), (404, true), "{mime}: {}", answer.body);
    }
    let answer = node.raw("ListRooms", Some(&admin()), "Application/JSON ; charset=utf-8", b"{}").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let node = node(config()).await;
    let deep = format!("{}{}", r#"{"x":"#.repeat(100_000), "}".repeat(100_000));
    let lists = format!(r#"{{"names":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let bodies = [
        "",
        "nonsense",
        "[]",
        "null",
        "{",
        r#"{"names":3}"#,
        r#"{"names":[{}]}"#,
        deep.as_str(),
        lists.as_str(),
        "\u{0}",
    ];
    for body in bodies {
        let answer = node.raw("ListRooms", Some(&admin()), JSON, body.as_bytes()).await;
        let start: String = body.chars().take(20).collect();
        assert_eq!((answer.status, answer.body.contains("malformed")), (400, true), "{start:?}: {}", answer.body);
    }
    let numbers = [r#"{"name":"demo","emptyTimeout":-1}"#, r#"{"name":"demo","emptyTimeout":99999999999}"#];
    for body in numbers {
        let answer = node.raw("CreateRoom", Some(&admin()), JSON, body.as_bytes()).await;
        assert_eq!((answer.status, answer.body.contains("malformed")), (400, true), "{body}: {}", answer.body);
    }
    for bytes in [vec![0xff; 64], vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]] {
        let answer = node.raw("ListRooms", Some(&admin()), "application/protobuf", &bytes).await;
        assert_eq!((answer.status, answer.body.contains("malformed")), (400, true), "{}", answer.body);
    }
    let unknown = json!({"names": [], "future": {"a": [null, {"b": null}]}}).to_string();
    let answer = node.raw("ListRooms", Some(&admin()), JSON, unknown.as_bytes()).await;
    assert_eq!(answer.status, 200, "unknown fields are skipped");
}

#[tokio::test]
async fn bodies_without_end() {
    let limits = Limits { api_body_bytes_max: 1000, ..Default::default() };
    let node = node(Config { limits, ..config() }).await;
    let long = format!(r#"{{"names":["{}"]}}"#, "x".repeat(1000));
    let answer = node.raw("ListRooms", Some(&admin()), JSON, long.as_bytes()).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    // In pieces, without saying how long it will be.
    let mut socket = TcpStream::connect(node.address).await.unwrap();
    let head = format!(
        "POST /twirp/livekit.RoomService/ListRooms HTTP/1.1\r\nHost: test\r\nContent-Type: {JSON}\r\n\
         Authorization: Bearer {}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        admin()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let piece = format!("200\r\n{}\r\n", "x".repeat(0x200));
    for _ in 0..4 {
        // The answer may come before all is written.
        let _ = socket.write_all(piece.as_bytes()).await;
    }
    let mut answer = vec![0; 12];
    tokio::time::timeout(PATIENCE, socket.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_stranger_is_refused_before_the_body_is_read() {
    let node = node(config()).await;
    let mut socket = TcpStream::connect(node.address).await.unwrap();
    let head = format!(
        "POST /twirp/livekit.RoomService/CreateRoom HTTP/1.1\r\nHost: test\r\nContent-Type: {JSON}\r\n\
         Content-Length: 1000000\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    tokio::time::timeout(PATIENCE, socket.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, b"HTTP/1.1 401", "without a byte of the body");
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_with_a_token() {
    let node = node(config()).await;
    let headers = [
        "Origin: https://app.example".to_owned(),
        "Access-Control-Request-Method: POST".to_owned(),
        "Access-Control-Request-Headers: authorization,content-type".to_owned(),
    ];
    let answer = node.http("OPTIONS", "/twirp/livekit.RoomService/ListRooms", &headers).await;
    assert_eq!(answer.status, 204);
    for line in ["allow-origin: *", "allow-headers: authorization,content-type", "max-age: 86400"] {
        assert!(answer.headers.contains(&format!("access-control-{line}")), "{}", answer.headers);
    }
    for token in [None, Some(admin())] {
        let answer = node.raw("ListRooms", token.as_deref(), JSON, b"{}").await;
        assert!(answer.headers.contains("access-control-allow-origin: *"), "on answers and errors alike");
    }
}

#[tokio::test]
async fn a_doubled_slash_is_forgiven() {
    let node = node(config()).await;
    let headers = vec![format!("Authorization: Bearer {}", admin()), format!("Content-Type: {JSON}")];
    assert_eq!(node.post("//twirp/livekit.RoomService/ListRooms", &headers, b"{}").await.status, 200);
    let query = format!("/twirp/livekit.RoomService/ListRooms?access_token={}", admin());
    assert_eq!(node.post(&query, &[format!("Content-Type: {JSON}")], b"{}").await.status, 200);
}
