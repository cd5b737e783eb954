//! Calls that ring: ring, accept, reject.

use std::collections::BTreeSet;

use ::calls::{Capability, UserId};
use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Done, Nothing, TEXT_BYTES_MAX, check_text};
use crate::endpoint::{Answer, Asked, Endpoint, Need, endpoint};
use crate::error::{ApiError, Code};
use crate::ring::RINGS_MAX;

/// Seconds until a call is missed, when not told otherwise and at most.
const TIMEOUT_S: u64 = 30;
const TIMEOUT_MAX_S: u64 = 120;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/ring",
            "ringCall",
            Need::Has(Capability::SendEvents),
            "Rings for members who are not there yet.",
            ring,
        ),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/accept",
            "acceptCall",
            Need::Call,
            "Takes a call that rings for the caller; joining does, too.",
            accept,
        ),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/reject",
            "rejectCall",
            Need::Call,
            "Declines a call that rings for the caller.",
            reject,
        ),
    ]
}

/// For whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ring {
    /// Members; all of them when left out.
    users: Option<BTreeSet<UserId>>,
    /// Seconds until who has not answered has missed it; 30 when left out.
    #[schemars(range(min = 1, max = 120))]
    timeout_s: Option<u64>,
}

/// For whom it rings.
#[derive(Debug, Serialize, JsonSchema)]
struct Ringing {
    users: BTreeSet<UserId>,
}

/// Why somebody declines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rejection {
    /// In the app's own words, such as `busy`.
    #[serde(default)]
    reason: String,
}

impl Answer for Ringing {}

async fn ring(asked: Asked<Ring>) -> Result<Ringing, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let kind = asked.calls.kind(entry.body.call.id().kind())?;
    let (actor, wish) = (&asked.caller.actor, asked.input);
    entry.body.call.check(&kind, actor, Capability::SendEvents)?;
    let timeout_s = wish.timeout_s.unwrap_or(TIMEOUT_S);
    if !(1..=TIMEOUT_MAX_S).contains(&timeout_s) {
        return Err(ApiError::field("timeout_s", format!("from 1 to {TIMEOUT_MAX_S} seconds")));
    }
    let members = entry.body.call.members();
    if let Some(stranger) = wish.users.iter().flatten().find(|user| !members.contains_key(*user)) {
        return Err(ApiError::field("users", format!("{stranger} is no member")));
    }
    let wanted = |user: &&UserId| wish.users.as_ref().is_none_or(|users| users.contains(*user));
    let absent = |user: &&UserId| **user != actor.user && !entry.seats.contains_key(user.as_str());
    let users: BTreeSet<UserId> = members.keys().filter(wanted).filter(absent).cloned().collect();
    if users.len() > RINGS_MAX {
        return Err(ApiError::field("users", format!("a call rings for at most {RINGS_MAX} users")));
    }
    asked.calls.ring(&mut entry, &actor.user, &users, timeout_s);
    Ok(Ringing { users })
}

async fn accept(asked: Asked<Nothing>) -> Result<Done, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    match asked.calls.take(&mut entry, &asked.caller.actor.user) {
        true => Ok(Done {}),
        false => Err(ApiError::new(Code::NotRinging)),
    }
}

async fn reject(asked: Asked<Rejection>) -> Result<Done, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    check_text("reason", &asked.input.reason, TEXT_BYTES_MAX)?;
    asked.calls.decline(&mut entry, &asked.caller.actor.user, &asked.input.reason)?;
    Ok(Done {})
}
