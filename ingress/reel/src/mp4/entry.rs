//! What a track's samples are: sample entries (ISO/IEC 14496-12, 8.5.2) and the configurations in them.

use bytes::Bytes;
use rtmp::{AudioCodec, AudioConfig, VideoCodec, VideoConfig};

use super::boxes::{Fields, Kind, child, children};
use crate::Fault;
use crate::limits::RECORD_BYTES_MAX;

/// Bytes of a picture's entry before its boxes.
const VIDEO_HEAD_BYTES: usize = 78;
/// Bytes of a sound's entry before its boxes, and how many more QuickTime's versions have.
const AUDIO_HEAD_BYTES: usize = 28;
const AUDIO_MORE_BYTES: [usize; 3] = [0, 16, 36];

/// A track that is carried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Entry {
    Video(VideoConfig),
    Audio(AudioConfig),
}

/// Reads the first entry of a track whose handler is `kind`; `None` for what is neither picture nor sound.
///
/// # Errors
/// When it is of a codec that is not carried.
pub(super) fn read(kind: &Kind, stsd: &[u8]) -> Result<Option<Entry>, Fault> {
    let broken = Fault::Broken("MP4's codec configuration");
    let (_, _, mut fields) = Fields::versioned(stsd).ok_or(broken)?;
    fields.u32().ok_or(broken)?;
    let Some((format, body)) = children(fields.0).next() else { return Err(broken) };
    Ok(match kind {
        b"vide" => Some(Entry::Video(video(&format, body)?)),
        b"soun" => Some(Entry::Audio(audio(&format, body)?)),
        _ => None,
    })
}

fn video(format: &Kind, body: &[u8]) -> Result<VideoConfig, Fault> {
    let (codec, kind) = match format {
        b"avc1" | b"avc3" => (VideoCodec::H264, b"avcC"),
        b"hvc1" | b"hev1" => (VideoCodec::H265, b"hvcC"),
        b"av01" => (VideoCodec::Av1, b"av1C"),
        b"encv" => return Err(Fault::Encrypted),
        b"vp08" => return Err(Fault::VideoCodec("VP8")),
        b"vp09" => return Err(Fault::VideoCodec("VP9")),
        b"mp4v" => return Err(Fault::VideoCodec("MPEG-4 part 2")),
        _ => return Err(Fault::VideoCodec("of an unknown kind")),
    };
    let record = body.get(VIDEO_HEAD_BYTES..).and_then(|boxes| child(boxes, kind));
    Ok(VideoConfig { codec, record: kept(record)? })
}

fn audio(format: &Kind, body: &[u8]) -> Result<AudioConfig, Fault> {
    let broken = Fault::Broken("MP4's codec configuration");
    match format {
        b"mp4a" => {
            let version = body.get(8..10).map_or(0, |version| usize::from(version[1]));
            let more = AUDIO_MORE_BYTES.get(version).ok_or(broken)?;
            let boxes = body.get(AUDIO_HEAD_BYTES + more..).ok_or(broken)?;
            // QuickTime puts it into a box of its own.
            let esds = child(boxes, b"esds").or_else(|| child(child(boxes, b"wave")?, b"esds"));
            let (_, _, fields) = esds.and_then(Fields::versioned).ok_or(broken)?;
            let (kind, record) = descriptor(fields).ok_or(broken)?;
            match kind {
                0x40 | 0x66..=0x68 => Ok(AudioConfig { codec: AudioCodec::Aac, record: kept(record)? }),
                0x69 | 0x6b => Err(Fault::AudioCodec("MP3")),
                _ => Err(Fault::AudioCodec("of an unknown kind")),
            }
        }
        b"Opus" => Ok(AudioConfig { codec: AudioCodec::Opus, record: Bytes::new() }),
        b"enca" => Err(Fault::Encrypted),
        b".mp3" => Err(Fault::AudioCodec("MP3")),
        b"ac-3" | b"ec-3" => Err(Fault::AudioCodec("AC-3")),
        b"fLaC" => Err(Fault::AudioCodec("FLAC")),
        b"alac" => Err(Fault::AudioCodec("ALAC")),
        _ => Err(Fault::AudioCodec("of an unknown kind")),
    }
}

fn kept(record: Option<&[u8]>) -> Result<Bytes, Fault> {
    let record = record.filter(|record| record.len() <= RECORD_BYTES_MAX);
    record.map(Bytes::copy_from_slice).ok_or(Fault::Broken("MP4's codec configuration"))
}

