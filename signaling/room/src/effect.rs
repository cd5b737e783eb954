//! What follows from a command, in the order in which it must be carried out.

use crate::{LeaveReason, Participant, ParticipantSid, Publication, TrackSid};

/// One consequence.
#[derive(Clone, Debug)]
pub enum Effect {
    /// What others see of a participant has changed; its version has risen.
    Changed(ParticipantSid),
    /// A participant is gone, and with it all it published and received: those effects came before.
    Left {
        /// As it was, in state [`crate::State::Disconnected`].
        participant: Box<Participant>,
        /// Why.
        reason: LeaveReason,
        /// A newer session of the same identity takes its place: others learn of that one only.
        replaced: bool,
    },
    /// Others see a track from here on.
    Published(TrackSid),
    /// A track is gone; nobody receives it any more.
    Unpublished(Box<Publication>),
    /// The right to publish a track was withdrawn; that the track is gone follows.
    Withdrawn {
        /// Whose right.
        publisher: ParticipantSid,
        /// Which track.
        track: TrackSid,
    },
    /// A participant is there, but others are to think that it has left.
    Vanished(ParticipantSid),
    /// The publisher silenced a track or gave it voice.
    Muted {
        /// Which track.
        track: TrackSid,
        /// Whether nothing is forwarded.
        muted: bool,
    },
    /// A participant is to receive a track.
    Subscribed {
        /// Who.
        subscriber: ParticipantSid,
        /// What.
        track: TrackSid,
    },
    /// A participant receives a track no longer.
    Unsubscribed {
        /// Who.
        subscriber: ParticipantSid,
        /// What.
        track: TrackSid,
    },
    /// How a participant wants to see a track that it receives has changed.
    Settled {
        /// Who.
        subscriber: ParticipantSid,
        /// What.
        track: TrackSid,
    },
    /// A track reached its first visible subscriber ever.
    FirstSubscribed(TrackSid),
    /// A publisher gave or took the right to receive a track.
    Allowed {
        /// Who may or may not.
        subscriber: ParticipantSid,
        /// What.
        track: TrackSid,
        /// Whether it may.
        allowed: bool,
    },
    /// A wished track did not appear in time.
    Missing {
        /// Who wished it.
        subscriber: ParticipantSid,
        /// What.
        track: TrackSid,
    },
    /// The room is over and takes nobody in.
    Finished,
}
