//! The section `telemetry`: where traces go.

use axum::http::{HeaderName, HeaderValue, Uri};
use rustls::pki_types::ServerName;

use super::raw::Raw;
use super::values::Secret;

/// The path of traces below a collector's address (OTLP/HTTP).
const TRACES: &str = "/v1/traces";
const ENDPOINT: &str = "telemetry.otlp.endpoint";
const HEADERS: &str = "telemetry.otlp.headers";

/// A collector of traces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Otlp {
    /// Where it is.
    pub url: CollectorUrl,
    /// More headers of each request, such as a key of the collector.
    pub headers: Vec<(String, Secret)>,
}

/// Where traces are sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CollectorUrl {
    /// Over TLS.
    pub is_secure: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// 80 or 443 unless given.
    pub port: u16,
    /// As it stands in the `Host` header.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

impl std::fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", if self.is_secure { "https" } else { "http" }, self.authority, self.path)
    }
}

/// Reads the section; `None` when no collector is named.
pub(super) fn otlp(raw: &mut Raw) -> Option<Otlp> {
    let endpoint: Option<String> = raw.take(ENDPOINT).filter(|text: &String| !text.is_empty());
    let texts: Vec<String> = raw.take(HEADERS).unwrap_or_default();
    let mut headers = Vec::new();
    for (text, number) in texts.iter().zip(1..) {
        match header(text) {
            Some(header) => headers.push(header),
            // The header itself is not shown: it may hold a key.
            None => raw.fault(raw.place(HEADERS), HEADERS, &format!("header {number}: expected NAME=VALUE")),
        }
    }
    let endpoint = endpoint?;
    let Some(url) = parse(&endpoint) else {
        let text = "expected the address of a collector (OTLP over HTTP) such as http://127.0.0.1:4318";
        raw.fault(raw.place(ENDPOINT), ENDPOINT, text);
        return None;
    };
    if url.port == 4317 {
        let text = "4317 is the port of OTLP over gRPC; this server speaks OTLP over HTTP, whose port is 4318";
        raw.warn(raw.place(ENDPOINT), ENDPOINT, text);
    }
    Some(Otlp { url, headers })
}

fn header(text: &str) -> Option<(String, Secret)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    HeaderName::try_from(name).ok()?;
    HeaderValue::try_from(value).ok()?;
    Some((name.to_owned(), Secret::new(value)))
}

fn parse(text: &str) -> Option<CollectorUrl> {
    let uri: Uri = text.parse().ok()?;
    let is_secure = match uri.scheme_str()? {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let authority = uri.authority()?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let rest = authority.as_str().rsplit_once(']').map_or(authority.as_str(), |(_, rest)| rest);
    let port = match rest.rsplit_once(':') {
        Some((_, port)) => port.parse().ok().filter(|port| *port > 0)?,
        None if is_secure => 443,
        None => 80,
    };
    if authority.as_str().contains('@') || ServerName::try_from(host.as_str()).is_err() {
        return None;
    }
    let base = uri.path().trim_end_matches('/');
    let path = if base.ends_with(TRACES) { base.to_owned() } else { format!("{base}{TRACES}") };
    let path = uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    Some(CollectorUrl { is_secure, host, port, authority: authority.to_string(), path })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};

    fn read(text: &str) -> Result<(Option<Otlp>, Vec<String>), String> {
        let text = format!("development: true\n{text}");
        let sources = Sources { file: Some(("t".into(), text)), ..Sources::default() };
        let read = Config::read(&sources).map_err(|faults| faults.to_string())?;
        Ok((read.0.otlp, read.1.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn addresses_of_collectors() {
        for (text, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            ("https://otel.example/api/otlp", "https://otel.example/api/otlp/v1/traces"),
            ("https://otel.example/v1/traces?team=a", "https://otel.example/v1/traces?team=a"),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
        ] {
            let otlp = read(&format!("telemetry: {{otlp: {{endpoint: '{text}'}}}}")).unwrap().0.unwrap();
            assert_eq!(otlp.url.to_string(), expected);
        }
        assert_eq!(read("").unwrap().0, None);
        assert!(read("telemetry: {otlp: {endpoint: 'http://c:4317'}}").unwrap().1[0].contains("4318"));
    }

    #[test]
    fn faults_show_no_key() {
        for (text, says) in [
            ("telemetry: {otlp: {endpoint: 'collector:4318'}}", "expected the address of a collector"),
            ("telemetry: {otlp: {endpoint: 'http://u:geheim@c'}}", "expected the address of a collector"),
            ("telemetry: {otlp: {endpoint: 'http://c', headers: ['geheim']}}", "header 1: expected NAME=VALUE"),
            ("telemetry: {otlp: {endpoint: 'http://c', headers: ['x-key=a', 'b b=geheim']}}", "header 2"),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.contains(says) && !fault.contains("geheim"), "{fault}");
        }
        let otlp = read("telemetry: {otlp: {endpoint: 'http://c', headers: ['x-key=geheim']}}").unwrap().0.unwrap();
        assert!(!format!("{otlp:?}").contains("geheim"));
        assert_eq!(otlp.headers[0].1.expose(), "geheim");
    }
}
