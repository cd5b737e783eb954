//! Keys by which control and media name the same thing. Control makes them and never reuses one.

/// One core's world of peers and tracks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ShardId(pub u16);

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name {
            /// The shard on which it lives.
            pub shard: ShardId,
            /// Unique in the process, never reused.
            pub serial: u64,
        }
    };
}

key! {
    /// One ICE and DTLS association.
    PeerKey
}
key! {
    /// One published track; its shard is the publisher's.
    TrackKey
}
key! {
    /// One subscription to a track; its shard is the subscriber's.
    DownKey
}
