//! The rate that the delay allows: up by a share or by a step, down to a part of what arrives
//! (draft-ietf-rmcat-gcc-02 section 5.5).

use std::time::Duration;

use crate::Stamp;
use crate::stamp::millis;
use crate::trend::Usage;

/// What is kept of the arriving rate when the link is overused.
const BACKOFF: f64 = 0.92;
/// Growth per second far from a known limit.
const GROWTH: f64 = 1.08;
/// The estimate is at most this many times what arrives, and a little: nobody knows what was not tried.
const UNTRIED: f64 = 1.5;
/// The little, in bits per second.
const UNTRIED_BPS: f64 = 10_000.0;
/// Shortest time between two reductions, whatever the round trip.
const REDUCTION: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(300));
/// A standing queue of this length takes as large a share again from the rate, until it has drained.
const DRAIN: Duration = Duration::from_millis(600);
/// Most that is taken to drain a queue.
const DRAIN_SHARE_MAX: f64 = 0.4;
/// Deviations by which the arriving rate must leave the known limit before the limit is forgotten.
const DEVIATIONS: f64 = 3.0;

/// What one report adds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input {
    pub(crate) now: Stamp,
    pub(crate) usage: Usage,
    /// What arrives, in bits per second.
    pub(crate) acknowledged: Option<f64>,
    /// What arrived in the last moments, in bits per second; told of an overuse only.
    pub(crate) recent: Option<f64>,
    /// What stands in the queue.
    pub(crate) standing: Duration,
    pub(crate) rtt: Duration,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Aimd {
    bps: f64,
    grows: bool,
    limit: Limit,
    changed: Option<Stamp>,
    reduced: Option<Stamp>,
}

/// The rate at which the link was last found full: mean and deviation, in kbit/s.
#[derive(Debug, Default)]
struct Limit {
    mean: Option<f64>,
    /// Variance divided by the mean.
    spread: f64,
}

impl Aimd {
    pub(crate) fn new(bps: f64) -> Self {
        Self { bps, grows: true, limit: Limit { mean: None, spread: 0.4 }, changed: None, reduced: None }
    }

    pub(crate) fn bps(&self) -> f64 {
        self.bps
    }

    /// When the rate was last reduced.
    pub(crate) fn reduced(&self) -> Option<Stamp> {
        self.reduced
    }

    /// A probe, or a wiser bound, measured this.
    pub(crate) fn set(&mut self, now: Stamp, bps: f64) {
        self.bps = bps;
        self.changed = Some(now);
        if self.limit.mean.is_some_and(|mean| bps / 1000.0 > mean + DEVIATIONS * self.limit.deviation()) {
            self.limit.mean = None;
        }
    }

    /// Never above `bps`.
    pub(crate) fn cap(&mut self, bps: f64) {
        self.bps = self.bps.min(bps);
    }

    pub(crate) fn update(&mut self, input: &Input) {
        match input.usage {
            Usage::Over => self.reduce(input),
            Usage::Under => self.grows = false,
            // The first report after a change only ends the waiting, so that the queue can show what it did.
            Usage::Normal if !self.grows => (self.grows, self.changed) = (true, Some(input.now)),
            Usage::Normal => self.grow(input),
        }
    }

    fn grow(&mut self, input: &Input) {
        let elapsed = self.changed.map_or(Duration::ZERO, |changed| input.now.since(changed));
        self.changed = Some(input.now);
        let seconds = elapsed.as_secs_f64().min(1.0);
        if let (Some(mean), Some(acknowledged)) = (self.limit.mean, input.acknowledged)
            && acknowledged / 1000.0 > mean + DEVIATIONS * self.limit.deviation()
        {
            self.limit.mean = None;
        }
        let grown = match self.limit.mean {
            Some(_) => self.bps + self.step_bps(input.rtt) * seconds,
            None => self.bps * GROWTH.powf(seconds) + 1000.0 * seconds,
        };
        let tried = input.acknowledged.map_or(grown, |acknowledged| UNTRIED * acknowledged + UNTRIED_BPS);
        self.bps = grown.min(tried).max(self.bps);
    }

    /// About half a packet for each time that a change takes to show.
    fn step_bps(&self, rtt: Duration) -> f64 {
        let frame_bits = self.bps / 30.0;
        let packets = (frame_bits / (8.0 * 1200.0)).ceil().max(1.0);
        let response_ms = 2.0 * (millis(rtt) + 100.0);
        (frame_bits / packets * 1000.0 / response_ms).max(4000.0)
    }

