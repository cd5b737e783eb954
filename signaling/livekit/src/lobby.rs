//! Where joins and notices find their room: the shell around all rooms of the node.

mod admin;
mod agents;
mod birth;
mod connection;
mod forward;
mod notices;
mod pace;
mod steward;

pub use admin::ORDER_TIMEOUT;
pub(crate) use admin::OrderError;
pub(crate) use connection::{Alive, Connection};
pub use steward::{Gate, Knock, Observer, Opening};

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use door::Command;
use livekit_protocol as proto;
use rand::TryRngCore as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::agents::Agents;
use crate::config::Config;
use crate::error::JoinError;
use crate::ingress::Ingresses;
use crate::ledger::Ledger;
use crate::registry::{Registry, RoomHandle};
use crate::revocation::{REVOCATIONS_MAX, RevocationKeeper, Revocations};
use crate::room_task::RoomInput;
use crate::token::Keys;
use crate::validate::Ticket;
use crate::view::Traffic;
use crate::webhook::Webhooks;
use crate::world::{ConnectionId, Now};

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
    /// Joins and validations refused because their identity had too many.
    pub joins_throttled: u64,
    /// Requests of administrators refused because their key had too many.
    pub api_throttled: u64,
    /// Programs that wait for rooms to work in.
    pub agent_workers: usize,
    /// Jobs that they do.
    pub agent_jobs: usize,
    /// Identities whose older tokens are refused in a room.
    pub revocations: usize,
    /// Connections cut because their client did not keep up.
    pub clients_cut: u64,
    /// Media that was moved since the start.
    pub traffic: Traffic,
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
    pace: pace::Pace,
    ledger: Mutex<Ledger>,
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
            pace: pace::Pace::new(&config.limits),
            ledger: Mutex::default(),
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
            joins_throttled: self.0.pace.joins_refused(),
            api_throttled: self.0.pace.requests_refused(),
            agent_workers: self.0.agents.workers(),
            agent_jobs: self.0.agents.jobs(),
            revocations: self.0.revocations.read().unwrap_or_else(PoisonError::into_inner).len(),
            clients_cut: self.0.clients_cut.load(Ordering::Relaxed),
            traffic: self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner).sum(),
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
            let join = Box::new(ticket.join(connection.id()));
            let join = RoomInput::Join { join, outbox, verdict, trail: ticket.trail };
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

#[cfg(test)]
pub(crate) mod tests;
