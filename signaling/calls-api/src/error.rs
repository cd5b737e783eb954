//! What can be wrong with a request: codes that stay, each with its status.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use calls::{Fault, NameError};
use serde_json::json;
use store::StoreError;

macro_rules! codes {
    ($($variant:ident = $name:literal, $status:literal, $meaning:literal;)*) => {
        /// What went wrong, in a word that stays.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[allow(missing_docs)] // `meaning` tells it.
        pub enum Code {
            $($variant,)*
        }

        impl Code {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word in answers.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The HTTP status with which it comes.
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)*
                }
            }

            /// What it means, for people.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }
        }
    };
}

codes! {
    TokenMissing = "token_missing", 401, "no token came with the request";
    TokenInvalid = "token_invalid", 401, "the token is none, or not signed by a key of this server, or lacks a claim";
    TokenExpired = "token_expired", 401, "the token's time is over: get a new one";
    TokenRevoked = "token_revoked", 401, "the token was revoked: get a new one, if you may";
    MissingCapability = "missing_capability", 403, "your role in the call lacks a capability, which is named";
    ServerOnly = "server_only", 403, "only back ends, with a server token, and admins may do this";
    CallNotInToken = "call_not_in_token", 403, "the token is for other calls";
    Blocked = "blocked", 403, "you were sent out of the call and kept out";
    CallNotLive = "call_not_live", 403, "the call is in backstage and it is too early";
    ChatDisabled = "chat_disabled", 403, "the call has no chat";
    MembersOnly = "members_only", 403, "only members write in this chat";
    NotServed = "not_served", 403, "this is switched off on this server";
    NotFound = "not_found", 404, "there is no such path";
    CallNotFound = "call_not_found", 404, "there is no such call";
    TypeNotFound = "type_not_found", 404, "there is no such call type";
    UserNotFound = "user_not_found", 404, "there is no such user";
    MessageNotFound = "message_not_found", 404, "there is no such message";
    NotThere = "not_there", 404, "the user is not in the call at present";
    MethodNotAllowed = "method_not_allowed", 405, "the path takes other methods";
    CallEnded = "call_ended", 409, "the call is over";
    CallFull = "call_full", 409, "the call has no place left";
    Conflict = "conflict", 409, "what is there stands against it";
    LimitReached = "limit_reached", 409, "there are as many of these as may be";
    NotRinging = "not_ringing", 409, "the call does not ring for you";
    BodyTooLarge = "body_too_large", 413, "the body is too long";
    Invalid = "invalid", 422, "a field does not hold what it should; it is named";
    RateLimited = "rate_limited", 429, "too many requests: wait as Retry-After tells";
    SlowMode = "slow_mode", 429, "the chat is in slow mode: wait as Retry-After tells";
    Internal = "internal", 500, "a fault of the server";
    Unavailable = "unavailable", 503, "the server cannot at present: try again";
}

/// An answer that says no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiError {
    /// What went wrong.
    pub code: Code,
    /// The same in a sentence, with particulars.
    pub message: String,
    /// The field at fault, with dots: `members.0.role`.
    pub field: Option<String>,
    /// What lacks.
    pub capability: Option<&'static str>,
    /// Seconds after which it may be tried again.
    pub retry_after_s: Option<u64>,
}

impl ApiError {
    /// An error with its usual sentence.
    pub fn new(code: Code) -> Self {
        Self::says(code, code.meaning())
    }

    /// An error with a sentence of its own.
    pub fn says(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, capability: None, retry_after_s: None }
    }

    /// A field that does not hold what it should.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::says(Code::Invalid, message) }
    }

    /// Something to be tried later.
    pub(crate) fn later(code: Code, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds.max(1)), ..Self::new(code) }
    }

    /// As an HTTP answer.
    pub(crate) fn answer(&self, request_id: &str) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut error = json!({ "code": self.code.name(), "message": self.message, "request_id": request_id });
        if let Some(field) = &self.field {
            error["field"] = json!(field);
        }
        if let Some(capability) = self.capability {
            error["capability"] = json!(capability);
        }
        let body = json!({ "error": error }).to_string();
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code.status() == 401 {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        let code = match fault {
            Fault::PeerEnded => Code::CallEnded,
            Fault::PeerBackstage => Code::CallNotLive,
            Fault::PeerBlocked => Code::Blocked,
            Fault::PeerForbidden(_) => Code::MissingCapability,
            Fault::PeerFull => Code::CallFull,
            Fault::PeerNotLendable(_) => Code::Invalid,
            Fault::PeerCreator => Code::Conflict,
            Fault::PeerTooMany => Code::LimitReached,
        };
        let mut error = Self::says(code, fault.to_string());
        match fault {
            Fault::PeerForbidden(capability) => error.capability = Some(capability.name()),
            Fault::PeerNotLendable(_) => error.field = Some("capabilities".into()),
            _ => {}
        }
        error
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::new(Code::Conflict),
            StoreError::PeerZeroByte => Self::field("", "a text holds a zero byte"),
            StoreError::IoBusy => Self::later(Code::Unavailable, 1),
            StoreError::IoUnavailable(_) => {
                tracing::error!(%error, "the store failed a request");
                Self::later(Code::Unavailable, 1)
            }
            error => {
                tracing::error!(%error, "the store refused a request");
                Self::new(Code::Internal)
            }
        }
    }
}

/// A name in a field.
pub(crate) fn named<T>(field: &str, name: Result<T, NameError>) -> Result<T, ApiError> {
    name.map_err(|error| ApiError::field(field, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_words_and_their_own() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert!(code.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", code.name());
            assert!(Code::ALL[..index].iter().all(|other| other.name() != code.name()));
            assert!((400..600).contains(&code.status()));
        }
    }

    #[test]
    fn the_guide_has_the_table() {
        let guide = include_str!("../../../docs/guide/calls.md");
        for code in Code::ALL {
            let line = format!("| `{}` | {} | {} |", code.name(), code.status(), code.meaning());
            assert!(guide.contains(&line), "docs/guide/calls.md lacks the line\n{line}");
        }
    }

    #[test]
    fn faults_name_the_capability() {
        let error = ApiError::from(Fault::PeerForbidden(calls::Capability::GoLive));
        assert_eq!((error.code, error.capability), (Code::MissingCapability, Some("go-live")));
    }
}
