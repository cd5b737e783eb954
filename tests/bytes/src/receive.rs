//! Whole datagrams to a shard in which a publisher and a subscriber are connected: from strangers, from the publisher's
//! address, and such as the publisher itself sealed.

use std::time::{Duration, Instant};

use door::{Command, DownKey, LayerTarget, Path, ShardId, TrackKey};
use peer::Identity;
use peer::testing::Client;
use shard::{Shard, ShardConfig};
use thalweg_sim::entrance::{enter, subscription};
use thalweg_sim::publisher::Publisher;
use wire::Ssrc;

/// Records taken of one input; the rest is ignored.
const RECORDS_MAX: usize = 64;
/// Milliseconds between two records: timers come due between them.
const STEP: Duration = Duration::from_millis(7);

/// The input is a row of records: a byte that says who sends, a byte of length, and the datagram. Sealed ones are given
/// in the clear, so that mutants reach what lies behind the cryptography.
pub fn receive(bytes: &[u8]) {
    let mut world = World::new();
    let mut rest = bytes;
    for _ in 0..RECORDS_MAX {
        let [sender, len, behind @ ..] = rest else { return };
        let (datagram, next) = behind.split_at(usize::from(*len).min(behind.len()));
        world.step(*sender, datagram);
        rest = next;
    }
}

struct World {
    shard: Shard,
    now: Instant,
    client: Client,
    path: Path,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let identity = Identity::generate().expect("a certificate");
        let config = ShardConfig { id: ShardId(0), shards: 1, identity: identity.clone(), seed: Some(1) };
        let mut shard = Shard::new(config, now);
        let (publisher, client, path) = enter(&mut shard, &identity, now, 1);
        let (subscriber, ..) = enter(&mut shard, &identity, now, 3);
        let up = Publisher::new(now, 1).params();
        let track = TrackKey { shard: ShardId(0), serial: 2 };
        shard.command(now, Command::AddUpTrack { track, peer: publisher, params: Box::new(up.clone()) });
        let down = DownKey { shard: ShardId(0), serial: 4 };
        let (up, params, target) = (Box::new(up), Box::new(subscription(Ssrc(77))), LayerTarget::BEST);
        shard.command(now, Command::AddDownTrack { down, peer: subscriber, track, up, params, target });
        Self { shard, now, client, path }
    }

    fn step(&mut self, sender: u8, datagram: &[u8]) {
        self.now += STEP;
        let stranger = Path { remote: ([10, 1, 1, 1], 9).into(), ..self.path };
        let (path, datagram) = match sender % 4 {
            0 => (stranger, Some(datagram.to_vec())),
            1 => (self.path, Some(datagram.to_vec())),
            2 => (self.path, header_len(datagram).and_then(|len| self.client.seal_rtp(datagram, len))),
            _ => (self.path, self.client.seal_rtcp(datagram)),
        };
        if let Some(mut datagram) = datagram {
            self.shard.receive(self.now, path, &mut datagram);
        }
        if self.shard.deadline().is_some_and(|at| at <= self.now) {
            self.shard.advance(self.now);
        }
        let outbox = self.shard.outbox();
        outbox.datagrams.clear();
        outbox.notices.clear();
        outbox.messages.clear();
    }
}

fn header_len(packet: &[u8]) -> Option<usize> {
    wire::rtp::Packet::parse(packet).ok().map(|packet| packet.payload_offset())
}
