//! Why a join is refused, and how HTTP says so: status and plain text as LiveKit's clients know them.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::join_request::JoinRequestError;
use crate::token::TokenError;
use crate::world::JoinRefusal;

/// Why a join is refused before the upgrade. The display is the body that the client reads.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JoinError {
    /// The header is there, but holds no bearer token.
    #[error("invalid authorization header. Must start with Bearer ")]
    PeerHeader,
    /// The token is no good.
    #[error(transparent)]
    PeerToken(#[from] TokenError),
    /// No token, or one that does not allow this.
    #[error("permissions denied")]
    PeerDenied,
    /// The token says not who.
    #[error("identity cannot be empty")]
    PeerNameless,
    /// The token says not where.
    #[error("no room name")]
    PeerRoomless,
    /// The bearer was removed from the room after the token was issued.
    #[error("token has been revoked")]
    PeerRevoked,
    /// The dialect to which the room belongs does not let the bearer in; why.
    #[error("{0}")]
    PeerUnwelcome(String),
    /// The identity is too long.
    #[error("participant identity length exceeds limits: max length {0}")]
    PeerIdentityLong(usize),
    /// The room's name is too long.
    #[error("room name length exceeds limits: max length {0}")]
    PeerRoomLong(usize),
    /// The wish cannot be read.
    #[error(transparent)]
    PeerRequest(#[from] JoinRequestError),
    /// The room does not exist and this token may not make it.
    #[error("requested room does not exist")]
    PeerRoomMissing,
    /// The bearer joins too often.
    #[error("too many joins of this identity, try again later")]
    PeerTooOften,
    /// The room itself said no.
    #[error(transparent)]
    Room(#[from] JoinRefusal),
    /// This node has as many rooms or connections as it may.
    #[error("node has exceeded its configured limit")]
    NodeFull,
    /// This node is going away.
    #[error("server is shutting down")]
    NodeClosing,
    /// The operating system gives no randomness.
    #[error("server has no randomness")]
    NodeChanceless,
    /// The room ended while the join was on its way, or did not answer in time.
    #[error("room did not answer")]
    RoomSilent,
}

impl JoinError {
    /// The HTTP status. Clients give up for good on 401 and 403, fall back or retry on others.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::PeerHeader | Self::PeerToken(_) | Self::PeerDenied | Self::PeerRevoked => StatusCode::UNAUTHORIZED,
            Self::PeerUnwelcome(_) => StatusCode::FORBIDDEN,
            Self::PeerNameless | Self::PeerRoomless | Self::PeerIdentityLong(_) => StatusCode::BAD_REQUEST,
            Self::PeerRoomLong(_) | Self::PeerRequest(_) => StatusCode::BAD_REQUEST,
            Self::PeerRoomMissing => StatusCode::NOT_FOUND,
            Self::PeerTooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::Room(refusal) => StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Self::NodeFull | Self::NodeClosing | Self::NodeChanceless | Self::RoomSilent => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

impl IntoResponse for JoinError {
    fn into_response(self) -> Response {
        (self.status(), self.to_string()).into_response()
    }
}
