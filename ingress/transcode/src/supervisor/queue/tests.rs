//! What leaves the queue, and what is left out.

use super::*;
use crate::group;
use crate::plan::Preset;
use crate::plan::VideoPlan;

fn queue() -> Inner {
    Inner { video: true, ..Inner::default() }
}

fn unit(codec: Codec, dts_ms: i64, keyframe: bool) -> AccessUnit {
    AccessUnit { dts_ms, pts_ms: dts_ms, codec, keyframe, data: Bytes::from_static(&[1; 100]) }
}

fn picture(dts_ms: i64, keyframe: bool) -> AccessUnit {
    unit(Codec::H264, dts_ms, keyframe)
}

/// All words that wait: `a` a unit again, `u` a unit, with decoding time; `c` the sound's configuration.
fn words(queue: &mut Inner) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(Next::Word(word)) = queue.next() {
        found.push(match word {
            ToChild::Unit(unit) if unit.codec == Codec::AacConfig => "c".to_owned(),
            ToChild::Unit(unit) => format!("u{}", unit.dts_ms),
            ToChild::Again(unit) => format!("a{}", unit.dts_ms),
            ToChild::Keyframe(layer) => format!("k{layer}"),
            ToChild::Layer { layer, watched, bitrate } => format!("l{layer} {watched} {bitrate}"),
            ToChild::Plan(_) => "p".to_owned(),
        });
    }
    assert_eq!(queue.bytes, 0);
    found
}

#[test]
fn a_child_two_seconds_behind_gets_no_picture_before_the_next_key_frame() {
    let mut queue = queue();
    for n in 0..=60 {
        assert_eq!(queue.push(picture(n * 33, n == 0)), Accepted::Queued);
        queue.push(unit(Codec::Aac, n * 33, true));
    }
    assert_eq!(queue.push(picture(2013, false)), Accepted::Skipped);
    assert_eq!(queue.push(picture(2046, false)), Accepted::Skipped);
    assert_eq!(queue.skipped, 63);
    assert_eq!(queue.push(picture(2079, true)), Accepted::Queued);
    assert_eq!(queue.push(picture(2112, false)), Accepted::Queued);
    let left = words(&mut queue);
    assert_eq!(left.len(), 61 + 2, "sound stays");
    assert_eq!(left[61..], ["u2079", "u2112"]);
}

#[test]
fn floods_are_bounded() {
    let mut queue = queue();
    for n in 0..10_000 {
        queue.push(unit(Codec::Aac, n, true));
    }
    assert_eq!(queue.units.len(), UNITS_MAX);
    assert_eq!(words(&mut queue)[0], "u9400", "the oldest sound has left");
    let large = AccessUnit { data: Bytes::from(vec![0; UNIT_BYTES_MAX]), ..picture(0, true) };
    for _ in 0..10 {
        queue.push(large.clone());
    }
    assert!(queue.bytes <= BYTES_MAX && queue.replay.bytes() <= group::BYTES_MAX);
    let too_large = AccessUnit { data: Bytes::from(vec![0; UNIT_BYTES_MAX + 1]), ..picture(0, true) };
    assert_eq!(queue.push(too_large), Accepted::TooLarge);
}

#[test]
fn wishes_come_first_and_the_last_one_counts() {
    let shared = Queue::new(&Plan { audio: None, video: Some(VideoPlan { layers: Preset::ALL[0].layers() }) });
    shared.push(picture(0, true));
    shared.layer(1, false, 1);
    shared.layer(1, true, 2);
    shared.layer(9, true, 2);
    shared.keyframe(2);
    shared.keyframe(2);
    shared.keyframe(9);
    assert_eq!(words(&mut shared.lock()), ["l1 true 2", "k2", "u0"]);
}

#[test]
fn a_new_child_decodes_what_the_old_one_had_and_hears_all_settings() {
    let mut queue = queue();
    queue.push(unit(Codec::AacConfig, 0, true));
    queue.layers[0] = Some((true, 7));
    for n in 0..6 {
        queue.push(picture(n, n == 0));
    }
    for _ in 0..5 {
        queue.next();
    }
    queue.push(unit(Codec::Aac, 6, true));
    queue.restart(true);
    assert_eq!(words(&mut queue), ["l0 true 7", "c", "a0", "a1", "a2", "a3", "u4", "u5", "u6"]);
    queue.restart(false);
    assert_eq!(queue.push(picture(7, false)), Accepted::Skipped);
    assert_eq!(queue.push(picture(8, true)), Accepted::Queued);
    assert_eq!(words(&mut queue), ["l0 true 7", "c", "u8"]);
}

#[test]
fn a_long_group_is_not_decoded_again() {
    let mut queue = queue();
    for n in 0..200 {
        queue.push(picture(n, n == 0));
    }
    queue.restart(true);
    assert_eq!(words(&mut queue), Vec::<String>::new());
    assert_eq!(queue.push(picture(200, false)), Accepted::Skipped);
}

#[test]
fn without_video_in_the_plan_pictures_are_only_time() {
    let mut queue = Inner::default();
    queue.push(picture(5, false));
    assert!(matches!(queue.next(), Some(Next::Word(ToChild::Unit(unit))) if unit.data.is_empty()));
}

#[test]
fn a_closed_queue_takes_nothing() {
    let queue = Queue::new(&Plan::default());
    queue.close();
    assert_eq!(queue.push(picture(0, true)), Accepted::Closed);
    assert_eq!(queue.lock().next(), Some(Next::Closed));
}
