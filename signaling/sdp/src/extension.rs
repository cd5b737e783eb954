//! Names of the header extensions that the server knows (RFC 8285).

use door::ExtensionKind;

/// Every known extension and its URI.
const URIS: [(ExtensionKind, &str); ExtensionKind::COUNT] = [
    (ExtensionKind::Mid, "urn:ietf:params:rtp-hdrext:sdes:mid"),
    (ExtensionKind::Rid, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"),
    (ExtensionKind::RepairedRid, "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"),
    (ExtensionKind::AudioLevel, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
    (ExtensionKind::TransportSequence, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"),
    (ExtensionKind::AbsSendTime, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
    (ExtensionKind::AbsCaptureTime, "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"),
    (ExtensionKind::PlayoutDelay, "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"),
    (
        ExtensionKind::DependencyDescriptor,
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    ),
    (ExtensionKind::VideoOrientation, "urn:3gpp:video-orientation"),
    (ExtensionKind::TimeOffset, "urn:ietf:params:rtp-hdrext:toffset"),
    (ExtensionKind::VideoContentType, "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type"),
    (ExtensionKind::VideoTiming, "http://www.webrtc.org/experiments/rtp-hdrext/video-timing"),
    (ExtensionKind::ColorSpace, "http://www.webrtc.org/experiments/rtp-hdrext/color-space"),
    (ExtensionKind::FrameMarking, "urn:ietf:params:rtp-hdrext:framemarking"),
];

/// The extension that `uri` names. Frame marking is also known by its drafts' older name.
pub fn extension_named(uri: &str) -> Option<ExtensionKind> {
    if uri == "http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07" {
        return Some(ExtensionKind::FrameMarking);
    }
    URIS.iter().find(|(_, it)| *it == uri).map(|(kind, _)| *kind)
}

/// The URI of `kind`.
pub fn uri(kind: ExtensionKind) -> &'static str {
    URIS.iter().find(|(it, _)| *it == kind).map_or("", |(_, uri)| uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_uri() {
        for (kind, text) in URIS {
            assert_eq!(extension_named(text), Some(kind));
            assert_eq!(uri(kind), text);
        }
        assert_eq!(extension_named("urn:example"), None);
    }
}
