//! What only development mode answers: tokens for the asking, and counts for leak checks.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Front;
use crate::cli::Wish;

/// `/dev/token?room=&identity=&name=`: a token for the page. Only a server that nobody but this machine
/// can reach has it.
pub(super) async fn token(State(front): State<Arc<Front>>, Query(asked): Query<Vec<(String, String)>>) -> Response {
    let text = |name: &str| asked.iter().find(|pair| pair.0 == name).map(|pair| pair.1.clone());
    let (Some(room), Some(identity)) = (text("room"), text("identity")) else {
        return (StatusCode::BAD_REQUEST, "room and identity are needed\n").into_response();
    };
    let wish = Wish { room, identity, name: text("name"), ..Wish::default() };
    match wish.mint(&front.config) {
        Ok(token) => Json(json!({ "token": token })).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// `/dev/user-token?user=&role=`: a user token for the page, which thinks in calls. Under the same condition as the other.
pub(super) async fn user_token(
    State(front): State<Arc<Front>>,
    Query(asked): Query<Vec<(String, String)>>,
) -> Response {
    let text = |name: &str| asked.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str());
    let Some(calls) = &front.calls else {
        return (StatusCode::NOT_FOUND, "the Calls API is switched off\n").into_response();
    };
    match calls.user_token(text("user").unwrap_or_default(), text("role")) {
        Ok(token) => Json(json!({ "token": token })).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{}\n", error.message)).into_response(),
    }
}

/// `/debug/counts`: present sizes. All but `tasks` of idle listeners return to zero when everybody has left;
/// those of the media house follow within a second.
pub(super) async fn counts(State(front): State<Arc<Front>>) -> Response {
    let lobby = front.lobby.counts();
    let shards = front.stats.shards();
    let sum = |size: fn(&door::ShardStats) -> u64| shards.iter().map(size).sum::<u64>();
    Json(json!({
        "rooms": lobby.rooms,
        "participants": lobby.participants,
        "connections": lobby.connections,
        "tasks": lobby.tasks,
        "peers": sum(|shard| shard.peers),
        "addresses": sum(|shard| shard.addresses),
        "up_tracks": sum(|shard| shard.up_tracks),
        "mirrors": sum(|shard| shard.mirrors),
        "rtmp_connections": front.rtmp.as_ref().map_or(0, |rtmp| rtmp.numbers()[0].2),
        "down_tracks": sum(|shard| shard.down_tracks),
    }))
    .into_response()
}
