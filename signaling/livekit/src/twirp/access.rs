//! Who asks, and which grants a method takes.

use axum::extract::Request;

use super::error::TwirpError;
use crate::error::JoinError;
use crate::http::query;
use crate::lobby::{Lobby, unix_s};
use crate::token::{self, Claims, VideoGrant};
use crate::validate::bearer;

/// What a caller must be allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Need {
    /// `roomCreate`.
    Create,
    /// `roomList`.
    List,
    /// `roomAdmin` for the very room.
    Admin,
    /// `ingressAdmin`.
    Ingress,
}

impl Need {
    /// Whether the token suffices as far as can be told without the body.
    pub(super) fn check_token(self, claims: Option<&Claims>) -> Result<(), TwirpError> {
        let grant = grant(claims)?;
        let may = match self {
            Self::Create => grant.room_create,
            Self::List => grant.room_list,
            Self::Admin => grant.room_admin,
            Self::Ingress => grant.ingress_admin,
        };
        if may { Ok(()) } else { Err(TwirpError::denied()) }
    }
}

/// Whether the token administrates this room.
pub(super) fn check_room(claims: Option<&Claims>, room: &str) -> Result<(), TwirpError> {
    let grant = grant(claims)?;
    if grant.room_admin && grant.room == room { Ok(()) } else { Err(TwirpError::denied()) }
}

/// Whether the token administrates this room and may send people to that one.
pub(super) fn check_rooms(claims: Option<&Claims>, room: &str, destination: &str) -> Result<(), TwirpError> {
    check_room(claims, room)?;
    if grant(claims)?.destination_room == destination { Ok(()) } else { Err(TwirpError::denied()) }
}

fn grant(claims: Option<&Claims>) -> Result<&VideoGrant, TwirpError> {
    claims.and_then(|it| it.video.as_ref()).ok_or_else(TwirpError::denied)
}

/// The claims of the caller's token; nothing without a token.
///
/// # Errors
/// When there is a token and it is no good.
pub(super) fn claims(lobby: &Lobby, request: &Request) -> Result<Option<Claims>, JoinError> {
    let query = query(request.uri());
    let Some(bearer) = bearer(request.headers(), &query)? else { return Ok(None) };
    Ok(Some(token::verify(&lobby.config().keys, bearer, unix_s())?))
}
