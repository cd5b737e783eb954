//! Descriptions as a simulated client writes them, on its only connection.

use std::fmt::Write;

use door::{ExtensionKind, Fingerprint, IceCredentials, Kind};
use wire::{Pt, Ssrc};

use crate::source;

/// Payload type of VP8.
pub const VP8: Pt = Pt(96);
/// Payload type of VP8's retransmissions.
pub const VP8_RTX: Pt = Pt(97);
/// Payload type of Opus.
pub const OPUS: Pt = Pt(111);

/// Header extensions of both kinds, with their ids.
const COMMON: [(ExtensionKind, u8); 3] =
    [(ExtensionKind::AbsSendTime, 2), (ExtensionKind::TransportSequence, 3), (ExtensionKind::Mid, 4)];
/// Those of audio.
const AUDIO: [(ExtensionKind, u8); 1] = [(ExtensionKind::AudioLevel, 1)];
/// Those of video.
const VIDEO: [(ExtensionKind, u8); 2] = [(ExtensionKind::Rid, 10), (ExtensionKind::RepairedRid, 11)];

/// One section of a client's offers; its mid is its position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Section {
    /// Data channels.
    Data,
    /// Ready to receive a track.
    Receive(Kind),
    /// Sends one of the client's tracks.
    Send {
        /// Audio or video.
        kind: Kind,
        /// The track's number in the run.
        track: u32,
        /// Its encodings.
        encodings: usize,
    },
}

/// The name by which a client calls its track.
pub fn cid(track: u32) -> String {
    format!("load-{track}")
}

/// An offer of `sections`. `version` rises with each.
pub fn offer(sections: &[Section], ice: &IceCredentials, fingerprint: Fingerprint, version: u32) -> String {
    let mids: Vec<String> = (0..sections.len()).map(|mid| mid.to_string()).collect();
    let mut text = format!(
        "v=0\r\no=- 7001 {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\na=extmap-allow-mixed\r\n\
         a=msid-semantic: WMS\r\n",
        mids.join(" ")
    );
    for (section, mid) in sections.iter().zip(&mids) {
        text.push_str(&media_line(section));
        let (ufrag, pwd) = (&ice.ufrag, &ice.pwd);
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "c=IN IP4 0.0.0.0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=ice-options:trickle\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=mid:{mid}\r\n"
        );
        match section {
            Section::Data => text.push_str("a=sctp-port:5000\r\na=max-message-size:65535\r\n"),
            Section::Receive(kind) => text.push_str(&["a=recvonly\r\n", &codecs(*kind)].concat()),
            Section::Send { kind, track, encodings } => {
                let _ = write!(text, "a=sendonly\r\na=msid:- {}\r\n{}", cid(*track), codecs(*kind));
                text.push_str(&streams(*kind, *track, *encodings));
            }
        }
    }
    text
}

fn media_line(section: &Section) -> String {
    match section {
        Section::Data => "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n".to_owned(),
        Section::Receive(Kind::Audio) | Section::Send { kind: Kind::Audio, .. } => {
            format!("m=audio 9 UDP/TLS/RTP/SAVPF {}\r\n", OPUS.0)
        }
        Section::Receive(Kind::Video) | Section::Send { kind: Kind::Video, .. } => {
            format!("m=video 9 UDP/TLS/RTP/SAVPF {} {}\r\n", VP8.0, VP8_RTX.0)
        }
    }
}

fn codecs(kind: Kind) -> String {
    let own = if kind == Kind::Audio { &AUDIO[..] } else { &VIDEO[..] };
    let mut text = "a=rtcp-mux\r\na=rtcp-rsize\r\n".to_owned();
    for (extension, id) in COMMON.iter().chain(own) {
        let _ = write!(text, "a=extmap:{id} {}\r\n", sdp::extension::uri(*extension));
    }
    let (vp8, rtx, opus) = (VP8.0, VP8_RTX.0, OPUS.0);
    let _ = match kind {
        Kind::Audio => write!(
            text,
            "a=rtpmap:{opus} opus/48000/2\r\na=rtcp-fb:{opus} transport-cc\r\n\
             a=fmtp:{opus} minptime=10;useinbandfec=1\r\n"
        ),
        Kind::Video => write!(
            text,
            "a=rtpmap:{vp8} VP8/90000\r\na=rtcp-fb:{vp8} goog-remb\r\na=rtcp-fb:{vp8} transport-cc\r\n\
             a=rtcp-fb:{vp8} ccm fir\r\na=rtcp-fb:{vp8} nack\r\na=rtcp-fb:{vp8} nack pli\r\n\
             a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={vp8}\r\n"
        ),
    };
    text
}

/// Simulcast encodings by name; a single one by its sources.
fn streams(kind: Kind, track: u32, encodings: usize) -> String {
    if encodings > 1 {
        let rids: Vec<_> = (0..encodings).filter_map(source::rid).collect();
        let mut text: String = rids.iter().map(|rid| format!("a=rid:{rid} send\r\n")).collect();
        let names: Vec<_> = rids.iter().map(ToString::to_string).collect();
        let _ = write!(text, "a=simulcast:send {}\r\n", names.join(";"));
        return text;
    }
    let (Ssrc(media), Ssrc(rtx)) = source::ssrcs(track, 0);
    match kind {
        Kind::Audio => format!("a=ssrc:{media} cname:load\r\n"),
        Kind::Video => {
            format!("a=ssrc-group:FID {media} {rtx}\r\na=ssrc:{media} cname:load\r\na=ssrc:{rtx} cname:load\r\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use sdp::{Description, Direction, SectionKind};

    use super::*;

    #[test]
    fn what_is_written_reads_as_it_is_meant() {
        let sections = [
            Section::Data,
            Section::Receive(Kind::Audio),
            Section::Receive(Kind::Video),
            Section::Send { kind: Kind::Audio, track: 4, encodings: 1 },
            Section::Send { kind: Kind::Video, track: 5, encodings: 1 },
            Section::Send { kind: Kind::Video, track: 6, encodings: 3 },
        ];
        let ice = IceCredentials { ufrag: "load".into(), pwd: "a-password-of-22-characters".into() };
        let text = offer(&sections, &ice, Fingerprint([7; 32]), 1);
        let parsed = Description::parse(&text).unwrap();
        assert_eq!((parsed.sections.len(), parsed.bundle.len()), (6, 6));
        assert_eq!(parsed.transport.unwrap().ice, ice);
        let [data, _, receive, audio, video, simulcast] = &parsed.sections[..] else { panic!("six") };
        assert_eq!((data.kind, data.sctp.is_some()), (SectionKind::Application, true));
        assert_eq!((receive.direction, receive.codecs[0].rtx), (Direction::RecvOnly, Some(VP8_RTX)));
        assert_eq!(audio.msid.as_ref().unwrap().track, cid(4));
        assert_eq!(audio.extensions.len(), 4);
        let (media, rtx) = source::ssrcs(5, 0);
        assert_eq!((video.ssrcs[0].media, video.ssrcs[0].rtx), (media, Some(rtx)));
        assert_eq!(simulcast.rids.iter().map(ToString::to_string).collect::<String>(), "qhf");
    }
}
