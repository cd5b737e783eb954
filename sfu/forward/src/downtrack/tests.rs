//! What a subscriber gets: numbers, timestamps, picture ids, extensions, retransmissions.

use std::collections::BTreeMap;

use door::{ExtensionKind, Kind};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use wire::codec::vp8;

use super::*;
use crate::testing::{Made, Vp8Frame, audio_params, down_params, video_params};

const MS: Duration = Duration::from_millis(1);

fn up_to(spatial: u8, temporal: u8) -> LayerTarget {
    LayerTarget::UpTo { spatial, temporal }
}

/// A packet as the subscriber reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Got {
    ssrc: u32,
    pt: u8,
    seq: u16,
    timestamp: u32,
    extensions: Vec<(u8, Vec<u8>)>,
    payload: Vec<u8>,
}

impl Got {
    fn read(bytes: &[u8], written: &Written<'_>) -> Self {
        let whole = [&bytes[..written.len], written.rest].concat();
        let packet = Packet::parse(&whole).unwrap();
        assert_eq!(
            (packet.payload_offset(), packet.seq(), packet.ssrc()),
            (written.header_len, written.seq, written.ssrc)
        );
        if let Some(offset) = written.transport_seq_offset {
            assert!(offset + 2 <= written.header_len);
        }
        Self {
            ssrc: packet.ssrc().0,
            pt: packet.pt().0,
            seq: packet.seq(),
            timestamp: packet.timestamp(),
            extensions: packet.extensions().map(|(id, data)| (id, data.to_vec())).collect(),
            payload: packet.payload().to_vec(),
        }
    }

    fn vp8(&self) -> vp8::Descriptor {
        vp8::Descriptor::parse(&self.payload).unwrap()
    }

    fn picture(&self) -> u16 {
        self.vp8().picture_id.unwrap().value
    }

    /// The source's sequence number, which made packets carry at their end.
    fn source(&self) -> u16 {
        let end = self.payload.len();
        u16::from_le_bytes([self.payload[end - 2], self.payload[end - 1]])
    }
}

struct World {
    now: Instant,
    up: UpTrack,
    down: DownTrack,
}

impl World {
    fn video(target: LayerTarget) -> Self {
        Self::new(video_params("1", &["q", "h", "f"]), Kind::Video, target)
    }

    fn audio() -> Self {
        Self::new(audio_params("0"), Kind::Audio, LayerTarget::BEST)
    }

    fn new(params: UpTrackParams, kind: Kind, target: LayerTarget) -> Self {
        let down = DownTrack::new(&params, down_params(kind), target, &mut StdRng::seed_from_u64(1));
        Self { now: crate::testing::start(), up: UpTrack::new(params), down }
    }

    fn send(&mut self, encoding: u8, made: &Made) -> Option<Got> {
        self.take(encoding, made, false)
    }

    fn take(&mut self, encoding: u8, made: &Made, is_rtx: bool) -> Option<Got> {
        let (bytes, mut out) = (made.bytes(), [0; 2000]);
        let arrival = self.up.receive(self.now, encoding, &Packet::parse(&bytes).unwrap(), is_rtx)?;
        let written = self.down.forward(self.now, &self.up, &arrival, &mut out)?;
        Some(Got::read(&out, &written))
    }

    fn frame(&mut self, encoding: u8, seq: u16, frame: Vp8Frame) -> Option<Got> {
        self.now += 33 * MS;
        self.send(encoding, &Made::vp8(encoding, seq, u32::from(seq).wrapping_mul(3000), frame))
    }

    fn again(&mut self, seq: u16) -> Option<Got> {
        let mut out = [0; 2000];
        let written = self.down.retransmit(self.now, &self.up, seq, &mut out)?;
        Some(Got::read(&out, &written))
    }
}

