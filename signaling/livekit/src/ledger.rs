//! What media moved by which way, summed up from reports that tell sums of their own.

use std::collections::BTreeMap;

use door::{Bytes, Leg, PeerKey, PeerReport};

use crate::view::Traffic;

/// Peers that are remembered between their reports; beyond, what a peer moved before its next report counts twice at worst,
/// so that the newest is not taken in. Several times what a node can hold.
const PEERS_MAX: usize = 500_000;

/// All peers' last sums, and what all moved.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    peers: BTreeMap<PeerKey, (Leg, Bytes)>,
    sum: Traffic,
}

impl Ledger {
    /// Takes a report; what is new in it, and the way that it went. What moved while a peer changed its way counts for the
    /// new one.
    pub(crate) fn note(&mut self, report: &PeerReport) -> Option<(Leg, Bytes)> {
        let known = self.peers.get(&report.peer).copied();
        let leg = report.leg.or_else(|| known.map(|(leg, _)| leg))?;
        let before = known.map(|(_, bytes)| bytes).unwrap_or_default();
        let more = Bytes {
            up: report.bytes.up.saturating_sub(before.up),
            down: report.bytes.down.saturating_sub(before.down),
        };
        if report.is_last {
            self.peers.remove(&report.peer);
        } else if known.is_some() || self.peers.len() < PEERS_MAX {
            self.peers.insert(report.peer, (leg, report.bytes));
        } else {
            return None;
        }
        self.sum.add(leg, more);
        Some((leg, more))
    }

    /// What all moved.
    pub(crate) fn sum(&self) -> Traffic {
        self.sum
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use door::ShardId;

    use super::*;

    /// A report of nothing but sums.
    pub(crate) fn report(peer: PeerKey, leg: Option<Leg>, up: u64, down: u64) -> PeerReport {
        PeerReport {
            peer,
            leg,
            remote: None,
            rtt_ms: None,
            up: None,
            down: None,
            estimate_bps: None,
            bytes: Bytes { up, down },
            ups: Vec::new(),
            downs: Vec::new(),
            is_last: false,
        }
    }

    #[test]
    fn sums_become_differences_by_way() {
        let mut ledger = Ledger::default();
        let (ann, bob) = (PeerKey { shard: ShardId(0), serial: 1 }, PeerKey { shard: ShardId(1), serial: 2 });
        assert_eq!(ledger.note(&report(ann, Some(Leg::Udp), 100, 10)), Some((Leg::Udp, Bytes { up: 100, down: 10 })));
        assert_eq!(ledger.note(&report(bob, Some(Leg::Turn), 5, 0)), Some((Leg::Turn, Bytes { up: 5, down: 0 })));
        assert_eq!(ledger.note(&report(ann, Some(Leg::Tcp), 150, 10)), Some((Leg::Tcp, Bytes { up: 50, down: 0 })));
        let last = PeerReport { is_last: true, ..report(ann, None, 160, 30) };
        assert_eq!(ledger.note(&last), Some((Leg::Tcp, Bytes { up: 10, down: 20 })), "its last way");
        assert_eq!((ledger.peers.len(), ledger.note(&report(ann, None, 1, 1))), (1, None));
        let sum = ledger.sum();
        assert_eq!((sum.udp.incoming, sum.tcp.incoming, sum.tcp.outgoing, sum.turn.incoming), (100, 60, 20, 5));
    }
}
