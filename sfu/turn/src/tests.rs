//! A client's life with the server, and what it must not be able to do.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use quota::Rate;
use wire::stun::INTEGRITY_BYTES;
use wire::turn::{Class, Message, Method, Writer, write_channel_data};

use super::*;

const UNIX_S: u64 = 1_800_000_000;
const MEDIA: &str = "203.0.113.5:7882";
const STRANGERS: Rate = Rate { per_second: 10, burst: 10 };
const MEDIA6: &str = "[2001:db8::5]:7882";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// An error's code, or 0 for a success.
fn code(answer: &[u8]) -> u16 {
    let class = u16::from_be_bytes([answer[0], answer[1]]) & 0x0110;
    if class == 0x0100 {
        return 0;
    }
    let at = 20 + attribute(answer, 0x0009).unwrap();
    u16::from(answer[at + 2]) * 100 + u16::from(answer[at + 3])
}

/// Where an attribute's value begins behind the header.
fn attribute(bytes: &[u8], wanted: u16) -> Option<usize> {
    let mut at = 20;
    while at < bytes.len() {
        let (kind, len) =
            (u16::from_be_bytes([bytes[at], bytes[at + 1]]), u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        if kind == wanted {
            return Some(at + 4 - 20);
        }
        at += 4 + usize::from(len).next_multiple_of(4);
    }
    None
}

struct World {
    turn: Turn,
    begun: Instant,
    later: Duration,
    client: Client,
    name: String,
    password: String,
    nonce: Vec<u8>,
    opened: u16,
}

impl World {
    fn new() -> Self {
        Self::with(Settings {
            peers: vec![at(MEDIA), at(MEDIA6)],
            allocations_max: 100,
            per_user_max: 3,
            strangers: STRANGERS,
        })
    }

    fn with(settings: Settings) -> Self {
        let credentials = Credentials::new(&[1; 32]);
        let (name, password) = credentials.issue("PA_ada", UNIX_S + 300);
        let client = Client { is_stream: false, local: at("203.0.113.5:3478"), remote: at("198.51.100.7:4000") };
        let begun = Instant::now();
        let turn = Turn::new(settings, credentials, &[2; 32], begun);
        Self { turn, begun, later: Duration::ZERO, client, name, password, nonce: vec![], opened: 0 }
    }

    fn now(&self) -> Now {
        Now { monotonic: self.begun + self.later, unix_s: UNIX_S + self.later.as_secs() }
    }

    fn hear(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let (now, client) = (self.now(), self.client);
        let opened = &mut self.opened;
        let open = |family| {
            *opened += 1;
            Some(at(if family == Family::V4 { MEDIA } else { MEDIA6 })).map(|peer| SocketAddr::new(peer.ip(), 50_000))
        };
        match self.turn.receive(now, client, bytes, open) {
            Heard::Answer(answer) | Heard::Ended(answer) => Some(answer),
            Heard::ToPeer(data) => Some(data.to_vec()),
            Heard::Nothing => None,
        }
    }

    fn sign(&self, writer: Writer) -> Vec<u8> {
        let writer = writer.username(&self.name).realm(REALM).nonce(&self.nonce);
        let key = md5::Digest::chain_update(
            <md5::Md5 as md5::Digest>::new(),
            format!("{}:{REALM}:{}", self.name, self.password),
        );
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &md5::Digest::finalize(key));
        writer.signed(|covered| hmac::sign(&key, covered).as_ref().try_into().unwrap_or([0; INTEGRITY_BYTES]))
    }

    /// Asks, takes a new nonce if need be, and asks again.
    fn ask(&mut self, method: Method, with: impl Fn(Writer) -> Writer) -> u16 {
        for transaction in [[3; 12], [4; 12]] {
            let request = self.sign(with(Writer::new(method, Class::Request, &transaction)));
            let answer = self.hear(&request).expect("an answer");
            match code(&answer) {
                438 if transaction == [3; 12] => self.nonce = nonce_of(&answer),
                code => return code,
            }
        }
        unreachable!("the second answer is returned")
    }

    fn allocate(&mut self) -> u16 {
        self.ask(Method::Allocate, |writer| writer.transport(17))
    }

    fn permit(&mut self, peer: SocketAddr) -> u16 {
        self.ask(Method::CreatePermission, |writer| writer.peer(peer))
    }

    fn bind(&mut self, channel: u16, peer: SocketAddr) -> u16 {
        self.ask(Method::ChannelBind, |writer| writer.channel(channel).peer(peer))
    }

    fn send(&mut self, peer: SocketAddr) -> Option<Vec<u8>> {
        let bytes = Writer::new(Method::Send, Class::Indication, &[5; 12]).peer(peer).data(b"media").unsigned();
        self.hear(&bytes)
    }

    fn deliver(&mut self, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.turn.deliver(self.now(), self.client, data, &mut out);
        out
    }
}

