//! A track that a participant offers.

use std::collections::{BTreeMap, BTreeSet};

use crate::{ParticipantSid, Source, TrackSid};

pub use door::Kind;

/// One picture size of a video track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Layer {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// A track as its publisher asks for it.
#[derive(Clone, Debug)]
pub struct TrackRequest {
    /// Audio or video.
    pub kind: Kind,
    /// Where it comes from.
    pub source: Source,
    /// Name to show.
    pub name: String,
    /// It begins silent.
    pub muted: bool,
    /// Original pixels; 0 for audio.
    pub width: u32,
    /// Original pixels; 0 for audio.
    pub height: u32,
    /// Sizes, lowest first; may be empty.
    pub layers: Vec<Layer>,
}

/// One publication. Changed only through [`crate::Room`].
#[derive(Clone, Debug)]
pub struct Publication {
    /// Unique id.
    pub sid: TrackSid,
    /// Who publishes it.
    pub publisher: ParticipantSid,
    /// Audio or video.
    pub kind: Kind,
    /// Where it comes from.
    pub source: Source,
    /// Name to show.
    pub name: String,
    /// Nothing is forwarded.
    pub muted: bool,
    /// Original pixels; 0 for audio.
    pub width: u32,
    /// Original pixels; 0 for audio.
    pub height: u32,
    /// Sizes, lowest first; may be empty.
    pub layers: Vec<Layer>,
    /// Others see it: its media is described.
    pub announced: bool,
    /// Somebody visible has subscribed at least once.
    pub was_subscribed: bool,
    /// Who receives it.
    pub subscribers: BTreeSet<ParticipantSid>,
}

/// Who may receive a participant's tracks. Until the participant says so, everybody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audience {
    /// Everybody may have everything.
    pub everyone: bool,
    /// Otherwise what each identity may have.
    pub by_identity: BTreeMap<String, Allowed>,
}

/// What one subscriber may have of a publisher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Allowed {
    /// Every track.
    All,
    /// These tracks.
    Tracks(BTreeSet<TrackSid>),
}

impl Default for Audience {
    fn default() -> Self {
        Self { everyone: true, by_identity: BTreeMap::new() }
    }
}

impl Audience {
    /// Whether `identity` may have `track`.
    pub fn allows(&self, identity: &str, track: &TrackSid) -> bool {
        self.everyone
            || match self.by_identity.get(identity) {
                Some(Allowed::All) => true,
                Some(Allowed::Tracks(tracks)) => tracks.contains(track),
                None => false,
            }
    }
}
