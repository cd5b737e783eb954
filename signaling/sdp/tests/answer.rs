//! Answers to offers as real clients write them.

use door::{Codec, DtlsRole, ExtensionKind, Kind, PayloadMap, SsrcPair};
use thalweg_sdp::{
    CodecSet, Description, Direction, Msid, NoCommonCodec, Receive, SectionKind, SectionUse, Send, Setup, UpTrack,
    answer, down_params, up_params,
};
use wire::{Mid, Pt, Rid, Ssrc};

mod common;

const CHROME_JOIN: &str = include_str!("fixtures/chrome_join.sdp");
const CHROME_PUBLISH: &str = include_str!("fixtures/chrome_publish.sdp");
const FIREFOX: &str = include_str!("fixtures/firefox_publish.sdp");
const RUST_CORE: &str = include_str!("fixtures/rust_core_join.sdp");

fn parse(text: &str) -> Description {
    Description::parse(text).unwrap()
}

/// The lines of the `index`-th section of `text`, its `m=` line first.
fn section_lines(text: &str, index: usize) -> Vec<&str> {
    let starts: Vec<usize> =
        text.match_indices("m=").map(|(at, _)| at).filter(|&at| text[..at].ends_with('\n')).collect();
    let end = starts.get(index + 1).copied().unwrap_or(text.len());
    text[starts[index]..end].lines().collect()
}

fn has(lines: &[&str], line: &str) -> bool {
    lines.contains(&line)
}

fn mid(text: &str) -> Mid {
    Mid::new(text.as_bytes()).unwrap()
}

fn publish(section: usize, receive: Receive) -> UpTrack {
    up_params(&parse(CHROME_PUBLISH).sections[section], &receive).unwrap()
}

fn send(up: &UpTrack, ssrc: u32) -> Send {
    let msid = Msid { stream: "PA_x|TR_y".to_owned(), track: "TR_y".to_owned() };
    let (ssrc, rtx_ssrc) = (Ssrc(ssrc), Some(Ssrc(ssrc + 1)));
    Send { codecs: up.codecs.clone(), ssrc, rtx_ssrc, msid, cname: "PA_x".to_owned(), stereo: false }
}

fn video() -> Receive {
    Receive { primary: Some(Codec::Vp8), ..Receive::default() }
}

