//! LiveKit's server API: `livekit.RoomService`, `livekit.Ingress` and `livekit.AgentDispatchService` over Twirp (version 7), with protobuf and JSON bodies.
//!
//! Who asks is checked before the body is read; grants, errors and statuses are LiveKit's.

mod access;
mod agents;
mod body;
mod error;
mod ingress;
mod json;
mod noted;
mod rooms;
mod shape;

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use tokio::time::timeout;

pub use json::parse as parse_json;
pub use noted::Noted;

use crate::lobby::Lobby;
use body::Encoding;
use error::{Code, TwirpError};

/// How long a client may take to send a request's body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The services that are served here.
const INGRESS_SERVICE: &str = "livekit.Ingress";
const AGENT_SERVICE: &str = "livekit.AgentDispatchService";
const ROOM_SERVICE: &str = "livekit.RoomService";
/// Services of LiveKit's that this server does not have, so that their users read more than "bad route".
const UNSERVED: [&str; 6] = [
    "livekit.Egress",
    "livekit.SIP",
    "livekit.Connector",
    "livekit.PhoneNumberService",
    "livekit.CloudAgent",
    "livekit.AgentSimulation",
];

/// `/twirp/<service>/<method>`.
pub(crate) async fn serve(
    State(lobby): State<Lobby>,
    Path((service, method)): Path<(String, String)>,
    request: Request,
) -> Response {
    let mut noted = Noted::default();
    let result = answer(&lobby, &service, &method, request, &mut noted).await;
    lobby.count_request(result.is_err());
    let mut response = match result {
        Ok(response) => response,
        Err(refusal) => {
            tracing::debug!(service, method, ?refusal, "request refused");
            refusal.into_response()
        }
    };
    response.extensions_mut().insert(noted);
    response
}

/// Why a request is not served: with Twirp's words, or in plain text when the token itself is no good, as LiveKit has it.
#[derive(Debug)]
enum Refusal {
    Token(crate::error::JoinError),
    Twirp(TwirpError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Token(error) => error.into_response(),
            Self::Twirp(error) => error.into_response(),
        }
    }
}

impl From<TwirpError> for Refusal {
    fn from(error: TwirpError) -> Self {
        Self::Twirp(error)
    }
}

async fn answer(
    lobby: &Lobby,
    service: &str,
    method: &str,
    request: Request,
    noted: &mut Noted,
) -> Result<Response, Refusal> {
    let (headers, name) = (request.headers().clone(), method);
    let claims = access::claims(lobby, &request).map_err(Refusal::Token)?;
    if let Some(claims) = &claims
        && !lobby.paces_request(&claims.iss)
    {
        return Err(TwirpError::new(Code::ResourceExhausted, "too many requests with this key").into());
    }
    if request.method() != Method::POST {
        let text = format!("unsupported method {:?} (only POST is allowed)", request.method().as_str());
        return Err(TwirpError::new(Code::BadRoute, text).into());
    }
    if UNSERVED.contains(&service) {
        return Err(TwirpError::new(Code::Unimplemented, format!("{service} is not served by this server")).into());
    }
    if let Some(method) = ingress::Method::named(method).filter(|_| service == INGRESS_SERVICE) {
        let encoding = Encoding::of(request.headers())?;
        method.need().check_token(claims.as_ref())?;
        let bytes = read(lobby, request).await?;
        *noted = Noted::of(name, &headers, &bytes);
        return Ok(ingress::call(lobby, method, encoding, &bytes).await?);
    }
    if let Some(method) = agents::Method::named(method).filter(|_| service == AGENT_SERVICE) {
        let encoding = Encoding::of(request.headers())?;
        method.need().check_token(claims.as_ref())?;
        let bytes = read(lobby, request).await?;
        *noted = Noted::of(name, &headers, &bytes);
        return Ok(agents::call(lobby, method, claims.as_ref(), encoding, &bytes).await?);
    }
    let method = rooms::Method::named(method).filter(|_| service == ROOM_SERVICE);
    let method = method
        .ok_or_else(|| TwirpError::new(Code::BadRoute, format!("no handler for path {:?}", request.uri().path())))?;
    let encoding = Encoding::of(request.headers())?;
    method.need().check_token(claims.as_ref())?;
    let bytes = read(lobby, request).await?;
    *noted = Noted::of(name, &headers, &bytes);
    Ok(rooms::call(lobby, method, claims.as_ref(), encoding, bytes).await?)
}

async fn read(lobby: &Lobby, request: Request) -> Result<Bytes, TwirpError> {
    let max = lobby.config().limits.api_body_bytes_max;
    let told = request.headers().get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|told| told > max) {
        return Err(too_long(max));
    }
    let read = timeout(BODY_TIMEOUT, collect(request.into_body(), max)).await;
    read.map_err(|_| TwirpError::new(Code::DeadlineExceeded, "request body did not arrive in time"))?
}

async fn collect(body: Body, max: usize) -> Result<Bytes, TwirpError> {
    let (mut pieces, mut bytes) = (body.into_data_stream(), BytesMut::new());
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| TwirpError::new(Code::Malformed, "failed to read request body"))?;
        if bytes.len() + piece.len() > max {
            return Err(too_long(max));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

fn too_long(max: usize) -> TwirpError {
    TwirpError::new(Code::TooLarge, format!("request body exceeds limits: max {max} bytes"))
}