#[test]
fn audio_begins_at_once_and_closes_no_gap_of_its_source() {
    let mut world = World::audio();
    let first = world.send(0, &Made::audio(65_534)).unwrap();
    let later: Vec<_> = [65_535, 1, 0, 2].map(|seq| world.send(0, &Made::audio(seq)).unwrap()).into();
    let steps: Vec<_> = later.iter().map(|got| got.seq.wrapping_sub(first.seq)).collect();
    assert_eq!(steps, [1, 3, 2, 4]);
    assert_eq!(later[0].timestamp.wrapping_sub(first.timestamp), 65_535u32 * 960 - 65_534 * 960);
    assert_eq!((first.ssrc, first.pt, &first.payload), (900, 120, &Made::audio(65_534).payload));
}

#[test]
fn a_gap_is_counted_until_it_is_filled() {
    let mut world = World::audio();
    let gaps = [10, 11, 15, 13, 16].map(|seq| {
        world.send(0, &Made::audio(seq)).unwrap();
        world.down.gaps()
    });
    assert_eq!(gaps, [0, 0, 3, 2, 2]);
    let mut world = World::video(up_to(0, 0));
    world.frame(0, 1, Vp8Frame::key(1)).unwrap();
    assert_eq!(world.frame(0, 2, Vp8Frame::delta(2).at(1, true)), None);
    assert_eq!(world.down.gaps(), 0, "what is left out is no gap");
    world.frame(0, 1000, Vp8Frame::delta(3)).unwrap();
    assert_eq!(world.down.gaps(), 1, "of a long one the subscriber sees a single number");
}

#[test]
fn the_source_wraps_and_the_subscriber_goes_on() {
    let mut world = World::audio();
    let mut last = world.send(0, &Made::audio(0)).unwrap().seq;
    for seq in 1..70_000u32 {
        let seq = world.send(0, &Made::audio(seq as u16)).unwrap().seq;
        assert_eq!(seq, last.wrapping_add(1));
        last = seq;
    }
}

#[test]
fn extensions_take_the_subscribers_ids() {
    let mut world = World::audio();
    let extensions = vec![(1, vec![0x85]), (3, vec![1, 2]), (4, b"0".to_vec()), (13, vec![1])];
    let got = world.send(0, &Made { extensions, ..Made::audio(1) }).unwrap();
    assert_eq!(got.extensions, [(5, vec![0, 0]), (9, b"7".to_vec()), (2, vec![0x85]), (6, vec![1])]);
}

#[test]
fn what_is_not_numbered_carries_no_number() {
    let mut world = World::audio();
    let mut ids = |numbered| {
        world.down.set_numbered(numbered);
        let got = world.send(0, &Made { extensions: vec![(1, vec![0x85])], ..Made::audio(1 + u16::from(numbered)) });
        got.unwrap().extensions.iter().map(|(id, _)| *id).collect::<Vec<_>>()
    };
    assert_eq!((ids(false), ids(true)), (vec![9, 2], vec![5, 9, 2]));
}

#[test]
fn the_transport_sequence_stands_where_it_is_said_to() {
    let mut world = World::audio();
    for (seq, level) in [(1, vec![0x85]), (2, vec![7; 20])] {
        let made = Made { extensions: vec![(1, level)], ..Made::audio(seq) };
        let (bytes, mut out) = (made.bytes(), [0; 500]);
        let arrival = world.up.receive(world.now, 0, &Packet::parse(&bytes).unwrap(), false).unwrap();
        let written = world.down.forward(world.now, &world.up, &arrival, &mut out).unwrap();
        let offset = written.transport_seq_offset.unwrap();
        out[offset..offset + 2].copy_from_slice(&[0xab, 0xcd]);
        assert_eq!(Got::read(&out, &written).extensions[0], (5, vec![0xab, 0xcd]));
    }
}

