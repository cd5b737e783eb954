//! RTCP packets to values and back, and what is refused.

use proptest::prelude::*;

use super::*;
use crate::Ssrc;

const US: Ssrc = Ssrc(0x0102_0304);
const THEM: Ssrc = Ssrc(0xa0b0_c0d0);

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Vec<u8> {
    let mut buffer = [0xee; 1500];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer).unwrap();
    writer.as_bytes().to_vec()
}

fn only(bytes: &[u8]) -> Packet<'_> {
    let mut packets = packets(bytes);
    let packet = packets.next().unwrap().unwrap();
    assert!(packets.next().is_none(), "more than one packet");
    packet
}

fn deltas_of(bytes: &[u8]) -> Vec<Option<i16>> {
    let Packet::TransportFeedback(feedback) = only(bytes) else { panic!("not transport feedback") };
    feedback.statuses().map(|(_, delta)| delta).collect()
}

fn twcc(deltas: &[Option<i16>]) -> Vec<u8> {
    let report = TransportReport { base_sequence: 7, reference_time: 1, feedback_count: 2, deltas };
    written(|writer| writer.twcc(US, THEM, &report))
}

#[test]
fn walks_a_compound() {
    let info = SenderInfo { ssrc: US, ntp: 0x0011_2233_4455_6677, rtp_time: 5, packets: 6, bytes: 7 };
    let block =
        ReportBlock { ssrc: THEM, lost: -1, fraction_lost: 3, last_sr: info.ntp_middle(), ..Default::default() };
    let bytes = written(|writer| {
        writer.sender_report(&info, &[block])?;
        writer.cname(US, b"cname")?;
        writer.bye(&[US])
    });
    let found: Vec<_> = packets(&bytes).map(Result::unwrap).collect();
    let [Packet::SenderReport(report), Packet::SourceDescription(names), Packet::Bye(bye)] = found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(report.info, info);
    assert_eq!(report.blocks().collect::<Vec<_>>(), [block]);
    assert_eq!(block.last_sr, 0x2233_4455);
    assert_eq!(names.cnames().collect::<Vec<_>>(), [(US, &b"cname"[..])]);
    assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [US]);
    assert!(bye.reason.is_none());
}

#[test]
fn reads_what_others_write() {
    // REMB of 0x3ffff << 2 bit/s for one source, as in the draft's layout.
    let remb = [0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0x0b, 0xff, 0xff, 0, 0, 0, 9];
    let Packet::Remb(remb) = only(&remb) else { panic!() };
    assert_eq!((remb.bitrate_bps, remb.ssrcs().collect::<Vec<_>>()), (0x3_ffff << 2, vec![Ssrc(9)]));
    // An extended report is passed over.
    let xr = [0x80, 207, 0, 1, 0, 0, 0, 1];
    assert!(matches!(only(&xr), Packet::Other { packet_type: 207, .. }));
    // A goodbye with a reason.
    let bye = [0x81, 203, 0, 2, 0, 0, 0, 9, 2, b'h', b'i', 0];
    let Packet::Bye(bye) = only(&bye) else { panic!() };
    assert_eq!(bye.reason, Some(&b"hi"[..]));
    // Transport feedback: a run of three small deltas, with three bytes of padding as libwebrtc adds them.
    let feedback = [0xaf, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0, 3, 0, 0, 3, 4, 0x20, 3, 8, 9, 10, 0, 0, 3];
    let Packet::TransportFeedback(feedback) = only(&feedback) else { panic!() };
    assert_eq!((feedback.reference_time, feedback.feedback_count), (3, 4));
    assert_eq!(feedback.statuses().collect::<Vec<_>>(), [(0xffff, Some(8)), (0, Some(9)), (1, Some(10))]);
}

#[test]
fn a_saturated_estimate_is_no_panic() {
    let remb = [0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 0, 0xff, 0xff, 0xff];
    let Packet::Remb(remb) = only(&remb) else { panic!() };
    assert_eq!(remb.bitrate_bps, u64::MAX);
}

