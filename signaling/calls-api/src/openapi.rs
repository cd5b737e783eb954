//! The OpenAPI 3.1 document, made of the same list as the router, and a page that shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::endpoint::{Endpoint, Need};
use crate::error::Code;
use crate::event::{EVENTS, Kind};
use crate::http::PREFIX;

/// The page. It loads nothing from elsewhere.
const PAGE: &str = include_str!("openapi/page.html");
/// What the page may do: run its own script, and ask this server.
const PAGE_POLICY: &str =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'";
/// What the API is, in a few words.
const ABOUT: &str = "Calls: who belongs to them, who may do what, when they go live and end. Media is LiveKit's: join \
    answers a URL and a token for its clients. Times are milliseconds since 1970. See docs/guide/calls.md.";

/// The document.
pub(crate) fn document(endpoints: &[Arc<Endpoint>]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|it| {
        it.definitions_path = "/components/schemas".into();
        it.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for endpoint in endpoints {
        let operation = operation(endpoint, &mut generator);
        let method = endpoint.method.as_str().to_ascii_lowercase();
        paths.entry(format!("{PREFIX}{}", endpoint.path)).or_default().insert(method, operation);
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Error".into(), error_schema());
    let mut paths = serde_json::to_value(paths).unwrap_or_default();
    paths[format!("{PREFIX}/events")] = json!({ "get": listening() });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Thalweg Calls API", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" } },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "A user token or a server token, signed with an API secret (HS256)." } },
            "responses": { "Error": { "description": "What went wrong, in a word that stays.",
                "headers": { "X-Request-Id": { "schema": { "type": "string" } } },
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } } },
        },
    })
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let input = (endpoint.input)(generator);
    let output = (endpoint.output)(generator);
    let named: Vec<&str> = endpoint.path.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
    let mut parameters: Vec<Value> = named.iter().map(|name| path_parameter(name)).collect();
    let answer = json!({ "description": "Done.", "content": { "application/json": { "schema": output } } });
    let mut responses = Map::from_iter([("200".to_owned(), answer.clone()), ("201".to_owned(), answer)]);
    // What a status can mean is told once, by the codes.
    let statuses: BTreeSet<u16> = Code::ALL.iter().map(|code| code.status()).filter(|status| *status < 500).collect();
    for status in statuses.into_iter().chain([503]) {
        responses.insert(status.to_string(), json!({ "$ref": "#/components/responses/Error" }));
    }
    let mut operation = json!({
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": need(endpoint.need),
        "tags": [endpoint.path.split('/').nth(1).unwrap_or_default()],
        "responses": responses,
    });
    if endpoint.takes_query() {
        parameters.extend(query_parameters(&input.to_value(), generator));
    } else {
        operation["requestBody"] = json!({ "content": { "application/json": { "schema": input } } });
    }
    operation["parameters"] = Value::Array(parameters);
    if endpoint.need == Need::Nothing {
        operation["security"] = json!([]);
    }
    operation
}

fn path_parameter(name: &str) -> Value {
    let schema = match name {
        "message" => json!({ "type": "integer", "minimum": 1 }),
        _ => json!({ "type": "string", "minLength": 1, "maxLength": ::calls::NAME_BYTES_MAX,
            "pattern": "^[A-Za-z0-9_.@-]+$" }),
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

/// The fields of an input as parameters of a query.
fn query_parameters(input: &Value, generator: &SchemaGenerator) -> Vec<Value> {
    let known = input["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    let schema = known.and_then(|name| generator.definitions().get(name)).unwrap_or(input);
    let Some(fields) = schema["properties"].as_object() else { return Vec::new() };
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let about = schema.as_object_mut().and_then(|it| it.remove("description")).unwrap_or_default();
        // What is left out of a query is null in the type.
        if let Some(kinds) = schema["type"].as_array().cloned() {
            schema["type"] = kinds.into_iter().find(|kind| kind != "null").unwrap_or_default();
        }
        if let Some(some) = schema["anyOf"].as_array().and_then(|some| some.first()).cloned() {
            schema = some;
        }
        json!({ "name": name, "in": "query", "description": about, "schema": schema })
    };
    fields.iter().map(parameter).collect()
}

fn need(need: Need) -> String {
    match need {
        Need::Nothing => "Needs no token.".to_owned(),
        Need::Token => "Needs a token.".to_owned(),
        Need::Server => "Needs a server token, or a user token with the role admin.".to_owned(),
        Need::Has(capability) => format!("Needs the capability {capability}: {}", capability.meaning()),
        Need::Call => "Needs a token; the call itself decides.".to_owned(),
    }
}

fn error_schema() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    let meanings: Vec<String> =
        Code::ALL.iter().map(|code| format!("- `{}` ({}): {}", code.name(), code.status(), code.meaning())).collect();
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": { "type": "string", "enum": codes, "description": meanings.join("\n") },
                "message": { "type": "string", "description": "For people; may change." },
                "field": { "type": "string", "description": "The field at fault, with dots." },
                "capability": { "type": "string", "description": "What lacks." },
                "request_id": { "type": "string", "description": "The answer's X-Request-Id." },
            },
        } },
    })
}

fn listening() -> Value {
    let events: Vec<String> = EVENTS.iter().map(|name| format!("- `{name}`: {}", Kind::meaning(name))).collect();
    let about = format!(
        "A WebSocket, or server-sent events for a plain GET, with the events of the calls that the caller is a member \
         of, has joined or watches. Over the WebSocket `{{\"watch\": [\"default:standup\"]}}` and `unwatch` change that.\n{}",
        events.join("\n")
    );
    json!({
        "operationId": "listen",
        "summary": "Events, as they happen.",
        "description": about,
        "tags": ["events"],
        "parameters": [
            { "name": "token", "in": "query", "schema": { "type": "string" },
              "description": "The token, where no header can be set." },
            { "name": "calls", "in": "query", "schema": { "type": "string" },
              "description": "Calls to watch, such as livestream:show, with commas between." },
        ],
        "responses": {
            "101": { "description": "A WebSocket." },
            "200": { "description": "Server-sent events.", "content": { "text/event-stream": {} } },
            "default": { "$ref": "#/components/responses/Error" },
        },
    })
}

fn webhooks() -> Value {
    let hook = |name: &&str| {
        let body = json!({ "application/json": { "schema": { "type": "object" } } });
        let post = json!({ "summary": Kind::meaning(name), "requestBody": { "content": body },
            "responses": { "200": { "description": "Taken." } } });
        ((*name).to_owned(), json!({ "post": post }))
    };
    Value::Object(EVENTS.iter().map(hook).collect())
}

/// The page.
pub(crate) async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    (headers, PAGE).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes;

    #[test]
    fn every_reference_leads_somewhere_and_names_are_their_own() {
        let endpoints: Vec<Arc<Endpoint>> = routes::all().into_iter().map(Arc::new).collect();
        let document = document(&endpoints);
        let mut references = Vec::new();
        collect(&document, &mut references);
        assert!(references.len() > 50);
        for reference in references {
            let found = document.pointer(reference.trim_start_matches('#'));
            assert!(found.is_some(), "{reference} leads nowhere");
        }
        let names: BTreeSet<&str> = endpoints.iter().map(|endpoint| endpoint.name).collect();
        assert_eq!(names.len(), endpoints.len());
        for (path, field) in [("/api/v1/calls", "state"), ("/api/v1/calls/{type}/{id}/messages", "limit")] {
            let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
            assert!(parameters.iter().any(|it| it["name"] == field), "{path} {field}");
        }
    }

    fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| collect(value, found));
            }
            Value::Array(all) => all.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
}
