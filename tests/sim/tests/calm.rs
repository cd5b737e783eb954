//! When a shard may let what comes wait for its like, and when not.

use std::time::Duration;

use door::Command;
use thalweg_sim::link::LinkProfile;
use thalweg_sim::media::Media;

const FIBER: LinkProfile = LinkProfile::FIBER;
const WHILE: Duration = Duration::from_secs(5);

/// Two shards with a client each; the datagrams of both land on the other's shard.
fn joined() -> Media {
    let mut world = Media::new(2, 1);
    for shard in [1, 0] {
        world.join(shard, FIBER, FIBER);
    }
    assert_eq!(world.calm, [false, false], "somebody joins");
    assert!(world.run_until(WHILE, |world| world.nodes.iter().all(|node| node.connected)));
    world
}

#[test]
fn checks_alone_are_calm() {
    let mut world = joined();
    assert_eq!(world.calm, [false, false], "somebody has just joined");
    world.run(WHILE);
    assert_eq!(world.calm, [true, true]);
    world.run(WHILE);
    assert_eq!(world.calm, [true, true]);
}

#[test]
fn media_and_whoever_is_awaited_are_not() {
    let mut world = joined();
    world.run(WHILE);
    let track = world.publish(0);
    world.run(WHILE);
    assert!(!world.calm[1], "media flows");
    world.nodes[0].publisher = None;
    world.command(Command::RemoveUpTrack(track));
    world.run(WHILE);
    assert_eq!(world.calm, [true, true]);
    // It is expected and does not come: whoever comes in its stead must not wait.
    let late = world.join(0, FIBER, FIBER);
    world.nodes[late].dead = true;
    world.run(WHILE);
    assert_eq!(world.calm, [false, true]);
    let peer = world.nodes[late].key.unwrap();
    world.command(Command::RemovePeer(peer));
    world.run(WHILE);
    assert_eq!(world.calm, [true, true]);
}
