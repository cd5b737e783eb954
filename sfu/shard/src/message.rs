//! What one shard tells another: values only, so that no state is shared between cores.

use door::{Path, ShardId, TrackKey};

/// One value on its way between two shards.
#[derive(Clone, Debug)]
pub enum ShardMessage {
    /// A datagram that the kernel gave to the wrong shard; the STUN user fragment or an earlier one
    /// named the right one.
    Datagram {
        /// How it came.
        path: Path,
        /// Its bytes, untouched.
        bytes: Vec<u8>,
    },
    /// The sender authenticated a path: its datagrams belong to the sender.
    PathOwned(Path),
    /// The sender no longer owns a path.
    PathDropped(Path),
    /// A shard begins to mirror a track of the receiver's.
    Follow(TrackKey),
    /// It no longer does.
    Unfollow(TrackKey),
    /// One cleartext packet of a mirrored track, after retransmissions were unwrapped.
    Packet {
        /// Which track.
        track: TrackKey,
        /// Which of its encodings.
        encoding: u8,
        /// Header and payload.
        bytes: Vec<u8>,
    },
    /// One packet that came before the track was mirrored, from its newest key frame on; then follows [`Self::Muted`].
    Backlog {
        /// Which track.
        track: TrackKey,
        /// Which of its encodings.
        encoding: u8,
        /// Header and payload.
        bytes: Vec<u8>,
    },
    /// A sender report of a mirrored track, so that the mirror can map RTP time to wall time.
    SenderReport {
        /// Which track.
        track: TrackKey,
        /// Which of its encodings.
        encoding: u8,
        /// NTP timestamp, 32.32 fixed point seconds.
        ntp: u64,
        /// RTP timestamp of the same instant.
        rtp: u32,
    },
    /// A subscriber of the mirror waits for a keyframe.
    KeyframeWanted {
        /// Which track.
        track: TrackKey,
        /// Which of its encodings.
        encoding: u8,
    },
    /// The track was muted or unmuted by its publisher.
    Muted {
        /// Which track.
        track: TrackKey,
        /// Whether it is muted.
        muted: bool,
    },
    /// The track ended; its mirror and all subscriptions end with it.
    Ended(TrackKey),
}

/// A message and its destination.
pub type Addressed = (ShardId, ShardMessage);
