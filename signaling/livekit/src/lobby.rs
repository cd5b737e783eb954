//! Where joins and notices find their room: the shell around all rooms of the node.

mod admin;
mod agents;
mod forward;
mod steward;

pub use admin::ORDER_TIMEOUT;
pub(crate) use admin::OrderError;
pub use steward::{Gate, Knock, Observer, Opening};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use door::{ChannelLabel, Command, Notice};
use livekit_protocol as proto;
use rand::TryRngCore as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::agents::Agents;
use crate::config::{Config, RoomSettings, RoomWish};
use crate::error::JoinError;
use crate::ingress::Ingresses;
use crate::mailbox::{Inbox, Scissors, mailbox};
use crate::registry::{Registry, RoomHandle};
use crate::revocation::{REVOCATIONS_MAX, RevocationKeeper, Revocations};
use crate::room_task::{RoomInput, RoomTask, Tenancy};
use crate::token::Keys;
use crate::validate::Ticket;
use crate::webhook::Webhooks;
use crate::world::{ConnectionId, Join, Now, WorldConfig};

/// Messages of clients that wait for one room; then clients wait too.
pub const ROOM_INPUTS_MAX: usize = 256;
/// Notices of the media house that wait for one room; then they are dropped and counted.
pub const ROOM_NOTICES_MAX: usize = 16_384;
/// Places in that queue that data leaves to news of peers and tracks, which must not be lost.
pub const ROOM_NOTICES_RESERVED: usize = 2_048;
/// How long a room may take to answer a join.
pub const JOIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a draining node looks whether anybody is left.
const DRAIN_LOOK: Duration = Duration::from_millis(50);
/// How often a join is tried again because its room ended just then.
const JOIN_TRIES: usize = 3;

/// Takes a command to the media house. Must not block.
pub type MediaSender = Arc<dyn Fn(Command) + Send + Sync>;

/// All rooms of the node; clones are handles to the same.
#[derive(Clone)]
pub struct Lobby(Arc<Inner>);

/// Present sizes and counters since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LobbyCounts {
    /// Rooms at present.
    pub rooms: usize,
    /// Participants at present, as of each room's last turn.
    pub participants: usize,
    /// Signal connections at present, those that are being upgraded included.
    pub connections: usize,
    /// Tasks of rooms and connections at present; all gone after [`Lobby::shutdown`].
    pub tasks: usize,
    /// Joins and validations refused.
    pub joins_refused: u64,
    /// Requests of administrators.
    pub api_requests: u64,
    /// Requests of administrators that were answered with an error.
    pub api_refused: u64,
    /// Programs that wait for rooms to work in.
    pub agent_workers: usize,
    /// Jobs that they do.
    pub agent_jobs: usize,
    /// Identities whose older tokens are refused in a room.
    pub revocations: usize,
    /// Connections cut because their client did not keep up.
    pub clients_cut: u64,
    /// Notices dropped because a room's queue was full.
    pub notices_dropped: u64,
    /// Notices of rooms that have ended.
    pub notices_stale: u64,
}

/// How far the node's end has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Stage {
    /// Rooms come and go.
    Open,
    /// Rooms say goodbye.
    Closing,
    /// Time is up.
    Stopped,
}

/// What the lobby, its rooms and connections share.
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) media: MediaSender,
    pub(crate) clients_cut: AtomicU64,
    pub(crate) webhooks: OnceLock<Webhooks>,
    pub(crate) observer: OnceLock<Observer>,
    gate: OnceLock<Gate>,
    registry: RwLock<Registry>,
    revocations: RwLock<Revocations>,
    ingresses: Ingresses,
    agents: Agents,
    revocation_keeper: OnceLock<RevocationKeeper>,
    stage: watch::Sender<Stage>,
    tasks: watch::Sender<usize>,
    connections: AtomicUsize,
    connection_next: AtomicU64,
    joins_refused: AtomicU64,
    api_requests: AtomicU64,
    api_refused: AtomicU64,
    notices_dropped: AtomicU64,
    notices_stale: AtomicU64,
}

