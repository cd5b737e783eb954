//! Why a stranger's file is not read, or not further; always the file's fault.

use crate::limits;

/// What is the matter with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// An FLV has a fault.
    #[error(transparent)]
    Flv(#[from] rtmp::Fault),
    /// It is of a kind that is not read.
    #[error("{0} cannot be pulled, only FLV, MP4, MPEG-TS and HLS")]
    Kind(&'static str),
    /// A picture codec that no room carries, or that is not taken from this container.
    #[error("video codec {0} is not supported there: H.264 is")]
    VideoCodec(&'static str),
    /// A sound codec that is not understood.
    #[error("audio codec {0} is not supported there: AAC is")]
    AudioCodec(&'static str),
    /// It is encrypted.
    #[error("it is encrypted")]
    Encrypted,
    /// There is neither picture nor sound in it.
    #[error("there is no picture and no sound in it")]
    Empty,
    /// A part of it makes no sense.
    #[error("its {0} cannot be read")]
    Broken(&'static str),
    /// A part of it is beyond a limit.
    #[error("its {0} goes beyond the limit")]
    TooLong(&'static str),
    /// The index stands behind the media, and no part of the file can be asked for.
    #[error(
        "its index stands at its end, and its server hands out no ranges: put it at the beginning (ffmpeg: -movflags +faststart)"
    )]
    IndexLast,
    /// Sound and pictures of one time are too far apart in it.
    #[error("sound and pictures of one time stand more than {} s apart in it: interleave them", limits::INTERLEAVE_MAX.as_secs())]
    Interleaving,
    /// A playlist of a form that is not followed.
    #[error("a playlist {0} is not followed")]
    Playlist(&'static str),
    /// None of a playlist's variants can be taken.
    #[error("none of the playlist's variants is H.264 with AAC in one stream")]
    Variants,
}
