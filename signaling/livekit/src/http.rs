//! The HTTP front of the dialect: `/rtc`, `/rtc/v1` and their `/validate`, and the server API under `/twirp`.
//!
//! A join is decided before the upgrade, so that its refusal is an HTTP status. Browsers cannot read that
//! and ask `/validate` again, which is why every answer carries CORS headers.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use crate::error::JoinError;
use crate::join_request::Query;
use crate::lobby::{Lobby, unix_s};
use crate::trail::Trail;
use crate::validate::{self, Asked, Path, Ticket};
use crate::{agents, twirp, ws};

/// Largest signal message from a client, in bytes; LiveKit's own cap.
pub const SIGNAL_BYTES_MAX: usize = 2 * 1024 * 1024;
/// What a connection reads and gathers at once, in bytes: nearly all signals fit, and the library's 128 KiB would be most of
/// what a viewer takes. Larger ones, which come when somebody joins or publishes, are read in several goes.
const SIGNAL_BUFFER_BYTES: usize = 1 << 10;
/// How long a browser may remember a preflight's answer, in seconds.
const PREFLIGHT_S: HeaderValue = HeaderValue::from_static("86400");

/// The routes; each also with a doubled first slash, which concatenated URLs have.
pub(crate) fn router(lobby: Lobby) -> Router {
    let mut router = Router::new();
    for slash in ["", "/"] {
        router = router
            .route(&format!("{slash}/rtc"), get(join_v0))
            .route(&format!("{slash}/rtc/v1"), get(join_v1))
            .route(&format!("{slash}/rtc/validate"), get(validate_v0))
            .route(&format!("{slash}/rtc/v1/validate"), get(validate_v1))
            .route(&format!("{slash}/agent"), get(agents::socket::serve))
            .route(&format!("{slash}/twirp/{{service}}/{{method}}"), any(twirp::serve));
    }
    router.layer(from_fn(cors)).with_state(lobby)
}

/// Middleware that lets every web origin in, on answers and errors alike, and answers preflights.
/// Tokens, not origins, decide who may do what.
pub async fn cors(request: Request, next: Next) -> Response {
    let preflight = request.method() == Method::OPTIONS;
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let mut response = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if preflight {
        let methods = HeaderValue::from_static("OPTIONS, HEAD, GET, POST, PATCH, DELETE");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        // `*` does not cover Authorization (Fetch standard), so what is asked for is allowed by name.
        let allowed = asked.unwrap_or(HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_S);
        headers.insert(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    }
    response
}

async fn join_v0(State(lobby): State<Lobby>, request: Request) -> Response {
    join(lobby, Path::V0, request).await
}

async fn join_v1(State(lobby): State<Lobby>, request: Request) -> Response {
    join(lobby, Path::V1, request).await
}

async fn validate_v0(State(lobby): State<Lobby>, request: Request) -> Response {
    validate(&lobby, Path::V0, request).await
}

async fn validate_v1(State(lobby): State<Lobby>, request: Request) -> Response {
    validate(&lobby, Path::V1, request).await
}

async fn join(lobby: Lobby, path: Path, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    if !wants_websocket(&parts.headers) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade
            .max_message_size(SIGNAL_BYTES_MAX)
            .max_frame_size(SIGNAL_BYTES_MAX)
            .read_buffer_size(SIGNAL_BUFFER_BYTES)
            .write_buffer_size(SIGNAL_BUFFER_BYTES),
        Err(rejection) => return rejection.into_response(),
    };
    let mut trail = Trail::begin(parts.extensions.get().copied());
    let checked = check(&lobby, path, &parts).and_then(|ticket| lobby.pace_join(&ticket).map(|()| ticket));
    trail.iter_mut().for_each(|trail| trail.phase("token"));
    let ticket = match checked {
        Ok(ticket) => Ticket { trail, ..ticket },
        Err(refusal) => {
            trail.iter().for_each(|trail| trail.end("", "", Some(&refusal.to_string())));
            return refused(&lobby, refusal);
        }
    };
    let (room, identity) = (ticket.room.clone(), ticket.identity.clone());
    match lobby.join(ticket).await {
        Ok(connection) => {
            let settings = lobby.config().signal.clone();
            upgrade.on_upgrade(move |socket| ws::run(socket, connection, settings))
        }
        Err(refusal) => {
            trail.iter().for_each(|trail| trail.end(&room, &identity, Some(&refusal.to_string())));
            refused(&lobby, refusal)
        }
    }
}

async fn validate(lobby: &Lobby, path: Path, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let checked = async {
        let mut ticket = check(lobby, path, &parts)?;
        lobby.pace_join(&ticket)?;
        lobby.check_revoked(&ticket)?;
        lobby.pass_gate(&mut ticket, true).await?;
        lobby.check_room(&ticket)
    };
    match checked.await {
        Ok(()) => "success".into_response(),
        Err(refusal) => refused(lobby, refusal),
    }
}

fn check(lobby: &Lobby, path: Path, parts: &Parts) -> Result<Ticket, JoinError> {
    let remote = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let asked = Asked { path, headers: &parts.headers, query: query(&parts.uri), remote };
    validate::check(&lobby.config().keys, &lobby.config().limits, &asked, unix_s())
}

fn refused(lobby: &Lobby, refusal: JoinError) -> Response {
    lobby.count_refused();
    tracing::debug!(status = refusal.status().as_u16(), %refusal, "join refused");
    refusal.into_response()
}

pub(crate) fn query(uri: &Uri) -> Query {
    // Decoding is lossy and does not fail on pairs of texts; an undecodable query counts as empty.
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
    Query::new(pairs.map(|pairs| pairs.0).unwrap_or_default())
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}
