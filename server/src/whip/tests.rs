//! Requests at the door, without anybody behind it.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use tower::ServiceExt as _;

use super::*;

fn house() -> Arc<House> {
    let config = livekit::Config {
        keys: [("key".to_owned(), livekit::Secret::new("secret"))].into_iter().collect(),
        shards: 1,
        spread_after: 1,
        media: livekit::MediaFacts { fingerprint: door::Fingerprint([0; 32]), candidates: Vec::new() },
        room: livekit::RoomSettings::default(),
        limits: livekit::Limits::default(),
        ice_servers: livekit::IceServers::default(),
        signal: livekit::SignalSettings::default(),
        server: livekit::ServerFacts { version: "1".into(), node_id: "ND_x".into(), region: String::new() },
    };
    let guard = Guard::new(&crate::config::Config::read(&crate::config::Sources::default()).unwrap().0.ingress);
    Arc::new(House::new(livekit::Lobby::new(config, Arc::new(|_| {})), guard))
}

async fn ask(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::from(body.to_owned())).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
    router(house()).oneshot(request).await.unwrap()
}

#[tokio::test]
async fn what_is_wrong_has_its_own_status() {
    let (sdp, token) = (("content-type", SDP), ("authorization", "Bearer a.b.c"));
    let offer = "v=0\r\no=- 1 2 IN IP4 0\r\ns=-\r\nt=0 0\r\n";
    for (path, headers, body, status) in [
        ("/whip", &[sdp][..], offer, 401),
        ("/whip/v1", &[("authorization", "Basic x"), sdp], offer, 401),
        ("/whip", &[token], offer, 415),
        ("/whip", &[token, ("content-type", "text/plain")], offer, 415),
        ("/whip", &[token, sdp], "nonsense", 400),
        ("/whep", &[token, sdp], offer, 400),
        ("/whep", &[sdp], offer, 401),
        ("/whip/key", &[sdp], offer, 400),
    ] {
        let response = ask(Method::POST, path, headers, body).await;
        assert_eq!(response.status(), status, "{path} {headers:?}");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert_eq!(response.headers().contains_key("www-authenticate"), status == 401);
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_preflights_answered() {
    for path in ["/whip", "/whip/v1", "/w/key", "/whep", "/whep/room", "/whip/v1/session", "/whep/v1/session"] {
        for method in [Method::GET, Method::HEAD, Method::PUT] {
            assert_eq!(ask(method, path, &[], "").await.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
        let asked = [("access-control-request-headers", "authorization,content-type,if-match")];
        let response = ask(Method::OPTIONS, path, &asked, "").await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()["access-control-allow-headers"], asked[0].1);
        assert!(response.headers()["access-control-allow-methods"].to_str().unwrap().contains("PATCH"));
        assert_eq!(response.headers()["accept-post"], SDP);
    }
}

#[tokio::test]
async fn a_session_that_is_not_there_is_not_found() {
    let fragment = [("content-type", FRAGMENT), ("if-match", "*")];
    assert_eq!(ask(Method::PATCH, "/whip/v1/none", &fragment, "a=mid:0\r\n").await.status(), 404);
    assert_eq!(ask(Method::PATCH, "/whip/v1/none", &[], "a=mid:0\r\n").await.status(), 415);
    assert_eq!(ask(Method::PATCH, "/whip/v1/none", &fragment, "x").await.status(), 400);
    assert_eq!(ask(Method::DELETE, "/whep/v1/none", &[], "").await.status(), 404);
}

#[tokio::test]
async fn too_long_a_body_is_refused() {
    let headers = [("authorization", "Bearer a.b.c"), ("content-type", SDP)];
    assert_eq!(ask(Method::POST, "/whip", &headers, &"x".repeat(OFFER_BYTES_MAX + 1)).await.status(), 413);
    assert_eq!(ask(Method::POST, "/whip", &headers, &"x".repeat(3 * OFFER_BYTES_MAX)).await.status(), 413);
}
