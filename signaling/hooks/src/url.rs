//! The URL of a receiver, checked.

use std::fmt::{self, Write as _};

use aws_lc_rs::digest;
use hyper::Uri;
use rustls::pki_types::ServerName;

/// Longest URL, in bytes.
const URL_BYTES_MAX: usize = 2048;
/// Bytes of the hash by which a URL is known in the store.
const KEY_BYTES: usize = 16;

/// An `http` or `https` URL. Its path and query may hold a secret and are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl {
    /// Whether TLS is spoken.
    pub(crate) tls: bool,
    /// Name or address, without brackets.
    pub(crate) host: String,
    /// 80 or 443 unless given.
    pub(crate) port: u16,
    /// As it stands in the `Host` header.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) target: String,
    key: String,
}

/// Why a text is no URL for a webhook.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UrlError {
    /// It is no URL, or too long.
    #[error("expected a URL such as https://app.example.com/webhook")]
    Malformed,
    /// Another scheme.
    #[error("a webhook's URL begins with http:// or https://")]
    Scheme,
    /// It names a user.
    #[error("user and password in a URL are not sent: the signature in the Authorization header proves who sends")]
    Userinfo,
}

impl HookUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        if text.len() > URL_BYTES_MAX {
            return Err(UrlError::Malformed);
        }
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(UrlError::Scheme),
            None => return Err(UrlError::Malformed),
        };
        let authority = uri.authority().ok_or(UrlError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::Userinfo);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        // The port's text is looked at by itself: the library takes `:` and `:99999` for no port.
        let rest = authority.as_str().rsplit_once(']').map_or(authority.as_str(), |(_, rest)| rest);
        let port = match rest.rsplit_once(':') {
            Some((_, port)) => port.parse().ok().filter(|port| *port > 0).ok_or(UrlError::Malformed)?,
            None if tls => 443,
            None => 80,
        };
        if host.is_empty() || ServerName::try_from(host.as_str()).is_err() {
            return Err(UrlError::Malformed);
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { tls, host, port, authority: authority.to_string(), target, key: key(text) })
    }

    /// Name or address, without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Under what name its events are spooled: a hash, so that the store holds no secret of a URL.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

fn key(text: &str) -> String {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let mut key = String::new();
    for byte in hash.as_ref().iter().take(KEY_BYTES) {
        // Writing to a String does not fail.
        let _ = write!(key, "{byte:02x}");
    }
    key
}

impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority)
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (text, host, port, target) in [
            ("https://app.example.com/hook?k=1", "app.example.com", 443, "/hook?k=1"),
            ("http://app.example.com", "app.example.com", 80, "/"),
            ("http://app.example.com?k=1", "app.example.com", 80, "/?k=1"),
            ("http://127.0.0.1:3000/hook", "127.0.0.1", 3000, "/hook"),
            ("http://[::1]:3000/hook", "::1", 3000, "/hook"),
            ("https://[2001:db8::7]/", "2001:db8::7", 443, "/"),
        ] {
            let url = HookUrl::parse(text).unwrap();
            assert_eq!((url.host.as_str(), url.port, url.target.as_str()), (host, port, target), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_webhook() {
        for (text, error) in [
            ("", UrlError::Malformed),
            ("app.example.com/hook", UrlError::Malformed),
            ("/hook", UrlError::Malformed),
            ("file:///etc/passwd", UrlError::Malformed),
            ("gopher://app.example.com/", UrlError::Scheme),
            ("http://", UrlError::Malformed),
            ("http://:80/", UrlError::Malformed),
            ("http://h:/", UrlError::Malformed),
            ("http://h:0/", UrlError::Malformed),
            ("http://h:65536/", UrlError::Malformed),
            ("http://ann:secret@h/", UrlError::Userinfo),
            ("http://h\r\nX: y/", UrlError::Malformed),
            ("http://h/a b", UrlError::Malformed),
        ] {
            assert_eq!(HookUrl::parse(text), Err(error), "{text}");
        }
        assert_eq!(HookUrl::parse(&format!("http://h/{}", "a".repeat(3000))), Err(UrlError::Malformed));
    }

    #[test]
    fn a_secret_in_a_url_is_not_shown() {
        let url = HookUrl::parse("https://app.example.com:8443/hook/geheim?token=geheim").unwrap();
        let shown = format!("{url} {url:?} {}", url.key());
        assert!(!shown.contains("geheim") && shown.contains("https://app.example.com:8443"), "{shown}");
        assert_ne!(url.key(), HookUrl::parse("https://app.example.com:8443/hook").unwrap().key());
    }
}
