//! What control asks of the media house.

use std::time::Duration;

use crate::{
    ChannelLabel, DownKey, DownTrackParams, DtlsRole, Fingerprint, IceCredentials, LayerTarget, Packets, PeerKey,
    PeerParams, ShardId, TrackKey, UpTrackParams, Weight,
};

/// One request; it never fails, and what comes of it is told by a [`crate::Notice`].
/// A command that names an unknown key is counted and ignored: its object may have ended meanwhile.
#[derive(Clone, Debug)]
pub enum Command {
    /// Expect a peer.
    AddPeer(PeerKey, Box<PeerParams>),
    /// The remote's description arrived or changed. A new `local` restarts ICE (RFC 8445 section 9).
    SetRemote {
        /// Whom it concerns.
        peer: PeerKey,
        /// Our credentials from here on, if they change; the old ones are honoured until the new are used.
        local: Option<IceCredentials>,
        /// The remote's credentials.
        remote: IceCredentials,
        /// The remote's certificate hash.
        fingerprint: Fingerprint,
        /// Our side of DTLS, before it has begun.
        role: DtlsRole,
    },
    /// Forget a peer and all that hangs on it.
    RemovePeer(PeerKey),
    /// Accept a track from a peer on the track's shard.
    AddUpTrack {
        /// The new track.
        track: TrackKey,
        /// Its publisher, on the same shard.
        peer: PeerKey,
        /// What was negotiated.
        params: Box<UpTrackParams>,
    },
    /// The section was renegotiated (other extension ids, payload types or sources); layers and counters go on.
    UpdateUpTrack {
        /// Which track.
        track: TrackKey,
        /// What is negotiated from here on.
        params: Box<UpTrackParams>,
    },
    /// Expect a track that no peer publishes: control feeds it.
    AddFedTrack {
        /// The new track.
        track: TrackKey,
        /// What its packets are.
        params: Box<UpTrackParams>,
    },
    /// Packets of a fed track. They are dropped rather than queued without end when the shard lags.
    Feed {
        /// Which track.
        track: TrackKey,
        /// Which of its encodings.
        encoding: u8,
        /// In order.
        packets: Packets,
    },
    /// The wall time of a fed track's RTP time, as a sender report tells it (RFC 3550 section 6.4.1).
    FeedClock {
        /// Which track.
        track: TrackKey,
        /// Which of its encodings.
        encoding: u8,
        /// NTP timestamp, 32.32 fixed point seconds.
        ntp: u64,
        /// RTP timestamp of the same instant.
        rtp: u32,
    },
    /// Forget a track; its subscriptions on every shard end with it.
    RemoveUpTrack(TrackKey),
    /// The publisher muted or unmuted: nothing is forwarded while muted.
    MuteUpTrack {
        /// Which track.
        track: TrackKey,
        /// Whether it is muted.
        muted: bool,
    },
    /// Send a track to a peer.
    AddDownTrack {
        /// The new subscription.
        down: DownKey,
        /// The subscriber, on the subscription's shard.
        peer: PeerKey,
        /// What is forwarded; may live on another shard.
        track: TrackKey,
        /// The up track's own parameters, for the shard that may not know them.
        up: Box<UpTrackParams>,
        /// What the subscriber negotiated.
        params: Box<DownTrackParams>,
        /// Where to begin.
        target: LayerTarget,
    },
    /// Choose another layer.
    SetTarget {
        /// Which subscription.
        down: DownKey,
        /// The best it should get.
        target: LayerTarget,
    },
    /// How much a video matters beside the subscriber's others.
    SetWeight {
        /// Which subscription.
        down: DownKey,
        /// Its importance.
        weight: Weight,
    },
    /// Send a peer no more than this, whatever its link carries; a client's test hook.
    LimitRate {
        /// Whom it concerns.
        peer: PeerKey,
        /// Bits per second; nothing takes the limit away.
        bps: Option<u64>,
    },
    /// Let what is sent of video to a peer wait, in order.
    HoldVideo {
        /// Whom it concerns.
        peer: PeerKey,
        /// For no longer than this from now on; zero lets it go on.
        at_most: Duration,
    },
    /// Stop a subscription.
    RemoveDownTrack(DownKey),
    /// Send one data channel message to a peer.
    SendData {
        /// To whom.
        peer: PeerKey,
        /// On which channel.
        channel: ChannelLabel,
        /// The message, binary. One allocation is shared by all recipients.
        payload: std::sync::Arc<[u8]>,
    },
    /// Control has dealt with messages of a peer: more of them may come, see [`crate::data`].
    DataTaken {
        /// Whose messages.
        peer: PeerKey,
        /// Those of the reliable channel, or those of all others.
        reliable: bool,
        /// The sum of their [`crate::data::cost`].
        cost: u32,
    },
}

impl Command {
    /// Whether its loss is like the loss of packets, so that it may be dropped when the shard lags.
    pub fn is_droppable(&self) -> bool {
        matches!(self, Self::Feed { .. } | Self::FeedClock { .. })
    }

    /// The shard that must carry it out.
    pub fn shard(&self) -> ShardId {
        match self {
            Self::AddPeer(peer, _) | Self::RemovePeer(peer) => peer.shard,
            Self::SetRemote { peer, .. } | Self::SendData { peer, .. } | Self::DataTaken { peer, .. } => peer.shard,
            Self::LimitRate { peer, .. } | Self::HoldVideo { peer, .. } => peer.shard,
            Self::AddUpTrack { track, .. } | Self::UpdateUpTrack { track, .. } => track.shard,
            Self::AddFedTrack { track, .. } | Self::Feed { track, .. } | Self::FeedClock { track, .. } => track.shard,
            Self::MuteUpTrack { track, .. } | Self::RemoveUpTrack(track) => track.shard,
            Self::AddDownTrack { down, .. } | Self::SetTarget { down, .. } => down.shard,
            Self::SetWeight { down, .. } | Self::RemoveDownTrack(down) => down.shard,
        }
    }
}
