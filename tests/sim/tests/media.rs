//! Media through lossy, slow and reordering links, on one shard and on several.

use std::time::Duration;

use door::{Command, Flow, Notice};
use thalweg_sim::link::LinkProfile;
use thalweg_sim::media::Media;

const FIBER: LinkProfile = LinkProfile::FIBER;

/// One publisher and some viewers; returns the world after `span` of media.
fn broadcast(shards: u16, seed: u64, viewers: usize, up: LinkProfile, down: LinkProfile, span: Duration) -> Media {
    let mut world = Media::new(shards, seed);
    let host = world.join(0, up, FIBER);
    let viewers: Vec<_> = (0..viewers).map(|index| world.join(index as u16 % shards, FIBER, down)).collect();
    let all_connected = |world: &Media| world.nodes.iter().all(|node| node.connected);
    assert!(world.run_until(Duration::from_secs(20), all_connected), "seed {seed}: no handshake");
    let track = world.publish(host);
    for viewer in viewers {
        world.subscribe(viewer, track, host);
    }
    world.run(span);
    world
}

fn check(world: &Media, seed: u64, span: Duration, gap_max: Duration) {
    let expected = span.as_millis() as u64 * 30 / 1000;
    for (_, viewer) in world.nodes.iter().flat_map(|node| &node.subscribers) {
        assert_eq!(viewer.faults, Vec::<String>::new(), "seed {seed}");
        assert!(viewer.decoded * 100 >= expected * 85, "seed {seed}: decoded {} of {expected}", viewer.decoded);
        assert!(viewer.gap_max <= gap_max, "seed {seed}: a gap of {:?}", viewer.gap_max);
        assert!(world.now - viewer.decoded_at() < Duration::from_millis(500), "seed {seed}: frozen at the end");
    }
    let host = world.nodes[0].publisher.as_ref().expect("the host publishes");
    let throttled = span.as_millis() as u64 / 500 + 2;
    assert!(host.plis <= throttled, "seed {seed}: {} keyframe requests in {span:?}", host.plis);
}

#[test]
fn clean_links_deliver_everything() {
    let span = Duration::from_secs(5);
    for shards in [1, 2, 3] {
        let world = broadcast(shards, 1, 4, FIBER, FIBER, span);
        check(&world, 1, span, Duration::from_millis(100));
        let host = world.nodes[0].publisher.as_ref().unwrap();
        assert!(host.keyframes <= 4, "{} keyframes for {} viewers", host.keyframes, 4);
    }
}

#[test]
fn five_percent_loss_on_either_leg_is_repaired() {
    let span = Duration::from_secs(10);
    for seed in 0..4 {
        for (up, down) in [(FIBER.lossy(0.05), FIBER), (FIBER, FIBER.lossy(0.05))] {
            let world = broadcast(1 + seed as u16 % 2, seed, 2, up, down, span);
            check(&world, seed, span, Duration::from_millis(700));
        }
    }
}

#[test]
fn jitter_and_duplicates_are_sorted_out() {
    let span = Duration::from_secs(5);
    let rough = LinkProfile { duplicates: 0.02, ..FIBER.jittery(Duration::from_millis(30)) };
    for seed in 0..4 {
        let world = broadcast(2, seed, 2, rough, rough, span);
        check(&world, seed, span, Duration::from_millis(500));
    }
}

#[test]
fn video_that_is_held_comes_later_and_whole() {
    for let_go in [true, false] {
        let mut world = broadcast(1, 3, 2, FIBER, FIBER, Duration::from_secs(2));
        let peer = world.nodes[1].key.expect("the server knows it");
        let decoded = |world: &Media| [1, 2].map(|viewer: usize| world.nodes[viewer].subscribers[0].1.decoded);
        world.command(Command::HoldVideo { peer, at_most: Duration::from_millis(400) });
        world.run(Duration::from_millis(100));
        let before = decoded(&world);
        world.run(Duration::from_millis(250));
        let [held, free] = decoded(&world);
        assert!(held == before[0] && free >= before[1] + 6, "held {before:?}, {held}, {free}");
        if let_go {
            world.command(Command::HoldVideo { peer, at_most: Duration::ZERO });
        } else {
            world.run(Duration::from_millis(60));
        }
        world.run(Duration::from_millis(20));
        let [held, free] = decoded(&world);
        assert!(held + 1 >= free, "{held} of {free} when it goes on");
        world.run(Duration::from_secs(1));
        check(&world, 3, Duration::from_secs(3), Duration::from_millis(500));
    }
}

#[test]
fn nothing_is_left_when_all_have_gone() {
    let mut world = broadcast(3, 7, 5, FIBER, FIBER, Duration::from_secs(1));
    let keys: Vec<_> = world.nodes.iter().filter_map(|node| node.key).collect();
    for key in keys {
        world.command(Command::RemovePeer(key));
    }
    let left = world.total(|stats| stats.peers + stats.up_tracks + stats.mirrors + stats.down_tracks + stats.addresses);
    assert_eq!(left, 0);
}

/// What is told last of the loss on a client's way up and its way down, in thousandths.
fn told(world: &Media, index: usize) -> (Option<u16>, Option<u16>) {
    let reports =
        world.notices.iter().filter_map(|notice| if let Notice::Reports(it) = notice { Some(it) } else { None });
    let mine = reports.flatten().rfind(|report| Some(report.peer) == world.nodes[index].key).expect("it is told of");
    let loss = |flow: Option<Flow>| flow.map(|flow| flow.loss_permille);
    (loss(mine.up), loss(mine.down))
}

#[test]
fn loss_is_told_of_the_leg_on_which_it_happens() {
    let bad = FIBER.lossy(0.2);
    for (seed, shards) in [(1, 1), (2, 2)] {
        for (up, down, repeats) in [(bad, FIBER, false), (bad, FIBER, true), (FIBER, bad, true), (bad, bad, false)] {
            let mut world = broadcast(shards, seed, 2, FIBER, FIBER, Duration::from_secs(1));
            world.nodes[0].publisher.as_mut().unwrap().repeats = repeats;
            world.nodes[0].up_mut().set_profile(up);
            for index in 1..world.nodes.len() {
                let now = world.now;
                world.nodes[index].subscribers[0].1.report_from(now);
                world.nodes[index].down_mut().set_profile(down);
            }
            world.run(Duration::from_secs(16));
            let lost = |link: LinkProfile| if link.loss > 0.0 { 160..=240 } else { 0..=10 };
            let (sent, _) = told(&world, 0);
            let host = if repeats { 0..=10 } else { lost(up) };
            assert!(sent.is_some_and(|it| host.contains(&it)), "seed {seed}: the host's uplink loses {sent:?}");
            for index in 1..world.nodes.len() {
                let (_, got) = told(&world, index);
                assert!(got.is_some_and(|it| lost(down).contains(&it)), "seed {seed}: {up:?} {down:?}: {got:?}");
            }
        }
    }
}
