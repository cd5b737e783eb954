//! The single steps of a packet's way: parse, route, rewrite, seal. Their sum is what a forwarded packet costs beside the
//! turn's bookkeeping.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use door::{Datagrams, DtlsRole, IceCredentials, LayerTarget, Path, PeerParams, Protocol, ShardId, TrackKey};
use forward::{Demux, DownTrack, UpTrack};
use peer::testing::{Channels, Client, ClientParams};
use peer::{Identity, Peer, Received, SRTP_OVERHEAD_MAX};
use rand::SeedableRng;
use rand::rngs::StdRng;
use thalweg_sim::entrance::{copies, subscription};
use thalweg_sim::publisher::{FRAME_INTERVAL, Publisher};
use wire::Ssrc;
use wire::codec::vp8;
use wire::rtp::Packet;

fn parse(criterion: &mut Criterion) {
    let (packet, _) = Publisher::new(Instant::now(), 1).advance(Instant::now()).remove(0);
    criterion.bench_function("parse/rtp_header_and_extensions", |bencher| {
        bencher.iter(|| {
            let packet = Packet::parse(black_box(&packet)).expect("a packet");
            packet.extensions().map(|(id, data)| usize::from(id) + data.len()).sum::<usize>()
        });
    });
    let payload = Packet::parse(&packet).expect("a packet").payload().to_vec();
    criterion.bench_function("parse/vp8_descriptor", |bencher| {
        bencher.iter(|| vp8::Descriptor::parse(black_box(&payload)));
    });
    let nack = [0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 100, 0xff, 0xff];
    criterion.bench_function("parse/rtcp_nack", |bencher| {
        bencher.iter(|| wire::rtcp::packets(black_box(&nack)).flatten().count());
    });
}

fn route(criterion: &mut Criterion) {
    let mut publisher = Publisher::new(Instant::now(), 1);
    let (packet, _) = publisher.advance(Instant::now()).remove(0);
    let mut demux = Demux::new();
    demux.set_track(TrackKey { shard: ShardId(0), serial: 2 }, &publisher.params());
    criterion.bench_function("route/demux", |bencher| {
        bencher.iter(|| demux.route(&Packet::parse(black_box(&packet)).expect("a packet")));
    });
}

fn rewrite(criterion: &mut Criterion) {
    let mut now = Instant::now();
    let mut publisher = Publisher::new(now, 1);
    let mut up = UpTrack::new(publisher.params());
    let mut rng = StdRng::seed_from_u64(1);
    let mut down = DownTrack::new(up.params(), subscription(Ssrc(77)), LayerTarget::BEST, &mut rng);
    let mut out = [0; 1500];
    criterion.bench_function("rewrite/down_track", |bencher| {
        bencher.iter_custom(|packets| {
            let (mut spent, mut done) = (Duration::ZERO, 0);
            while done < packets {
                now += FRAME_INTERVAL;
                let frame = publisher.advance(now);
                let receive = |(bytes, _): &(Vec<u8>, usize)| up.receive(now, 0, &Packet::parse(bytes).ok()?, false);
                let arrivals: Vec<_> = frame.iter().filter_map(receive).collect();
                let start = Instant::now();
                for arrival in &arrivals {
                    black_box(down.forward(now, &up, arrival, &mut out).expect("forwarded"));
                }
                spent += start.elapsed();
                done += arrivals.len() as u64;
            }
            spent.mul_f64(packets as f64 / done as f64)
        });
    });
}

fn seal(criterion: &mut Criterion) {
    let mut peer = connected();
    let (packet, header_len) = Publisher::new(Instant::now(), 1).advance(Instant::now()).remove(0);
    let mut out = vec![0; packet.len() + SRTP_OVERHEAD_MAX];
    let mut seq = 0_u16;
    criterion.bench_function("seal/srtp", |bencher| {
        bencher.iter(|| {
            out[..header_len].copy_from_slice(&packet[..header_len]);
            out[2..4].copy_from_slice(&seq.to_be_bytes());
            seq = seq.wrapping_add(1);
            peer.seal_rtp(&mut out, header_len, header_len, &packet[header_len..]).expect("sealed")
        });
    });
}

/// A peer whose client has gone through ICE and DTLS.
fn connected() -> Peer {
    let (now, identity) = (Instant::now(), Identity::generate().expect("a certificate"));
    let local = IceCredentials::local(ShardId(0), "u1", "server-password-of-22-chars".into());
    let remote = IceCredentials { ufrag: "c1".into(), pwd: "client-password-of-22-chars".into() };
    let params = PeerParams {
        local: local.clone(),
        remote: Some(remote.clone()),
        fingerprint: Some(identity.fingerprint()),
        role: DtlsRole::Passive,
        negotiated_channels: false,
        opens_channels: false,
        pauses: None,
    };
    let mut peer = Peer::new(&params, &identity, now, None);
    let path =
        Path { protocol: Protocol::Udp, local: ([10, 9, 9, 9], 7882).into(), remote: ([10, 0, 0, 1], 5000).into() };
    let seen = Path { local: path.remote, remote: path.local, ..path };
    let params = ClientParams { channels: Channels::None, ..ClientParams::new(remote, local, identity.fingerprint()) };
    let mut client = Client::new(params, &identity, seen, now);
    let (mut to_client, mut to_peer) = (Datagrams::default(), Datagrams::default());
    while !peer.can_send_media() || client.profile().is_none() {
        client.advance(now, &mut to_peer);
        for mut datagram in drain(&mut to_client) {
            let _: Received<'_> = client.receive(now, &mut datagram, &mut to_peer);
        }
        for mut datagram in drain(&mut to_peer) {
            let _: Received<'_> = peer.receive(now, path, &mut datagram, &mut to_client);
        }
    }
    peer
}

fn drain(datagrams: &mut Datagrams) -> Vec<Vec<u8>> {
    let all = copies(datagrams);
    datagrams.clear();
    all
}

criterion_group!(benches, parse, route, rewrite, seal);
criterion_main!(benches);
