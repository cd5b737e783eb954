//! Hostile and broken text: every fault is named with its line, nothing panics, every limit holds.

use proptest::prelude::*;
use thalweg_sdp::{CodecSet, Description, Fault, Receive, SdpError, SectionUse, answer, limits, up_params};

mod common;

const FIXTURES: [&str; 4] = [
    include_str!("fixtures/chrome_join.sdp"),
    include_str!("fixtures/chrome_publish.sdp"),
    include_str!("fixtures/firefox_publish.sdp"),
    include_str!("fixtures/rust_core_join.sdp"),
];

/// A complete one-section offer of 9 lines, to which `extra` is added.
fn small(extra: &str) -> String {
    let fingerprint = ["AB"; 32].join(":");
    format!(
        "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\nm=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:0\n\
         a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\na=fingerprint:sha-256 {fingerprint}\n{extra}\n"
    )
}

fn error(text: &str) -> SdpError {
    Description::parse(text).expect_err(text)
}

#[test]
fn the_small_offer_itself_is_good() {
    assert!(Description::parse(&small("a=rtpmap:111 opus/48000/2")).is_ok());
    // Bare line feeds, empty lines and unknown letters and attributes do not matter.
    assert!(Description::parse(&small("\n\ny=1\na=sctp-init:AQAA\na=x\na=:\nb=AS:30")).is_ok());
}

