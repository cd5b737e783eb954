//! Pictures through the whole pipeline.

use std::time::Duration;

use super::decoder::{PortedDecoder, VideoDecoder};
use super::picture::psnr;
use super::scale::Scaler;
use super::*;
use crate::plan::{LayerPlan, VideoPlan};
use crate::sps::Sps;
use crate::testing::{B_FRAMES, BASELINE, pictures};
use crate::unit::AccessUnit;
use crate::unit::Codec;

const ADLER_B_FRAMES: &str = include_str!("../../tests/fixtures/b_frames.adler");
const ADLER_BASELINE: &str = include_str!("../../tests/fixtures/baseline.adler");

/// Both halves, one after the other.
struct Video {
    decoding: Decoding,
    coding: Coding,
}

impl Video {
    fn new(plan: &VideoPlan) -> Self {
        Self { decoding: Decoding::new(plan), coding: Coding::new(plan) }
    }

    fn decode(&mut self, unit: &AccessUnit, made: &mut Vec<Made>, shown: bool) {
        let mut work = Vec::new();
        self.decoding.decode(unit, &mut work, shown);
        work.into_iter().for_each(|work| self.take(work, made));
    }

    fn take(&mut self, work: Work, made: &mut Vec<Made>) {
        self.coding.take(work, &|| Duration::ZERO, made);
    }

    fn keyframe(&mut self, layer: u8) {
        self.take(Work::Keyframe(layer), &mut Vec::new());
    }

    fn set(&mut self, layer: u8, watched: bool, bitrate: u32) {
        self.decoding.watch(layer, watched);
        self.take(Work::Layer { layer, watched, bitrate }, &mut Vec::new());
    }

    fn worked(&mut self, unit: &AccessUnit, busy_us: u64, made: &mut Vec<Made>) {
        let media_us = self.decoding.media_us(unit);
        self.take(Work::Decoded { media_us, busy_us }, made);
    }
}

fn plan(heights: &[u16]) -> VideoPlan {
    let layer = |&height| LayerPlan { height, bitrate: 3_000_000, frame_rate: 30 };
    VideoPlan { layers: heights.iter().map(layer).collect() }
}

fn feed(video: &mut Video, units: &[AccessUnit]) -> Vec<Made> {
    let mut made = Vec::new();
    units.iter().for_each(|unit| video.decode(unit, &mut made, true));
    made
}

/// Decodes a stream with its pictures in the order they come.
fn decoded(units: &[AccessUnit]) -> Vec<(i64, Picture)> {
    let mut decoder = PortedDecoder::default();
    let mut out = Vec::new();
    for unit in units {
        if let Some(sps) = Sps::find(&unit.data) {
            decoder.enter(&sps);
        }
        decoder.decode(unit, &mut out).unwrap();
    }
    out
}

/// One layer as a stream again.
fn layer(made: &[Made], index: u8) -> Vec<AccessUnit> {
    let unit = |made: &Made| match made {
        Made::Picture { layer, pts_us, keyframe, data } if *layer == index => Some(AccessUnit {
            dts_ms: pts_us / 1000,
            pts_ms: pts_us / 1000,
            codec: Codec::H264,
            keyframe: *keyframe,
            data: data.clone(),
        }),
        _ => None,
    };
    made.iter().filter_map(unit).collect()
}

fn keyframes(units: &[AccessUnit]) -> Vec<usize> {
    (0..units.len()).filter(|&index| units[index].keyframe).collect()
}

fn adler(picture: &Picture) -> u32 {
    let (mut low, mut high) = (0u32, 0u32);
    for &sample in picture.planes().iter().flatten() {
        low = (low + u32::from(sample)) % 65_521;
        high = (high + low) % 65_521;
    }
    high << 16 | low
}

#[test]
fn decoding_is_exact_and_in_showing_order() {
    for (recording, sums) in [(B_FRAMES, ADLER_B_FRAMES), (BASELINE, ADLER_BASELINE)] {
        let shown = decoded(&pictures(recording));
        assert!(shown.is_sorted_by_key(|(pts_us, _)| *pts_us));
        let sums: Vec<_> = sums.lines().map(|sum| u32::from_str_radix(&sum[2..], 16).unwrap()).collect();
        let found: Vec<_> = shown.iter().map(|(_, picture)| adler(picture)).collect();
        // The last pictures wait for others that never come.
        assert!(found.len() + 3 >= sums.len(), "{} of {}", found.len(), sums.len());
        assert_eq!(found, sums[..found.len()]);
    }
}

