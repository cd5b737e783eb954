//! A client and a peer in one virtual network: one behaviour per test, time moved from deadline to deadline.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use door::{ChannelLabel, Datagrams, DtlsRole, Fingerprint, IceCredentials, Path, PeerEnd, PeerParams, Protocol};
use wire::stun::Role;

use crate::data::{LOSSY_BUFFER_BYTES_MAX, SEND_BUFFER_BYTES_MAX};
use crate::ice::{CONSENT, PATHS_MAX, SILENCE};
use crate::testing::{Channels, Client, ClientParams, Version};
use crate::tunnel::HANDSHAKE;
use crate::{
    DataRefused, Identity, MESSAGE_BYTES_MAX, Peer, PeerEvent, Received, Reject, SRTP_OVERHEAD_MAX, SrtpProfile,
};

const DELAY: Duration = Duration::from_millis(10);

/// Which side a datagram goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum To {
    Server,
    Client,
}

/// Says of the n-th datagram whether it is lost.
type Loss = Box<dyn FnMut(usize, To, &[u8]) -> bool>;

struct World {
    now: Instant,
    server: Peer,
    client: Client,
    server_events: Vec<PeerEvent>,
    client_events: Vec<PeerEvent>,
    /// Datagrams under way: when they arrive, where, by which path of the server's, and what.
    wire: Vec<(Instant, To, Path, Vec<u8>)>,
    server_media: Vec<Vec<u8>>,
    client_media: Vec<Vec<u8>>,
    rejects: Vec<Reject>,
    sent: usize,
    lose: Loss,
    /// The server's owner deals with no message.
    keeps_credit: bool,
}

/// Where virtual time begins: the one look at the clock, since an `Instant` cannot be made otherwise.
#[allow(clippy::disallowed_methods, reason = "a test begins somewhere; from there its time is virtual")]
pub(crate) fn beginning() -> Instant {
    Instant::now()
}

fn credentials(name: &str) -> IceCredentials {
    IceCredentials { ufrag: format!("0000{name}"), pwd: format!("password-of-{name}-0123456789") }
}

fn path(port: u16) -> Path {
    let local: SocketAddr = "192.0.2.1:7882".parse().unwrap();
    Path { protocol: Protocol::Udp, local, remote: SocketAddr::new("198.51.100.7".parse().unwrap(), port) }
}

fn turned(path: Path) -> Path {
    Path { local: path.remote, remote: path.local, ..path }
}

impl World {
    fn new(change: impl FnOnce(&mut PeerParams, &mut ClientParams)) -> Self {
        let now = beginning();
        let (server_identity, client_identity) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let mut peer = PeerParams {
            local: credentials("server"),
            remote: Some(credentials("client")),
            fingerprint: Some(client_identity.fingerprint()),
            role: DtlsRole::Passive,
            negotiated_channels: false,
            opens_channels: false,
            pauses: None,
        };
        let mut params = ClientParams::new(credentials("client"), credentials("server"), server_identity.fingerprint());
        params.seed = Some(2);
        change(&mut peer, &mut params);
        Self {
            now,
            server: Peer::new(&peer, &server_identity, now, Some(1)),
            client: Client::new(params, &client_identity, turned(path(1_000)), now),
            server_events: Vec::new(),
            client_events: Vec::new(),
            wire: Vec::new(),
            server_media: Vec::new(),
            client_media: Vec::new(),
            rejects: Vec::new(),
            sent: 0,
            lose: Box::new(|_, _, _| false),
            keeps_credit: false,
        }
    }

    fn connected() -> Self {
        let mut world = Self::new(|_, _| {});
        world.run(Duration::from_secs(3));
        assert!(world.server.can_send_media(), "{:?}", world.server_events);
        world
    }

    fn post(&mut self, to: To, out: &Datagrams) {
        for segment in out.segments() {
            let bytes = out.bytes()[segment.range.clone()].to_vec();
            let at_server = if to == To::Server { turned(segment.path) } else { segment.path };
            self.send(to, at_server, bytes);
        }
    }

