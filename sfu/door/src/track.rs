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
