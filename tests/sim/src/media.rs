//! The media house alone in a virtual world: shards, clients with real ICE, DTLS and SRTP, and links between them.

use std::time::{Duration, Instant};

use door::{
    Command, Datagrams, DownKey, DtlsRole, Fingerprint, IceCredentials, LayerTarget, Notice, Path, PeerKey, PeerParams,
    Protocol, ShardId, SsrcPair, TrackKey,
};
use peer::testing::{Channels, Client, ClientParams};
use peer::{Identity, Received};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use shard::{Shard, ShardConfig};

use crate::bandwidth::{Studio, Viewer};
use crate::link::{Link, LinkProfile};
use crate::publisher::{Cleartext, Publisher};
use crate::subscriber::Subscriber;

/// Index of a client in the world.
pub type ClientIndex = usize;

/// One client with its links and what it publishes or receives.
pub struct Node {
    /// The server's name for it, where the world's owner chose it.
    pub key: Option<PeerKey>,
    client: Client,
    path: Path,
    up: Link<Vec<u8>>,
    down: Link<Vec<u8>>,
    /// DTLS is up on the client's side.
    pub connected: bool,
    /// What it publishes.
    pub publisher: Option<Publisher>,
    /// What it receives, by the sources of media and retransmissions.
    pub subscribers: Vec<(SsrcPair, Subscriber)>,
    /// What it publishes by the dozen.
    pub studio: Option<Studio>,
    /// It watches a studio.
    pub viewer: Option<Viewer>,
    /// It went away without a word: it neither sends nor receives.
    pub dead: bool,
}

/// The world.
pub struct Media {
    /// The present.
    pub now: Instant,
    rng: StdRng,
    identity: Identity,
    shards: Vec<Shard>,
    /// Everybody.
    pub nodes: Vec<Node>,
    /// Notices of all shards but statistics.
    pub notices: Vec<Notice>,
    /// Whether each shard was calm at the end of its last turn.
    pub calm: Vec<bool>,
    serial: u64,
}

impl Media {
    /// A world of `shards` shards, everything in it drawn from `seed`.
    pub fn new(shards: u16, seed: u64) -> Self {
        let now = Instant::now();
        let identity = Identity::generate().expect("a certificate");
        let shard = |id| {
            let config =
                ShardConfig { id: ShardId(id), shards, identity: identity.clone(), seed: Some(seed ^ u64::from(id)) };
            Shard::new(config, now)
        };
        let rng = StdRng::seed_from_u64(seed);
        let calm = vec![true; usize::from(shards)];
        let shards = (0..shards).map(shard).collect();
        Self { now, rng, identity, shards, nodes: Vec::new(), notices: Vec::new(), calm, serial: 0 }
    }

    /// Carries out a command on its shard.
    pub fn command(&mut self, command: Command) {
        let shard = usize::from(command.shard().0);
        self.shards[shard].command(self.now, command);
        self.settle();
    }

    /// Adds a client on `shard` and begins its handshake.
    pub fn join(&mut self, shard: u16, up: LinkProfile, down: LinkProfile) -> ClientIndex {
        self.join_as(shard, up, down, None)
    }

    /// Adds a client on `shard` and begins its handshake; `pauses` tells whether videos that do not fit its link are paused.
    pub fn join_as(&mut self, shard: u16, up: LinkProfile, down: LinkProfile, pauses: Option<bool>) -> ClientIndex {
        self.serial += 1;
        let key = PeerKey { shard: ShardId(shard), serial: self.serial };
        let password = |side: &str| format!("{side}-password-of-at-least-22-{}", key.serial);
        let local = IceCredentials::local(key.shard, &format!("u{}", key.serial), password("server"));
        let remote = IceCredentials { ufrag: format!("client{}", key.serial), pwd: password("client") };
        let params = PeerParams {
            local: local.clone(),
            remote: Some(remote.clone()),
            fingerprint: Some(self.identity.fingerprint()),
            role: DtlsRole::Passive,
            negotiated_channels: false,
            opens_channels: false,
            pauses,
        };
        self.command(Command::AddPeer(key, Box::new(params)));
        let index = self.connect(remote, local, up, down);
        self.nodes[index].key = Some(key);
        index
    }

    /// Adds a client for a peer that the server expects, and begins its handshake.
    pub fn connect(
        &mut self,
        local: IceCredentials,
        remote: IceCredentials,
        up: LinkProfile,
        down: LinkProfile,
    ) -> ClientIndex {
        let path = self.client_path();
        let client = self.client(local, remote, self.identity.fingerprint(), path);
        let (up, down) = (Link::new(up), Link::new(down));
        let (publisher, subscribers) = (None, Vec::new());
        self.nodes.push(Node {
            key: None,
            client,
            path,
            up,
            down,
            connected: false,
            publisher,
            subscribers,
            studio: None,
            viewer: None,
            dead: false,
        });
        self.nodes.len() - 1
    }

    /// The certificate hash of server and clients alike.
    pub fn fingerprint(&self) -> Fingerprint {
        self.identity.fingerprint()
    }

