//! Protobuf's JSON as LiveKit's server speaks it.
//!
//! Read: names in camel or snake case, numbers also as texts, enums by name or number, `null` for what is left out,
//! unknown names skipped. Written: names in snake case, as in the `.proto` files, and every field.

use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};
use serde_json::Value;

use super::shape::{self, Shaped};

/// Reads a message. Nesting is limited by `serde_json` to 128 levels.
///
/// # Errors
/// When it is no JSON or does not fit the message.
pub fn parse<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, serde_json::Error> {
    match serde_json::from_slice(bytes)? {
        object @ Value::Object(_) => serde_json::from_value(without_nulls(object)),
        _ => Err(serde_json::Error::custom("expected an object")),
    }
}

/// Writes a message, with all its fields.
pub(super) fn write<M: Serialize + Shaped>(message: &M) -> String {
    // These messages always serialise.
    serde_json::to_value(message).map(|value| shape::fill(value, M::SHAPE)).unwrap_or_default().to_string()
}

/// `null` means the same as nothing.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
