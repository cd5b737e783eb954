//! Why a description was refused.

use wire::Mid;

use crate::limits::QUOTE_CHARS_MAX;

/// A peer's description cannot be used: where and why.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct SdpError {
    /// Number of the line at fault, counted from 1; for something missing, the line where its section begins.
    pub line: u32,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a line. Quoted text is the peer's, shortened and escaped.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The text exceeds [`crate::limits::TEXT_BYTES_MAX`].
    #[error("description of {0} bytes is too long")]
    TextTooLong(usize),
    /// The line exceeds [`crate::limits::LINE_BYTES_MAX`].
    #[error("line of {0} bytes is too long")]
    LineTooLong(usize),
    /// Not of the form `x=value`.
    #[error("not an SDP line: '{0}'")]
    NotALine(String),
    /// The first line is not `v=0`.
    #[error("does not begin with v=0")]
    Version,
    /// More of something than its limit.
    #[error("more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are read.
        max: usize,
    },
    /// A line that must be understood is not of its form.
    #[error("malformed {what}: '{text}'")]
    Malformed {
        /// The line's type or attribute name.
        what: &'static str,
        /// Its value.
        text: String,
    },
    /// Media other than audio, video and application.
    #[error("media '{0}' is not served")]
    MediaKind(String),
    /// A transport other than DTLS-SRTP or SCTP over DTLS.
    #[error("transport '{0}' is not served")]
    Protocol(String),
    /// Two sections have one MID.
    #[error("mid '{0}' is used twice")]
    DuplicateMid(Mid),
    /// There is a fingerprint, but none that is SHA-256.
    #[error("fingerprint hash '{0}' is not served, only sha-256")]
    FingerprintHash(String),
    /// Something necessary is absent.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl Fault {
    /// Tells that `text`, the value of `what`, is malformed.
    pub(crate) fn malformed(what: &'static str, text: &str) -> Self {
        Self::Malformed { what, text: quote(text) }
    }
}

/// A peer's text made fit for a log line: short and printable.
pub(crate) fn quote(text: &str) -> String {
    text.chars().take(QUOTE_CHARS_MAX).flat_map(char::escape_debug).collect()
}
