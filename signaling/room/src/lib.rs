//! Rooms: who is in them, what they publish, what they receive and what they may do.
//!
//! Knows no dialect, no SDP, no clock and no runtime. Every call on [`Room`] is a command; what has to be
//! done about it is queued as [`Effect`] values.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test starts its own clock"))]

pub mod effect;
pub mod grants;
pub mod ids;
pub mod limits;
pub mod participant;
pub mod publication;
pub mod room;
pub mod subscription;

pub use effect::Effect;
pub use grants::{Grants, Source};
pub use ids::{ParticipantSid, RoomSid, TrackSid};
pub use limits::RoomLimits;
pub use participant::{LeaveReason, Newcomer, Participant, ParticipantKind, State};
pub use publication::{Allowed, Audience, Kind, Layer, Publication, TrackRequest};
pub use room::{JoinError, ProfileError, PublishError, Room, RoomSettings};
pub use subscription::{Quality, Settings};
