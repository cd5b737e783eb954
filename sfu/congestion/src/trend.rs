//! Does the queue on the way grow? The slope of the one-way delay over groups of packets, against a threshold that
//! adapts to the path (draft-ietf-rmcat-gcc-02 sections 5.1 to 5.4, with the trend line that libwebrtc fits in
//! place of the draft's Kalman filter).

use std::collections::VecDeque;

use crate::Stamp;

/// Packets sent within this belong to one group: a burst tells one delay, not many.
const GROUP_MICROS: u64 = 5_000;
/// Longest group that is stretched because its packets arrived together.
const GROUP_MICROS_MAX: u64 = 100_000;
/// Groups over which the line is fitted.
const WINDOW: usize = 20;
/// Weight of the past in the smoothed delay.
const SMOOTHING: f64 = 0.9;
/// The slope is multiplied by this, and by the number of groups up to [`GROUPS_MAX`], before it is compared.
const GAIN: f64 = 4.0;
/// See [`GAIN`].
const GROUPS_MAX: u32 = 60;
/// Overuse must last this long, in milliseconds of sending.
const OVERUSE_MS: f64 = 10.0;
/// Threshold in the beginning, and its bounds, in milliseconds.
const THRESHOLD: (f64, f64, f64) = (12.5, 6.0, 600.0);
/// How fast the threshold follows up and down, per millisecond.
const ADAPTATION: (f64, f64) = (0.0087, 0.039);
/// A trend this far above the threshold, in milliseconds, does not move it.
const OUTLIER: f64 = 15.0;

/// What the delay says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Usage {
    /// Nothing builds up.
    #[default]
    Normal,
    /// The queue grows.
    Over,
    /// The queue drains.
    Under,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Trend {
    current: Option<Group>,
    previous: Option<Group>,
    delays: VecDeque<(f64, f64)>,
    first_arrival: Option<u64>,
    accumulated: f64,
    smoothed: f64,
    groups: u32,
    threshold: f64,
    adapted_at: Option<u64>,
    over_ms: Option<f64>,
    over_count: u32,
    slope: f64,
    usage: Usage,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: u64,
    last_sent: u64,
    first_arrival: u64,
    last_arrival: u64,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            current: None,
            previous: None,
            delays: VecDeque::with_capacity(WINDOW + 1),
            first_arrival: None,
            accumulated: 0.0,
            smoothed: 0.0,
            groups: 0,
            threshold: THRESHOLD.0,
            adapted_at: None,
            over_ms: None,
            over_count: 0,
            slope: 0.0,
            usage: Usage::Normal,
        }
    }
}

impl Trend {
    /// What the delay says as of the last packet.
    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// Takes one packet that arrived, in the order of sending.
    pub(crate) fn note(&mut self, sent: Stamp, arrival: Stamp) {
        let (sent, arrival) = (sent.0, arrival.0);
        let Some(group) = &mut self.current else {
            self.current = Some(Group::new(sent, arrival));
            return;
        };
        if sent < group.first_sent {
            return;
        }
        if group.takes(sent, arrival) {
            group.last_sent = group.last_sent.max(sent);
            group.last_arrival = group.last_arrival.max(arrival);
            return;
        }
        let done = *group;
        self.current = Some(Group::new(sent, arrival));
        if let Some(before) = self.previous.replace(done) {
            let sent_ms = span_ms(before.last_sent, done.last_sent);
            let arrival_ms = span_ms(before.last_arrival, done.last_arrival);
            self.compare(sent_ms, arrival_ms, done.last_arrival);
        }
    }

    fn compare(&mut self, sent_ms: f64, arrival_ms: f64, arrival: u64) {
        self.groups = (self.groups + 1).min(GROUPS_MAX);
        self.accumulated += arrival_ms - sent_ms;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        let first = *self.first_arrival.get_or_insert(arrival);
        self.delays.push_back((span_ms(first, arrival), self.smoothed));
        if self.delays.len() > WINDOW {
            self.delays.pop_front();
        }
        let slope = if self.delays.len() == WINDOW { fit(&self.delays).unwrap_or(self.slope) } else { 0.0 };
        self.judge(slope, sent_ms, arrival);
    }

