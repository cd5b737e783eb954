//! Tones through the whole pipeline.

use std::f64::consts::TAU;

use ropus::{Channels, DecodeMode, Decoder};

use super::*;
use crate::testing::{TONE_44100, sound};
use crate::unit::{AccessUnit, Codec};

const MONO_48000: &[u8] = include_bytes!("../../tests/fixtures/tone_48000_mono.aac");
const MONO_22050: &[u8] = include_bytes!("../../tests/fixtures/tone_22050_mono.aac");
/// As [`TONE_44100`], with 14 kHz at 0.05 on the left, by Fraunhofer's HE-AAC encoder at 40 kb/s.
const HIGH_EFFICIENCY: &[u8] = include_bytes!("../../tests/fixtures/tone_44100_he.aac");
/// 1000 Hz and noise on the left, nothing on the right, by the same with parametric stereo at 24 kb/s.
const PARAMETRIC: &[u8] = include_bytes!("../../tests/fixtures/left_44100_he_v2.aac");
/// Level of the recorded tones.
const LEVEL: f64 = 0.25;

fn pipeline() -> Audio {
    Audio::new(AudioPlan { bitrate: 96_000 }).unwrap()
}

fn feed(audio: &mut Audio, units: &[AccessUnit]) -> Vec<Packet> {
    let mut packets = Vec::new();
    for unit in units {
        match unit.codec {
            Codec::AacConfig => assert_eq!(audio.configure(&unit.data), Ok(())),
            _ => packets.extend(audio.decode(unit.pts_ms, &unit.data)),
        }
    }
    packets
}

/// What a receiver hears.
fn heard(packets: &[Packet]) -> Vec<Frame> {
    let mut decoder = Decoder::new(RATE, Channels::Stereo).unwrap();
    let mut out = Vec::new();
    for packet in packets {
        let mut frames = [0.0f32; 2 * PACKET_FRAMES];
        assert_eq!(decoder.decode_float(&packet.data, &mut frames, DecodeMode::Normal), Ok(PACKET_FRAMES));
        out.extend(frames.as_chunks::<2>().0);
    }
    out
}

/// Amplitude of one frequency in one channel, as the mean over 50 ms each: drift may bend the pitch a little.
fn level(frames: &[Frame], channel: usize, hertz: f64) -> f64 {
    let windows = frames.chunks_exact(2400);
    let count = windows.len() as f64;
    windows.map(|window| amplitude(window, channel, hertz)).sum::<f64>() / count
}

/// Amplitude of one frequency in one channel.
fn amplitude(frames: &[Frame], channel: usize, hertz: f64) -> f64 {
    let (mut cosine, mut sine) = (0.0, 0.0);
    for (n, frame) in frames.iter().enumerate() {
        let angle = n as f64 * hertz / f64::from(RATE) * TAU;
        cosine += f64::from(frame[channel]) * angle.cos();
        sine += f64::from(frame[channel]) * angle.sin();
    }
    2.0 * cosine.hypot(sine) / frames.len() as f64
}

fn assert_tone(frames: &[Frame], channel: usize, hertz: f64) {
    let decibels = 20.0 * (level(frames, channel, hertz) / LEVEL).log10();
    assert!(decibels.abs() < 1.0, "{hertz} Hz in channel {channel}: {decibels} dB off");
}

fn assert_gapless(packets: &[Packet]) {
    assert!(packets.windows(2).all(|pair| pair[1].pts_us - pair[0].pts_us == 20_000));
}

/// Power between two frequencies in one channel, as the mean over 50 ms each.
fn power(frames: &[Frame], channel: usize, hertz: std::ops::Range<usize>) -> f64 {
    hertz.step_by(20).map(|hertz| level(frames, channel, hertz as f64).powi(2)).sum()
}

/// The units of a recording whose configuration says this.
fn configured(recording: &'static [u8], config: &'static [u8]) -> Vec<AccessUnit> {
    let mut units = sound(recording, 5000);
    units[0].data = Bytes::from_static(config);
    units
}

