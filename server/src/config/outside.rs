//! The keys of what outlives rooms and of those who are told of them: `store` and `webhook`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hooks::{Filter, HookUrl, Policy, Reach};
use livekit::webhook::EVENTS;
use store::Place;

use super::raw::Raw;
use super::values::Secret;

/// The store's folder unless another is named, below the working directory.
const FOLDER_DEFAULT: &str = "thalweg-data";
/// A `store.path` that means no folder at all.
const MEMORY: &str = ":memory:";
/// Events of LiveKit's that a filter may name though nothing here causes them.
const EVENTS_ELSEWHERE: &[&str] = &[
    "egress_started",
    "egress_updated",
    "egress_ended",
    "ingress_started",
    "ingress_ended",
    "agent_job_started",
    "agent_job_ended",
];

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
        if !EVENTS.contains(&name.as_str()) && !EVENTS_ELSEWHERE.contains(&name.as_str()) {
            let text = format!("no such event: {name}; there are {}", EVENTS.join(", "));
            raw.fault(raw.place(path), path, &text);
        }
    }
    names
}
