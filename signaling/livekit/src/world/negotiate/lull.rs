//! Video waits for a native client that is about to offer a camera.
//!
//! The native SDKs write a start bitrate into all video codecs of such an offer. On one connection these are the codecs
//! that the client receives with, too, and libwebrtc makes its receiving streams anew when the offer becomes its local
//! description. A packet that comes meanwhile is taken for one of an unknown source: libwebrtc tries to make a stream for
//! it, fails since there is one, and takes the picture's sink from that one all the same
//! (`WebRtcVideoReceiveChannel::ReCreateDefaultReceiveStream`). All that comes is decoded from then on, and never shown.
//!
//! The offer follows when the client learns its track's id, so video waits from there until the offer is here. Sound is
//! not concerned.

use std::time::Duration;

use door::{Command, Kind};
use room::ParticipantSid;

use crate::world::subscription::Place;
use crate::world::{Mode, World};

/// Longest time that video waits: a far client's round trip, and what a slow one takes for its offer.
const LULL_MAX: Duration = Duration::from_millis(500);

impl World {
    /// The client was told the id of a video that it is about to offer.
    pub(in crate::world) fn lull(&mut self, sid: &ParticipantSid) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        let watches =
            session.downs.values().any(|it| it.kind == Kind::Video && matches!(it.place, Place::Attached(..)));
        if session.mode != Mode::Single || !session.is_native() || !watches {
            return;
        }
        let Some(peer) = session.publisher.link.as_ref().map(|it| it.key) else { return };
        session.publisher.lulled = true;
        self.command(Command::HoldVideo { peer, at_most: LULL_MAX });
    }

    /// The client has offered.
    pub(super) fn end_lull(&mut self, sid: &ParticipantSid) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        let was_lulled = std::mem::take(&mut session.publisher.lulled);
        if let Some(peer) = session.publisher.link.as_ref().map(|it| it.key).filter(|_| was_lulled) {
            self.command(Command::HoldVideo { peer, at_most: Duration::ZERO });
        }
    }
}
