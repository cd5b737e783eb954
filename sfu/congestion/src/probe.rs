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
/// Shortest and longest probe by that measure.
const LENGTH: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(60));
/// An estimate this many times smaller than one that proves enough is still of a wide link.
const WIDE: f64 = 1.3;
/// What probes in a row must send beyond the estimate to prove anything, in bytes: shapers with a bucket of tokens pass some
/// kilobytes at once whatever they carry in the long run.
const BUCKET_BYTES: f64 = 6500.0;
/// What a probe may add to the queue once another has passed, and its greatest length then.
const QUEUE_AFTER: Duration = Duration::from_millis(70);
/// See [`QUEUE_AFTER`].
const LENGTH_AFTER: Duration = Duration::from_millis(200);
/// What a probe that proves little may raise the rate to at most, as a multiple of what arrives.
const UNPROVEN: f64 = 1.5;
/// A tail whose slope is known no better than to this share of it tells nothing: jitter.
const SHARP: f64 = 0.25;
/// Fewest bytes of a probe: five packets of padding.
const BYTES_MIN: f64 = 1450.0;
/// Share of a probe that may come out of a bucket: what follows tells more.
const SKIPPED: f64 = 0.7;
/// Bytes of a probe from which on its beginning is not looked at: of less there would be too little left.
const SKIPPING_MIN: f64 = 2500.0;
/// Fewest packets of a probe, and fewest of which a rate can be told.
const PACKETS_MIN: u32 = 5;
/// Fewest packets of a tail: of fewer, when the media among them was sent is chance.
const TAIL_PACKETS_MIN: u32 = 8;
/// Waiting after a failure: first, and longest. The longest still leaves two seconds of the five in which a new
/// capacity is to be found.
const WAIT: (Duration, Duration) = (Duration::from_millis(1000), Duration::from_millis(2500));
/// Where less than this arrives, in bits per second, a probe takes much of the queue that there is, and the longest waiting is
/// longer: so many times more at most.
const THIN_BPS: f64 = 200_000.0;
/// See [`THIN_BPS`].
const THIN_WAITS_MAX: f64 = 3.0;
/// A probe of which nothing more is heard for this long and a round trip is over.
const PATIENCE: Duration = Duration::from_millis(600);
/// A probe must bring this much more to count as success.
const GAIN: f64 = 1.1;
/// Rates below this share of what was sent are the link's own, and then a little less is used. Between here and all that was
/// sent it may be either, and the part that is left out shrinks to nothing.
const SATURATED: (f64, f64) = (0.9, 0.95);

/// A probe to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// Its rate in bits per second, media included.
    pub rate_bps: u64,
    /// What it takes in all, in bytes.
    pub bytes: u64,
}

/// What is known of a link, all in bits per second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) estimate: f64,
    /// What of it is no bucket's doing.
    pub(crate) proven: f64,
    /// What arrives.
    pub(crate) arriving: f64,
}

/// What a probe has shown.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Shown {
    /// Bits per second.
    pub(crate) bps: f64,
    /// More was sent than a bucket passes.
    pub(crate) is_proof: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Probes {
    cluster: Cluster,
    underway: Option<Underway>,
    factor: f64,
    /// What probes in a row have sent beyond the estimate and passed as they were sent, in bytes: another may send more.
    passed_bytes: f64,
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
    /// What arrived before it, and the most that it may show, both in bits per second: what does not exceed a bucket proves
    /// little.
    arriving: f64,
    most: f64,
    is_proof: bool,
    /// What it and those before it, as far as they passed, send beyond the estimate, in bytes.
    beyond: f64,
    began: Stamp,
    sent_bytes: u64,
    sent_packets: u32,
    arrived: Passage,
    /// The same without the probe's beginning, and bytes that still belong to that.
    tail: Passage,
    skips: u64,
}

/// How packets left and how they arrived: what leaves slowly cannot arrive sooner, and tells nothing of the link.
#[derive(Clone, Copy, Debug, Default)]
struct Passage {
    left: Line,
    arrived: Line,
}

