//! Twirp's error bodies and their statuses.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::JoinError;
use crate::lobby::OrderError;
use crate::world::Fault;

/// Twirp's words for what went wrong (Twirp wire protocol, version 7), as far as they are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    Canceled,
    InvalidArgument,
    Malformed,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    BadRoute,
    Unauthenticated,
    ResourceExhausted,
    FailedPrecondition,
    Unimplemented,
    Internal,
    Unavailable,
    /// Of ours: LiveKit's answer to a body that is too long is status 413.
    TooLarge,
}

impl Code {
    fn word(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::InvalidArgument => "invalid_argument",
            Self::Malformed => "malformed",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::BadRoute => "bad_route",
            Self::Unauthenticated => "unauthenticated",
            Self::ResourceExhausted | Self::TooLarge => "resource_exhausted",
            Self::FailedPrecondition => "failed_precondition",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Canceled | Self::DeadlineExceeded => StatusCode::REQUEST_TIMEOUT,
            Self::InvalidArgument | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::NotFound | Self::BadRoute => StatusCode::NOT_FOUND,
            Self::AlreadyExists => StatusCode::CONFLICT,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::FailedPrecondition => StatusCode::PRECONDITION_FAILED,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// An error as a caller reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TwirpError {
    code: Code,
    text: String,
}

impl TwirpError {
    pub(super) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// No token, or one whose grants do not suffice: LiveKit says the same of both.
    pub(super) fn denied() -> Self {
        Self::new(Code::Unauthenticated, "permissions denied")
    }
}

impl IntoResponse for TwirpError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "code": self.code.word(), "msg": self.text });
        (self.code.status(), [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}

impl From<OrderError> for TwirpError {
    fn from(error: OrderError) -> Self {
        let code = match &error {
            OrderError::RoomMissing => Code::NotFound,
            OrderError::Room(fault) => code_of(fault),
            OrderError::Node(JoinError::NodeFull) => Code::ResourceExhausted,
            OrderError::Node(_) => Code::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

fn code_of(fault: &Fault) -> Code {
    match fault {
        Fault::RoomOver | Fault::ParticipantMissing | Fault::TrackMissing => Code::NotFound,
        Fault::NameTooLong(_) | Fault::MetadataTooLong(_) | Fault::AttributesTooLong(_) => Code::InvalidArgument,
        Fault::DataTooLong(_) => Code::InvalidArgument,
        Fault::SignalLost => Code::Unavailable,
        Fault::TooManyRpcs(_) | Fault::TooManyForwards(_) => Code::ResourceExhausted,
        Fault::Rpc { code, .. } => match code {
            1400 => Code::InvalidArgument,
            1401 => Code::NotFound,
            1402 => Code::Malformed,
            1403 | 1404 => Code::Unimplemented,
            1501 | 1502 => Code::Canceled,
            1503 => Code::Unavailable,
            _ => Code::Internal,
        },
    }
}