impl Lobby {
    /// An empty lobby. Its rooms' tasks run on the runtime that serves the [`Lobby::router`].
    pub fn new(config: Config, media: MediaSender) -> Self {
        Self(Arc::new(Inner {
            config,
            media,
            clients_cut: AtomicU64::new(0),
            webhooks: OnceLock::new(),
            observer: OnceLock::new(),
            gate: OnceLock::new(),
            registry: RwLock::new(Registry::new()),
            ingresses: Ingresses::default(),
            agents: Agents::default(),
            revocations: RwLock::new(Revocations::new(REVOCATIONS_MAX)),
            revocation_keeper: OnceLock::new(),
            stage: watch::Sender::new(Stage::Open),
            tasks: watch::Sender::new(0),
            connections: AtomicUsize::new(0),
            connection_next: AtomicU64::new(1),
            joins_refused: AtomicU64::new(0),
            api_requests: AtomicU64::new(0),
            api_refused: AtomicU64::new(0),
            notices_dropped: AtomicU64::new(0),
            notices_stale: AtomicU64::new(0),
        }))
    }

    /// Tells rooms' events from now on; the first call counts.
    pub fn tell(&self, webhooks: Webhooks) {
        self.0.ingresses.tell(webhooks.clone());
        // A second teller would double every event.
        let _ = self.0.webhooks.set(webhooks);
    }

    /// The HTTP routes. Serve with `into_make_service_with_connect_info::<SocketAddr>()`, so that
    /// clients' addresses are known.
    pub fn router(&self) -> axum::Router {
        crate::http::router(self.clone())
    }

    /// Passes on what the media house tells; from any thread. Waits for nothing but the short lock of
    /// the room registry. What finds its room's queue full is dropped and counted.
    pub fn notice(&self, notice: Notice) {
        match notice {
            Notice::Stats(_) => {}
            Notice::Levels(levels) => {
                for (serial, levels) in by_room(levels, |level| level.track.serial) {
                    self.0.pass_on(serial, Notice::Levels(levels));
                }
            }
            Notice::Health(health) => {
                for (serial, health) in by_room(health, |health| health.peer.serial) {
                    self.0.pass_on(serial, Notice::Health(health));
                }
            }
            other => self.0.pass_on(room_of(&other), other),
        }
    }

    /// Lets nobody in from here on but those who come back to their sessions, and waits until nobody is there or `patience`
    /// is over. Whether all have gone.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.0.write().close();
        let emptied = async {
            while self.counts().participants > 0 {
                tokio::time::sleep(DRAIN_LOOK).await;
            }
        };
        timeout(patience, emptied).await.is_ok()
    }

    /// Lets nobody in, asks every room to say goodbye, and returns when all tasks have ended or `grace`
    /// is over; what is left then is stopped hard.
    pub async fn shutdown(&self, grace: Duration) {
        self.0.write().close();
        self.0.stage.send_replace(Stage::Closing);
        let mut tasks = self.0.tasks.subscribe();
        if timeout(grace, tasks.wait_for(|&tasks| tasks == 0)).await.is_err() {
            tracing::warn!(tasks = *self.0.tasks.borrow(), "rooms or connections did not end in time");
        }
        self.0.stage.send_replace(Stage::Stopped);
    }

    /// The API keys, by the handle that all share: replacing them there replaces them here.
    pub fn keys(&self) -> Keys {
        self.config().keys.clone()
    }

    /// Present sizes and counters.
    pub fn counts(&self) -> LobbyCounts {
        let registry = self.0.read();
        LobbyCounts {
            rooms: registry.len(),
            participants: registry.iter().map(|room| room.participants.load(Ordering::Relaxed)).sum(),
            connections: self.0.connections.load(Ordering::Relaxed),
            tasks: *self.0.tasks.borrow(),
            joins_refused: self.0.joins_refused.load(Ordering::Relaxed),
            api_requests: self.0.api_requests.load(Ordering::Relaxed),
            api_refused: self.0.api_refused.load(Ordering::Relaxed),
            agent_workers: self.0.agents.workers(),
            agent_jobs: self.0.agents.jobs(),
            revocations: self.0.revocations.read().unwrap_or_else(PoisonError::into_inner).len(),
            clients_cut: self.0.clients_cut.load(Ordering::Relaxed),
            notices_dropped: self.0.notices_dropped.load(Ordering::Relaxed),
            notices_stale: self.0.notices_stale.load(Ordering::Relaxed),
        }
    }

    /// Who may push media into which room.
    pub fn ingresses(&self) -> &Ingresses {
        &self.0.ingresses
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn count_refused(&self) {
        self.0.joins_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the room of this ticket exists or may be made, and the ticket is not revoked there.
    pub(crate) fn check_room(&self, ticket: &Ticket) -> Result<(), JoinError> {
        self.check_revoked(ticket)?;
        let registry = self.0.read();
        if !registry.is_open() {
            let drains = *self.0.stage.borrow() == Stage::Open;
            let returns = drains && ticket.request.reconnect && registry.by_name(&ticket.room).is_some();
            return if returns { Ok(()) } else { Err(JoinError::NodeClosing) };
        }
        let may = self.0.config.room.auto_create || ticket.may_create_room;
        if may || registry.by_name(&ticket.room).is_some() { Ok(()) } else { Err(JoinError::PeerRoomMissing) }
    }

    /// Brings a ticket to its room and waits for the room's answer.
    pub(crate) async fn join(&self, mut ticket: Ticket) -> Result<Connection, JoinError> {
        self.check_revoked(&ticket)?;
        self.pass_gate(&mut ticket, false).await?;
        self.check_room(&ticket)?;
        for _ in 0..JOIN_TRIES {
            let wish = || {
                self.0.agents.expect(&ticket.room, ticket.room_agents());
                ticket.room_wish(&self.0.config.room)
            };
            let room = self.0.room(&ticket.room, wish)?;
            let (connection, outbox) = Connection::new(&self.0, &room, &ticket)?;
            let (verdict, answer) = oneshot::channel();
            let join = RoomInput::Join { join: Box::new(ticket.join(connection.id)), outbox, verdict };
            let asked = async {
                room.inputs.send(join).await.map_err(|_| Verdict::RoomEnded)?;
                answer.await.unwrap_or(Err(Verdict::RoomEnded))
            };
            match timeout(JOIN_TIMEOUT, asked).await {
                // Revoked meanwhile: the connection's drop ends what has begun.
                Ok(Ok(())) => return self.check_revoked(&ticket).map(|()| connection),
                Ok(Err(Verdict::Refused(refusal))) => return Err(JoinError::Room(refusal)),
                Ok(Err(Verdict::RoomEnded)) => {}
                Err(_) => break,
            }
        }
        Err(JoinError::RoomSilent)
    }
}

impl fmt::Debug for Lobby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lobby").field(&self.counts()).finish()
    }
}

