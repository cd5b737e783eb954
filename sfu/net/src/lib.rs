//! Sockets and threads: runs one shard per thread and moves datagrams, commands and messages in batches.
//!
//! The only crate that may say `unsafe`, each time with its reason. Linux only. It knows neither what a datagram
//! means nor whom it belongs to: that is the [`Engine`]'s.

mod address;
mod bell;
mod counters;
mod engine;
mod guest;
mod inlet;
mod mailbox;
mod outlet;
mod pin;
mod runs;
mod signpost;
mod socket;
mod streams;
#[cfg(feature = "testing")]
pub mod testing;
mod worker;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use door::{Command, Notice, ShardId};
use thiserror::Error;

pub use counters::NetStats;
pub use engine::{Engine, Outbox};
pub use guest::{Arrival, GuestCounts, GuestSockets};
pub use mailbox::{COMMANDS_MAX, FEEDS_MAX, MESSAGES_MAX};
pub use signpost::{Mark, Signpost};

use bell::Bell;
use counters::Counters;
use mailbox::Mailbox;
use socket::Socket;
pub use streams::CONNECTIONS_MAX;
use streams::Streams;
use worker::{Neighbour, Worker};

/// Most addresses to bind: a shard polls one socket for each.
pub const BIND_ADDRESSES_MAX: usize = 16;

/// Which UDP ports the shards listen on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ports {
    /// All shards share one port (zero: the system chooses); the kernel spreads the peers over them.
    Shared(u16),
    /// Shard `n` has port `start + n` to itself (zero: the system chooses each), so that nothing arrives at the
    /// wrong one.
    PerShard {
        /// The first shard's port.
        start: u16,
    },
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Threads that move media, one shard each.
    pub shards: NonZeroU16,
    /// Local addresses, at most [`BIND_ADDRESSES_MAX`]. IPv6 sockets never take IPv4.
    pub bind: Vec<IpAddr>,
    /// The ports on each of them.
    pub ports: Ports,
    /// The TCP port on each of them (RFC 6544); zero lets the system choose, `None` is no TCP.
    pub tcp: Option<u16>,
    /// Keeps each thread on a core of its own, where there are enough.
    pub pin: bool,
    /// Lets the kernel split and join datagrams (`UDP_SEGMENT`, `UDP_GRO`) where it can.
    pub offload: bool,
}

