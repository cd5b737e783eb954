//! Arrivals, retransmissions, requests and reports of a published track.

use super::*;
use crate::keyframe::{INTERVAL, INTERVAL_LOWEST};
use crate::missing::{ATTEMPTS_MAX, MISSING_MAX};
use crate::testing::{Made, Vp8Frame, audio_params, video_params};

const RTT: Duration = Duration::from_millis(40);
const MS: Duration = Duration::from_millis(1);

struct World {
    now: Instant,
    up: UpTrack,
}

impl World {
    fn video() -> Self {
        Self { now: crate::testing::start(), up: UpTrack::new(video_params("1", &["q", "h"])) }
    }

    fn audio() -> Self {
        Self { now: crate::testing::start(), up: UpTrack::new(audio_params("0")) }
    }

    fn receive(&mut self, encoding: u8, made: &Made) -> Option<Arrival> {
        self.take(encoding, made, false)
    }

    fn take(&mut self, encoding: u8, made: &Made, is_rtx: bool) -> Option<Arrival> {
        let bytes = made.bytes();
        self.up.receive(self.now, encoding, &Packet::parse(&bytes).unwrap(), is_rtx)
    }

    fn frame(&mut self, encoding: u8, seq: u16) -> Option<Arrival> {
        self.receive(encoding, &Made::vp8(encoding, seq, u32::from(seq) * 3000, Vp8Frame::delta(seq)))
    }

    fn nacks(&mut self, encoding: u8) -> Vec<u16> {
        let mut seqs = Vec::new();
        self.up.nacks(self.now, encoding, RTT, &mut seqs);
        seqs
    }
}

#[test]
fn numbers_what_arrives_and_drops_it_when_known() {
    let mut world = World::video();
    let first = world.frame(0, 65_535).unwrap();
    let second = world.frame(0, 0).unwrap();
    assert!(first.first && !second.first);
    assert_eq!(second.seq, first.seq + 1);
    assert_eq!(world.frame(0, 0), None);
    assert_eq!(world.up.stats().duplicate, 1);
    assert!(world.up.packet(0, first.seq).is_some());
}

#[test]
fn what_was_not_negotiated_is_refused() {
    let mut world = World::video();
    let made = Made { pt: 50, ..Made::vp8(0, 1, 0, Vp8Frame::key(1)) };
    assert_eq!(world.receive(0, &made), None);
    assert_eq!(world.frame(2, 1), None);
    assert_eq!(world.take(0, &Made::vp8(0, 1, 0, Vp8Frame::key(1)).rtx(1), true), None);
    assert_eq!(world.up.stats().refused, 3);
}

#[test]
fn a_retransmission_becomes_the_packet_it_repeats() {
    let mut world = World::video();
    world.frame(0, 10);
    world.frame(0, 12);
    assert_eq!(world.nacks(0), [11]);
    let lost = Made::vp8(0, 11, 33_000, Vp8Frame::key(11));
    let arrival = world.take(0, &lost.rtx(500), true).unwrap();
    assert!(arrival.recovered && arrival.keyframe);
    assert_eq!(world.up.packet(0, arrival.seq).unwrap().1, lost.bytes());
    world.now += Duration::from_secs(1);
    assert_eq!(world.nacks(0), []);
    assert_eq!(world.take(0, &lost.rtx(501), true), None);
    assert_eq!((world.up.stats().recovered, world.up.stats().duplicate), (1, 1));
}

#[test]
fn a_probe_of_padding_leaves_no_trace() {
    let mut world = World::video();
    world.frame(0, 10);
    let probe = Made { payload: vec![], ..Made::vp8(0, 0, 0, Vp8Frame::delta(0)).rtx(1) };
    assert_eq!(world.take(0, &probe, true), None);
    assert_eq!((world.up.stats().padding, world.up.stats().refused), (1, 0));
}

#[test]
fn padding_among_the_media_takes_its_number() {
    let mut world = World::video();
    world.frame(0, 10);
    let padding = Made { payload: vec![], ..Made::vp8(0, 11, 0, Vp8Frame::delta(0)) };
    assert!(world.receive(0, &padding).is_some());
    world.frame(0, 12);
    assert_eq!(world.nacks(0), []);
}

#[test]
fn audio_level_is_told() {
    let mut world = World::audio();
    let made = Made { extensions: vec![(1, vec![0x80 | 42])], ..Made::audio(1) };
    assert_eq!(world.receive(0, &made).unwrap().level, Some(AudioLevel { voice: true, dbov: 42 }));
}

#[test]
fn asks_for_what_is_missing_until_it_is_given_up() {
    let mut world = World::video();
    world.frame(1, 10);
    world.frame(1, 13);
    assert_eq!(world.up.deadline(), Some(world.now));
    assert_eq!(world.nacks(1), [11, 12]);
    world.frame(1, 12);
    let mut asked = 1;
    for _ in 0..40 {
        world.now = world.up.deadline().unwrap();
        match world.nacks(1).as_slice() {
            [11] => asked += 1,
            _ => break,
        }
    }
    assert_eq!((asked, world.up.stats().lost), (ATTEMPTS_MAX, 1));
    let request = KeyframeRequest { encoding: 1, ssrc: Some(Ssrc(101)) };
    assert_eq!(world.up.keyframe_due(world.now), Some(request));
}

#[test]
fn too_much_missing_asks_for_a_key_frame() {
    let mut world = World::video();
    world.frame(0, 10);
    world.frame(0, 11 + MISSING_MAX as u16 + 5);
    assert_eq!(world.up.stats().lost, 5);
    assert!(world.up.keyframe_due(world.now).is_some());
    assert_eq!(world.nacks(0).len(), MISSING_MAX);
}