    fn reduce(&mut self, input: &Input) {
        self.grows = false;
        let Some(acknowledged) = input.recent.or(input.acknowledged) else {
            // Nothing is known yet but that it is too much.
            return self.reduce_to(input, self.bps / 2.0);
        };
        let drain = (input.standing.as_secs_f64() / DRAIN.as_secs_f64()).min(DRAIN_SHARE_MAX);
        let mut bps = acknowledged * (BACKOFF - drain);
        if bps > self.bps
            && let Some(mean) = self.limit.mean
        {
            bps = BACKOFF * mean * 1000.0;
        }
        let kbps = acknowledged / 1000.0;
        if self.limit.mean.is_some_and(|mean| kbps < mean - DEVIATIONS * self.limit.deviation()) {
            self.limit.mean = None;
        }
        self.limit.learn(kbps);
        self.reduce_to(input, bps);
    }

    fn reduce_to(&mut self, input: &Input, bps: f64) {
        let wait = input.rtt.clamp(REDUCTION.0, REDUCTION.1);
        if bps >= self.bps || self.reduced.is_some_and(|at| input.now.since(at) < wait) {
            return;
        }
        self.bps = bps;
        (self.reduced, self.changed) = (Some(input.now), Some(input.now));
    }
}

impl Limit {
    fn learn(&mut self, kbps: f64) {
        const WEIGHT: f64 = 0.05;
        let mean = self.mean.map_or(kbps, |mean| (1.0 - WEIGHT) * mean + WEIGHT * kbps);
        let error = mean - kbps;
        self.spread = ((1.0 - WEIGHT) * self.spread + WEIGHT * error * error / mean.max(1.0)).clamp(0.4, 2.5);
        self.mean = Some(mean);
    }

    fn deviation(&self) -> f64 {
        self.mean.map_or(0.0, |mean| (self.spread * mean).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(ms: u64, usage: Usage, acknowledged: f64) -> Input {
        let acknowledged = Some(acknowledged);
        Input {
            now: Stamp(ms * 1000),
            usage,
            acknowledged,
            recent: acknowledged,
            standing: Duration::ZERO,
            rtt: Duration::from_millis(50),
        }
    }

    #[test]
    fn grows_by_a_share_then_by_steps_below_a_known_limit() {
        let mut aimd = Aimd::new(1e6);
        for ms in (0..=1000).step_by(100) {
            aimd.update(&input(ms, Usage::Normal, 1e6));
        }
        assert!((aimd.bps() - 1.081e6).abs() < 1e4, "{}", aimd.bps());
        aimd.update(&input(1100, Usage::Over, 1e6));
        assert!((aimd.bps() - BACKOFF * 1e6).abs() < 1.0);
        for ms in (1200..=2300).step_by(100) {
            aimd.update(&input(ms, Usage::Normal, BACKOFF * 1e6));
        }
        assert!(aimd.bps() < 0.97e6 && aimd.bps() > 0.93e6, "{}", aimd.bps());
    }

    #[test]
    fn never_grows_far_beyond_what_arrives_nor_shrinks_for_it() {
        let mut aimd = Aimd::new(1e6);
        for ms in (0..100_000).step_by(100) {
            aimd.update(&input(ms, Usage::Normal, 1e6));
        }
        assert!((aimd.bps() - 1.51e6).abs() < 1.0);
        aimd.update(&input(100_000, Usage::Normal, 1e5));
        assert!((aimd.bps() - 1.51e6).abs() < 1.0);
    }

    #[test]
    fn a_standing_queue_is_drained_and_reductions_wait_for_each_other() {
        let mut aimd = Aimd::new(2e6);
        let standing = Duration::from_millis(200);
        aimd.update(&Input { standing, ..input(0, Usage::Over, 1e6) });
        let drained = (BACKOFF - 200.0 / 600.0) * 1e6;
        assert!((aimd.bps() - drained).abs() < 1.0, "{}", aimd.bps());
        aimd.update(&input(50, Usage::Over, 0.5e6));
        assert!((aimd.bps() - drained).abs() < 1.0);
        aimd.update(&input(150, Usage::Over, 0.5e6));
        assert!((aimd.bps() - BACKOFF * 0.5e6).abs() < 1.0);
    }
}
