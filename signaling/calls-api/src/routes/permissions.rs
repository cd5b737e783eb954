//! Asking for more, granting and revoking: it reaches the media plane before the answer is given.

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

async fn update(asked: Asked<Update>) -> Result<CallAnswer, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let (actor, Update { user, grant, revoke }) = (&asked.caller.actor, asked.input);
    let change = |body: &mut crate::entry::Body, kind: &::calls::CallType| {
        Ok(body.call.update_permissions(kind, actor, &user, grant, revoke)?)
    };
    asked.calls.change(&mut entry, &actor.user, change).await?;
    call_answer(&asked.calls, &entry, &asked.caller)
}