/// Why a room did not take a join.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It said no.
    Refused(crate::world::JoinRefusal),
    /// It ended before it saw the join; another may be made.
    RoomEnded,
}

impl Inner {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The room of this name, made as it is wished if need be.
    fn room(self: &Arc<Self>, name: &str, wish: impl FnOnce() -> RoomWish) -> Result<RoomHandle, JoinError> {
        if let Some(room) = self.read().by_name(name) {
            return Ok(room.clone());
        }
        let seed = seed()?;
        let mut registry = self.write();
        if let Some(room) = registry.by_name(name) {
            return Ok(room.clone());
        }
        let serial = registry.allot(self.config.limits.rooms_max)?;
        let (inputs, inputs_receiver) = mpsc::channel(ROOM_INPUTS_MAX);
        let (notices, notices_receiver) = mpsc::channel(ROOM_NOTICES_MAX);
        let room = RoomHandle { serial, inputs, notices, participants: Arc::default() };
        registry.insert(name.to_owned(), room.clone());
        let world = self.world_config(name, wish(), serial, seed);
        let tenancy = Tenancy::new(Arc::clone(self), name.to_owned(), serial);
        let participants = Arc::clone(&room.participants);
        // The stage is subscribed to under the lock, so that a shutdown cannot pass the new room by.
        let task =
            RoomTask::new(world, tenancy, inputs_receiver, notices_receiver, self.stage.subscribe(), participants);
        tokio::spawn(task.run());
        Ok(room)
    }

    fn world_config(&self, name: &str, wish: RoomWish, serial: u32, seed: [u8; 32]) -> WorldConfig {
        let config = &self.config;
        let or = |wished: u32, default: u32| if wished == 0 { default } else { wished };
        let max_participants = or(wish.max_participants, config.room.max_participants);
        WorldConfig {
            room_name: name.to_owned(),
            room_serial: serial,
            room_metadata: wish.metadata,
            sync_streams: wish.sync_streams || config.room.sync_streams,
            shards: config.shards.max(1),
            spread_after: config.spread_after,
            media: config.media.clone(),
            limits: room::RoomLimits { participants_max: max_participants, ..config.room.limits },
            codecs: config.room.codecs.clone(),
            empty_timeout: Duration::from_secs(or(wish.empty_timeout_s, config.room.empty_timeout_s).into()),
            departure_timeout: Duration::from_secs(
                or(wish.departure_timeout_s, config.room.departure_timeout_s).into(),
            ),
            max_participants,
            ping_interval_s: whole_seconds(config.signal.ping_interval),
            ping_timeout_s: whole_seconds(config.signal.ping_timeout),
            server: config.server.clone(),
            ice_servers: config.ice_servers.clone(),
            seed,
        }
    }

