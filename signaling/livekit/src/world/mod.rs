//! One room's whole world in LiveKit's dialect, pure and deterministic: the room, a session for each of its
//! participants, the wire's words in and out.
//!
//! Knows no socket, no runtime and no clock of its own. An input is carried out at once; what the room decides is
//! carried out effect by effect; then, in this order, clients learn of changed participants and of changed media.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use door::{PeerKey, TrackKey};
use livekit_protocol as proto;
use proto::signal_response::Message;
use rand::SeedableRng;
use rand::rngs::StdRng;
use room::{ParticipantSid, Room, RoomSettings, TrackSid};

mod admin;
mod alarm;
mod backup;
mod bandwidth;
mod config;
mod data;
mod data_track;
mod departure;
mod dynacast;
mod effects;
mod events;
mod facts;
mod fed;
mod input;
mod join;
mod keys;
mod link;
mod media;
mod mirror;
mod missed;
mod negotiate;
mod observed;
mod output;
mod pace;
mod participant;
mod portrait;
pub(crate) mod publication;
mod quality;
mod replay;
mod resume;
mod session;
mod signal;
mod speakers;
mod subscription;
#[cfg(test)]
mod tests;
mod updates;

pub use admin::{Fault, Order, OrderId, Reply, RoomChange};
pub(crate) use facts::server_info;
pub(crate) use participant::permission;

pub use config::{IceServers, MediaFacts, RelayCredentials, ServerFacts, WorldConfig};
pub use data_track::FrameHead;
pub use fed::{FedError, FedNews, FedTrack};
pub use input::{ConnectionId, Input, Join, Mode, Now};
pub use output::{Counts, JoinRefusal, Output, Refresh, RoomEvent};
pub use portrait::{FOLLOWERS_MAX, FollowerId, Portrait, PortraitTrack};

use alarm::Alarms;
use data_track::DataTracks;
use keys::KeyMint;
use missed::Departures;
use portrait::Followers;
use publication::Published;
use replay::Replay;
use session::Session;
use speakers::Speakers;

/// A room and everybody in it. Single owner; call [`World::handle`], then drain [`World::poll`].
#[derive(Debug)]
pub struct World {
    config: WorldConfig,
    room: Room,
    rng: StdRng,
    mint: KeyMint,
    created_unix_ms: u64,
    started: bool,
    /// Boxed, since a map of few keeps room for eleven.
    sessions: BTreeMap<ParticipantSid, Box<Session>>,
    connections: BTreeMap<ConnectionId, ParticipantSid>,
    peers: BTreeMap<PeerKey, ParticipantSid>,
    tracks: BTreeMap<TrackSid, Published>,
    ups: BTreeMap<TrackKey, TrackSid>,
    /// Tracks of other rooms that are shown here.
    lent: BTreeMap<TrackKey, TrackSid>,
    followers: Followers,
    speakers: Speakers,
    data_tracks: DataTracks,
    /// Reliable messages of the last seconds.
    replay: Replay,
    departures: Departures,
    /// Protocols that clients asked to be held to, by identity.
    preferences: BTreeMap<String, door::Protocol>,
    rpcs: admin::Rpcs,
    alarms: Alarms,
    live: events::Live,
    /// What its media moved.
    ledger: crate::ledger::Ledger,
    /// What transcoding for the room cost.
    coded: crate::view::Coded,
    /// Participants of whom others must be told at the end of this input.
    changed: BTreeSet<ParticipantSid>,
    /// Sessions whose media must be negotiated at the end of this input.
    dirty: BTreeSet<ParticipantSid>,
    /// Who must be told its handles of data tracks at the end of this input.
    handles_due: BTreeSet<ParticipantSid>,
    /// Who must be told at the end of this input that it may receive a track, or may not.
    permissions_due: Vec<(ParticipantSid, TrackSid, bool)>,
    /// Tracks of which somebody else or another size is watched since this input.
    viewers_changed: BTreeSet<TrackSid>,
    outputs: VecDeque<Output>,
}

