//! Lets the packets of one encoding leave evenly.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use door::Packets;

/// Packets leave in groups this far apart: often enough to be even, seldom enough to be cheap.
const STEP: Duration = Duration::from_millis(2);
/// Bytes that may wait in one encoding; beyond it the publisher is not read.
pub(super) const WAITING_BYTES_MAX: usize = 2 << 20;

/// What waits, in order.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    bursts: VecDeque<Burst>,
    bytes: usize,
    /// When the last burst will have left.
    busy_until: Option<Instant>,
}

/// The packets of one access unit.
#[derive(Debug)]
struct Burst {
    start: Instant,
    spread: Duration,
    packets: Vec<Vec<u8>>,
    sent: usize,
}

impl Pacer {
    /// Lets `packets` leave from `at` on, over a time of `spread`, and not before what waits already.
    pub(super) fn push(&mut self, at: Instant, spread: Duration, packets: Vec<Vec<u8>>) {
        if packets.is_empty() {
            return;
        }
        let start = self.busy_until.map_or(at, |until| until.max(at));
        // One packet takes no time.
        let spread = if packets.len() > 1 { spread } else { Duration::ZERO };
        self.busy_until = Some(start + spread);
        self.bytes += packets.iter().map(Vec::len).sum::<usize>();
        self.bursts.push_back(Burst { start, spread, packets, sent: 0 });
    }

    /// What leaves by `now`.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Packets> {
        let mut leaving = Packets::default();
        while let Some(burst) = self.bursts.front_mut() {
            let due = burst.due(now);
            let fresh = burst.packets.get(burst.sent..due).unwrap_or_default();
            fresh.iter().for_each(|packet| leaving.push(packet));
            burst.sent = burst.sent.max(due);
            if burst.sent < burst.packets.len() {
                break;
            }
            self.bursts.pop_front();
        }
        self.bytes -= leaving.byte_len().min(self.bytes);
        (!leaving.is_empty()).then_some(leaving)
    }

    /// When something leaves next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let burst = self.bursts.front()?;
        // Sent packets have left by then, so the next are due a step later.
        Some(if burst.sent == 0 { burst.start } else { burst.start + burst.spread.mul_f64(burst.done()) + STEP })
    }

    /// Whether too much waits, in bytes or in time.
    pub(super) fn is_full(&self, now: Instant, ahead_max: Duration) -> bool {
        let ahead = self.bursts.back().map_or(Duration::ZERO, |burst| burst.start.saturating_duration_since(now));
        self.bytes > WAITING_BYTES_MAX || ahead > ahead_max
    }
}

impl Burst {
    /// Packets that have left by `now`; those of a step leave at its beginning.
    fn due(&self, now: Instant) -> usize {
        if now < self.start {
            return 0;
        }
        let elapsed = (now - self.start + STEP).as_secs_f64();
        let share = if self.spread.is_zero() { 1.0 } else { (elapsed / self.spread.as_secs_f64()).min(1.0) };
        // Between 0 and the number of packets.
        ((self.packets.len() as f64 * share).ceil() as usize).min(self.packets.len())
    }

    /// The part of its time that is spent for what was sent, less the step that was sent ahead.
    fn done(&self) -> f64 {
        let step = STEP.as_secs_f64() / self.spread.as_secs_f64().max(1e-6);
        (self.sent as f64 / self.packets.len() as f64 - step).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test starts its own clock")]
mod tests {
    use super::*;

    fn packets(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|index| vec![index as u8; 1200]).collect()
    }

    /// Polls at every deadline up to `until`: when and how many packets left.
    fn run(pacer: &mut Pacer, until: Instant) -> Vec<(Instant, usize)> {
        let mut left = Vec::new();
        while let Some(now) = pacer.deadline().filter(|now| *now <= until) {
            let count = pacer.poll(now).map_or(0, |packets| packets.iter().count());
            assert!(count > 0, "woken for nothing");
            left.push((now, count));
        }
        left
    }

    #[test]
    fn a_picture_leaves_evenly_within_its_time() {
        let (mut pacer, start) = (Pacer::default(), Instant::now());
        let spread = Duration::from_millis(16);
        pacer.push(start, spread, packets(224));
        let left = run(&mut pacer, start + Duration::from_secs(1));
        assert_eq!(left.iter().map(|(_, count)| count).sum::<usize>(), 224);
        assert!(left.iter().all(|(_, count)| *count <= 30), "{left:?}");
        assert!(left.iter().all(|(at, _)| *at <= start + spread), "{left:?}");
        assert_eq!(pacer.deadline(), None);
    }

    #[test]
    fn what_waits_is_caught_up_in_order() {
        let (mut pacer, start) = (Pacer::default(), Instant::now());
        let spread = Duration::from_millis(16);
        for _ in 0..30 {
            pacer.push(start, spread, packets(10));
        }
        let left = run(&mut pacer, start + Duration::from_secs(1));
        let last = left.last().unwrap().0 - start;
        assert!(last > spread * 28 && last <= spread * 30, "{last:?}");
        assert_eq!(left.iter().map(|(_, count)| count).sum::<usize>(), 300);
    }

    #[test]
    fn one_packet_leaves_at_its_time_and_a_late_caller_gets_all() {
        let (mut pacer, start) = (Pacer::default(), Instant::now());
        let at = start + Duration::from_millis(5);
        pacer.push(at, Duration::ZERO, packets(1));
        pacer.push(at, Duration::from_millis(16), packets(5));
        assert!(pacer.poll(start).is_none());
        assert_eq!(pacer.deadline(), Some(at));
        assert_eq!(pacer.poll(start + Duration::from_secs(9)).unwrap().iter().count(), 6);
        assert!(pacer.poll(start + Duration::from_secs(9)).is_none());
    }

    #[test]
    fn fullness_is_told_in_time_and_bytes() {
        let (mut pacer, start) = (Pacer::default(), Instant::now());
        let second = Duration::from_secs(1);
        pacer.push(start + 2 * second, Duration::ZERO, packets(1));
        assert!(pacer.is_full(start, second) && !pacer.is_full(start + second, second));
        let mut pacer = Pacer::default();
        pacer.push(start, Duration::ZERO, packets(WAITING_BYTES_MAX / 1200 + 1));
        assert!(pacer.is_full(start, second));
        pacer.poll(start);
        assert!(!pacer.is_full(start, second));
    }
}