    fn pass_on(&self, serial: u32, notice: Notice) {
        let registry = self.read();
        let Some(room) = registry.by_serial(serial) else {
            self.notices_stale.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let refused = if room.notices.capacity() <= reserved(&notice) {
            Some(notice)
        } else {
            room.notices.try_send(notice).err().map(mpsc::error::TrySendError::into_inner)
        };
        let Some(refused) = refused else { return };
        self.notices_dropped.fetch_add(1, Ordering::Relaxed);
        // Its sender would wait for ever for the credit of a message that nobody deals with.
        if let Notice::Data { peer, channel, payload } = refused {
            let (reliable, cost) = (channel == ChannelLabel::Reliable, door::data::cost(payload.len()));
            (self.media)(Command::DataTaken { peer, reliable, cost });
        }
    }
}

/// Counts one task while it lives.
pub(crate) struct Alive(Arc<Inner>);

impl Alive {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        inner.tasks.send_modify(|tasks| *tasks += 1);
        Self(inner)
    }

    pub(crate) fn lobby(&self) -> &Arc<Inner> {
        &self.0
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.tasks.send_modify(|tasks| *tasks = tasks.saturating_sub(1));
    }
}

/// One signal connection's tie to its room. Dropping it tells the room, whether the upgrade came about or not.
pub(crate) struct Connection {
    id: ConnectionId,
    room: String,
    identity: String,
    inputs: mpsc::Sender<RoomInput>,
    inbox: Option<(Inbox, Scissors)>,
    stage: watch::Receiver<Stage>,
    lobby: Arc<Inner>,
}

impl Connection {
    fn new(
        lobby: &Arc<Inner>,
        room: &RoomHandle,
        ticket: &Ticket,
    ) -> Result<(Self, crate::mailbox::Outbox), JoinError> {
        let before = lobby.connections.fetch_add(1, Ordering::Relaxed);
        let (outbox, inbox, scissors) = mailbox();
        // Made before the check, because its drop takes the count back.
        let connection = Self {
            id: ConnectionId(lobby.connection_next.fetch_add(1, Ordering::Relaxed)),
            room: ticket.room.clone(),
            identity: ticket.identity.clone(),
            inputs: room.inputs.clone(),
            inbox: Some((inbox, scissors)),
            stage: lobby.stage.subscribe(),
            lobby: Arc::clone(lobby),
        };
        if before >= lobby.config.limits.connections_max { Err(JoinError::NodeFull) } else { Ok((connection, outbox)) }
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) fn room(&self) -> &str {
        &self.room
    }

    pub(crate) fn identity(&self) -> &str {
        &self.identity
    }

    /// The queue of outgoing messages, once, and a count of the task that serves it.
    pub(crate) fn open(&mut self) -> Option<(Inbox, Scissors, Alive)> {
        let (inbox, scissors) = self.inbox.take()?;
        Some((inbox, scissors, Alive::new(Arc::clone(&self.lobby))))
    }

    /// Hands a request to the room and waits for a place in its queue; `false` when the room has ended.
    pub(crate) async fn send(&self, request: proto::SignalRequest) -> bool {
        self.inputs.send(RoomInput::Signal(self.id, Box::new(request))).await.is_ok()
    }

    /// Hands something to the room and waits for a place in its queue; `false` when the room has ended.
    pub(crate) async fn put(&self, input: RoomInput) -> bool {
        self.inputs.send(input).await.is_ok()
    }

