//! One estimator over links of all kinds, with a sender that always has as much to send as it may.

use std::time::Instant;

use proptest::prelude::*;
use wire::Ssrc;
use wire::rtcp::{Packet, Writer, packets};

use super::*;
use crate::arrivals::Arrivals;

const MS: u64 = 1000;

/// A link and both its ends. Time in microseconds.
struct World {
    estimator: Estimator,
    arrivals: Arrivals,
    epoch: Instant,
    now: u64,
    capacity: f64,
    delay: u64,
    jitter: u64,
    loss: f64,
    queue_max: u64,
    /// Sends no more than this.
    wish: f64,
    free_at: u64,
    credit: f64,
    chance: u64,
    underway: Vec<(u64, u16)>,
    letters: Vec<(u64, Vec<u8>)>,
    /// Estimate, queue in ms, bits that went through: each 10 ms.
    trace: Vec<(f64, f64, f64)>,
    delivered: f64,
}

impl World {
    fn new(capacity: f64) -> Self {
        Self {
            estimator: Estimator::default(),
            arrivals: Arrivals::default(),
            epoch: Instant::now(),
            now: 0,
            capacity,
            delay: 20 * MS,
            jitter: 0,
            loss: 0.0,
            queue_max: 500 * MS,
            wish: f64::MAX,
            free_at: 0,
            credit: 0.0,
            chance: 1,
            underway: Vec::new(),
            letters: Vec::new(),
            trace: Vec::new(),
            delivered: 0.0,
        }
    }

