//! Floods of DTLS handshakes, each of which costs what hundreds of packets cost: from strangers, and from one source that was
//! let in. Others join meanwhile as if nothing were.

use std::time::{Duration, Instant};

use door::{Path, Protocol, ShardId};
use peer::Identity;
use peer::testing::Client;
use quota::Rate;
use shard::{Shard, ShardConfig, SourceLimits};
use thalweg_sim::entrance::{copies, enter, exchange, knock};

/// Handshakes of one source that are begun at once, and how many more in a second.
const BURST: u32 = 50;
const PER_SECOND: u32 = 10;

fn limited() -> (Shard, Identity, Instant) {
    let (identity, now) = (Identity::generate().unwrap(), Instant::now());
    let config = ShardConfig { id: ShardId(0), shards: 1, identity: identity.clone(), seed: Some(7) };
    let mut shard = Shard::new(config, now);
    let handshakes = Rate { per_second: PER_SECOND, burst: BURST };
    shard.limit_sources(SourceLimits { failed_checks: Rate::NONE, handshakes, seed: 7 });
    (shard, identity, now)
}

/// The ClientHello of a client that a lenient shard let in.
fn hello() -> Vec<u8> {
    let (mut shard, identity, now) = limited();
    let address = ([192, 0, 2, 1], 9).into();
    let (_, mut client, path) = knock(&mut shard, &identity, now, 1, address);
    for _ in 0..4 {
        let mut out = door::Datagrams::default();
        client.advance(now, &mut out);
        for mut datagram in copies(&shard.outbox().datagrams) {
            client.receive(now, &mut datagram, &mut out);
        }
        shard.outbox().datagrams.clear();
        for mut datagram in copies(&out) {
            if datagram[0] == 22 {
                return datagram;
            }
            shard.receive(now, path, &mut datagram);
        }
    }
    panic!("it says no hello");
}

#[test]
fn strangers_hellos_are_neither_answered_nor_remembered() {
    let (mut shard, identity, now) = limited();
    let hello = hello();
    for source in 0..20_000_u32 {
        let [_, high, middle, low] = source.to_be_bytes();
        let remote = ([198, 51 + high, middle, low], 4000).into();
        let path = Path { protocol: Protocol::Udp, local: ([10, 9, 9, 9], 7882).into(), remote };
        shard.receive(now, path, &mut hello.clone());
    }
    assert_eq!(copies(&shard.outbox().datagrams), Vec::<Vec<u8>>::new());
    let stats = shard.stats();
    assert_eq!((stats.datagrams_unknown, stats.addresses, stats.peers), (20_000, 0, 0));
    let (_, client, _) = enter(&mut shard, &identity, now, 1);
    assert!(client.profile().is_some());
}

#[test]
fn one_source_begins_no_more_handshakes_than_it_may() {
    let (mut shard, identity, start) = limited();
    let mut crowd: Vec<_> = (0..150_u16)
        .map(|index| {
            let address = ([203, 0, 113, 66], 10_000 + index).into();
            let (_, client, path) = knock(&mut shard, &identity, start, 1_000 + u64::from(index), address);
            (client, path)
        })
        .collect();
    let turn = |shard: &mut Shard, crowd: &mut Vec<(Client, Path)>, now| {
        for (client, path) in crowd.iter_mut() {
            for _ in 0..6 {
                exchange(shard, client, now, *path);
            }
        }
        crowd.iter().filter(|(client, _)| client.profile().is_some()).count()
    };
    assert_eq!(turn(&mut shard, &mut crowd, start), BURST as usize, "who came first");
    assert_eq!(shard.stats().handshakes_throttled, 150 - u64::from(BURST));
    // Somebody else is let in within the flood, at once.
    let (_, other, _) = enter(&mut shard, &identity, start, 1);
    assert!(other.profile().is_some());
    // The crowd is spread over time: clients repeat their hello, and nobody is turned away.
    let mut known = BURST as usize;
    for second in 1..=20 {
        let inside = turn(&mut shard, &mut crowd, start + Duration::from_secs(second));
        assert!(inside as u64 <= u64::from(BURST) + second * u64::from(PER_SECOND), "{inside} after {second} s");
        known = inside;
    }
    assert_eq!(known, 150);
}
