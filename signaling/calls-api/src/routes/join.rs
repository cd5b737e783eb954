//! Joining: one answer with everything that a client needs.

use ::calls::{Actor, Capabilities, Capability, Role, UserId};
use axum::http::Method;
use rand::distr::{Alphanumeric, SampleString as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calls::{CallWish, make};
use crate::access::Caller;
use crate::clock::{now_ms, now_s};
use crate::endpoint::{Answer, Asked, Endpoint, Need, endpoint};
use crate::entry::Entry;
use crate::error::{ApiError, Code};
use crate::rooms::Pass;
use crate::service::Inner;
use crate::token;
use crate::view::CallView;

/// Longest life of a media token, in seconds. It ends with the user's own token if that is sooner.
const MEDIA_TTL_S: u64 = 6 * 3_600;
/// Random characters of an anonymous viewer's id.
const ANONYMOUS_CHARS: usize = 12;
/// The identity of a call's encoder in its room. No user's id begins so.
const ENCODER: &str = "@rtmp";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![endpoint(
        Method::POST,
        "/calls/{type}/{id}/join",
        "joinCall",
        Need::Call,
        "Everything to join a call with: the call, what the caller may do, the media server's URL and a token for it.",
        join,
    )]
}

/// How somebody joins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct JoinWish {
    /// Makes the call with this if it is not there.
    create: Option<CallWish>,
    /// Who joins, when a back end asks; else the caller.
    user: Option<UserId>,
    /// Its role, when a back end asks; the user's own when left out.
    role: Option<Role>,
}

/// Everything to join with.
#[derive(Debug, Serialize, JsonSchema)]
struct JoinAnswer {
    call: CallView,
    /// Who joins.
    user: UserId,
    /// Its role in the call.
    role: Role,
    /// What it may do at present; `call_permissions_changed` tells when that changes.
    capabilities: Capabilities,
    /// The media server, for LiveKit's clients.
    url: String,
    /// The media token, for LiveKit's clients.
    token: String,
    /// Milliseconds since 1970.
    expires_at_ms: u64,
}

impl Answer for JoinAnswer {}

async fn join(asked: Asked<JoinWish>) -> Result<JoinAnswer, ApiError> {
    let id = asked.call()?;
    let (calls, wish) = (&asked.calls, asked.input);
    if let Some(create) = wish.create {
        drop(make(calls, &asked.caller, &id, create).await?);
    }
    let joiner = joiner(calls, &asked.caller, wish.user, wish.role).await?;
    let kind = calls.kind(id.kind())?;
    let mut entry = calls.open(&id).await?;
    let others = entry.others(joiner.actor.user.as_str());
    let all = entry.body.call.may_enter(&kind, &joiner.actor, others, now_ms())?;
    calls.provide_ingress(&mut entry, all).await?;
    let (user, call) = (&joiner.actor.user, &entry.body.call);
    let role = call.role_of(&joiner.actor).clone();
    let ttl_s = joiner.expires_s.saturating_sub(now_s()).min(MEDIA_TTL_S);
    let known = calls.users.find(user).await?;
    let (name, image) = known.map(|user| (user.name.clone(), user.image.clone())).unwrap_or_default();
    let token = calls.rooms.token(&Pass {
        room: id.to_string(),
        user: user.clone(),
        name: if name.is_empty() { user.to_string() } else { name },
        image,
        role: joiner.actor.role.clone(),
        grants: entry.body.grants(&kind, &joiner.actor),
        max_participants: call.settings().limits.max_participants,
        ttl_s,
    });
    calls.hub.follow(user, &id);
    Ok(JoinAnswer {
        call: calls.view(&entry, &kind, &joiner),
        user: user.clone(),
        role,
        capabilities: all,
        url: asked.url,
        token,
        expires_at_ms: now_s().saturating_add(ttl_s).saturating_mul(1000),
    })
}

/// Who joins: the caller, or whom a back end names, or somebody new whom nobody knows.
async fn joiner(calls: &Inner, caller: &Caller, user: Option<UserId>, role: Option<Role>) -> Result<Caller, ApiError> {
    if !caller.server {
        if user.is_some_and(|user| user != caller.actor.user) || role.is_some() {
            return Err(ApiError::field("user", "only a back end joins for others"));
        }
        let mut joiner = caller.clone();
        if caller.anonymous {
            let name = format!("anonymous-{}", Alphanumeric.sample_string(&mut rand::rng(), ANONYMOUS_CHARS));
            joiner.actor.user = token::user_id(&name)?;
        }
        return Ok(joiner);
    }
    let user = user.ok_or_else(|| ApiError::field("user", "a back end names the user who joins"))?;
    let user = token::user_id(user.as_str()).map_err(|error| ApiError::field("user", error.message))?;
    let role = match role {
        Some(role) => role,
        None => calls.users.role(&user).await?,
    };
    if calls.rooms.is_revoked(user.as_str(), now_s()) {
        return Err(ApiError::new(Code::TokenRevoked));
    }
    Ok(Caller { actor: Actor { user, role }, server: false, ..caller.clone() })
}

impl Inner {
    /// Sees to it that a call whose settings want an encoder has an ingress, once somebody comes who may push.
    pub(super) async fn provide_ingress(&self, entry: &mut Entry, all: Capabilities) -> Result<(), ApiError> {
        if !entry.body.call.settings().ingress || !all.has(Capability::UseIngress) {
            return Ok(());
        }
        let Some(ingress) = self.rooms.ingress(&entry.room(), ENCODER, &entry.body.ingress).await else {
            return Ok(());
        };
        if ingress.id == entry.body.ingress {
            return Ok(());
        }
        let by = entry.body.call.created_by().clone();
        let change = |body: &mut crate::entry::Body, _: &::calls::CallType| {
            body.ingress.clone_from(&ingress.id);
            Ok(Vec::new())
        };
        self.change(entry, &by, change).await
    }
}