    fn random(&mut self) -> f64 {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn send(&mut self, bytes: u16) {
        let sequence = self.estimator.sequence();
        self.estimator.sent(Stamp(self.now), bytes);
        let begins = self.free_at.max(self.now);
        if begins - self.now > self.queue_max {
            return;
        }
        self.free_at = begins + (f64::from(bytes) * 8e6 / self.capacity) as u64;
        if self.random() >= self.loss {
            let jitter = (self.jitter as f64 * self.random()) as u64;
            self.underway.push((self.free_at + self.delay + jitter, sequence));
            self.delivered += f64::from(bytes) * 8.0;
        }
    }

    /// A frame each 33 ms as large as the estimate allows, split over packets.
    fn frame(&mut self) {
        let rate = self.estimator.estimate(Stamp(self.now)).map_or(START_BPS as f64, |it| it.target_bps as f64);
        self.credit += rate.min(self.wish) / 30.0 / 8.0;
        while self.credit >= 300.0 {
            let bytes = self.credit.min(1200.0);
            self.credit -= bytes;
            self.send(bytes as u16);
        }
    }

    fn step(&mut self) {
        self.now += MS;
        if self.now.is_multiple_of(33 * MS) {
            self.frame();
        }
        if self.now.is_multiple_of(5 * MS) {
            while self.estimator.probe_lacks(Stamp(self.now)).is_some_and(|lacks| lacks > 0) {
                self.send(290);
            }
        }
        let now = self.epoch + Duration::from_micros(self.now);
        let mut come: Vec<_> = self.underway.iter().copied().filter(|it| it.0 <= self.now).collect();
        self.underway.retain(|it| it.0 > self.now);
        come.sort_unstable();
        for (at, sequence) in come {
            self.arrivals.note(self.epoch + Duration::from_micros(at), sequence);
        }
        while let Some(report) = self.arrivals.poll(now) {
            let mut buffer = [0; 1200];
            let mut writer = Writer::new(&mut buffer);
            writer.twcc(Ssrc(1), Ssrc(2), &report).unwrap();
            self.letters.push((self.now + self.delay, writer.as_bytes().to_vec()));
        }
        let now = Stamp(self.now);
        for (_, letter) in self.letters.extract_if(.., |it| it.0 <= now.0) {
            let Some(Ok(Packet::TransportFeedback(feedback))) = packets(&letter).next() else { panic!() };
            assert!(self.estimator.feedback(now, &feedback));
        }
        self.estimator.advance(now, true);
        self.estimator.probe(now, if self.wish < 1e9 { self.wish as u64 } else { 20_000_000 });
        if self.now.is_multiple_of(10 * MS) {
            let target = self.estimator.estimate(now).map_or(0.0, |it| it.target_bps as f64);
            let queue = self.free_at.saturating_sub(self.now) as f64 / 1000.0;
            self.trace.push((target, queue, self.delivered));
        }
    }

    fn run(&mut self, seconds: u64) -> &[(f64, f64, f64)] {
        let from = self.trace.len();
        for _ in 0..seconds * 1000 {
            self.step();
        }
        &self.trace[from..]
    }
}

/// Seconds until the estimate first reaches `share` of `capacity`.
fn reached(trace: &[(f64, f64, f64)], share: f64, capacity: f64) -> f64 {
    trace.iter().position(|it| it.0 >= share * capacity).map_or(f64::MAX, |at| at as f64 / 100.0)
}

/// Seconds until the estimate is down to `capacity` and stays for a second.
fn left(trace: &[(f64, f64, f64)], capacity: f64) -> f64 {
    let stays = |window: &[(f64, f64, f64)]| window.iter().all(|it| it.0 <= capacity * 1.05);
    trace.windows(100).position(stays).map_or(f64::MAX, |at| at as f64 / 100.0)
}

fn queue_p95(trace: &[(f64, f64, f64)]) -> f64 {
    let mut queues: Vec<_> = trace.iter().map(|it| it.1).collect();
    queues.sort_by(f64::total_cmp);
    queues[queues.len() * 95 / 100]
}

fn utilisation(trace: &[(f64, f64, f64)], capacity: f64) -> f64 {
    let bits = trace[trace.len() - 1].2 - trace[0].2;
    bits / (capacity * trace.len() as f64 / 100.0)
}

#[test]
fn follows_steps_of_capacity() {
    let mut world = World::new(4e6);
    for (index, capacity) in [4e6, 1e6, 0.3e6, 2e6].into_iter().enumerate() {
        let before = std::mem::replace(&mut world.capacity, capacity);
        let trace = world.run(25).to_vec();
        if before > capacity {
            assert!(left(&trace, capacity) <= 1.0, "step {index} left overload after {}", left(&trace, capacity));
        } else {
            let after = reached(&trace, 0.9, capacity);
            assert!(after <= 5.0, "step {index} ramped in {after}");
        }
        let steady = &trace[1000..];
        let (queue, used) = (queue_p95(steady), utilisation(steady, capacity));
        assert!(queue <= 100.0 && used >= 0.85, "step {index}: queue {queue} ms, utilisation {used}");
    }
}

#[test]
fn a_ceiling_holds_until_it_is_taken_away() {
    let target = |world: &World| world.estimator.estimate(Stamp(world.now)).map(|it| it.target_bps);
    let mut world = World::new(2e6);
    assert_eq!(target(&world), None);
    world.estimator.limit(Some(200_000));
    assert_eq!(target(&world), Some(200_000), "before anything is known of the link");
    world.run(10);
    assert_eq!(target(&world), Some(200_000));
    world.estimator.limit(None);
    let after = reached(world.run(10), 0.9, 2e6);
    assert!(after <= 5.0, "ramped in {after}");
}

#[test]
fn random_losses_cost_little() {
    let mut rates = Vec::new();
    for loss in [0.0, 0.03, 0.1] {
        let mut world = World { loss, ..World::new(2e6) };
        let trace = world.run(40).to_vec();
        rates.push(utilisation(&trace[1000..], 2e6) / (1.0 - loss));
    }
    assert!(rates[1] >= 0.9 * rates[0] && rates[2] >= 0.8 * rates[0], "{rates:?}");
}

#[test]
fn a_long_way_and_jitter_are_borne() {
    for (delay, jitter) in [(100, 0), (20, 15), (50, 30)] {
        let mut world = World { delay: delay * MS, jitter: jitter * MS, ..World::new(2e6) };
        let trace = world.run(40).to_vec();
        let after = reached(&trace, 0.9, 2e6);
        let steady = &trace[1000..];
        let (queue, used) = (queue_p95(steady), utilisation(steady, 2e6));
        assert!(after <= 5.0 && queue <= 100.0 && used >= 0.85, "{delay}+{jitter}: {after} s, {queue} ms, {used}");
    }
}

#[test]
fn a_shallow_queue_is_no_harm() {
    let mut world = World { queue_max: 50 * MS, ..World::new(2e6) };
    let trace = world.run(40).to_vec();
    let used = utilisation(&trace[1000..], 2e6);
    assert!(used >= 0.8, "{used}");
    let mean = trace[1000..].iter().map(|it| it.0).sum::<f64>() / (trace.len() - 1000) as f64;
    assert!(mean <= 1.15 * 2e6, "{mean}");
}

/// A delay that might be a queue is waited for: nothing grows, nothing is probed.
#[test]
fn nothing_is_built_upon_a_queue_that_stands() {
    let mut world = World { wish: 0.5e6, ..World::new(4e6) };
    world.run(15);
    world.delay += 70 * MS;
    world.run(1);
    world.wish = 3e6;
    let (begun, _) = world.estimator.probed();
    let before = world.estimator.estimate(Stamp(world.now)).unwrap();
    assert!(!world.estimator.has_drained(), "{before:?}");
    let trace = world.run(5).to_vec();
    assert!(trace.iter().all(|it| it.0 <= before.target_bps as f64), "{before:?}");
    assert_eq!(world.estimator.probed().0, begun);
    let after = reached(world.run(40), 0.9, 3e6);
    assert!(after < 30.0, "it is the way itself after {after} s");
}

#[test]
fn a_longer_route_is_learnt() {
    let mut world = World::new(2e6);
    world.run(15);
    world.delay += 150 * MS;
    let trace = world.run(30).to_vec();
    let used = utilisation(&trace[1200..], 2e6);
    assert!(used >= 0.8, "{used}");
}

#[test]
fn little_to_send_keeps_what_is_known() {
    let mut world = World::new(3e6);
    world.run(10);
    world.wish = 2e5;
    let trace = world.run(20).to_vec();
    let least = trace.iter().map(|it| it.0).fold(f64::MAX, f64::min);
    assert!(least >= 1.5e6, "{least}");
}

#[test]
fn an_outage_lowers_the_rate_and_is_overcome() {
    let mut world = World::new(2e6);
    world.run(10);
    world.loss = 1.0;
    let trace = world.run(6).to_vec();
    assert!(trace[599].0 < 0.5e6, "{}", trace[599].0);
    world.loss = 0.0;
    let trace = world.run(10).to_vec();
    let after = reached(&trace, 0.9, 2e6);
    assert!(after <= 5.0, "{after}");
}

#[test]
fn more_than_was_sent_is_refused() {
    let mut bytes = vec![0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0x1f, 0xff, 0x1f, 0xff];
    bytes.resize(20 + 2 * 20, 0x1f);
    bytes[3] = 14;
    let Some(Ok(Packet::TransportFeedback(feedback))) = packets(&bytes).next() else { panic!() };
    let mut estimator = Estimator::default();
    assert!(!estimator.feedback(Stamp(0), &feedback));
    assert_eq!(estimator.estimate(Stamp(0)), None);
}

#[test]
fn a_remb_counts_where_nothing_else_does() {
    let mut estimator = Estimator::default();
    estimator.remb(Stamp(0), 700_000);
    assert_eq!(estimator.estimate(Stamp(1)).unwrap().target_bps, 700_000);
    estimator.remb(Stamp(0), u64::MAX);
    assert_eq!(estimator.estimate(Stamp(1)).unwrap().target_bps, TARGET_BPS.1);
    let mut world = World::new(1e6);
    world.run(5);
    world.estimator.remb(Stamp(world.now), 60_000);
    assert!(world.estimator.estimate(Stamp(world.now)).unwrap().target_bps > 500_000);
}

proptest! {
    /// Whatever a peer claims, the estimate is a number within its bounds.
    #[test]
    fn lies_do_no_harm(
        steps in proptest::collection::vec((any::<u16>(), any::<u32>(), any::<[Option<i16>; 8]>(), 0u64..10_000_000), 1..60),
    ) {
        let (mut estimator, mut now) = (Estimator::default(), 0);
        for (base, reference, deltas, pause) in steps {
            for _ in 0..20 {
                estimator.sent(Stamp(now), 1200);
            }
            let base_sequence = estimator.sequence().wrapping_sub(base % 30);
            let report = wire::rtcp::TransportReport {
                base_sequence, reference_time: reference, feedback_count: 0, deltas: &deltas,
            };
            let mut buffer = [0; 1200];
            let mut writer = Writer::new(&mut buffer);
            writer.twcc(Ssrc(1), Ssrc(2), &report).unwrap();
            if let Some(Ok(Packet::TransportFeedback(feedback))) = packets(writer.as_bytes()).next() {
                estimator.feedback(Stamp(now), &feedback);
                let target = estimator.estimate(Stamp(now)).unwrap().target_bps;
                prop_assert!((TARGET_BPS.0..=TARGET_BPS.1).contains(&target));
            }
            estimator.probe(Stamp(now), 1_000_000_000);
            now += pause;
        }
    }
}
