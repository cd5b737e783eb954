//! Someone in a room.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::publication::Audience;
use crate::subscription::{Settings, Wish};
use crate::{Grants, ParticipantSid, TrackSid};

/// What sort of participant it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum ParticipantKind {
    /// A person with a client.
    #[default]
    Standard,
    /// Only brings media in.
    Ingress,
    /// Only takes media out.
    Egress,
    /// A telephone call.
    Sip,
    /// A program.
    Agent,
    /// A link to another messenger.
    Connector,
    /// A link to another media system.
    Bridge,
}

impl ParticipantKind {
    pub(crate) fn is_dependent(self, grants: &Grants) -> bool {
        matches!(self, Self::Agent | Self::Egress) || grants.agent || grants.recorder
    }
}

/// How far a participant has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum State {
    /// Admitted, not yet answered.
    #[default]
    Joining,
    /// Answered; media is not up.
    Joined,
    /// Media is up.
    Active,
    /// Gone.
    Disconnected,
}

/// Why a participant left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LeaveReason {
    /// It said so.
    ClientInitiated,
    /// The called person was not there.
    UserUnavailable,
    /// The called person declined.
    UserRejected,
    /// The agent failed.
    AgentError,
    /// A newer session has the same identity.
    DuplicateIdentity,
    /// The server stops.
    ServerShutdown,
    /// An administrator removed it.
    Removed,
    /// An administrator moved it to another room.
    Moved,
    /// The room was deleted.
    RoomDeleted,
    /// The room ended.
    RoomClosed,
    /// Client and server disagree on what is there.
    StateMismatch,
    /// It never got media up.
    JoinFailure,
    /// Signal closed before media was up.
    SignalClosed,
    /// Media was lost and did not come back.
    ConnectionTimeout,
    /// Media failed for good.
    MediaFailure,
}

/// One participant. Changed only through [`crate::Room`].
#[derive(Clone, Debug)]
pub struct Participant {
    /// Unique id of this session.
    pub sid: ParticipantSid,
    /// Unique name in the room.
    pub identity: String,
    /// Name to show.
    pub name: String,
    /// Free text.
    pub metadata: String,
    /// Free keys and values.
    pub attributes: BTreeMap<String, String>,
    /// What sort it is.
    pub kind: ParticipantKind,
    /// What it may do.
    pub grants: Grants,
    /// How far it has come.
    pub state: State,
    /// Rises with every change that others see; begins at 1.
    pub version: u32,
    /// When it joined.
    pub joined: Instant,
    /// When it joined, in milliseconds since the Unix epoch.
    pub joined_unix_ms: u64,
    /// It has a connection on which it may publish.
    pub is_publisher: bool,
    /// Its publications in the order they were asked for.
    pub publications: Vec<TrackSid>,
    /// The tracks it receives.
    pub subscriptions: BTreeSet<TrackSid>,
    pub(crate) auto_subscribe: bool,
    pub(crate) wishes: BTreeMap<TrackSid, Wish>,
    pub(crate) settings: BTreeMap<TrackSid, Settings>,
    pub(crate) audience: Audience,
}

impl Participant {
    /// Whether it counts for the room's limit and keeps the room alive: programs do not.
    pub fn is_dependent(&self) -> bool {
        self.kind.is_dependent(&self.grants)
    }

    /// The settings it last sent for a track, whether or not it receives it.
    pub fn settings(&self, track: &TrackSid) -> Settings {
        self.settings.get(track).copied().unwrap_or_default()
    }
}

/// Who asks to join.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// Unique name in the room.
    pub identity: String,
    /// Name to show.
    pub name: String,
    /// Free text.
    pub metadata: String,
    /// Free keys and values.
    pub attributes: BTreeMap<String, String>,
    /// What sort it is.
    pub kind: ParticipantKind,
    /// What it may do.
    pub grants: Grants,
    /// It wants every track without asking.
    pub auto_subscribe: bool,
}
