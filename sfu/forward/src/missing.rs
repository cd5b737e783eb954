//! Packets that should have come, to be asked for (RFC 4585 section 6.2.1).

use std::time::{Duration, Instant};

/// Packets waited for per encoding, in packets: about a second of full loss. When full, the oldest is given up.
pub const MISSING_MAX: usize = 256;
/// How often one packet is asked for before it is given up.
pub const ATTEMPTS_MAX: u8 = 10;
/// Shortest time between two requests for one packet: the sender's own suppression is about as long.
const RETRY_MIN: Duration = Duration::from_millis(20);
/// Longest time between two requests for one packet.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// Added to the round trip before asking again, for jitter and the sender's pacing.
const RETRY_SLACK: Duration = Duration::from_millis(10);

/// The packets of one encoding that are missing, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    packets: Vec<Absent>,
}

#[derive(Clone, Copy, Debug)]
struct Absent {
    seq: u64,
    due: Instant,
    asked: Option<Instant>,
    attempts: u8,
}

impl Missing {
    /// Notes the missing packets; returns how many were given up to keep within the limit.
    pub(crate) fn extend(&mut self, now: Instant, missing: std::ops::Range<u64>) -> u64 {
        let absent = |seq| Absent { seq, due: now, asked: None, attempts: 0 };
        self.packets.extend(missing.map(absent));
        let excess = self.packets.len().saturating_sub(MISSING_MAX);
        self.packets.drain(..excess);
        excess as u64
    }

    /// The packet came after all. When it was asked for, if that was once: an answer to one of several requests tells
    /// nothing of the round trip.
    pub(crate) fn remove(&mut self, seq: u64) -> Option<Instant> {
        let index = self.packets.binary_search_by_key(&seq, |absent| absent.seq).ok()?;
        let absent = self.packets.remove(index);
        absent.asked.filter(|_| absent.attempts == 1)
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.packets.clear();
    }

    /// Adds the packets to ask for at `now` to `seqs`; returns how many were given up.
    pub(crate) fn take_due(&mut self, now: Instant, rtt: Duration, seqs: &mut Vec<u16>) -> u64 {
        let retry = (rtt + RETRY_SLACK).clamp(RETRY_MIN, RETRY_MAX);
        let before = self.packets.len();
        self.packets.retain_mut(|absent| {
            if absent.due > now {
                return true;
            }
            absent.attempts += 1;
            if absent.attempts > ATTEMPTS_MAX {
                return false;
            }
            absent.due = now + retry;
            absent.asked = Some(now);
            seqs.push(absent.seq as u16);
            true
        });
        (before - self.packets.len()) as u64
    }

    /// When the next request is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.packets.iter().map(|absent| absent.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    fn due(missing: &mut Missing, now: Instant) -> Vec<u16> {
        let mut seqs = Vec::new();
        missing.take_due(now, RTT, &mut seqs);
        seqs
    }

    #[test]
    fn asks_at_once_and_again_after_a_round_trip() {
        let (mut missing, start) = (Missing::default(), crate::testing::start());
        missing.extend(start, 65535..65537);
        assert_eq!(due(&mut missing, start), [65535, 0]);
        assert_eq!(due(&mut missing, start + RTT), []);
        missing.remove(65535);
        assert_eq!(missing.deadline(), Some(start + RTT + RETRY_SLACK));
        assert_eq!(due(&mut missing, start + RTT + RETRY_SLACK), [0]);
    }

    #[test]
    fn tells_when_it_asked_if_that_was_once() {
        let (mut missing, start) = (Missing::default(), crate::testing::start());
        missing.extend(start, 1..4);
        assert_eq!(missing.remove(1), None);
        due(&mut missing, start + RTT);
        assert_eq!(missing.remove(2), Some(start + RTT));
        due(&mut missing, start + 10 * RTT);
        assert_eq!((missing.remove(3), missing.remove(3)), (None, None));
    }

    #[test]
    fn gives_up_after_the_last_attempt() {
        let (mut missing, mut now) = (Missing::default(), crate::testing::start());
        missing.extend(now, 5..6);
        for _ in 0..ATTEMPTS_MAX {
            assert_eq!(due(&mut missing, now), [5]);
            now += RETRY_MAX;
        }
        let mut seqs = Vec::new();
        assert_eq!(missing.take_due(now, RTT, &mut seqs), 1);
        assert_eq!((seqs, missing.deadline()), (vec![], None));
    }

    #[test]
    fn the_list_is_bounded() {
        let (mut missing, now) = (Missing::default(), crate::testing::start());
        assert_eq!(missing.extend(now, 0..MISSING_MAX as u64), 0);
        assert_eq!(missing.extend(now, 1000..1010), 10);
        assert_eq!(due(&mut missing, now).len(), MISSING_MAX);
        assert_eq!(missing.packets[0].seq, 10);
    }
}
