//! Against a collector that takes apart what comes, as strictly as the protocol has it.

use serde::Deserialize;
use spans::{Context, Kind, Span, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::send::{Collector, counts};
use crate::config::{Config, Sources};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Request {
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ResourceSpans {
    resource: Resource,
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<Told>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scope {
    name: String,
    version: String,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Told {
    trace_id: String,
    span_id: String,
    parent_span_id: Option<String>,
    name: String,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute>,
    status: Option<Status>,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Attribute {
    key: String,
    value: Any,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum Any {
    StringValue(String),
    IntValue(String),
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Status {
    code: u8,
    message: String,
}

/// A collector that answers each request with a status, and the head and body that came.
async fn collector(status: &'static str) -> (Collector, tokio::task::JoinHandle<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let text = format!(
        "development: true\ntelemetry: {{otlp: {{endpoint: 'http://{address}/base', headers: ['x-team=blue']}}}}"
    );
    let config = Config::read(&Sources { file: Some(("t".into(), text)), ..Sources::default() }).unwrap().0;
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        loop {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece).await.unwrap();
            bytes.extend_from_slice(&piece[..read]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                stream
                    .write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}").as_bytes())
                    .await
                    .unwrap();
                return (head.to_owned(), body.as_bytes().to_vec());
            }
        }
    });
    (Collector::new(config.otlp.unwrap()).unwrap(), heard)
}

fn span() -> Span {
    Span {
        context: Context { trace: 0xabc, span: 0xdef },
        parent: Some(7),
        name: "GET /rtc".into(),
        kind: Kind::Server,
        began_ns: 1_795_190_001_000_000_001,
        ended_ns: 1_795_190_001_000_000_009,
        notes: vec![("http.route", Value::Text("/rtc".into())), ("http.response.status_code", Value::Number(500))],
        fault: Some("Internal Server Error".into()),
    }
}

#[tokio::test]
async fn a_collector_gets_what_it_can_read() {
    let (collector, heard) = collector("200 OK").await;
    let plain = Span { parent: None, fault: None, notes: Vec::new(), kind: Kind::Client, ..span() };
    collector.send(&[span(), plain]).await;
    let (head, body) = heard.await.unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("post /base/v1/traces http/1.1"), "{head}");
    for line in ["content-type: application/json", "x-team: blue"] {
        assert!(head.lines().any(|told| told == line), "{line} is missing in {head}");
    }
    let request: Request = serde_json::from_slice(&body).unwrap();
    let [resource] = &request.resource_spans[..] else { panic!("one resource") };
    let service = Attribute { key: "service.name".into(), value: Any::StringValue("thalweg".into()) };
    assert!(resource.resource.attributes.contains(&service));
    let [scope] = &resource.scope_spans[..] else { panic!("one scope") };
    assert_eq!((scope.scope.name.as_str(), scope.scope.version.as_str()), ("thalweg", env!("CARGO_PKG_VERSION")));
    let attribute = |key: &str, value| Attribute { key: key.into(), value };
    let expected = Told {
        trace_id: "00000000000000000000000000000abc".into(),
        span_id: "0000000000000def".into(),
        parent_span_id: Some("0000000000000007".into()),
        name: "GET /rtc".into(),
        kind: 2,
        start_time_unix_nano: "1795190001000000001".into(),
        end_time_unix_nano: "1795190001000000009".into(),
        attributes: vec![
            attribute("http.route", Any::StringValue("/rtc".into())),
            attribute("http.response.status_code", Any::IntValue("500".into())),
        ],
        status: Some(Status { code: 2, message: "Internal Server Error".into() }),
    };
    assert_eq!(scope.spans[0], expected);
    assert_eq!((scope.spans[1].parent_span_id.as_ref(), scope.spans[1].kind, &scope.spans[1].status), (None, 3, &None));
}

#[tokio::test]
async fn what_a_collector_does_not_take_is_counted() {
    let (collector, heard) = collector("503 Service Unavailable").await;
    let lost = counts().1;
    collector.send(&[span(), span()]).await;
    heard.await.unwrap();
    // Nobody listens there any more.
    collector.send(&[span()]).await;
    assert_eq!(counts().1 - lost, 3);
}