#[test]
fn refuses_what_contradicts_itself() {
    let cases: [(&str, &[u8]); 12] = [
        ("too short for a header", &[0x80, 200, 0]),
        ("wrong version", &[0x40, 201, 0, 1, 0, 0, 0, 1]),
        ("longer than the datagram", &[0x80, 201, 0, 2, 0, 0, 0, 1]),
        ("padding of nothing", &[0xa0, 201, 0, 1, 0, 0, 0, 0]),
        ("padding beyond the packet", &[0xa0, 201, 0, 1, 0, 0, 0, 5]),
        ("one block claimed, none there", &[0x81, 201, 0, 1, 0, 0, 0, 1]),
        ("NACK of nothing", &[0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]),
        ("FIR with half an entry", &[0x84, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]),
        ("SDES item without an end", &[0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, b'a', b'b']),
        ("BYE of two, one there", &[0x82, 203, 0, 1, 0, 0, 0, 1]),
        (
            "feedback without its delta",
            &[0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0x20, 3, 1, 1],
        ),
        ("feedback of empty runs", &[0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for (name, bytes) in cases {
        assert_eq!(packets(bytes).next().unwrap().err(), Some(Malformed), "{name}");
    }
}

#[test]
fn a_broken_body_does_not_hide_the_next_packet() {
    let mut bytes = vec![0x81, 201, 0, 1, 0, 0, 0, 1];
    bytes.extend(written(|writer| writer.pli(US, THEM)));
    let found: Vec<_> = packets(&bytes).collect();
    assert!(matches!(found[..], [Err(Malformed), Ok(Packet::Pli(Pli { sender: US, media: THEM }))]));
}

#[test]
fn a_nack_packs_seventeen_to_a_pair() {
    let bytes = written(|writer| writer.nack(US, THEM, 65530..=65535));
    assert_eq!(bytes.len(), 16);
    let bytes = written(|writer| writer.nack(US, THEM, (0..18u16).map(|n| n.wrapping_sub(3))));
    assert_eq!(bytes.len(), 20);
    let Packet::Nack(nack) = only(&bytes) else { panic!() };
    assert_eq!(nack.sequences().collect::<Vec<_>>(), (0..18u16).map(|n| n.wrapping_sub(3)).collect::<Vec<_>>());
    assert!(written(|writer| writer.nack(US, THEM, [])).is_empty());
}

#[test]
fn a_full_compound_stays_as_it_was() {
    let mut buffer = [0; 40];
    let mut writer = Writer::new(&mut buffer);
    writer.pli(US, THEM).unwrap();
    assert_eq!(writer.nack(US, THEM, (0..200).step_by(20)), Err(Full));
    assert_eq!(writer.len(), 12);
    writer.fir(US, THEM, 5).unwrap();
    let found: Vec<_> = packets(writer.as_bytes()).map(Result::unwrap).collect();
    let [Packet::Pli(_), Packet::Fir(fir)] = found[..] else { panic!("{found:?}") };
    assert_eq!(fir.requests().collect::<Vec<_>>(), [(THEM, 5)]);
    assert!(!writer.is_empty());
}

#[test]
fn a_compound_never_outgrows_its_limit() {
    let mut buffer = [0; 4000];
    let mut writer = Writer::new(&mut buffer);
    while writer.pli(US, THEM).is_ok() {}
    assert_eq!(writer.len(), COMPOUND_BYTES_MAX / 12 * 12);
    assert_eq!(writer.receiver_report(US, &[ReportBlock::default(); 32]), Err(Full));
}

#[test]
fn feedback_chunks_are_short() {
    // Header 20 bytes, then chunks and deltas, padded to a word.
    let cases: [(&str, Vec<Option<i16>>, usize); 6] = [
        ("one run of small deltas", vec![Some(1); 100], 20 + 2 + 100 + 2),
        ("a gap is one chunk", [vec![Some(1)], vec![None; 5000], vec![Some(2)]].concat(), 20 + 2 + 2 + 2 + 2),
        ("narrow vector", [[Some(1), None]; 7].concat(), 20 + 2 + 7 + 3),
        ("wide vector", vec![Some(-1), None, Some(3), None, Some(300), None, None], 20 + 2 + 5 + 1),
        ("run longer than a chunk", vec![None; RUN_STATUSES_MAX + 1], 20 + 4),
        ("extremes", vec![Some(i16::MIN), Some(i16::MAX), Some(255), Some(256)], 20 + 2 + 7 + 3),
    ];
    for (name, deltas, len) in cases {
        let bytes = twcc(&deltas);
        assert_eq!(bytes.len(), len, "{name}");
        assert_eq!(deltas_of(&bytes), deltas, "{name}");
    }
}

#[test]
fn rtcp_is_told_from_rtp() {
    assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x80, 207]));
    assert!(!is_rtcp(&[0x80, 96]) && !is_rtcp(&[0x80, 0xe0]) && !is_rtcp(&[0x80]));
}