#[test]
fn each_layer_shows_the_source() {
    let source = decoded(&pictures(B_FRAMES));
    let made = feed(&mut Video::new(&plan(&[180, 120, 90])), &pictures(B_FRAMES));
    for (index, size) in [(0, (320, 180)), (1, (214, 120)), (2, (160, 90))] {
        let units = layer(&made, index);
        assert_eq!(keyframes(&units), [0], "one key frame, at the start");
        let shown = decoded(&units);
        assert_eq!(shown.len(), source.len());
        let mut scaler = Scaler::new((320, 180), size);
        for ((pts_us, picture), (source_us, source)) in shown.iter().zip(&source) {
            let mut ideal = source.clone();
            scaler.scale(source, &mut ideal);
            assert_eq!((pts_us / 1000, picture.size()), (source_us / 1000, size));
            let quality = psnr(picture, if index == 0 { source } else { &ideal });
            assert!(quality > 32.0, "layer {index} at {pts_us}: {quality} dB");
        }
    }
    let states = made.iter().filter(|made| matches!(made, Made::Layers(_))).count();
    assert_eq!(states, 1, "the layers are told once");
}

#[test]
fn layers_are_constrained_baseline_without_reordering() {
    let made = feed(&mut Video::new(&plan(&[180])), &pictures(B_FRAMES));
    let sps = Sps::find(&layer(&made, 0)[0].data).unwrap();
    assert_eq!((sps.profile, sps.constraints & 0x40), (66, 0x40));
    assert_eq!(sps.reordering, crate::sps::Reordering::None);
    assert_eq!(sps.colour.matrix, Some(6), "a small picture is taken as BT.601, and says so");
}

#[test]
fn a_key_frame_comes_when_asked_for() {
    let units = pictures(BASELINE);
    let mut video = Video::new(&plan(&[108, 90]));
    let mut made = feed(&mut video, &units[..6]);
    video.keyframe(1);
    video.keyframe(7);
    made.extend(feed(&mut video, &units[6..]));
    assert_eq!(keyframes(&layer(&made, 0)), [0]);
    assert_eq!(keyframes(&layer(&made, 1)), [0, 6]);
}

#[test]
fn an_unwatched_layer_costs_nothing_and_comes_back_whole() {
    let units = pictures(BASELINE);
    let mut video = Video::new(&plan(&[108, 90]));
    let before = feed(&mut video, &units[..4]);
    video.set(0, false, 3_000_000);
    let without = feed(&mut video, &units[4..9]);
    assert_eq!((layer(&before, 0).len(), layer(&without, 0).len(), layer(&without, 1).len()), (4, 0, 5));
    video.set(0, true, 3_000_000);
    let after = layer(&feed(&mut video, &units[9..]), 0);
    assert!(after[0].keyframe);
    let states = without.iter().find_map(|made| if let Made::Layers(states) = made { Some(states) } else { None });
    assert_eq!(states.map(|states| (states[0].active, states[1].active)), Some((false, true)));
}

#[test]
fn while_nobody_watches_nothing_is_decoded_and_who_comes_sees_at_once() {
    let units = pictures(B_FRAMES);
    let mut video = Video::new(&plan(&[180]));
    let before = feed(&mut video, &units[..5]);
    video.set(0, false, 3_000_000);
    assert_eq!(layer(&feed(&mut video, &units[5..30]), 0), []);
    assert!(video.decoding.resting.is_none(), "until the next key frame decoding goes on");
    assert_eq!(layer(&feed(&mut video, &units[30..45]), 0), []);
    assert_eq!(video.decoding.resting.as_ref().map(|kept| kept.units().len()), Some(15));
    video.set(0, true, 3_000_000);
    let after = layer(&feed(&mut video, &units[45..]), 0);
    assert!(after[0].keyframe && after[0].pts_ms >= units[44].dts_ms);
    let shown: Vec<_> = after.iter().map(|unit| unit.pts_ms).collect();
    let source = decoded(&units);
    for (pts_us, picture) in decoded(&after) {
        let (_, ideal) = source.iter().find(|(source_us, _)| *source_us == pts_us).unwrap();
        assert!(psnr(&picture, ideal) > 32.0, "at {pts_us} of {shown:?}");
    }
    assert!(after.len() >= 14 && !layer(&before, 0).is_empty());
}

