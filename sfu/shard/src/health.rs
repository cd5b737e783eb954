//! How media fares at every peer, over intervals of seconds: what is lost, how it trembles, how far away it is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use door::{Flow, Health, Kind, Notice, PeerKey, TrackKey};
use forward::UpTrack;
use wire::Ssrc;
use wire::rtcp::ReportBlock;

use crate::Shard;

/// How often health is told.
pub(crate) const HEALTH_INTERVAL: Duration = Duration::from_secs(5);
/// Peers in one notice; more go into another.
const PEERS_MAX: usize = 512;
/// Changes smaller than these are not told.
const STEP_LOSS_PERMILLE: u16 = 10;
const STEP_JITTER_MS: u16 = 20;
const STEP_RTT_MS: u16 = 40;

/// What was found since the last report, and what was told.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    tracks: BTreeMap<TrackKey, Counts>,
    reports: BTreeMap<(PeerKey, Ssrc), Reported>,
    told: BTreeMap<PeerKey, Health>,
}

/// A published track's counts.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    expected: u64,
    received: u64,
}

/// What a subscriber reported of one source.
#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    /// Sum of losses, each in 1/256.
    loss: u32,
    blocks: u32,
    jitter_ms: u32,
}

impl Watch {
    /// Notes a subscriber's report on one of our sources.
    pub(crate) fn note(&mut self, peer: PeerKey, kind: Kind, block: &ReportBlock) {
        let clock_khz = if kind == Kind::Audio { 48 } else { 90 };
        let reported = self.reports.entry((peer, block.ssrc)).or_default();
        reported.loss += u32::from(block.fraction_lost);
        reported.blocks += 1;
        reported.jitter_ms = reported.jitter_ms.max(block.jitter / clock_khz);
    }

    /// A track's flow since the last call, and begins the next interval.
    fn flow(&mut self, key: TrackKey, up: &UpTrack, counts: &mut BTreeMap<TrackKey, Counts>) -> Option<Flow> {
        let totals = up.reception_totals()?;
        let now = Counts { expected: totals.expected, received: totals.received + up.stats().recovered };
        counts.insert(key, now);
        let before = self.tracks.get(&key).copied().unwrap_or_default();
        let expected = now.expected.checked_sub(before.expected).filter(|it| *it > 0)?;
        let lost = expected.saturating_sub(now.received.saturating_sub(before.received));
        Some(Flow { loss_permille: small(lost * 1000 / expected), jitter_ms: small(totals.jitter_ms.into()) })
    }

    /// Takes one peer's health to be told, if it is another than before.
    fn is_news(&mut self, health: &Health) -> bool {
        let news = self.told.get(&health.peer).is_none_or(|told| differs(told, health));
        if news {
            self.told.insert(health.peer, *health);
        }
        news
    }
}

impl Reported {
    fn flow(self) -> Flow {
        let loss = self.loss * 1000 / 256 / self.blocks.max(1);
        Flow { loss_permille: small(loss.into()), jitter_ms: small(self.jitter_ms.into()) }
    }
}

impl Shard {
    /// Tells of peers whose media fares otherwise than before.
    pub(crate) fn tell_health(&mut self, now: Instant) {
        let mut found = self.published_health();
        for ((peer, _), reported) in std::mem::take(&mut self.watch.reports) {
            let health = found.entry(peer).or_insert_with(|| unknown(peer));
            health.down = Some(worse(health.down, reported.flow()));
        }
        let peers = &mut self.peers;
        self.watch.told.retain(|peer, _| peers.slot(*peer).is_some());
        let mut news = Vec::new();
        for (peer, health) in &mut found {
            let Some(entry) = self.peers.slot(*peer).and_then(|slot| self.peers.at(slot)) else { continue };
            health.rtt_ms = entry.measured_rtt().map(|rtt| small(u64::try_from(rtt.as_millis()).unwrap_or(u64::MAX)));
            if self.watch.is_news(health) {
                news.push(*health);
            }
        }
        self.outbox.notices.extend(news.chunks(PEERS_MAX).map(|peers| Notice::Health(peers.to_vec())));
        self.tell_reports(now, &found);
    }

    fn published_health(&mut self) -> BTreeMap<PeerKey, Health> {
        let (mut found, mut counts) = (BTreeMap::new(), BTreeMap::new());
        for (key, track) in &self.tracks.by_key {
            let Some(peer) = track.publisher.and_then(|slot| self.peers.at(slot)).map(|entry| entry.key) else {
                continue;
            };
            let Some(flow) = self.watch.flow(*key, &track.up, &mut counts) else { continue };
            let health = found.entry(peer).or_insert_with(|| unknown(peer));
            health.up = Some(worse(health.up, flow));
        }
        self.watch.tracks = counts;
        found
    }
}

fn unknown(peer: PeerKey) -> Health {
    Health { peer, up: None, down: None, rtt_ms: None }
}

fn worse(known: Option<Flow>, flow: Flow) -> Flow {
    let known = known.unwrap_or_default();
    Flow { loss_permille: known.loss_permille.max(flow.loss_permille), jitter_ms: known.jitter_ms.max(flow.jitter_ms) }
}

fn differs(before: &Health, after: &Health) -> bool {
    let step = |before: Option<u16>, after: Option<u16>, step: u16| match (before, after) {
        (Some(before), Some(after)) => before.abs_diff(after) >= step,
        (before, after) => before.is_some() != after.is_some(),
    };
    let flow = |before: Option<Flow>, after: Option<Flow>| {
        let pick = |pick: fn(Flow) -> u16| (before.map(pick), after.map(pick));
        let (loss, jitter) = (pick(|it| it.loss_permille), pick(|it| it.jitter_ms));
        step(loss.0, loss.1, STEP_LOSS_PERMILLE) || step(jitter.0, jitter.1, STEP_JITTER_MS)
    };
    flow(before.up, after.up) || flow(before.down, after.down) || step(before.rtt_ms, after.rtt_ms, STEP_RTT_MS)
}

fn small(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use door::ShardId;

    use super::*;

    const PEER: PeerKey = PeerKey { shard: ShardId(0), serial: 1 };

    fn block(fraction_lost: u8, jitter: u32) -> ReportBlock {
        ReportBlock {
            ssrc: Ssrc(1),
            fraction_lost,
            lost: 0,
            highest_sequence: 0,
            jitter,
            last_sr: 0,
            delay_since_sr: 0,
        }
    }

    #[test]
    fn reports_are_averaged_by_source() {
        let mut watch = Watch::default();
        for lost in [0, 64, 128] {
            watch.note(PEER, Kind::Video, &block(lost, 900 + u32::from(lost)));
        }
        let reported = watch.reports[&(PEER, Ssrc(1))];
        assert_eq!(reported.flow(), Flow { loss_permille: 250, jitter_ms: 11 });
    }

    #[test]
    fn small_changes_are_no_news() {
        let mut watch = Watch::default();
        let with = |loss_permille, rtt_ms| Health {
            up: Some(Flow { loss_permille, jitter_ms: 0 }),
            rtt_ms: Some(rtt_ms),
            ..unknown(PEER)
        };
        assert!(watch.is_news(&with(0, 0)));
        assert!(!watch.is_news(&with(9, 39)));
        assert!(watch.is_news(&with(10, 39)));
        assert!(watch.is_news(&with(10, 90)));
        assert!(watch.is_news(&unknown(PEER)), "silence is news");
    }
}