#[test]
fn key_frame_requests_are_throttled_and_repeated() {
    let mut world = World::video();
    assert_eq!(world.up.request_keyframe(world.now, 1), None, "nothing is sent yet");
    assert_eq!(world.up.deadline(), None);
    world.frame(1, 1);
    assert!(world.up.keyframe_due(world.now).is_some());
    assert_eq!(world.up.request_keyframe(world.now + INTERVAL - MS, 1), None);
    world.now += INTERVAL;
    world.frame(1, 2);
    assert_eq!(world.up.deadline(), Some(world.now));
    assert!(world.up.keyframe_due(world.now).is_some());
    assert_eq!(world.up.keyframe_due(world.now), None);
    world.receive(1, &Made::vp8(1, 3, 0, Vp8Frame::key(3)));
    assert_eq!(world.up.deadline(), None);
    world.frame(0, 1);
    assert!(world.up.request_keyframe(world.now, 0).is_some());
    assert_eq!(world.up.deadline(), Some(world.now + INTERVAL_LOWEST));
}

#[test]
fn a_silent_encoding_is_not_asked_until_it_speaks() {
    let mut world = World::video();
    world.frame(0, 1);
    assert!(world.up.request_keyframe(world.now, 0).is_some());
    world.now += Duration::from_secs(3);
    assert_eq!(world.up.keyframe_due(world.now), None);
    assert_eq!(world.up.deadline(), None);
    world.frame(0, 2);
    assert!(world.up.keyframe_due(world.now).is_some());
}

#[test]
fn audio_needs_no_key_frame() {
    let mut world = World::audio();
    world.receive(0, &Made::audio(1));
    assert_eq!(world.up.request_keyframe(world.now, 0), None);
}

#[test]
fn a_mirror_asks_its_home_and_reports_nothing() {
    let (mut home, mut mirror) = (World::video(), UpTrack::mirror(video_params("1", &["q", "h"])));
    let now = home.now;
    assert_eq!(mirror.request_keyframe(now, 1), Some(KeyframeRequest { encoding: 1, ssrc: None }));
    for seq in [5, 9] {
        let arrival = home.frame(1, seq).unwrap();
        let bytes = home.up.packet(1, arrival.seq).unwrap().1.to_vec();
        let mirrored = mirror.receive_mirrored(now, 1, &Packet::parse(&bytes).unwrap()).unwrap();
        assert_eq!(mirror.packet(1, mirrored.seq).unwrap().1, bytes);
    }
    let mut seqs = Vec::new();
    assert_eq!(mirror.nacks(now, 1, RTT, &mut seqs), None);
    assert_eq!(mirror.reception_report(now, 1), None);
    assert_eq!(home.nacks(1), [6, 7, 8]);
}

#[test]
fn a_report_counts_media_and_echoes_the_sender() {
    let mut world = World::video();
    assert_eq!(world.up.reception_report(world.now, 0), None);
    for seq in [1, 2, 4] {
        world.frame(0, seq);
    }
    world.take(0, &Made::vp8(0, 3, 9000, Vp8Frame::delta(3)).rtx(1), true);
    world.up.sender_report(world.now, 0, 0x1234_5678_0000, 7);
    let report = world.up.reception_report(world.now + Duration::from_secs(1), 0).unwrap();
    assert_eq!((report.ssrc, report.fraction_lost, report.cumulative_lost), (Ssrc(100), 64, 1));
    assert_eq!((report.highest_seq & 0xffff, report.last_sender_report), (4, 0x1234_5678));
    assert_eq!(report.delay_since_last, 0x1_0000);
}

#[test]
fn another_source_begins_a_new_run() {
    let mut world = World::video();
    let before = world.frame(0, 10).unwrap();
    world.up.sender_report(world.now, 0, 1, 1);
    world.frame(0, 12);
    let made = Made { ssrc: 77, ..Made::vp8(0, 500, 0, Vp8Frame::key(1)) };
    let after = world.receive(0, &made).unwrap();
    let (old, new) = (world.up.packet(0, before.seq).unwrap().0, world.up.packet(0, after.seq).unwrap().0);
    assert_eq!(new.run, old.run + 1);
    assert_eq!((world.nacks(0), world.up.clock(0), world.up.ssrc(0)), (vec![], None, Some(Ssrc(77))));
    let report = world.up.reception_report(world.now, 0).unwrap();
    assert_eq!((report.fraction_lost, report.cumulative_lost), (0, 0));
}

#[test]
fn rate_and_life_follow_the_arrivals() {
    let mut world = World::video();
    assert!(!world.up.is_live(world.now, 0));
    for seq in 0..200 {
        world.frame(0, seq);
        world.now += 10 * MS;
    }
    let bytes = Made::vp8(0, 0, 0, Vp8Frame::delta(0)).bytes().len() as u64;
    assert_eq!(world.up.bitrate_bps(world.now, 0), bytes * 8 * 100);
    assert!(world.up.is_live(world.now, 0) && !world.up.is_live(world.now, 1));
    world.now += Duration::from_secs(2);
    assert!(!world.up.is_live(world.now, 0));
    assert_eq!(world.up.bitrate_bps(world.now, 0), 0);
}

#[test]
fn an_update_keeps_what_was_received() {
    let mut world = World::video();
    let arrival = world.frame(0, 10).unwrap();
    world.up.update(video_params("1", &["q", "h", "f"]));
    assert_eq!(world.up.encodings(), 3);
    assert!(world.up.packet(0, arrival.seq).is_some());
    world.up.update(video_params("1", &["a", "b", "c", "d", "e", "f"]));
    assert_eq!(usize::from(world.up.encodings()), ENCODINGS_MAX);
}
