//! The peers of one shard, in a slab so that a subscription finds its peer by index.

use std::collections::BTreeMap;
use std::time::Duration;

use congestion::arrivals::Arrivals;
use door::{DownKey, Path, PeerKey, TrackKey};
use forward::Demux;
use peer::Peer;
use wire::Ssrc;

use crate::routes::PeerSlot;
use crate::sending::Sending;

/// Round trip time assumed before one was measured.
const RTT_DEFAULT: Duration = Duration::from_millis(100);

/// User fragments by which a peer is found: those of its credentials and of the ones before an ICE restart.
const UFRAGS_MAX: usize = 2;

/// One peer and what hangs on it.
pub(crate) struct PeerEntry {
    pub(crate) key: PeerKey,
    pub(crate) peer: Peer,
    /// Which of its sources is which track.
    pub(crate) demux: Demux,
    /// When its packets arrived, for transport-wide feedback.
    pub(crate) arrivals: Arrivals,
    /// The media source named in transport-wide feedback: the last one heard.
    pub(crate) heard: Ssrc,
    /// The user fragments that lead to it, oldest first; at most [`UFRAGS_MAX`].
    pub(crate) ufrags: Vec<String>,
    /// Authenticated paths that lead to it.
    pub(crate) paths: Vec<Path>,
    /// Tracks that it publishes.
    pub(crate) ups: Vec<TrackKey>,
    /// Its subscriptions by our sources, media and retransmission alike.
    pub(crate) downs: BTreeMap<Ssrc, DownRef>,
    /// What it may be sent.
    pub(crate) sending: Sending,
    /// Whether its videos are paused where they do not fit; as for all when it does not say.
    pub(crate) pauses: Option<bool>,
    /// Bytes of its tracks and subscriptions that have ended.
    pub(crate) ended: door::Bytes,
    /// What was last told of it: bytes, and its path.
    pub(crate) reported: (door::Bytes, Option<Path>),
    rtt: Option<Duration>,
}

/// Where a subscription's down track is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DownRef {
    pub(crate) track: TrackKey,
    pub(crate) down: DownKey,
}

impl PeerEntry {
    pub(crate) fn new(key: PeerKey, peer: Peer) -> Self {
        Self {
            key,
            peer,
            demux: Demux::default(),
            arrivals: Arrivals::default(),
            heard: Ssrc::default(),
            ufrags: Vec::new(),
            paths: Vec::new(),
            ups: Vec::new(),
            downs: BTreeMap::new(),
            sending: Sending::default(),
            pauses: None,
            ended: door::Bytes::default(),
            reported: Default::default(),
            rtt: None,
        }
    }

    /// Notes one more user fragment, and tells the one that no longer leads to it.
    pub(crate) fn note_ufrag(&mut self, ufrag: &str) -> Option<String> {
        if self.ufrags.iter().any(|known| known == ufrag) {
            return None;
        }
        self.ufrags.push(ufrag.to_owned());
        (self.ufrags.len() > UFRAGS_MAX).then(|| self.ufrags.remove(0))
    }

    /// Whether there is a way to it and keys for media.
    pub(crate) fn can_take_media(&self) -> bool {
        self.peer.can_send_media() && self.peer.path().is_some()
    }

    /// Round trip time, measured by receiver reports or else assumed.
    pub(crate) fn rtt(&self) -> Duration {
        self.rtt.unwrap_or(RTT_DEFAULT)
    }

    /// Round trip time, once it was measured.
    pub(crate) fn measured_rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Notes one measured round trip; smoothed as in RFC 6298 section 2.3.
    pub(crate) fn note_rtt(&mut self, sample: Duration) {
        self.rtt = Some(self.rtt.map_or(sample, |rtt| (rtt * 7 + sample) / 8));
    }
}

/// Slab of peers with a look-up by key.
#[derive(Default)]
pub(crate) struct Peers {
    slots: Vec<Option<PeerEntry>>,
    free: Vec<PeerSlot>,
    by_key: BTreeMap<PeerKey, PeerSlot>,
}

impl Peers {
    /// Adds a peer; one with the same key is not replaced but refused.
    pub(crate) fn insert(&mut self, entry: PeerEntry) -> Option<PeerSlot> {
        if self.by_key.contains_key(&entry.key) {
            return None;
        }
        let slot = self.free.pop().unwrap_or(self.slots.len());
        self.by_key.insert(entry.key, slot);
        if slot == self.slots.len() {
            self.slots.push(Some(entry));
        } else {
            self.slots[slot] = Some(entry);
        }
        Some(slot)
    }

    pub(crate) fn remove(&mut self, slot: PeerSlot) -> Option<PeerEntry> {
        let entry = self.slots.get_mut(slot)?.take()?;
        self.by_key.remove(&entry.key);
        self.free.push(slot);
        Some(entry)
    }

    pub(crate) fn slot(&self, key: PeerKey) -> Option<PeerSlot> {
        self.by_key.get(&key).copied()
    }

    pub(crate) fn at(&mut self, slot: PeerSlot) -> Option<&mut PeerEntry> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// The peer in a slot, to be looked at.
    pub(crate) fn look(&self, slot: PeerSlot) -> Option<&PeerEntry> {
        self.slots.get(slot)?.as_ref()
    }

    /// All of them, by key.
    pub(crate) fn all(&self) -> impl Iterator<Item = (PeerSlot, &PeerEntry)> {
        self.by_key.values().filter_map(|slot| Some((*slot, self.look(*slot)?)))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }
}

#[cfg(test)]
mod tests {
    use door::{DtlsRole, IceCredentials, PeerParams};

    use super::*;

    #[test]
    fn only_the_last_two_user_fragments_lead_to_a_peer() {
        let params = PeerParams {
            local: IceCredentials { ufrag: "0000aaaa".into(), pwd: "x".repeat(24) },
            remote: None,
            fingerprint: None,
            role: DtlsRole::Passive,
            negotiated_channels: false,
            opens_channels: false,
            pauses: None,
        };
        let identity = peer::Identity::generate().unwrap();
        let peer = Peer::new(&params, &identity, std::time::Instant::now(), Some(1));
        let mut entry = PeerEntry::new(PeerKey { shard: door::ShardId(0), serial: 1 }, peer);
        let outlived = ["a", "b", "b", "c", "b"].map(|ufrag| entry.note_ufrag(ufrag));
        assert_eq!(outlived, [None, None, None, Some("a".to_owned()), None]);
        assert_eq!(entry.ufrags, ["b", "c"]);
    }
}
