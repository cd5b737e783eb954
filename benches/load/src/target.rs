//! The server under load: where it is and how one gets in.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use livekit::token::{AccessToken, Secret};
use livekit_protocol as proto;
use prost::Message;

use crate::LoadError;

/// See the module.
#[derive(Clone)]
pub struct Target {
    /// `ws://host:port/path`, without a slash at its end.
    base: String,
    key: String,
    secret: String,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}, key hidden)", self.base)
    }
}

impl Target {
    /// A server at `url` (`ws://` or `http://`) that knows `key` with `secret`.
    ///
    /// # Errors
    /// When the URL is none, or asks for TLS.
    pub fn new(url: &str, key: &str, secret: &str) -> Result<Self, LoadError> {
        let wrong = |why| LoadError::ConfigUrl { url: url.to_owned(), why };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
        match scheme {
            "ws" | "http" => {}
            "wss" | "https" => return Err(wrong("asks for TLS: load the server behind its proxy, on its own port")),
            _ => return Err(wrong("has a scheme that is not spoken here")),
        }
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        if host.is_empty() || rest.contains(['?', '#', ' ']) {
            return Err(wrong("names no host, or more than host, port and path"));
        }
        let base = format!("ws://{}", rest.trim_end_matches('/'));
        Ok(Self { base, key: key.to_owned(), secret: secret.to_owned() })
    }

    /// The URL, which holds no secret.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Whether the URL names this machine by its loopback address.
    pub fn is_loopback(&self) -> bool {
        let host = self.base.trim_start_matches("ws://");
        ["127.", "localhost", "[::1]"].iter().any(|it| host.starts_with(it))
    }

    /// A token for `identity` in `room`.
    pub fn token(&self, room: &str, identity: &str, hidden: bool) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let token = AccessToken::new(&self.key).join(room, identity).grant(|grant| grant.hidden = hidden);
        token.mint(&Secret::new(&self.secret), now.as_secs())
    }

    /// Where to knock with `request`.
    pub fn knock(&self, request: &proto::JoinRequest) -> String {
        let wrapped = proto::WrappedJoinRequest { compression: 0, join_request: request.encode_to_vec() };
        format!("{}/rtc/v1?join_request={}", self.base, URL_SAFE.encode(wrapped.encode_to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_of_servers_without_tls() {
        for (url, base) in [
            ("ws://127.0.0.1:7880", "ws://127.0.0.1:7880"),
            ("http://example.org/prefix/", "ws://example.org/prefix"),
            ("ws://[::1]:7880/", "ws://[::1]:7880"),
        ] {
            assert_eq!(Target::new(url, "k", "s").unwrap().url(), base);
        }
        for url in ["127.0.0.1:7880", "wss://example.org", "ftp://x", "ws://", "ws:///x", "ws://h/?a=b", "ws://a b"] {
            assert!(matches!(Target::new(url, "k", "s"), Err(LoadError::ConfigUrl { .. })), "{url}");
        }
        assert!(Target::new("ws://127.0.0.1:1", "k", "s").unwrap().is_loopback());
        assert!(!Target::new("ws://10.0.0.1:1", "k", "s").unwrap().is_loopback());
    }

    #[test]
    fn secrets_are_not_shown() {
        let target = Target::new("ws://127.0.0.1:1", "key", "hush").unwrap();
        assert!(!format!("{target:?}").contains("hush"));
        assert!(!target.knock(&proto::JoinRequest::default()).contains("hush"));
        assert_eq!(target.token("r", "i", false).split('.').count(), 3);
    }
}
