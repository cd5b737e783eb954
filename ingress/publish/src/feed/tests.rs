//! Whole feeds: what came out, when, and that sound and picture belong together.
#![allow(clippy::disallowed_methods, reason = "a test starts its own clock")]

use rand::SeedableRng;
use wire::rtp::Packet;

use super::*;

const AVC: &[u8] = &[1, 0x42, 0xe0, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0, 1, 1, 0, 2, 0x68, 9];

fn feed() -> (Feed, Instant) {
    (Feed::new(StdRng::seed_from_u64(3)), Instant::now())
}

fn h264(record: &'static [u8]) -> VideoConfig {
    VideoConfig { codec: VideoCodec::H264, record: Bytes::from_static(record) }
}

fn unit(dts_ms: i64, keyframe: bool, len: usize) -> VideoUnit {
    let mut data = (len as u32).to_be_bytes().to_vec();
    data.push(if keyframe { 0x65 } else { 0x41 });
    data.resize(4 + len, 7);
    VideoUnit { codec: VideoCodec::H264, dts_ms, pts_ms: dts_ms, keyframe, data: Bytes::from(data) }
}

/// All that leaves until nothing waits.
fn drain(feed: &mut Feed) -> Vec<(Instant, Sending)> {
    let mut all = Vec::new();
    while let Some(now) = feed.deadline() {
        while let Some(sending) = feed.poll(now) {
            all.push((now, sending));
        }
    }
    all
}

#[test]
fn a_key_frame_brings_its_sets_and_all_packets_fit() {
    let (mut feed, now) = feed();
    assert_eq!(feed.params(Line::Video), None);
    feed.picture(now, &unit(0, true, 100));
    assert!(feed.deadline().is_none(), "nothing before the configuration");
    feed.configure_video(&h264(AVC)).unwrap();
    feed.picture(now, &unit(0, true, 100_000));
    let sent = drain(&mut feed);
    let packets: Vec<Vec<u8>> = sent.iter().flat_map(|(_, it)| it.packets.iter().map(<[u8]>::to_vec)).collect();
    let parsed: Vec<_> = packets.iter().map(|packet| Packet::parse(packet).unwrap()).collect();
    assert!(wire::codec::h264::keyframe(parsed[0].payload()));
    assert!(parsed.len() > 80 && packets.iter().all(|packet| packet.len() <= 1200));
    assert!(parsed.windows(2).all(|pair| pair[1].seq() == pair[0].seq().wrapping_add(1)));
    assert_eq!(parsed.iter().filter(|packet| packet.marker()).count(), 1);
    let params = feed.params(Line::Video).unwrap();
    assert_eq!((params.codecs[0].codec, params.ssrcs[0].media), (Codec::H264, parsed[0].ssrc()));
    assert!(sent.last().unwrap().0 - now <= PICTURE_SPREAD);
    assert!(!params.codecs[0].pli, "an encoder cannot be asked for a key frame");
    feed.begin_layers(2);
    assert!(feed.params(Line::Video).unwrap().codecs[0].pli, "our codecs can");
}

#[test]
fn a_new_configuration_keeps_the_source_unless_the_codec_changes() {
    let (mut feed, _) = feed();
    feed.configure_video(&h264(AVC)).unwrap();
    let before = feed.params(Line::Video);
    assert_eq!(feed.configure_video(&h264(&[1, 2])), Err(Unreadable("video")));
    assert_eq!(feed.params(Line::Video), before);
    feed.configure_video(&h264(AVC)).unwrap();
    assert_eq!(feed.params(Line::Video), before);
    let av1 = VideoConfig { codec: VideoCodec::Av1, record: Bytes::from_static(&[0x81, 0, 0, 0]) };
    feed.configure_video(&av1).unwrap();
    assert_ne!(feed.params(Line::Video), before);
}

#[test]
fn sound_and_picture_tell_the_same_moment() {
    let (mut feed, now) = feed();
    feed.configure_video(&h264(AVC)).unwrap();
    feed.begin_audio();
    feed.picture(now, &unit(1000, true, 100));
    feed.sound(now, 1_000_000, &[1; 80]);
    let sent = drain(&mut feed);
    let timestamp = |line| {
        let sending = sent.iter().find(|(_, it)| it.line == line).unwrap();
        Packet::parse(sending.1.packets.iter().next().unwrap()).unwrap().timestamp()
    };
    let later = now + Duration::from_millis(500);
    let video = feed.clocks(Line::Video, later)[0].wrapping_sub(timestamp(Line::Video));
    let audio = feed.clocks(Line::Audio, later)[0].wrapping_sub(timestamp(Line::Audio));
    assert_eq!((video, audio), (45_000, 24_000));
}

#[test]
fn layers_have_their_own_sources() {
    let (mut feed, now) = feed();
    feed.begin_layers(3);
    let params = feed.params(Line::Video).unwrap();
    assert_eq!(params.ssrcs.len(), 3);
    let stream = [0, 0, 0, 1, 0x67, 0x42, 0, 1, 0, 0, 1, 0x68, 9, 0, 0, 1, 0x65, 5];
    for encoding in [2, 0, 1, 3] {
        feed.layer(now, &Picture { encoding, pts_us: 0, stream: &stream });
    }
    let sent = drain(&mut feed);
    let mut seen: Vec<_> = sent.iter().map(|(_, it)| it.encoding).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [0, 1, 2]);
    for (_, sending) in &sent {
        let packet = sending.packets.iter().next().unwrap();
        let ssrc = params.ssrcs[usize::from(sending.encoding)].media;
        assert_eq!(Packet::parse(packet).unwrap().ssrc(), ssrc);
    }
}

#[test]
fn a_fast_file_fills_the_feed_and_a_live_one_never_does() {
    let (mut feed, now) = feed();
    feed.configure_video(&h264(AVC)).unwrap();
    let full = (0..100).position(|index| {
        feed.picture(now, &unit(index * 33, index == 0, 3000));
        feed.is_full(now)
    });
    assert_eq!(full, Some(31));
    let (mut feed, now) = self::feed();
    feed.configure_video(&h264(AVC)).unwrap();
    for index in 0..100 {
        let at = now + Duration::from_millis(33) * index;
        feed.picture(at, &unit(i64::from(index) * 33, index == 0, 3000));
        assert!(!feed.is_full(at));
        while feed.poll(at + Duration::from_millis(20)).is_some() {}
    }
}

#[test]
fn what_goes_another_way_first_fills_the_feed_as_well() {
    let (mut feed, now) = feed();
    feed.taken(now, 0);
    assert!(!feed.is_full(now));
    feed.taken(now, 1_500_000);
    assert!(feed.is_full(now));
    assert_eq!(feed.relief(), Some(now + Duration::from_millis(500)));
    assert!(!feed.is_full(now + Duration::from_millis(500)));
}

#[test]
fn codecs_that_make_pictures_without_an_end_are_told_to_stop() {
    let (mut feed, now) = feed();
    feed.begin_layers(3);
    let mut stream = vec![0, 0, 0, 1, 0x65];
    stream.resize(100_000, 7);
    let stocked = (0..1000).position(|_| {
        feed.layer(now, &Picture { encoding: 1, pts_us: 0, stream: &stream });
        feed.is_stocked(now)
    });
    assert!(stocked.is_some_and(|pictures| pictures < 30), "{stocked:?}");
    drain(&mut feed);
    assert!(!feed.is_stocked(now));
}

#[test]
fn an_overlong_sound_is_dropped() {
    let (mut feed, now) = feed();
    feed.begin_audio();
    feed.sound(now, 0, &[0; 1300]);
    assert_eq!(feed.deadline(), None);
}
