//! WHIP and WHEP: media over HTTP. Takes requests, asks rooms, and keeps the sessions that came of them.

mod answer;
mod house;
mod publish;
mod session;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Extension, Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use livekit::ingress::KeyRefusal;
use livekit_protocol::IngressInput;
use spans::Context;
use whip::limits::{FRAGMENT_BYTES_MAX, OFFER_BYTES_MAX};
use whip::{Credential, Refusal, credential};

use crate::config::Config;
use crate::ingress::Guard;
use crate::node::Node;
use answer::Answer;
pub(crate) use house::House;
use watch::Wish;

/// The kind of a description.
const SDP: &str = "application/sdp";
/// The kind of a fragment of trickle ICE (RFC 8840).
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// Below which path sessions that publish are found; LiveKit's own.
const WHIP: &str = "/whip/v1";
/// Below which path sessions that watch are found.
const WHEP: &str = "/whep/v1";

/// Opens the door, and has ingresses tell its address.
pub(crate) fn start(config: &Config, node: &Node, http: Option<&SocketAddr>) -> Arc<House> {
    let url = match (&config.ingress.whip_base_url, http) {
        (told, _) if !told.is_empty() => told.clone(),
        (_, Some(address)) => {
            let scheme = if config.tls.is_some() { "https" } else { "http" };
            format!("{scheme}://{}/whip", node.reachable(*address))
        }
        (_, None) => String::new(),
    };
    if !url.is_empty() {
        node.lobby.ingresses().serve_whip(&url);
    }
    Arc::new(House::new(node.lobby.clone(), Guard::new(&config.ingress)))
}

/// The routes of both.
pub(crate) fn router(house: Arc<House>) -> Router {
    let limit = DefaultBodyLimit::max(OFFER_BYTES_MAX + FRAGMENT_BYTES_MAX);
    let mut router = Router::new();
    for path in ["/whip", "/whip/v1", "/w"] {
        router = router.route(path, post(publish));
    }
    for path in ["/whip/{key}", "/w/{key}"] {
        router = router.route(path, post(publish_by_path));
    }
    for path in ["/whep", "/whep/v1"] {
        router = router.route(path, post(watch));
    }
    router
        .route("/whep/{room}", post(watch_room))
        .route("/whip/v1/{session}", patch(change).delete(end))
        .route("/whep/v1/{session}", patch(change).delete(end))
        .layer(limit)
        .layer(from_fn(livekit::http::cors))
        .layer(from_fn(headers))
        .with_state(house)
}

/// What pages of other origins may read, and what may be sent.
async fn headers(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    answer::expose(response.headers_mut());
    response
}

async fn publish(
    State(house): State<Arc<House>>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    request: Option<Extension<Context>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    respond(&house, begin_publish(&house, asker(remote, request), None, &headers, &body).await)
}

async fn publish_by_path(
    State(house): State<Arc<House>>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    request: Option<Extension<Context>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    respond(&house, begin_publish(&house, asker(remote, request), Some(&key), &headers, &body).await)
}

async fn watch(
    State(house): State<Arc<House>>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    request: Option<Extension<Context>>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    respond(&house, begin_watch(&house, asker(remote, request), wish, &headers, &body).await)
}

async fn watch_room(
    State(house): State<Arc<House>>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    request: Option<Extension<Context>>,
    Path(room): Path<String>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let wish = Wish { room: Some(room), ..wish };
    respond(&house, begin_watch(&house, asker(remote, request), wish, &headers, &body).await)
}

/// Who asks, and by which request in its trace.
type Asker = (SocketAddr, Option<Context>);

fn asker(remote: SocketAddr, request: Option<Extension<Context>>) -> Asker {
    (remote, request.map(|Extension(context)| context))
}

async fn change(State(house): State<Arc<House>>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let changed = async {
        check_type(&headers, FRAGMENT)?;
        let text = std::str::from_utf8(&body).map_err(|_| Refusal::NotText)?;
        let fragment = whip::Fragment::read(text)?;
        let if_match = text_of(&headers, header::IF_MATCH).map(str::to_owned);
        house.change(&id, fragment, if_match).await
    };
    respond(&house, changed.await)
}

async fn end(State(house): State<Arc<House>>, Path(id): Path<String>) -> Response {
    respond(&house, house.end(&id).await)
}

fn respond(house: &House, outcome: Result<Answer, Refusal>) -> Response {
    match outcome {
        Ok(answer) => answer.into_response(),
        Err(refusal) => {
            house.count_refused();
            tracing::debug!(status = refusal.status(), %refusal, "WHIP or WHEP is refused");
            answer::refuse(&refusal)
        }
    }
}

async fn begin_publish(
    house: &Arc<House>,
    asker: Asker,
    key: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, Refusal> {
    let shown = credential(text_of(headers, header::AUTHORIZATION), key)?;
    let offer = whip::Publish::read(offer(headers, body)?)?;
    match shown {
        Credential::Token(token) => publish::by_token(house, token, asker, offer).await,
        Credential::Key(key) => match house.lobby().ingresses().begin(key, IngressInput::WhipInput, Instant::now()) {
            Ok(push) => publish::by_key(house, push, asker.1, offer).await,
            Err(refusal) => Err(refuse_key(house, refusal, asker.0).await),
        },
    }
}

/// A wrong key is answered late, and ever later.
async fn refuse_key(house: &House, refusal: KeyRefusal, remote: SocketAddr) -> Refusal {
    match refusal {
        KeyRefusal::Unknown => {
            house.punish(remote.ip()).await;
            Refusal::Unknown
        }
        KeyRefusal::OtherInput => Refusal::NotAllowed("this stream key is for RTMP"),
        KeyRefusal::InUse => Refusal::InUse,
        KeyRefusal::Disabled => Refusal::NotAllowed("the ingress is disabled"),
        KeyRefusal::NoRoom => Refusal::NotAllowed("the ingress names no room"),
    }
}

async fn begin_watch(
    house: &Arc<House>,
    asker: Asker,
    wish: Wish,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, Refusal> {
    let shown = credential(text_of(headers, header::AUTHORIZATION), None)?;
    let offer = whip::Watch::read(offer(headers, body)?)?;
    let Credential::Token(token) = shown else { return Err(Refusal::Unknown) };
    watch::by_token(house, token, asker, wish, offer).await
}

fn offer<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<&'a str, Refusal> {
    check_type(headers, SDP)?;
    if body.len() > OFFER_BYTES_MAX {
        return Err(Refusal::OfferLong);
    }
    std::str::from_utf8(body).map_err(|_| Refusal::NotText)
}

fn check_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Refusal> {
    let told = text_of(headers, header::CONTENT_TYPE).and_then(|it| it.split(';').next()).map(str::trim);
    if told.is_some_and(|it| it.eq_ignore_ascii_case(wanted)) { Ok(()) } else { Err(Refusal::MediaType(wanted)) }
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests;
