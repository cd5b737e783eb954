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
/// Intervals over which a subscriber's last report is remembered, so that the next is compared with it: browsers report on
/// sound every 2.5 to 7.5 s.
const REPORT_INTERVALS: u8 = 3;

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

/// What a subscriber reported of one source in this interval. What never came to us it cannot get: that is no loss of its
/// own.
#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    /// Packets that were sent to it.
    sent: i64,
    /// Those that it did not get.
    lost: i64,
    jitter_ms: u32,
    blocks: u32,
    last: Last,
    /// Intervals since the last report.
    age: u8,
}

/// A subscriber's last report of one source.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    /// The highest number that it got.
    highest: u32,
    /// Numbers that it did not get, so far.
    lost: i32,
    /// Numbers under which nothing was sent, so far.
    gaps: u64,
}

impl Watch {
    /// Notes a subscriber's report on one of our sources, under `gaps` of whose numbers nothing was ever sent.
    pub(crate) fn note(&mut self, peer: PeerKey, kind: Kind, block: &ReportBlock, gaps: u64) {
        let clock_khz = if kind == Kind::Audio { 48 } else { 90 };
        let now = Last { highest: block.highest_sequence, lost: block.lost, gaps };
        let first = || Reported { last: now, ..Reported::default() };
        let reported = self.reports.entry((peer, block.ssrc)).or_insert_with(first);
        reported.compare(now);
        reported.blocks += 1;
        reported.age = 0;
        reported.jitter_ms = reported.jitter_ms.max(block.jitter / clock_khz);
    }

    /// What was reported in the interval that ends.
    fn reported(&mut self) -> Vec<(PeerKey, Flow)> {
        let told = self.reports.iter().filter(|(_, reported)| reported.blocks > 0);
        let flows = told.map(|((peer, _), reported)| (*peer, reported.flow())).collect();
        self.reports.retain(|_, reported| {
            *reported = Reported { last: reported.last, age: reported.age + 1, ..Reported::default() };
            reported.age <= REPORT_INTERVALS
        });
        flows
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
    /// Counts what came and went between the last report and this one.
    fn compare(&mut self, now: Last) {
        let before = std::mem::replace(&mut self.last, now);
        let numbers = i64::from(now.highest.wrapping_sub(before.highest).cast_signed());
        if numbers <= 0 {
            return;
        }
        // Both may fall: what is late fills a gap.
        let gaps = now.gaps.wrapping_sub(before.gaps).cast_signed();
        let missed = i64::from(now.lost) - i64::from(before.lost);
        self.sent += numbers.saturating_sub(gaps);
        self.lost += missed.saturating_sub(gaps);
    }

    fn flow(self) -> Flow {
        let (sent, lost) = (self.sent.max(1).unsigned_abs(), self.lost.max(0).unsigned_abs());
        Flow { loss_permille: small(lost.min(sent) * 1000 / sent), jitter_ms: small(self.jitter_ms.into()) }
    }
}

impl Shard {
    /// Tells of peers whose media fares otherwise than before.
    pub(crate) fn tell_health(&mut self, now: Instant) {
        let mut found = self.published_health();
        for (peer, flow) in self.watch.reported() {
            let health = found.entry(peer).or_insert_with(|| unknown(peer));
            health.down = Some(worse(health.down, flow));
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

    fn block(highest_sequence: u32, lost: i32, jitter: u32) -> ReportBlock {
        ReportBlock { ssrc: Ssrc(1), highest_sequence, lost, jitter, ..ReportBlock::default() }
    }

    /// The loss and jitter that reports come to: of the highest number, what was lost, and how many were never sent.
    fn reported(reports: &[(u32, i32, u64)]) -> u16 {
        let mut watch = Watch::default();
        for (highest, lost, gaps) in reports {
            watch.note(PEER, Kind::Video, &block(*highest, *lost, 0), *gaps);
        }
        watch.reported()[0].1.loss_permille
    }

    #[test]
    fn a_subscriber_loses_what_was_sent_to_it() {
        for (reports, permille) in [
            (vec![(100, 50, 0)], 0),
            (vec![(100, 0, 0), (200, 10, 0), (300, 50, 0)], 250),
            // Nothing of what it misses was ever here.
            (vec![(100, 0, 0), (300, 50, 50)], 0),
            (vec![(100, 7, 7), (300, 57, 32)], 142),
            // A gap that a late packet filled, and one that was counted before the report knew of it.
            (vec![(100, 10, 10), (200, 0, 0)], 0),
            (vec![(100, 0, 0), (200, 5, 10), (300, 10, 10)], 0),
            // Its highest number did not rise, or fell: another stream began.
            (vec![(100, 0, 0), (100, 10, 0)], 0),
            (vec![(100, 0, 0), (50, 10, 0), (150, 30, 0)], 200),
            // Lies, and a number beyond its end.
            (vec![(100, 0, 0), (101, i32::MAX, 0)], 1000),
            (vec![(100, 0, 0), (200, i32::MIN, u64::MAX)], 0),
            (vec![(u32::MAX, 0, 0), (99, 10, 0)], 100),
        ] {
            assert_eq!(reported(&reports), permille, "{reports:?}");
        }
    }

    #[test]
    fn intervals_are_apart_and_sources_forgotten() {
        let mut watch = Watch::default();
        watch.note(PEER, Kind::Video, &block(100, 0, 900), 0);
        watch.note(PEER, Kind::Video, &block(200, 20, 1800), 0);
        assert_eq!(watch.reported(), [(PEER, Flow { loss_permille: 200, jitter_ms: 20 })]);
        assert!(watch.reported().is_empty(), "nothing was told since");
        watch.note(PEER, Kind::Video, &block(300, 30, 90), 0);
        assert_eq!(watch.reported(), [(PEER, Flow { loss_permille: 100, jitter_ms: 1 })]);
        for _ in 0..REPORT_INTERVALS {
            watch.reported();
        }
        assert!(watch.reports.is_empty());
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
