//! Recorded streams for tests, made with ffmpeg from its own test sources.

use bytes::{Buf, Bytes};

use super::{AccessUnit, Codec};

/// H.264 high profile, 320x180, 30 pictures per second, two B-frames with pyramid, two seconds, a key frame each second.
pub(crate) const B_FRAMES: &[u8] = include_bytes!("../tests/fixtures/b_frames.units");
/// H.264 baseline, 192x108, half a second.
pub(crate) const BASELINE: &[u8] = include_bytes!("../tests/fixtures/baseline.units");
/// AAC-LC, 1.5 s, left 1000 Hz, right 440 Hz, both at a quarter of full scale.
pub(crate) const TONE_44100: &[u8] = include_bytes!("../tests/fixtures/tone_44100_stereo.aac");

/// Pictures of a recording: decoding time, showing time, key frame, length, then the bytes.
pub(crate) fn pictures(mut recording: &'static [u8]) -> Vec<AccessUnit> {
    let mut units = Vec::new();
    while recording.has_remaining() {
        let (dts_ms, pts_ms) = (i64::from(recording.get_i32()), i64::from(recording.get_i32()));
        let keyframe = recording.get_u8() == 1;
        let (data, rest) =
            recording[4..]
                .split_at(u32::from_be_bytes([recording[0], recording[1], recording[2], recording[3]]) as usize);
        recording = rest;
        units.push(AccessUnit { dts_ms, pts_ms, codec: Codec::H264, keyframe, data: Bytes::from_static(data) });
    }
    units
}

/// The configuration and frames of a recording with ADTS headers, the first at `begin_ms`.
pub(crate) fn sound(recording: &'static [u8], begin_ms: i64) -> Vec<AccessUnit> {
    const RATES: [i64; 8] = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050];
    let (rate, channels) = (recording[2] >> 2 & 15, (recording[2] & 1) << 2 | recording[3] >> 6);
    let config = vec![2 << 3 | rate >> 1, (rate & 1) << 7 | channels << 3];
    let unit = |pts_ms, codec, data| AccessUnit { dts_ms: pts_ms, pts_ms, codec, keyframe: true, data };
    let mut units = vec![unit(begin_ms, Codec::AacConfig, Bytes::from(config))];
    let mut rest = recording;
    while !rest.is_empty() {
        let len = usize::from(rest[3] & 3) << 11 | usize::from(rest[4]) << 3 | usize::from(rest[5]) >> 5;
        let pts_ms = begin_ms + (units.len() as i64 - 1) * 1024 * 1000 / RATES[usize::from(rate)];
        units.push(unit(pts_ms, Codec::Aac, Bytes::from_static(&rest[7..len])));
        rest = &rest[len..];
    }
    units
}
