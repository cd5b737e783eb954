//! The curtain: go live and stop; and the key of the encoder behind it.

use ::calls::Capability;
use axum::http::Method;

use super::{CallAnswer, Nothing, call_answer};
use crate::endpoint::{Asked, Endpoint, Need, endpoint};
use crate::error::{ApiError, Code};

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
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/stream-key",
            "renewStreamKey",
            Need::Has(Capability::UseIngress),
            "Gives the call's encoder another stream key. Whoever sends with the old one is cut off.",
            renew_key,
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

async fn renew_key(asked: Asked<Nothing>) -> Result<CallAnswer, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let kind = asked.calls.kind(entry.body.call.id().kind())?;
    let all = entry.body.call.check(&kind, &asked.caller.actor, Capability::UseIngress)?;
    let known = entry.body.ingress.clone();
    // One that is made just now has a fresh key.
    let renewed = if known.is_empty() { None } else { asked.calls.rooms.renew_key(&known).await };
    if renewed.is_none() {
        asked.calls.provide_ingress(&mut entry, all).await?;
        if entry.body.ingress == known {
            return Err(ApiError::says(Code::Conflict, "this call takes no encoder: set settings.ingress"));
        }
    }
    call_answer(&asked.calls, &entry, &asked.caller)
}
