//! `livekit.Ingress`, method by method.

use axum::response::Response;
use livekit_protocol as proto;

use super::access::Need;
use super::body::Encoding;
use super::error::{Code, TwirpError};
use crate::ingress::IngressError;
use crate::lobby::Lobby;

/// The methods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Method {
    Create,
    Update,
    List,
    Delete,
    Rotate,
}

impl Method {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "CreateIngress" => Self::Create,
            "UpdateIngress" => Self::Update,
            "ListIngress" => Self::List,
            "DeleteIngress" => Self::Delete,
            // Not LiveKit's: takes what `DeleteIngress` takes.
            "RotateStreamKey" => Self::Rotate,
            _ => return None,
        })
    }

    pub(super) fn need(self) -> Need {
        Need::Ingress
    }
}

/// Carries a request out and writes the answer.
pub(super) async fn call(
    lobby: &Lobby,
    method: Method,
    encoding: Encoding,
    bytes: &[u8],
) -> Result<Response, TwirpError> {
    let ingresses = lobby.ingresses();
    match method {
        Method::Create => {
            let request: proto::CreateIngressRequest = encoding.decode(bytes)?;
            check_names(lobby, &request.room_name, &request.participant_identity)?;
            Ok(encoding.encode(&ingresses.create(request).await?))
        }
        Method::Update => {
            let request: proto::UpdateIngressRequest = encoding.decode(bytes)?;
            check_names(lobby, &request.room_name, &request.participant_identity)?;
            Ok(encoding.encode(&ingresses.update(request).await?))
        }
        Method::List => {
            let request: proto::ListIngressRequest = encoding.decode(bytes)?;
            let items = ingresses.list(&request.room_name, &request.ingress_id);
            Ok(encoding.encode(&proto::ListIngressResponse { items, ..Default::default() }))
        }
        Method::Delete => {
            let request: proto::DeleteIngressRequest = encoding.decode(bytes)?;
            Ok(encoding.encode(&ingresses.delete(&request.ingress_id).await?))
        }
        Method::Rotate => {
            let request: proto::DeleteIngressRequest = encoding.decode(bytes)?;
            Ok(encoding.encode(&ingresses.rotate(&request.ingress_id).await?))
        }
    }
}

fn check_names(lobby: &Lobby, room: &str, identity: &str) -> Result<(), TwirpError> {
    let limits = &lobby.config().limits;
    for (what, text, max) in
        [("room name", room, limits.room_name_bytes_max), ("participant identity", identity, limits.identity_bytes_max)]
    {
        if text.len() > max {
            let text = format!("{what} length exceeds limits: max length {max}");
            return Err(TwirpError::new(Code::InvalidArgument, text));
        }
    }
    Ok(())
}

impl From<IngressError> for TwirpError {
    fn from(error: IngressError) -> Self {
        let code = match &error {
            IngressError::Missing => Code::NotFound,
            IngressError::Invalid(_) => Code::InvalidArgument,
            IngressError::Unserved(_) => Code::Unimplemented,
            IngressError::Chanceless => Code::Internal,
            IngressError::Unkept => Code::Unavailable,
            IngressError::TooMany => Code::ResourceExhausted,
        };
        Self::new(code, error.to_string())
    }
}
