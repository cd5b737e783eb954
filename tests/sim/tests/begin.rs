//! The first picture: whoever comes late sees one at once, and the publisher is not asked for what is still here.

use std::time::Duration;

use thalweg_sim::link::LinkProfile;
use thalweg_sim::media::{ClientIndex, Media};

const FIBER: LinkProfile = LinkProfile::FIBER;
const CONNECTING: Duration = Duration::from_secs(20);

/// A publisher that has sent for `span` to one viewer, and who both are.
fn running(shards: u16, seed: u64, span: Duration) -> (Media, ClientIndex, door::TrackKey) {
    let mut world = Media::new(shards, seed);
    let host = world.join(0, FIBER, FIBER);
    let viewer = world.join(0, FIBER, FIBER);
    connect(&mut world);
    let track = world.publish(host);
    world.subscribe(viewer, track, host);
    world.run(span);
    (world, host, track)
}

fn connect(world: &mut Media) {
    let all_connected = |world: &Media| world.nodes.iter().all(|node| node.connected);
    assert!(world.run_until(CONNECTING, all_connected), "no handshake");
}

fn asked(world: &Media, host: ClientIndex) -> (u64, u64) {
    let publisher = world.nodes[host].publisher.as_ref().expect("it publishes");
    (publisher.plis, publisher.keyframes)
}

#[test]
fn who_comes_late_begins_from_the_ring() {
    for (shards, age) in [(1, 2), (1, 9), (2, 2), (2, 9)] {
        let (mut world, host, track) = running(shards, 1, Duration::from_secs(age));
        let before = asked(&world, host);
        let late = world.join(shards - 1, FIBER, FIBER);
        connect(&mut world);
        let began = world.now;
        world.subscribe(late, track, host);
        let sees = |world: &Media| world.nodes[late].subscribers.iter().all(|(_, it)| it.decoded > 0);
        assert!(world.run_until(Duration::from_secs(2), sees), "{shards} shards, {age} s: nothing is seen");
        let first = world.now - began;
        assert!(first <= Duration::from_millis(40), "{shards} shards, {age} s: first picture after {first:?}");
        world.run(Duration::from_millis(1000));
        let newest = world.nodes[host].publisher.as_ref().unwrap().frames_sent();
        let (_, seen) = &world.nodes[late].subscribers[0];
        assert_eq!(seen.faults, Vec::<String>::new(), "{shards} shards, {age} s");
        assert!(seen.shown() + 3 >= newest, "{shards} shards, {age} s: {} of {newest}", seen.shown());
        assert_eq!(seen.nacks, 0, "nothing is missing");
        assert_eq!(asked(&world, host), before, "{shards} shards, {age} s: the publisher is not asked");
        assert!(world.total(|stats| stats.replays) >= 1);
    }
}

#[test]
fn an_old_key_frame_is_asked_for_anew() {
    let (mut world, host, track) = running(1, 2, Duration::from_secs(14));
    let (plis, keyframes) = asked(&world, host);
    let late = world.join(0, FIBER, FIBER);
    connect(&mut world);
    world.subscribe(late, track, host);
    world.run(Duration::from_secs(1));
    assert_eq!(asked(&world, host), (plis + 1, keyframes + 1));
    assert!(world.nodes[late].subscribers[0].1.decoded > 20);
}

#[test]
fn a_storm_of_joins_asks_once_in_an_interval() {
    let (mut world, host, track) = running(2, 3, Duration::from_secs(14));
    let viewers: Vec<_> = (0..500).map(|index| world.join(index % 2, FIBER, FIBER)).collect();
    connect(&mut world);
    let (before, began) = (asked(&world, host).0, world.now);
    for (index, &viewer) in viewers.iter().enumerate() {
        world.subscribe(viewer, track, host);
        if index % 25 == 0 {
            world.run(Duration::from_millis(100));
        }
    }
    world.run(Duration::from_millis(500));
    let intervals = (world.now - began).as_millis() as u64 / 500 + 1;
    let plis = asked(&world, host).0 - before;
    assert!((1..=intervals).contains(&plis), "{plis} keyframe requests in {:?}", world.now - began);
    assert!(plis <= 2, "what was asked for once serves all who come within ten seconds: {plis}");
    for &viewer in &viewers {
        let (_, seen) = &world.nodes[viewer].subscribers[0];
        assert!(seen.decoded > 0 && seen.faults.is_empty(), "viewer {viewer}: {} {:?}", seen.decoded, seen.faults);
    }
}
