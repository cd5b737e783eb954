//! Connections that hear of events: WebSocket, or server-sent events where a plain GET asks for them.
//!
//! A connection hears of the calls whose member its user is, of those that it joined through the API, and of those that it
//! watches: `?calls=type:id,...`, or `{"watch": ["type:id"]}` over the WebSocket.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts as _;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use calls::{CallId, Capability};
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use crate::access::Caller;
use crate::clock::now_s;
use crate::error::{ApiError, Code};
use crate::hub::{self, Arrival, Cut, Ear, WATCHED_MAX};
use crate::service::Inner;

/// Largest message from a client, in bytes: as many calls as may be watched.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// How often the server shows that it is there.
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// A client that shows nothing for so long, not even a pong, is gone.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long one write may hang.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest life of a connection whose token does not end sooner.
const LIFE_MAX_S: u64 = 24 * 3600;
/// Close codes of ours (RFC 6455 section 7.4.2), after the HTTP statuses that they resemble.
const CLOSE_TOKEN: u16 = 4401;
const CLOSE_SLOW: u16 = 4429;
const CLOSE_AWAY: u16 = 1001;

/// What a client may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    #[serde(default)]
    watch: Vec<String>,
    #[serde(default)]
    unwatch: Vec<String>,
}

/// Lets somebody listen.
///
/// # Errors
/// A call that it may not watch, or there are too many connections.
pub(crate) async fn listen(
    calls: &Arc<Inner>,
    caller: Caller,
    parts: &mut Parts,
    given: &[(String, String)],
) -> Result<Response, ApiError> {
    let wanted = given.iter().filter(|(name, _)| name == "calls").flat_map(|(_, calls)| calls.split(','));
    let wanted: Vec<String> = wanted.filter(|call| !call.is_empty()).map(str::to_owned).collect();
    let upgrades =
        parts.headers.get(header::UPGRADE).is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let upgrade = match upgrades {
        true => match WebSocketUpgrade::from_request_parts(parts, &()).await {
            Ok(upgrade) => Some(upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX)),
            Err(rejection) => return Ok(rejection.into_response()),
        },
        false => None,
    };
    let arrival = Arrival {
        actor: caller.actor.clone(),
        server: caller.server,
        issued_s: caller.issued_s,
        only: caller.only.clone(),
    };
    let ear = calls.hub.enter(arrival).ok_or_else(|| ApiError::says(Code::LimitReached, "too many connections"))?;
    watch(calls, &caller, ear.id, &wanted).await?;
    // Revoked while it came in.
    if calls.rooms.is_revoked(caller.actor.user.as_str(), caller.issued_s) {
        return Err(ApiError::new(Code::TokenRevoked));
    }
    let calls = Arc::clone(calls);
    Ok(match upgrade {
        Some(upgrade) => upgrade.on_upgrade(move |socket| talk(calls, caller, ear, socket)),
        None => stream(&caller, ear),
    })
}

/// Has a connection watch calls that its user may read.
async fn watch(calls: &Inner, caller: &Caller, listener: u64, wanted: &[String]) -> Result<(), ApiError> {
    for name in wanted {
        let wrong = || ApiError::field("calls", format!("{name} is not a call's type and id with a colon between"));
        let id = CallId::of_room(name).ok_or_else(wrong)?;
        caller.check_call(&id)?;
        let kind = calls.kind(id.kind())?;
        let entry = calls.open(&id).await?;
        if !entry.body.call.capabilities(&kind, &caller.actor).has(Capability::ReadCall) {
            return Err(calls::Fault::PeerForbidden(Capability::ReadCall).into());
        }
        if !calls.hub.watch(listener, &id) {
            return Err(ApiError::says(
                Code::LimitReached,
                format!("a connection watches at most {WATCHED_MAX} calls"),
            ));
        }
    }
    Ok(())
}

/// When a connection's token ends.
fn end_of(caller: &Caller) -> Instant {
    let left = caller.expires_s.saturating_sub(now_s()).min(LIFE_MAX_S);
    Instant::now() + Duration::from_secs(left)
}

fn stream(caller: &Caller, ear: Ear) -> Response {
    let end = end_of(caller);
    let events = unfold(ear, move |mut ear| async move {
        let text = tokio::select! {
            text = ear.events.recv() => text?,
            _ = hub::cut(&mut ear.cut) => return None,
            () = sleep_until(end) => return None,
        };
        Some((Ok::<_, Infallible>(Event::default().data(&*text)), ear))
    });
    let alive = KeepAlive::new().interval(PING_INTERVAL);
    let mut response = Sse::new(events).keep_alive(alive).into_response();
    // Proxies that collect answers would hold events back.
    response.headers_mut().insert("x-accel-buffering", header::HeaderValue::from_static("no"));
    response
}

async fn talk(calls: Arc<Inner>, caller: Caller, mut ear: Ear, mut socket: WebSocket) {
    let (end, id) = (end_of(&caller), ear.id);
    let mut pings = interval(PING_INTERVAL);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    let code = loop {
        let message = tokio::select! {
            text = ear.events.recv() => match text {
                Some(text) => Message::Text(Utf8Bytes::from(&*text)),
                None => break CLOSE_AWAY,
            },
            cut = hub::cut(&mut ear.cut) => match cut {
                Cut::PeerSlow => break CLOSE_SLOW,
                Cut::PeerRevoked => break CLOSE_TOKEN,
                Cut::Stopped | Cut::No => break CLOSE_AWAY,
            },
            said = socket.recv() => {
                heard = Instant::now();
                match said {
                    Some(Ok(Message::Text(text))) => Message::Text(obey(&calls, &caller, id, &text).await.into()),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    // It is gone, or says what is none of ours.
                    _ => return,
                }
            }
            () = sleep_until(end) => break CLOSE_TOKEN,
            () = sleep_until(heard + SILENCE_MAX) => return,
            _ = pings.tick() => Message::Ping(Default::default()),
        };
        if !matches!(timeout(WRITE_TIMEOUT, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    };
    let frame = CloseFrame { code, reason: Utf8Bytes::default() };
    // It may be gone already.
    let _ = timeout(WRITE_TIMEOUT, socket.send(Message::Close(Some(frame)))).await;
}

/// Does what a client says, and answers.
async fn obey(calls: &Inner, caller: &Caller, listener: u64, text: &str) -> String {
    let done = match serde_json::from_str::<Wish>(text) {
        Err(error) => Err(ApiError::field("", error.to_string())),
        Ok(wish) => {
            wish.unwatch
                .iter()
                .filter_map(|name| CallId::of_room(name))
                .for_each(|id| calls.hub.unwatch(listener, &id));
            watch(calls, caller, listener, &wish.watch).await
        }
    };
    match done {
        Ok(()) => json!({ "event": "ok" }).to_string(),
        Err(error) => {
            let told = json!({ "code": error.code.name(), "message": error.message, "field": error.field });
            json!({ "event": "error", "error": told }).to_string()
        }
    }
}