#[test]
fn parts_of_a_frame_are_padded_to_one_length() {
    let mut world = World::video(LayerTarget::BEST);
    world.now += 33 * MS;
    let mut arrivals = Vec::new();
    for (seq, len) in [(1, 100), (2, 101), (3, 60)] {
        let mut made = Made::vp8(2, seq, 9000, if seq == 1 { Vp8Frame::key(0) } else { Vp8Frame::delta(0) });
        made.payload.resize(len, 7);
        arrivals.extend(world.up.receive(world.now, 2, &Packet::parse(&made.bytes()).unwrap(), false));
    }
    world.up.equalise(&arrivals);
    let mut out = [0; 2000];
    let lens = arrivals.iter().map(|arrival| {
        let written = world.down.forward(world.now, &world.up, arrival, &mut out).unwrap();
        let whole = [&out[..written.len], written.rest].concat();
        let packet = Packet::parse(&whole).unwrap();
        (packet.payload().len(), packet.padding_len())
    });
    assert_eq!(lens.collect::<Vec<_>>(), [(100, 1), (101, 0), (60, 0)]);
}

#[test]
fn the_mid_is_sent_for_a_while_and_with_key_frames() {
    let mut world = World::video(up_to(0, 9));
    let has_mid = |got: &Got| got.extensions.iter().any(|(id, _)| *id == 9);
    let first = world.frame(0, 0, Vp8Frame::key(0)).unwrap();
    let with_mid = (1..200).filter(|&seq| has_mid(&world.frame(0, seq, Vp8Frame::delta(seq)).unwrap())).count();
    assert!(has_mid(&first));
    assert_eq!(with_mid, 99);
    assert!(has_mid(&world.frame(0, 200, Vp8Frame::key(200)).unwrap()));
}

#[test]
fn red_is_stripped_to_its_newest_block() {
    let mut world = World::audio();
    let red = Made { pt: 63, payload: vec![0xef, 0, 0, 2, 111, 9, 9, 1, 2], ..Made::audio(1) };
    let got = world.send(0, &red).unwrap();
    assert_eq!((got.pt, got.payload), (120, vec![1, 2]));
    let broken = Made { pt: 63, payload: vec![0xef, 0, 0, 200, 111, 9], ..Made::audio(2) };
    assert_eq!(world.send(0, &broken), None);
    let next = world.send(0, &Made::audio(3)).unwrap();
    assert_eq!(next.seq, got.seq.wrapping_add(1));
}

#[test]
fn red_goes_without_redundancy_where_there_is_no_room() {
    let mut own = down_params(Kind::Audio);
    let map = |from, to| PayloadMap { from: Pt(from), to: Pt(to), rtx: None, strip_red: false };
    own.payloads = vec![map(63, 64), map(111, 120)];
    let red = |seq| Made { pt: 63, payload: vec![0xef, 0, 0, 2, 111, 9, 9, 1, 2], ..Made::audio(seq) };
    for (encrypted, lean, alone) in [(false, false, false), (false, true, true), (true, true, false)] {
        let params = UpTrackParams { encrypted, ..audio_params("0") };
        let mut world = World::new(params.clone(), Kind::Audio, LayerTarget::BEST);
        world.down.update(&params, own.clone());
        world.down.set_lean(lean);
        let got = world.send(0, &red(1)).unwrap();
        let expected = if alone { (120, vec![1, 2]) } else { (64, red(1).payload) };
        assert_eq!((got.pt, got.payload), expected, "{encrypted} {lean}");
        world.down.set_lean(false);
        let next = world.send(0, &red(2)).unwrap();
        assert_eq!((next.pt, next.seq), (64, got.seq.wrapping_add(1)));
    }
}

#[test]
fn encrypted_red_is_not_cut() {
    let params = UpTrackParams { encrypted: true, ..audio_params("0") };
    let mut world = World::new(params, Kind::Audio, LayerTarget::BEST);
    let red = Made { pt: 63, payload: vec![0xef, 0, 0, 2, 111, 9, 9, 1, 2], ..Made::audio(1) };
    assert_eq!(world.send(0, &red), None, "not for whom it would be noise");
    let opus = Made { payload: vec![0xef, 0, 0, 2, 111, 9, 9, 1, 2], ..Made::audio(2) };
    assert_eq!(world.send(0, &opus).unwrap().payload, opus.payload);
}

