//! What a server's answer means for a simulated client.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use door::{DtlsRole, ExtensionKind, Fingerprint, IceCredentials};
use sdp::{Description, SectionKind};
use wire::Mid;

use crate::sink::SinkParams;
use crate::source::{ExtensionIds, Wiring};

/// Where the server is to be met, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meeting {
    /// The server's credentials.
    pub ice: IceCredentials,
    /// Its certificate.
    pub fingerprint: Fingerprint,
    /// Our side of DTLS.
    pub role: DtlsRole,
    /// Its UDP addresses, in its order.
    pub candidates: Vec<SocketAddr>,
}

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// How to meet the server.
    pub meeting: Meeting,
    /// Sections on which it takes our tracks.
    pub taken: BTreeMap<Mid, Wiring>,
    /// Sections on which it sends tracks.
    pub sent: BTreeMap<Mid, SinkParams>,
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// What the server did wrong, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        let parsed = Description::parse(text).map_err(|error| format!("its answer cannot be read: {error}"))?;
        let transport = parsed.transport.ok_or("its answer names no transport")?;
        let candidates = parsed.sections.iter().flat_map(|it| &it.candidates).filter_map(|it| candidate(it)).collect();
        let meeting = Meeting {
            ice: transport.ice,
            fingerprint: transport.fingerprint,
            role: transport.setup.our_role(),
            candidates,
        };
        let alive = || parsed.sections.iter().filter(|it| !it.rejected && it.kind != SectionKind::Application);
        let taken = alive().filter(|it| it.direction.receives()).filter_map(|it| Some((it.mid, wiring(it)?)));
        let sent = alive().filter(|it| it.direction.sends()).filter_map(|it| Some((it.mid, sink(it)?)));
        Ok(Self { meeting, taken: taken.collect(), sent: sent.collect() })
    }
}

fn extension(section: &sdp::Section, kind: ExtensionKind) -> Option<u8> {
    section.extensions.iter().find(|it| it.kind == kind).map(|it| it.id)
}

fn wiring(section: &sdp::Section) -> Option<Wiring> {
    let codec = section.codecs.first()?;
    let ids = ExtensionIds {
        mid: extension(section, ExtensionKind::Mid),
        rid: extension(section, ExtensionKind::Rid),
        repaired_rid: extension(section, ExtensionKind::RepairedRid),
        transport: extension(section, ExtensionKind::TransportSequence),
        level: extension(section, ExtensionKind::AudioLevel),
    };
    Some(Wiring { mid: section.mid, pt: codec.pt, rtx: codec.rtx, ids })
}

fn sink(section: &sdp::Section) -> Option<SinkParams> {
    let (codec, ssrcs) = (section.codecs.first()?, section.ssrcs.first()?);
    let wants_feedback = codec.has_feedback("transport-cc");
    Some(SinkParams {
        kind: section.kind.media()?,
        ssrc: ssrcs.media,
        rtx: ssrcs.rtx,
        rtx_pt: codec.rtx,
        clock_hz: codec.clock_hz,
        transport_id: extension(section, ExtensionKind::TransportSequence).filter(|_| wants_feedback),
    })
}

/// The address of a UDP candidate for RTP (RFC 8839 section 5.1).
pub fn candidate(line: &str) -> Option<SocketAddr> {
    let words: Vec<&str> = line.trim_start_matches("a=").split_ascii_whitespace().collect();
    let [_, component, protocol, _, ip, port, ..] = words[..] else { return None };
    let ip: IpAddr = ip.parse().ok()?;
    let usable = component == "1" && protocol.eq_ignore_ascii_case("udp");
    usable.then_some(SocketAddr::new(ip, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use door::Kind;
    use sdp::{Candidate, Local, Msid, Receive, SectionUse, Send};
    use wire::{Pt, Ssrc};

    use super::*;
    use crate::offer::{self, OPUS, Section, VP8, VP8_RTX};

    #[test]
    fn reads_what_the_server_takes_and_sends() {
        let sections = [
            Section::Data,
            Section::Receive(Kind::Video),
            Section::Receive(Kind::Audio),
            Section::Send { kind: Kind::Audio, track: 1, encodings: 1 },
            Section::Send { kind: Kind::Video, track: 2, encodings: 3 },
        ];
        let ice = IceCredentials { ufrag: "load".into(), pwd: "a-password-of-22-characters".into() };
        let offer = Description::parse(&offer::offer(&sections, &ice, Fingerprint([7; 32]), 1)).unwrap();
        let udp = Candidate::host(door::Protocol::Udp, "127.0.0.1:7882".parse().unwrap(), 0);
        let tcp = Candidate::host(door::Protocol::Tcp, "127.0.0.1:7881".parse().unwrap(), 0);
        let server = IceCredentials { ufrag: "0000server".into(), pwd: "another-password-of-22-chars".into() };
        let local = Local {
            ice: server.clone(),
            fingerprint: Fingerprint([9; 32]),
            candidates: vec![udp, tcp],
            session: 1,
            version: 1,
        };
        let format = sdp::Format::of(&offer.sections[1].codecs[0], &offer.sections[1].codecs).unwrap();
        let send = Send {
            codecs: vec![sdp::TrackCodec { pt: Pt(120), format }],
            ssrc: Ssrc(77),
            rtx_ssrc: Some(Ssrc(78)),
            msid: Msid { stream: "PA_x|TR_y".into(), track: "TR_y".into() },
            cname: "PA_x".into(),
            stereo: false,
        };
        let receive = Receive { enabled: sdp::CodecSet::ALL, ..Receive::default() };
        let uses = [
            SectionUse::Data,
            SectionUse::Send(send),
            SectionUse::Inactive,
            SectionUse::Receive(receive),
            SectionUse::Receive(receive),
        ];
        let answer = Answer::read(&sdp::answer(&local, &offer, &uses)).unwrap();
        assert_eq!(answer.meeting.ice, server);
        assert_eq!(answer.meeting.role, DtlsRole::Active);
        assert_eq!(answer.meeting.candidates.first(), Some(&"127.0.0.1:7882".parse().unwrap()));
        let mid = |text: &str| Mid::new(text.as_bytes()).unwrap();
        let sent = &answer.sent[&mid("1")];
        assert_eq!((answer.sent.len(), sent.ssrc, sent.rtx, sent.rtx_pt), (1, Ssrc(77), Some(Ssrc(78)), Some(VP8_RTX)));
        assert_eq!(answer.taken.keys().copied().collect::<Vec<_>>(), [mid("3"), mid("4")]);
        assert_eq!(answer.taken[&mid("3")].pt, OPUS);
        let video = answer.taken[&mid("4")];
        assert_eq!((video.pt, video.rtx), (VP8, Some(VP8_RTX)));
        assert!(video.ids.rid.is_some() && video.ids.mid.is_some());
    }

    #[test]
    fn takes_udp_candidates_only() {
        let table = [
            ("candidate:1 1 udp 2130706431 192.0.2.10 7882 typ host", Some("192.0.2.10:7882")),
            ("a=candidate:1 1 UDP 1 2001:db8::1 7882 typ host generation 0", Some("[2001:db8::1]:7882")),
            ("candidate:1 2 udp 1 192.0.2.10 7882 typ host", None),
            ("candidate:1 1 tcp 1 192.0.2.10 7881 typ host tcptype passive", None),
            ("candidate:1 1 udp 1 abc.local 7881 typ host", None),
            ("candidate", None),
        ];
        for (line, expected) in table {
            assert_eq!(candidate(line), expected.map(|it| it.parse().unwrap()), "{line}");
        }
    }
}
