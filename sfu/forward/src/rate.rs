//! How many bits a second each operating point of an encoding takes, over a sliding window.

use std::time::{Duration, Instant};

use crate::points::{Point, Points};

/// Span of one bucket.
const BUCKET: Duration = Duration::from_millis(100);
/// Buckets that make the window: one second.
const BUCKETS: usize = 10;

/// Bytes of the last second, by the points that need them. Adding and asking take the same time whatever was added.
#[derive(Debug)]
pub(crate) struct Rates {
    buckets: Box<[[u32; Point::COUNT]; BUCKETS]>,
    newest: usize,
    /// When the newest bucket began.
    began: Option<Instant>,
    /// Buckets that were begun since the first packet or the last silence, the newest included; at most all.
    filled: usize,
}

impl Default for Rates {
    fn default() -> Self {
        Self { buckets: Box::new([[0; Point::COUNT]; BUCKETS]), newest: 0, began: None, filled: 0 }
    }
}

impl Rates {
    /// A packet of `len` bytes arrived that `points` need.
    pub(crate) fn add(&mut self, now: Instant, len: usize, points: Points) {
        self.turn(now);
        // A bucket of 4 GB is out of reach of any link.
        let len = len as u32;
        for (index, bytes) in self.buckets[self.newest].iter_mut().enumerate() {
            *bytes = bytes.saturating_add(if points.holds(index) { len } else { 0 });
        }
    }

    /// Bits per second of what `point` needs, over the whole buckets of the last second; of the first tenth of a second,
    /// what came so far. 0 after a second of silence.
    pub(crate) fn bits_per_second(&self, now: Instant, point: Point) -> u64 {
        let Some(began) = self.began else { return 0 };
        let turned = elapsed_buckets(now, began);
        if turned >= BUCKETS {
            return 0;
        }
        let bytes = |age: usize| u64::from(self.buckets[(self.newest + BUCKETS - age) % BUCKETS][point.index()]);
        if self.filled <= 1 && turned == 0 {
            return bytes(0) * 8 * 1000 / BUCKET.as_millis() as u64;
        }
        // The newest bucket counts once its time is over; those that `turned` pushes out of the window do not.
        let first = usize::from(turned == 0);
        let last = self.filled.min(BUCKETS + first - turned);
        let sum: u64 = (first..last).map(bytes).sum();
        let span = BUCKET * (last - first + turned.saturating_sub(1)) as u32;
        sum * 8 * 1000 / (span.as_millis() as u64).max(1)
    }

    fn turn(&mut self, now: Instant) {
        let began = *self.began.get_or_insert(now);
        let turns = elapsed_buckets(now, began);
        if self.filled == 0 {
            self.filled = 1;
        }
        if turns >= BUCKETS {
            self.buckets[self.newest] = [0; Point::COUNT];
            (self.began, self.filled) = (Some(now), 1);
            return;
        }
        for _ in 0..turns {
            self.newest = (self.newest + 1) % BUCKETS;
            self.buckets[self.newest] = [0; Point::COUNT];
        }
        self.filled = (self.filled + turns).min(BUCKETS);
        self.began = Some(began + BUCKET * turns as u32);
    }
}

fn elapsed_buckets(now: Instant, began: Instant) -> usize {
    let elapsed = now.saturating_duration_since(began).as_millis() / BUCKET.as_millis();
    elapsed.min(BUCKETS as u128) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn each_point_takes_what_it_needs() {
        let (mut rates, start) = (Rates::default(), crate::testing::start());
        for index in 0..300 {
            let points = Points::from_temporal(if index % 2 == 0 { 0 } else { 1 });
            rates.add(start + 10 * MS * index, 125, points);
        }
        let end = start + 3000 * MS;
        assert_eq!(rates.bits_per_second(end, Point::new(0, 1)), 100_000);
        assert_eq!(rates.bits_per_second(end, Point::new(0, 0)), 50_000);
    }

    #[test]
    fn the_window_slides_and_ends() {
        let (mut rates, start) = (Rates::default(), crate::testing::start());
        assert_eq!(rates.bits_per_second(start, Point::BEST), 0);
        rates.add(start, 1000, Points::ALL);
        assert_eq!(rates.bits_per_second(start, Point::BEST), 80_000);
        assert_eq!(rates.bits_per_second(start + 150 * MS, Point::BEST), 80_000);
        assert_eq!(rates.bits_per_second(start + 250 * MS, Point::BEST), 40_000);
        assert_eq!(rates.bits_per_second(start + 950 * MS, Point::BEST), 8000 * 1000 / 900);
        assert_eq!(rates.bits_per_second(start + 1000 * MS, Point::BEST), 0);
        for index in 0..50 {
            rates.add(start + 5000 * MS + 20 * MS * index, 500, Points::ALL);
        }
        assert_eq!(rates.bits_per_second(start + 5990 * MS, Point::BEST), 200_000);
    }
}