    /// The client's and the server's ends of a new path, seen from the server.
    fn client_path(&self) -> Path {
        let port = 10_000 + u16::try_from(self.nodes.len()).unwrap_or(0);
        let (server, client) = (([10, 0, 0, 1], 7882).into(), ([10, 0, 0, 2], port).into());
        Path { protocol: Protocol::Udp, local: server, remote: client }
    }

    fn client(
        &mut self,
        local: IceCredentials,
        remote: IceCredentials,
        fingerprint: Fingerprint,
        path: Path,
    ) -> Client {
        let seen = Path { local: path.remote, remote: path.local, ..path };
        let seed = Some(self.rng.random());
        let params = ClientParams { channels: Channels::None, seed, ..ClientParams::new(local, remote, fingerprint) };
        Client::new(params, &self.identity, seen, self.now)
    }

    /// Lets a client publish a VP8 track.
    pub fn publish(&mut self, index: ClientIndex) -> TrackKey {
        self.serial += 1;
        let peer = self.nodes[index].key.expect("joined by this world");
        let track = TrackKey { shard: peer.shard, serial: self.serial };
        let publisher = Publisher::new(self.now, index as u32);
        let params = Box::new(publisher.params());
        self.nodes[index].publisher = Some(publisher);
        self.command(Command::AddUpTrack { track, peer, params });
        track
    }

    /// Lets a client publish a studio: its tracks and what its description says of each.
    pub fn publish_studio(&mut self, index: ClientIndex, studio: Studio) -> Vec<(TrackKey, door::UpTrackParams)> {
        let peer = self.nodes[index].key.expect("joined by this world");
        let mut tracks = Vec::new();
        for params in studio.params() {
            self.serial += 1;
            let track = TrackKey { shard: peer.shard, serial: self.serial };
            self.command(Command::AddUpTrack { track, peer, params: Box::new(params.clone()) });
            tracks.push((track, params));
        }
        self.nodes[index].studio = Some(studio);
        tracks
    }

    /// What the server takes a client's link for.
    pub fn estimate(&mut self, index: ClientIndex) -> Option<congestion::Estimate> {
        let (now, key) = (self.now, self.nodes[index].key?);
        self.shards[usize::from(key.shard.0)].estimate(now, key)
    }

    /// Lets a client receive another's track.
    pub fn subscribe(&mut self, index: ClientIndex, track: TrackKey, publisher: ClientIndex) -> DownKey {
        self.serial += 1;
        let peer = self.nodes[index].key.expect("joined by this world");
        let down = DownKey { shard: peer.shard, serial: self.serial };
        let subscriber = Subscriber::new(self.now, index as u32);
        let params = Box::new(subscriber.params());
        let sources = SsrcPair { media: params.ssrc, rtx: params.rtx_ssrc };
        self.nodes[index].subscribers.push((sources, subscriber));
        let up = Box::new(self.nodes[publisher].publisher.as_ref().expect("a publisher").params());
        self.command(Command::AddDownTrack { down, peer, track, up, params, target: LayerTarget::BEST });
        down
    }

    /// When something is due next.
    pub fn deadline(&self) -> Option<Instant> {
        let shards = self.shards.iter().filter_map(Shard::deadline);
        shards.chain(self.nodes.iter().filter_map(Node::deadline)).min()
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until `done`, and whether that came within `span`.
    pub fn run_until(&mut self, span: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + span;
        while !done(self) {
            if !self.step(end) {
                return false;
            }
        }
        true
    }

    /// Sum of all shards' counters and sizes that `count` picks.
    pub fn total(&self, count: impl Fn(&door::ShardStats) -> u64) -> u64 {
        self.shards.iter().map(|shard| count(&shard.stats())).sum()
    }

    /// Goes to the next deadline and does what is due there; false when it lies behind `end`.
    pub fn step(&mut self, end: Instant) -> bool {
        let Some(next) = self.deadline().filter(|&next| next <= end) else { return false };
        self.now = self.now.max(next);
        for index in 0..self.nodes.len() {
            self.step_node(index);
        }
        for shard in &mut self.shards {
            if shard.deadline().is_some_and(|at| at <= self.now) {
                shard.advance(self.now);
            }
        }
        self.settle();
        true
    }

    fn step_node(&mut self, index: ClientIndex) {
        let now = self.now;
        if self.nodes[index].dead {
            return;
        }
        while let Some(mut datagram) = self.nodes[index].up.receive(now) {
            // The kernel knows nothing of shards: it gives each client's datagrams to any one of them.
            let lands = index % self.shards.len();
            let path = self.nodes[index].path;
            self.shards[lands].receive(now, path, &mut datagram);
            self.settle();
        }
        let node = &mut self.nodes[index];
        while let Some(mut datagram) = node.down.receive(now) {
            node.receive(now, &mut self.rng, &mut datagram);
        }
        node.advance(now, &mut self.rng);
    }

    /// Carries values from outboxes to where they go until nothing moves.
    fn settle(&mut self) {
        loop {
            let mut messages = Vec::new();
            for shard in &mut self.shards {
                let from = shard.stats().shard;
                let outbox = shard.outbox();
                for segment in outbox.datagrams.segments() {
                    let bytes = &outbox.datagrams.bytes()[segment.range.clone()];
                    if let Some(node) = self.nodes.iter_mut().find(|node| node.path == segment.path) {
                        node.down.send(self.now, &mut self.rng, bytes.len(), bytes.to_vec());
                    }
                }
                outbox.datagrams.clear();
                self.notices.extend(outbox.notices.drain(..).filter(|notice| !matches!(notice, Notice::Stats(_))));
                messages.extend(outbox.messages.drain(..).map(|(to, message)| (from, to, message)));
            }
            if messages.is_empty() {
                self.calm = self.shards.iter_mut().map(|shard| shard.is_calm(self.now)).collect();
                return;
            }
            for (from, to, message) in messages {
                self.shards[usize::from(to.0)].message(self.now, from, message);
            }
        }
    }
}

impl Node {
    /// The link to the server.
    pub fn up_mut(&mut self) -> &mut Link<Vec<u8>> {
        &mut self.up
    }

