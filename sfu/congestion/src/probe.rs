//! Probes: a few packets more than the estimate allows, for some tens of milliseconds, to learn whether the link
//! takes them. Sent when there is something to gain: in the beginning, after a drop, and as long as the subscriber
//! could use more than the estimate gives it.

use std::time::Duration;

use crate::Stamp;
use crate::history::Cluster;

/// Factor of the first probe over the estimate, of one after a success, and of one after a failure.
const FACTORS: (f64, f64, f64) = (3.0, 2.0, 1.5);
/// What a probe at the link's limit may add to its queue. Its length follows from it.
const QUEUE: Duration = Duration::from_millis(40);
/// Shortest and longest probe.
const LENGTH: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(60));
/// Fewest bytes of a probe: five packets of padding.
const BYTES_MIN: f64 = 1450.0;
/// Fewest packets of which a rate can be told.
const PACKETS_MIN: u32 = 5;
/// Waiting after a failure: first, and longest. The longest still leaves two seconds of the five in which a new
/// capacity is to be found.
const WAIT: (Duration, Duration) = (Duration::from_millis(1000), Duration::from_millis(2500));
/// A probe of which nothing more is heard for this long and a round trip is over.
const PATIENCE: Duration = Duration::from_millis(600);
/// A probe must bring this much more to count as success.
const GAIN: f64 = 1.1;
/// Rates below this share of what was sent are the link's own, and then a little less is used.
const SATURATED: (f64, f64) = (0.9, 0.95);

/// A probe to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// Its rate in bits per second, media included.
    pub rate_bps: u64,
    /// What it takes in all, in bytes.
    pub bytes: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Probes {
    cluster: Cluster,
    underway: Option<Underway>,
    factor: f64,
    wait: Duration,
    next_at: Stamp,
    /// Probes begun.
    pub(crate) begun: u64,
    /// Bytes asked for by probes.
    pub(crate) bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Underway {
    probe: Probe,
    estimate: f64,
    began: Stamp,
    sent_bytes: u64,
    sent_packets: u32,
    arrived: Line,
}

/// Least squares of arrival time over bytes: jitter of single packets cancels out.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    packets: u32,
    bytes: f64,
    first: Option<Stamp>,
    /// Of bytes, seconds, bytes squared, bytes times seconds, seconds squared.
    sums: [f64; 5],
}

impl Probes {
    pub(crate) fn new() -> Self {
        let (factor, wait) = (FACTORS.0, WAIT.0);
        Self { cluster: 0, underway: None, factor, wait, next_at: Stamp(0), begun: 0, bytes: 0 }
    }

    /// The cluster that packets sent now belong to; 0 when none is being sent.
    pub(crate) fn sending(&self) -> Cluster {
        self.underway.filter(Underway::is_sending).map_or(0, |_| self.cluster)
    }

    /// Whether one is being sent or its outcome is awaited.
    pub(crate) fn is_underway(&self) -> bool {
        self.underway.is_some()
    }

    /// When the next may begin.
    pub(crate) fn next_at(&self) -> Stamp {
        self.next_at
    }

    /// Not before `at`.
    pub(crate) fn postpone(&mut self, at: Stamp) {
        self.next_at = self.next_at.max(at);
    }

    /// The link is back: what failed before says nothing.
    pub(crate) fn resume(&mut self, now: Stamp) {
        (self.factor, self.wait, self.next_at) = (FACTORS.1, WAIT.0, now);
    }

    /// Begins a probe beyond `estimate` toward `desired`, both in bits per second.
    pub(crate) fn begin(&mut self, now: Stamp, estimate: f64, desired: f64) -> Option<Probe> {
        if self.underway.is_some() || now < self.next_at || desired <= estimate {
            return None;
        }
        let rate = (estimate * self.factor).min((desired * GAIN).max(estimate * 1.2));
        let excess = (rate / estimate - 1.0).max(0.1);
        let length = QUEUE.div_f64(excess).clamp(LENGTH.0, LENGTH.1);
        let bytes = (rate * length.as_secs_f64() / 8.0).max(BYTES_MIN);
        let probe = Probe { rate_bps: rate as u64, bytes: bytes as u64 };
        self.cluster = self.cluster.checked_add(1).unwrap_or(1);
        let (sent_bytes, sent_packets, arrived) = (0, 0, Line::default());
        self.underway = Some(Underway { probe, estimate, began: now, sent_bytes, sent_packets, arrived });
        self.begun += 1;
        self.bytes += probe.bytes;
        Some(probe)
    }

