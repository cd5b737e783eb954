//! Newtypes for the numbers and short names that identify streams on the wire.

use std::fmt;

/// Longest MID or RID this server accepts, in bytes (RFC 8843 and RFC 8851 leave it open; the
/// one-byte header extension form carries at most 16).
pub const TOKEN_BYTES_MAX: usize = 16;

/// Synchronisation source of an RTP stream (RFC 3550 section 3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Ssrc(pub u32);

/// RTP payload type, 0..=127 (RFC 3550 section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Pt(pub u8);

/// A short ASCII token kept inline, at most [`TOKEN_BYTES_MAX`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Token {
    len: u8,
    bytes: [u8; TOKEN_BYTES_MAX],
}

/// Identifies a media section (RFC 8843).
pub type Mid = Token;
/// Identifies an encoding of a simulcast track (RFC 8851).
pub type Rid = Token;

impl Token {
    /// Takes `text`, or `None` when it is empty, too long or not printable ASCII.
    pub fn new(text: &[u8]) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= TOKEN_BYTES_MAX;
        if !fits || !text.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut bytes = [0; TOKEN_BYTES_MAX];
        bytes[..text.len()].copy_from_slice(text);
        Some(Self { len: text.len() as u8, bytes })
    }

    /// The token's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The token as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_a_token() {
        assert!(Token::new(b"").is_none());
        assert!(Token::new(b"seventeen-letters").is_none());
        assert!(Token::new(b"a b").is_none());
        assert_eq!(Token::new(b"q").unwrap().as_str(), "q");
    }
}