/// Least squares of time over bytes: jitter of single packets cancels out.
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
        Self { cluster: 0, underway: None, factor, passed_bytes: 0.0, wait, next_at: Stamp(0), begun: 0, bytes: 0 }
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

    /// Begins a probe beyond what is known toward `desired` bits per second.
    pub(crate) fn begin(&mut self, now: Stamp, known: Known, desired: f64) -> Option<Probe> {
        let Known { estimate, proven, arriving } = known;
        if self.underway.is_some() || now < self.next_at || desired <= estimate.min(proven) {
            return None;
        }
        let rate = (estimate * self.factor).min((desired * GAIN).max(estimate * 1.2));
        let excess_bps = (rate - estimate).max(0.1 * estimate);
        let by_queue = QUEUE.mul_f64(estimate / excess_bps).clamp(LENGTH.0, LENGTH.1);
        let proves = outweighs_buckets(estimate);
        let after = QUEUE_AFTER.mul_f64(estimate / excess_bps).min(LENGTH_AFTER);
        let length = if self.has_passed() && !proves { by_queue.max(after) } else { by_queue };
        let bytes = (rate * length.as_secs_f64() / 8.0).max(BYTES_MIN);
        let probe = Probe { rate_bps: rate as u64, bytes: bytes as u64 };
        self.cluster = self.cluster.checked_add(1).unwrap_or(1);
        let beyond = self.passed_bytes + excess_bps * length.as_secs_f64() / 8.0;
        let is_proof = proves || beyond >= BUCKET_BYTES;
        let most = if is_proof { f64::INFINITY } else { UNPROVEN * arriving };
        let skips = if bytes < SKIPPING_MIN { 0 } else { (bytes * SKIPPED) as u64 };
        self.underway = Some(Underway {
            probe,
            estimate,
            arriving,
            most,
            is_proof,
            beyond,
            began: now,
            sent_bytes: 0,
            sent_packets: 0,
            arrived: Passage::default(),
            tail: Passage::default(),
            skips,
        });
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
        if let Some(it) = self.underway.take() {
            self.fail(now, it.arriving);
        }
    }

    /// Notes a packet of `cluster` that left at `left` and arrived, in the order of sending.
    #[inline]
    pub(crate) fn arrived(&mut self, cluster: Cluster, left: Stamp, at: Stamp, bytes: u16) {
        if cluster != 0 && cluster == self.cluster {
            self.arrived_of_probe(left, at, bytes);
        }
    }

    #[cold]
    fn arrived_of_probe(&mut self, left: Stamp, at: Stamp, bytes: u16) {
        let Some(it) = &mut self.underway else { return };
        it.arrived.note(left, at, bytes);
        if it.skips > 0 {
            it.skips = it.skips.saturating_sub(bytes.into());
        } else {
            it.tail.note(left, at, bytes);
        }
    }

    /// Ends a report: the rate in bits per second that a probe has shown to be possible.
    pub(crate) fn conclude(&mut self, now: Stamp, rtt: Duration) -> Option<Shown> {
        let it = self.underway.filter(|it| !it.is_sending() || now.since(it.began) > PATIENCE)?;
        let complete =
            it.arrived.arrived.packets * 10 >= it.sent_packets * 8 && it.arrived.arrived.packets >= PACKETS_MIN;
        let patience = PATIENCE + rtt;
        if !complete && now.since(it.began) < patience {
            return None;
        }
        self.underway = None;
        let rate = it.bps().filter(|_| complete);
        // A thin link that shows its limit is left alone.
        let passed = rate.is_some_and(|rate| rate >= SATURATED.0 * SATURATED.1 * it.probe.rate_bps as f64);
        let gain = rate.filter(|&rate| rate > GAIN * it.estimate && (passed || it.arriving >= THIN_BPS));
        match gain {
            Some(_) => {
                // A rate that passed is tried until it is proven, then a higher one.
                self.factor = if it.is_proof { FACTORS.1 } else { self.factor.min(FACTORS.1) };
                self.passed_bytes = if passed { it.beyond } else { 0.0 };
                self.wait = WAIT.0;
                self.next_at = now;
            }
            None => self.fail(now, it.arriving),
        }
        rate.map(|rate| Shown { bps: rate.min(it.most), is_proof: it.is_proof })
    }

    /// Whether what the last probe has shown is being looked at again by one that sends more.
    pub(crate) fn is_verifying(&self) -> bool {
        self.underway.is_some() && self.has_passed()
    }

    fn has_passed(&self) -> bool {
        self.passed_bytes > 0.0
    }

    fn fail(&mut self, now: Stamp, arriving: f64) {
        self.passed_bytes = 0.0;
        self.factor = if self.factor > FACTORS.2 { FACTORS.2 } else { FACTORS.1 };
        self.next_at = now.after(self.wait);
        let thinness = (THIN_BPS / arriving.max(1.0)).clamp(1.0, THIN_WAITS_MAX);
        self.wait = (self.wait * 2).min(WAIT.1.mul_f64(thinness));
    }
}