#[test]
fn of_high_efficiency_the_upper_band_is_heard_however_it_is_told() {
    // Not at all, behind the core, before it; a core of 22.05 kHz, which ends at 11 kHz.
    for config in [&[0x13, 0x90][..], &[0x13, 0x90, 0x56, 0xe5, 0xa0], &[0x2b, 0x92, 0x08, 0x00]] {
        let packets = feed(&mut pipeline(), &configured(HIGH_EFFICIENCY, config));
        assert_gapless(&packets);
        let frames = &heard(&packets)[14_400..57_600];
        assert_tone(frames, 0, 1000.0);
        assert_tone(frames, 1, 440.0);
        // 14 kHz at a fifth of the tone's level; the upper band is as fine as its 345 Hz of resolution.
        let upper = power(frames, 0, 13_600..14_400);
        assert!((0.04f64.powi(2)..0.08f64.powi(2)).contains(&upper), "{config:02x?}: {}", upper.sqrt());
        assert!(power(frames, 1, 13_600..14_400) < upper / 100.0, "{config:02x?}: in one channel alone");
    }
    // Said to be absent, it is not looked for.
    let core = feed(&mut pipeline(), &configured(HIGH_EFFICIENCY, &[0x13, 0x90, 0x56, 0xe5, 0x00]));
    let frames = &heard(&core)[14_400..57_600];
    assert_tone(frames, 0, 1000.0);
    assert!(power(frames, 0, 13_600..14_400) < 0.005f64.powi(2));
}

#[test]
fn two_channels_are_made_of_one() {
    for config in [&[0x13, 0x88][..], &[0xeb, 0x8a, 0x08, 0x00]] {
        let frames = heard(&feed(&mut pipeline(), &configured(PARAMETRIC, config)));
        let frames = &frames[14_400..57_600];
        assert_tone(frames, 0, 1000.0);
        assert!(level(frames, 1, 1000.0) < LEVEL / 10.0, "{config:02x?}: {}", level(frames, 1, 1000.0));
        assert!(power(frames, 0, 12_000..13_000) > 100.0 * power(frames, 1, 12_000..13_000), "{config:02x?}");
    }
}

#[test]
fn who_comes_into_the_middle_has_the_core_until_the_upper_band_is_told() {
    let mut units = sound(HIGH_EFFICIENCY, 5000);
    units.drain(1..4);
    let packets = feed(&mut pipeline(), &units);
    assert_gapless(&packets);
    let frames = heard(&packets);
    for (at, upper) in [(9_600..14_400, false), (40_000..54_400, true)] {
        assert_tone(&frames[at.clone()], 0, 1000.0);
        assert_eq!(power(&frames[at.clone()], 0, 13_600..14_400) > 0.03f64.powi(2), upper, "{at:?}");
    }
}

#[test]
fn tones_keep_their_pitch_level_and_channel() {
    for (recording, right) in [(TONE_44100, 440.0), (MONO_48000, 1000.0), (MONO_22050, 1000.0)] {
        let packets = feed(&mut pipeline(), &sound(recording, 5000));
        assert_gapless(&packets);
        let frames = heard(&packets);
        let inner = &frames[9600..38_400];
        assert_tone(inner, 0, 1000.0);
        assert_tone(inner, 1, right);
    }
}

#[test]
fn sound_lies_where_its_time_stamps_say() {
    let packets = feed(&mut pipeline(), &sound(TONE_44100, 5000));
    let frames = heard(&packets);
    let first = frames.iter().position(|frame| frame[0].abs() > 0.05).unwrap();
    let heard_us = packets[0].pts_us + first as i64 * 1_000_000 / 48_000;
    // The recording begins with one frame of the AAC encoder's delay.
    let meant_us = 5_000_000 + 1024 * 1_000_000 / 44_100;
    assert!(heard_us.abs_diff(meant_us) < 3000, "{} us off", heard_us - meant_us);
}

