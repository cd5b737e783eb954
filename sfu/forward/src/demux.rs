//! Which track and encoding a publisher's packet belongs to.

use door::{TrackKey, UpTrackParams};
use wire::Ssrc;
use wire::rtp::Packet;

/// What an SSRC carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// The media itself.
    Media,
    /// Its retransmissions (RFC 4588).
    Rtx,
}

/// Where a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// The track.
    pub track: TrackKey,
    /// Index of the encoding in the track, lowest quality first.
    pub encoding: u8,
    /// Media or retransmissions.
    pub stream: Stream,
}

/// Tells the streams of one publishing peer apart.
#[derive(Debug, Default)]
pub struct Demux {}

impl Demux {
    /// Knows no track.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a track, or takes its new parameters and forgets its sources.
    pub fn set_track(&mut self, _track: TrackKey, _params: &UpTrackParams) {}

    /// Forgets a track and its sources.
    pub fn remove_track(&mut self, _track: TrackKey) {}

    /// Finds where a packet goes, and learns its source.
    pub fn route(&mut self, _packet: &Packet<'_>) -> Option<Route> {
        None
    }

    /// Where a source known already goes, as for its RTCP.
    pub fn route_ssrc(&self, _ssrc: Ssrc) -> Option<Route> {
        None
    }
}
