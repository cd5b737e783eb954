//! The audit log: who did what to rooms, calls and ingresses, when, from where, and what came of it.
//!
//! One line for each request that changes something, under the target `audit`, so that it can be kept apart:
//! `RUST_LOG=warn,audit=info` leaves nothing else. Its length is bounded by the limits on requests; no line is withheld.
//! Tokens and bodies are not in it.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use livekit::token::claimed;
use livekit::twirp::Noted;

use crate::gate::Remote;

/// Where requests go that change something.
const PLACES: [&str; 3] = ["/twirp/", "/api/v1/", "/admin/"];
/// Longest path in a line, in bytes.
const PATH_BYTES_MAX: usize = 256;

/// Middleware: notes what was done, after it was done.
pub(crate) async fn keep(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !changes(request.method(), path) {
        return next.run(request).await;
    }
    let action = format!("{} {}", request.method(), clip(path));
    let who = who(request.headers());
    let remote = request.extensions().get::<Remote>().map(|remote| remote.0);
    let response = next.run(request).await;
    tell(&action, &who, remote, &response);
    response
}

fn tell(action: &str, who: &Who, remote: Option<IpAddr>, response: &Response) {
    let status = response.status().as_u16();
    // What a token that is refused says of itself is nobody's word.
    let Who { key, subject } = if status == 401 { &Who::default() } else { who };
    let noted = response.extensions().get::<Noted>().cloned().unwrap_or_default();
    let from = remote.map(|ip| ip.to_string()).unwrap_or_default();
    let (room, about) = (noted.room, noted.identity);
    tracing::info!(target: "audit", action, key, subject, from, room, about, status, "done");
}

/// Whether a request may change something. LiveKit's API asks by POST, too.
fn changes(method: &Method, path: &str) -> bool {
    let asks = path.strip_prefix("/twirp/").and_then(|it| it.split('/').nth(1));
    let asks = asks.is_some_and(|it| it.starts_with("List") || it.starts_with("Get"));
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    !is_safe && !asks && PLACES.iter().any(|place| path.trim_start_matches('/').starts_with(&place[1..]))
}

/// Whose token it was.
#[derive(Default)]
struct Who {
    key: String,
    subject: String,
}

fn who(headers: &HeaderMap) -> Who {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|it| it.split_once(' ')).map(|(_, token)| token);
    let (key, subject) = token.and_then(claimed).unwrap_or_default();
    Who { key, subject }
}

fn clip(path: &str) -> &str {
    path.char_indices().nth(PATH_BYTES_MAX).map_or(path, |(end, _)| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_is_kept() {
        for (method, path, expected) in [
            (Method::POST, "/twirp/livekit.RoomService/DeleteRoom", true),
            (Method::POST, "//twirp/livekit.RoomService/DeleteRoom", true),
            (Method::POST, "/twirp/livekit.RoomService/ListRooms", false),
            (Method::POST, "/twirp/livekit.RoomService/GetParticipant", false),
            (Method::DELETE, "/api/v1/calls/default/x", true),
            (Method::GET, "/api/v1/calls", false),
            (Method::OPTIONS, "/twirp/livekit.RoomService/DeleteRoom", false),
            (Method::POST, "/whip", false),
        ] {
            assert_eq!(changes(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_token_tells_who() {
        let token = livekit::AccessToken::new("devkey").join("r", "backend");
        let token = token.mint(&livekit::Secret::new("secret"), 1_800_000_000);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        let told = who(&headers);
        assert_eq!((told.key.as_str(), told.subject.as_str()), ("devkey", "backend"));
        headers.insert(header::AUTHORIZATION, "Bearer nonsense".parse().unwrap());
        assert_eq!(who(&headers).key, "");
    }
}
