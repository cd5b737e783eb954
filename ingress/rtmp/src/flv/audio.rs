//! Tags of sound.

use bytes::{Buf, Bytes};

use super::modifiers::{self, Inner, Special};
use super::{FourCc, named};
use crate::Fault;
use crate::media::{AudioCodec, AudioConfig};

/// What a tag brings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum AudioTag {
    /// How to decode what follows.
    Config(AudioConfig),
    /// Some sound.
    Sound { codec: AudioCodec, data: Bytes },
    /// Nothing of use.
    Nothing,
}

const SPECIAL: Special = Special { multitrack: 5, modifier: 7 };

/// Sound formats of plain FLV.
const PLAIN_ENHANCED: u8 = 9;
const PLAIN_AAC: u8 = 10;
const PLAIN_OTHERS: [(u8, &str); 11] = [
    (0, "PCM"),
    (1, "ADPCM"),
    (2, "MP3"),
    (3, "PCM"),
    (4, "Nellymoser"),
    (5, "Nellymoser"),
    (6, "Nellymoser"),
    (7, "G.711"),
    (8, "G.711"),
    (11, "Speex"),
    (14, "MP3"),
];
const FOURCC_OTHERS: [(FourCc, &str); 4] =
    [(*b".mp3", "MP3"), (*b"fLaC", "FLAC"), (*b"ac-3", "AC-3"), (*b"ec-3", "E-AC-3")];

/// Reads a tag's payload.
pub(crate) fn parse(mut tag: Bytes) -> Result<AudioTag, Fault> {
    // Some encoders send an empty tag when a stream begins.
    let Ok(first) = tag.try_get_u8() else { return Ok(AudioTag::Nothing) };
    match first >> 4 {
        PLAIN_AAC => aac(tag),
        PLAIN_ENHANCED => match modifiers::unwrap(first & 0x0f, tag, SPECIAL) {
            Some(inner) => enhanced(inner),
            None => Ok(AudioTag::Nothing),
        },
        other => {
            let known = PLAIN_OTHERS.iter().find(|(number, _)| *number == other);
            Err(Fault::PeerAudioCodec(known.map_or("of an unknown kind", |(_, name)| name)))
        }
    }
}

fn aac(mut body: Bytes) -> Result<AudioTag, Fault> {
    let codec = AudioCodec::Aac;
    let Ok(packet) = body.try_get_u8() else { return Err(Fault::PeerTag("audio")) };
    Ok(match packet {
        0 => AudioTag::Config(AudioConfig { codec, record: body }),
        1 if !body.is_empty() => AudioTag::Sound { codec, data: body },
        _ => AudioTag::Nothing,
    })
}

fn enhanced(inner: Inner) -> Result<AudioTag, Fault> {
    const SEQUENCE_START: u8 = 0;
    const CODED_FRAMES: u8 = 1;
    let Inner { packet, fourcc, body } = inner;
    let codec = match &fourcc {
        b"mp4a" => AudioCodec::Aac,
        b"Opus" => AudioCodec::Opus,
        _ => return Err(Fault::PeerAudioCodec(named(fourcc, &FOURCC_OTHERS))),
    };
    Ok(match packet {
        SEQUENCE_START => AudioTag::Config(AudioConfig { codec, record: body }),
        CODED_FRAMES if !body.is_empty() => AudioTag::Sound { codec, data: body },
        _ => AudioTag::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(bytes: &[u8]) -> Result<AudioTag, Fault> {
        parse(Bytes::copy_from_slice(bytes))
    }

    fn sound(codec: AudioCodec, data: &'static [u8]) -> Result<AudioTag, Fault> {
        Ok(AudioTag::Sound { codec, data: Bytes::from_static(data) })
    }

    #[test]
    fn reads_aac_and_opus() {
        let record = Bytes::from_static(b"\x11\x90");
        let config = AudioConfig { codec: AudioCodec::Aac, record };
        assert_eq!(tag(b"\xaf\x00\x11\x90"), Ok(AudioTag::Config(config.clone())));
        assert_eq!(tag(b"\x90mp4a\x11\x90"), Ok(AudioTag::Config(config)));
        assert_eq!(tag(b"\xaf\x01raw"), sound(AudioCodec::Aac, b"raw"));
        assert_eq!(tag(b"\x91Opusraw"), sound(AudioCodec::Opus, b"raw"));
        assert_eq!(tag(b"\x95\x01Opus\x00raw"), sound(AudioCodec::Opus, b"raw"));
        for nothing in [&b""[..], b"\xaf\x01", b"\xaf\x07x", b"\x92mp4a", b"\x90m"] {
            assert_eq!(tag(nothing), Ok(AudioTag::Nothing), "{nothing:?}");
        }
        assert_eq!(tag(b"\xaf"), Err(Fault::PeerTag("audio")));
    }

    #[test]
    fn other_codecs_are_refused_by_name() {
        assert_eq!(tag(b"\x2fx"), Err(Fault::PeerAudioCodec("MP3")));
        assert_eq!(tag(b"\x91.mp3x"), Err(Fault::PeerAudioCodec("MP3")));
        assert_eq!(tag(b"\x91fLaCx"), Err(Fault::PeerAudioCodec("FLAC")));
        assert_eq!(tag(b"\xdfx"), Err(Fault::PeerAudioCodec("of an unknown kind")));
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = tag(&bytes);
        }
    }
}
