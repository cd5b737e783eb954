//! One endpoint: where it is, who may ask, what goes in and out. The router, the OpenAPI document and the tests are all
//! made of the same list of these.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use calls::{CallId, Capability, UserId};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use crate::access::Caller;
use crate::error::{ApiError, named};
use crate::service::Inner;

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// Anybody.
    Nothing,
    /// Whoever has a token.
    Token,
    /// Back ends and admins.
    Server,
    /// Whoever has a capability in the call.
    Has(Capability),
    /// Whoever the call itself lets in, or whom it concerns.
    Call,
}

/// One request that got so far.
pub(crate) struct Asked<T> {
    pub(crate) calls: Arc<Inner>,
    pub(crate) caller: Caller,
    pub(crate) path: BTreeMap<String, String>,
    /// The scheme and host that the client spoke to, as a WebSocket URL.
    pub(crate) url: String,
    pub(crate) input: T,
}

impl<T> Asked<T> {
    /// A part of the path.
    pub(crate) fn part(&self, name: &str) -> &str {
        self.path.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The call that the path names.
    ///
    /// # Errors
    /// The names are none, or the token is for other calls.
    pub(crate) fn call(&self) -> Result<CallId, ApiError> {
        let id = named("id", CallId::new(self.part("type"), self.part("id")))?;
        self.caller.check_call(&id)?;
        Ok(id)
    }

    /// The user that the path names.
    ///
    /// # Errors
    /// It is no user's id.
    pub(crate) fn user(&self) -> Result<UserId, ApiError> {
        crate::token::user_id(self.part("user"))
    }
}

/// What an endpoint answers.
pub(crate) trait Answer: Serialize + JsonSchema {
    /// The status with which it does.
    fn status(&self) -> StatusCode {
        StatusCode::OK
    }
}

type Carried = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;
type Handler = Box<dyn Fn(Asked<Value>) -> Carried + Send + Sync>;
/// Describes a type.
pub(crate) type Describe = fn(&mut SchemaGenerator) -> Schema;

/// One endpoint.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// Below `/api/v1`, with names in braces.
    pub(crate) path: &'static str,
    /// Unique; what generated clients call it.
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) need: Need,
    pub(crate) input: Describe,
    pub(crate) output: Describe,
    handler: Handler,
}

/// An endpoint of a handler.
pub(crate) fn endpoint<In, Out, Done>(
    method: Method,
    path: &'static str,
    name: &'static str,
    need: Need,
    summary: &'static str,
    handler: fn(Asked<In>) -> Done,
) -> Endpoint
where
    In: DeserializeOwned + JsonSchema + Send + 'static,
    Out: Answer,
    Done: Future<Output = Result<Out, ApiError>> + Send + 'static,
{
    let carried = move |asked: Asked<Value>| -> Carried {
        Box::pin(async move {
            let Asked { calls, caller, path, url, input } = asked;
            let input = parse(input)?;
            let answer = handler(Asked { calls, caller, path, url, input }).await?;
            // Answers are made of texts, numbers and maps with text for keys.
            let body = serde_json::to_string(&answer).unwrap_or_default();
            Ok((answer.status(), [(header::CONTENT_TYPE, "application/json")], body).into_response())
        })
    };
    Endpoint {
        method,
        path,
        name,
        summary,
        need,
        input: SchemaGenerator::subschema_for::<In>,
        output: SchemaGenerator::subschema_for::<Out>,
        handler: Box::new(carried),
    }
}

impl Endpoint {
    /// Whether what goes in stands in the query.
    pub(crate) fn takes_query(&self) -> bool {
        self.method == Method::GET
    }

    /// Does what is asked.
    pub(crate) fn carry_out(&self, asked: Asked<Value>) -> Carried {
        (self.handler)(asked)
    }

    /// The query as the endpoint's input has it: texts where it wants texts, numbers where it wants numbers.
    ///
    /// # Errors
    /// The field that holds no number.
    pub(crate) fn read_query(&self, pairs: Vec<(String, String)>) -> Result<Value, ApiError> {
        let mut generator = SchemaGenerator::default();
        let schema = (self.input)(&mut generator);
        let known = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.rsplit('/').next());
        let schema = known.and_then(|name| generator.definitions().get(name).cloned());
        let wants = |name: &str, kind: &str| {
            let wanted = schema.as_ref().and_then(|it| it.get("properties")?.get(name)?.get("type"));
            wanted.is_some_and(|it| *it == kind || it.as_array().is_some_and(|it| it.iter().any(|it| it == kind)))
        };
        let mut query = Map::new();
        for (name, text) in pairs.into_iter().filter(|(name, _)| name != "token") {
            let value = if wants(&name, "integer") {
                let number: u64 = text.parse().map_err(|_| ApiError::field(&name, "must be a whole number"))?;
                Value::Number(Number::from(number))
            } else if wants(&name, "boolean") {
                let truth = text.parse().map_err(|_| ApiError::field(&name, "must be true or false"))?;
                Value::Bool(truth)
            } else {
                Value::String(text)
            };
            query.insert(name, value);
        }
        Ok(Value::Object(query))
    }
}

/// Reads a value; what does not fit is named.
///
/// # Errors
/// The first field that does not hold what it should.
pub(crate) fn parse<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner().to_string();
        let field = if path == "." { String::new() } else { path.replace('[', ".").replace(']', "") };
        // Unknown fields are named by the message only.
        let unknown = inner.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
        let missing = inner.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        let field = match missing.or_else(|| unknown.filter(|name| !field.ends_with(*name))) {
            Some(name) if field.is_empty() => name.to_owned(),
            Some(name) => format!("{field}.{name}"),
            None => field,
        };
        ApiError::field(field, inner)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        list: Vec<Inside>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inside {
        number: u8,
    }

    #[test]
    fn faults_name_their_field() {
        let sound = parse::<Outer>(serde_json::json!({ "list": [{ "number": 1 }] })).unwrap();
        assert_eq!(sound.list.iter().map(|it| it.number).collect::<Vec<_>>(), [1]);
        for (value, field) in [
            (serde_json::json!({ "list": [{ "number": 1 }, { "number": "x" }] }), "list.1.number"),
            (serde_json::json!({ "list": [{}] }), "list.0.number"),
            (serde_json::json!({}), "list"),
            (serde_json::json!({ "list": [], "more": 1 }), "more"),
            (serde_json::json!({ "list": [{ "number": 1, "more": 2 }] }), "list.0.more"),
            (serde_json::json!(7), ""),
        ] {
            let error = parse::<Outer>(value.clone()).unwrap_err();
            assert_eq!(error.field.as_deref(), Some(field), "{value}: {}", error.message);
        }
    }
}