#[test]
fn the_playout_delay_is_ours_where_it_is_set() {
    const DELAY: u8 = 8;
    let mut params = video_params("1", &["q", "h", "f"]);
    params.extensions.set(ExtensionKind::PlayoutDelay, 5);
    let mut own = down_params(Kind::Video);
    own.extensions.set(ExtensionKind::PlayoutDelay, DELAY);
    let mut world = World::new(params.clone(), Kind::Video, up_to(0, 9));
    let delay_of = |got: &Got| got.extensions.iter().find(|(id, _)| *id == DELAY).map(|(_, data)| data.clone());
    let made = |seq: u16, frame| Made { extensions: vec![(5, vec![0, 0, 1])], ..Made::vp8(0, seq, seq.into(), frame) };
    world.down.update(&params, own.clone());
    assert_eq!(delay_of(&world.send(0, &made(1, Vp8Frame::key(1))).unwrap()), Some(vec![0, 0, 1]));
    world.down.update(&params, DownTrackParams { playout_delay_ms: Some((100, 2000)), ..own });
    let told = (2..300).filter(|&seq| {
        let delay = delay_of(&world.send(0, &made(seq, Vp8Frame::delta(seq))).unwrap());
        assert!(delay.is_none() || delay == Some(vec![0x00, 0xa0, 0xc8]));
        delay.is_some()
    });
    assert_eq!(told.count(), 100);
}

#[test]
fn an_unmapped_payload_type_leaves_no_gap() {
    let mut world = World::video(up_to(0, 9));
    let first = world.frame(0, 1, Vp8Frame::key(1)).unwrap();
    let h264 = Made { pt: 102, ..Made::vp8(0, 2, 0, Vp8Frame::delta(2)) };
    assert_eq!(world.send(0, &h264), None);
    let next = world.frame(0, 3, Vp8Frame::delta(3)).unwrap();
    assert_eq!(next.seq, first.seq.wrapping_add(1));
    assert_eq!(world.down.stats().unmapped, 1);
}

#[test]
fn padding_of_the_source_leaves_no_gap() {
    let mut world = World::video(up_to(0, 9));
    let first = world.frame(0, 1, Vp8Frame::key(1)).unwrap();
    assert_eq!(world.send(0, &Made { payload: vec![], ..Made::vp8(0, 2, 0, Vp8Frame::delta(2)) }), None);
    assert_eq!(world.frame(0, 3, Vp8Frame::delta(3)).unwrap().seq, first.seq.wrapping_add(1));
}

#[test]
fn a_switch_goes_on_in_all_numbers() {
    let mut world = World::video(up_to(0, 9));
    world.frame(0, 100, Vp8Frame { tl0: 250, ..Vp8Frame::key(0x7ffe) });
    let before = world.frame(0, 101, Vp8Frame { tl0: 251, ..Vp8Frame::delta(0x7fff) }).unwrap();
    world.down.set_target(LayerTarget::BEST);
    world.now += 7 * MS;
    let after = world.frame(2, 9, Vp8Frame { tl0: 3, ..Vp8Frame::key(5) }).unwrap();
    assert_eq!(after.seq, before.seq.wrapping_add(1));
    assert_eq!(after.picture(), (before.picture() + 1) % 0x8000);
    assert_eq!(after.vp8().tl0_index, before.vp8().tl0_index.map(|index| index.wrapping_add(1)));
    assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 40 * 90);
    let next = world.frame(2, 10, Vp8Frame { tl0: 4, ..Vp8Frame::delta(6) }).unwrap();
    assert_eq!((next.seq, next.picture()), (after.seq.wrapping_add(1), after.picture() + 1));
    assert_eq!(next.timestamp.wrapping_sub(after.timestamp), 3000);
}