#[test]
fn reads_what_chrome_offers_at_join() {
    let offer = parse(CHROME_JOIN);
    let kinds: Vec<_> = offer.sections.iter().map(|it| it.kind).collect();
    let (audio, video) = (SectionKind::Audio, SectionKind::Video);
    assert_eq!(kinds, [SectionKind::Application, audio, audio, audio, video, video, video]);
    assert_eq!(offer.bundle, (0..7).map(|it| mid(&it.to_string())).collect::<Vec<_>>());
    assert!(offer.extmap_allow_mixed);
    assert_eq!(offer.ice_options, ["trickle"]);
    let transport = offer.transport.unwrap();
    assert_eq!((transport.ice.ufrag.as_str(), transport.setup), ("tHwG", Setup::ActPass));
    assert_eq!(transport.setup.our_role(), DtlsRole::Passive);
    assert!(transport.fingerprint.to_string().starts_with("AB:CD:EF:01"));
    let sctp = offer.sections[0].sctp.unwrap();
    assert_eq!((sctp.port, sctp.max_message_size), (5000, 262_144));
    let camera = &offer.sections[4];
    assert_eq!((camera.direction, camera.rejected, &camera.msid), (Direction::RecvOnly, false, &None));
    assert_eq!((camera.codecs[0].pt, camera.codecs[0].rtx), (Pt(96), Some(Pt(97))));
    assert_eq!(camera.codecs[0].feedback, ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"]);
    assert_eq!(camera.extensions.len(), 12);
}

#[test]
fn reads_what_chrome_publishes() {
    let offer = parse(CHROME_PUBLISH);
    let (microphone, camera) = (&offer.sections[3], &offer.sections[4]);
    assert_eq!(microphone.msid.as_ref().unwrap().track, "3c1f0c2e-6f0e-4c39-9f2b-0d9c0ac1f001");
    assert_eq!(microphone.msid.as_ref().unwrap().stream, "-");
    assert_eq!(microphone.ssrcs, [SsrcPair { media: Ssrc(1_399_694_169), rtx: None }]);
    assert_eq!(camera.rids.iter().map(Rid::as_str).collect::<Vec<_>>(), ["q", "h", "f"]);
    assert_eq!(camera.direction, Direction::SendOnly);
}

#[test]
fn tells_the_media_house_of_a_published_camera() {
    let up = publish(4, video());
    let params = &up.params;
    assert_eq!((params.mid, params.kind, params.encrypted), (mid("4"), Kind::Video, false));
    assert!(params.transport_feedback);
    assert_eq!(params.rids.len(), 3);
    let first = params.codecs[0];
    assert_eq!((first.pt, first.codec, first.clock_hz, first.rtx), (Pt(96), Codec::Vp8, 90_000, Some(Pt(97))));
    assert!(first.nack && first.pli);
    assert_eq!(params.extensions.id(ExtensionKind::Rid), Some(10));
    assert_eq!(params.extensions.id(ExtensionKind::RepairedRid), Some(11));
    assert_eq!(params.extensions.id(ExtensionKind::DependencyDescriptor), Some(12));
    assert_eq!(params.extensions.id(ExtensionKind::AudioLevel), None);
    // Eight variants of H264 and VP9, AV1 and VP8; not RED for video and ULPFEC.
    assert_eq!(params.codecs.len(), 10);
    assert_eq!(
        up.codecs.iter().map(|it| it.pt).collect::<Vec<_>>(),
        params.codecs.iter().map(|it| it.pt).collect::<Vec<_>>()
    );
}

#[test]
fn puts_the_announced_codec_first() {
    let order = |receive: Receive| publish(4, receive).params.codecs.iter().map(|it| it.pt.0).collect::<Vec<_>>();
    let primary = |codec| Receive { primary: Some(codec), ..Receive::default() };
    assert_eq!(order(Receive::default())[..2], [96, 103]);
    assert_eq!(order(primary(Codec::Av1))[..3], [45, 96, 103]);
    assert_eq!(order(primary(Codec::Vp9))[..3], [98, 100, 96]);
    // Baseline before main, fragments before single units.
    assert_eq!(order(primary(Codec::H264))[..7], [103, 109, 107, 115, 117, 39, 96]);
    // Not offered: the client's order stands.
    assert_eq!(order(primary(Codec::H265))[..2], [96, 103]);
    assert_eq!(order(Receive { only_primary: true, ..primary(Codec::Vp9) }), [98, 100]);
    let few = CodecSet::NONE.with(Codec::Vp9).with(Codec::Av1);
    assert_eq!(order(Receive { enabled: few, ..primary(Codec::Vp8) }), [45, 98, 100]);
}

#[test]
fn prefers_redundant_audio_unless_it_is_off() {
    let order = |receive: Receive| publish(3, receive).params.codecs.iter().map(|it| it.codec).collect::<Vec<_>>();
    let rest = [Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma];
    assert_eq!(order(Receive::default())[0], Codec::Red);
    assert_eq!(order(Receive::default())[1..], rest);
    assert_eq!(order(Receive { primary: Some(Codec::Red), ..Receive::default() })[0], Codec::Red);
    assert_eq!(order(Receive { red: false, ..Receive::default() }), rest);
    assert_eq!(order(Receive { primary: Some(Codec::Pcmu), ..Receive::default() })[0], Codec::Pcmu);
}

#[test]
fn refuses_tracks_without_a_common_codec_or_a_sender() {
    let offer = parse(CHROME_PUBLISH);
    let none = Receive { enabled: CodecSet::NONE, ..Receive::default() };
    assert_eq!(up_params(&offer.sections[4], &none).unwrap_err(), NoCommonCodec(mid("4")));
    for index in [0, 1, 2] {
        assert!(up_params(&offer.sections[index], &Receive::default()).is_err(), "section {index} does not send");
    }
}

#[test]
fn answers_a_publisher() {
    let offer = parse(CHROME_PUBLISH);
    let stereo = Receive { stereo: true, ..Receive::default() };
    let uses = [
        SectionUse::Data,
        SectionUse::Inactive,
        SectionUse::Inactive,
        SectionUse::Receive(stereo),
        SectionUse::Receive(video()),
    ];
    let text = answer(&common::local(), &offer, &uses);

    let head: Vec<&str> = text.lines().take_while(|it| !it.starts_with("m=")).collect();
    let expected = [
        "v=0",
        "o=- 77 3 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=group:BUNDLE 0 1 2 3 4",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS *",
    ];
    assert_eq!(head, expected);
    assert!(text.lines().all(|it| !it.is_empty()) && text.ends_with("\r\n"));
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());

    let data = section_lines(&text, 0);
    let expected = [
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=ice-ufrag:0001srv0",
        "a=ice-pwd:serverpasswordserverpass",
        &format!("a=fingerprint:sha-256 {}", ["5A"; 32].join(":")),
        "a=setup:passive",
        "a=mid:0",
        "a=sctp-port:5000",
        "a=max-message-size:65535",
        "a=candidate:1 1 udp 2130706431 192.0.2.10 7882 typ host",
        "a=candidate:2 1 tcp 1671430143 192.0.2.10 7881 typ host tcptype passive",
        "a=end-of-candidates",
    ];
    assert_eq!(data, expected);

    let microphone = section_lines(&text, 3);
    assert_eq!(microphone[0], "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 9 0 8");
    assert!(has(&microphone, "a=recvonly"));
    assert!(has(&microphone, "a=fmtp:63 111/111"));
    assert!(has(&microphone, "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1;stereo=1;maxaveragebitrate=510000"));
    assert!(has(&microphone, "a=rtcp-fb:111 transport-cc") && !has(&microphone, "a=rtcp-fb:111 nack"));
    assert!(has(&microphone, "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level"));
    assert!(has(&microphone, "a=rtcp-mux") && has(&microphone, "a=rtcp-rsize"));

    let camera = section_lines(&text, 4);
    assert!(camera[0].starts_with("m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 "), "{}", camera[0]);
    for rid in ["q", "h", "f"] {
        assert!(has(&camera, &format!("a=rid:{rid} recv")));
    }
    assert!(has(&camera, "a=simulcast:recv q;h;f"));
    assert!(has(&camera, "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
    assert!(has(&camera, "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"));
    assert!(has(&camera, "a=rtpmap:97 rtx/90000") && has(&camera, "a=fmtp:97 apt=96"));
    assert!(has(&camera, "a=rtcp-fb:96 nack pli") && has(&camera, "a=rtcp-fb:96 ccm fir"));
    assert!(!camera.iter().any(|it| it.contains("ulpfec") || it.contains("red/90000") || it.starts_with("a=ssrc")));

    let read = parse(&text);
    let directions: Vec<_> = read.sections[1..].iter().map(|it| it.direction).collect();
    let (inactive, receiving) = (Direction::Inactive, Direction::RecvOnly);
    assert_eq!(directions, [inactive, inactive, receiving, receiving]);
    assert!(read.sections.iter().all(|it| !it.rejected));
}

#[test]
fn sends_tracks_on_offered_sections() {
    let offer = parse(CHROME_JOIN);
    let (microphone, camera) = (publish(3, Receive::default()), publish(4, video()));
    let (audio, pictures) = (send(&microphone, 1000), send(&camera, 2000));
    let mut uses = vec![SectionUse::Inactive; 7];
    uses[1] = SectionUse::Send(audio.clone());
    uses[4] = SectionUse::Send(pictures.clone());
    let text = answer(&common::local(), &offer, &uses);

    let lines = section_lines(&text, 4);
    for line in [
        "a=sendonly",
        "a=mid:4",
        "a=msid:PA_x|TR_y TR_y",
        "a=ssrc-group:FID 2000 2001",
        "a=ssrc:2000 cname:PA_x",
        "a=ssrc:2000 msid:PA_x|TR_y TR_y",
        "a=ssrc:2001 cname:PA_x",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=rtcp-fb:96 transport-cc",
    ] {
        assert!(has(&lines, line), "{line} in {lines:#?}");
    }
    assert!(has(&lines, "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"), "or Chromium forgets it");
    assert!(!lines.iter().any(|it| it.starts_with("a=rid")));
    let lines = section_lines(&text, 1);
    assert!(lines[0].starts_with("m=audio 9 UDP/TLS/RTP/SAVPF 63 111"));
    assert!(has(&lines, "a=rtcp-fb:111 nack"), "repairs of audio are offered by newer clients");
    assert!(!lines.iter().any(|it| it.contains("ssrc-group")), "no retransmission type for audio");

    let read = parse(&text);
    assert_eq!(read.sections[4].msid, Some(pictures.msid.clone()));
    assert_eq!(read.sections[4].ssrcs, [SsrcPair { media: Ssrc(2000), rtx: Some(Ssrc(2001)) }]);
    assert_eq!(read.sections[2].direction, Direction::Inactive);

    let down = down_params(&offer.sections[4], &pictures).unwrap();
    assert_eq!((down.mid, down.ssrc, down.rtx_ssrc), (mid("4"), Ssrc(2000), Some(Ssrc(2001))));
    let vp8 = PayloadMap { from: Pt(96), to: Pt(96), rtx: Some(Pt(97)), strip_red: false };
    assert_eq!(down.payloads[0], vp8);
    assert_eq!(down.payloads.len(), camera.codecs.len());
    assert!(down.payloads.iter().all(|it| it.from == it.to), "the same client is matched type by type");
    // 42001f and 4d001f contain 42e01f equally; the client prefers the former.
    let lacking = CHROME_JOIN.replace("packetization-mode=1;profile-level-id=42e01f", "packetization-mode=9");
    let down = down_params(&parse(&lacking).sections[4], &pictures).unwrap();
    assert_eq!(down.payloads.iter().find(|it| it.from == Pt(109)).unwrap().to, Pt(103));
    assert_eq!(down.extensions.id(ExtensionKind::Rid), None);
    assert_eq!(down.extensions.id(ExtensionKind::Mid), Some(4));
    let down = down_params(&offer.sections[1], &audio).unwrap();
    assert_eq!((down.kind, down.rtx_ssrc), (Kind::Audio, None));
    assert_eq!(down.payloads[0], PayloadMap { from: Pt(63), to: Pt(63), rtx: None, strip_red: false });
}

#[test]
fn maps_payload_types_between_browsers() {
    let offer = parse(&FIREFOX.replace("a=sendonly", "a=recvonly"));
    let camera = publish(4, Receive { primary: Some(Codec::H264), ..Receive::default() });
    let down = down_params(&offer.sections[1], &send(&camera, 5)).unwrap();
    let to = |from: u8| down.payloads.iter().find(|it| it.from == Pt(from)).map(|it| (it.to.0, it.rtx.unwrap().0));
    assert_eq!(to(96), Some((120, 124)));
    assert_eq!(to(109), Some((126, 127)), "baseline with fragments");
    assert_eq!(to(107), Some((97, 98)), "baseline in single units");
    assert_eq!(to(117), None, "main is more than baseline");
    assert_eq!(to(98), Some((121, 125)));
    assert_eq!(to(100), None, "another profile of VP9");
    assert_eq!(to(45), None, "no AV1");
    assert_eq!(down.extensions.id(ExtensionKind::PlayoutDelay), Some(6), "the client receives it only");

    let microphone = publish(3, Receive::default());
    let down = down_params(&offer.sections[0], &send(&microphone, 7)).unwrap();
    assert_eq!(down.payloads[0], PayloadMap { from: Pt(63), to: Pt(109), rtx: None, strip_red: true });
    assert_eq!(down.payloads[1], PayloadMap { from: Pt(111), to: Pt(109), rtx: None, strip_red: false });
    // A type that two of the publisher's go to is written once.
    let text = answer(&common::local(), &offer, &[SectionUse::Send(Send { stereo: true, ..send(&microphone, 7) })]);
    let lines = section_lines(&text, 0);
    assert_eq!(lines[0], "m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8");
    assert!(has(&lines, "a=fmtp:109 minptime=10;useinbandfec=1;sprop-stereo=1"));

    let only = Send {
        codecs: camera.codecs.into_iter().filter(|it| it.format.codec == Codec::Av1).collect(),
        ..send(&microphone, 9)
    };
    assert_eq!(down_params(&offer.sections[1], &only).unwrap_err(), NoCommonCodec(mid("1")));
}

#[test]
fn answers_firefox() {
    let offer = parse(FIREFOX);
    let camera = &offer.sections[1];
    assert!(!camera.rejected, "port 0 with bundle-only is alive");
    assert_eq!(camera.msid.as_ref().unwrap().track, "{0d3f8b52-6c1c-4d7e-9a0b-7e2b9c60b002}");
    assert_eq!(offer.sections[0].msid.as_ref().unwrap().track, "{5f2c9d1e-7a44-4f0e-8a61-1f1d4a50a001}");
    assert_eq!(camera.ssrcs, [SsrcPair { media: Ssrc(3_735_547_001), rtx: Some(Ssrc(3_735_547_002)) }]);
    assert_eq!(offer.transport.as_ref().unwrap().ice.ufrag, "1a2b3c4d");

    let uses = [
        SectionUse::Receive(Receive { dtx: false, ..Receive::default() }),
        SectionUse::Receive(video()),
        SectionUse::Data,
    ];
    let text = answer(&common::local(), &offer, &uses);
    assert!(!text.contains("bundle-only") && !text.contains("extmap-allow-mixed"));
    let lines = section_lines(&text, 0);
    assert_eq!(lines[0], "m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8");
    assert!(has(&lines, "a=fmtp:109 minptime=10;useinbandfec=1"));
    assert!(has(&lines, "a=end-of-candidates"));
    let lines = section_lines(&text, 1);
    assert_eq!(lines[0], "m=video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 126 127 97 98");
    assert!(!lines.iter().any(|it| it.contains("max-fs")), "bounds of a receiver are not echoed");
    assert!(has(&lines, "a=simulcast:recv q;f"));
    assert!(has(&lines, "a=extmap:8/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
    assert!(!lines.iter().any(|it| it.contains("playout-delay")), "the client only receives it");
    assert!(section_lines(&text, 2)[0].starts_with("m=application 9 "));
}

#[test]
fn answers_the_rust_core() {
    let offer = parse(RUST_CORE);
    assert_eq!(offer.ice_options, ["trickle", "goog-sped-v1"]);
    let text = answer(&common::local(), &offer, &[]);
    let read = parse(&text);
    assert_eq!(read.bundle.len(), 7);
    assert!(read.sections[..6].iter().all(|it| it.direction == Direction::Inactive && !it.rejected));
    assert!(read.sections[6].sctp.is_some(), "data channels are taken without being asked for");
    assert!(!text.contains("sctp-init") && !text.contains("goog-sped"));
    // The first section of the group carries the addresses, and only it.
    assert_eq!(read.sections[0].candidates.len(), 2);
    assert!(read.sections[1..].iter().all(|it| it.candidates.is_empty()));
}

#[test]
fn every_section_answers_for_the_same_transport() {
    let text = answer(&common::local(), &parse(CHROME_JOIN), &[]);
    for line in ["a=ice-ufrag:0001srv0\r\n", "a=ice-pwd:serverpasswordserverpass\r\n", "a=setup:passive\r\n"] {
        assert_eq!(text.matches(line).count(), 7, "{line}");
    }
    let passive = answer(&common::local(), &parse(&CHROME_JOIN.replace("actpass", "passive")), &[]);
    assert_eq!(passive.matches("a=setup:active\r\n").count(), 7);
    let silent = answer(&thalweg_sdp::Local { candidates: vec![], ..common::local() }, &parse(CHROME_JOIN), &[]);
    assert!(!silent.contains("candidate"));
}

#[test]
fn dead_and_refused_sections_leave_the_group() {
    let offer = parse(&CHROME_PUBLISH.replacen("m=audio 9", "m=audio 0", 1));
    assert!(offer.sections[1].rejected);
    let uses = [SectionUse::Data, SectionUse::Receive(Receive::default()), SectionUse::Reject];
    let text = answer(&common::local(), &offer, &uses);
    assert!(text.contains("a=group:BUNDLE 0 3 4\r\n"));
    assert_eq!(
        section_lines(&text, 1),
        ["m=audio 0 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:1", "a=inactive"]
    );
    assert_eq!(section_lines(&text, 2)[0], "m=video 0 UDP/TLS/RTP/SAVPF 96");
}

#[test]
fn without_a_group_only_the_first_section_lives() {
    let offer = parse(&CHROME_JOIN.replace("a=group:BUNDLE 0 1 2 3 4 5 6\r\n", ""));
    let read = parse(&answer(&common::local(), &offer, &[]));
    assert!(read.bundle.is_empty());
    assert_eq!(
        read.sections.iter().map(|it| it.rejected).collect::<Vec<_>>(),
        [false, true, true, true, true, true, true]
    );
}

#[test]
fn a_use_that_the_direction_forbids_is_inactive() {
    let offer = parse(CHROME_PUBLISH);
    let camera = send(&publish(4, video()), 1);
    let uses = [
        SectionUse::Data,
        SectionUse::Receive(Receive::default()),
        SectionUse::Inactive,
        SectionUse::Inactive,
        SectionUse::Send(camera.clone()),
    ];
    let text = answer(&common::local(), &offer, &uses);
    for index in [1, 4] {
        let lines = section_lines(&text, index);
        assert!(
            has(&lines, "a=inactive") && !lines.iter().any(|it| it.starts_with("a=ssrc") || it.starts_with("a=rid"))
        );
    }
    assert!(down_params(&offer.sections[4], &camera).is_err());
    // Codecs that do not meet keep the section, too.
    let none = Receive { enabled: CodecSet::NONE, ..Receive::default() };
    let uses = [SectionUse::Data, SectionUse::Inactive, SectionUse::Inactive, SectionUse::Receive(none)];
    assert!(has(&section_lines(&answer(&common::local(), &offer, &uses), 3), "a=inactive"));
}
