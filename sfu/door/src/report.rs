//! What operators are told of a peer and its tracks: sums since they began, and how the last seconds were.

use std::net::SocketAddr;

use crate::{DownKey, Flow, Kind, LayerTarget, PeerKey, Protocol, TrackKey};

/// By which way a peer's media travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Leg {
    /// UDP between the peer and us.
    Udp,
    /// TCP between the peer and us.
    Tcp,
    /// Through our TURN server.
    Turn,
}

impl From<Protocol> for Leg {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Udp => Self::Udp,
            Protocol::Tcp => Self::Tcp,
        }
    }
}

/// Bytes of media, payloads alone, since the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bytes {
    /// From the peer.
    pub up: u64,
    /// To the peer, without repetitions.
    pub down: u64,
}

/// One peer.
#[derive(Clone, PartialEq, Debug)]
pub struct PeerReport {
    /// Whose.
    pub peer: PeerKey,
    /// Its way, while there is one.
    pub leg: Option<Leg>,
    /// The far end of it.
    pub remote: Option<SocketAddr>,
    /// Round trip in milliseconds, when one was measured.
    pub rtt_ms: Option<u16>,
    /// What it publishes, as we received it; none when nothing came.
    pub up: Option<Flow>,
    /// What it was sent, as it reported; none when it reported nothing.
    pub down: Option<Flow>,
    /// What its link is thought to carry, in bits per second; none while it tells nothing.
    pub estimate_bps: Option<u64>,
    /// With all its tracks, also those that have ended.
    pub bytes: Bytes,
    /// What it publishes.
    pub ups: Vec<UpReport>,
    /// What it is sent.
    pub downs: Vec<DownReport>,
    /// The peer ends; no report follows.
    pub is_last: bool,
}

/// A published track.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpReport {
    /// Which.
    pub track: TrackKey,
    /// Sound or picture.
    pub kind: Kind,
    /// Payload bytes since it began.
    pub bytes: u64,
    /// Its encodings that are sent at present.
    pub encodings: Vec<EncodingReport>,
}

/// One encoding of a published track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EncodingReport {
    /// Its place among the track's encodings, the smallest first.
    pub index: u8,
    /// Bits per second.
    pub bps: u64,
    /// Pictures in the last second; 0 for sound.
    pub fps: u16,
}

/// A subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DownReport {
    /// Which.
    pub down: DownKey,
    /// Of what.
    pub track: TrackKey,
    /// Payload bytes since it began, without repetitions.
    pub bytes: u64,
    /// The spatial and temporal layer that is sent; none while nothing is.
    pub layer: Option<(u8, u8)>,
    /// The best that the subscriber wishes and may have.
    pub wish: LayerTarget,
    /// The best that its link allows.
    pub limit: LayerTarget,
}
