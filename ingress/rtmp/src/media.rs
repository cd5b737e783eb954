//! What a publisher sends, as plain data: configurations, access units, metadata.
//!
//! All times are milliseconds on one clock for sound and picture, the connection's, which never runs backwards and has
//! no jumps: RTMP's 32 bits are unwrapped and a restarted encoder clock is joined on.

use bytes::Bytes;

/// A picture codec that rooms can carry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum VideoCodec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
    /// AV1.
    Av1,
}

/// A sound codec that is understood.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AudioCodec {
    /// MPEG-4 AAC, which rooms cannot carry: it must be transcoded.
    Aac,
    /// Opus, 48 kHz.
    Opus,
}

/// How the pictures that follow are to be decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VideoConfig {
    /// The codec.
    pub codec: VideoCodec,
    /// The decoder configuration record as files have it: `avcC` and `hvcC` (ISO/IEC 14496-15), `av1C`.
    pub record: Bytes,
}

/// One coded picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VideoUnit {
    /// The codec.
    pub codec: VideoCodec,
    /// When to decode it. Never before that of the picture before it.
    pub dts_ms: i64,
    /// When to show it; differs from `dts_ms` where pictures are reordered.
    pub pts_ms: i64,
    /// The sender says that decoding can begin here.
    pub keyframe: bool,
    /// H.264 and H.265: NAL units, each behind its length in as many bytes as the record says. AV1: OBUs with sizes.
    pub data: Bytes,
}

/// How the sound that follows is to be decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioConfig {
    /// The codec.
    pub codec: AudioCodec,
    /// AAC: AudioSpecificConfig (ISO/IEC 14496-3). Opus: the identification header (RFC 7845 section 5.1) or nothing.
    pub record: Bytes,
}

/// One coded piece of sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioUnit {
    /// The codec.
    pub codec: AudioCodec,
    /// The time of its first sample. Never before that of the piece before it.
    pub pts_ms: i64,
    /// One raw AAC access unit, or one Opus packet.
    pub data: Bytes,
}

/// What the encoder says of itself (`onMetaData`); nothing of it is to be trusted. Zero where it says nothing.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Metadata {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures per second.
    pub frame_rate: f64,
    /// Kilobits per second.
    pub video_kbps: u32,
    /// Kilobits per second.
    pub audio_kbps: u32,
    /// Samples per second.
    pub audio_hz: u32,
    /// Sound has two channels.
    pub stereo: bool,
    /// The encoder's name, at most [`crate::limits::ENCODER_CHARS_MAX`] characters.
    pub encoder: String,
}

/// The NAL units of `data`, each behind its length of `length_bytes` bytes (1 to 4). Ends at the first that is cut short.
pub fn nal_units(data: &[u8], length_bytes: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (head, after) = rest.split_at_checked(length_bytes)?;
        let len = head.iter().fold(0_usize, |len, &byte| len << 8 | usize::from(byte));
        let (unit, after) = after.split_at_checked(len).filter(|_| length_bytes > 0)?;
        rest = after;
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nal_units_end_where_they_are_cut() {
        let data = [0, 0, 0, 2, 9, 8, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 9, 1];
        let units: Vec<&[u8]> = nal_units(&data, 4).collect();
        assert_eq!(units, [&[9, 8][..], &[], &[7]]);
        assert_eq!(nal_units(&[2, 1, 2, 1, 3], 1).count(), 2);
        assert_eq!(nal_units(&data, 0).count(), 0);
    }
}
