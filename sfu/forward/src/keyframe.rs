//! How often a publisher is asked for a key frame.

use std::time::{Duration, Instant};

/// Shortest time between two requests for the lowest encoding, whose key frames are small.
pub const INTERVAL_LOWEST: Duration = Duration::from_millis(500);
/// Shortest time between two requests for any other encoding.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// Requests of one encoding: many subscribers may want a key frame at once, one is asked for, and asked
/// for again until it comes.
#[derive(Debug)]
pub(crate) struct Throttle {
    interval: Duration,
    asked: Option<Instant>,
    /// When to ask, while a key frame is wanted.
    due: Option<Instant>,
    parked: bool,
}

impl Throttle {
    pub(crate) fn new(encoding: u8) -> Self {
        let interval = if encoding == 0 { INTERVAL_LOWEST } else { INTERVAL };
        Self { interval, asked: None, due: None, parked: false }
    }

    /// Somebody wants a key frame.
    pub(crate) fn want(&mut self, now: Instant) {
        let earliest = self.asked.map_or(now, |asked| (asked + self.interval).max(now));
        self.due.get_or_insert(earliest);
    }

    /// A key frame came.
    pub(crate) fn came(&mut self) {
        self.due = None;
    }

    /// Nothing is sent that could bring a key frame: asking waits.
    pub(crate) fn park(&mut self) {
        self.parked = true;
    }

    /// Something is sent again.
    pub(crate) fn unpark(&mut self) {
        self.parked = false;
    }

    /// Whether to ask at `now`; notes that it was.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        if due {
            self.asked = Some(now);
            self.due = Some(now + self.interval);
        }
        due
    }

    /// When to ask, if a key frame is wanted.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due.filter(|_| !self.parked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_wishes_make_one_request_until_a_key_frame_comes() {
        let (mut throttle, start) = (Throttle::new(1), crate::testing::start());
        assert!(!throttle.take_due(start));
        throttle.want(start);
        assert!(throttle.take_due(start));
        throttle.want(start);
        assert!(!throttle.take_due(start + INTERVAL - Duration::from_millis(1)));
        assert_eq!(throttle.deadline(), Some(start + INTERVAL));
        assert!(throttle.take_due(start + INTERVAL));
        throttle.came();
        assert!(!throttle.take_due(start + 5 * INTERVAL));
        assert_eq!(throttle.deadline(), None);
    }

    #[test]
    fn the_lowest_encoding_may_be_asked_more_often() {
        let (mut throttle, start) = (Throttle::new(0), crate::testing::start());
        throttle.want(start);
        assert!(throttle.take_due(start));
        assert!(throttle.take_due(start + INTERVAL_LOWEST));
    }
}