/// Whether what a probe sends beyond a large estimate proves enough in any case.
fn outweighs_buckets(estimate: f64) -> bool {
    estimate * QUEUE.as_secs_f64() / 8.0 >= BUCKET_BYTES
}

impl Underway {
    /// What it shows, in bits per second: all of it, or its tail where that tells of less.
    fn bps(&self) -> Option<f64> {
        let sent = self.probe.rate_bps as f64;
        let (all, _) = self.arrived.arrived.bps(sent)?;
        Some(self.sharp_tail(sent).map_or(all, |tail| tail.min(all)))
    }

    fn sharp_tail(&self, sent: f64) -> Option<f64> {
        let Passage { left, arrived } = self.tail;
        let (tail, is_sharp) = arrived.bps(sent)?;
        let (left, _) = left.bps(f64::INFINITY)?;
        // On a narrow link a bucket hides its limit from all but the tail.
        let left_slowly = outweighs_buckets(WIDE * self.estimate) && tail >= SATURATED.0 * left;
        Some(tail).filter(|_| is_sharp && !left_slowly && arrived.packets >= TAIL_PACKETS_MIN)
    }

    fn is_sending(&self) -> bool {
        self.sent_bytes < self.probe.bytes || self.sent_packets <= PACKETS_MIN
    }
}

