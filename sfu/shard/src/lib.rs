//! One core's world: peers, routes, tracks and timers. `handle(input, now) -> outbox`.
//!
//! Owns everything it touches; knows no socket, no thread, no clock of its own and no room.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test starts its own clock"))]

mod allocate;
mod calm;
mod control;
mod estimate;
mod fed;
mod feedback;
mod guard;
mod health;
mod levels;
pub mod loudest;
mod media;
pub mod message;
pub mod outbox;
mod peers;
mod receive;
mod replays;
mod report;
mod reports;
mod routes;
mod sending;
mod timers;
mod tracks;

use std::time::{Duration, Instant};

use door::{Datagrams, DownKey, ShardId, TrackKey};
use rand::SeedableRng;
use rand::rngs::StdRng;

pub use guard::SourceLimits;
pub use loudest::SoundLimits;
pub use message::ShardMessage;
pub use outbox::Outbox;

use loudest::Loudest;
use outbox::PORTION_BYTES;
use peers::Peers;
use routes::{PeerSlot, Routes};
use timers::Timers;
use tracks::Tracks;

/// How often [`door::Notice::Stats`] is told.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

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
    /// What stamps count from.
    epoch: Instant,
    rng: StdRng,
    peers: Peers,
    tracks: Tracks,
    routes: Routes,
    timers: Timers<Task>,
    stats: door::ShardStats,
    watch: health::Watch,
    calm: calm::Calm,
    /// How often a source may fail.
    guard: guard::Guard,
    /// Which sounds of large rooms are sent on.
    loudest: Loudest,
    /// Peers that connected and whose subscriptions are still to begin.
    connected: Vec<PeerSlot>,
    /// Tracks with packets that arrived in this turn and are still to be sent to subscribers.
    touched: Vec<TrackKey>,
    /// The time of the turn.
    touched_at: Instant,
    /// No video is paused for want of bandwidth.
    keeps_lowest: bool,
    outbox: Outbox,
}

/// What can be due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Task {
    /// ICE, DTLS and SCTP timers of a peer.
    Peer(PeerSlot),
    /// Transport-wide feedback to a publisher.
    TransportFeedback(PeerSlot),
    /// What a peer may be sent: probes, and what waits.
    Rate(PeerSlot),
    /// Sender and receiver reports to a peer.
    Reports(PeerSlot),
    /// Requests for lost packets and keyframes of a track.
    Track(TrackKey),
    /// The next step of a replay.
    Replay(DownKey),
    /// Packets that wait for the rest of their frame.
    FanOut,
    /// Loudness of all audio tracks.
    Levels,
    /// How media fares at all peers.
    Health,
    /// Counters.
    Stats,
}

impl Shard {
    /// An empty world.
    pub fn new(config: ShardConfig, now: Instant) -> Self {
        let rng = match config.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => StdRng::from_os_rng(),
        };
        let mut timers = Timers::new();
        timers.set(Task::Stats, Some(now + STATS_INTERVAL));
        timers.set(Task::Health, Some(now + health::HEALTH_INTERVAL));
        Self {
            stats: door::ShardStats { shard: config.id, ..Default::default() },
            config,
            epoch: now,
            rng,
            peers: Peers::default(),
            tracks: Tracks::default(),
            routes: Routes::default(),
            timers,
            watch: health::Watch::default(),
            calm: calm::Calm::default(),
            guard: guard::Guard::default(),
            loudest: Loudest::default(),
            connected: Vec::new(),
            touched: Vec::new(),
            touched_at: now,
            keeps_lowest: false,
            outbox: Outbox::default(),
        }
    }

    /// Runs what is due, until a portion of datagrams is there: then it is to be called again when that is sent.
    pub fn advance(&mut self, now: Instant) {
        while self.waiting_bytes() < PORTION_BYTES
            && let Some(task) = self.timers.pop_due(now)
        {
            match task {
                Task::Peer(slot) => self.advance_peer(now, slot),
                Task::TransportFeedback(slot) => self.send_transport_feedback(now, slot),
                Task::Rate(slot) => self.advance_rate(now, slot),
                Task::Reports(slot) => self.send_reports(now, slot),
                Task::Track(track) => self.advance_track(now, track),
                Task::Replay(down) => self.advance_replay(now, down),
                Task::FanOut => self.touched_at = now,
                Task::Levels => self.tell_levels(),
                Task::Health => {
                    self.timers.set(Task::Health, Some(now + health::HEALTH_INTERVAL));
                    self.tell_health(now);
                }
                Task::Stats => self.tell_stats(now),
            }
        }
    }

    /// When [`Shard::advance`] must run next.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Ends the turn: what it produced; the caller empties it.
    pub fn outbox(&mut self) -> &mut Outbox {
        self.finish(&mut |_| {});
        &mut self.outbox
    }

    /// Ends the turn. Only here are packets sent to subscribers, to each all of a frame's in a row, so that its keys and
    /// numbers are fetched once, and what goes to one destination lies side by side. Whenever [`PORTION_BYTES`] are there,
    /// `full` is to send and to clear them.
    pub fn finish(&mut self, full: &mut dyn FnMut(&mut Datagrams)) {
        self.fan_out(full);
    }

    /// Bytes of datagrams in the outbox.
    pub fn waiting_bytes(&self) -> usize {
        self.outbox.datagrams.bytes().len()
    }

    /// Present sizes and cumulative counters.
    pub fn stats(&self) -> door::ShardStats {
        door::ShardStats {
            peers: self.peers.len() as u64,
            up_tracks: (self.tracks.by_key.len() - self.tracks.mirrors()) as u64,
            mirrors: self.tracks.mirrors() as u64,
            down_tracks: self.tracks.downs.len() as u64,
            addresses: self.routes.len() as u64,
            ..self.stats
        }
    }

    fn tell_stats(&mut self, now: Instant) {
        self.timers.set(Task::Stats, Some(now + STATS_INTERVAL));
        let stats = Box::new(self.stats());
        self.outbox.notices.push(door::Notice::Stats(stats));
    }
}