#[test]
fn names_the_line_and_what_is_wrong_with_it() {
    for (extra, what) in [
        ("a=rtpmap:128 opus/48000/2", "malformed rtpmap: '128 opus/48000/2'"),
        ("a=rtpmap:111 opus", "malformed rtpmap: '111 opus'"),
        ("a=rtpmap:111 /48000", "malformed rtpmap: '111 /48000'"),
        ("a=fmtp:x y", "malformed fmtp: 'x y'"),
        ("a=fmtp:111", "malformed fmtp: '111'"),
        ("a=rtcp-fb:999 nack", "malformed rtcp-fb: '999 nack'"),
        ("a=extmap:0 urn:x", "malformed extmap: '0 urn:x'"),
        ("a=extmap:1/up urn:x", "malformed extmap: '1/up urn:x'"),
        ("a=extmap:1", "malformed extmap: '1'"),
        ("a=ssrc:-1 cname:x", "malformed ssrc: '-1 cname:x'"),
        ("a=ssrc:4294967296 cname:x", "malformed ssrc: '4294967296 cname:x'"),
        ("a=ssrc-group:FID 1", "malformed ssrc-group: 'FID 1'"),
        ("a=ssrc-group:SIM 1 b", "malformed ssrc-group: 'SIM 1 b'"),
        ("a=rid:seventeen-letters send", "malformed rid: 'seventeen-letters send'"),
        ("a=simulcast:send q;;f", "malformed simulcast: 'send q;;f'"),
        ("a=mid:", "malformed mid: ''"),
        ("a=mid:seventeen-letters", "malformed mid: 'seventeen-letters'"),
        ("a=ice-ufrag:abc", "malformed ice-ufrag: 'abc'"),
        ("a=ice-ufrag:ab:cd", "malformed ice-ufrag: 'ab:cd'"),
        ("a=ice-pwd:tooshort", "malformed ice-pwd: '...'"),
        ("a=setup:both", "malformed setup: 'both'"),
        ("a=fingerprint:sha-256 AB:CD", "malformed fingerprint: 'sha-256 AB:CD'"),
        ("a=msid:", "malformed msid: ''"),
        ("m=audio", "malformed m=: 'audio'"),
        ("m=audio 99999 UDP/TLS/RTP/SAVPF 0", "malformed m=: 'audio 99999 UDP/TLS/RTP/SAVPF 0'"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF", "malformed m=: 'audio 9 UDP/TLS/RTP/SAVPF'"),
        ("m=text 9 UDP/TLS/RTP/SAVPF 98", "media 'text' is not served"),
        ("m=audio 9 TCP/BFCP 98", "transport 'TCP/BFCP' is not served"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 0\na=mid:0", "mid '0' is used twice"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=mid is missing"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF x\na=mid:1", "malformed payload type: 'x'"),
        ("a=x\ry", "not an SDP line: 'a=x\\ry'"),
        ("no line", "not an SDP line: 'no line'"),
        ("\u{1b}[31m=x", "not an SDP line: '\\u{1b}[31m=x'"),
    ] {
        let found = error(&small(extra));
        assert_eq!((found.to_string(), found.line), (format!("line 10: {what}"), 10), "{extra}");
    }
}

#[test]
fn names_what_is_missing() {
    let whole = small("");
    for (gone, fault) in [
        ("a=ice-ufrag", Fault::Missing("a=ice-ufrag")),
        ("a=ice-pwd", Fault::Missing("a=ice-pwd")),
        ("a=fingerprint", Fault::Missing("a=fingerprint")),
        ("a=mid", Fault::Missing("a=mid")),
    ] {
        let kept: String = whole.lines().filter(|it| !it.starts_with(gone)).map(|it| format!("{it}\r\n")).collect();
        assert_eq!(error(&kept), SdpError { line: 5, fault }, "{gone}");
    }
    for text in ["", "\r\n", "o=-", "v=1\r\n"] {
        assert_eq!(error(text).fault, Fault::Version, "{text:?}");
    }
    assert!(Description::parse("v=0").unwrap().transport.is_none());
}

#[test]
fn names_a_hash_that_is_not_served() {
    let text = small("").replace("sha-256", "sha-512");
    assert_eq!(error(&text), SdpError { line: 9, fault: Fault::FingerprintHash("sha-512".to_owned()) });
    // Beside the served one it does not matter.
    assert!(Description::parse(&small("a=fingerprint:sha-1 AB")).is_ok());
    assert!(Description::parse(&small("").replace("sha-256", "SHA-256")).is_ok());
}

/// Writes the line of a number.
type Line<'a> = &'a dyn Fn(usize) -> String;

#[test]
fn holds_every_limit() {
    let numbered = |max: usize, line: Line<'_>| (0..max).map(|it| line(it) + "\n").collect::<String>();
    let cases: [(&str, usize, Line<'_>); 7] = [
        ("candidates", limits::CANDIDATES_MAX, &|it| format!("a=candidate:{it} 1 udp 1 192.0.2.1 1 typ host")),
        ("extensions", limits::EXTENSIONS_MAX, &|it| format!("a=extmap:{} urn:{it}", it + 1)),
        ("rids", limits::RIDS_MAX, &|it| format!("a=rid:{it} send")),
        ("sources", limits::SOURCES_MAX, &|it| format!("a=ssrc:{it} cname:x")),
        ("source groups", limits::SOURCES_MAX, &|it| format!("a=ssrc-group:FID {it} 99")),
        ("rtcp-fb of a codec", limits::FEEDBACK_MAX, &|it| format!("a=rtcp-fb:111 {it}")),
        ("ICE options", limits::ICE_OPTIONS_MAX, &|it| format!("a=ice-options:{it}")),
    ];
    for (what, max, line) in cases {
        assert!(Description::parse(&small(&numbered(max, line))).is_ok(), "{what}");
        let found = error(&small(&numbered(max + 1, line)));
        assert_eq!(found.fault, Fault::TooMany { what, max }, "{what}");
    }
    let sections = |count| numbered(count, &|it| format!("m=audio 0 UDP/TLS/RTP/SAVPF 0\na=mid:x{it}"));
    assert!(Description::parse(&small(&sections(limits::SECTIONS_MAX - 1))).is_ok());
    assert!(matches!(error(&small(&sections(limits::SECTIONS_MAX))).fault, Fault::TooMany { what: "sections", .. }));

    let types = |count: usize| (0..count).map(|it| format!(" {it}")).collect::<String>();
    let section = |count| format!("m=video 9 UDP/TLS/RTP/SAVPF{}\na=mid:1", types(count));
    assert!(Description::parse(&small(&section(limits::CODECS_MAX))).is_ok());
    assert!(matches!(error(&small(&section(limits::CODECS_MAX + 1))).fault, Fault::TooMany { what: "codecs", .. }));

    let line = |len: usize| format!("a={}", "x".repeat(len - 2));
    assert!(Description::parse(&small(&line(limits::LINE_BYTES_MAX))).is_ok());
    assert_eq!(error(&small(&line(limits::LINE_BYTES_MAX + 1))).fault, Fault::LineTooLong(limits::LINE_BYTES_MAX + 1));

    let text = "x".repeat(limits::TEXT_BYTES_MAX + 1);
    assert_eq!(error(&text).fault, Fault::TextTooLong(limits::TEXT_BYTES_MAX + 1));
    let msid = |len: usize| small(&format!("a=msid:- {}", "x".repeat(len)));
    assert!(Description::parse(&msid(limits::MSID_BYTES_MAX)).is_ok());
    assert!(Description::parse(&msid(limits::MSID_BYTES_MAX + 1)).is_err());
}

/// Whatever was readable can be answered, and the answer can be read.
fn answerable(text: &str) {
    let Ok(offer) = Description::parse(text) else { return };
    let take = Receive { enabled: CodecSet::ALL, ..Receive::default() };
    let uses: Vec<_> = offer.sections.iter().map(|_| SectionUse::Receive(take)).collect();
    for section in &offer.sections {
        let _ = up_params(section, &take);
    }
    let answer = answer(&common::local(), &offer, &uses);
    let read = Description::parse(&answer).unwrap_or_else(|fault| panic!("{fault}\n{answer}"));
    assert_eq!(read.sections.len(), offer.sections.len());
    for (ours, theirs) in read.sections.iter().zip(&offer.sections) {
        assert_eq!((ours.mid, ours.kind), (theirs.mid, theirs.kind));
        assert!(!theirs.rejected || ours.rejected);
    }
}

proptest! {
    #[test]
    fn never_panics_on_any_text(text in "\\PC{0,400}") {
        let _ = Description::parse(&text);
        let _ = Description::parse(&format!("v=0\n{text}"));
    }

    #[test]
    fn never_panics_on_attribute_soup(lines in prop::collection::vec(
        "(a=(rid|simulcast|ssrc|ssrc-group|rtpmap|fmtp|rtcp-fb|extmap|msid|group|mid|sctp-port|max-message-size)\
         :[ -~]{0,30}|m=(audio|video|application) [0-9]{1,6} UDP/TLS/RTP/SAVPF [ 0-9]{0,20})", 0..40)) {
        answerable(&small(&lines.join("\n")));
    }

    #[test]
    fn never_panics_on_damaged_offers(
        which in 0..FIXTURES.len(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, "[ -~]{1,6}"), 1..8),
    ) {
        let mut lines: Vec<String> = FIXTURES[which].lines().map(str::to_owned).collect();
        for (at, how, text) in cuts {
            let at = at.index(lines.len());
            match how {
                0 if lines.len() > 1 => drop(lines.remove(at)),
                1 => lines.insert(at, lines[at].clone()),
                _ => {
                    let end = lines[at].len() / 2;
                    lines[at].replace_range(end.., &text);
                }
            }
        }
        answerable(&lines.join("\r\n"));
    }
}

#[test]
fn answers_every_fixture() {
    FIXTURES.iter().for_each(|it| answerable(it));
}