impl World {
    /// Begins a room.
    pub fn new(config: WorldConfig, now: Now) -> Self {
        let mut rng = StdRng::from_seed(config.seed);
        let limits = room::RoomLimits { participants_max: config.max_participants, ..config.limits };
        let (empty_timeout, departure_timeout) = (config.empty_timeout, config.departure_timeout);
        let room = Room::new(RoomSettings { limits, empty_timeout, departure_timeout }, now.monotonic, &mut rng);
        Self {
            mint: KeyMint::new(config.room_serial, config.shards, config.spread_after),
            config,
            room,
            rng,
            created_unix_ms: now.unix_ms,
            started: false,
            sessions: BTreeMap::new(),
            connections: BTreeMap::new(),
            peers: BTreeMap::new(),
            tracks: BTreeMap::new(),
            ups: BTreeMap::new(),
            lent: BTreeMap::new(),
            followers: Followers::default(),
            speakers: Speakers::default(),
            data_tracks: DataTracks::new(),
            replay: Replay::default(),
            departures: Departures::default(),
            preferences: BTreeMap::new(),
            rpcs: admin::Rpcs::default(),
            alarms: Alarms::default(),
            live: events::Live::default(),
            ledger: crate::ledger::Ledger::default(),
            coded: crate::view::Coded::default(),
            changed: BTreeSet::new(),
            dirty: BTreeSet::new(),
            handles_due: BTreeSet::new(),
            permissions_due: Vec::new(),
            viewers_changed: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input; what comes of it waits in [`World::poll`].
    pub fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::Join(join) => self.join(*join, now),
            Input::Signal(connection, request) => self.signal(connection, *request, now),
            Input::ConnectionClosed(connection) => self.connection_closed(connection, now),
            Input::Media(notice) => self.media(notice, now),
            Input::Order(id, order) => self.order(id, *order, now),
            Input::Feed(connection, track) => self.feed(connection, *track),
            Input::Unfeed(connection, key) => self.unfeed(connection, key),
            Input::Coded(connection, more) => self.coded(connection, more),
            Input::Mirror(connection, portrait) => self.mirror(connection, &portrait, now),
            Input::Unfollow(follower) => self.unfollow(follower),
            Input::WantedOutside(follower, update) => self.wanted_outside(follower, &update),
            Input::Tick => self.tick(now),
            Input::Shutdown => self.room.close(room::LeaveReason::ServerShutdown),
        }
        self.settle(now);
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        self.room.deadline().into_iter().chain(self.alarms.deadline()).chain(self.rpcs.deadline()).min()
    }

    /// Whether the room has ended and nothing will come any more.
    pub fn is_over(&self) -> bool {
        self.room.is_finished()
    }

    /// Present sizes.
    pub fn counts(&self) -> Counts {
        let announced = self.room.publications().filter(|it| it.announced).count();
        let downs = || self.sessions.values().flat_map(|it| it.downs.values());
        Counts {
            participants: self.room.len(),
            publications: announced,
            publications_pending: self.room.publications().count() - announced,
            subscriptions: downs().count(),
            subscriptions_pending: downs().filter(|it| it.place.key().is_none()).count(),
            peers: self.peers.len(),
            up_tracks: self.ups.len(),
            down_tracks: downs().filter(|it| it.place.key().is_some()).count(),
            connections: self.connections.len(),
        }
    }

    /// How many participants the room has; unlike [`World::counts`] of a fixed cost, fit for every turn.
    pub fn participants(&self) -> usize {
        self.room.len()
    }

    /// Carries out what the room decided, then tells clients.
    fn settle(&mut self, now: Now) {
        self.drain(now);
        self.flush_portraits();
        self.flush_updates();
        self.flush_permissions();
        self.flush_handles();
        self.flush_wanted(now);
        self.flush_live(now);
        for sid in std::mem::take(&mut self.dirty) {
            self.negotiate(&sid, now);
        }
    }

    /// A message to a participant's client, if it has a connection.
    fn tell(&mut self, sid: &ParticipantSid, message: Message) {
        if let Some(connection) = self.sessions.get(sid).and_then(|it| it.connection) {
            self.say(connection, message);
        }
    }

    fn say(&mut self, connection: ConnectionId, message: Message) {
        let response = proto::SignalResponse { message: Some(message) };
        self.outputs.push_back(Output::Signal(connection, Box::new(response)));
    }

    fn command(&mut self, command: door::Command) {
        self.outputs.push_back(Output::Media(command));
    }
}
