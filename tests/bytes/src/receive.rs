//! Whole datagrams to a shard in which a publisher and a subscriber are connected: from strangers, from the publisher's
//! address, and such as the publisher itself sealed.

use std::time::{Duration, Instant};

use door::{
    Command, Datagrams, DownKey, DownTrackParams, DtlsRole, ExtensionKind, ExtensionMap, IceCredentials, Kind,
    LayerTarget, Path, PayloadMap, PeerKey, PeerParams, Protocol, ShardId, TrackKey,
};
use peer::Identity;
use peer::testing::{Channels, Client, ClientParams};
use shard::{Shard, ShardConfig};
use thalweg_sim::publisher::Publisher;
use wire::{Mid, Pt, Ssrc};

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
        let (publisher, client, path) = connect(&mut shard, &identity, now, 1);
        let (subscriber, ..) = connect(&mut shard, &identity, now, 3);
        let up = Publisher::new(now, 1).params();
        let track = TrackKey { shard: ShardId(0), serial: 2 };
        shard.command(now, Command::AddUpTrack { track, peer: publisher, params: Box::new(up.clone()) });
        let down = DownKey { shard: ShardId(0), serial: 4 };
        let (up, params, target) = (Box::new(up), Box::new(subscription()), LayerTarget::BEST);
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

fn subscription() -> DownTrackParams {
    let mut extensions = ExtensionMap::default();
    extensions.set(ExtensionKind::Mid, 4);
    extensions.set(ExtensionKind::TransportSequence, 3);
    DownTrackParams {
        mid: Mid::new(b"0").expect("a token"),
        kind: Kind::Video,
        ssrc: Ssrc(77),
        rtx_ssrc: Some(Ssrc(78)),
        payloads: vec![PayloadMap { from: Pt(96), to: Pt(96), rtx: Some(Pt(97)), strip_red: false }],
        extensions,
    }
}

/// Brings one client through ICE and DTLS.
fn connect(shard: &mut Shard, identity: &Identity, now: Instant, serial: u64) -> (PeerKey, Client, Path) {
    let key = PeerKey { shard: ShardId(0), serial };
    let local = IceCredentials::local(key.shard, &format!("u{serial}"), "server-password-of-22-chars".into());
    let remote = IceCredentials { ufrag: format!("c{serial}"), pwd: "client-password-of-22-chars".into() };
    let params = PeerParams {
        local: local.clone(),
        remote: Some(remote.clone()),
        fingerprint: Some(identity.fingerprint()),
        role: DtlsRole::Passive,
        negotiated_channels: false,
        opens_channels: false,
    };
    shard.command(now, Command::AddPeer(key, Box::new(params)));
    let address = ([10, 0, 0, serial as u8], 5000);
    let path = Path { protocol: Protocol::Udp, local: ([10, 9, 9, 9], 7882).into(), remote: address.into() };
    let seen = Path { local: path.remote, remote: path.local, ..path };
    let params = ClientParams {
        channels: Channels::None,
        seed: Some(serial),
        ..ClientParams::new(remote, local, identity.fingerprint())
    };
    let mut client = Client::new(params, identity, seen, now);
    while client.profile().is_none() {
        exchange(shard, &mut client, now, path);
    }
    exchange(shard, &mut client, now, path);
    (key, client, path)
}

fn exchange(shard: &mut Shard, client: &mut Client, now: Instant, path: Path) {
    let mut out = Datagrams::default();
    client.advance(now, &mut out);
    let outbox = shard.outbox();
    for mut datagram in copies(&outbox.datagrams) {
        client.receive(now, &mut datagram, &mut out);
    }
    outbox.datagrams.clear();
    outbox.notices.clear();
    for mut datagram in copies(&out) {
        shard.receive(now, path, &mut datagram);
    }
}

fn copies(datagrams: &Datagrams) -> Vec<Vec<u8>> {
    datagrams.segments().iter().map(|segment| datagrams.bytes()[segment.range.clone()].to_vec()).collect()
}
