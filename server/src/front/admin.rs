//! `/admin`: the page for operators, and the JSON that feeds it.
//!
//! The page holds nothing; what it shows comes from below [`API`], for tokens of the server's own API keys: `roomList` for
//! the list, `roomAdmin` for a room, or for all rooms when the token names none.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, middleware};
use livekit::token::{self, Claims, VideoGrant};
use serde_json::json;

use super::Front;
use crate::node::now_s;

/// Below which path the JSON is.
const API: &str = "/admin/api";
/// The page runs its own script alone and talks to this server alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Name, media type and text of what the page is made of.
const FILES: [(&str, &str, &str); 3] = [
    ("/admin", "text/html; charset=utf-8", include_str!("admin/page.html")),
    ("/admin/page.css", "text/css; charset=utf-8", include_str!("admin/page.css")),
    ("/admin/page.js", "text/javascript; charset=utf-8", include_str!("admin/page.js")),
];

/// The routes.
pub(super) fn router() -> Router<Arc<Front>> {
    let files = FILES.into_iter().fold(Router::new(), |router, (path, mime, text)| {
        let headers = [
            (header::CONTENT_TYPE, mime),
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
        ];
        router.route(path, get(move || async move { (headers, text) }))
    });
    let api = Router::new()
        .route(&format!("{API}/rooms"), get(rooms))
        .route(&format!("{API}/rooms/{{room}}"), get(room))
        .layer(middleware::map_response(uncached));
    files.merge(api)
}

/// All rooms, and what the node does.
async fn rooms(State(front): State<Arc<Front>>, headers: HeaderMap) -> Response {
    let grant = match grant(&front, &headers) {
        Ok(grant) if grant.room_list => grant,
        Ok(_) => return refuse(StatusCode::FORBIDDEN, "the token lacks the grant roomList"),
        Err(why) => return refuse(StatusCode::UNAUTHORIZED, &why),
    };
    let rooms = front.lobby.overview().await.into_iter().map(|room| {
        json!({
            "name": room.name, "sid": room.sid, "people": room.num_participants, "publishers": room.num_publishers,
            "since_ms": room.creation_time_ms, "open": may_inspect(&grant, &room.name),
        })
    });
    let (counts, shards) = (front.lobby.counts(), front.stats.shards());
    let sum = |value: fn(&door::ShardStats) -> u64| shards.iter().map(value).sum::<u64>();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "participants": counts.participants,
        "draining": front.is_draining(),
        "bytes_in": sum(|shard| shard.bytes_in),
        "bytes_out": sum(|shard| shard.bytes_out),
        "up_tracks": sum(|shard| shard.up_tracks),
        "down_tracks": sum(|shard| shard.down_tracks),
        "rooms": rooms.collect::<Vec<_>>(),
    }))
    .into_response()
}

/// Everybody in a room, and what is wrong.
async fn room(State(front): State<Arc<Front>>, Path(room): Path<String>, headers: HeaderMap) -> Response {
    match grant(&front, &headers) {
        Ok(grant) if may_inspect(&grant, &room) => {}
        Ok(_) => return refuse(StatusCode::FORBIDDEN, "the token lacks the grant roomAdmin for this room"),
        Err(why) => return refuse(StatusCode::UNAUTHORIZED, &why),
    }
    match front.lobby.inspect(&room).await {
        Some(view) => Json(view).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "there is no such room"),
    }
}

/// A token that names no room is one of the operator's: no client is given such a one.
fn may_inspect(grant: &VideoGrant, room: &str) -> bool {
    grant.room_admin && (grant.room.is_empty() || grant.room == room)
}

/// What the bearer may do.
fn grant(front: &Front, headers: &HeaderMap) -> Result<VideoGrant, String> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let bearer = bearer.ok_or("a token is needed")?;
    let claims: Claims = token::verify(&front.lobby.keys(), bearer, now_s()).map_err(|error| error.to_string())?;
    Ok(claims.video.unwrap_or_default())
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

async fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
