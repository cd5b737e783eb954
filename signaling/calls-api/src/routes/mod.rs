//! Every endpoint, in the order in which the documentation tells of them.

mod calls;
mod chat;
mod join;
mod kinds;
mod live;
mod members;
mod moderation;
mod permissions;
mod recordings;
mod rings;
mod users;

use ::calls::Settings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::endpoint::{Answer, Endpoint, parse};
use crate::error::ApiError;
use crate::service::{Inner, Open};
use crate::view::CallView;

/// What an app keeps beside our own fields.
pub(crate) type Custom = Map<String, Value>;

/// Longest `custom`, as JSON, in bytes.
pub(crate) const CUSTOM_BYTES_MAX: usize = 16 * 1024;
/// Longest name, address or reason, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 2_000;
/// The last moment that can be named: the end of the year 9999, in milliseconds since 1970.
const TIME_MAX_MS: u64 = 253_402_300_799_999;
/// Entries of one page, when not told otherwise and at most.
pub(crate) const PAGE: u64 = 25;
pub(crate) const PAGE_MAX: u64 = 100;

/// All endpoints.
pub(crate) fn all() -> Vec<Endpoint> {
    let parts = [
        users::endpoints(),
        kinds::endpoints(),
        calls::endpoints(),
        join::endpoints(),
        live::endpoints(),
        members::endpoints(),
        permissions::endpoints(),
        moderation::endpoints(),
        rings::endpoints(),
        chat::endpoints(),
        recordings::endpoints(),
    ];
    parts.into_iter().flatten().collect()
}

/// Nothing is asked beside the path.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// It is done.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Done {}

impl Answer for Done {}

/// A call.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CallAnswer {
    pub(crate) call: CallView,
}

impl Answer for CallAnswer {}

/// The call as its caller may see it.
pub(crate) fn call_answer(calls: &Inner, entry: &Open, caller: &crate::access::Caller) -> Result<CallAnswer, ApiError> {
    let kind = calls.kind(entry.body.call.id().kind())?;
    Ok(CallAnswer { call: calls.view(entry, &kind, caller) })
}

/// Checks what an app wants to keep.
pub(crate) fn check_custom(field: &str, custom: &Custom) -> Result<(), ApiError> {
    let bytes = serde_json::to_string(custom).map_or(usize::MAX, |text| text.len());
    if bytes <= CUSTOM_BYTES_MAX {
        return Ok(());
    }
    Err(ApiError::field(field, format!("at most {CUSTOM_BYTES_MAX} bytes of JSON")))
}

/// Checks a text.
pub(crate) fn check_text(field: &str, text: &str, bytes_max: usize) -> Result<(), ApiError> {
    if text.len() > bytes_max {
        return Err(ApiError::field(field, format!("at most {bytes_max} bytes")));
    }
    if text.contains('\0') {
        return Err(ApiError::field(field, "a text holds no zero byte"));
    }
    Ok(())
}

/// Checks a time.
pub(crate) fn check_time(field: &str, time_ms: Option<u64>) -> Result<(), ApiError> {
    match time_ms {
        Some(0) => Err(ApiError::field(field, "milliseconds since 1970; leave it out for none")),
        Some(time) if time > TIME_MAX_MS => Err(ApiError::field(field, format!("at most {TIME_MAX_MS}"))),
        _ => Ok(()),
    }
}

/// How many entries a page holds.
pub(crate) fn page(limit: Option<u64>) -> Result<u64, ApiError> {
    match limit {
        None => Ok(PAGE),
        Some(limit @ 1..=PAGE_MAX) => Ok(limit),
        Some(_) => Err(ApiError::field("limit", format!("from 1 to {PAGE_MAX}"))),
    }
}

/// Settings with what a patch names changed (RFC 7396, without deletion).
pub(crate) fn patched(settings: &Settings, patch: &Map<String, Value>) -> Result<Settings, ApiError> {
    let mut whole = serde_json::to_value(settings).unwrap_or_default();
    merge(&mut whole, &Value::Object(patch.clone()));
    let settings: Settings = parse(whole).map_err(|error| {
        let field = error.field.filter(|field| !field.is_empty());
        ApiError::field(field.map_or_else(|| "settings".into(), |field| format!("settings.{field}")), error.message)
    })?;
    Ok(settings)
}

fn merge(whole: &mut Value, patch: &Value) {
    match (whole, patch) {
        (Value::Object(whole), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(whole.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (whole, patch) => *whole = patch.clone(),
    }
}

#[cfg(test)]
mod tests;
