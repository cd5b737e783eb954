//! The server's answer to a client's offer.

use crate::candidate::Local;
use crate::description::Description;
use crate::receive::Receive;
use crate::send::Send;

/// What the server does with one section of an offer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SectionUse {
    /// Take a track from the client.
    Receive(Receive),
    /// Send a track to the client.
    Send(Send),
    /// Keep an audio or video section alive without a track.
    Inactive,
    /// Take part in the data channels.
    Data,
    /// Refuse the section for good.
    Reject,
}

/// Writes the answer to `offer`. `uses` go with the offer's sections by position.
///
/// What the offer does not allow gives way: a section that is dead in the offer or shares no transport with the first
/// is rejected, one without a use or with a use that its kind, direction or codecs forbid is inactive.
pub fn answer(local: &Local, offer: &Description, uses: &[SectionUse]) -> String {
    let _ = (local, offer, uses);
    String::new()
}
