//! How fast a participant may send data, and for whom it waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use door::PeerKey;
use door::data::CREDIT;
use room::ParticipantSid;

/// Copies of messages that one participant may have sent in a second: what a room of five thousand makes of ten
/// messages. One core carries several such senders.
pub(super) const DELIVERIES_PER_SECOND_MAX: u32 = 50_000;
/// Bytes of those copies in a second.
pub(super) const BYTES_PER_SECOND_MAX: u32 = 32 * 1024 * 1024;
/// How much of its rate a participant may use ahead of time.
pub(super) const BURST: Duration = Duration::from_secs(1);
/// How long a slow reader holds up whoever sends it reliable messages.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How long a reader that tried everybody's patience is waited for no more.
pub(super) const IMPATIENCE: Duration = Duration::from_secs(60);
/// A sender that is too fast is told so no more often than this.
pub(super) const WARNING_INTERVAL: Duration = Duration::from_secs(10);
/// Credit is given back in pieces of this size, so that not every message costs a command.
const PIECE: u32 = CREDIT / 4;

/// What a sender has used and what it is owed.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When all that it had sent would be through at its rate.
    busy_until: Option<Instant>,
    /// Credit of dealt-with messages, for each of its peers and each class of channels.
    owed: BTreeMap<(PeerKey, bool), u32>,
    /// When it was told last that it is too fast.
    warned: Option<Instant>,
    /// Slow readers of its reliable messages.
    pub(super) waits_for: BTreeSet<ParticipantSid>,
}

/// What is to be done about a sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// Nothing, or somebody else must act first.
    Nothing,
    /// It is too fast until then.
    At(Instant),
    /// Give so much credit to each peer and class.
    Pay(Vec<(PeerKey, bool, u32)>),
}

impl Pace {
    /// Notes that a message of `bytes` went to so many.
    pub(super) fn spend(&mut self, now: Instant, deliveries: usize, bytes: usize) {
        let count = u32::try_from(deliveries).unwrap_or(u32::MAX);
        let bytes = u32::try_from(deliveries.saturating_mul(bytes)).unwrap_or(u32::MAX);
        let time =
            (BURST * count / DELIVERIES_PER_SECOND_MAX).max(BURST * (bytes / 1024) / (BYTES_PER_SECOND_MAX / 1024));
        self.busy_until = Some(self.busy_until.map_or(now, |at| at.max(now)) + time);
    }

    /// Notes that a message of a peer was dealt with.
    pub(super) fn owe(&mut self, peer: PeerKey, reliable: bool, cost: u32) {
        let owed = self.owed.entry((peer, reliable)).or_default();
        *owed = owed.saturating_add(cost);
    }

    /// Whether a sender that is too fast is to be told so now.
    pub(super) fn warns(&mut self, now: Instant) -> bool {
        let warns = self.warned.is_none_or(|at| now >= at + WARNING_INTERVAL);
        if warns {
            self.warned = Some(now);
        }
        warns
    }

    /// What is to be done now.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        if !self.waits_for.is_empty() || self.owed.values().all(|owed| *owed < PIECE) {
            return Due::Nothing;
        }
        match self.busy_until.and_then(|at| at.checked_sub(BURST)).filter(|at| *at > now) {
            Some(at) => Due::At(at),
            None => Due::Pay(
                std::mem::take(&mut self.owed).into_iter().map(|((peer, it), owed)| (peer, it, owed)).collect(),
            ),
        }
    }
}

/// How slowly a participant reads its reliable messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backlog {
    /// Since when it is behind.
    pub(super) since: Option<Instant>,
    ignored_until: Option<Instant>,
}

impl Backlog {
    /// It is behind.
    pub(super) fn begin(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// It has caught up.
    pub(super) fn end(&mut self) {
        self.since = None;
    }

    /// It has tried everybody's patience.
    pub(super) fn tire(&mut self, now: Instant) {
        self.ignored_until = Some(now + IMPATIENCE);
    }

    /// Whether senders wait for it.
    pub(super) fn holds(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now < since + PATIENCE) && self.ignored_until.is_none_or(|until| now >= until)
    }
}

#[cfg(test)]
mod tests {
    use door::ShardId;

    use super::*;

    const PEER: PeerKey = PeerKey { shard: ShardId(0), serial: 1 };

    #[test]
    fn credit_comes_back_in_pieces_and_as_fast_as_the_rate_allows() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.owe(PEER, true, PIECE - 1);
        assert_eq!(pace.due(now), Due::Nothing);
        pace.owe(PEER, true, 1);
        assert_eq!(pace.due(now), Due::Pay(vec![(PEER, true, PIECE)]));
        (0..3).for_each(|_| pace.spend(now, 50_000, 1));
        pace.owe(PEER, false, PIECE);
        assert_eq!(pace.due(now), Due::At(now + 2 * BURST));
        assert_eq!(pace.due(now + 2 * BURST), Due::Pay(vec![(PEER, false, PIECE)]));
        pace.spend(now + 2 * BURST, 1, 64 * 1024 * 1024);
        pace.owe(PEER, false, PIECE);
        assert_eq!(pace.due(now + 2 * BURST), Due::At(now + 4 * BURST), "bytes count too");
    }

    #[test]
    fn a_warning_is_not_repeated_at_once() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert!(pace.warns(now));
        assert!(!pace.warns(now + WARNING_INTERVAL / 2));
        assert!(pace.warns(now + WARNING_INTERVAL));
    }

    #[test]
    fn a_slow_reader_is_waited_for_once() {
        let (mut backlog, now) = (Backlog::default(), Instant::now());
        assert!(!backlog.holds(now));
        backlog.begin(now);
        assert!(backlog.holds(now) && !backlog.holds(now + PATIENCE));
        backlog.tire(now + PATIENCE);
        backlog.end();
        backlog.begin(now + PATIENCE * 2);
        assert!(!backlog.holds(now + PATIENCE * 2));
        backlog.end();
        let later = now + PATIENCE + IMPATIENCE;
        backlog.begin(later);
        assert!(backlog.holds(later));
    }
}
