//! What goes in and what comes out: access units of the foreign stream, packets and pictures for the room.

use bytes::Bytes;

use crate::state::State;

/// What an [`AccessUnit`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// One H.264 picture in Annex B form (start codes), with SPS and PPS before each IDR picture.
    H264,
    /// An AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1): before the first [`Codec::Aac`] and whenever it changes.
    AacConfig,
    /// One AAC raw data block, without ADTS or LATM around it.
    Aac,
}

/// One timed piece of the foreign stream. Both media share one clock, that of the RTMP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// When it is to be decoded, milliseconds on the sender's clock, unwrapped (RTMP's 32 bits wrap after 49 days).
    pub dts_ms: i64,
    /// When it is to be shown, milliseconds on the same clock; for audio the time of its first sample.
    pub pts_ms: i64,
    /// What `data` holds.
    pub codec: Codec,
    /// Whether decoding can begin here (an IDR picture; true for audio).
    pub keyframe: bool,
    /// The bytes; at most [`UNIT_BYTES_MAX`].
    pub data: Bytes,
}

/// What comes back from a running transcoder. Times are microseconds on the clock of [`AccessUnit`]; they may begin
/// before the first unit's time by the codecs' delay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// 20 ms of Opus, 48 kHz stereo. Packets follow each other without a gap: silence fills holes of the source up to
    /// 1.2 s; behind a longer one, time leaps.
    Opus {
        /// The time of its first sample as a decoder plays it; the next packet's is 20 000 later but for a leap.
        pts_us: i64,
        /// The packet: an RTP payload as it is (RFC 7587).
        data: Bytes,
    },
    /// One picture of one layer, H.264 constrained baseline in Annex B form; SPS and PPS stand before each key frame.
    H264 {
        /// Index into the plan's layers: 0 is the largest.
        layer: u8,
        /// When it is to be shown; decoding order is showing order.
        pts_us: i64,
        /// Whether decoding can begin here.
        keyframe: bool,
        /// The picture, one or more NAL units.
        data: Bytes,
    },
    /// Something about the transcoder changed.
    State(State),
}

/// Largest access unit in bytes: a 4K key frame at 100 Mb/s is about 2 MB; RTMP's own message limit is in this range.
pub const UNIT_BYTES_MAX: usize = 8 * 1024 * 1024;
