//! One direction of a simulated network path: loss, delay, jitter (and so reordering), rate and a queue.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rand::Rng;

/// What a link does to the datagrams on it.
#[derive(Clone, Copy, Debug)]
pub struct LinkProfile {
    /// Shortest time on the way.
    pub delay: Duration,
    /// Up to this much more, drawn evenly for each datagram.
    pub jitter: Duration,
    /// Share of datagrams lost at random, 0.0..=1.0.
    pub loss: f64,
    /// Share of datagrams that arrive twice, 0.0..=1.0.
    pub duplicates: f64,
    /// Bits per second; `None` is endless.
    pub rate_bps: Option<u64>,
    /// Most time a datagram may wait for the rate; longer and it is dropped.
    pub queue_max: Duration,
    /// Bytes that pass at once after a rest, as a shaper with a bucket of tokens lets them.
    pub burst_bytes: usize,
}

impl LinkProfile {
    /// A cable: 5 ms, nothing lost.
    pub const FIBER: Self = Self {
        delay: Duration::from_millis(5),
        jitter: Duration::ZERO,
        loss: 0.0,
        duplicates: 0.0,
        rate_bps: None,
        queue_max: Duration::from_millis(500),
        burst_bytes: 0,
    };

    /// This profile with random loss.
    pub const fn lossy(mut self, loss: f64) -> Self {
        self.loss = loss;
        self
    }

    /// This profile with jitter.
    pub const fn jittery(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }
}

/// Datagrams on their way, by arrival.
#[derive(Debug)]
pub struct Link<T> {
    profile: LinkProfile,
    /// Until when its wire is busy; links that share one share this.
    busy_until: Wire,
    underway: BTreeMap<(Instant, u64), T>,
    serial: u64,
    /// Datagrams dropped by loss or by a full queue.
    pub dropped: u64,
    /// Bytes put on it, dropped or not.
    pub sent_bytes: u64,
}

/// Until when a wire is busy.
pub type Wire = Rc<Cell<Option<Instant>>>;

impl<T: Clone> Link<T> {
    /// An empty link.
    pub fn new(profile: LinkProfile) -> Self {
        let busy_until = Wire::default();
        Self { profile, busy_until, underway: BTreeMap::new(), serial: 0, dropped: 0, sent_bytes: 0 }
    }

    /// From here on the link is another; what is on its way arrives as it would have.
    pub fn set_profile(&mut self, profile: LinkProfile) {
        self.profile = profile;
    }

    /// The wire behind the link.
    pub fn wire(&self) -> Wire {
        self.busy_until.clone()
    }

    /// Takes another's wire: what goes on the one delays the other.
    pub fn share(&mut self, wire: Wire) {
        self.busy_until = wire;
    }

    /// How long a datagram would wait.
    pub fn queued(&self, now: Instant) -> Duration {
        self.busy_until.get().map_or(Duration::ZERO, |busy| busy.saturating_duration_since(now))
    }

    /// Somebody else puts `bytes` on the wire.
    pub fn occupy(&mut self, now: Instant, bytes: usize) {
        self.through_the_queue(now, bytes);
    }

    /// Puts a datagram of `bytes` bytes on the link.
    pub fn send(&mut self, now: Instant, rng: &mut impl Rng, bytes: usize, datagram: T) {
        self.sent_bytes += bytes as u64;
        if rng.random_bool(self.profile.loss) {
            self.dropped += 1;
            return;
        }
        let Some(leaves) = self.through_the_queue(now, bytes) else {
            self.dropped += 1;
            return;
        };
        if rng.random_bool(self.profile.duplicates) {
            self.deliver(leaves, rng, datagram.clone());
        }
        self.deliver(leaves, rng, datagram);
    }

    fn through_the_queue(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let Some(rate_bps) = self.profile.rate_bps else { return Some(now) };
        let takes = |bytes: usize| Duration::from_secs_f64(bytes as f64 * 8.0 / rate_bps as f64);
        let rested = now.checked_sub(takes(self.profile.burst_bytes)).unwrap_or(now);
        let begins = self.busy_until.get().map_or(rested, |busy| busy.max(rested));
        if begins.saturating_duration_since(now) > self.profile.queue_max {
            return None;
        }
        let ends = begins + takes(bytes);
        self.busy_until.set(Some(ends));
        Some(ends.max(now))
    }

    fn deliver(&mut self, leaves: Instant, rng: &mut impl Rng, datagram: T) {
        let jitter = self.profile.jitter.mul_f64(rng.random_range(0.0..=1.0));
        self.serial += 1;
        self.underway.insert((leaves + self.profile.delay + jitter, self.serial), datagram);
    }

    /// When the next datagram arrives.
    pub fn deadline(&self) -> Option<Instant> {
        self.underway.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Takes one datagram that has arrived.
    pub fn receive(&mut self, now: Instant) -> Option<T> {
        let entry = self.underway.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn arrivals(profile: LinkProfile, count: u32, spacing: Duration) -> Vec<(u32, Duration)> {
        let start = Instant::now();
        let mut rng = StdRng::seed_from_u64(1);
        let mut link = Link::new(profile);
        for index in 0..count {
            link.send(start + spacing * index, &mut rng, 1200, index);
        }
        let mut out = Vec::new();
        while let Some(at) = link.deadline() {
            out.push((link.receive(at).unwrap(), at - start));
        }
        out
    }

    #[test]
    fn loses_its_share() {
        let left = arrivals(LinkProfile::FIBER.lossy(0.05), 10_000, Duration::from_millis(1)).len();
        assert!((9_400..9_600).contains(&left), "{left}");
    }

    #[test]
    fn keeps_its_rate_and_drops_beyond_its_queue() {
        let slow = LinkProfile { rate_bps: Some(960_000), ..LinkProfile::FIBER };
        let all = arrivals(slow, 100, Duration::ZERO);
        assert_eq!(all[0].1, Duration::from_millis(15));
        assert_eq!(all[1].1, Duration::from_millis(25));
        assert!(all.len() < 60, "{}", all.len());
    }

    #[test]
    fn a_bucket_of_tokens_passes_at_once() {
        let shaped = LinkProfile { rate_bps: Some(960_000), burst_bytes: 4800, ..LinkProfile::FIBER };
        let all = arrivals(shaped, 10, Duration::ZERO);
        let ms = |index: usize| all[index].1.as_millis();
        assert_eq!((ms(0), ms(3), ms(4), ms(9)), (5, 5, 15, 65));
    }

    #[test]
    fn jitter_reorders() {
        let all = arrivals(LinkProfile::FIBER.jittery(Duration::from_millis(20)), 50, Duration::from_millis(1));
        assert_eq!(all.len(), 50);
        assert!(all.windows(2).any(|pair| pair[0].0 > pair[1].0));
    }
}
