//! The tracks of one shard: those published here, and mirrors of those published elsewhere.

use std::collections::BTreeMap;
use std::time::Instant;

use door::{DownKey, Kind, ShardId, TrackKey};
use forward::{Arrival, DownTrack, UpTrack};

use crate::levels::Loudness;
use crate::routes::PeerSlot;

/// One track with all that is sent of it from this shard.
pub(crate) struct TrackEntry {
    pub(crate) kind: Kind,
    pub(crate) up: UpTrack,
    /// The publisher; `None` for a mirror of another shard's track.
    pub(crate) publisher: Option<PeerSlot>,
    /// Shards that mirror it.
    pub(crate) mirrors: Vec<ShardId>,
    pub(crate) subscribers: Vec<Subscriber>,
    /// What arrived in this turn and is still to be sent to subscribers.
    pub(crate) pending: Vec<Arrival>,
    pub(crate) loudness: Loudness,
    pub(crate) started: bool,
    /// When layers are looked after next.
    pub(crate) layers_at: Option<Instant>,
}

/// One subscription.
pub(crate) struct Subscriber {
    pub(crate) key: DownKey,
    pub(crate) peer: PeerSlot,
    pub(crate) down: DownTrack,
}

impl TrackEntry {
    pub(crate) fn new(kind: Kind, up: UpTrack, publisher: Option<PeerSlot>) -> Self {
        Self {
            kind,
            up,
            publisher,
            mirrors: Vec::new(),
            subscribers: Vec::new(),
            pending: Vec::new(),
            loudness: Loudness::default(),
            started: false,
            layers_at: None,
        }
    }

    pub(crate) fn subscriber(&mut self, key: DownKey) -> Option<&mut Subscriber> {
        self.subscribers.iter_mut().find(|subscriber| subscriber.key == key)
    }
}

/// Tracks by key, and which track a subscription belongs to.
#[derive(Default)]
pub(crate) struct Tracks {
    pub(crate) by_key: BTreeMap<TrackKey, TrackEntry>,
    pub(crate) downs: BTreeMap<DownKey, TrackKey>,
}

impl Tracks {
    pub(crate) fn at(&mut self, key: TrackKey) -> Option<&mut TrackEntry> {
        self.by_key.get_mut(&key)
    }

    /// The track and the subscription that `down` names.
    pub(crate) fn subscriber(&mut self, down: DownKey) -> Option<(TrackKey, &mut TrackEntry)> {
        let key = *self.downs.get(&down)?;
        Some((key, self.by_key.get_mut(&key)?))
    }

    /// Number of mirrors.
    pub(crate) fn mirrors(&self) -> usize {
        self.by_key.values().filter(|track| track.publisher.is_none()).count()
    }
}