impl Passage {
    fn note(&mut self, left: Stamp, at: Stamp, bytes: u16) {
        self.left.note(left, bytes);
        self.arrived.note(at, bytes);
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

    /// Bits per second, at most `sent`, and whether the packets lie well on the line.
    fn bps(&self, sent: f64) -> Option<(f64, bool)> {
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
        let error = (residue / (count - 2.0) / spread).sqrt();
        let slope = joint / spread + error;
        let rate = if slope > 0.0 { (8.0 / slope).min(sent) } else { sent };
        let (saturated, keeps) = SATURATED;
        let unsure = if rate < sent { ((rate / sent - saturated) / (1.0 - saturated)).max(0.0) } else { 1.0 };
        Some((rate * (keeps + (1.0 - keeps) * unsure), error < SHARP * slope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);
    const KNOWN: Known = Known { estimate: 1e6, proven: 1e6, arriving: 1e6 };

    /// A link: its rate in bits per second, and a shaper's bucket in bytes.
    struct Link {
        capacity: f64,
        bucket: f64,
        free: f64,
    }

    impl Link {
        fn new(capacity: f64, bucket: f64) -> Self {
            Self { capacity, bucket, free: 0.0 }
        }

        /// When a packet arrives, in microseconds.
        fn pass(&mut self, now: Stamp, bytes: f64) -> u64 {
            let rested = now.0 as f64 - self.bucket * 8e6 / self.capacity;
            self.free = self.free.max(rested) + bytes * 8e6 / self.capacity;
            self.free.max(now.0 as f64) as u64
        }
    }

    /// Sends one whole probe over an idle link of `capacity` and returns what it shows.
    fn run(probes: &mut Probes, now: &mut Stamp, estimate: f64, desired: f64, capacity: f64) -> Option<f64> {
        let mut link = Link::new(capacity, 0.0);
        // What arrives is no bound here.
        let probe = probes.begin(*now, Known { estimate, proven: estimate, arriving: desired }, desired)?;
        send_over(&mut link, probes, now, probe, estimate)
    }

    /// The same over a link of which so much was and will be used.
    fn run_over(
        link: &mut Link,
        probes: &mut Probes,
        now: &mut Stamp,
        (estimate, used): (f64, f64),
        desired: f64,
    ) -> Option<f64> {
        let probe = probes.begin(*now, Known { estimate, proven: estimate, arriving: used }, desired)?;
        send_over(link, probes, now, probe, used)
    }

    fn send_over(link: &mut Link, probes: &mut Probes, now: &mut Stamp, probe: Probe, used: f64) -> Option<f64> {
        let cluster = probes.sending();
        assert_ne!(cluster, 0);
        while probes.sending() != 0 {
            let lacking = probes.lacking(*now).unwrap();
            let mut sent = 0;
            while sent < lacking {
                let bytes = if probe.rate_bps > 2_000_000 { 1200_u16 } else { 290 };
                let arrives = link.pass(*now, bytes.into());
                probes.sent(bytes);
                probes.arrived(cluster, *now, Stamp(arrives + 20_000), bytes);
                sent += u64::from(bytes);
            }
            *now = now.after(Duration::from_millis(5));
        }
        let next = now.after(Duration::from_millis(100));
        while *now < next {
            *now = now.after(Duration::from_millis(10));
            link.pass(*now, used / 800.0);
        }
        probes.conclude(*now, RTT).map(|shown| shown.bps)
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
            assert_eq!(probes.begin(now, KNOWN, 1e7), None);
            now = probes.next_at();
        }
        assert_eq!(waits, [1000, 2000, 2500, 2500]);
    }

    /// What a bucket of tokens passes at once is not taken for what the link carries.
    #[test]
    fn a_bucket_of_tokens_feigns_little() {
        for (capacity, used) in [(2e5, 1.8e5), (3e5, 2.3e5), (8e5, 6e5), (3e6, 2e6)] {
            let (mut probes, mut link) = (Probes::new(), Link::new(capacity, 4000.0));
            let (mut now, mut estimate) = (Stamp(0), used);
            for _ in 0..20 {
                let shown = run_over(&mut link, &mut probes, &mut now, (estimate, used), 1e7).unwrap_or(0.0);
                estimate = estimate.max(shown);
                assert!(estimate <= 1.5 * capacity, "{estimate} of {capacity}");
                while now < probes.next_at() {
                    now = now.after(Duration::from_millis(10));
                    link.pass(now, used / 800.0);
                }
            }
            assert!(estimate >= 0.9 * capacity, "{estimate} of {capacity}");
        }
    }

    /// What was sent slowly in the end is not taken for the link's limit.
    #[test]
    fn what_leaves_slowly_tells_nothing() {
        let mut probes = Probes::new();
        let known = Known { estimate: 4e6, proven: 4e6, arriving: 4e6 };
        let probe = probes.begin(Stamp(0), known, 1e7).unwrap();
        let cluster = probes.sending();
        let packets = probe.bytes.div_ceil(290);
        let fast = packets * 7 / 10;
        let mut left = 0;
        for index in 0..packets {
            left = if index < fast { index * 180 } else { left + 700 };
            probes.sent(290);
            probes.arrived(cluster, Stamp(left), Stamp(left + 20_000), 290);
        }
        let shown = probes.conclude(Stamp(200_000), RTT).unwrap();
        assert!(shown.bps > 6e6, "{} of {}", shown.bps, probe.rate_bps);
    }

    #[test]
    fn nothing_to_gain_nothing_sent() {
        let mut probes = Probes::new();
        assert_eq!(probes.begin(Stamp(0), KNOWN, 1e6), None);
        assert!(Probes::new().begin(Stamp(0), Known { proven: 9e5, ..KNOWN }, 1e6).is_some());
        assert!(probes.begin(Stamp(0), KNOWN, 1.05e6).unwrap().rate_bps <= 1_200_000);
    }

    #[test]
    fn silence_ends_a_probe() {
        let mut probes = Probes::new();
        let probe = probes.begin(Stamp(0), KNOWN, 1e7).unwrap();
        probes.sent(u16::try_from(probe.bytes).unwrap());
        assert_eq!(probes.conclude(Stamp(100_000), RTT), None);
        assert!(probes.is_underway());
        assert_eq!(probes.conclude(Stamp(700_000), RTT), None);
        assert!(!probes.is_underway() && probes.next_at() > Stamp(700_000));
    }
}
