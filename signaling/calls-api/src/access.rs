//! Who asks: a user, a back end, or nobody; checked before anything else of a request is looked at.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use calls::{Actor, CallId, CallType, Capability, Fault, Role, UserId};

use crate::clock::{now_ms, now_s};
use crate::entry::Entry;
use crate::error::{ApiError, Code};
use crate::service::Inner;
use crate::token;

/// The id under which back ends act.
const SERVER: &str = "@server";
/// The id of those without a token.
const ANONYMOUS: &str = "@anonymous";

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Who acts, in which role.
    pub(crate) actor: Actor,
    /// The API key of its token; empty without one.
    pub(crate) key: String,
    /// It is a back end.
    pub(crate) server: bool,
    /// It has no token.
    pub(crate) anonymous: bool,
    /// The only calls that its token is good for.
    pub(crate) only: Option<BTreeSet<CallId>>,
    /// When its token was issued and ends, in seconds since 1970.
    pub(crate) issued_s: u64,
    pub(crate) expires_s: u64,
}

impl Caller {
    /// Whether it may do what only back ends and admins may.
    pub(crate) fn is_trusted(&self) -> bool {
        self.server || self.actor.role == Role::admin()
    }

    /// Whether its token is good for a call.
    ///
    /// # Errors
    /// It is for others.
    pub(crate) fn check_call(&self, id: &CallId) -> Result<(), ApiError> {
        match &self.only {
            Some(only) if !only.contains(id) => Err(ApiError::new(Code::CallNotInToken)),
            _ => Ok(()),
        }
    }
}

impl Inner {
    /// Who asks, if its token is good and it does not ask too often. `given` is a token of the query.
    ///
    /// # Errors
    /// See the codes of 401 and 429.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        given: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<Caller, ApiError> {
        let Some(token) = bearer(headers, given)? else {
            let address = address.map(|address| address.to_string()).unwrap_or_default();
            self.spend(&format!("address {address}"), self.config.rates.user)?;
            return self.nobody();
        };
        let bearer = token::verify(&self.rooms.keys(), token, now_s())?;
        let life_s = self.config.token_life_s;
        if life_s > 0 && bearer.issued_s.saturating_add(life_s) < now_s() {
            return Err(ApiError::new(Code::TokenExpired));
        }
        let user = match &bearer.user {
            Some(user) => user.clone(),
            None => reserved(SERVER)?,
        };
        if self.rooms.is_revoked(user.as_str(), bearer.issued_s) {
            return Err(ApiError::new(Code::TokenRevoked));
        }
        let server = bearer.user.is_none();
        self.spend(&format!("key {}", bearer.key), self.config.rates.key)?;
        if !server {
            self.spend(&format!("user {user}"), self.config.rates.user)?;
        }
        let role = match (server, bearer.role) {
            (true, _) => Role::admin(),
            (false, Some(role)) => role,
            (false, None) => self.users.role(&user).await?,
        };
        Ok(Caller {
            actor: Actor { user, role },
            key: bearer.key,
            server,
            anonymous: false,
            only: bearer.calls,
            issued_s: bearer.issued_s,
            expires_s: bearer.expires_s,
        })
    }

    fn nobody(&self) -> Result<Caller, ApiError> {
        if !self.config.anonymous {
            return Err(ApiError::new(Code::TokenMissing));
        }
        self.stranger()
    }

    /// Somebody of whom nothing is known.
    pub(crate) fn stranger(&self) -> Result<Caller, ApiError> {
        Ok(Caller {
            actor: Actor { user: reserved(ANONYMOUS)?, role: Role::viewer() },
            key: String::new(),
            server: false,
            anonymous: true,
            only: None,
            issued_s: now_s(),
            expires_s: u64::MAX,
        })
    }

    /// Whether somebody may read a call, also one that is over.
    ///
    /// # Errors
    /// It was sent out, or its role does not allow it.
    pub(crate) fn check_read(&self, entry: &Entry, kind: &CallType, caller: &Caller) -> Result<(), ApiError> {
        let call = &entry.body.call;
        if call.blocked().contains(&caller.actor.user) {
            return Err(Fault::PeerBlocked.into());
        }
        let may = call.capabilities(kind, &caller.actor).has(Capability::ReadCall);
        if may { Ok(()) } else { Err(Fault::PeerForbidden(Capability::ReadCall).into()) }
    }

    fn spend(&self, who: &str, rate: u32) -> Result<(), ApiError> {
        let taken = self.limiter().take(who, rate, now_ms());
        taken.map_err(|seconds| ApiError::later(Code::RateLimited, seconds))
    }

    /// Counts a request of somebody who needs no token.
    pub(crate) fn spend_address(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        self.spend(&format!("address {address}"), self.config.rates.user)
    }
}

/// A name of the server's own.
pub(crate) fn reserved(name: &str) -> Result<UserId, ApiError> {
    UserId::new(name).map_err(|_| ApiError::new(Code::Internal))
}

/// The id of the server itself, when nobody else acts.
pub(crate) fn itself() -> Option<UserId> {
    UserId::new(SERVER).ok()
}

fn bearer<'a>(headers: &'a HeaderMap, given: Option<&'a str>) -> Result<Option<&'a str>, ApiError> {
    const SCHEME: &str = "bearer ";
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(given) };
    let wrong = || ApiError::says(Code::TokenInvalid, "the header must be \"Authorization: Bearer <token>\"");
    let value = value.to_str().map_err(|_| wrong())?;
    match value.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => Ok(Some(token.trim())),
        _ => Err(wrong()),
    }
}
