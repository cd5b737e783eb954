//! Replays: what a subscriber gets that begins, switches or lost its picture while the ring has what it needs.

use door::Kind;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use wire::codec::vp8;

use super::*;
use crate::replay;
use crate::testing::{Made, Vp8Frame, down_params, video_params};

const MS: Duration = Duration::from_millis(1);

struct World {
    now: Instant,
    up: UpTrack,
    down: DownTrack,
    /// Frames of each encoding so far.
    frames: [u16; 3],
    got: Vec<Got>,
}

/// A packet as the subscriber reads it: its numbers and the source's number, which made packets carry at their end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Got {
    seq: u16,
    timestamp: u32,
    vp8: vp8::Descriptor,
    source: u16,
}

impl World {
    fn new(rids: &[&str], target: LayerTarget) -> Self {
        let params = video_params("1", rids);
        let down = DownTrack::new(&params, down_params(Kind::Video), target, &mut StdRng::seed_from_u64(1));
        Self { now: crate::testing::start(), up: UpTrack::new(params), down, frames: [0; 3], got: Vec::new() }
    }

    /// One frame of `encoding`, of three temporal layers in turn.
    fn frame(&mut self, encoding: u8, key: bool) {
        let count = &mut self.frames[usize::from(encoding)];
        let (temporal, sync) = [(0, false), (2, true), (1, true), (2, false)][usize::from(*count % 4)];
        let kind = Vp8Frame { key, start: true, picture: 500 + *count, tl0: (*count / 4) as u8, ..Vp8Frame::default() };
        let frame = if key { Vp8Frame { sync: true, ..kind } } else { kind.at(temporal, sync) };
        let made = Made::vp8(encoding, 60_000u16.wrapping_add(*count), u32::from(*count) * 3000, frame);
        *count += 1;
        let (bytes, mut out) = (made.bytes(), [0; 2000]);
        let arrival = self.up.receive(self.now, encoding, &Packet::parse(&bytes).unwrap(), false).unwrap();
        if let Some(written) = self.down.forward(self.now, &self.up, &arrival, &mut out) {
            self.got.push(Got::read(&out, &written));
        }
    }

    fn frames(&mut self, encoding: u8, count: usize) {
        for _ in 0..count {
            self.frame(encoding, false);
            self.now += 33 * MS;
        }
    }

    fn step(&mut self) {
        let mut out = [0; 2000];
        while let Some(written) = self.down.replay(self.now, &self.up, &mut out) {
            self.got.push(Got::read(&out, &written));
        }
    }

    fn check(&self) {
        for pair in self.got.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            assert_eq!(after.seq, before.seq.wrapping_add(1));
            let step = after.timestamp.wrapping_sub(before.timestamp) as i32;
            assert!((1..=90 * 200).contains(&step), "{before:?} {after:?}");
            let id = |got: Got| got.vp8.picture_id.unwrap().value;
            assert_eq!(id(after), (id(before) + 1) % 0x8000);
        }
    }
}

impl Got {
    fn read(out: &[u8], written: &Written<'_>) -> Self {
        let whole = [&out[..written.len], written.rest].concat();
        let packet = Packet::parse(&whole).unwrap();
        let payload = packet.payload();
        let end = payload.len();
        Self {
            seq: packet.seq(),
            timestamp: packet.timestamp(),
            vp8: vp8::Descriptor::parse(payload).unwrap(),
            source: u16::from_le_bytes([payload[end - 2], payload[end - 1]]),
        }
    }
}

#[test]
fn a_newcomer_gets_the_key_frame_and_all_that_needs_it() {
    let mut world = World::new(&[], LayerTarget::BEST);
    world.frame(0, true);
    world.frames(0, 60);
    world.got.clear();
    let params = world.up.params().clone();
    world.down = DownTrack::new(&params, down_params(Kind::Video), LayerTarget::BEST, &mut StdRng::seed_from_u64(2));
    assert!(world.down.can_replay(world.now, &world.up) && world.down.begin_replay(world.now, &world.up));
    assert!(!world.down.begin_replay(world.now, &world.up), "one at a time");
    world.step();
    assert!(!world.down.is_replaying(), "little is sent at once");
    let replayed = world.got.len();
    assert!(world.got[0].vp8.keyframe && world.got[0].source == 60_000);
    assert!(world.got[1..].iter().all(|got| got.vp8.temporal == Some(0)), "only what is needed to go on");
    assert_eq!(replayed, 16);
    let span = world.got[replayed - 1].timestamp.wrapping_sub(world.got[0].timestamp);
    assert!(span <= 90 * 80, "{span} ticks");
    world.frames(0, 20);
    assert!(world.got.iter().any(|got| got.vp8.temporal == Some(2)), "the rest follows");
    world.check();
}

#[test]
fn a_switch_is_replayed_after_what_was_sent() {
    let mut world = World::new(&["q", "h", "f"], LayerTarget::UpTo { spatial: 0, temporal: 9 });
    world.frame(0, true);
    world.frame(2, true);
    for _ in 0..50 {
        world.frame(0, false);
        world.frame(2, false);
        world.now += 33 * MS;
    }
    let before = *world.got.last().unwrap();
    world.down.set_target(LayerTarget::BEST);
    assert!(world.down.begin_replay(world.now, &world.up));
    world.frame(0, false);
    assert_eq!(world.got.last(), Some(&before), "the old encoding is over");
    world.step();
    assert_eq!(world.down.encoding(), Some(2));
    assert!(world.got.last().unwrap().timestamp.wrapping_sub(before.timestamp) < 90 * 200);
    world.frames(2, 10);
    world.check();
}

