//! Lets the packets of one encoding leave evenly.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use door::Packets;

/// Packets that leave at once: 19 kB, which is what a TCP sender begins with and every path bears. An ordinary picture is
/// no larger, so it costs one wakeup.
const GROUP_PACKETS: usize = 16;
/// Groups are at least so far apart: the groups of a large key frame are larger for it.
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

/// The packets of one access unit, in groups of even size and distance.
#[derive(Debug)]
struct Burst {
    start: Instant,
    spread: Duration,
    packets: Vec<Vec<u8>>,
    groups: usize,
    /// Groups that have left.
    left: usize,
}

impl Pacer {
    /// Lets `packets` leave from `at` on, over a time of `spread`, and not before what waits already.
    pub(super) fn push(&mut self, at: Instant, spread: Duration, packets: Vec<Vec<u8>>) {
        if packets.is_empty() {
            return;
        }
        let start = self.busy_until.map_or(at, |until| until.max(at));
        let burst = Burst::new(start, spread, packets);
        self.busy_until = Some(start + burst.spread);
        self.bytes += burst.packets.iter().map(Vec::len).sum::<usize>();
        self.bursts.push_back(burst);
    }

    /// What leaves by `now`.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Packets> {
        let mut leaving = Packets::default();
        while let Some(burst) = self.bursts.front_mut() {
            let due = burst.due(now).max(burst.left);
            let fresh = burst.packets.get(burst.packets_of(burst.left)..burst.packets_of(due)).unwrap_or_default();
            fresh.iter().for_each(|packet| leaving.push(packet));
            burst.left = due;
            if due < burst.groups {
                break;
            }
            self.bursts.pop_front();
        }
        self.bytes -= leaving.byte_len().min(self.bytes);
        (!leaving.is_empty()).then_some(leaving)
    }

    /// When something leaves next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.bursts.front().map(Burst::deadline)
    }

    /// Whether too much waits, in bytes or in time.
    pub(super) fn is_full(&self, now: Instant, ahead_max: Duration) -> bool {
        let ahead = self.bursts.back().map_or(Duration::ZERO, |burst| burst.start.saturating_duration_since(now));
        self.bytes > WAITING_BYTES_MAX || ahead > ahead_max
    }
}

impl Burst {
    fn new(start: Instant, spread: Duration, packets: Vec<Vec<u8>>) -> Self {
        // One packet takes no time.
        let spread = if packets.len() > 1 { spread } else { Duration::ZERO };
        let steps = usize::try_from(spread.as_nanos() / STEP.as_nanos()).unwrap_or(usize::MAX);
        let groups = packets.len().div_ceil(GROUP_PACKETS).min(steps).max(1);
        Self { start, spread, packets, groups, left: 0 }
    }

    /// Groups that have left by `now`; each leaves at the beginning of its time.
    fn due(&self, now: Instant) -> usize {
        if now < self.start {
            return 0;
        }
        let past = (now - self.start).as_nanos().saturating_mul(self.groups as u128);
        let past = past.checked_div(self.spread.as_nanos()).and_then(|past| usize::try_from(past).ok());
        past.map_or(self.groups, |past| past.saturating_add(1).min(self.groups))
    }

    /// When the next group leaves.
    fn deadline(&self) -> Instant {
        let (left, groups) = (self.left as u128, self.groups as u128);
        let since = (self.spread.as_nanos() * left).div_ceil(groups);
        self.start + Duration::from_nanos(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// Packets in the first `groups` groups.
    fn packets_of(&self, groups: usize) -> usize {
        (self.packets.len() * groups).div_ceil(self.groups)
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
        assert!(left.windows(2).all(|pair| pair[1].0 - pair[0].0 >= STEP), "{left:?}");
        assert!(left.iter().all(|(at, _)| *at <= start + spread), "{left:?}");
        assert_eq!(pacer.deadline(), None);
    }

    #[test]
    fn an_ordinary_picture_leaves_at_once_and_a_larger_one_in_few_groups() {
        let (spread, start) = (Duration::from_millis(16), Instant::now());
        for (count, groups) in [(1, 1), (GROUP_PACKETS, 1), (GROUP_PACKETS + 1, 2), (40, 3), (1000, 8)] {
            let mut pacer = Pacer::default();
            pacer.push(start, spread, packets(count));
            let left = run(&mut pacer, start + Duration::from_secs(1));
            assert_eq!(left.len(), groups, "{count}: {left:?}");
            let (fewest, most) = (left.iter().map(|it| it.1).min(), left.iter().map(|it| it.1).max());
            assert!(most.zip(fewest).is_some_and(|(most, fewest)| most - fewest <= 1), "{count}: {left:?}");
        }
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
