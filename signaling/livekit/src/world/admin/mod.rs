//! What an administrator asks of a room: looks at it, changes it, and acts on the people in it.
//!
//! Who may ask is not decided here; the shell has checked it.

mod inspect;
mod message;
mod people;
mod permission;
pub(super) mod rpc;
mod settings;
mod transfer;

use livekit_protocol as proto;
use room::{ParticipantSid, ProfileError, RoomLimits, TrackSid};

pub(super) use rpc::Rpcs;
pub use settings::RoomChange;

use super::{Now, Output, World};
use crate::view::RoomView;

/// One request of an administrator; unique in its room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OrderId(pub u64);

/// What an administrator wants.
#[derive(Clone, PartialEq, Debug)]
pub enum Order {
    /// Other settings, if any; the room begins, also without participants. Answered with the room.
    Configure(RoomChange),
    /// How the room is. Answered with it.
    Describe,
    /// How everybody's media fares. Answered with a view.
    Inspect,
    /// Everybody goes and the room ends.
    Close,
    /// Everybody, hidden ones too.
    Participants,
    /// Somebody, by identity.
    Participant(String),
    /// The claims with which somebody came in, by identity.
    Claims(String),
    /// Somebody goes, by identity.
    Remove(String),
    /// Silences a track or gives it voice.
    Mute {
        /// Whose track, by identity.
        identity: String,
        /// Which track.
        track: TrackSid,
        /// Whether it is silent from here on.
        muted: bool,
    },
    /// Words and rights of somebody. Answered with the participant.
    Update(Box<proto::UpdateParticipantRequest>),
    /// What somebody receives.
    Subscribe(Box<proto::UpdateSubscriptionsRequest>),
    /// A data message of nobody in particular.
    Send(Box<proto::SendDataRequest>),
    /// The room's metadata, also empty. Answered with the room.
    SetMetadata(String),
    /// Calls a procedure of somebody's client; answered when that has answered.
    PerformRpc(Box<proto::PerformRpcRequest>),
    /// A follower outside of the room is to have somebody's portrait, by identity.
    Follow(crate::world::FollowerId, String),
    /// Somebody goes to another room.
    Move {
        /// Who.
        identity: String,
        /// Where to.
        destination: String,
    },
}

/// What an administrator is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    /// It is done.
    Done,
    /// The room.
    Room(Box<proto::Room>),
    /// The room as an operator looks at it.
    View(Box<RoomView>),
    /// Somebody.
    Participant(Box<proto::ParticipantInfo>),
    /// Everybody.
    Participants(Vec<proto::ParticipantInfo>),
    /// A track.
    Track(Box<proto::TrackInfo>),
    /// A token's claims as JSON.
    Claims(String),
    /// What a procedure answered.
    Payload(String),
}

/// Why an administrator's wish is not carried out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The room is over.
    #[error("requested room does not exist")]
    RoomOver,
    /// Nobody has this identity.
    #[error("participant does not exist")]
    ParticipantMissing,
    /// The participant publishes no such track.
    #[error("track is not found")]
    TrackMissing,
    /// The name is too long; the limit in bytes.
    #[error("name length exceeds limits {0}")]
    NameTooLong(usize),
    /// The metadata is too long; the limit in bytes.
    #[error("metadata size exceeds limits {0}")]
    MetadataTooLong(usize),
    /// The attributes are too long; the limit in bytes.
    #[error("attribute size exceeds limits {0}")]
    AttributesTooLong(usize),
    /// The data message is too long; the limit in bytes.
    #[error("data exceeds limits {0}")]
    DataTooLong(usize),
    /// The participant's client is between two signal connections.
    #[error("participant has no signal connection at present, try again")]
    SignalLost,
    /// Too many procedures are being called; the limit.
    #[error("too many calls are waiting for their answers: max {0}")]
    TooManyRpcs(usize),
    /// The participant is shown in too many rooms; the limit.
    #[error("participant is forwarded to too many rooms: max {0}")]
    TooManyForwards(usize),
    /// A procedure failed, as RPC has it.
    #[error("RpcError {code}: {message}{}{data}", if data.is_empty() { "" } else { ": " })]
    Rpc {
        /// 1400 to 1599 are RPC's own, others the application's.
        code: u32,
        /// What happened.
        message: String,
        /// More on it; may be empty.
        data: String,
    },
}

impl World {
    /// Carries out what an administrator wants, and answers.
    pub(super) fn order(&mut self, id: OrderId, order: Order, now: Now) {
        if self.room.is_finished() {
            return self.reply(id, Err(Fault::RoomOver));
        }
        let reply = match order {
            Order::Configure(change) => self.configure(change),
            Order::Describe => self.describe(),
            Order::Inspect => Ok(Reply::View(Box::new(self.view(now)))),
            Order::Close => self.close(),
            Order::Participants => self.everybody(),
            Order::Participant(identity) => self.somebody(&identity),
            Order::Claims(identity) => self.claims(&identity),
            Order::Remove(identity) => self.remove(&identity, now),
            Order::Mute { identity, track, muted } => self.mute_remotely(&identity, &track, muted),
            Order::Update(request) => self.update_participant(*request, now),
            Order::Subscribe(request) => self.subscribe_remotely(*request, now),
            Order::Send(request) => self.send_remotely(*request, now),
            Order::SetMetadata(metadata) => self.set_metadata(metadata),
            Order::PerformRpc(request) => return self.perform_rpc(id, *request, now),
            Order::Follow(follower, identity) => self.follow(follower, &identity),
            Order::Move { identity, destination } => self.transfer(&identity, &destination, now),
        };
        self.reply(id, reply);
    }

    fn reply(&mut self, id: OrderId, reply: Result<Reply, Fault>) {
        self.outputs.push_back(Output::Reply(id, Box::new(reply)));
    }

    /// The present session of an identity.
    pub(in crate::world) fn named(&self, identity: &str) -> Result<ParticipantSid, Fault> {
        self.room.by_identity(identity).map(|it| it.sid.clone()).ok_or(Fault::ParticipantMissing)
    }
}

fn profile_fault(error: ProfileError, limits: &RoomLimits) -> Fault {
    match error {
        // An administrator needs no right of the participant's.
        ProfileError::NotThere | ProfileError::NotAllowed => Fault::ParticipantMissing,
        ProfileError::NameTooLong => Fault::NameTooLong(limits.name_bytes_max),
        ProfileError::MetadataTooLong => Fault::MetadataTooLong(limits.metadata_bytes_max),
        ProfileError::AttributesTooLong => Fault::AttributesTooLong(limits.attributes_bytes_max),
    }
}
