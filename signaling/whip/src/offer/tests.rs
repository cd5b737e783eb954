//! Offers as clients write them.

use proptest::prelude::*;

use super::*;

/// An offer of sections, each `(kind, direction, more lines)`.
fn offer(sections: &[(&str, &str, &str)]) -> String {
    let mids: Vec<String> = (0..sections.len()).map(|it| it.to_string()).collect();
    let mut text = format!("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n", mids.join(" "));
    for (mid, (kind, direction, more)) in sections.iter().enumerate() {
        let codec = if *kind == "audio" { "111 opus/48000/2" } else { "96 H264/90000" };
        let pt = &codec[..codec.find(' ').unwrap()];
        text.push_str(&format!(
            "m={kind} 9 UDP/TLS/RTP/SAVPF {pt}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
             a=fingerprint:sha-256 {}\r\na=setup:actpass\r\na=mid:{mid}\r\na=rtcp-mux\r\na={direction}\r\n\
             a=rtpmap:{codec}\r\n{more}",
            ["AB"; 32].join(":"),
        ));
    }
    text
}

#[test]
fn tracks_are_named_by_their_sections() {
    let same = "a=msid:stream camera\r\na=ssrc:7 cname:x\r\na=ssrc:7 msid:stream camera\r\n";
    let text = offer(&[("audio", "sendonly", "a=fmtp:111 stereo=1\r\n"), ("video", "sendrecv", same)]);
    let publish = Publish::read(&text).unwrap();
    let brief: Vec<_> =
        publish.tracks.iter().map(|it| (it.cid.as_str(), it.kind, it.stereo, it.codec.as_str())).collect();
    assert_eq!(brief, [("audio-0", Kind::Audio, true, "opus"), ("video-1", Kind::Video, false, "H264")]);
    let again = Description::parse(&publish.sdp).unwrap();
    let names: Vec<_> = again.sections.iter().map(|it| it.msid.as_ref().unwrap().track.as_str()).collect();
    assert_eq!(names, ["audio-0", "video-1"]);
    assert_eq!(again.sections[1].ssrcs.len(), 1, "sources stay");
}

#[test]
fn encodings_are_put_in_order() {
    let simulcast = |rids: &str| {
        let lines: String = rids.split(';').map(|rid| format!("a=rid:{rid} send\r\n")).collect();
        offer(&[("video", "sendonly", &format!("{lines}a=simulcast:send {rids}\r\n"))])
    };
    for (rids, ascending) in [
        ("f;h;q", ["q", "h", "f"]),
        ("h;m;l", ["l", "m", "h"]),
        ("0;1;2", ["2", "1", "0"]),
        ("high;low;mid", ["low", "mid", "high"]),
        ("x;y;z", ["x", "y", "z"]),
        ("q;h;z", ["q", "h", "z"]),
    ] {
        let publish = Publish::read(&simulcast(rids)).unwrap();
        assert_eq!(publish.tracks[0].rids, ascending, "{rids}");
        let again = Description::parse(&publish.sdp).unwrap();
        assert_eq!(again.sections[0].rids.iter().map(|it| it.as_str()).collect::<Vec<_>>(), ascending);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert_eq!(Publish::read(&offer(&[("video", "recvonly", "")])), Err(Refusal::SendsNothing));
    assert_eq!(Publish::read(&offer(&[("video", "sendonly", ""); 5])), Err(Refusal::TooManyTracks));
    assert_eq!(Watch::read(&offer(&[("video", "sendonly", "")])), Err(Refusal::ReceivesNothing));
    assert!(matches!(Publish::read("v=1"), Err(Refusal::Offer(_))));
    assert_eq!(Publish::read("v=0\r\no=- 1 2 IN IP4 0\r\ns=-\r\nt=0 0\r\n"), Err(Refusal::Dead));
    assert_eq!(Watch::read(&"x".repeat(OFFER_BYTES_MAX + 1)), Err(Refusal::OfferLong));
}

#[test]
fn a_viewers_seats_are_counted() {
    let watch = Watch::read(&offer(&[("audio", "recvonly", ""), ("video", "sendrecv", ""), ("video", "inactive", "")]));
    let watch = watch.unwrap();
    assert_eq!((watch.sounds, watch.pictures), (1, 1));
}

#[test]
fn a_restart_changes_the_credentials_alone() {
    let text = offer(&[("audio", "sendonly", ""), ("video", "sendonly", "")]);
    let changed = restart(&text, "wxyz", "abcdefghijklmnopqrstuvwx");
    assert_eq!(changed.matches("a=ice-ufrag:wxyz\r\n").count(), 2);
    assert_eq!(changed.replace("wxyz", "abcd").replace("abcdefghijklmnopqrstuvwx", "0123456789012345678901"), text);
}

proptest! {
    #[test]
    fn whatever_is_handed_on_can_be_read(lines in proptest::collection::vec("[a-z]=[ -~]{0,30}", 0..20), end in "\r?\n") {
        let text = offer(&[("video", "sendonly", &lines.iter().map(|it| format!("{it}{end}")).collect::<String>())]);
        if let Ok(publish) = Publish::read(&text) {
            prop_assert!(Publish::read(&publish.sdp).is_ok(), "{}", publish.sdp);
        }
    }
}
