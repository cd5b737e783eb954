//! Why a connection is ended; always the remote's doing.

use crate::limits;

/// What the remote did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The first byte is not 3: encrypted RTMP, or another protocol.
    #[error("version {0} is not spoken here, only plain RTMP (3); is the address right?")]
    PeerVersion(u8),
    /// A chunk size of zero or with the first bit set (RTMP 1.0 section 5.4.1).
    #[error("chunk size {0} is impossible")]
    PeerChunkSize(u32),
    /// More than [`limits::CHUNK_STREAMS_MAX`].
    #[error("more than {max} chunk streams", max = limits::CHUNK_STREAMS_MAX)]
    PeerChunkStreams,
    /// A chunk refers to a header that never came.
    #[error("chunk stream {0} begins without a header")]
    PeerChunkOrder(u32),
    /// A message is longer than its type may be.
    #[error("a message of type {kind} with {bytes} bytes is too long")]
    PeerMessageTooLong {
        /// The message type.
        kind: u8,
        /// The announced length.
        bytes: usize,
    },
    /// More than [`limits::UNFINISHED_BYTES_MAX`].
    #[error("too many unfinished messages")]
    PeerUnfinished,
    /// A control message cannot be read.
    #[error("a control message of type {0} cannot be read")]
    PeerControl(u8),
    /// An AMF value ends too early or has an unknown marker.
    #[error("a command or its data cannot be read as AMF")]
    PeerAmf,
    /// Nested deeper than [`limits::AMF_DEPTH_MAX`].
    #[error("AMF nested deeper than {max}", max = limits::AMF_DEPTH_MAX)]
    PeerAmfDepth,
    /// More than [`limits::AMF_VALUES_MAX`] values, or a string beyond [`limits::AMF_STRING_BYTES_MAX`].
    #[error("AMF larger than allowed")]
    PeerAmfSize,
    /// A command came where it makes no sense.
    #[error("{0}")]
    PeerOrder(&'static str),
    /// An application's or stream's name is longer than [`limits::NAME_BYTES_MAX`].
    #[error("application or stream name too long")]
    PeerName,
    /// More than [`limits::STREAMS_MAX`].
    #[error("too many streams")]
    PeerStreams,
    /// More than [`limits::OUTPUT_BYTES_MAX`] bytes of replies are not read.
    #[error("replies are not read")]
    PeerDeaf,
    /// Beyond a rate of [`limits`].
    #[error("too many {0}")]
    PeerRate(&'static str),
    /// It wants to play.
    #[error("this server takes streams in and plays none")]
    PeerPlays,
    /// A tag of sound or picture is cut short.
    #[error("a {0} tag cannot be read")]
    PeerTag(&'static str),
    /// What is pulled is no FLV, or its header is broken.
    #[error("it is no FLV, or has a broken header")]
    PeerContainer,
    /// A picture codec that no room carries.
    #[error("video codec {0} is not supported: set the encoder to H.264, HEVC or AV1")]
    PeerVideoCodec(&'static str),
    /// A sound codec that is not understood.
    #[error("audio codec {0} is not supported: set the encoder to AAC")]
    PeerAudioCodec(&'static str),
    /// Nothing came in time.
    #[error("no {0} in time")]
    PeerSilent(&'static str),
}

impl Fault {
    /// The status code with which the publisher is told.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::PeerPlays => "NetStream.Play.StreamNotFound",
            Self::PeerVideoCodec(_) | Self::PeerAudioCodec(_) => "NetStream.Publish.Rejected",
            _ => "NetStream.Publish.Failed",
        }
    }
}