#[test]
fn a_rate_is_kept_and_changed() {
    let units = pictures(B_FRAMES);
    let bytes = |bitrate| {
        let mut video = Video::new(&plan(&[180]));
        video.set(0, true, bitrate);
        layer(&feed(&mut video, &units), 0).iter().map(|unit| unit.data.len()).sum::<usize>()
    };
    // Two seconds of pictures.
    let (low, high) = (bytes(150_000), bytes(600_000));
    assert!((20_000..60_000).contains(&low), "{low}");
    assert!(high > 2 * low, "{high} against {low}");
}

#[test]
fn another_resolution_goes_on_with_a_key_frame() {
    let later = pictures(B_FRAMES).into_iter().map(|unit| AccessUnit {
        dts_ms: unit.dts_ms + 1000,
        pts_ms: unit.pts_ms + 1000,
        ..unit
    });
    let units: Vec<_> = pictures(BASELINE).into_iter().chain(later).collect();
    let made = feed(&mut Video::new(&plan(&[180, 108])), &units);
    let (larger, smaller) = (layer(&made, 0), layer(&made, 1));
    assert_eq!(keyframes(&smaller), [0, 15]);
    assert_eq!(larger.len(), smaller.len() - 15, "the small source has no large layer");
    let sizes = |units: &[AccessUnit]| decoded(units).iter().map(|(_, picture)| picture.size()).collect::<Vec<_>>();
    assert_eq!(sizes(&smaller)[0], (192, 108));
    assert_eq!(sizes(&smaller[15..])[0], (192, 108));
    assert_eq!(sizes(&larger)[0], (320, 180));
}

#[test]
fn nothing_is_shown_before_a_key_frame_or_again() {
    let units = pictures(BASELINE);
    let mut video = Video::new(&plan(&[108]));
    assert!(feed(&mut video, &units[1..5]).is_empty());
    let mut made = Vec::new();
    units[..8].iter().for_each(|unit| video.decode(unit, &mut made, false));
    assert_eq!(layer(&made, 0), []);
    let after = layer(&feed(&mut video, &units[8..]), 0);
    assert_eq!((after.len(), after[0].keyframe), (7, true));
}

#[test]
fn the_costliest_layer_goes_when_the_cpu_is_short() {
    let units = pictures(B_FRAMES);
    let mut video = Video::new(&plan(&[180, 90]));
    let mut made = feed(&mut video, &units[..1]);
    let mut clock = units[0].clone();
    let mut work = |video: &mut Video, busy_us, seconds: i64| {
        let mut made = Vec::new();
        for _ in 0..seconds * 30 {
            clock.dts_ms += 34;
            video.worked(&clock, busy_us, &mut made);
        }
        made
    };
    made.extend(work(&mut video, 34_000, 10));
    let dropped: Vec<_> = made.iter().filter(|made| matches!(made, Made::Dropped { .. })).collect();
    assert_eq!(dropped, [&Made::Dropped { layer: 0, busy_percent: 100 }], "the last layer stays");
    let small = feed(&mut video, &units[1..10]);
    assert_eq!((layer(&small, 0).len(), layer(&small, 1).is_empty()), (0, false));
    assert!(work(&mut video, 3_000, 40).contains(&Made::Restored(0)));
    assert!(layer(&feed(&mut video, &units[10..20]), 0)[0].keyframe);
}

#[test]
fn what_cannot_be_decoded_is_said_once() {
    // 64x64, high 4:4:4 predictive.
    let sps = [0, 0, 0, 1, 0x67, 244, 0, 30, 0x91, 0x9b, 0x28, 0x42, 0x20];
    let mut unit = pictures(BASELINE)[0].clone();
    unit.data = Bytes::copy_from_slice(&sps);
    let sps = Sps::find(&unit.data);
    let mut video = Video::new(&plan(&[108]));
    let made = feed(&mut video, &[unit.clone(), unit.clone(), unit]);
    assert!(matches!(&made[..], [Made::Unsupported(why)] if why.contains("4:4:4")), "{made:?} for {sps:?}");
    assert!(!layer(&feed(&mut video, &pictures(BASELINE)), 0).is_empty(), "the next stream is taken");
}