#[test]
fn a_switch_is_aligned_by_sender_reports() {
    for (lead, expected) in [(0, 2700), (-50_000i32, 1), (900_000, 33 * 90)] {
        let mut world = World::video(up_to(0, 9));
        let base = 1u64 << 40;
        world.up.sender_report(world.now, 0, base, 1000);
        // The other encoding's clock shows 500 000 when the first one's shows 46 000: half a second later.
        world.up.sender_report(world.now, 1, base + (1 << 31), 500_000);
        let before = world.send(0, &Made::vp8(0, 1, 46_000, Vp8Frame::key(1))).unwrap();
        world.down.set_target(up_to(1, 9));
        world.now += 33 * MS;
        let timestamp = 502_700u32.wrapping_add_signed(lead);
        let after = world.send(1, &Made::vp8(1, 1, timestamp, Vp8Frame::key(1))).unwrap();
        assert_eq!(after.timestamp.wrapping_sub(before.timestamp), expected, "lead {lead}");
    }
}

#[test]
fn thinning_closes_numbers_and_picture_ids() {
    let mut world = World::video(up_to(0, 0));
    let first = world.frame(0, 1, Vp8Frame::key(10)).unwrap();
    assert_eq!(world.frame(0, 2, Vp8Frame::delta(11).at(2, false)), None);
    let rest = Vp8Frame { start: false, ..Vp8Frame::delta(11).at(2, false) };
    assert_eq!(world.frame(0, 3, rest), None);
    assert_eq!(world.frame(0, 4, Vp8Frame::delta(12).at(1, false)), None);
    let next = world.frame(0, 5, Vp8Frame::delta(13)).unwrap();
    assert_eq!((next.seq, next.picture()), (first.seq.wrapping_add(1), first.picture() + 1));
    assert_eq!(world.down.stats().thinned, 3);
}

#[test]
fn a_late_packet_gets_the_place_kept_for_it() {
    let mut world = World::video(up_to(0, 0));
    let first = world.frame(0, 1, Vp8Frame::key(1)).unwrap();
    // Frame 2 is left out, frame 3 is late, frame 4 is left out.
    world.frame(0, 2, Vp8Frame::delta(2).at(1, false));
    world.frame(0, 4, Vp8Frame::delta(4).at(1, false));
    let fifth = world.frame(0, 5, Vp8Frame::delta(5)).unwrap();
    let third = world.frame(0, 3, Vp8Frame::delta(3)).unwrap();
    assert_eq!((third.seq, third.picture()), (first.seq.wrapping_add(1), first.picture() + 1));
    assert_eq!((fifth.seq, fifth.picture()), (first.seq.wrapping_add(2), first.picture() + 2));
}

#[test]
fn a_late_packet_that_is_left_out_becomes_padding() {
    let mut world = World::video(up_to(0, 0));
    let first = world.frame(0, 1, Vp8Frame::key(1)).unwrap();
    world.frame(0, 3, Vp8Frame::delta(3));
    let filler = world.frame(0, 2, Vp8Frame::delta(2).at(1, false)).unwrap();
    assert_eq!((filler.seq, filler.payload.len()), (first.seq.wrapping_add(1), 0));
    let again = world.again(filler.seq).unwrap();
    assert_eq!((again.seq, again.ssrc, again.payload.len()), (filler.seq, 900, 0));
}

#[test]
fn a_retransmission_repeats_what_was_sent() {
    let mut world = World::video(up_to(0, 0));
    world.frame(0, 1, Vp8Frame::key(1));
    world.frame(0, 2, Vp8Frame::delta(2).at(1, false));
    let sent = world.frame(0, 3, Vp8Frame::delta(3)).unwrap();
    world.down.set_target(up_to(1, 0));
    world.frame(1, 70, Vp8Frame::key(50));
    let again = world.again(sent.seq).unwrap();
    assert_eq!((again.ssrc, again.pt, again.timestamp), (901, 46, sent.timestamp));
    assert_eq!(again.payload, [&sent.seq.to_be_bytes()[..], &sent.payload].concat());
    assert_eq!(world.again(sent.seq), None, "just repeated");
    world.now += 25 * MS;
    assert_eq!(world.again(sent.seq).unwrap().seq, again.seq.wrapping_add(1));
    assert_eq!(world.again(sent.seq.wrapping_add(9)), None, "never sent");
    assert_eq!((world.down.stats().retransmitted, world.down.stats().retransmit_refused), (2, 2));
}

