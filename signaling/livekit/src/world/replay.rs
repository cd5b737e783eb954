//! Reliable messages of the last seconds, for those who could not take them at once: who is still connecting, who has
//! come back, who reads too slowly.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use room::ParticipantSid;

use super::data::Destination;

/// How long a message is kept: longer than a client takes to come back, shorter than the 30 s for which clients
/// remember what they had.
pub(super) const REPLAY_TIME_MAX: Duration = Duration::from_secs(20);
/// Bytes kept for all senders of a room; the oldest go first.
pub(super) const REPLAY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes kept of one sender, so that one that floods the room displaces only its own.
pub(super) const REPLAY_SENDER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// What a kept message costs beside its bytes.
const MESSAGE_BYTES: usize = 128;

/// One message as it went out.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) since: Instant,
    pub(super) sender: ParticipantSid,
    /// The sender's own count; 0 when it does not count.
    pub(super) sequence: u32,
    pub(super) destination: Arc<Destination>,
    pub(super) payload: Arc<[u8]>,
}

/// Where a participant stands that must be sent kept messages before any new one.
#[derive(Clone, Debug, Default)]
pub(super) struct Behind {
    /// The first message that it may lack.
    pub(super) from: u64,
    /// The first message without a count that it lacks: of those, clients cannot tell a second copy.
    pub(super) uncounted_from: u64,
    /// The last message that it has of each sender.
    pub(super) has: BTreeMap<ParticipantSid, u32>,
}

impl Behind {
    /// It lacks everything from a message on.
    pub(super) fn from(position: u64) -> Self {
        Self { from: position, uncounted_from: position, has: BTreeMap::new() }
    }

    fn lacks(&self, position: u64, kept: &Kept) -> bool {
        match kept.sequence {
            0 => position >= self.uncounted_from,
            sequence => self.has.get(&kept.sender).is_none_or(|has| sequence > *has),
        }
    }
}

/// The kept messages, by their position in the room's order.
#[derive(Debug, Default)]
pub(super) struct Replay {
    kept: BTreeMap<u64, Kept>,
    senders: BTreeMap<ParticipantSid, Sender>,
    bytes: usize,
    next: u64,
}

#[derive(Debug, Default)]
struct Sender {
    positions: VecDeque<u64>,
    bytes: usize,
}

impl Replay {
    /// The position of the next message.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Keeps a message and lets go of what is too old or too much.
    pub(super) fn keep(&mut self, message: Kept) {
        let (now, bytes) = (message.since, size(&message));
        let sender = self.senders.entry(message.sender.clone()).or_default();
        sender.positions.push_back(self.next);
        sender.bytes += bytes;
        self.bytes += bytes;
        let own = message.sender.clone();
        self.kept.insert(self.next, message);
        self.next += 1;
        while self.senders.get(&own).is_some_and(|it| it.bytes > REPLAY_SENDER_BYTES_MAX) {
            let Some(oldest) = self.senders.get(&own).and_then(|it| it.positions.front().copied()) else { break };
            self.drop(oldest);
        }
        let old = |it: &Kept| now.saturating_duration_since(it.since) > REPLAY_TIME_MAX;
        while let Some((&oldest, _)) =
            self.kept.first_key_value().filter(|(_, it)| old(it) || self.bytes > REPLAY_BYTES_MAX)
        {
            self.drop(oldest);
        }
    }

    fn drop(&mut self, position: u64) {
        let Some(message) = self.kept.remove(&position) else { return };
        let bytes = size(&message);
        self.bytes -= bytes;
        if let Some(sender) = self.senders.get_mut(&message.sender) {
            sender.positions.pop_front();
            sender.bytes -= bytes;
            if sender.positions.is_empty() {
                self.senders.remove(&message.sender);
            }
        }
    }

    /// What somebody lacks of the messages that are kept and not too old, in order.
    pub(super) fn lacked<'a>(&'a self, behind: &'a Behind, now: Instant) -> impl Iterator<Item = &'a Kept> {
        let young = move |it: &&Kept| now.saturating_duration_since(it.since) <= REPLAY_TIME_MAX;
        let lacked = move |(position, kept): (&u64, &'a Kept)| behind.lacks(*position, kept).then_some(kept);
        self.kept.range(behind.from..).filter_map(lacked).filter(young)
    }
}

fn size(message: &Kept) -> usize {
    message.payload.len() + MESSAGE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(sender: &str, sequence: u32, bytes: usize, since: Instant) -> Kept {
        let (sender, payload) = (ParticipantSid::new(sender), vec![0; bytes].into());
        Kept { since, sender, sequence, destination: Arc::new(Destination::Others), payload }
    }

    fn lacked(replay: &Replay, behind: &Behind, now: Instant) -> Vec<u32> {
        replay.lacked(behind, now).map(|it| it.sequence).collect()
    }

    #[test]
    fn gives_what_is_lacked_and_young() {
        let (mut replay, now) = (Replay::default(), Instant::now());
        (1..=5).for_each(|sequence| replay.keep(message("a", sequence, 1, now)));
        replay.keep(message("b", 0, 1, now));
        replay.keep(message("b", 1, 1, now + REPLAY_TIME_MAX));
        assert_eq!(lacked(&replay, &Behind::from(3), now), [4, 5, 0, 1]);
        let has = BTreeMap::from([(ParticipantSid::new("a"), 4)]);
        let back = Behind { from: 0, uncounted_from: replay.next(), has };
        assert_eq!(lacked(&replay, &back, now), [5, 1]);
        assert_eq!(lacked(&replay, &back, now + REPLAY_TIME_MAX + Duration::from_millis(1)), [1]);
        replay.keep(message("b", 2, 1, now + REPLAY_TIME_MAX * 2));
        assert_eq!(replay.kept.len(), 2, "the old are gone");
        assert_eq!(replay.senders.len(), 1);
    }

    #[test]
    fn a_flood_displaces_its_own() {
        let (mut replay, now) = (Replay::default(), Instant::now());
        replay.keep(message("quiet", 1, 1000, now));
        (1..=100).for_each(|sequence| replay.keep(message("loud", sequence, 60_000, now)));
        assert_eq!(lacked(&replay, &Behind::default(), now).first(), Some(&1), "the quiet one's is there");
        assert!(replay.bytes <= REPLAY_SENDER_BYTES_MAX + 2000);
        for sender in 0..20 {
            (1..=100).for_each(|sequence| replay.keep(message(&sender.to_string(), sequence, 60_000, now)));
        }
        assert!(replay.bytes <= REPLAY_BYTES_MAX);
        assert_eq!(replay.bytes, replay.kept.values().map(size).sum::<usize>());
        assert_eq!(replay.bytes, replay.senders.values().map(|it| it.bytes).sum::<usize>());
    }
}
