//! Whether a join may go on: token, names and wish, in the order in which LiveKit looks at them.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};
use livekit_protocol as proto;
use room::Grants;

use crate::config::Limits;
use crate::error::JoinError;
use crate::join_request::{self, Query};
use crate::token::{self, Claims, Keys, TokenError};
use crate::trail::Trail;
use crate::world::Mode;

/// The protocol version whose messages the server's own stand-in for such a client understands.
const ONCE_PROTOCOL: i32 = 17;

/// A checked wish to join.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) room: String,
    pub(crate) identity: String,
    pub(crate) grants: Grants,
    pub(crate) may_create_room: bool,
    pub(crate) mode: Mode,
    pub(crate) request: proto::JoinRequest,
    pub(crate) claims: Claims,
    /// Its place in a trace.
    pub(crate) trail: Option<Trail>,
}

/// Which of the two paths was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Path {
    /// `/rtc`: two peer connections, the wish in the query.
    V0,
    /// `/rtc/v1`: one peer connection, the wish packed.
    V1,
}

/// One HTTP request as far as a join needs it.
pub(crate) struct Asked<'a> {
    pub(crate) path: Path,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: Query,
    pub(crate) remote: Option<SocketAddr>,
}

/// Checks everything that needs no room.
///
/// # Errors
/// The first fault found, see [`JoinError`].
pub(crate) fn check(keys: &Keys, limits: &Limits, asked: &Asked<'_>, now_s: u64) -> Result<Ticket, JoinError> {
    let bearer = bearer(asked.headers, &asked.query)?.ok_or(JoinError::PeerDenied)?;
    let claims = token::verify(keys, bearer, now_s)?;
    check_life(limits, &claims)?;
    let grant = claims.video.clone().filter(|grant| grant.room_join).ok_or(JoinError::PeerDenied)?;
    let mut identity = claims.identity().to_owned();
    check_names(limits, &identity, &grant.room)?;
    let (mode, mut request) = wish(asked)?;
    let mut grants = grant.rights();
    let publish_only = asked.query.text("publish");
    if asked.path == Path::V0 && !publish_only.is_empty() {
        identity = format!("{identity}#{publish_only}");
        grants.can_subscribe = false;
        check_names(limits, &identity, &grant.room)?;
    }
    check_own_words(&grants, &request)?;
    let info = request.client_info.get_or_insert_default();
    info.address = address(asked.headers, asked.remote);
    Ok(Ticket {
        room: grant.room,
        identity,
        grants,
        may_create_room: grant.room_create,
        mode,
        request,
        claims,
        trail: None,
    })
}

/// The token of the header, else of the query.
///
/// # Errors
/// [`JoinError::PeerHeader`] if there is a header of another scheme.
pub(crate) fn bearer<'a>(headers: &'a HeaderMap, query: &'a Query) -> Result<Option<&'a str>, JoinError> {
    const SCHEME: &str = "bearer ";
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(Some(query.text("access_token")).filter(|token| !token.is_empty()));
    };
    let value = value.to_str().map_err(|_| JoinError::PeerHeader)?;
    match value.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => Ok(Some(token)),
        _ => Err(JoinError::PeerHeader),
    }
}

/// Checks a token that comes without a wish: of a client that describes its media once, over HTTP.
///
/// # Errors
/// The first fault found, see [`JoinError`].
pub(crate) fn check_token(
    keys: &Keys,
    limits: &Limits,
    token: &str,
    remote: Option<SocketAddr>,
    now_s: u64,
) -> Result<Ticket, JoinError> {
    let claims = token::verify(keys, token, now_s)?;
    check_life(limits, &claims)?;
    let grant = claims.video.clone().filter(|grant| grant.room_join).ok_or(JoinError::PeerDenied)?;
    let identity = claims.identity().to_owned();
    check_names(limits, &identity, &grant.room)?;
    let client_info = proto::ClientInfo {
        address: remote.map(|it| it.ip().to_string()).unwrap_or_default(),
        protocol: ONCE_PROTOCOL,
        ..Default::default()
    };
    let request = proto::JoinRequest { client_info: Some(client_info), ..Default::default() };
    let grants = grant.rights();
    Ok(Ticket {
        room: grant.room,
        identity,
        grants,
        may_create_room: grant.room_create,
        mode: Mode::Once,
        request,
        claims,
        trail: None,
    })
}

/// What was revoked is forgotten when no token of its time can be good any more: none may live longer than that.
fn check_life(limits: &Limits, claims: &Claims) -> Result<(), TokenError> {
    let life_s = claims.expires_s().saturating_sub(claims.issued_s());
    let max_s = limits.token_life_max.as_secs();
    if max_s > 0 && life_s > max_s { Err(TokenError::PeerLongLived) } else { Ok(()) }
}

fn check_names(limits: &Limits, identity: &str, room: &str) -> Result<(), JoinError> {
    if identity.is_empty() {
        return Err(JoinError::PeerNameless);
    }
    if identity.len() > limits.identity_bytes_max {
        return Err(JoinError::PeerIdentityLong(limits.identity_bytes_max));
    }
    if room.is_empty() {
        return Err(JoinError::PeerRoomless);
    }
    if room.len() > limits.room_name_bytes_max {
        return Err(JoinError::PeerRoomLong(limits.room_name_bytes_max));
    }
    Ok(())
}

fn wish(asked: &Asked<'_>) -> Result<(Mode, proto::JoinRequest), JoinError> {
    let packed = asked.query.text("join_request");
    if asked.path == Path::V1 || !packed.is_empty() {
        return Ok((Mode::Single, join_request::unpack(packed)?));
    }
    Ok((Mode::Dual, join_request::from_query(&asked.query)?))
}

/// The room judges this too; here it makes `/validate` tell the truth.
fn check_own_words(grants: &Grants, request: &proto::JoinRequest) -> Result<(), JoinError> {
    let speaks = !request.metadata.is_empty() || !request.participant_attributes.is_empty();
    if speaks && !grants.can_update_metadata { Err(JoinError::PeerDenied) } else { Ok(()) }
}

/// The client's address as the nearest proxy tells it; shown, never trusted.
fn address(headers: &HeaderMap, remote: Option<SocketAddr>) -> String {
    let told = ["cf-connecting-ip", "x-forwarded-for", "x-real-ip"].iter().find_map(|name| {
        let first = headers.get(*name)?.to_str().ok()?.split(',').next()?;
        first.trim().parse::<IpAddr>().ok()
    });
    told.or_else(|| remote.map(|remote| remote.ip())).map(|ip| ip.to_string()).unwrap_or_default()
}
