//! What an operator decides about the Calls API; plain checked values.

use std::fmt;

/// An API secret. It shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret as the operator wrote it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// Everything the API must know before the first request.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The WebSocket URL of the media server that clients are told; empty makes it of the request's host.
    pub url: String,
    /// Anybody may become a guest, with the role `viewer`.
    pub guests: bool,
    /// Requests without a token are those of an anonymous viewer.
    pub anonymous: bool,
    /// Web origins that may ask; empty is all of them.
    pub origins: Vec<String>,
    /// Seconds after which a token counts as expired, whatever its own end: revocations are remembered no longer; 0 is none.
    pub token_life_s: u64,
    /// How much is too much.
    pub rates: Rates,
}

/// Requests in a second; twice as many may come at once, and 0 is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rates {
    /// Of one user, or of one address that has no token.
    pub user: u32,
    /// With one API key, of its users and back ends together.
    pub key: u32,
}

impl Default for Rates {
    /// A user's client with a dozen open lists, and a back end that makes a thousand calls in a second.
    fn default() -> Self {
        Self { user: 30, key: 2_000 }
    }
}
