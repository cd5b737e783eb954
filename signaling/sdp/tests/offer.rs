//! The server's own offer and what follows from the client's answer.

use door::{Codec, ExtensionKind, Kind, PayloadMap};
use thalweg_sdp::{
    Description, Direction, Msid, OfferSection, Receive, SectionKind, Send, Setup, TrackCodec, down_params, offer,
    up_params,
};
use wire::{Mid, Pt, Ssrc};

mod common;

fn mid(text: &str) -> Mid {
    Mid::new(text.as_bytes()).unwrap()
}

fn track(section: usize, primary: Codec) -> Send {
    let offer = Description::parse(include_str!("fixtures/chrome_publish.sdp")).unwrap();
    let up = up_params(&offer.sections[section], &Receive { primary: Some(primary), ..Receive::default() }).unwrap();
    let msid = Msid { stream: "PA_a|TR_b".to_owned(), track: "TR_b".to_owned() };
    Send { codecs: up.codecs, ssrc: Ssrc(10), rtx_ssrc: Some(Ssrc(11)), msid, cname: "PA_a".to_owned(), stereo: false }
}

fn sections() -> Vec<OfferSection> {
    vec![
        OfferSection::Data { mid: mid("0") },
        OfferSection::Send { mid: mid("1"), kind: Kind::Audio, send: Send { stereo: true, ..track(3, Codec::Opus) } },
        OfferSection::Send { mid: mid("2"), kind: Kind::Video, send: track(4, Codec::Vp9) },
        OfferSection::Inactive { mid: mid("3"), kind: Kind::Video },
    ]
}

#[test]
fn offers_what_the_publisher_sends_first() {
    let text = offer(&common::local(), &sections());
    let read = Description::parse(&text).unwrap();
    assert_eq!(read.sections.iter().map(|it| it.mid).collect::<Vec<_>>(), read.bundle);
    assert_eq!(read.transport.unwrap().setup, Setup::ActPass);
    assert!(read.extmap_allow_mixed && text.contains("a=ice-lite\r\n"));
    assert_eq!(read.sections[0].kind, SectionKind::Application);
    assert_eq!(read.sections[0].candidates.len(), 2);

    let microphone = &read.sections[1];
    assert_eq!(microphone.direction, Direction::SendOnly);
    assert_eq!(microphone.msid.as_ref().unwrap().stream, "PA_a|TR_b");
    assert_eq!(microphone.codecs.iter().map(|it| it.pt.0).collect::<Vec<_>>(), [63, 111, 9, 0, 8]);
    assert_eq!(microphone.codecs[1].fmtp, "minptime=10;useinbandfec=1;sprop-stereo=1");
    assert!(microphone.codecs[1].has_feedback("nack"));
    assert_eq!(microphone.ssrcs[0].rtx, None);

    let camera = &read.sections[2];
    assert_eq!((camera.codecs[0].pt, camera.codecs[0].rtx), (Pt(98), Some(Pt(99))));
    assert_eq!(camera.ssrcs[0].rtx, Some(Ssrc(11)));
    let offered: Vec<u8> = camera.codecs.iter().map(|it| it.pt.0).collect();
    assert_eq!(offered, [98, 96, 108, 125, 106, 39, 35], "one type for each format, in the publisher's order");

    assert_eq!(read.sections[3].direction, Direction::Inactive);
    assert!(read.sections[3].codecs.len() > 5 && read.sections[3].ssrcs.is_empty());
}

#[test]
fn extension_ids_are_one_thing_in_the_whole_group() {
    let read = Description::parse(&offer(&common::local(), &sections())).unwrap();
    let all = read.sections.iter().flat_map(|it| &it.extensions);
    for one in all.clone() {
        assert!(one.id <= 14, "fits the one-byte form");
        assert!(all.clone().all(|it| (it.id == one.id) == (it.kind == one.kind)));
    }
}

#[test]
fn payload_types_are_one_thing_in_the_whole_group() {
    let inactive = |mid_text, kind| OfferSection::Inactive { mid: mid(mid_text), kind };
    let text = offer(&common::local(), &[inactive("a", Kind::Audio), inactive("v", Kind::Video)]);
    let read = Description::parse(&text).unwrap();
    let codecs = read.sections.iter().flat_map(|it| &it.codecs);
    let mut types: Vec<u8> = codecs.flat_map(|it| [Some(it.pt), it.rtx]).flatten().map(|it| it.0).collect();
    let count = types.len();
    types.sort_unstable();
    types.dedup();
    assert_eq!(types.len(), count);
    assert_eq!(
        read.sections.iter().map(|it| it.formats().count()).sum::<usize>(),
        15,
        "the server knows its own types"
    );
}

#[test]
fn the_answer_decides_how_the_track_is_sent() {
    let server = offer(&common::local(), &sections());
    // A client without RED and VP9: as Firefox answers, in its own words.
    let answer = server
        .replace("a=ice-lite\r\n", "")
        .replace("actpass", "active")
        .replace("a=sendonly", "a=recvonly")
        .replace("SAVPF 63 111", "SAVPF 111")
        .replace("SAVPF 98 99 ", "SAVPF ");
    let answer = Description::parse(&answer).unwrap();
    assert_eq!(answer.transport.as_ref().unwrap().setup.our_role(), door::DtlsRole::Passive);
    let down = down_params(answer.section(mid("1")).unwrap(), &track(3, Codec::Opus)).unwrap();
    assert_eq!(down.payloads[0], PayloadMap { from: Pt(63), to: Pt(111), rtx: None, strip_red: true });
    assert_eq!(down.extensions.id(ExtensionKind::AudioLevel), Some(1));
    let down = down_params(answer.section(mid("2")).unwrap(), &track(4, Codec::Vp9)).unwrap();
    assert_eq!(down.payloads[0], PayloadMap { from: Pt(96), to: Pt(96), rtx: Some(Pt(97)), strip_red: false });
    assert!(!down.payloads.iter().any(|it| it.from == Pt(98)));
    assert_eq!(down.rtx_ssrc, Some(Ssrc(11)));
    assert!(down_params(answer.section(mid("3")).unwrap(), &track(4, Codec::Vp9)).is_err(), "inactive");
    assert!(answer.section(mid("9")).is_none());
}

#[test]
fn an_unmatched_track_still_makes_a_legal_offer() {
    let codecs: Vec<TrackCodec> = track(4, Codec::Vp9).codecs.into_iter().filter(|it| it.pt == Pt(100)).collect();
    let send = Send { codecs, ..track(4, Codec::Vp9) };
    let text = offer(&common::local(), &[OfferSection::Send { mid: mid("0"), kind: Kind::Video, send: send.clone() }]);
    let read = Description::parse(&text.replace("sendonly", "recvonly")).unwrap();
    assert!(!read.sections[0].codecs.is_empty());
    assert!(down_params(&read.sections[0], &send).is_err());
}
