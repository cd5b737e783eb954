//! What a room's world is told while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use livekit_protocol as proto;

/// The clocks at the moment of a call.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For durations.
    pub monotonic: Instant,
    /// Milliseconds since the Unix epoch, for what clients see.
    pub unix_ms: u64,
}

/// One websocket; unique in the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// How many peer connections the client keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// `/rtc/v1`: one, and only the client offers.
    Single,
    /// `/rtc`: a publisher and a subscriber.
    Dual,
    /// WHIP and WHEP: one, and the client offers once. Tracks come and go on the sections that it offered.
    Once,
}

/// Somebody with a valid token asks to come in, or to come back.
#[derive(Clone, Debug)]
pub struct Join {
    /// The websocket that waits for the answer.
    pub connection: ConnectionId,
    /// The token's `sub`.
    pub identity: String,
    /// The token's name.
    pub name: String,
    /// The token's metadata.
    pub metadata: String,
    /// The token's attributes.
    pub attributes: BTreeMap<String, String>,
    /// The token's kind.
    pub kind: room::ParticipantKind,
    /// The token's kind details, as the protocol's numbers.
    pub kind_details: Vec<i32>,
    /// The token's grants, defaults filled in.
    pub grants: room::Grants,
    /// The token's claims as JSON, handed back in [`super::Refresh`].
    pub claims_json: String,
    /// Which route was asked.
    pub mode: Mode,
    /// The request, normalised from the query or from `join_request`. `metadata` and
    /// `participant_attributes` are judged here.
    pub request: proto::JoinRequest,
    /// The client, with address and browser filled in.
    pub client_info: proto::ClientInfo,
    /// It wants to resume its session.
    pub reconnect: bool,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody knocks. Answered in the same call by `Accepted` or `Refused`.
    Join(Box<Join>),
    /// A message from a client.
    Signal(ConnectionId, Box<proto::SignalRequest>),
    /// The websocket is gone.
    ConnectionClosed(ConnectionId),
    /// News from the media house. What names an unknown key is ignored.
    Media(door::Notice),
    /// An administrator's request; answered by `Output::Reply`, not always in the same call.
    Order(super::OrderId, Box<super::Order>),
    /// A guest begins a track; answered by `Output::Fed`.
    Feed(ConnectionId, Box<super::FedTrack>),
    /// A guest ends one of its tracks.
    Unfeed(ConnectionId, door::TrackKey),
    /// What transcoding a guest's media has cost since it was told last.
    Coded(ConnectionId, crate::view::Coded),
    /// A guest is shown here as another room has it; told again with every change.
    Mirror(ConnectionId, Arc<super::Portrait>),
    /// A follower outside of the room wants no more portraits.
    Unfollow(super::FollowerId),
    /// What of a followed participant's picture is wanted where its portrait hangs.
    WantedOutside(super::FollowerId, Box<proto::SubscribedQualityUpdate>),
    /// The deadline has come.
    Tick,
    /// The server stops: everybody is asked to reconnect elsewhere.
    Shutdown,
}