    fn send(&mut self, to: To, at_server: Path, bytes: Vec<u8>) {
        self.sent += 1;
        if !(self.lose)(self.sent, to, &bytes) {
            self.wire.push((self.now + DELAY, to, at_server, bytes));
        }
    }

    /// Hands one datagram to the server; answers travel on.
    fn serve(&mut self, at_server: Path, bytes: &[u8]) -> Result<(), Reject> {
        let mut out = Datagrams::default();
        let mut bytes = bytes.to_vec();
        let result = match self.server.receive(self.now, at_server, &mut bytes, &mut out) {
            Received::Nothing => Ok(()),
            Received::Rtp(packet) | Received::Rtcp(packet) => {
                self.server_media.push(packet.to_vec());
                Ok(())
            }
            Received::Rejected(reject) => Err(reject),
        };
        self.take_server_events(&mut out);
        self.post(To::Client, &out);
        result
    }

    /// As control does: messages are taken and their credit is given back.
    fn take_server_events(&mut self, out: &mut Datagrams) {
        while let Some(event) = self.server.poll_event() {
            if let PeerEvent::Data { label, payload } = &event
                && !self.keeps_credit
            {
                let reliable = *label == ChannelLabel::Reliable;
                self.server.grant_data(self.now, reliable, door::data::cost(payload.len()), out);
            }
            self.server_events.push(event);
        }
    }

    fn hand_back(&mut self, at_server: Path, mut bytes: Vec<u8>) {
        if turned(at_server) != self.client.path() {
            return;
        }
        let mut out = Datagrams::default();
        if let Received::Rtp(packet) | Received::Rtcp(packet) = self.client.receive(self.now, &mut bytes, &mut out) {
            self.client_media.push(packet.to_vec());
        }
        self.client_events.extend(std::iter::from_fn(|| self.client.poll_event()));
        self.post(To::Server, &out);
    }

    fn advance(&mut self) {
        let mut out = Datagrams::default();
        if self.client.deadline().is_some_and(|at| at <= self.now) {
            self.client.advance(self.now, &mut out);
            self.client_events.extend(std::iter::from_fn(|| self.client.poll_event()));
            self.post(To::Server, &out);
            out.clear();
        }
        if self.server.deadline().is_some_and(|at| at <= self.now) {
            self.server.advance(self.now, &mut out);
            self.take_server_events(&mut out);
            self.post(To::Client, &out);
        }
    }

    /// Lets `time` pass. Ends early when nothing is due any more; spinning on a deadline fails.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..100_000 {
            let arrival = self.wire.iter().map(|(at, ..)| *at).min();
            let next = [arrival, self.client.deadline(), self.server.deadline()].into_iter().flatten().min();
            match next {
                Some(at) if at <= end => self.now = self.now.max(at),
                _ => {
                    self.now = end;
                    return;
                }
            }
            let now = self.now;
            let due: Vec<_> = self.wire.extract_if(.., |(at, ..)| *at <= now).collect();
            for (_, to, at_server, bytes) in due {
                match to {
                    To::Server => {
                        if let Err(reject) = self.serve(at_server, &bytes) {
                            self.rejects.push(reject);
                        }
                    }
                    To::Client => self.hand_back(at_server, bytes),
                }
            }
            self.advance();
        }
        panic!("time stands still");
    }

    fn server_profile(&self) -> Option<SrtpProfile> {
        self.server_events.iter().find_map(|event| match event {
            PeerEvent::Connected { profile } => *profile,
            _ => None,
        })
    }

    fn seal_at_server(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let mut room = packet.to_vec();
        room.resize(packet.len() + SRTP_OVERHEAD_MAX, 0);
        let len = self.server.seal_rtp(&mut room, 12, packet.len(), &[])?;
        room.truncate(len);
        Some(room)
    }

    fn messages(events: &[PeerEvent], on: &ChannelLabel) -> Vec<Vec<u8>> {
        let message = |event: &PeerEvent| match event {
            PeerEvent::Data { label, payload } if label == on => Some(payload.clone()),
            _ => None,
        };
        events.iter().filter_map(message).collect()
    }
}

fn rtp(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0, 0, 0, 9]);
    packet.extend(b"media");
    packet
}

mod connecting;
mod living;
mod messaging;
