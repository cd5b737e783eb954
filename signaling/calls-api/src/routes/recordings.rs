//! Recordings, of which this server makes none: it says so in words that an app can act upon.

use ::calls::Capability;
use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Done, Nothing};
use crate::endpoint::{Answer, Asked, Endpoint, Need, endpoint};
use crate::error::{ApiError, Code};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let path = "/calls/{type}/{id}/recordings";
    vec![
        endpoint(
            Method::GET,
            path,
            "listRecordings",
            Need::Has(Capability::ReadCall),
            "The call's recordings. This server has no recorder: the list is empty.",
            list,
        ),
        endpoint(
            Method::POST,
            path,
            "startRecording",
            Need::Has(Capability::Record),
            "Refused with `not_served`: this server has no recorder.",
            start,
        ),
    ]
}

/// What was recorded.
#[derive(Debug, Serialize, JsonSchema)]
struct Recordings {
    /// None.
    recordings: Vec<Map<String, Value>>,
}

impl Answer for Recordings {}

async fn list(asked: Asked<Nothing>) -> Result<Recordings, ApiError> {
    let entry = asked.calls.open(&asked.call()?).await?;
    let kind = asked.calls.kind(entry.body.call.id().kind())?;
    asked.calls.check_read(&entry, &kind, &asked.caller)?;
    Ok(Recordings { recordings: Vec::new() })
}

async fn start(asked: Asked<Nothing>) -> Result<Done, ApiError> {
    let entry = asked.calls.open(&asked.call()?).await?;
    let kind = asked.calls.kind(entry.body.call.id().kind())?;
    entry.body.call.check(&kind, &asked.caller.actor, Capability::Record)?;
    Err(ApiError::says(Code::NotServed, "this server has no recorder: record with a program that joins the call"))
}