fn nonce_of(answer: &[u8]) -> Vec<u8> {
    let at = 20 + attribute(answer, 0x0015).unwrap();
    let len = usize::from(u16::from_be_bytes([answer[at - 2], answer[at - 1]]));
    answer[at..at + len].to_vec()
}

fn channel(number: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_channel_data(&mut bytes, number, data, false);
    bytes
}

#[test]
fn a_client_allocates_permits_binds_and_speaks() {
    let mut world = World::new();
    assert_eq!(world.allocate(), 0);
    assert_eq!(world.send(at(MEDIA)), None, "nobody is let in yet");
    assert!(world.deliver(b"early").is_empty());
    assert_eq!(world.permit(at(MEDIA)), 0);
    assert_eq!(world.send(at(MEDIA)).unwrap(), b"media");
    let told = world.deliver(b"back");
    assert_eq!(told[..2], [0, 0x17]);
    assert_eq!(world.bind(0x4001, at(MEDIA)), 0);
    assert_eq!(world.hear(&channel(0x4001, b"quick")).unwrap(), b"quick");
    assert_eq!(world.hear(&channel(0x4002, b"quick")), None);
    assert_eq!(world.deliver(b"back"), channel(0x4001, b"back"));
    assert_eq!(world.ask(Method::Refresh, |writer| writer.lifetime_s(0)), 0);
    assert_eq!(world.hear(&channel(0x4001, b"late")), None);
    let counts = world.turn.counts();
    assert_eq!((counts.allocations, counts.allocated, counts.refused), (0, 1, 0));
}

#[test]
fn both_families_reach_their_own_media_only() {
    let mut world = World::new();
    let of = |world: &mut World, family: u8, port| {
        world.client.remote = SocketAddr::new(world.client.remote.ip(), port);
        let with = move |writer: Writer| writer.transport(17).attribute(0x0017, &[family, 0, 0, 0]);
        world.ask(Method::Allocate, with)
    };
    assert_eq!((of(&mut world, 1, 1), world.permit(at(MEDIA)), world.permit(at(MEDIA6))), (0, 0, 403));
    assert_eq!((of(&mut world, 2, 2), world.permit(at(MEDIA6)), world.permit(at(MEDIA))), (0, 0, 403));
    assert_eq!(of(&mut world, 9, 3), 440);
}

/// Attack 30: what only this machine can reach.
#[test]
fn no_peer_but_our_media_is_reached() {
    let mut world = World::new();
    assert_eq!(world.allocate(), 0);
    let hosts = [
        "0.0.0.0",
        "127.0.0.1",
        "10.0.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "203.0.113.6",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:203.0.113.5",
        "fe80::1",
        "fd00::1",
        "2001:db8::5",
        "64:ff9b::7f00:1",
    ];
    for host in hosts {
        let peer = SocketAddr::new(host.parse::<IpAddr>().unwrap(), 7882);
        assert_eq!((world.permit(peer), world.bind(0x4001, peer)), (403, 403), "{host}");
        assert_eq!(world.send(peer), None, "{host}");
    }
    // Our own host, another port: the administrator's, say.
    assert_eq!(world.bind(0x4001, at("203.0.113.5:7880")), 403);
    assert_eq!(world.permit(at("203.0.113.5:7880")), 0, "a permission is for a host");
    assert_eq!(world.send(at("203.0.113.5:7880")), None);
    assert_eq!(world.send(at(MEDIA)).unwrap(), b"media");
    let both = |writer: Writer| writer.peer(at("127.0.0.1:1")).peer(at(MEDIA));
    assert_eq!(world.ask(Method::CreatePermission, both), 403, "one good peer opens no other");
    let counts = world.turn.counts();
    assert_eq!(counts.refused, hosts.len() as u64 * 2 + 2);
}

