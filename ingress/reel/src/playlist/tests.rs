//! Playlists as packagers write them, and as nobody should.

use proptest::prelude::*;

use super::*;

const LIVE: &str = "#EXTM3U\r\n#EXT-X-VERSION:3\r\n#EXT-X-TARGETDURATION:2\r\n#EXT-X-MEDIA-SEQUENCE:41\r\n\r\n\
    #EXTINF:2.000000,\r\na.ts\r\n#EXT-X-DISCONTINUITY\r\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\r\n#EXTINF:1.5,Title\r\nb.ts?x=1\r\n";

fn media(text: &str) -> Media {
    match Playlist::parse(text) {
        Ok(Playlist::Media(media)) => media,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_live_one() {
    let media = media(LIVE);
    assert_eq!((media.target, media.sequence, media.ended), (Duration::from_secs(2), 41, false));
    let pieces: Vec<_> = media.segments.iter().map(|it| (it.part.uri.as_str(), it.time.as_millis(), it.anew)).collect();
    assert_eq!(pieces, [("a.ts", 2000, false), ("b.ts?x=1", 1500, true)]);
}

#[test]
fn heads_and_ranges() {
    let media = media(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"720@0\"\n#EXTINF:4,\n#EXT-X-BYTERANGE:1000@720\nall.mp4\n\
         #EXTINF:4,\n#EXT-X-BYTERANGE:500\nall.mp4\n#EXT-X-MAP:URI=\"other.mp4\"\n#EXT-X-GAP\n#EXTINF:4,\nc.m4s\n#EXT-X-ENDLIST\n",
    );
    let ranges: Vec<_> = media.segments.iter().map(|it| it.part.range.clone()).collect();
    assert_eq!(ranges, [Some(720..1720), Some(1720..2220), None]);
    let heads: Vec<_> = media.segments.iter().map(|it| media.head(it).unwrap().uri.as_str()).collect();
    assert_eq!(heads, ["init.mp4", "init.mp4", "other.mp4"]);
    assert_eq!(media.head(&media.segments[0]).unwrap().range, Some(0..720));
    assert!(media.ended && media.segments[2].gap);
}

#[test]
fn the_best_variant_that_is_taken() {
    let master = |lines: &str| match Playlist::parse(&format!("#EXTM3U\n{lines}")) {
        Ok(Playlist::Master(master)) => master.best().map(str::to_owned),
        other => panic!("{other:?}"),
    };
    let variant = |name: &str, more: &str| format!("#EXT-X-STREAM-INF:{more}\n{name}\n");
    let low = variant("low", "BANDWIDTH=800000,RESOLUTION=640x360,CODECS=\"avc1.42c01e,mp4a.40.2\"");
    let high = variant("high", "BANDWIDTH=5000000,RESOLUTION=1920x1080,CODECS=\"avc1.640028,mp4a.40.5\"");
    let huge = variant("huge", "BANDWIDTH=20000000,RESOLUTION=3840x2160");
    let hevc = variant("hevc", "BANDWIDTH=6000000,CODECS=\"hvc1.1.6.L93,mp4a.40.2\"");
    let apart = variant("apart", "BANDWIDTH=7000000,AUDIO=\"a\"");
    let group = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"sound.m3u8\"\n";
    assert_eq!(master(&[low.as_str(), &high, &huge, &hevc].concat()).as_deref(), Ok("high"));
    assert_eq!(master(&[group, &apart, &low].concat()).as_deref(), Ok("low"));
    assert_eq!(master(&apart).as_deref(), Ok("apart"), "its sound stands in it");
    assert_eq!(master(&huge).as_deref(), Ok("huge"));
    assert_eq!(master(&[group, &apart, &hevc].concat()), Err(Fault::Variants));
}

#[test]
fn what_is_not_followed_is_named() {
    let with = |lines: &str| Playlist::parse(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{lines}")).unwrap_err();
    for (lines, fault) in [
        ("#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n#EXTINF:4,\na.ts", Fault::Encrypted),
        ("#EXT-X-I-FRAMES-ONLY", Fault::Playlist("of key frames alone")),
        ("#EXT-X-SKIP:SKIPPED-SEGMENTS=3", Fault::Playlist("that leaves out what it said before")),
        ("a.ts", Fault::Broken("playlist")),
        ("#EXTINF:NaN,\na.ts", Fault::Broken("playlist")),
        ("#EXTINF:-1,\na.ts", Fault::Broken("playlist")),
        ("#EXTINF:1e9,\na.ts", Fault::TooLong("piece")),
        ("#EXTINF:4,\n#EXT-X-BYTERANGE:5\na.ts", Fault::Broken("playlist")),
        ("#EXT-X-MEDIA-SEQUENCE:-1", Fault::Broken("playlist")),
        ("#EXT-X-MAP:BYTERANGE=\"1@2\"", Fault::Broken("playlist")),
    ] {
        assert_eq!(with(lines), fault, "{lines}");
    }
    for none in ["", "\n#EXTM3U", "a.ts", "#EXTM3U"] {
        assert_eq!(Playlist::parse(none), Err(Fault::Broken("playlist")), "{none:?}");
    }
    assert!(Playlist::parse("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=NONE\n").is_ok());
}

#[test]
fn limits_hold() {
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n";
    let piece = "#EXTINF:4,\na\n";
    assert!(Playlist::parse(&[head, &piece.repeat(SEGMENTS_MAX)].concat()).is_ok());
    for (lines, what) in [
        (piece.repeat(SEGMENTS_MAX + 1), "list of pieces"),
        ("#EXT-X-STREAM-INF:BANDWIDTH=1\na\n".repeat(VARIANTS_MAX + 1), "list of variants"),
        ("#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a\"\n".repeat(GROUPS_MAX + 1), "list of sounds"),
        ((0..=GROUPS_MAX).map(|n| format!("#EXT-X-MAP:URI=\"{n}\"\n")).collect(), "list of heads"),
        ("x".repeat(LINE_BYTES_MAX + 1), "playlist's line"),
        ("#\n".repeat(PLAYLIST_BYTES_MAX), "playlist"),
    ] {
        assert_eq!(Playlist::parse(&[head, &lines].concat()), Err(Fault::TooLong(what)));
    }
}

proptest! {
    #[test]
    fn any_text_ends(text in "(#EXTM3U\n)?(#EXT-X-(TARGETDURATION|MAP|KEY|STREAM-INF|BYTERANGE|MEDIA)[:=\",@a-zA-Z0-9]*\n|.*\n){0,20}") {
        if let Ok(Playlist::Media(media)) = Playlist::parse(&text) {
            prop_assert!(media.segments.iter().all(|segment| segment.part.range.as_ref().is_none_or(|it| it.start <= it.end)));
        }
    }
}