    /// Bytes that the probe lacks at `now` to keep its rate; `None` when none is being sent.
    pub(crate) fn lacking(&self, now: Stamp) -> Option<u64> {
        let it = self.underway.filter(Underway::is_sending)?;
        // A quantum ahead, so that the first packets go out at once.
        let elapsed = u64::try_from(now.since(it.began).as_micros()).unwrap_or(u64::MAX).saturating_add(5000);
        let due = (it.probe.rate_bps / 8).saturating_mul(elapsed) / 1_000_000;
        let few = u64::from(it.sent_bytes >= it.probe.bytes);
        Some(due.min(it.probe.bytes).saturating_sub(it.sent_bytes).max(few))
    }

    /// Notes a packet sent while [`Probes::sending`].
    pub(crate) fn sent(&mut self, bytes: u16) {
        if let Some(it) = &mut self.underway {
            it.sent_bytes += u64::from(bytes);
            it.sent_packets += 1;
        }
    }

    /// Gives up on what cannot be sent.
    pub(crate) fn abandon(&mut self, now: Stamp) {
        if self.underway.take().is_some() {
            self.fail(now);
        }
    }

    /// Notes a packet of `cluster` that arrived, in the order of sending.
    pub(crate) fn arrived(&mut self, cluster: Cluster, at: Stamp, bytes: u16) {
        if let Some(it) = self.underway.as_mut().filter(|_| cluster != 0 && cluster == self.cluster) {
            it.arrived.note(at, bytes);
        }
    }

    /// Ends a report: the rate in bits per second that a probe has shown to be possible.
    pub(crate) fn conclude(&mut self, now: Stamp, rtt: Duration) -> Option<f64> {
        let it = self.underway.filter(|it| !it.is_sending() || now.since(it.began) > PATIENCE)?;
        let complete = it.arrived.packets * 10 >= it.sent_packets * 8 && it.arrived.packets >= PACKETS_MIN;
        let patience = PATIENCE + rtt;
        if !complete && now.since(it.began) < patience {
            return None;
        }
        self.underway = None;
        let rate = it.arrived.bps(it.probe.rate_bps as f64).filter(|_| complete);
        let gain = rate.filter(|&rate| rate > GAIN * it.estimate);
        match gain {
            Some(_) => {
                self.factor = FACTORS.1;
                self.wait = WAIT.0;
                self.next_at = now;
            }
            None => self.fail(now),
        }
        rate
    }

    fn fail(&mut self, now: Stamp) {
        self.factor = if self.factor > FACTORS.2 { FACTORS.2 } else { FACTORS.1 };
        self.next_at = now.after(self.wait);
        self.wait = (self.wait * 2).min(WAIT.1);
    }
}

impl Underway {
    fn is_sending(&self) -> bool {
        self.sent_bytes < self.probe.bytes || self.sent_packets <= PACKETS_MIN
    }
}

impl Line {
    fn note(&mut self, at: Stamp, bytes: u16) {
        let first = *self.first.get_or_insert(at);
        let seconds = if at >= first { at.since(first).as_secs_f64() } else { -first.since(at).as_secs_f64() };
        if self.packets > 0 {
            // The time from the first packet to this one is that of all bytes behind the first.
            self.bytes += f64::from(bytes);
        }
        self.packets += 1;
        let [x, y, xx, xy, yy] = &mut self.sums;
        *x += self.bytes;
        *y += seconds;
        *xx += self.bytes * self.bytes;
        *xy += self.bytes * seconds;
        *yy += seconds * seconds;
    }