#[test]
fn a_hole_becomes_silence_of_its_length() {
    let whole = sound(TONE_44100, 0);
    let mut holed = whole.clone();
    holed.drain(20..24);
    let (whole, holed) = (feed(&mut pipeline(), &whole), feed(&mut pipeline(), &holed));
    assert_gapless(&holed);
    assert!(whole.len().abs_diff(holed.len()) <= 1);
    let frames = heard(&holed);
    let quiet = frames[4800..60_000].chunks(480).filter(|chunk| amplitude(chunk, 0, 1000.0) < 0.02).count();
    // Four frames of 23.2 ms in windows of 10 ms; the codec smears the edges.
    assert!((6..=10).contains(&quiet), "{quiet} quiet windows");
    assert_tone(&frames[40_000..60_000], 0, 1000.0);
}

#[test]
fn sound_that_stays_away_becomes_silence() {
    let mut audio = pipeline();
    let before = feed(&mut audio, &sound(TONE_44100, 0));
    let silence: Vec<_> = (1..=60).flat_map(|n| audio.advance(1500 + n * 33)).collect();
    let packets = [before, silence].concat();
    assert_gapless(&packets);
    let end_us = packets.last().unwrap().pts_us;
    assert!(end_us.abs_diff(2_480_000) < 60_000, "one second behind the picture: {end_us}");
    let after = feed(&mut audio, &sound(TONE_44100, 3480));
    assert_gapless(&[packets, after].concat());
}

#[test]
fn after_a_long_hole_time_leaps() {
    let mut audio = pipeline();
    feed(&mut audio, &sound(TONE_44100, 0));
    let after = feed(&mut audio, &sound(TONE_44100, 4000));
    assert_eq!(after[0].pts_us, 4_000_000 - 6500, "no burst of silence");
    assert_gapless(&after);
}

#[test]
fn drift_is_made_up_for_without_holes() {
    for share in [1.002, 0.998] {
        let mut audio = pipeline();
        let once = sound(TONE_44100, 0);
        feed(&mut audio, &once[..1]);
        let (mut packets, mut last_ms) = (Vec::new(), 0.0);
        for n in 0..1200 {
            last_ms = n as f64 * 1024.0 / 44.1 * share;
            packets.extend(audio.decode(last_ms as i64, &once[10 + n % 40].data));
        }
        assert_gapless(&packets);
        let end_us = packets.last().unwrap().pts_us + 26_500;
        let meant_us = ((last_ms + 23.2) * 1000.0) as i64;
        // 2 ms per second of drift stand at 16 ms, and at most one packet waits to be full.
        assert!((-23_000..43_000).contains(&(meant_us - end_us)), "{share}: {} us", meant_us - end_us);
        let frames = heard(&packets);
        let quiet = frames[9600..].chunks_exact(480).filter(|window| amplitude(window, 0, 1000.0) < 0.02).count();
        assert_eq!(quiet, 0, "{share}: the sound is bent, not cut");
    }
}

#[test]
fn a_clock_that_jumps_begins_anew() {
    let mut audio = pipeline();
    feed(&mut audio, &sound(TONE_44100, 3_600_000));
    let again = feed(&mut audio, &sound(TONE_44100, 0));
    assert_gapless(&again);
    assert_eq!(again[0].pts_us, -6500, "the encoder's delay before the first unit");
}

#[test]
fn another_rate_goes_on_in_time() {
    let mut audio = pipeline();
    let mut packets = feed(&mut audio, &sound(TONE_44100, 0));
    packets.extend(feed(&mut audio, &sound(MONO_48000, 1550)));
    assert_gapless(&packets);
    let frames = heard(&packets);
    assert_tone(&frames[90_000..110_000], 1, 1000.0);
}

#[test]
fn a_configuration_said_again_changes_nothing() {
    let units = sound(TONE_44100, 0);
    let mut repeated = units.clone();
    repeated.insert(30, units[0].clone());
    assert_eq!(feed(&mut pipeline(), &repeated), feed(&mut pipeline(), &units));
}

#[test]
fn broken_frames_are_silence() {
    let mut audio = pipeline();
    assert!(audio.decode(0, &[1, 2, 3]).is_empty(), "nothing before a configuration");
    let mut units = sound(TONE_44100, 0);
    for unit in &mut units[10..20] {
        unit.data = Bytes::from_static(&[0xff; 40]);
    }
    let packets = feed(&mut audio, &units);
    assert_gapless(&packets);
    assert_tone(&heard(&packets)[40_000..60_000], 0, 1000.0);
}
