//! The curtain: go live and stop.

use ::calls::Capability;
use axum::http::Method;

use super::{CallAnswer, Nothing, call_answer};
use crate::endpoint::{Asked, Endpoint, Need, endpoint};
use crate::error::ApiError;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let need = Need::Has(Capability::GoLive);
    vec![
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/go-live",
            "goLive",
            need,
            "Opens the curtain: whoever may join comes in and receives media.",
            go_live,
        ),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/stop-live",
            "stopLive",
            need,
            "Closes the curtain: those without join-backstage go.",
            stop_live,
        ),
    ]
}

async fn go_live(asked: Asked<Nothing>) -> Result<CallAnswer, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let actor = &asked.caller.actor;
    asked.calls.change(&mut entry, &actor.user, |body, kind| Ok(body.call.go_live(kind, actor)?)).await?;
    call_answer(&asked.calls, &entry, &asked.caller)
}

async fn stop_live(asked: Asked<Nothing>) -> Result<CallAnswer, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let actor = &asked.caller.actor;
    asked.calls.change(&mut entry, &actor.user, |body, kind| Ok(body.call.stop_live(kind, actor)?)).await?;
    call_answer(&asked.calls, &entry, &asked.caller)
}