/// The kind of stream and its configuration in an elementary stream's descriptor (ISO/IEC 14496-1, 7.2.6.5).
fn descriptor(fields: Fields<'_>) -> Option<(u8, Option<&[u8]>)> {
    const STREAM: u8 = 3;
    const DECODER: u8 = 4;
    const SPECIFIC: u8 = 5;
    let mut stream = tagged(&mut { fields }, STREAM)?;
    stream.u16()?;
    let marks = stream.u8()?;
    if marks & 0x80 != 0 {
        stream.u16()?;
    }
    if marks & 0x40 != 0 {
        let len = stream.u8()?;
        stream.bytes(len.into())?;
    }
    if marks & 0x20 != 0 {
        stream.u16()?;
    }
    let mut decoder = tagged(&mut stream, DECODER)?;
    let kind = decoder.u8()?;
    decoder.bytes(12)?;
    Some((kind, tagged(&mut decoder, SPECIFIC).map(|specific| specific.0)))
}

/// The fields behind a tag and a length of up to four bytes, seven bits each.
fn tagged<'a>(fields: &mut Fields<'a>, tag: u8) -> Option<Fields<'a>> {
    if fields.u8()? != tag {
        return None;
    }
    let mut len = 0;
    for _ in 0..4 {
        let byte = fields.u8()?;
        len = len << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    fields.bytes(len).map(Fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &Kind, body: &[u8]) -> Vec<u8> {
        [&((body.len() + 8) as u32).to_be_bytes(), kind.as_slice(), body].concat()
    }

    fn entries(format: &Kind, head: usize, boxes: &[u8]) -> Vec<u8> {
        let entry = boxed(format, &[vec![0; head], boxes.to_vec()].concat());
        [&[0, 0, 0, 0, 0, 0, 0, 1], entry.as_slice()].concat()
    }

    fn esds(kind: u8) -> Vec<u8> {
        let decoder = [&[4, 0x80, 0x80, 0x80, 17, kind], [0; 12].as_slice(), &[5, 2, 0x11, 0x90]].concat();
        boxed(b"esds", &[&[0, 0, 0, 0, 3, 25, 0, 1, 0], decoder.as_slice()].concat())
    }

    #[test]
    fn what_is_carried() {
        let avc = read(b"vide", &entries(b"avc1", VIDEO_HEAD_BYTES, &boxed(b"avcC", &[1, 66])));
        let record = Bytes::from_static(&[1, 66]);
        assert_eq!(avc, Ok(Some(Entry::Video(VideoConfig { codec: VideoCodec::H264, record }))));
        let record = Bytes::from_static(&[0x11, 0x90]);
        let aac = Ok(Some(Entry::Audio(AudioConfig { codec: AudioCodec::Aac, record })));
        assert_eq!(read(b"soun", &entries(b"mp4a", AUDIO_HEAD_BYTES, &esds(0x40))), aac);
        let mut quicktime = entries(b"mp4a", AUDIO_HEAD_BYTES + 16, &boxed(b"wave", &esds(0x40)));
        quicktime[16 + 9] = 1;
        assert_eq!(read(b"soun", &quicktime), aac);
        assert_eq!(read(b"text", &entries(b"tx3g", 8, &[])), Ok(None));
    }

    #[test]
    fn what_is_not_is_named() {
        for (kind, format, head, boxes, fault) in [
            (b"soun", b"mp4a", AUDIO_HEAD_BYTES, esds(0x6b), Fault::AudioCodec("MP3")),
            (b"soun", b"ac-3", AUDIO_HEAD_BYTES, vec![], Fault::AudioCodec("AC-3")),
            (b"soun", b"mp4a", AUDIO_HEAD_BYTES, vec![], Fault::Broken("MP4's codec configuration")),
            (b"vide", b"vp09", VIDEO_HEAD_BYTES, vec![], Fault::VideoCodec("VP9")),
            (b"vide", b"encv", VIDEO_HEAD_BYTES, vec![], Fault::Encrypted),
            (
                b"vide",
                b"avc1",
                VIDEO_HEAD_BYTES,
                boxed(b"avcC", &[1; 5000]),
                Fault::Broken("MP4's codec configuration"),
            ),
        ] {
            assert_eq!(read(kind, &entries(format, head, &boxes)), Err(fault));
        }
    }
}