/// Why the media plane does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetError {
    /// There must be 1..=[`BIND_ADDRESSES_MAX`] addresses to bind.
    #[error("{0} addresses to bind, must be 1 to {BIND_ADDRESSES_MAX}")]
    ConfigAddresses(usize),
    /// The last shard's port would be above 65535.
    #[error("no {shards} ports from {start} on")]
    ConfigPortRange {
        /// The first port.
        start: u16,
        /// How many are needed.
        shards: u16,
    },
    /// A socket cannot be had; a port may be in use.
    #[error("cannot listen on UDP {address}")]
    IoListen {
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// A TCP listener cannot be had; the port may be in use.
    #[error("cannot listen on TCP {address}")]
    IoListenTcp {
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// A thread or its doorbell cannot be had.
    #[error("cannot start a media thread")]
    IoThread(#[source] io::Error),
}

/// A command was not taken: [`COMMANDS_MAX`] of them wait already, so the shard is stuck or hopelessly behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the media thread's command queue is full")]
pub struct CommandsFull;

/// Opens the sockets, makes an engine for each shard and starts the threads. `notices` is called on the shards'
/// threads and must not block.
///
/// # Errors
/// When the configuration is impossible or the system refuses a socket or a thread; nothing runs then.
pub fn start<E: Engine>(
    config: &Config,
    mut engine: impl FnMut(ShardId, Instant) -> E,
    notices: impl Fn(Notice) + Clone + Send + 'static,
) -> Result<Running, NetError> {
    let sockets = listen(config, E::signpost())?;
    let mut listeners = listen_tcp(config)?;
    let mut running = Running::default();
    running.tcp = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let mut neighbours = Vec::new();
    for shard in &sockets {
        let bell = Arc::new(Bell::new().map_err(NetError::IoThread)?);
        neighbours.push(Neighbour { bell: bell.clone(), messages: Arc::default(), arrivals: Arc::default() });
        running.shards.push(Hand {
            bell,
            commands: Arc::default(),
            counters: Arc::default(),
            locals: shard.iter().map(Socket::local).collect(),
        });
    }
    let cores = if config.pin { pin::cores(sockets.len()) } else { Vec::new() };
    for ((id, sockets), hand) in (0..).map(ShardId).zip(sockets).zip(&running.shards) {
        let made = engine(id, Instant::now());
        let (neighbours, commands, counters) = (neighbours.clone(), hand.commands.clone(), hand.counters.clone());
        let notices = notices.clone();
        let core = cores.get(usize::from(id.0)).copied();
        // The first shard accepts for all.
        let streams = Streams::new(id, std::mem::take(&mut listeners)).map_err(NetError::IoThread)?;
        let life = move || {
            if let Some(core) = core {
                pin::to_core(core);
            }
            // Made here, since its buffers' pointers stay on one thread.
            Worker::new(id, made, (sockets, streams), neighbours, commands, counters, notices).run();
        };
        let thread = std::thread::Builder::new().name(format!("shard-{}", id.0)).spawn(life);
        running.threads.push(thread.map_err(NetError::IoThread)?);
    }
    Ok(running)
}

fn listen(config: &Config, signpost: Option<Signpost>) -> Result<Vec<Vec<Socket>>, NetError> {
    if config.bind.is_empty() || config.bind.len() > BIND_ADDRESSES_MAX {
        return Err(NetError::ConfigAddresses(config.bind.len()));
    }
    let shards = config.shards.get();
    let mut opened: Vec<Vec<Socket>> = (0..shards).map(|_| Vec::new()).collect();
    for ip in &config.bind {
        let mut shared = None;
        for (shard, sockets) in (0..shards).zip(&mut opened) {
            let port = match config.ports {
                Ports::Shared(port) => shared.unwrap_or(port),
                Ports::PerShard { start: 0 } => 0,
                Ports::PerShard { start } => {
                    start.checked_add(shard).ok_or(NetError::ConfigPortRange { start, shards })?
                }
            };
            let address = SocketAddr::new(*ip, port);
            let is_shared = matches!(config.ports, Ports::Shared(_)) && shards > 1;
            let refused = |source| NetError::IoListen { address, source };
            if is_shared && shared.is_none() {
                Socket::check_free(address).map_err(refused)?;
            }
            let socket = Socket::open(address, is_shared, config.offload).map_err(refused)?;
            shared = Some(socket.local().port());
            if is_shared
                && shard + 1 == shards
                && let Some(signpost) = signpost
            {
                // A comfort: without it, checks for another shard go there by mailbox.
                let _ = signpost.teach(socket.fd());
            }
            sockets.push(socket);
        }
    }
    Ok(opened)
}

fn listen_tcp(config: &Config) -> Result<Vec<TcpListener>, NetError> {
    let mut port = config.tcp;
    let mut listeners = Vec::new();
    for ip in &config.bind {
        let Some(wanted) = port else { break };
        let address = SocketAddr::new(*ip, wanted);
        let listener = socket::listen(address).map_err(|source| NetError::IoListenTcp { address, source })?;
        port = listener.local_addr().map(|address| address.port()).ok();
        listeners.push(listener);
    }
    Ok(listeners)
}

/// What the owner holds of one shard.
#[derive(Debug)]
struct Hand {
    bell: Arc<Bell>,
    commands: Arc<Mailbox<Command>>,
    counters: Arc<Counters>,
    locals: Vec<SocketAddr>,
}

/// The running threads. Dropping it ends and joins them.
#[derive(Debug, Default)]
#[must_use = "dropping it stops the media plane"]
pub struct Running {
    shards: Vec<Hand>,
    threads: Vec<JoinHandle<()>>,
    tcp: Vec<SocketAddr>,
}

/// Hands commands to the shards from anywhere; outlives [`Running`] harmlessly.
#[derive(Clone, Debug)]
pub struct Commands {
    shards: Vec<(Arc<Mailbox<Command>>, Arc<Bell>)>,
}

impl Commands {
    /// Puts a command into its shard's queue and wakes the shard. Never blocks. A command for a shard that does
    /// not exist is dropped.
    ///
    /// # Errors
    /// When the queue is full.
    pub fn send(&self, command: Command) -> Result<(), CommandsFull> {
        let Some((commands, bell)) = self.shards.get(usize::from(command.shard().0)) else { return Ok(()) };
        let limit = if command.is_droppable() { FEEDS_MAX } else { COMMANDS_MAX };
        commands.push(command, limit).map_err(|_| CommandsFull)?;
        bell.ring();
        Ok(())
    }
}

impl Running {
    /// A cheap handle that sends commands.
    pub fn commands(&self) -> Commands {
        Commands { shards: self.shards.iter().map(|hand| (hand.commands.clone(), hand.bell.clone())).collect() }
    }

    /// [`Commands::send`] without a handle.
    ///
    /// # Errors
    /// When the queue is full.
    pub fn send(&self, command: Command) -> Result<(), CommandsFull> {
        self.commands().send(command)
    }

    /// Where a shard listens, in the order of [`Config::bind`]; empty for a shard that does not exist.
    pub fn local_addrs(&self, shard: ShardId) -> &[SocketAddr] {
        self.shards.get(usize::from(shard.0)).map_or(&[], |hand| &hand.locals)
    }

    /// Where TCP is listened to; empty without TCP.
    pub fn tcp_addrs(&self) -> &[SocketAddr] {
        &self.tcp
    }

    /// Cumulative counters of each shard's sockets and queues, in the order of their ids.
    pub fn stats(&self) -> Vec<NetStats> {
        self.shards.iter().map(|hand| hand.counters.snapshot()).collect()
    }

    /// Whether all threads run; one that ended before [`Running::shutdown`] has panicked.
    pub fn is_alive(&self) -> bool {
        self.threads.iter().all(|thread| !thread.is_finished())
    }

    /// Lets every shard carry out what was sent to it and send what comes of it, then joins the threads.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for hand in &self.shards {
            hand.bell.stop();
        }
        for thread in self.threads.drain(..) {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                tracing::error!(thread = name, "a media thread panicked");
            }
        }
    }
}
