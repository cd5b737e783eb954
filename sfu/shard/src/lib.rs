//! One core's world: peers, routes, tracks and timers. `handle(input, now) -> outbox`.
//!
//! Owns everything it touches; knows no socket, no thread, no clock of its own and no room.

pub mod message;
pub mod outbox;

use std::time::Instant;

use door::{Command, Path, ShardId};

pub use message::ShardMessage;
pub use outbox::Outbox;

/// How a shard is set up.
#[derive(Clone)]
pub struct ShardConfig {
    /// Which shard this is.
    pub id: ShardId,
    /// How many shards there are.
    pub shards: u16,
    /// The DTLS certificate that all peers are shown.
    pub identity: peer::Identity,
    /// Seed of all randomness; `None` takes it from the operating system.
    pub seed: Option<u64>,
}

/// See the crate's description.
pub struct Shard {
    config: ShardConfig,
    outbox: Outbox,
}

impl Shard {
    /// An empty world.
    pub fn new(config: ShardConfig, _now: Instant) -> Self {
        Self { config, outbox: Outbox::default() }
    }

    /// One datagram as it came from a socket. It is decrypted in place.
    pub fn receive(&mut self, _now: Instant, _path: Path, _datagram: &mut [u8]) {}

    /// One request of control.
    pub fn command(&mut self, _now: Instant, _command: Command) {}

    /// One message of another shard.
    pub fn message(&mut self, _now: Instant, _from: ShardId, _message: ShardMessage) {}

    /// Runs what is due.
    pub fn advance(&mut self, _now: Instant) {}

    /// When [`Shard::advance`] must run next.
    pub fn deadline(&self) -> Option<Instant> {
        let _ = self.config.shards;
        None
    }

    /// What the turn produced; the caller empties it.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}