#[test]
fn without_rtx_the_same_packet_goes_again() {
    let mut world = World::audio();
    world.send(0, &Made::audio(1));
    let sent = world.send(0, &Made::audio(2)).unwrap();
    assert_eq!(world.again(sent.seq), Some(sent));
}

#[test]
fn a_key_frame_whose_start_was_late_is_completed_on_request() {
    let mut world = World::video(up_to(0, 9));
    let rest = Vp8Frame { start: false, ..Vp8Frame::key(1) };
    world.frame(0, 1, Vp8Frame::delta(0));
    assert_eq!(world.frame(0, 3, rest), None);
    assert_eq!(world.frame(0, 4, rest), None);
    let start = Made::vp8(0, 2, 6000, Vp8Frame::key(1));
    let first = world.take(0, &start.rtx(1), true).unwrap();
    let next = world.frame(0, 5, Vp8Frame::delta(2)).unwrap();
    assert_eq!(next.seq, first.seq.wrapping_add(3));
    let missing: Vec<_> = [1, 2].map(|step| world.again(first.seq.wrapping_add(step)).unwrap()).into();
    assert_eq!(missing.iter().map(Got::source).collect::<Vec<_>>(), [3, 4]);
    assert!(missing.iter().all(|got| got.ssrc == 900 && got.picture() == first.picture()));
}

#[test]
fn a_gap_too_long_leaves_one_number_out() {
    let mut world = World::video(up_to(0, 9));
    let first = world.frame(0, 1, Vp8Frame::key(1)).unwrap();
    let next = world.frame(0, 1000, Vp8Frame::delta(2)).unwrap();
    assert_eq!(next.seq, first.seq.wrapping_add(2));
    assert_eq!(world.frame(0, 500, Vp8Frame::delta(2)), None);
    assert_eq!(world.again(first.seq.wrapping_add(1)), None);
}

#[test]
fn muting_leaves_no_gap_and_unmuting_needs_a_key_frame() {
    let mut world = World::video(up_to(0, 9));
    let first = world.frame(0, 1, Vp8Frame::key(1)).unwrap();
    world.up.set_muted(true);
    assert_eq!(world.frame(0, 2, Vp8Frame::delta(2)), None);
    assert_eq!(world.down.keyframe_wanted(world.now, &world.up), None);
    world.up.set_muted(false);
    assert_eq!(world.frame(0, 3, Vp8Frame::delta(3)), None);
    assert_eq!(world.down.keyframe_wanted(world.now, &world.up), Some(0));
    let next = world.frame(0, 4, Vp8Frame::key(4)).unwrap();
    assert_eq!(next.seq, first.seq.wrapping_add(1));
    assert_eq!(next.timestamp.wrapping_sub(first.timestamp), 9000);
}

#[test]
fn a_replaced_track_goes_on_in_one_stream() {
    let mut world = World::audio();
    world.send(0, &Made::audio(7));
    let before = world.send(0, &Made::audio(8)).unwrap();
    let params = audio_params("2");
    world.down.replace(&params);
    world.up = UpTrack::new(params);
    world.now += 60 * MS;
    let after = world.send(0, &Made { ssrc: 55, timestamp: 77, ..Made::audio(9_999) }).unwrap();
    assert_eq!(after.seq, before.seq.wrapping_add(1));
    assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 60 * 48);
    assert_eq!(world.again(before.seq), None, "of the former track");
}

#[test]
fn another_source_of_the_encoding_goes_on_at_its_key_frame() {
    let mut world = World::video(up_to(0, 9));
    let before = world.frame(0, 1, Vp8Frame::key(1)).unwrap();
    let made = |seq, frame| Made { ssrc: 55, ..Made::vp8(0, seq, 5, frame) };
    assert_eq!(world.send(0, &made(900, Vp8Frame::delta(3))), None);
    let after = world.send(0, &made(901, Vp8Frame::key(4))).unwrap();
    assert_eq!((after.seq, after.picture()), (before.seq.wrapping_add(1), before.picture() + 1));
}

