//! Tags of picture.

use bytes::{Buf, Bytes};

use super::modifiers::{self, Inner, Special};
use super::{FourCc, named};
use crate::Fault;
use crate::media::{VideoCodec, VideoConfig};

/// What a tag brings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum VideoTag {
    /// How to decode what follows.
    Config(VideoConfig),
    /// A picture. It is to be shown `later_ms` after its decoding.
    Picture { codec: VideoCodec, keyframe: bool, later_ms: i32, data: Bytes },
    /// Nothing of use.
    Nothing,
}

const FRAME_KEY: u8 = 1;
const FRAME_COMMAND: u8 = 5;
/// The first bit of an enhanced tag.
const ENHANCED: u8 = 0x80;
const SPECIAL: Special = Special { multitrack: 6, modifier: 7 };

/// Codec numbers of plain FLV.
const PLAIN_AVC: u8 = 7;
/// Never standardized, and sent all the same.
const PLAIN_HEVC: u8 = 12;
const PLAIN_OTHERS: [(u8, &str); 7] = [
    (1, "JPEG"),
    (2, "Sorenson H.263"),
    (3, "Screen Video"),
    (4, "VP6"),
    (5, "VP6 with alpha"),
    (6, "Screen Video 2"),
    (13, "AV1 in a private form"),
];
const FOURCC_OTHERS: [(FourCc, &str); 3] = [(*b"vp08", "VP8"), (*b"vp09", "VP9"), (*b"vvc1", "VVC")];

/// Reads a tag's payload.
pub(crate) fn parse(mut tag: Bytes) -> Result<VideoTag, Fault> {
    // Some encoders send an empty tag when a stream begins.
    let Ok(first) = tag.try_get_u8() else { return Ok(VideoTag::Nothing) };
    let frame = first >> 4 & 0x07;
    if first & ENHANCED == 0 {
        return if frame == FRAME_COMMAND { Ok(VideoTag::Nothing) } else { plain(first & 0x0f, frame, tag) };
    }
    let Some(inner) = modifiers::unwrap(first & 0x0f, tag, SPECIAL) else { return Ok(VideoTag::Nothing) };
    if frame == FRAME_COMMAND { Ok(VideoTag::Nothing) } else { enhanced(frame, inner) }
}

fn plain(codec: u8, frame: u8, mut body: Bytes) -> Result<VideoTag, Fault> {
    let codec = match codec {
        PLAIN_AVC => VideoCodec::H264,
        PLAIN_HEVC => VideoCodec::H265,
        other => {
            let known = PLAIN_OTHERS.iter().find(|(number, _)| *number == other);
            return Err(Fault::PeerVideoCodec(known.map_or("of an unknown kind", |(_, name)| name)));
        }
    };
    let packet = body.try_get_u8().map_err(|_| Fault::PeerTag("video"))?;
    let later_ms = later(&mut body)?;
    Ok(match packet {
        0 => VideoTag::Config(VideoConfig { codec, record: body }),
        1 => VideoTag::Picture { codec, keyframe: frame == FRAME_KEY, later_ms, data: body },
        _ => VideoTag::Nothing,
    })
}

fn enhanced(frame: u8, inner: Inner) -> Result<VideoTag, Fault> {
    const SEQUENCE_START: u8 = 0;
    const CODED_FRAMES: u8 = 1;
    /// As coded frames, shown at the time of their decoding.
    const CODED_FRAMES_X: u8 = 3;
    let Inner { packet, fourcc, mut body } = inner;
    let codec = match &fourcc {
        b"avc1" => VideoCodec::H264,
        b"hvc1" => VideoCodec::H265,
        b"av01" => VideoCodec::Av1,
        _ => return Err(Fault::PeerVideoCodec(named(fourcc, &FOURCC_OTHERS))),
    };
    let keyframe = frame == FRAME_KEY;
    Ok(match packet {
        SEQUENCE_START => VideoTag::Config(VideoConfig { codec, record: body }),
        // AV1 has no time of its own here: its frames are in decoding order and say themselves what is shown.
        CODED_FRAMES if codec != VideoCodec::Av1 => {
            let later_ms = later(&mut body)?;
            VideoTag::Picture { codec, keyframe, later_ms, data: body }
        }
        CODED_FRAMES | CODED_FRAMES_X => VideoTag::Picture { codec, keyframe, later_ms: 0, data: body },
        _ => VideoTag::Nothing,
    })
}

