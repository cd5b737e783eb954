//! The keys of what outlives rooms and of those who are told of them: `store` and `webhook`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hooks::{Filter, HookUrl, Policy, Reach};
use livekit::webhook::EVENTS;
use store::Place;

use super::raw::Raw;
use super::values::{Secret, TcpPort};
use super::{TURN_PORT_DEFAULT, TlsFiles, TurnInside};

/// The store's folder unless another is named, below the working directory.
const FOLDER_DEFAULT: &str = "thalweg-data";
/// A `store.path` that means no folder at all.
const MEMORY: &str = ":memory:";
/// Events of LiveKit's that a filter may name though nothing here causes them.
const EVENTS_ELSEWHERE: &[&str] =
    &["egress_started", "egress_updated", "egress_ended", "agent_job_started", "agent_job_ended"];

/// Who is told of rooms, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// Receivers, filter, addresses that may be reached.
    pub policy: Policy,
    /// The API key that signs.
    pub key: String,
    /// Events of tracks describe room and participant in full.
    pub full_room: bool,
}

/// Reads `store.path` and `store.url`.
pub(super) fn store(raw: &mut Raw, development: bool) -> Place {
    let path: Option<String> = raw.take("store.path").filter(|path: &String| !path.is_empty());
    let url: Option<String> = raw.take("store.url").filter(|url: &String| !url.is_empty());
    let folder = PathBuf::from(path.as_deref().unwrap_or(FOLDER_DEFAULT));
    match (url, path.as_deref()) {
        (Some(url), Some(MEMORY)) => {
            let text = "with store.url a folder is needed, for the key that seals secrets: name one";
            raw.fault(raw.place("store.path"), "store.path", text);
            Place::Postgres { url, folder }
        }
        (Some(url), _) => {
            if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
                // The URL itself is not shown: it may hold a password.
                let text = "expected a URL such as postgres://user:password@host:5432/database";
                raw.fault(raw.place("store.url"), "store.url", text);
            }
            Place::Postgres { url, folder }
        }
        (None, Some(MEMORY)) => Place::Memory,
        (None, None) if development => Place::Memory,
        (None, _) => Place::Folder(folder),
    }
}

