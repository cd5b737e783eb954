//! What a participant wants of a track: whether it receives it, and in what quality.

use std::time::Instant;

/// An explicit wish about a track, kept also while the track is not there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// Receive it or not; it overrides the automatic subscription.
    pub(crate) subscribe: bool,
    /// Since when it is wished.
    pub(crate) since: Instant,
    /// The subscriber was told that there is no such track.
    pub(crate) reported: bool,
}

/// Named steps of quality.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Quality {
    /// The lowest encoding.
    Low,
    /// The middle.
    Medium,
    /// The best.
    High,
    /// Nothing.
    Off,
}

/// How a subscriber wants to see a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// Nothing is sent; the subscription stays.
    pub disabled: bool,
    /// The step wanted, when no size is given. Absent until the subscriber has said something.
    pub quality: Option<Quality>,
    /// Pixels wanted; 0 when unset.
    pub width: u32,
    /// Pixels wanted; 0 when unset.
    pub height: u32,
    /// Frames per second wanted; 0 when unset.
    pub fps: u32,
    /// 1 is the most important; 0 when unset.
    pub priority: u32,
}
