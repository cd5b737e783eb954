//! What a peer tells its owner: the fate of one datagram, and the events of its life.

use door::{ChannelLabel, Path, PeerEnd};

use crate::SrtpProfile;

/// What became of one datagram.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// It was for the peer itself (STUN, DTLS); look for events.
    Nothing,
    /// A decrypted, authenticated RTP packet: header and payload without the SRTP tag.
    Rtp(&'a [u8]),
    /// A decrypted, authenticated compound RTCP packet.
    Rtcp(&'a [u8]),
    /// It was dropped; count the reason.
    Rejected(Reject),
}

/// Why a datagram was dropped. Nothing about the peer changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reject {
    /// Its first byte belongs to no protocol that we speak (RFC 7983).
    Unknown,
    /// Not a STUN binding request that can be parsed.
    StunMalformed,
    /// Wrong user fragment or MESSAGE-INTEGRITY.
    StunUnauthenticated,
    /// DTLS or SRTP from an address that ICE has not validated.
    PathUnvalidated,
    /// DTLS that the association does not take.
    DtlsMalformed,
    /// SRTP or SRTCP before there are keys.
    SrtpWithoutKeys,
    /// Too short, or its header lies about lengths.
    SrtpMalformed,
    /// The authentication tag does not fit.
    SrtpUnauthenticated,
    /// Seen before, or too old to tell.
    SrtpReplayed,
    /// The table of sources is full.
    SrtpSourcesFull,
    /// The peer has ended.
    Ended,
}

impl Reject {
    /// Whether SRTP or SRTCP refused it.
    pub fn is_srtp(self) -> bool {
        matches!(
            self,
            Self::SrtpWithoutKeys
                | Self::SrtpMalformed
                | Self::SrtpUnauthenticated
                | Self::SrtpReplayed
                | Self::SrtpSourcesFull
        )
    }
}

/// One thing that happened to the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerEvent {
    /// An authenticated check came by this path for the first time: its datagrams belong to this peer.
    PathAdded(Path),
    /// The path fell out of the table of validated paths.
    PathRemoved(Path),
    /// Datagrams go by `new` from here on.
    PathChanged {
        /// The path before, if there was one.
        old: Option<Path>,
        /// The path from here on.
        new: Path,
    },
    /// ICE and DTLS are up, the certificate fits; media may flow.
    Connected {
        /// The SRTP profile of both directions; `None` when the remote wants data channels only.
        profile: Option<SrtpProfile>,
    },
    /// No authenticated check for [`crate::ice::SILENCE`].
    Silent,
    /// A check came after [`PeerEvent::Silent`].
    Heard,
    /// The peer is lost; it accepts and sends nothing more.
    Ended(PeerEnd),
    /// A data channel is open for sending.
    ChannelOpen(ChannelLabel),
    /// The remote closed a data channel.
    ChannelClosed(ChannelLabel),
    /// The remote reads more slowly than it is sent to (true), or has caught up (false).
    Backlog(bool),
    /// A message arrived on a data channel.
    Data {
        /// On which channel.
        label: ChannelLabel,
        /// The message; text arrives as UTF-8 bytes.
        payload: Vec<u8>,
    },
}

/// Why a data channel message was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DataRefused {
    /// There is no such open channel.
    #[error("the data channel is not open")]
    NotOpen,
    /// Longer than [`crate::MESSAGE_BYTES_MAX`].
    #[error("the message is longer than the limit")]
    TooLong,
    /// The remote reads too slowly: the send buffer is full.
    #[error("the send buffer is full")]
    Full,
}
