//! `livekit.AgentDispatchService`, method by method.

use axum::response::Response;
use livekit_protocol as proto;

use super::access::{self, Need};
use super::body::Encoding;
use super::error::{Code, TwirpError};
use crate::agents::DispatchError;
use crate::config::RoomWish;
use crate::lobby::Lobby;
use crate::token::Claims;
use crate::world::Reply;

/// The methods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Method {
    Create,
    Delete,
    List,
}

impl Method {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "CreateDispatch" => Self::Create,
            "DeleteDispatch" => Self::Delete,
            "ListDispatch" => Self::List,
            _ => return None,
        })
    }

    pub(super) fn need(self) -> Need {
        Need::Admin
    }
}

/// Carries a request out and writes the answer.
pub(super) async fn call(
    lobby: &Lobby,
    method: Method,
    claims: Option<&Claims>,
    encoding: Encoding,
    bytes: &[u8],
) -> Result<Response, TwirpError> {
    match method {
        Method::Create => {
            let request: proto::CreateAgentDispatchRequest = encoding.decode(bytes)?;
            access::check_room(claims, &request.room)?;
            check(lobby, &request)?;
            // The room begins with its dispatch, if it is not there.
            let room = match lobby.create(&request.room, RoomWish::default(), &[]).await? {
                Reply::Room(room) => *room,
                _ => proto::Room { name: request.room.clone(), ..Default::default() },
            };
            Ok(encoding.encode(&lobby.agents().dispatch(lobby, room, request)?))
        }
        Method::Delete => {
            let request: proto::DeleteAgentDispatchRequest = encoding.decode(bytes)?;
            access::check_room(claims, &request.room)?;
            Ok(encoding.encode(&lobby.agents().remove(&request.room, &request.dispatch_id)?))
        }
        Method::List => {
            let request: proto::ListAgentDispatchRequest = encoding.decode(bytes)?;
            access::check_room(claims, &request.room)?;
            let agent_dispatches = lobby.agents().dispatches(&request.room, &request.dispatch_id);
            Ok(encoding.encode(&proto::ListAgentDispatchResponse { agent_dispatches }))
        }
    }
}

fn check(lobby: &Lobby, request: &proto::CreateAgentDispatchRequest) -> Result<(), TwirpError> {
    let limits = &lobby.config().limits;
    let metadata_max = lobby.config().room.limits.metadata_bytes_max;
    for (what, len, max) in [
        ("room name", request.room.len(), limits.room_name_bytes_max),
        ("agent name", request.agent_name.len(), limits.identity_bytes_max),
        ("metadata", request.metadata.len(), metadata_max),
    ] {
        if len > max {
            let text = format!("{what} length exceeds limits: max length {max}");
            return Err(TwirpError::new(Code::InvalidArgument, text));
        }
    }
    if request.room.is_empty() {
        return Err(TwirpError::new(Code::InvalidArgument, "room is required"));
    }
    Ok(())
}

impl From<DispatchError> for TwirpError {
    fn from(error: DispatchError) -> Self {
        let code = match error {
            DispatchError::TooMany => Code::ResourceExhausted,
            DispatchError::Missing => Code::NotFound,
        };
        Self::new(code, error.to_string())
    }
}
