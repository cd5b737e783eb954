//! A shard full of connected receivers of one track, driven without sockets.

use std::time::{Duration, Instant};

use door::{Command, Datagrams, DownKey, LayerTarget, Path, ShardId, TrackKey};
use peer::Identity;
use peer::testing::Client;
use shard::{Shard, ShardConfig};
use thalweg_sim::entrance::{copies, enter, subscription};
use thalweg_sim::publisher::Publisher;
use wire::Ssrc;

/// Packets of one burst: the publisher's frame.
pub const BURST: usize = thalweg_sim::publisher::FRAME_PACKETS as usize;

/// More portions than the timers of one moment fill.
const PORTIONS_MAX: usize = 1000;

/// See the module.
pub struct Crowd {
    shard: Shard,
    now: Instant,
    host: Client,
    publisher: Publisher,
    serial: u64,
    track: TrackKey,
    identity: Identity,
    host_path: Path,
    receivers: Vec<(Client, Path)>,
}

impl Crowd {
    /// A publisher with `receivers` subscribers, all connected, after its first keyframe.
    pub fn new(receivers: u64, idle: u64) -> Self {
        Self::with_bursts_of(BURST as u16, receivers, idle)
    }

    /// The same with `packets` in each frame.
    pub fn with_bursts_of(packets: u16, receivers: u64, idle: u64) -> Self {
        let now = Instant::now();
        let identity = Identity::generate().expect("a certificate");
        let config = ShardConfig { id: ShardId(0), shards: 1, identity: identity.clone(), seed: Some(1) };
        let mut shard = Shard::new(config, now);
        let (key, host, host_path) = enter(&mut shard, &identity, now, 1);
        let publisher = Publisher::new(now, 1).with_frames_of(packets);
        let track = TrackKey { shard: ShardId(0), serial: 2 };
        shard.command(now, Command::AddUpTrack { track, peer: key, params: Box::new(publisher.params()) });
        let mut crowd =
            Self { shard, now, host, publisher, serial: 10, track, identity, host_path, receivers: Vec::new() };
        for _ in 0..receivers {
            crowd.add_receiver();
        }
        for _ in 0..idle {
            crowd.serial += 1;
            let (_, client, path) = enter(&mut crowd.shard, &crowd.identity, now, crowd.serial);
            crowd.receivers.push((client, path));
        }
        crowd.burst();
        crowd
    }

    /// One more subscriber, connected.
    pub fn add_receiver(&mut self) {
        self.serial += 2;
        let track = self.track;
        let (peer, client, path) = enter(&mut self.shard, &self.identity, self.now, self.serial);
        self.receivers.push((client, path));
        let params = subscription(Ssrc(1 << 20 | self.serial as u32));
        let down = DownKey { shard: ShardId(0), serial: self.serial };
        let (up, params) = (Box::new(self.publisher.params()), Box::new(params));
        let target = LayerTarget::BEST;
        self.shard.command(self.now, Command::AddDownTrack { down, peer, track, up, params, target });
    }

    /// Gives back the memory of the receiving clients: what they still hold of it is the server's. They renew no consent.
    pub fn forget_clients(&mut self) {
        self.receivers = Vec::new();
    }

    /// Forwards one frame to all and returns the number of packets that came out.
    pub fn burst(&mut self) -> u64 {
        let mut frame = self.frame();
        self.forward(&mut frame)
    }

    /// The publisher's next frame as it comes from the network, after what is due in between: timers, and the checks
    /// by which clients renew their consent.
    pub fn frame(&mut self) -> Vec<Vec<u8>> {
        self.now += thalweg_sim::publisher::FRAME_INTERVAL;
        self.idle();
        self.renew_consent();
        let packets = self.publisher.advance(self.now);
        packets.iter().map(|(packet, len)| self.host.seal_rtp(packet, *len).expect("connected")).collect()
    }

    /// Opens a frame and forwards it to all, and returns the number of packets that came out.
    pub fn forward(&mut self, frame: &mut [Vec<u8>]) -> u64 {
        self.forward_to(frame, Datagrams::clear)
    }

    /// The same; `send` takes each portion of what came out, and clears it.
    pub fn forward_to(&mut self, frame: &mut [Vec<u8>], mut send: impl FnMut(&mut Datagrams)) -> u64 {
        let before = self.shard.stats().rtp_out;
        for packet in frame {
            self.shard.receive(self.now, self.host_path, packet);
        }
        self.shard.finish(&mut send);
        send(&mut self.shard.outbox().datagrams);
        self.drain();
        self.shard.stats().rtp_out - before
    }

    /// The ways to the receivers.
    pub fn paths(&self) -> Vec<Path> {
        self.receivers.iter().map(|(_, path)| *path).collect()
    }

    /// Lets time pass, runs what is due, and returns the number of packets that came out.
    pub fn pass(&mut self, span: Duration) -> u64 {
        let before = self.shard.stats().rtp_out;
        self.now += span;
        self.idle();
        self.shard.stats().rtp_out - before
    }

    fn renew_consent(&mut self) {
        let mut checks = Datagrams::default();
        let now = self.now;
        let host = std::iter::once((&mut self.host, self.host_path));
        for (client, path) in host.chain(self.receivers.iter_mut().map(|(client, path)| (client, *path))) {
            if client.deadline().is_some_and(|at| at <= now) {
                client.advance(now, &mut checks);
                copies(&checks).iter_mut().for_each(|check| self.shard.receive(now, path, check));
                checks.clear();
            }
        }
        self.drain();
    }

    /// Runs the timers that are due, as often as a thread would whose portions are sent in between.
    pub fn idle(&mut self) {
        for _ in 0..PORTIONS_MAX {
            if self.shard.deadline().is_none_or(|at| at > self.now) {
                break;
            }
            self.shard.advance(self.now);
            self.drain();
        }
        self.drain();
    }

    fn drain(&mut self) {
        let outbox = self.shard.outbox();
        outbox.datagrams.clear();
        outbox.notices.clear();
        outbox.messages.clear();
    }
}
