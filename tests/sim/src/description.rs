//! Descriptions as a simulated client writes them, on its only connection.

use door::{Fingerprint, IceCredentials, SsrcPair};

use crate::publisher::{MID_ID, RTX_PT, TRANSPORT_SEQUENCE_ID, VP8_PT};

/// One section of the client's offers; its mid is its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// Data channels.
    Data,
    /// Ready to receive a track.
    Receive,
    /// Sends the client's track.
    Send(SsrcPair),
    /// Sent once.
    Idle,
}

/// An offer of `sections`; the name of the client's track is its cid.
pub fn offer(sections: &[Section], cid: &str, ice: &IceCredentials, fingerprint: Fingerprint) -> String {
    let mids: Vec<String> = (0..sections.len()).map(|mid| mid.to_string()).collect();
    let mut text = format!("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n", mids.join(" "));
    for (section, mid) in sections.iter().zip(&mids) {
        let media = match section {
            Section::Data => "application 9 UDP/DTLS/SCTP webrtc-datachannel".to_owned(),
            _ => format!("video 9 UDP/TLS/RTP/SAVPF {} {}", VP8_PT.0, RTX_PT.0),
        };
        text.push_str(&format!(
            "m={media}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {fingerprint}\r\n\
             a=setup:actpass\r\na=mid:{mid}\r\n",
            ice.ufrag, ice.pwd
        ));
        text.push_str(&match section {
            Section::Data => "a=sctp-port:5000\r\n".to_owned(),
            Section::Receive => format!("a=recvonly\r\n{}", codec()),
            Section::Idle => format!("a=inactive\r\n{}", codec()),
            Section::Send(ssrcs) => format!("a=sendonly\r\na=msid:stream {cid}\r\n{}{}", codec(), sources(ssrcs)),
        });
    }
    text
}

fn codec() -> String {
    let (vp8, rtx) = (VP8_PT.0, RTX_PT.0);
    format!(
        "a=rtcp-mux\r\na=extmap:{MID_ID} urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
         a=extmap:{TRANSPORT_SEQUENCE_ID} \
         http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
         a=rtpmap:{vp8} VP8/90000\r\na=rtcp-fb:{vp8} transport-cc\r\na=rtcp-fb:{vp8} nack\r\n\
         a=rtcp-fb:{vp8} nack pli\r\na=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={vp8}\r\n"
    )
}

fn sources(ssrcs: &SsrcPair) -> String {
    let Some(rtx) = ssrcs.rtx else { return String::new() };
    let (media, rtx) = (ssrcs.media.0, rtx.0);
    format!("a=ssrc-group:FID {media} {rtx}\r\na=ssrc:{media} cname:c\r\na=ssrc:{rtx} cname:c\r\n")
}
