//! What the media house tells control.

use crate::{ChannelLabel, DownKey, PeerKey, PeerReport, ShardId, TrackKey};

/// Why a peer ended from the media house's point of view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerEnd {
    /// No consent for the consent time (RFC 7675): the network is gone. ICE may be restarted.
    ConsentExpired,
    /// The certificate does not match the description.
    FingerprintMismatch,
    /// DTLS failed or timed out.
    DtlsFailed,
    /// The remote closed DTLS.
    Closed,
}

/// How loud one track is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    /// The audio track.
    pub track: TrackKey,
    /// Loudest level of the interval in -dBov: 0 is the loudest, 127 is silence (RFC 6464).
    pub dbov: u8,
    /// Share of the interval's packets louder than -35 dBov, in percent.
    pub active_percent: u8,
}

/// How media fares between a peer and us, of the last interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flow {
    /// Packets that were lost and not recovered, in thousandths; of the worst track.
    pub loss_permille: u16,
    /// Jitter in milliseconds; of the worst track.
    pub jitter_ms: u16,
}

/// How a peer's media fares both ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Health {
    /// Whose.
    pub peer: PeerKey,
    /// What it publishes, as we receive it; none when nothing came.
    pub up: Option<Flow>,
    /// What it is sent, as it reports, but for what never came to us; none when it reported nothing.
    pub down: Option<Flow>,
    /// Round trip in milliseconds, when one was measured.
    pub rtt_ms: Option<u16>,
}

/// Cumulative counters and present sizes of one shard; a lost report costs only freshness.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct ShardStats {
    pub shard: ShardId,
    /// Present sizes.
    pub peers: u64,
    pub up_tracks: u64,
    pub mirrors: u64,
    pub down_tracks: u64,
    pub addresses: u64,
    /// Counters.
    pub datagrams_in: u64,
    pub datagrams_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub rtp_in: u64,
    pub rtp_out: u64,
    pub rtp_lost: u64,
    pub rtx_out: u64,
    pub rtx_withheld: u64,
    pub paced_dropped: u64,
    pub paced_left: u64,
    pub probes: u64,
    pub padding_out: u64,
    pub nacks_in: u64,
    pub nacks_out: u64,
    pub plis_in: u64,
    pub plis_out: u64,
    /// Subscriptions served from the ring instead of by a key frame request.
    pub replays: u64,
    /// Packets of sounds that were not among a large room's loudest.
    pub sounds_withheld: u64,
    pub datagrams_unknown: u64,
    pub datagrams_bad: u64,
    pub srtp_rejected: u64,
    /// ICE checks not looked at because too many of their source were wrong.
    pub checks_throttled: u64,
    /// DTLS handshakes not begun yet because their source begins too many.
    pub handshakes_throttled: u64,
    pub commands_stale: u64,
    pub data_in: u64,
    pub data_out: u64,
    pub data_dropped: u64,
    pub data_shed: u64,
    pub handshakes: u64,
    pub srtp_aes128_gcm: u64,
    pub srtp_aes256_gcm: u64,
    pub srtp_aes128_sha1: u64,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The first authenticated check has come: there is a way to the peer; DTLS is still to follow.
    PeerReached(PeerKey),
    /// ICE and DTLS are up; media may flow.
    PeerConnected(PeerKey),
    /// Nothing is heard from the peer; it may come back or restart ICE.
    PeerSilent(PeerKey),
    /// A silent peer is heard again.
    PeerHeard(PeerKey),
    /// The peer is lost.
    PeerEnded(PeerKey, PeerEnd),
    /// A data channel is open for sending.
    ChannelOpen(PeerKey, ChannelLabel),
    /// A message arrived on a data channel.
    Data {
        /// From whom.
        peer: PeerKey,
        /// On which channel.
        channel: ChannelLabel,
        /// The message.
        payload: Vec<u8>,
    },
    /// A peer reads its data more slowly than it is sent (true), or has caught up (false); see [`crate::data`].
    DataBacklog(PeerKey, bool),
    /// A video does not fit the subscriber's link, not even its lowest layer (true), or fits again (false).
    Paused {
        /// The subscriber.
        peer: PeerKey,
        /// The subscription.
        down: DownKey,
        /// Whether it is paused.
        paused: bool,
    },
    /// The first packet of a track arrived.
    TrackStarted(TrackKey),
    /// Subscribers of a fed track wait for a key frame. Told again until one comes.
    KeyframeWanted {
        /// Which track.
        track: TrackKey,
        /// Which of its encodings.
        encoding: u8,
    },
    /// Loudness of all audio tracks of the shard that had packets, every 400 ms.
    Levels(Vec<Level>),
    /// Peers whose media fares otherwise than was told last, looked at every 5 s.
    Health(Vec<Health>),
    /// Peers whose media moved since they were told of last, and those that end; looked at every 5 s.
    Reports(Vec<PeerReport>),
    /// Every second.
    Stats(Box<ShardStats>),
}