/// 24 bits with sign.
fn later(body: &mut Bytes) -> Result<i32, Fault> {
    let mut bytes = [0; 4];
    body.try_copy_to_slice(&mut bytes[..3]).map_err(|_| Fault::PeerTag("video"))?;
    Ok(i32::from_be_bytes(bytes) >> 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(bytes: &[u8]) -> Result<VideoTag, Fault> {
        parse(Bytes::copy_from_slice(bytes))
    }

    fn picture(codec: VideoCodec, keyframe: bool, later_ms: i32, data: &'static [u8]) -> Result<VideoTag, Fault> {
        Ok(VideoTag::Picture { codec, keyframe, later_ms, data: Bytes::from_static(data) })
    }

    fn config(codec: VideoCodec, record: &'static [u8]) -> Result<VideoTag, Fault> {
        Ok(VideoTag::Config(VideoConfig { codec, record: Bytes::from_static(record) }))
    }

    #[test]
    fn plain_tags() {
        assert_eq!(tag(b"\x17\x00\0\0\0rec"), config(VideoCodec::H264, b"rec"));
        assert_eq!(tag(b"\x17\x01\0\0\x21nal"), picture(VideoCodec::H264, true, 33, b"nal"));
        assert_eq!(tag(b"\x27\x01\xff\xff\xffnal"), picture(VideoCodec::H264, false, -1, b"nal"));
        assert_eq!(tag(b"\x1c\x00\0\0\0rec"), config(VideoCodec::H265, b"rec"));
        assert_eq!(tag(b"\x17\x02\0\0\0"), Ok(VideoTag::Nothing));
        assert_eq!(tag(b"\x57\x00"), Ok(VideoTag::Nothing));
        assert_eq!(tag(b""), Ok(VideoTag::Nothing));
        assert_eq!(tag(b"\x17"), Err(Fault::PeerTag("video")));
        assert_eq!(tag(b"\x17\x01\0"), Err(Fault::PeerTag("video")));
    }

    #[test]
    fn enhanced_tags() {
        assert_eq!(tag(b"\x90hvc1rec"), config(VideoCodec::H265, b"rec"));
        assert_eq!(tag(b"\x91hvc1\0\0\x05nal"), picture(VideoCodec::H265, true, 5, b"nal"));
        assert_eq!(tag(b"\xa3hvc1nal"), picture(VideoCodec::H265, false, 0, b"nal"));
        assert_eq!(tag(b"\x91av01obu"), picture(VideoCodec::Av1, true, 0, b"obu"));
        assert_eq!(tag(b"\x91avc1\0\0\x05nal"), picture(VideoCodec::H264, true, 5, b"nal"));
        assert_eq!(tag(b"\x94hvc1hdr"), Ok(VideoTag::Nothing));
        assert_eq!(tag(b"\x92hvc1"), Ok(VideoTag::Nothing));
        assert_eq!(tag(b"\x90hv"), Ok(VideoTag::Nothing));
    }

    #[test]
    fn other_codecs_are_refused_by_name() {
        assert_eq!(tag(b"\x12x"), Err(Fault::PeerVideoCodec("Sorenson H.263")));
        assert_eq!(tag(b"\x91vp09x"), Err(Fault::PeerVideoCodec("VP9")));
        assert_eq!(tag(b"\x91zzzzx"), Err(Fault::PeerVideoCodec("of an unknown kind")));
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = tag(&bytes);
        }
    }
}
