//! Spans as OTLP has them in JSON (OpenTelemetry Protocol 1.0, "JSON Protobuf Encoding"): ids are hexadecimal, times and
//! other 64-bit numbers are texts, enumerations are numbers.

use serde_json::{Value, json};
use spans::{Kind, Span, Value as Note};

/// `SpanKind` of the protocol.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
/// `StatusCode` of the protocol.
const ERROR: u8 = 2;

/// An `ExportTraceServiceRequest`.
pub(super) fn request(spans: &[Span]) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [text("service.name", "thalweg"), text("service.version", version)];
    let scope = json!({ "name": "thalweg", "version": version });
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": scope, "spans": spans }],
    }] })
}

fn span(span: &Span) -> Value {
    let attributes: Vec<Value> = span.notes.iter().map(|(name, note)| attribute(name, note)).collect();
    let kind = match span.kind {
        Kind::Internal => INTERNAL,
        Kind::Server => SERVER,
        Kind::Client => CLIENT,
    };
    let mut told = json!({
        "traceId": format!("{:032x}", span.context.trace),
        "spanId": format!("{:016x}", span.context.span),
        "name": span.name,
        "kind": kind,
        "startTimeUnixNano": span.began_ns.to_string(),
        "endTimeUnixNano": span.ended_ns.to_string(),
        "attributes": attributes,
    });
    if let Some(parent) = span.parent {
        told["parentSpanId"] = format!("{parent:016x}").into();
    }
    if let Some(fault) = &span.fault {
        told["status"] = json!({ "code": ERROR, "message": fault });
    }
    told
}

fn attribute(name: &str, note: &Note) -> Value {
    match note {
        Note::Text(told) => text(name, told),
        Note::Number(number) => json!({ "key": name, "value": { "intValue": number.to_string() } }),
    }
}

fn text(name: &str, told: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": told } })
}
