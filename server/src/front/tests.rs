//! The front's answers, asked without a socket.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use tower::ServiceExt as _;

use super::*;
use crate::config::Sources;
use crate::node;

struct Answer {
    status: StatusCode,
    mime: String,
    body: String,
}

fn front(flags: &[(&str, &str)]) -> Arc<Front> {
    let mut sources = Sources::default();
    for (name, value) in [("THALWEG_RTC_UDP_PORT", "0"), ("THALWEG_RTC_SHARDS", "1")].iter().chain(flags) {
        sources.environment.insert((*name).into(), (*value).into());
    }
    let config = Config::read(&sources).unwrap().0;
    let node = node::start(&config, vec![[127, 0, 0, 1].into()], &[], None).unwrap();
    Arc::new(Front::new(&config, &node))
}

async fn ask(front: &Arc<Front>, method: Method, path: &str, accept: &str) -> Answer {
    let request =
        Request::builder().method(method).uri(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap();
    let response = router(Arc::clone(front)).oneshot(request).await.unwrap();
    let mime = response.headers().get(header::CONTENT_TYPE).map(|mime| mime.to_str().unwrap().to_owned());
    let status = response.status();
    let body = String::from_utf8_lossy(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).into_owned();
    Answer { status, mime: mime.unwrap_or_default(), body }
}

#[tokio::test]
async fn people_get_a_page_and_health_checks_a_word() {
    let front = front(&[]);
    let page = ask(&front, Method::GET, "/", "text/html,application/xhtml+xml").await;
    assert_eq!((page.status, page.mime.as_str()), (StatusCode::OK, "text/html; charset=utf-8"));
    assert!(page.body.to_lowercase().contains("<!doctype html>"));
    let word = ask(&front, Method::GET, "/", "*/*").await;
    assert_eq!((word.status, word.body.as_str()), (StatusCode::OK, "OK"));
    for accept in ["text/html", "*/*"] {
        let head = ask(&front, Method::HEAD, "/", accept).await;
        assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    }
    for path in ["/meet/river", "/talk/river", "/live/river"] {
        assert_eq!(ask(&front, Method::GET, path, "text/html").await.body, page.body, "{path}");
    }
    assert_eq!(ask(&front, Method::GET, "/nothing/here", "*/*").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn readiness_ends_with_draining_and_health_does_not() {
    let front = front(&[]);
    assert_eq!(ask(&front, Method::GET, "/readyz", "*/*").await.status, StatusCode::OK);
    front.drain();
    assert_eq!(ask(&front, Method::GET, "/readyz", "*/*").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&front, Method::GET, "/healthz", "*/*").await.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let answer = ask(&front(&[]), Method::GET, "/metrics", "*/*").await;
    assert!(answer.mime.starts_with("text/plain; version=0.0.4"));
    assert!(answer.body.lines().any(|line| line == "thalweg_rooms 0"), "{}", answer.body);
}

#[tokio::test]
async fn development_hands_out_tokens_and_counts() {
    let front = front(&[]);
    let token = ask(&front, Method::GET, "/dev/token?room=r&identity=i&name=N", "*/*").await;
    let token: serde_json::Value = serde_json::from_str(&token.body).unwrap();
    let keys = [("devkey".to_owned(), livekit::Secret::new("secret"))].into_iter().collect();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = livekit::token::verify(&keys, token["token"].as_str().unwrap(), now).unwrap();
    assert_eq!((claims.identity(), claims.name.as_str()), ("i", "N"));
    assert_eq!(ask(&front, Method::GET, "/dev/token?room=r", "*/*").await.status, StatusCode::BAD_REQUEST);
    let counts = ask(&front, Method::GET, "/debug/counts", "*/*").await;
    let counts: serde_json::Value = serde_json::from_str(&counts.body).unwrap();
    for name in ["rooms", "participants", "connections", "peers", "up_tracks", "down_tracks"] {
        assert_eq!(counts[name], 0, "{name}");
    }
}

#[tokio::test]
async fn outside_development_there_is_no_such_door() {
    let keys = ("LIVEKIT_KEYS", "k: 0123456789abcdef0123456789abcdef");
    let real = front(&[keys]);
    let reachable = front(&[keys, ("THALWEG_DEVELOPMENT", "true"), ("THALWEG_BIND_ADDRESSES", "0.0.0.0")]);
    for (front, path) in [
        (&real, "/dev/token?room=r&identity=i"),
        (&real, "/debug/counts"),
        (&reachable, "/dev/token?room=r&identity=i"),
        (&real, "/dev/user-token?user=i"),
        (&reachable, "/dev/user-token?user=i"),
    ] {
        assert_eq!(ask(front, Method::GET, path, "*/*").await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_operators_page_tells_nothing_without_a_token() {
    let front = front(&[]);
    let page = ask(&front, Method::GET, "/admin", "text/html").await;
    assert_eq!((page.status, page.mime.as_str()), (StatusCode::OK, "text/html; charset=utf-8"));
    for (path, mime) in [("/admin/page.css", "text/css"), ("/admin/page.js", "text/javascript")] {
        assert!(page.body.contains(path), "the page uses {path}");
        assert!(ask(&front, Method::GET, path, "*/*").await.mime.starts_with(mime));
    }
    let rooms = async |grant: Option<fn(&mut livekit::token::VideoGrant)>, path: &str| {
        let mut request = Request::builder().uri(path);
        if let Some(change) = grant {
            let token = livekit::AccessToken::new("devkey").grant(change);
            let token = token.mint(&livekit::Secret::new("secret"), crate::node::now_s());
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = router(Arc::clone(&front)).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        response.status()
    };
    let (list, room) = ("/admin/api/rooms", "/admin/api/rooms/demo");
    assert_eq!(rooms(None, list).await, StatusCode::UNAUTHORIZED);
    assert_eq!(rooms(Some(|it| it.room_join = true), list).await, StatusCode::FORBIDDEN);
    assert_eq!(rooms(Some(|it| it.room_list = true), list).await, StatusCode::OK);
    assert_eq!(rooms(Some(|it| it.room_list = true), room).await, StatusCode::FORBIDDEN);
    let other: fn(&mut livekit::token::VideoGrant) = |it| (it.room_admin, it.room) = (true, "other".into());
    assert_eq!(rooms(Some(other), room).await, StatusCode::FORBIDDEN);
    assert_eq!(rooms(Some(|it| it.room_admin = true), room).await, StatusCode::NOT_FOUND, "all rooms are open to it");
}

#[tokio::test]
async fn what_was_too_much_is_told_by_entrance() {
    let answer = ask(
        &front(&[("THALWEG_TURN_ENABLED", "true"), ("THALWEG_TURN_UDP_PORT", "0")]),
        Method::GET,
        "/metrics",
        "*/*",
    )
    .await;
    for entrance in ["http", "websocket", "identity", "key", "ice", "dtls", "turn"] {
        let line = format!("thalweg_throttled_total{{entrance=\"{entrance}\"}} 0");
        assert!(answer.body.lines().any(|found| found == line), "{line} is missing in\n{}", answer.body);
    }
    // Of all of the process, other tests among it.
    assert!(answer.body.contains("thalweg_throttled_total{entrance=\"connection\"} "));
}
