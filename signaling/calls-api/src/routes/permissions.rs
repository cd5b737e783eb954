//! Asking for more and taking that back, granting and revoking: it reaches the media plane before the answer is given.

use ::calls::{Capabilities, Capability, UserId};
use axum::http::Method;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{CallAnswer, Done, call_answer};
use crate::endpoint::{Asked, Endpoint, Need, endpoint};
use crate::error::ApiError;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/permissions/request",
            "requestPermissions",
            Need::Has(Capability::RequestPermissions),
            "Asks those who may grant it for capabilities, such as send-audio: to speak.",
            request,
        ),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/permissions/withdraw",
            "withdrawRequest",
            Need::Call,
            "Takes back what the caller asked for; who may grant it takes back anybody's. What was not asked for is no error.",
            withdraw,
        ),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/permissions",
            "updatePermissions",
            Need::Has(Capability::UpdatePermissions),
            "Gives a user capabilities in this call, or takes some, at once; both answer what it asked for.",
            update,
        ),
    ]
}

/// What is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Request {
    capabilities: Capabilities,
}

/// What is asked for no longer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Withdrawal {
    /// Everything when left out.
    capabilities: Option<Capabilities>,
    /// Whose request; the caller's own when left out.
    user: Option<UserId>,
}

/// What is given and taken.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Update {
    user: UserId,
    #[serde(default)]
    grant: Capabilities,
    #[serde(default)]
    revoke: Capabilities,
}

async fn request(asked: Asked<Request>) -> Result<Done, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let (actor, wanted) = (&asked.caller.actor, asked.input.capabilities);
    asked.calls.change(&mut entry, &actor.user, |body, kind| Ok(body.call.request(kind, actor, wanted)?)).await?;
    Ok(Done {})
}

async fn withdraw(asked: Asked<Withdrawal>) -> Result<Done, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let (actor, Withdrawal { capabilities, user }) = (&asked.caller.actor, asked.input);
    let what = capabilities.unwrap_or_else(|| Capability::ALL.iter().copied().collect());
    let user = user.unwrap_or_else(|| actor.user.clone());
    asked.calls.change(&mut entry, &actor.user, |body, kind| Ok(body.call.withdraw(kind, actor, &user, what)?)).await?;
    Ok(Done {})
}

async fn update(asked: Asked<Update>) -> Result<CallAnswer, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let (actor, Update { user, grant, revoke }) = (&asked.caller.actor, asked.input);
    let change = |body: &mut crate::entry::Body, kind: &::calls::CallType| {
        Ok(body.call.update_permissions(kind, actor, &user, grant, revoke)?)
    };
    asked.calls.change(&mut entry, &actor.user, change).await?;
    call_answer(&asked.calls, &entry, &asked.caller)
}