#[test]
fn sender_reports_map_the_publishers_clock() {
    let mut world = World::audio();
    assert_eq!(world.down.sender_report(world.now, &world.up), None);
    let sent = world.send(0, &Made { timestamp: 5000, ..Made::audio(1) }).unwrap();
    assert_eq!(world.down.sender_report(world.now, &world.up), None);
    world.up.sender_report(world.now, 0, 9 << 32, 5000);
    world.now += Duration::from_secs(2);
    let report = world.down.sender_report(world.now, &world.up).unwrap();
    assert_eq!((report.ssrc, report.ntp, report.packets, report.octets), (Ssrc(900), 11 << 32, 1, 20));
    assert_eq!(report.rtp, sent.timestamp.wrapping_add(96_000));
    let lsr = (report.ntp >> 16) as u32;
    let later = world.now + 150 * MS;
    assert_eq!(world.down.round_trip(later, lsr, 65_536 / 8), Some(25 * MS));
    assert_eq!(world.down.round_trip(later, lsr + 1, 0), None);
}

#[test]
fn a_short_buffer_is_counted_not_fatal() {
    let mut world = World::audio();
    let bytes = Made::audio(1).bytes();
    let arrival = world.up.receive(world.now, 0, &Packet::parse(&bytes).unwrap(), false).unwrap();
    for len in 0..bytes.len() {
        assert_eq!(world.down.forward(world.now, &world.up, &arrival, &mut vec![0; len]), None);
    }
    assert!(world.down.stats().overlong >= 1);
}

/// One step of the life of a subscription.
#[derive(Clone, Debug)]
enum Step {
    /// The next frames of an encoding: key, temporal layer, lost, how much later it arrives.
    Frame {
        encoding: u8,
        key: bool,
        temporal: u8,
        packets: u8,
        fate: u8,
    },
    Target(u8, u8),
    Mute(bool),
    Request(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let frame = (0u8..3, prop::bool::weighted(0.1), 0u8..3, 1u8..4, 0u8..12)
        .prop_map(|(encoding, key, temporal, packets, fate)| Step::Frame { encoding, key, temporal, packets, fate });
    let target = (0u8..4, 0u8..3).prop_map(|(spatial, temporal)| Step::Target(spatial, temporal));
    let step = prop_oneof![40 => frame, 2 => target, 1 => any::<bool>().prop_map(Step::Mute), 5 => any::<u8>().prop_map(Step::Request)];
    proptest::collection::vec(step, 1..400)
}

/// What the subscriber saw: source packet by number, and which numbers were padding.
#[derive(Default)]
struct Seen {
    packets: BTreeMap<u64, (Vec<u8>, u32)>,
    by_source: BTreeMap<(u8, u16), u64>,
    by_picture: BTreeMap<u16, u32>,
    highest: u64,
}

impl Seen {
    fn extend(&mut self, seq: u16) -> u64 {
        let highest = if self.highest == 0 { (1 << 20) + u64::from(seq) } else { self.highest };
        highest.wrapping_add_signed(i64::from(seq.wrapping_sub(highest as u16) as i16))
    }

