//! What operators are told of peers: gathered every few seconds from what is counted anyway.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use door::{
    Bytes, DownReport, EncodingReport, Flow, Health, Kind, LayerTarget, Notice, Path, PeerKey, PeerReport, UpReport,
};
use forward::UpTrack;

use crate::Shard;
use crate::peers::PeerEntry;
use crate::routes::PeerSlot;
use crate::tracks::TrackEntry;

/// Peers in one notice; more go into another.
const PEERS_MAX: usize = 128;
/// The span in which pictures are counted.
const SECOND: Duration = Duration::from_secs(1);

impl Shard {
    /// Tells of all peers whose media moved, or which took another way, since they were told of last. `health` is that of
    /// the last seconds.
    pub(crate) fn tell_reports(&mut self, now: Instant, health: &BTreeMap<PeerKey, Health>) {
        let mut downs = self.down_reports();
        let slots: Vec<PeerSlot> = self.peers.all().map(|(slot, _)| slot).collect();
        let mut reports = Vec::new();
        for slot in slots {
            let mine = downs.remove(&slot).unwrap_or_default();
            let Some(report) = self.report(now, slot, health, mine) else { continue };
            let Some(entry) = self.peers.at(slot) else { continue };
            let told = (report.bytes, entry.peer.path());
            if std::mem::replace(&mut entry.reported, told) != told {
                reports.push(report);
            }
        }
        self.outbox.notices.extend(reports.chunks(PEERS_MAX).map(|peers| Notice::Reports(peers.to_vec())));
    }

    /// Tells of a peer that ends, if it ever had media.
    pub(crate) fn report_last(&mut self, now: Instant, slot: PeerSlot) {
        let Some(entry) = self.peers.at(slot).filter(|entry| entry.peer.path().is_some()) else { return };
        let wanted: Vec<_> = entry.downs.values().map(|at| (at.track, at.down)).collect();
        let mut mine = Vec::new();
        for (track, key) in wanted {
            let Some(entry) = self.tracks.by_key.get(&track) else { continue };
            let found = entry.subscribers.iter().find(|subscriber| subscriber.key == key);
            mine.extend(found.map(|subscriber| down_report(entry, subscriber, track, None)));
        }
        mine.sort_by_key(|down| down.down);
        mine.dedup_by_key(|down| down.down);
        if let Some(report) = self.report(now, slot, &BTreeMap::new(), mine) {
            self.outbox.notices.push(Notice::Reports(vec![PeerReport { is_last: true, ..report }]));
        }
    }

    /// A subscription of a peer ended, or its track did.
    pub(crate) fn note_ended_down(&mut self, slot: PeerSlot, bytes: u64) {
        if let Some(entry) = self.peers.at(slot) {
            entry.ended.down += bytes;
        }
    }

    /// All subscriptions of this shard, by subscriber.
    fn down_reports(&self) -> BTreeMap<PeerSlot, Vec<DownReport>> {
        let mut downs: BTreeMap<PeerSlot, Vec<DownReport>> = BTreeMap::new();
        for (track, entry) in &self.tracks.by_key {
            for subscriber in &entry.subscribers {
                let limit = self.peers.look(subscriber.peer).and_then(|peer| limit(peer, subscriber.key));
                downs.entry(subscriber.peer).or_default().push(down_report(entry, subscriber, *track, limit));
            }
        }
        downs
    }

    fn report(
        &mut self,
        now: Instant,
        slot: PeerSlot,
        health: &BTreeMap<PeerKey, Health>,
        downs: Vec<DownReport>,
    ) -> Option<PeerReport> {
        let at = self.stamp(now);
        let entry = self.peers.at(slot)?;
        let (peer, path) = (entry.key, entry.peer.path());
        let estimate_bps = entry.sending.estimator.estimate(at).map(|estimate| estimate.target_bps);
        let rtt_ms = entry.measured_rtt().map(|rtt| u16::try_from(rtt.as_millis()).unwrap_or(u16::MAX));
        let ended = entry.ended;
        let keys = entry.ups.clone();
        let ups = keys.into_iter().filter_map(|key| Some((key, self.tracks.by_key.get(&key)?)));
        let ups: Vec<UpReport> = ups.map(|(key, entry)| up_report(now, key, entry)).collect();
        let bytes = Bytes {
            up: ended.up + ups.iter().map(|up| up.bytes).sum::<u64>(),
            down: ended.down + downs.iter().map(|down| down.bytes).sum::<u64>(),
        };
        let flow = |pick: fn(&Health) -> Option<Flow>| health.get(&peer).and_then(pick);
        Some(PeerReport {
            peer,
            leg: path.map(|path: Path| path.protocol.into()),
            remote: path.map(|path| path.remote),
            rtt_ms,
            up: flow(|health| health.up),
            down: flow(|health| health.down),
            estimate_bps,
            bytes,
            ups,
            downs,
            is_last: false,
        })
    }
}

/// What a viewer's link allows of a video.
fn limit(peer: &PeerEntry, down: door::DownKey) -> Option<LayerTarget> {
    peer.sending.watched.iter().find(|watched| watched.down == down).map(|watched| watched.limit)
}

fn down_report(
    entry: &TrackEntry,
    subscriber: &crate::tracks::Subscriber,
    track: door::TrackKey,
    limit: Option<LayerTarget>,
) -> DownReport {
    let down = &subscriber.down;
    DownReport {
        down: subscriber.key,
        track,
        bytes: down.stats().payload_bytes,
        layer: down.layer(&entry.up),
        wish: down.target(),
        limit: limit.unwrap_or(LayerTarget::BEST),
    }
}

fn up_report(now: Instant, track: door::TrackKey, entry: &TrackEntry) -> UpReport {
    let up = &entry.up;
    let live = (0..up.encodings()).filter(|index| up.is_live(now, *index));
    let encodings = live.map(|index| encoding_report(now, up, index, entry.kind)).collect();
    UpReport { track, kind: entry.kind, bytes: up.payload_bytes(), encodings }
}

fn encoding_report(now: Instant, up: &UpTrack, index: u8, kind: Kind) -> EncodingReport {
    let pictures = if kind == Kind::Video { up.pictures(now, index, SECOND) } else { 0 };
    EncodingReport { index, bps: up.bitrate_bps(now, index), fps: u16::try_from(pictures).unwrap_or(u16::MAX) }
}
