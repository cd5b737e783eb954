//! Bodies to messages and back, in protobuf or JSON as the caller's content type says.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{Code, TwirpError};
use super::json;
use super::shape::Shaped;

/// How bodies are written, both ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// The content type decides; its parameters (`charset=UTF-8`) do not.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, TwirpError> {
        let told = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let plain = told.split(';').next().unwrap_or_default().trim();
        if plain.eq_ignore_ascii_case("application/json") {
            return Ok(Self::Json);
        }
        if plain.eq_ignore_ascii_case("application/protobuf") {
            return Ok(Self::Protobuf);
        }
        Err(TwirpError::new(Code::BadRoute, format!("unexpected Content-Type: {told:?}")))
    }

    pub(super) fn decode<M: Message + Default + DeserializeOwned>(self, bytes: &[u8]) -> Result<M, TwirpError> {
        match self {
            Self::Protobuf => M::decode(bytes).map_err(|_| malformed("the protobuf request could not be decoded")),
            Self::Json => {
                json::parse(bytes).map_err(|error| malformed(format!("the json request could not be decoded: {error}")))
            }
        }
    }

    pub(super) fn encode<M: Message + Serialize + Shaped>(self, message: &M) -> Response {
        match self {
            Self::Protobuf => {
                ([(header::CONTENT_TYPE, "application/protobuf")], message.encode_to_vec()).into_response()
            }
            Self::Json => ([(header::CONTENT_TYPE, "application/json")], json::write(message)).into_response(),
        }
    }
}

fn malformed(text: impl Into<String>) -> TwirpError {
    TwirpError::new(Code::Malformed, text)
}