    /// Checks that a number stands for one packet only, and a packet under one number only.
    fn note(&mut self, seq: u16, timestamp: u32, payload: &[u8]) {
        let number = self.extend(seq);
        self.highest = self.highest.max(number);
        let known = self.packets.entry(number).or_insert_with(|| (payload.to_vec(), timestamp));
        assert_eq!(known.0, payload, "number {number} stands for two packets");
        if let [.., encoding, low, high] = payload {
            let source = (*encoding, u16::from_le_bytes([*low, *high]));
            assert_eq!(*self.by_source.entry(source).or_insert(number), number, "{source:?} has two numbers");
            assert_eq!(known.1, timestamp, "number {number} has two timestamps");
            // One picture id for one frame, and a frame is what has one timestamp.
            let picture = vp8::Descriptor::parse(payload).unwrap().picture_id.unwrap().value;
            assert_eq!(*self.by_picture.entry(picture).or_insert(timestamp), timestamp, "picture {picture}");
        }
    }
}

/// A publisher of three encodings behind a bad network, and one subscriber.
struct Trial {
    world: World,
    seen: Seen,
    seqs: [u16; 3],
    frames: [u32; 3],
    held: Vec<(u8, Made)>,
    losses: u64,
}

impl Trial {
    fn new() -> Self {
        Self {
            world: World::video(LayerTarget::BEST),
            seen: Seen::default(),
            seqs: [60_000, 100, 65_500],
            frames: [0x7ff0, 5, 100],
            held: Vec::new(),
            losses: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        self.world.now += 10 * MS;
        match *step {
            Step::Frame { encoding, key, temporal, packets, fate } => {
                self.frame(encoding, key, temporal, packets, fate)
            }
            Step::Target(3, _) => self.world.down.set_target(LayerTarget::Off),
            Step::Target(spatial, temporal) => self.world.down.set_target(up_to(spatial, temporal)),
            Step::Mute(muted) => self.world.up.set_muted(muted),
            Step::Request(back) => {
                if let Some(index) = self.held.len().checked_sub(1 + usize::from(back) % 8) {
                    let (encoding, made) = self.held.remove(index);
                    self.send(encoding, &made);
                }
                self.request((self.seen.highest as u16).wrapping_sub(u16::from(back)));
            }
        }
    }

    fn frame(&mut self, encoding: u8, key: bool, temporal: u8, packets: u8, fate: u8) {
        let index = usize::from(encoding);
        self.frames[index] += 1;
        for packet in 0..packets {
            self.seqs[index] = self.seqs[index].wrapping_add(1);
            let frame = Vp8Frame {
                key,
                start: packet == 0,
                picture: (self.frames[index] % 0x8000) as u16,
                tl0: 0,
                temporal: if key { 0 } else { temporal },
                sync: fate.is_multiple_of(2),
            };
            let mut made = Made::vp8(encoding, self.seqs[index], self.frames[index] * 3000, frame);
            made.payload.insert(made.payload.len() - 2, encoding);
            match fate {
                0 => self.losses += 1,
                1 | 2 => self.held.push((encoding, made)),
                _ => self.send(encoding, &made),
            }
        }
    }

    fn send(&mut self, encoding: u8, made: &Made) {
        if let Some(got) = self.world.send(encoding, made) {
            self.seen.note(got.seq, got.timestamp, &got.payload);
        }
    }

    fn request(&mut self, seq: u16) {
        match self.world.again(seq) {
            Some(got) if got.ssrc == 901 => {
                assert_eq!(u16::from_be_bytes([got.payload[0], got.payload[1]]), seq);
                self.seen.note(seq, got.timestamp, &got.payload[2..]);
            }
            Some(got) => self.seen.note(got.seq, got.timestamp, &got.payload),
            None => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_number_stands_for_one_packet_whatever_comes_late(steps in steps()) {
        let mut trial = Trial::new();
        steps.iter().for_each(|step| trial.step(step));
    }

    #[test]
    fn gaps_are_the_sources_own(mut steps in steps()) {
        for step in &mut steps {
            if let Step::Frame { fate: fate @ 1..=2, .. } = step {
                *fate = 3;
            }
        }
        let mut trial = Trial::new();
        steps.iter().for_each(|step| trial.step(step));
        let numbers = &trial.seen.packets;
        if let (Some(first), Some(last)) = (numbers.keys().next(), numbers.keys().last()) {
            let gaps = last - first + 1 - numbers.len() as u64;
            prop_assert!(gaps <= trial.losses, "{} gaps, {} losses", gaps, trial.losses);
        }
    }
}