/// Attack 30, too: quotas, channels used again, credentials that have ended, another's allocation.
#[test]
fn quotas_and_ownership_hold() {
    let mut world = World::new();
    for port in 1..=3 {
        world.client.remote = SocketAddr::new(world.client.remote.ip(), port);
        assert_eq!(world.allocate(), 0);
    }
    assert_eq!(world.ask(Method::Allocate, |writer| writer.transport(17)), 0, "a repeated request is answered again");
    world.client.remote = at("198.51.100.7:9");
    assert_eq!(world.allocate(), 486);
    world.client.remote = at("198.51.100.7:3");
    assert_eq!((world.bind(0x4001, at(MEDIA)), world.bind(0x4001, at(MEDIA))), (0, 0));
    assert_eq!(world.bind(0x4002, at(MEDIA)), 400);
    assert_eq!(world.bind(0x3FFF, at(MEDIA)), 400);
    let second = world.sign(Writer::new(Method::Allocate, Class::Request, &[9; 12]).transport(17));
    assert_eq!(world.hear(&second).map(|answer| code(&answer)), Some(437));
    let (name, password) = Credentials::new(&[1; 32]).issue("PA_eve", UNIX_S + 300);
    (world.name, world.password) = (name, password);
    assert_eq!(world.permit(at(MEDIA)), 441, "another's allocation");
    world.client.remote = at("198.51.100.7:10");
    assert_eq!(world.ask(Method::Allocate, |writer| writer.transport(6)), 442);
    let (name, password) = Credentials::new(&[1; 32]).issue("PA_eve", UNIX_S);
    (world.name, world.password) = (name, password);
    assert_eq!(world.allocate(), 401, "ended");
    let (name, password) = Credentials::new(&[9; 32]).issue("PA_eve", UNIX_S + 300);
    (world.name, world.password) = (name, password);
    assert_eq!(world.allocate(), 401, "made with another secret");
}

#[test]
fn all_allocations_are_bounded() {
    let mut world =
        World::with(Settings { peers: vec![at(MEDIA)], allocations_max: 5, per_user_max: 99, strangers: STRANGERS });
    let codes: Vec<u16> = (1..=6)
        .map(|port| {
            world.client.remote = SocketAddr::new(world.client.remote.ip(), port);
            world.allocate()
        })
        .collect();
    assert_eq!(codes, [0, 0, 0, 0, 0, 508]);
    assert_eq!(world.opened, 5);
}

/// Attack 31: whoever has proven nothing is hardly answered, and nothing is kept of them.
#[test]
fn strangers_are_answered_ten_times_a_second() {
    let mut world = World::new();
    let bare = Writer::new(Method::Allocate, Class::Request, &[6; 12]).transport(17).unsigned();
    let forged = world.sign(Writer::new(Method::Allocate, Class::Request, &[6; 12]).transport(17));
    let answered = |world: &mut World, bytes: &[u8]| (0..1000).filter(|_| world.hear(bytes).is_some()).count();
    assert_eq!(answered(&mut world, &bare), 10);
    world.later += Duration::from_secs(1);
    world.password = "guess".into();
    assert_eq!(answered(&mut world, &forged), 10);
    world.later += Duration::from_secs(1);
    let binding = Writer::new(Method::Binding, Class::Request, &[6; 12]).unsigned();
    assert_eq!(answered(&mut world, &binding), 10);
    let counts = world.turn.counts();
    assert_eq!((counts.allocations, world.opened, counts.throttled), (0, 0, 2970));
    assert_eq!(counts.unauthenticated, 2000);
}

#[test]
fn a_nonce_is_one_hosts_and_ends() {
    let mut world = World::new();
    assert_eq!(world.allocate(), 0);
    let nonce = world.nonce.clone();
    assert_eq!((world.permit(at(MEDIA)), world.nonce == nonce), (0, true));
    world.later += Duration::from_secs(500);
    world.ask(Method::Refresh, |writer| writer.lifetime_s(3600));
    world.later += Duration::from_secs(3200);
    assert_eq!((world.permit(at(MEDIA)), world.nonce == nonce), (0, false), "a new one is taken");
    let mine = world.nonce.clone();
    world.client.remote = at("198.51.100.8:4000");
    world.allocate();
    assert_ne!(world.nonce, mine);
}

#[test]
fn time_ends_permissions_channels_and_allocations() {
    let mut world = World::new();
    assert_eq!(world.allocate(), 0);
    assert_eq!(world.bind(0x4001, at(MEDIA)), 0);
    world.later += Duration::from_secs(301);
    assert_eq!(world.send(at(MEDIA)), None);
    assert!(world.deliver(b"late").is_empty());
    assert_eq!(world.hear(&channel(0x4001, b"still")).unwrap(), b"still");
    world.later += Duration::from_secs(298);
    assert!(world.turn.advance(world.now()).is_empty());
    world.later += Duration::from_secs(1);
    assert_eq!(world.turn.advance(world.now()), [world.client]);
    assert_eq!(world.permit(at(MEDIA)), 437);
}

#[test]
fn what_must_be_understood_is_named() {
    let mut world = World::new();
    let with = |writer: Writer| writer.transport(17).attribute(0x0018, &[0]);
    assert_eq!(world.ask(Method::Allocate, with), 420);
    let message = Writer::new(Method::Allocate, Class::Success, &[1; 12]).unsigned();
    assert!(Message::parse(&message).is_none() && world.hear(&message).is_none());
    assert_eq!(world.hear(b""), None);
    assert_eq!(world.turn.counts().ignored, 2);
}
