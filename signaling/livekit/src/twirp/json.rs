//! Protobuf's JSON as LiveKit's server speaks it.
//!
//! Read: names in camel or snake case, numbers also as texts, enums by name or number, `null` for what is left out,
//! unknown names skipped. Written: names in snake case, as in the `.proto` files.

use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Map, Value};

/// Fields whose keys are users' own words and stay as they are.
const MAPS: [&str; 2] = ["attributes", "tags"];

/// Reads a message. Nesting is limited by `serde_json` to 128 levels.
///
/// # Errors
/// When it is no JSON or does not fit the message.
pub fn parse<M: DeserializeOwned + Default>(bytes: &[u8]) -> Result<M, serde_json::Error> {
    match serde_json::from_slice(bytes)? {
        Value::Object(fields) => serde_json::from_value(Value::Object(without_nulls(fields))),
        _ => Err(serde_json::Error::custom("expected an object")),
    }
}

/// Writes a message.
pub(super) fn write(message: &impl Serialize) -> String {
    // These messages always serialise.
    serde_json::to_value(message).map(snake).unwrap_or_default().to_string()
}

fn without_nulls(fields: Map<String, Value>) -> Map<String, Value> {
    let kept = fields.into_iter().filter_map(|(name, value)| match value {
        Value::Null => None,
        Value::Object(inner) => Some((name, Value::Object(without_nulls(inner)))),
        Value::Array(items) => Some((name, Value::Array(items.into_iter().map(item).collect()))),
        other => Some((name, other)),
    });
    kept.collect()
}

fn item(value: Value) -> Value {
    match value {
        Value::Object(inner) => Value::Object(without_nulls(inner)),
        other => other,
    }
}

fn snake(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().map(snake_field).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(snake).collect()),
        other => other,
    }
}

fn snake_field((name, value): (String, Value)) -> (String, Value) {
    let value = if MAPS.contains(&name.as_str()) { value } else { snake(value) };
    (snake_name(&name), value)
}

fn snake_name(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
