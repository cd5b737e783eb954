//! Films as ffmpeg writes them.

use rtmp::{AudioCodec, Event, VideoCodec};

use crate::testing::{MP4, MP4_FRAGMENTS, MP4_LAST, TS, whole};
use crate::{Fault, Form};

#[test]
fn all_forms_hold_the_same_film() {
    let (stream, last) = (whole(TS, 1000).unwrap(), whole(MP4_LAST, 1000).unwrap());
    for (file, name) in [(MP4_LAST, "index last"), (MP4_FRAGMENTS, "fragments")] {
        let film = whole(file, 1000).unwrap();
        let [Event::VideoConfig(video), Event::AudioConfig(audio)] = film.configs.as_slice() else {
            panic!("{name}: {:?}", film.configs)
        };
        assert_eq!((video.codec, audio.codec, audio.record.first()), (VideoCodec::H264, AudioCodec::Aac, Some(&0x15)));
        assert_eq!(film.shown(), stream.shown(), "{name}");
        assert!(film.video.iter().zip(&stream.video).all(|(one, other)| one.data == other.data), "{name}");
        assert_eq!(film.audio.len(), last.audio.len(), "{name}");
    }
    assert!(last.audio.iter().skip(1).zip(stream.audio.iter().skip(1)).all(|(one, other)| one.data == other.data));
}

#[test]
fn sound_and_reordered_pictures_begin_together() {
    let film = whole(MP4, 1000).unwrap();
    let first = film.video.iter().map(|unit| unit.pts_ms).min().unwrap();
    assert_eq!((film.video.len(), first), (15, 0), "what an edit list cuts off comes before the beginning");
    assert!((-128..=0).contains(&film.audio[0].pts_ms), "{}", film.audio[0].pts_ms);
}

#[test]
fn pieces_of_any_size_come_to_the_same() {
    for file in [MP4, MP4_LAST, MP4_FRAGMENTS] {
        let film = whole(file, file.len());
        for piece in [1, 3, 64] {
            assert_eq!(whole(file, piece), film, "{piece}");
        }
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let with = |from: &[u8], to: &[u8]| {
        let at = MP4.windows(from.len()).position(|window| window == from).unwrap();
        let mut file = MP4.to_vec();
        file[at..at + to.len()].copy_from_slice(to);
        whole(&file, 1000).map(|film| film.video.len())
    };
    for (from, to, fault) in [
        (&b"avc1\0"[..], &b"vp09"[..], Fault::VideoCodec("VP9")),
        (b"avc1\0", b"encv", Fault::Encrypted),
        (b"mp4a\0", b"ac-3", Fault::AudioCodec("AC-3")),
        (b"stsz\0", b"xxxx", Fault::Broken("MP4's index")),
        (b"moov\0", b"free", Fault::IndexLast),
    ] {
        let ended = with(from, to);
        // What lies behind the media is asked for, and there is nothing.
        assert!(ended == Err(fault) || (fault == Fault::IndexLast && ended == Ok(0)), "{fault:?} {ended:?}");
    }
    let huge = [b"\0\0\0\x10ftypisom\0\0\0\0\x7f\0\0\0moov".as_slice(), &[0; 100]].concat();
    assert_eq!(whole(&huge, 1000), Err(Fault::TooLong("MP4's index")));
    let endless = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\0mdat????????????".to_vec();
    assert_eq!(whole(&endless, 1000), Err(Fault::IndexLast));
}

#[test]
fn forms_are_told_by_how_they_begin() {
    for (begin, form) in [
        (MP4, Ok(Some(Form::Mp4))),
        (TS, Ok(Some(Form::Ts))),
        (b"FLV\x01\x05\0\0\0\x09", Ok(Some(Form::Flv))),
        (b"#EXTM3U\n#EXT", Ok(Some(Form::Playlist))),
        (b"\0\0\0\x18stypmsdh", Ok(Some(Form::Mp4))),
        (b"\0\0\0\x18moof\0\0", Ok(Some(Form::Mp4))),
        (b"#EXT", Ok(None)),
        (b"<!doctype html>", Err(Fault::Kind("a page"))),
        (b"<?xml version", Err(Fault::Kind("a DASH manifest"))),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0\0", Err(Fault::Kind("Matroska or WebM"))),
        (b"ID3\x04\0\0\0\0\0", Err(Fault::Kind("sound alone (AAC, MP3)"))),
        (b"anything else", Err(Fault::Kind("something unknown"))),
    ] {
        assert_eq!(Form::of(begin), form, "{begin:?}");
    }
}