    /// The link from the server.
    pub fn down_mut(&mut self) -> &mut Link<Vec<u8>> {
        &mut self.down
    }

    fn deadline(&self) -> Option<Instant> {
        let publisher = self.publisher.as_ref().filter(|_| self.connected).map(Publisher::deadline);
        let subscribers = self.subscribers.iter().filter(|_| self.connected).map(|(_, it)| it.deadline());
        let subscriber = subscribers.min();
        if self.dead {
            return None;
        }
        let studio = self.studio.as_ref().filter(|_| self.connected).map(Studio::deadline);
        let viewer = self.viewer.as_ref().filter(|_| self.connected).and_then(Viewer::deadline);
        [self.up.deadline(), self.down.deadline(), self.client.deadline(), publisher, subscriber, studio, viewer]
            .into_iter()
            .flatten()
            .min()
    }

    fn receive(&mut self, now: Instant, rng: &mut StdRng, datagram: &mut [u8]) {
        let mut out = Datagrams::default();
        let mut again = Vec::new();
        match self.client.receive(now, datagram, &mut out) {
            Received::Rtp(packet) => self.take_media(now, packet),
            Received::Rtcp(compound) => {
                if let Some(publisher) = &mut self.publisher {
                    again = publisher.feedback(compound);
                } else if let Some(studio) = &mut self.studio {
                    again = studio.feedback(compound);
                }
            }
            Received::Nothing | Received::Rejected(_) => {}
        }
        self.send_rtp(now, rng, again);
        self.transmit(now, rng, &out);
    }

    fn advance(&mut self, now: Instant, rng: &mut StdRng) {
        let mut out = Datagrams::default();
        if self.client.deadline().is_some_and(|at| at <= now) {
            self.client.advance(now, &mut out);
        }
        self.transmit(now, rng, &out);
        while let Some(event) = self.client.poll_event() {
            self.connected |= matches!(event, peer::PeerEvent::Connected { .. });
        }
        if !self.connected {
            return;
        }
        let packets = self.publisher.as_mut().map(|publisher| publisher.advance(now)).unwrap_or_default();
        self.send_rtp(now, rng, packets);
        let report = self.publisher.as_mut().and_then(|publisher| publisher.report(now));
        let due = self.subscribers.iter_mut().map(|(_, it)| it).filter(|it| it.deadline() <= now);
        let mut feedback: Vec<_> = due.filter_map(|subscriber| subscriber.advance(now)).collect();
        if let Some(studio) = self.studio.as_mut().filter(|studio| studio.deadline() <= now) {
            let packets = studio.advance(now);
            self.send_rtp(now, rng, packets);
        }
        if let Some(viewer) = self.viewer.as_mut().filter(|it| it.deadline().is_some_and(|at| at <= now)) {
            feedback.extend(viewer.advance(now));
        }
        for compound in report.into_iter().chain(feedback) {
            if let Some(sealed) = self.client.seal_rtcp(&compound) {
                self.up.send(now, rng, sealed.len(), sealed);
            }
        }
    }

    fn take_media(&mut self, now: Instant, bytes: &[u8]) {
        if let Some(viewer) = &mut self.viewer {
            return viewer.receive(now, bytes);
        }
        let Ok(packet) = wire::rtp::Packet::parse(bytes) else { return };
        let ssrc = packet.ssrc();
        let mine = |(sources, _): &&mut (SsrcPair, Subscriber)| sources.media == ssrc || sources.rtx == Some(ssrc);
        if let Some((_, subscriber)) = self.subscribers.iter_mut().find(mine) {
            subscriber.receive(now, bytes);
        }
    }

    fn send_rtp(&mut self, now: Instant, rng: &mut StdRng, packets: Vec<Cleartext>) {
        for (packet, header_len) in packets {
            if let Some(sealed) = self.client.seal_rtp(&packet, header_len) {
                self.up.send(now, rng, sealed.len(), sealed);
            }
        }
    }

    fn transmit(&mut self, now: Instant, rng: &mut StdRng, out: &Datagrams) {
        for segment in out.segments() {
            let bytes = &out.bytes()[segment.range.clone()];
            self.up.send(now, rng, bytes.len(), bytes.to_vec());
        }
    }
}
