//! Into a shard without links: a client that has gone through ICE and DTLS at once, for benches and for tests of single
//! datagrams.

use std::net::SocketAddr;
use std::time::Instant;

use door::{
    Command, Datagrams, DownTrackParams, DtlsRole, ExtensionKind, ExtensionMap, IceCredentials, Kind, Path, PayloadMap,
    PeerKey, PeerParams, Protocol, ShardId,
};
use peer::Identity;
use peer::testing::{Channels, Client, ClientParams};
use shard::Shard;
use wire::{Mid, Pt, Ssrc};

/// Brings one client through ICE and DTLS: its peer, itself, and the path between the two. `serial` makes all three.
pub fn enter(shard: &mut Shard, identity: &Identity, now: Instant, serial: u64) -> (PeerKey, Client, Path) {
    let address = ([10, 0, (serial >> 8) as u8, serial as u8], 5000).into();
    let (key, mut client, path) = knock(shard, identity, now, serial, address);
    while client.profile().is_none() {
        exchange(shard, &mut client, now, path);
    }
    exchange(shard, &mut client, now, path);
    (key, client, path)
}

/// A client at an address, of which the shard knows, but which has sent nothing yet.
pub fn knock(
    shard: &mut Shard,
    identity: &Identity,
    now: Instant,
    serial: u64,
    address: SocketAddr,
) -> (PeerKey, Client, Path) {
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
        pauses: None,
    };
    shard.command(now, Command::AddPeer(key, Box::new(params)));
    let path = Path { protocol: Protocol::Udp, local: ([10, 9, 9, 9], 7882).into(), remote: address };
    let seen = Path { local: path.remote, remote: path.local, ..path };
    let params = ClientParams {
        channels: Channels::None,
        seed: Some(serial),
        ..ClientParams::new(remote, local, identity.fingerprint())
    };
    (key, Client::new(params, identity, seen, now), path)
}

/// What the client has to send goes to the shard, after what the shard had for it.
pub fn exchange(shard: &mut Shard, client: &mut Client, now: Instant, path: Path) {
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

/// The datagrams, each for itself.
pub fn copies(datagrams: &Datagrams) -> Vec<Vec<u8>> {
    datagrams.segments().iter().map(|segment| datagrams.bytes()[segment.range.clone()].to_vec()).collect()
}

/// How a browser takes the [`crate::publisher::Publisher`]'s video: with MID, transport-wide numbers and retransmission.
pub fn subscription(ssrc: Ssrc) -> DownTrackParams {
    let mut extensions = ExtensionMap::default();
    extensions.set(ExtensionKind::Mid, 4);
    extensions.set(ExtensionKind::TransportSequence, 3);
    DownTrackParams {
        mid: Mid::new(b"0").expect("a token"),
        kind: Kind::Video,
        ssrc,
        rtx_ssrc: Some(Ssrc(ssrc.0 + 1)),
        payloads: vec![PayloadMap { from: Pt(96), to: Pt(96), rtx: Some(Pt(97)), strip_red: false }],
        extensions,
        playout_delay_ms: None,
    }
}
