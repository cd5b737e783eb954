//! The tracks of one shard: those published here, and mirrors of those published elsewhere.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use door::{DownKey, Kind, ShardId, TrackKey};
use forward::{Arrival, DownTrack, ENCODINGS_MAX, UpTrack};

use crate::allocate::LayerRates;
use crate::levels::Loudness;
use crate::routes::PeerSlot;

/// How long the first packet of a frame waits for the last at most: a browser sends a frame in one go, and links that
/// stretch it over more than this carry few of them.
const GATHER: Duration = Duration::from_millis(1);
/// With fewer subscribers packets go at once: there is little to gain.
const GATHER_SUBSCRIBERS_MIN: usize = 16;
/// So many packets go without their frame's end: a keyframe is sent in portions.
const GATHER_PACKETS_MAX: usize = 32;

/// One track with all that is sent of it from this shard.
pub(crate) struct TrackEntry {
    pub(crate) kind: Kind,
    pub(crate) up: UpTrack,
    /// The publisher; `None` for a fed track and for a mirror of another shard's.
    pub(crate) publisher: Option<PeerSlot>,
    /// Control feeds it: there is no publisher, and it is no mirror.
    pub(crate) is_fed: bool,
    /// A mirror that has not heard from the track's home: what it lacks may be on its way.
    pub(crate) awaits_home: bool,
    /// Shards that mirror it.
    pub(crate) mirrors: Vec<ShardId>,
    pub(crate) subscribers: Vec<Subscriber>,
    /// What arrived and is still to be sent to subscribers.
    pub(crate) pending: Vec<Arrival>,
    /// When the oldest of it arrived.
    pub(crate) pending_since: Option<Instant>,
    pub(crate) loudness: Loudness,
    pub(crate) started: bool,
    /// What its layers take.
    pub(crate) rates: LayerRates,
    /// When layers are looked after next.
    pub(crate) layers_at: Option<Instant>,
}

/// One subscription.
pub(crate) struct Subscriber {
    pub(crate) key: DownKey,
    pub(crate) peer: PeerSlot,
    pub(crate) down: DownTrack,
    /// The encoding of a keyframe that waits for its turn: what follows it must wait as well.
    pub(crate) held_switch: Option<u8>,
}

impl TrackEntry {
    pub(crate) fn new(kind: Kind, up: UpTrack, publisher: Option<PeerSlot>) -> Self {
        Self {
            kind,
            up,
            publisher,
            is_fed: false,
            awaits_home: false,
            mirrors: Vec::new(),
            subscribers: Vec::new(),
            pending: Vec::new(),
            pending_since: None,
            loudness: Loudness::default(),
            started: false,
            rates: LayerRates::default(),
            layers_at: None,
        }
    }

    /// Until when packets wait for the rest of their frame; `None` when they go at once. Whole frames cost the kernel a
    /// third of what single packets cost it, which counts when there are many to send to.
    pub(crate) fn gathers_until(&self) -> Option<Instant> {
        let last = self.pending.last()?;
        let ends = self.up.packet(last.encoding, last.seq).is_none_or(|(meta, _)| meta.marker);
        let is_worth_it = self.kind == Kind::Video && self.subscribers.len() >= GATHER_SUBSCRIBERS_MIN;
        let gathers = is_worth_it && !ends && self.pending.len() < GATHER_PACKETS_MAX;
        self.pending_since.map(|since| since + GATHER).filter(|_| gathers)
    }

    /// Tells the track which of its encodings are sent, or waited for; where another shard sends it on, all may be.
    pub(crate) fn note_watched(&mut self, now: Instant) {
        let mut watched = [!self.mirrors.is_empty(); ENCODINGS_MAX];
        for Subscriber { down, .. } in &self.subscribers {
            for encoding in [down.encoding(), down.keyframe_wanted(now, &self.up)].into_iter().flatten() {
                if let Some(watched) = watched.get_mut(usize::from(encoding)) {
                    *watched = true;
                }
            }
        }
        self.up.note_watched(now, watched);
    }

    /// Whether it is another shard's.
    pub(crate) fn is_mirror(&self) -> bool {
        self.publisher.is_none() && !self.is_fed
    }

    pub(crate) fn subscriber(&mut self, key: DownKey) -> Option<&mut Subscriber> {
        self.subscribers.iter_mut().find(|subscriber| subscriber.key == key)
    }
}

impl Subscriber {
    /// Whether a packet is, or will be, of what this subscriber gets. Called when its turn has not come.
    pub(crate) fn must_wait(&mut self, now: Instant, up: &UpTrack, arrival: &Arrival) -> bool {
        if self.down.encoding() == Some(arrival.encoding) || self.held_switch == Some(arrival.encoding) {
            return true;
        }
        let switches = arrival.keyframe && self.down.keyframe_wanted(now, up) == Some(arrival.encoding);
        if switches {
            self.held_switch = Some(arrival.encoding);
        }
        switches
    }

    /// Whether a packet can be of concern: of the encodings that are not sent only key frames are, and what follows one that
    /// waits.
    #[inline]
    pub(crate) fn may_want(&self, arrival: &Arrival) -> bool {
        let is_sent = self.down.encoding().is_none_or(|encoding| encoding == arrival.encoding);
        is_sent || arrival.keyframe || self.held_switch == Some(arrival.encoding)
    }

    /// Whether a packet that waits is the key frame of a lower layer: what waits of the higher one would only delay it, and be
    /// shown late.
    pub(crate) fn leaves_for(&self, arrival: &Arrival) -> bool {
        let descends = self.down.encoding().is_some_and(|current| current > arrival.encoding);
        arrival.keyframe && descends && self.held_switch == Some(arrival.encoding)
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
        self.by_key.values().filter(|track| track.is_mirror()).count()
    }
}