    fn judge(&mut self, slope: f64, sent_ms: f64, arrival: u64) {
        let trend = f64::from(self.groups) * slope * GAIN;
        if trend > self.threshold {
            let over = self.over_ms.map_or(sent_ms / 2.0, |over| over + sent_ms);
            self.over_ms = Some(over);
            self.over_count += 1;
            if over > OVERUSE_MS && self.over_count > 1 && slope >= self.slope {
                (self.over_ms, self.over_count) = (Some(0.0), 0);
                self.usage = Usage::Over;
            }
        } else {
            (self.over_ms, self.over_count) = (None, 0);
            self.usage = if trend < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.slope = slope;
        self.adapt(trend, arrival);
    }

    fn adapt(&mut self, trend: f64, arrival: u64) {
        let elapsed = span_ms(self.adapted_at.replace(arrival).unwrap_or(arrival), arrival).clamp(0.0, 100.0);
        let excess = trend.abs() - self.threshold;
        if excess > OUTLIER {
            return;
        }
        let factor = if excess < 0.0 { ADAPTATION.1 } else { ADAPTATION.0 };
        self.threshold = (self.threshold + factor * excess * elapsed).clamp(THRESHOLD.1, THRESHOLD.2);
    }
}

impl Group {
    fn new(sent: u64, arrival: u64) -> Self {
        Self { first_sent: sent, last_sent: sent, first_arrival: arrival, last_arrival: arrival }
    }

    /// Whether a packet belongs to the group: sent in one burst, or arrived in one although it was sent later.
    fn takes(&self, sent: u64, arrival: u64) -> bool {
        if sent - self.first_sent <= GROUP_MICROS {
            return true;
        }
        let arrived_after = span_ms(self.last_arrival, arrival);
        let sent_after = span_ms(self.last_sent, sent);
        let in_burst = arrived_after < sent_after && arrived_after <= GROUP_MICROS as f64 / 1000.0;
        in_burst && arrival.saturating_sub(self.first_arrival) < GROUP_MICROS_MAX
    }
}

/// Milliseconds from one count of microseconds to another, negative when that is earlier.
fn span_ms(from: u64, to: u64) -> f64 {
    if to >= from { (to - from) as f64 / 1000.0 } else { -((from - to) as f64 / 1000.0) }
}

/// Slope of the line with the least squares; `None` when all stand at one place.
fn fit(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (above, below) = points.iter().fold((0.0, 0.0), |(above, below), &(x, y)| {
        (above + (x - mean_x) * (y - mean_y), below + (x - mean_x) * (x - mean_x))
    });
    (below > 0.0).then_some(above / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a packet every 20 ms, each delayed by what `delay_us` says; how often each verdict was given.
    fn run(trend: &mut Trend, from: u64, count: u64, delay_us: impl Fn(u64) -> u64) -> [u64; 3] {
        let mut seen = [0; 3];
        for index in 0..count {
            let sent = (from + index) * 20_000;
            trend.note(Stamp(sent), Stamp(sent + delay_us(index)));
            seen[trend.usage() as usize] += 1;
        }
        seen
    }

    #[test]
    fn a_steady_delay_is_normal() {
        let mut trend = Trend::default();
        assert_eq!(run(&mut trend, 0, 200, |_| 30_000), [200, 0, 0]);
        let jitter = |index| 30_000 + index * 7919 % 5000;
        assert_eq!(run(&mut trend, 200, 500, jitter)[1], 0);
    }

    #[test]
    fn a_growing_delay_is_overuse_soon_and_a_falling_one_underuse() {
        let mut trend = Trend::default();
        run(&mut trend, 0, 100, |_| 30_000);
        let seen = run(&mut trend, 100, 25, |index| 30_000 + index * 4000);
        assert!(seen[1] > 5, "{seen:?}");
        let seen = run(&mut trend, 125, 50, |index| 130_000_u64.saturating_sub(index * 4000).max(30_000));
        assert!(seen[2] > 5, "{seen:?}");
    }

    #[test]
    fn wild_numbers_do_no_harm() {
        let mut trend = Trend::default();
        for index in 0..1000_u64 {
            trend.note(
                Stamp(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                Stamp(index.wrapping_mul(0xbf58_476d_1ce4_e5b9)),
            );
            trend.note(Stamp(u64::MAX), Stamp(0));
        }
        assert!(trend.threshold.is_finite());
    }
}
