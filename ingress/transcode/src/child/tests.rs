//! The child without a process: words in, words out.

use bytes::Bytes;

use super::*;
use crate::plan::{AudioPlan, LayerPlan, VideoPlan};
use crate::testing::{BASELINE, TONE_44100, pictures, sound};

fn plan() -> Plan {
    let layers = vec![LayerPlan { height: 108, bitrate: 1_000_000, frame_rate: 30 }];
    Plan { audio: Some(AudioPlan { bitrate: 64_000 }), video: Some(VideoPlan { layers }) }
}

fn words(words: &[ToChild]) -> Vec<u8> {
    words.iter().flat_map(|word| word.frame().to_vec()).collect()
}

fn answers(bytes: Vec<u8>) -> Vec<FromChild> {
    let mut bytes = Bytes::from(bytes);
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let length = bytes.split_to(LENGTH_BYTES);
        let len = frame_len([length[0], length[1], length[2], length[3]]).expect("a frame");
        found.push(FromChild::parse(bytes.split_to(len)).expect("a word"));
    }
    found
}

fn serve_words(input: &[u8]) -> (io::Result<()>, Vec<FromChild>) {
    let mut output = Vec::new();
    let result = serve(input, &mut output, || Duration::ZERO, || Ok(()));
    (result, answers(output))
}

#[test]
fn both_media_are_answered_and_every_unit_counted() {
    let units: Vec<_> = pictures(BASELINE).into_iter().chain(sound(TONE_44100, 0)).collect();
    let said: Vec<_> = [ToChild::Plan(plan())].into_iter().chain(units.iter().cloned().map(ToChild::Unit)).collect();
    let (result, answers) = serve_words(&words(&said));
    assert!(result.is_ok());
    assert_eq!(answers[0], FromChild::Ready);
    assert_eq!(answers.last(), Some(&FromChild::Done(units.len() as u64)));
    let count = |of: fn(&FromChild) -> bool| answers.iter().filter(|answer| of(answer)).count();
    assert_eq!(count(|answer| matches!(answer, FromChild::Picture { .. })), 15);
    assert!(count(|answer| matches!(answer, FromChild::Opus { .. })) >= 74);
}

#[test]
fn pictures_had_before_are_counted_and_not_shown() {
    let again: Vec<_> = pictures(BASELINE).into_iter().map(ToChild::Again).collect();
    let (_, answers) = serve_words(&words(&[vec![ToChild::Plan(plan())], again].concat()));
    assert_eq!(answers.iter().filter(|answer| matches!(answer, FromChild::Picture { .. })).count(), 0);
    assert_eq!(answers.last(), Some(&FromChild::Done(15)));
}

#[test]
fn without_video_in_the_plan_pictures_only_tell_the_time() {
    let plan = Plan { video: None, ..plan() };
    let mut late = pictures(BASELINE)[0].clone();
    (late.dts_ms, late.data) = (4000, Bytes::new());
    let units = [sound(TONE_44100, 0), vec![late]].concat();
    let said: Vec<_> = [ToChild::Plan(plan)].into_iter().chain(units.into_iter().map(ToChild::Unit)).collect();
    let packets = serve_words(&words(&said)).1.into_iter().filter(|answer| matches!(answer, FromChild::Opus { .. }));
    assert!((140..=150).contains(&packets.count()), "silence up to a second before the picture");
}

#[test]
fn nonsense_ends_the_child() {
    let unit = ToChild::Unit(pictures(BASELINE)[0].clone());
    let plan = ToChild::Plan(plan());
    for (input, answered) in [
        (words(std::slice::from_ref(&unit)), 0),
        (words(&[plan.clone(), plan.clone()]), 1),
        (Vec::new(), 0),
        (vec![0xff; 100], 0),
        ([words(std::slice::from_ref(&plan)), vec![9, 0, 0, 0, 99]].concat(), 1),
        ([words(&[plan]), vec![1, 0, 0, 0, 99]].concat(), 1),
    ] {
        let (result, answers) = serve_words(&input);
        assert!(result.is_err() && answers.len() == answered, "{result:?} {answers:?}");
    }
}
