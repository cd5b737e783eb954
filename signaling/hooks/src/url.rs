//! The URL of a receiver.

use std::fmt::{self, Write as _};

use aws_lc_rs::digest;

use crate::{HttpUrl, UrlError};

/// Bytes of the hash by which a URL is known in the store.
const KEY_BYTES: usize = 16;

/// A receiver's URL. Its path and query may hold a secret and are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl {
    pub(crate) url: HttpUrl,
    key: String,
}

impl HookUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        Ok(Self { url: HttpUrl::parse(text)?, key: key(text) })
    }

    /// Name or address, without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.url.host
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
        self.url.fmt(f)
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
    fn a_secret_in_a_url_is_not_shown() {
        let url = HookUrl::parse("https://app.example.com:8443/hook/geheim?token=geheim").unwrap();
        let shown = format!("{url} {url:?} {}", url.key());
        assert!(!shown.contains("geheim") && shown.contains("https://app.example.com:8443"), "{shown}");
        assert_ne!(url.key(), HookUrl::parse("https://app.example.com:8443/hook").unwrap().key());
    }
}