#[test]
fn what_is_too_much_or_not_all_there_is_asked_for() {
    let mut world = World::new(&[], LayerTarget::BEST);
    world.down.set_target(LayerTarget::Off);
    world.frame(0, true);
    world.frames(0, 30);
    world.down.set_target(LayerTarget::BEST);
    world.down.set_replay_bytes_max(100);
    assert!(!world.down.begin_replay(world.now, &world.up));
    world.down.set_replay_bytes_max(u64::MAX);
    assert!(world.down.can_replay(world.now, &world.up));
    assert!(!world.down.can_replay(world.now + replay::AGE_MAX, &world.up), "too old");
    // So much is lost that it will not be asked for: what follows cannot be decoded.
    world.frames[0] += 300;
    world.frames(0, 1);
    assert!(!world.down.begin_replay(world.now, &world.up));
    world.frame(0, true);
    assert!(world.down.encoding().is_some(), "the next key frame is a beginning");
}

#[test]
fn a_lost_picture_is_replayed_once_in_a_while() {
    let mut world = World::new(&[], LayerTarget::BEST);
    world.frame(0, true);
    world.frames(0, 10);
    assert!(world.down.begin_replay_again(world.now, &world.up));
    world.step();
    assert!(!world.down.begin_replay_again(world.now, &world.up));
    assert_eq!(world.down.picture_lost(), Some(0));
    world.frames(0, 40);
    assert!(world.down.begin_replay_again(world.now, &world.up));
    world.step();
    world.frames(0, 3);
    world.check();
}

#[test]
fn a_pause_ends_a_replay() {
    for limit in [true, false] {
        let mut world = World::new(&[], LayerTarget::BEST);
        world.down.set_target(LayerTarget::Off);
        world.frame(0, true);
        world.frames(0, 1500);
        world.frame(0, true);
        world.frames(0, 200);
        world.down.set_target(LayerTarget::BEST);
        assert!(world.down.begin_replay(world.now, &world.up));
        let mut out = [0; 2000];
        assert!(world.down.replay(world.now, &world.up, &mut out).is_some());
        if limit {
            world.down.set_limit(LayerTarget::Off);
        } else {
            world.down.set_target(LayerTarget::Off);
        }
        assert_eq!(world.down.replay(world.now, &world.up, &mut out), None);
        assert!(!world.down.is_replaying() && world.down.encoding().is_none());
        world.frames(0, 3);
        assert!(world.got.is_empty());
    }
}

proptest! {
    #[test]
    fn a_replay_joins_what_arrives(before in 1usize..200, steps in proptest::collection::vec(0u8..3, 1..80)) {
        let mut world = World::new(&[], LayerTarget::BEST);
        world.down.set_target(LayerTarget::Off);
        world.frame(0, true);
        world.frames(0, before);
        world.down.set_target(LayerTarget::BEST);
        prop_assert!(world.down.begin_replay(world.now, &world.up));
        for step in steps {
            match step {
                0 => world.step(),
                1 => world.frames(0, 1),
                _ => world.now += replay::STEP,
            }
        }
        world.step();
        prop_assert!(!world.down.is_replaying());
        world.frames(0, 2);
        world.check();
        // Nothing of the lowest temporal layer is left out.
        let base: Vec<_> = world.got.iter().filter(|got| got.vp8.temporal == Some(0)).map(|got| got.source).collect();
        let expected = (0..world.frames[0]).step_by(4).map(|count| 60_000u16.wrapping_add(count));
        prop_assert_eq!(base, expected.collect::<Vec<_>>());
    }
}

#[test]
fn what_nobody_watches_is_not_kept_for_those_who_come() {
    // Who watches, and whether one who comes then finds the best encoding, a key frame and 2.8 s after it.
    let nobody = [false; crate::ENCODINGS_MAX];
    let (lower, upper) = ([true, false, false, false], [false, false, true, false]);
    for (watched, finds) in [(nobody, true), (lower, false), (upper, true)] {
        let mut world = World::new(&["q", "h", "f"], LayerTarget::Off);
        for encoding in [0, 2] {
            world.frame(encoding, true);
        }
        for frame in 0..1400 {
            if frame % 100 == 0 {
                world.up.note_watched(world.now, watched);
            }
            world.frame(0, false);
            world.frame(2, false);
            world.now += 2 * MS;
        }
        world.down.set_target(LayerTarget::BEST);
        assert_eq!(world.down.can_replay(world.now, &world.up), finds, "{watched:?}");
    }
}

#[test]
fn what_was_watched_is_found_again_for_a_while() {
    let mut world = World::new(&["q", "f"], LayerTarget::Off);
    world.frame(1, true);
    let (lower, upper) = ([true, false, false, false], [false, true, false, false]);
    world.up.note_watched(world.now, upper);
    for (watched, wait, finds) in [(lower, 4900 * MS, true), (lower, 200 * MS, true), (upper, Duration::ZERO, true)] {
        world.now += wait;
        world.up.note_watched(world.now, watched);
        world.frames(1, 10);
        world.down.set_target(LayerTarget::BEST);
        assert_eq!(world.down.can_replay(world.now, &world.up), finds);
        world.down.set_target(LayerTarget::Off);
    }
}