    /// Bits per second, at most `sent`.
    fn bps(&self, sent: f64) -> Option<f64> {
        if self.packets < PACKETS_MIN {
            return None;
        }
        let count = f64::from(self.packets);
        let [x, y, xx, xy, yy] = self.sums;
        let (spread, joint) = (xx - x * x / count, xy - x * y / count);
        if spread <= 0.0 {
            return None;
        }
        // The line's standard error is taken off: what jitter might have feigned is not counted on.
        let residue = (yy - y * y / count - joint * joint / spread).max(0.0);
        let slope = joint / spread + (residue / (count - 2.0) / spread).sqrt();
        let rate = if slope > 0.0 { 8.0 / slope } else { f64::INFINITY };
        Some(if rate < SATURATED.0 * sent { SATURATED.1 * rate } else { sent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    /// Sends one whole probe over a link of `capacity` and returns what it shows.
    fn run(probes: &mut Probes, now: &mut Stamp, estimate: f64, desired: f64, capacity: f64) -> Option<f64> {
        let probe = probes.begin(*now, estimate, desired)?;
        let (mut free, cluster) = (now.0 as f64, probes.sending());
        assert_ne!(cluster, 0);
        while probes.sending() != 0 {
            let lacking = probes.lacking(*now).unwrap();
            let mut sent = 0;
            while sent < lacking {
                let bytes = if probe.rate_bps > 2_000_000 { 1200_u16 } else { 290 };
                free = free.max(now.0 as f64) + f64::from(bytes) * 8e6 / capacity;
                probes.sent(bytes);
                probes.arrived(cluster, Stamp(free as u64 + 20_000), bytes);
                sent += u64::from(bytes);
            }
            *now = now.after(Duration::from_millis(5));
        }
        *now = now.after(Duration::from_millis(100));
        probes.conclude(*now, RTT)
    }

    #[test]
    fn doubles_until_the_link_is_full() {
        let (mut probes, mut now, mut estimate) = (Probes::new(), Stamp(0), 3e5);
        let mut rounds = 0;
        while let Some(rate) = run(&mut probes, &mut now, estimate, 1e7, 4e6) {
            estimate = f64::max(rate, estimate);
            rounds += 1;
            if probes.next_at() > now {
                break;
            }
        }
        assert!((3.4e6..4.3e6).contains(&estimate), "{estimate}");
        assert!((3..6).contains(&rounds), "{rounds}");
    }

    #[test]
    fn failures_make_it_wait_longer_and_try_less() {
        let (mut probes, mut now) = (Probes::new(), Stamp(0));
        let mut waits = Vec::new();
        for _ in 0..4 {
            let rate = run(&mut probes, &mut now, 1e6, 1e7, 1e6).unwrap();
            assert!((0.8e6..1.1e6).contains(&rate), "{rate}");
            waits.push(probes.next_at().since(now).as_millis());
            assert_eq!(probes.begin(now, 1e6, 1e7), None);
            now = probes.next_at();
        }
        assert_eq!(waits, [1000, 2000, 2500, 2500]);
    }

    #[test]
    fn nothing_to_gain_nothing_sent() {
        let mut probes = Probes::new();
        assert_eq!(probes.begin(Stamp(0), 1e6, 1e6), None);
        assert!(probes.begin(Stamp(0), 1e6, 1.05e6).unwrap().rate_bps <= 1_200_000);
    }

    #[test]
    fn silence_ends_a_probe() {
        let mut probes = Probes::new();
        let probe = probes.begin(Stamp(0), 1e6, 1e7).unwrap();
        probes.sent(u16::try_from(probe.bytes).unwrap());
        assert_eq!(probes.conclude(Stamp(100_000), RTT), None);
        assert!(probes.is_underway());
        assert_eq!(probes.conclude(Stamp(700_000), RTT), None);
        assert!(!probes.is_underway() && probes.next_at() > Stamp(700_000));
    }
}
