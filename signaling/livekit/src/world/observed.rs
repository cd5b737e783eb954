//! How media flows, kept from one report of the media house to the next.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use door::{Bytes, DownKey, DownReport, EncodingReport, PeerKey, PeerReport, TrackKey, UpReport};

use super::{ConnectionId, Now, World};
use crate::view::{Coded, Usage};

/// What was not reported again for so long has stopped: reports come every five seconds while media moves.
const STALE: Duration = Duration::from_secs(12);
/// For how long the best frame rate of an encoding is remembered.
const BEST_KEPT: Duration = Duration::from_secs(300);

/// One connection's last two reports.
#[derive(Debug)]
pub(super) struct Observed {
    at: Instant,
    report: PeerReport,
    before: Option<Sums>,
    best: BTreeMap<(TrackKey, u8), Best>,
}

/// The sums of the report before.
#[derive(Debug)]
struct Sums {
    at: Instant,
    bytes: Bytes,
    downs: BTreeMap<DownKey, u64>,
}

/// The highest frame rate of an encoding, and when it was seen.
#[derive(Clone, Copy, Debug)]
struct Best {
    fps: u16,
    at: Instant,
}

impl Observed {
    fn new(at: Instant, report: PeerReport, last: Option<Self>) -> Self {
        let (before, mut best) = match last {
            Some(last) => (Some(last.sums()), last.best),
            None => (None, BTreeMap::new()),
        };
        best.retain(|(track, _), _| report.ups.iter().any(|up| up.track == *track));
        for (track, encoding) in report.ups.iter().flat_map(|up| up.encodings.iter().map(|it| (up.track, it))) {
            let known = best.entry((track, encoding.index)).or_insert(Best { fps: 0, at });
            if encoding.fps >= known.fps || at.saturating_duration_since(known.at) > BEST_KEPT {
                *known = Best { fps: encoding.fps, at };
            }
        }
        Self { at, report, before, best }
    }

    fn sums(&self) -> Sums {
        let downs = self.report.downs.iter().map(|down| (down.down, down.bytes)).collect();
        Sums { at: self.at, bytes: self.report.bytes, downs }
    }

    /// The last report, as long as it holds.
    pub(super) fn fresh(&self, now: Now) -> Option<&PeerReport> {
        (now.monotonic.saturating_duration_since(self.at) < STALE).then_some(&self.report)
    }

    /// The last report, however old.
    pub(super) fn last(&self) -> &PeerReport {
        &self.report
    }

    /// Bits per second that were sent and received between the last two reports, from the peer and to it.
    pub(super) fn bps(&self) -> (u64, u64) {
        let before = self.before.as_ref().map(|before| before.bytes).unwrap_or_default();
        (self.rate(self.report.bytes.up, before.up), self.rate(self.report.bytes.down, before.down))
    }

    /// Bits per second of a subscription between the last two reports.
    pub(super) fn down_bps(&self, down: &DownReport) -> u64 {
        let before = self.before.as_ref().and_then(|before| before.downs.get(&down.down).copied());
        self.rate(down.bytes, before.unwrap_or_default())
    }

    /// The best frame rate of an encoding lately.
    pub(super) fn best_fps(&self, up: &UpReport, encoding: &EncodingReport) -> u16 {
        self.best.get(&(up.track, encoding.index)).map_or(0, |best| best.fps)
    }

    fn rate(&self, bytes: u64, before: u64) -> u64 {
        let Some(since) = &self.before else { return 0 };
        let ms = u64::try_from(self.at.saturating_duration_since(since.at).as_millis()).unwrap_or(u64::MAX);
        bytes.saturating_sub(before).saturating_mul(8000).checked_div(ms).unwrap_or(0)
    }
}

impl World {
    /// What the room used since it began.
    pub(super) fn usage(&self) -> Usage {
        Usage { traffic: self.ledger.sum(), transcode: self.coded }
    }

    /// What transcoding a guest's media has cost since it was told last.
    pub(super) fn coded(&mut self, connection: ConnectionId, more: Coded) {
        self.coded.add(more);
        let session = self.connections.get(&connection).and_then(|sid| self.sessions.get_mut(sid));
        if let Some(session) = session {
            session.usage.transcode.add(more);
        }
    }

    /// Keeps what the media house tells of peers. Those of participants that have left count for the room alone.
    pub(super) fn reports(&mut self, reports: Vec<PeerReport>, now: Now) {
        for report in reports {
            let more = self.ledger.note(&report);
            let Some(session) = self.peers.get(&report.peer).and_then(|sid| self.sessions.get_mut(sid)) else {
                continue;
            };
            if let Some((leg, bytes)) = more {
                session.usage.traffic.add(leg, bytes);
            }
            let peer: PeerKey = report.peer;
            let last = session.observed.remove(&peer).map(|last| *last);
            session.observed.insert(peer, Box::new(Observed::new(now.monotonic, report, last)));
            let keys: Vec<PeerKey> = session.links().map(|link| link.key).collect();
            session.observed.retain(|peer, _| keys.contains(peer));
        }
    }
}

#[cfg(test)]
mod tests {
    use door::{Kind, ShardId};

    use super::*;
    use crate::ledger::tests::report;

    const PEER: PeerKey = PeerKey { shard: ShardId(0), serial: 1 };
    const TRACK: TrackKey = TrackKey { shard: ShardId(0), serial: 2 };

    fn with_fps(fps: u16, up: u64) -> PeerReport {
        let encodings = vec![EncodingReport { index: 0, bps: 1, fps }];
        let ups = vec![UpReport { track: TRACK, kind: Kind::Video, bytes: up, encodings }];
        PeerReport { ups, ..report(PEER, None, up, 0) }
    }

    #[test]
    fn rates_lie_between_two_reports_and_the_best_is_remembered_for_a_while() {
        let start = Instant::now();
        let first = Observed::new(start, with_fps(30, 1_000_000), None);
        assert_eq!(first.bps(), (0, 0));
        let mut later = Observed::new(start + Duration::from_secs(5), with_fps(7, 1_500_000), Some(first));
        assert_eq!(later.bps(), (800_000, 0));
        let best = |it: &Observed| it.best_fps(&it.report.ups[0], &it.report.ups[0].encodings[0]);
        assert_eq!(best(&later), 30);
        later = Observed::new(start + Duration::from_secs(305), with_fps(8, 1_500_000), Some(later));
        assert_eq!(best(&later), 8);
        let now = |seconds| Now { monotonic: start + Duration::from_secs(seconds), unix_ms: 0 };
        assert!(later.fresh(now(316)).is_some() && later.fresh(now(317)).is_none());
    }
}
