//! What control tells the media house of tracks and subscriptions.

use wire::{Mid, Rid, Ssrc};

use crate::{CodecParams, ExtensionMap, PayloadMap};

/// What a track carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Something heard.
    Audio,
    /// Something seen.
    Video,
}

/// A stream's source and that of its retransmissions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SsrcPair {
    /// The media itself.
    pub media: Ssrc,
    /// Its retransmissions, when announced.
    pub rtx: Option<Ssrc>,
}

/// A published track as its publisher's description has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpTrackParams {
    /// The media section that carries it.
    pub mid: Mid,
    /// Audio or video.
    pub kind: Kind,
    /// Payload types that the publisher may use, most preferred first.
    pub codecs: Vec<CodecParams>,
    /// Ids of the section's header extensions.
    pub extensions: ExtensionMap,
    /// Simulcast streams, lowest quality first; empty when there is a single encoding.
    pub rids: Vec<Rid>,
    /// Sources announced by `a=ssrc`, without simulcast by RID.
    pub ssrcs: Vec<SsrcPair>,
    /// The publisher wants transport-wide feedback (`transport-cc`).
    pub transport_feedback: bool,
    /// The payload is end-to-end encrypted: its descriptors must not be trusted.
    pub encrypted: bool,
}

/// A subscription as the subscriber's description has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DownTrackParams {
    /// The media section that carries it.
    pub mid: Mid,
    /// Audio or video.
    pub kind: Kind,
    /// Our source for the media.
    pub ssrc: Ssrc,
    /// Our source for retransmissions, when the subscriber takes them.
    pub rtx_ssrc: Option<Ssrc>,
    /// How each of the publisher's payload types is sent on; others are dropped.
    pub payloads: Vec<PayloadMap>,
    /// Ids of the section's header extensions at the subscriber.
    pub extensions: ExtensionMap,
    /// How long pictures are to be held, at least and at most, in milliseconds, in place of what the publisher says of it.
    pub playout_delay_ms: Option<(u32, u32)>,
}

/// How much a video matters to its viewer when not all can be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Weight {
    /// It shows a screen, which nobody can read when it is small: it comes first.
    pub screen: bool,
    /// What the viewer said: 1 is the most important, 0 is unsaid and comes last.
    pub priority: u8,
    /// Pixels on the viewer's screen; 0 when unknown.
    pub pixels: u32,
}

impl Weight {
    /// Lower comes first; those that differ little in size are equals.
    pub fn rank(&self) -> u32 {
        // 640x360 where nothing is known.
        let pixels = if self.pixels == 0 { 230_400 } else { self.pixels };
        let smallness = pixels.leading_zeros();
        u32::from(!self.screen) << 16 | u32::from(self.priority.wrapping_sub(1)) << 8 | smallness
    }
}

/// The best layer that a subscription should get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LayerTarget {
    /// Nothing is sent; the subscription stays.
    Off,
    /// At most this spatial layer (index into the track's encodings, lowest first) and temporal layer.
    UpTo {
        /// Index of the encoding or spatial layer.
        spatial: u8,
        /// Index of the temporal layer.
        temporal: u8,
    },
}

impl LayerTarget {
    /// No limit.
    pub const BEST: Self = Self::UpTo { spatial: u8::MAX, temporal: u8::MAX };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_screens_then_priorities_then_sizes() {
        let weight = |screen, priority, pixels| Weight { screen, priority, pixels }.rank();
        let order = [
            weight(true, 0, 100),
            weight(false, 1, 100),
            weight(false, 2, 2_000_000),
            weight(false, 0, 2_000_000),
            weight(false, 0, 0),
            weight(false, 0, 1000),
        ];
        assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
        assert_eq!(weight(false, 0, 230_400), weight(false, 0, 0));
    }
}
