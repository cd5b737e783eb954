//! What a browser keeps of its peer connections, as far as descriptions go.

use door::Kind;
use sdp::{Description, Direction, SectionKind};

/// One section that the client offers.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    pub(super) kind: SectionKind,
    pub(super) direction: Direction,
    /// The track's id, when the client sends.
    pub(super) name: Option<String>,
    pub(super) rids: &'static [&'static str],
    /// It knows VP9 beside VP8, and likes it better.
    pub(super) vp9: bool,
}

impl Offered {
    pub(super) fn data() -> Self {
        Self { kind: SectionKind::Application, direction: Direction::SendRecv, name: None, rids: &[], vp9: false }
    }

    pub(super) fn receive(kind: Kind) -> Self {
        Self { kind: kind.into(), direction: Direction::RecvOnly, name: None, rids: &[], vp9: false }
    }

    pub(super) fn send(kind: Kind, name: &str, rids: &'static [&'static str]) -> Self {
        Self { kind: kind.into(), direction: Direction::SendOnly, name: Some(name.into()), rids, vp9: false }
    }
}

/// The sections that a browser offers at first on its only connection.
pub(super) fn first_sections() -> Vec<Offered> {
    let media = [Kind::Audio, Kind::Audio, Kind::Audio, Kind::Video, Kind::Video, Kind::Video];
    media.into_iter().map(Offered::receive).chain([Offered::data()]).collect()
}

const FINGERPRINT: &str =
    "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99";

/// An offer of `sections`, whose mids are their positions.
pub(super) fn offer(sections: &[Offered], ufrag: &str) -> String {
    let mut text = session(&(0..sections.len()).map(|it| it.to_string()).collect::<Vec<_>>());
    for (mid, section) in sections.iter().enumerate() {
        match section.kind {
            SectionKind::Application => text.push_str(&data_lines(&mid.to_string(), ufrag, "actpass")),
            SectionKind::Audio => text.push_str("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"),
            SectionKind::Video if section.vp9 => text.push_str("m=video 9 UDP/TLS/RTP/SAVPF 98 99 96 97\r\n"),
            SectionKind::Video => text.push_str("m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"),
        }
        if section.kind == SectionKind::Application {
            continue;
        }
        text.push_str(&transport(&mid.to_string(), ufrag, "actpass"));
        text.push_str(&format!("a={}\r\n", section.direction.as_str()));
        if let Some(name) = &section.name {
            text.push_str(&format!("a=msid:stream {name}\r\n"));
        }
        text.push_str(codec_lines(section.kind));
        if section.vp9 {
            text.push_str(VP9_LINES);
        }
        for rid in section.rids {
            text.push_str(&format!("a=rid:{rid} send\r\n"));
        }
        if !section.rids.is_empty() {
            text.push_str(&format!("a=simulcast:send {}\r\n", section.rids.join(";")));
        }
    }
    text
}

/// A willing answer to the server's `offer`.
pub(super) fn answer(offer: &str, ufrag: &str) -> String {
    let offer = Description::parse(offer).unwrap();
    let mut text = session(&offer.sections.iter().map(|it| it.mid.to_string()).collect::<Vec<_>>());
    for section in &offer.sections {
        let mid = section.mid.to_string();
        if section.kind == SectionKind::Application {
            text.push_str(&data_lines(&mid, ufrag, "active"));
            continue;
        }
        let codecs: Vec<_> = section.codecs.iter().flat_map(|it| std::iter::once(it.pt).chain(it.rtx)).collect();
        let formats: Vec<_> = codecs.iter().map(|it| it.0.to_string()).collect();
        text.push_str(&format!("m={} 9 UDP/TLS/RTP/SAVPF {}\r\n", section.kind.as_str(), formats.join(" ")));
        text.push_str(&transport(&mid, ufrag, "active"));
        text.push_str(&format!("a={}\r\n", section.direction.reversed().as_str()));
        for codec in &section.codecs {
            let channels = if codec.channels > 1 { format!("/{}", codec.channels) } else { String::new() };
            text.push_str(&format!("a=rtpmap:{} {}/{}{channels}\r\n", codec.pt.0, codec.name, codec.clock_hz));
            if let Some(rtx) = codec.rtx {
                text.push_str(&format!(
                    "a=rtpmap:{} rtx/{}\r\na=fmtp:{} apt={}\r\n",
                    rtx.0, codec.clock_hz, rtx.0, codec.pt.0
                ));
            }
        }
    }
    text
}

fn session(mids: &[String]) -> String {
    format!("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n", mids.join(" "))
}

fn transport(mid: &str, ufrag: &str, setup: &str) -> String {
    format!(
        "c=IN IP4 0.0.0.0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:0123456789012345678901\r\n\
         a=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:{setup}\r\na=mid:{mid}\r\na=rtcp-mux\r\n"
    )
}

fn data_lines(mid: &str, ufrag: &str, setup: &str) -> String {
    let transport = transport(mid, ufrag, setup);
    format!("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{transport}a=sctp-port:5000\r\n")
}

const VP9_LINES: &str = "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\na=rtcp-fb:98 nack\r\n\
     a=rtcp-fb:98 nack pli\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n";

fn codec_lines(kind: SectionKind) -> &'static str {
    match kind {
        SectionKind::Audio => {
            "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtpmap:111 opus/48000/2\r\n\
             a=fmtp:111 minptime=10;useinbandfec=1\r\n"
        }
        _ => {
            "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
             a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
             a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\n\
             a=fmtp:97 apt=96\r\n"
        }
    }
}
