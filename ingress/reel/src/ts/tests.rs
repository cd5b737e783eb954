//! Transport streams as ffmpeg writes them.

use std::time::Instant;

use rtmp::{Event, VideoCodec};

use super::*;
use crate::testing::{TS, TS_REORDERED, read, whole};
use crate::{Fault, Reader};

#[test]
fn a_film_comes_in_pieces_of_any_size() {
    let film = whole(TS, TS.len()).unwrap();
    let [Event::VideoConfig(video), Event::AudioConfig(audio)] = film.configs.as_slice() else {
        panic!("{:?}", film.configs)
    };
    assert_eq!(
        (video.codec, &video.record[..2], audio.record.as_ref()),
        (VideoCodec::H264, &[1, 66][..], &[0x15, 0x88][..])
    );
    let expected: Vec<_> = (0..15).map(|n| (n * 100, n * 100, n % 10 == 0)).collect();
    assert_eq!(film.shown(), expected);
    let steps: Vec<_> = film.audio.windows(2).map(|pair| pair[1].pts_ms - pair[0].pts_ms).collect();
    assert!(film.audio.len() >= 12 && steps.iter().all(|step| *step == 128), "{steps:?}");
    for piece in [1, 7, 188, 189] {
        assert_eq!(whole(TS, piece).as_ref(), Ok(&film), "{piece}");
    }
}

#[test]
fn reordered_pictures_have_both_times() {
    let shown = whole(TS_REORDERED, 1000).unwrap().shown();
    assert!(shown.iter().any(|(dts, pts, _)| pts - dts > 100), "{shown:?}");
    let mut times: Vec<_> = shown.iter().map(|(_, pts, _)| *pts).collect();
    times.sort_unstable();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 100), "{times:?}");
}

#[test]
fn pieces_that_follow_each_other_are_one_stream() {
    #[allow(clippy::disallowed_methods, reason = "a test starts its own clock")]
    let now = Instant::now();
    let mut reader = Reader::new(now);
    let first = read(&mut reader, TS, 500).unwrap();
    reader.begin(now, 0, true).unwrap();
    let second = read(&mut reader, TS, 500).unwrap();
    assert_eq!(
        (second.video.len(), second.configs.len()),
        (first.video.len(), 0),
        "of the same form nothing is said twice"
    );
    let (end, begin) = (first.video.last().unwrap().dts_ms, second.video[0].dts_ms);
    assert!(begin > end && begin < end + 500, "{end} {begin}");
}

#[test]
fn rubbish_is_passed_over_and_bounded() {
    let damaged = [&TS[..188 * 5], b"rubbish".as_slice(), &TS[188 * 5..]].concat();
    assert_eq!(whole(&damaged, 99).unwrap().video.len(), 15);
    let endless = [&TS[..188 * 5], &[0; RESYNC_BYTES_MAX + 1]].concat();
    assert_eq!(whole(&endless, 1000), Err(Fault::Broken("MPEG-TS")));
    let mut scrambled = TS.to_vec();
    scrambled
        .chunks_mut(PACKET_BYTES)
        .filter(|packet| packet[1] & 0x1f == 1 && packet[2] == 0)
        .for_each(|it| it[3] |= 0x80);
    assert_eq!(whole(&scrambled, 1000), Err(Fault::Encrypted));
}