    /// Returns when the node stops hard.
    pub(crate) async fn stopped(&self) {
        let mut stage = self.stage.clone();
        // The sender lives in `lobby`, so this does not fail.
        let _ = stage.wait_for(|&stage| stage == Stage::Stopped).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.lobby.connections.fetch_sub(1, Ordering::Relaxed);
        let Err(mpsc::error::TrySendError::Full(closed)) = self.inputs.try_send(RoomInput::Closed(self.id)) else {
            return;
        };
        // The queue is full of what came before; the news must queue behind it. One such task for each
        // connection at most.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let inputs = self.inputs.clone();
            runtime.spawn(async move {
                // An ended room needs no news.
                let _ = inputs.send(closed).await;
            });
        }
    }
}

impl Ticket {
    fn join(&self, connection: ConnectionId) -> Join {
        Join {
            connection,
            identity: self.identity.clone(),
            name: self.claims.name.clone(),
            metadata: self.claims.metadata.clone(),
            attributes: self.claims.attributes.clone(),
            kind: self.claims.participant_kind(),
            kind_details: self.claims.kind_detail_numbers(),
            grants: self.grants.clone(),
            // Claims were read from JSON and go back into it.
            claims_json: serde_json::to_string(&self.claims).unwrap_or_default(),
            mode: self.mode,
            request: self.request.clone(),
            client_info: self.request.client_info.clone().unwrap_or_default(),
            reconnect: self.request.reconnect,
        }
    }

    /// What the token wants of a room that it creates; nothing if it says nothing readable.
    fn room_wish(&self, settings: &RoomSettings) -> RoomWish {
        let told = self.claims.room_config.clone();
        let told: proto::RoomConfiguration = told.and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default();
        let told = RoomWish {
            empty_timeout_s: told.empty_timeout,
            departure_timeout_s: told.departure_timeout,
            max_participants: told.max_participants,
            metadata: told.metadata,
            sync_streams: told.sync_streams,
        };
        match settings.presets.get(&self.claims.room_preset) {
            Some(preset) => told.over(preset),
            None => told,
        }
    }
}

/// Chance from the operating system.
pub(crate) fn seed() -> Result<[u8; 32], JoinError> {
    let mut seed = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut seed).map_err(|_| JoinError::NodeChanceless)?;
    Ok(seed)
}

/// The clocks of this machine.
pub(crate) fn now() -> Now {
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Now { monotonic: tokio::time::Instant::now().into_std(), unix_ms: u64::try_from(unix_ms).unwrap_or(u64::MAX) }
}

/// Seconds since 1970.
pub(crate) fn unix_s() -> u64 {
    now().unix_ms / 1000
}

fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX).max(1)
}

/// Places in a room's queue that a notice must leave to more important ones. Reliable messages are bounded by their
/// senders' credit; so many that they do not fit come only from some two hundred senders at full speed at once.
fn reserved(notice: &Notice) -> usize {
    match notice {
        Notice::Data { channel: ChannelLabel::Reliable, .. } => ROOM_NOTICES_RESERVED,
        Notice::Data { .. } | Notice::Levels(_) | Notice::Health(_) => ROOM_NOTICES_MAX / 2,
        _ => 0,
    }
}

fn serial_of_room(key_serial: u64) -> u32 {
    // A shift by 32 leaves 32 bits.
    u32::try_from(key_serial >> 32).unwrap_or_default()
}

/// The room whose keys a notice carries; 0, which is no room's, for those of all rooms.
fn room_of(notice: &Notice) -> u32 {
    match notice {
        Notice::PeerConnected(peer) | Notice::PeerSilent(peer) | Notice::PeerHeard(peer) => serial_of_room(peer.serial),
        Notice::PeerEnded(peer, _) | Notice::ChannelOpen(peer, _) | Notice::DataBacklog(peer, _) => {
            serial_of_room(peer.serial)
        }
        Notice::Data { peer, .. } | Notice::Paused { peer, .. } => serial_of_room(peer.serial),
        Notice::TrackStarted(track) | Notice::KeyframeWanted { track, .. } => serial_of_room(track.serial),
        Notice::Levels(_) | Notice::Health(_) | Notice::Stats(_) => 0,
    }
}

/// One shard's findings, by the room that each belongs to.
fn by_room<T>(findings: Vec<T>, serial: impl Fn(&T) -> u64) -> BTreeMap<u32, Vec<T>> {
    let mut rooms: BTreeMap<u32, Vec<T>> = BTreeMap::new();
    for finding in findings {
        rooms.entry(serial_of_room(serial(&finding))).or_default().push(finding);
    }
    rooms
}

#[cfg(test)]
pub(crate) mod tests;
