//! What a room's world wants done.

use std::collections::BTreeMap;

use livekit_protocol as proto;

use super::ConnectionId;
use crate::view::Usage;

/// Why nobody was let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JoinRefusal {
    /// The room is full.
    #[error("room has exceeded its max participants")]
    RoomFull,
    /// The join request sets metadata or attributes and the token does not allow it.
    #[error("permissions denied")]
    MetadataNotAllowed,
    /// Name, metadata or attributes are too long.
    #[error("participant metadata, attributes or name length exceeds limits")]
    TooLarge,
    /// No identity.
    #[error("identity cannot be empty")]
    IdentityEmpty,
    /// The server stops or the room has just ended.
    #[error("room is closing, try again")]
    Closing,
}

impl JoinRefusal {
    /// The HTTP status with which the websocket is refused; the body is the `Display` text.
    pub fn status(self) -> u16 {
        match self {
            Self::MetadataNotAllowed => 401,
            Self::TooLarge | Self::IdentityEmpty => 400,
            Self::RoomFull | Self::Closing => 503,
        }
    }
}

/// A token that the shell must sign and send to the client as `refresh_token`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refresh {
    /// The claims of the token with which the client joined, as JSON.
    pub claims_json: String,
    /// The identity, which never changes.
    pub identity: String,
    /// The present name.
    pub name: String,
    /// The present metadata.
    pub metadata: String,
    /// The present attributes.
    pub attributes: BTreeMap<String, String>,
    /// The present grants.
    pub grants: room::Grants,
}

/// Something worth a log line and, most of them, a webhook.
#[derive(Clone, PartialEq, Debug)]
pub enum RoomEvent {
    /// The room begins.
    RoomStarted(Box<proto::Room>),
    /// The room is over; the world can be dropped. What it used.
    RoomFinished(Box<proto::Room>, Usage),
    /// A participant's media is up.
    ParticipantJoined(Box<proto::Room>, Box<proto::ParticipantInfo>),
    /// A participant that had joined is gone; its info tells why. What it used.
    ParticipantLeft(Box<proto::Room>, Box<proto::ParticipantInfo>, Usage),
    /// A participant went before its media was up.
    ParticipantConnectionAborted(Box<proto::Room>, Box<proto::ParticipantInfo>),
    /// A track is there for others.
    TrackPublished(Box<proto::Room>, Box<proto::ParticipantInfo>, Box<proto::TrackInfo>),
    /// A track is gone.
    TrackUnpublished(Box<proto::Room>, Box<proto::ParticipantInfo>, Box<proto::TrackInfo>),
    /// The first track is there: from now on there is something to see or hear.
    LiveStarted(Box<proto::Room>, Box<proto::ParticipantInfo>),
    /// No track has been there for a while, or the room ends.
    LiveEnded(Box<proto::Room>),
    /// A client sent something that cannot be followed.
    ClientFault {
        /// Whose client.
        identity: String,
        /// What was wrong.
        what: String,
    },
}

impl RoomEvent {
    /// Its name among LiveKit's webhooks.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RoomStarted(_) => "room_started",
            Self::RoomFinished(..) => "room_finished",
            Self::ParticipantJoined(..) => "participant_joined",
            Self::ParticipantLeft(..) => "participant_left",
            Self::ParticipantConnectionAborted(..) => "participant_connection_aborted",
            Self::TrackPublished(..) => "track_published",
            Self::TrackUnpublished(..) => "track_unpublished",
            Self::LiveStarted(..) => "live_started",
            Self::LiveEnded(_) => "live_ended",
            Self::ClientFault { .. } => "client_fault",
        }
    }
}

/// One thing to do, in order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Finish the websocket upgrade; the first message follows.
    Accepted(ConnectionId),
    /// Answer the upgrade with an HTTP error.
    Refused(ConnectionId, JoinRefusal),
    /// Send a message.
    Signal(ConnectionId, Box<proto::SignalResponse>),
    /// Close the websocket after what is queued. No `ConnectionClosed` need follow.
    Close(ConnectionId),
    /// Carry to the media house.
    Media(door::Command),
    /// Sign a token and send it.
    RefreshToken(ConnectionId, Box<Refresh>),
    /// Answer an administrator's request.
    Reply(super::OrderId, Box<Result<super::Reply, super::Fault>>),
    /// Tell a guest of its tracks.
    Fed(ConnectionId, super::FedNews),
    /// Show a follower how its participant is; nothing when it has left, after which no more follows.
    Portrait(super::FollowerId, Option<Box<super::Portrait>>),
    /// Note it.
    Event(RoomEvent),
}

/// Present sizes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Participants in the room.
    pub participants: usize,
    /// Publications that others see.
    pub publications: usize,
    /// Publications that are asked for and not yet described.
    pub publications_pending: usize,
    /// Subscriptions, attached or waiting for a media section.
    pub subscriptions: usize,
    /// Subscriptions that wait for a media section.
    pub subscriptions_pending: usize,
    /// Peers in the media house.
    pub peers: usize,
    /// Up tracks in the media house.
    pub up_tracks: usize,
    /// Down tracks in the media house.
    pub down_tracks: usize,
    /// Websockets.
    pub connections: usize,
}