fn consume(bytes: &[u8]) {
    for packet in packets(bytes).flatten() {
        match packet {
            Packet::SenderReport(report) => assert!(report.blocks().count() <= 31),
            Packet::ReceiverReport(report) => assert!(report.blocks().count() <= 31),
            Packet::SourceDescription(names) => assert!(names.cnames().count() <= 31),
            Packet::Bye(bye) => assert!(bye.ssrcs().count() <= 31),
            Packet::Nack(nack) => assert!(nack.sequences().count() <= bytes.len() / 4 * 17),
            Packet::TransportFeedback(feedback) => {
                assert_eq!(feedback.statuses().count(), usize::from(feedback.status_count));
            }
            Packet::Fir(fir) => assert!(fir.requests().count() > 0),
            Packet::Remb(remb) => assert!(remb.ssrcs().count() <= 255),
            Packet::Pli(_) | Packet::Other { .. } => {}
        }
    }
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        consume(&bytes);
    }

    #[test]
    fn never_panics_behind_a_sound_header(
        format in 0u8..32,
        packet_type in 200u8..=207,
        mut body in proptest::collection::vec(any::<u8>(), 0..160),
        padded in any::<bool>(),
        remb in any::<bool>(),
    ) {
        body.resize(body.len().next_multiple_of(4), 0);
        if remb && body.len() >= 12 {
            body[8..12].copy_from_slice(b"REMB");
        }
        let words = u8::try_from(body.len() / 4).unwrap();
        let mut bytes = vec![0x80 | u8::from(padded) << 5 | format, packet_type, 0, words];
        bytes.extend(body);
        consume(&bytes);
    }

    #[test]
    fn transport_feedback_round_trips(
        base_sequence in any::<u16>(),
        reference_time in 0u32..1 << 24,
        feedback_count in any::<u8>(),
        deltas in proptest::collection::vec(
            prop_oneof![Just(None), (0i16..256).prop_map(Some), any::<i16>().prop_map(Some)], 1..400),
    ) {
        let report = TransportReport { base_sequence, reference_time, feedback_count, deltas: &deltas };
        let bytes = written(|writer| writer.twcc(US, THEM, &report));
        prop_assert_eq!(bytes.len() % 4, 0);
        let Packet::TransportFeedback(feedback) = only(&bytes) else { panic!() };
        prop_assert_eq!((feedback.sender, feedback.media), (US, THEM));
        prop_assert_eq!(feedback.reference_time, reference_time);
        prop_assert_eq!(feedback.feedback_count, feedback_count);
        let expected: Vec<_> = (0u16..).zip(&deltas).map(|(n, delta)| (base_sequence.wrapping_add(n), *delta)).collect();
        prop_assert_eq!(feedback.statuses().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn nacks_round_trip(sequences in proptest::collection::btree_set(any::<u16>(), 1..250)) {
        let bytes = written(|writer| writer.nack(US, THEM, sequences.iter().copied()));
        let Packet::Nack(nack) = only(&bytes) else { panic!() };
        prop_assert_eq!(nack.sequences().collect::<Vec<_>>(), sequences.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn report_blocks_round_trip(ssrc in any::<u32>(), lost in -0x80_0000i32..=0x7f_ffff, words in any::<[u32; 4]>(), fraction_lost in any::<u8>()) {
        let [highest_sequence, jitter, last_sr, delay_since_sr] = words;
        let block = ReportBlock { ssrc: Ssrc(ssrc), fraction_lost, lost, highest_sequence, jitter, last_sr, delay_since_sr };
        let bytes = written(|writer| writer.receiver_report(US, &[block]));
        let Packet::ReceiverReport(report) = only(&bytes) else { panic!() };
        prop_assert_eq!(report.blocks().collect::<Vec<_>>(), vec![block]);
    }

    #[test]
    fn names_round_trip(name in proptest::collection::vec(any::<u8>(), 0..=255)) {
        let bytes = written(|writer| writer.cname(US, &name));
        let Packet::SourceDescription(names) = only(&bytes) else { panic!() };
        prop_assert_eq!(names.cnames().collect::<Vec<_>>(), vec![(US, &name[..])]);
    }
}