/// Reads a certificate's file and its key's; `None` when neither is named.
pub(super) fn tls(raw: &mut Raw, cert: &'static str, key: &'static str) -> Option<TlsFiles> {
    let mut named = |path| raw.take::<String>(path).filter(|file| !file.is_empty()).map(PathBuf::from);
    match (named(cert), named(key)) {
        (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
        (None, None) => None,
        (found, _) => {
            let (there, missing) = if found.is_some() { (cert, key) } else { (key, cert) };
            raw.fault(raw.place(there), there, &format!("{missing} is missing: TLS needs both"));
            None
        }
    }
}

/// Reads `turn`.
pub(super) fn turn(raw: &mut Raw) -> TurnInside {
    let udp = TcpPort::On { port: TURN_PORT_DEFAULT, named: false };
    let turn = TurnInside {
        enabled: raw.take("turn.enabled").unwrap_or(false),
        domain: raw.take("turn.domain").unwrap_or_default(),
        udp_port: raw.take("turn.udp_port").unwrap_or(udp),
        tls_port: raw.take("turn.tls_port").unwrap_or(TcpPort::Off),
        tls: tls(raw, "turn.cert_file", "turn.key_file"),
        ttl_s: raw.take("turn.ttl_seconds").unwrap_or(300),
        per_user_max: raw.take("turn.per_user_relay_allocation_limit").unwrap_or(12),
    };
    if turn.enabled && turn.tls_port != TcpPort::Off && turn.domain.is_empty() {
        let text = "turn.domain is missing: clients check the certificate by that name";
        raw.fault(raw.place("turn.tls_port"), "turn.tls_port", text);
    }
    turn
}

/// Reads `webhook` and what belongs to it.
pub(super) fn webhook(raw: &mut Raw, keys: &BTreeMap<String, Secret>) -> Webhook {
    let texts: Vec<String> = raw.take("webhook.urls").unwrap_or_default();
    let mut urls = Vec::new();
    for (text, number) in texts.iter().zip(1..) {
        match HookUrl::parse(text) {
            Ok(url) => urls.push(url),
            // The URL itself is not shown: it may hold a secret.
            Err(error) => raw.fault(raw.place("webhook.urls"), "webhook.urls", &format!("URL {number}: {error}")),
        }
    }
    let filter = Filter {
        include: events(raw, "webhook.filter_params.include_events"),
        exclude: events(raw, "webhook.filter_params.exclude_events"),
    };
    let reach = if raw.take("webhook.public_only").unwrap_or(false) { Reach::Public } else { Reach::Anywhere };
    Webhook {
        key: key(raw, keys),
        policy: Policy { urls, filter, reach },
        full_room: raw.take("room.enable_full_room_in_webhooks").unwrap_or(false),
    }
}

/// The key that signs; the first of all keys when none is named.
fn key(raw: &mut Raw, keys: &BTreeMap<String, Secret>) -> String {
    let named: Option<String> = raw.take("webhook.api_key").filter(|key: &String| !key.is_empty());
    if let Some(key) = named.as_ref().filter(|key| !keys.contains_key(*key) && !keys.is_empty()) {
        let text = format!("{key} is none of the keys: name one that has a secret in keys or key_file");
        raw.fault(raw.place("webhook.api_key"), "webhook.api_key", &text);
    }
    named.or_else(|| keys.keys().next().cloned()).unwrap_or_default()
}

fn events(raw: &mut Raw, path: &str) -> Vec<String> {
    let names: Vec<String> = raw.take(path).unwrap_or_default();
    for name in &names {
        if !EVENTS.contains(&name.as_str())
            && !calls_api::EVENTS.contains(&name.as_str())
            && !EVENTS_ELSEWHERE.contains(&name.as_str())
        {
            let text = format!("no such event: {name}; there are {}", EVENTS.join(", "));
            raw.fault(raw.place(path), path, &text);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};

    const KEYS: &str = "keys: {b: 0123456789abcdef0123456789abcdef, a: 0123456789abcdef0123456789abcdef}\n";

    fn read(text: &str) -> Result<Config, String> {
        let sources = Sources { file: Some(("t".into(), format!("{KEYS}{text}"))), ..Sources::default() };
        Config::read(&sources).map(|(config, _)| config).map_err(|faults| faults.to_string())
    }

    #[test]
    fn stores() {
        let folder = |path: &str| Place::Folder(path.into());
        let url = "postgres://ann:geheim@db/calls".to_owned();
        for (text, place) in [
            ("", folder("thalweg-data")),
            ("store: {path: /var/lib/thalweg}", folder("/var/lib/thalweg")),
            ("store: {path: ':memory:'}", Place::Memory),
            ("development: true", Place::Memory),
            ("development: true\nstore: {path: here}", folder("here")),
            ("store: {url: 'postgres://ann:geheim@db/calls'}", Place::Postgres { url, folder: "thalweg-data".into() }),
        ] {
            assert_eq!(read(text).map(|config| config.store), Ok(place), "{text}");
        }
        for text in ["store: {url: 'mysql://ann:geheim@db/calls'}", "store: {url: 'postgres://db', path: ':memory:'}"] {
            let fault = read(text).unwrap_err();
            assert!(fault.contains("store.") && !fault.contains("geheim"), "{fault}");
        }
    }

    #[test]
    fn webhooks() {
        let config = read("webhook: {urls: ['https://a.example/x', 'http://localhost:3000'], api_key: b}").unwrap();
        assert_eq!((config.webhook.policy.urls.len(), config.webhook.key.as_str()), (2, "b"));
        assert_eq!(config.webhook.policy.reach, Reach::Anywhere);
        assert_eq!(read("").unwrap().webhook.key, "a");
        let text = "webhook: {public_only: true, filter_params: {include_events: [room_started, egress_started]}}";
        let policy = read(text).unwrap().webhook.policy;
        assert_eq!((policy.reach, policy.filter.include.len()), (Reach::Public, 2));
    }

    #[test]
    fn faults_of_webhooks_show_no_secret() {
        for (text, says) in [
            (
                "webhook: {urls: ['https://a.example', 'ftp://a.example/geheim']}",
                "URL 2: only http:// and https:// are spoken",
            ),
            ("webhook: {urls: ['https://ann:geheim@a.example']}", "URL 1: user and password"),
            ("webhook: {api_key: c}", "c is none of the keys"),
            (
                "webhook: {filter_params: {exclude_events: [room_begun]}}",
                "no such event: room_begun; there are room_st",
            ),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.contains(says) && !fault.contains("geheim"), "{fault}");
        }
    }
}
