//! The rate that losses allow. Random losses say nothing of the rate, those of a full queue do; which they are is
//! found out by trying: a little less is sent for a while, and losses that fall were the rate's fault.
//!
//! The draft's controller (draft-ietf-rmcat-gcc-02 section 6) reduces the rate whenever more than a tenth is lost and
//! lets it stand above a fiftieth; on a radio link that loses a tenth for good it never stops reducing.

use std::time::Duration;

use crate::Stamp;

/// Losses are judged over this long.
const ROUND: Duration = Duration::from_millis(500);
/// and over at least this many packets; half as many more of them lost end a round at once.
const PACKETS_MIN: u32 = 20;
/// Up to this share of losses nothing is done: retransmission mends it.
const HARMLESS: f64 = 0.04;
/// Losses above this are the rate's fault without trial: no random loss is that heavy for long.
const GLARING: f64 = 0.30;
/// What is sent in a trial, of what arrives.
const TRIAL: f64 = 0.8;
/// Rounds of a trial: the first is the queue's emptying.
const TRIAL_ROUNDS: u32 = 3;
/// Losses that fall below this share of what they were are the rate's fault.
const RELIEF: f64 = 0.6;
/// A bound is lifted by this each round without heavy losses.
const LIFT: f64 = 1.04;
/// How long losses stay known to be random.
const TRUST: Duration = Duration::from_secs(20);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Loss {
    arrived: u32,
    lost: u32,
    round_began: Option<Stamp>,
    share: f64,
    /// Losses and packets of the last round.
    before: (u32, u32),
    /// Losses known to be random, and until when.
    random: Option<(f64, Stamp)>,
    trial: Option<Trial>,
    bound: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    before: f64,
    rounds: u32,
    /// Of all rounds but the first.
    lost: u32,
    total: u32,
}

impl Loss {
    /// Share of packets lost in the last round, 0.0..=1.0.
    pub(crate) fn share(&self) -> f64 {
        self.share
    }

    /// The rate that losses allow, in bits per second.
    pub(crate) fn bound(&self) -> Option<f64> {
        self.bound
    }

    /// Notes packets of one report. Losses taken back are negative.
    pub(crate) fn note(&mut self, arrived: u32, lost: i32) {
        self.arrived = self.arrived.saturating_add(arrived);
        self.lost = self.lost.saturating_add_signed(lost);
    }

    /// Ends a report. `estimate` is the rate in force, `acknowledged` what arrives.
    pub(crate) fn conclude(&mut self, now: Stamp, estimate: f64, acknowledged: Option<f64>) {
        let began = *self.round_began.get_or_insert(now);
        let total = self.arrived + self.lost;
        let is_glaring = total >= PACKETS_MIN / 2 && f64::from(self.lost) > GLARING * f64::from(total);
        if total < PACKETS_MIN / 2 || (!is_glaring && (now.since(began) < ROUND || total < PACKETS_MIN)) {
            return;
        }
        let share = f64::from(self.lost) / f64::from(total);
        let counts = (self.lost, total);
        let before = std::mem::replace(&mut self.before, counts);
        let certain = certain(counts).max(certain((before.0 + counts.0, before.1 + counts.1)));
        (self.arrived, self.lost, self.round_began, self.share) = (0, 0, Some(now), share);
        if self.random.is_some_and(|(_, until)| now >= until) {
            self.random = None;
        }
        let arriving = acknowledged.unwrap_or(estimate);
        if share > GLARING {
            // What arrives is what the link takes.
            self.trial = None;
            self.bound = Some((arriving * (1.0 - share / 4.0)).min(estimate));
        } else if self.trial.is_some() {
            self.try_on(now, counts, estimate);
        } else {
            self.judge(share, certain, estimate, arriving);
        }
    }

    fn judge(&mut self, share: f64, certain: f64, estimate: f64, arriving: f64) {
        let random = self.random.map_or(0.0, |(random, _)| random);
        if certain > HARMLESS && certain > random {
            self.before = (0, 0);
            self.trial = Some(Trial { before: share, rounds: 0, lost: 0, total: 0 });
            self.bound = Some((TRIAL * arriving).min(estimate));
        } else {
            self.lift(estimate);
        }
    }

    fn try_on(&mut self, now: Stamp, (lost, total): (u32, u32), estimate: f64) {
        let Some(trial) = &mut self.trial else { return };
        trial.rounds += 1;
        if trial.rounds > 1 {
            (trial.lost, trial.total) = (trial.lost + lost, trial.total + total);
        }
        if trial.rounds < TRIAL_ROUNDS {
            return;
        }
        let (before, share) = (trial.before, f64::from(trial.lost) / f64::from(trial.total.max(1)));
        self.trial = None;
        if share > RELIEF * before {
            self.random = Some((share.max(before), now.after(TRUST)));
            self.bound = None;
        } else {
            self.lift(estimate);
        }
    }

    fn lift(&mut self, estimate: f64) {
        // A bound far above what the delay allows bounds nothing.
        self.bound = self.bound.map(|bound| bound * LIFT).filter(|&bound| bound < 1.5 * estimate);
    }

    /// A probe showed that this much gets through.
    pub(crate) fn probed(&mut self, bps: f64) {
        if self.trial.is_none() && self.share <= HARMLESS && self.bound.is_some_and(|bound| bound < bps) {
            self.bound = None;
        }
    }
}

/// The share of losses that two standard deviations of chance do not explain.
fn certain((lost, total): (u32, u32)) -> f64 {
    let lost = f64::from(lost);
    (lost - 2.0 * lost.sqrt()).max(0.0) / f64::from(total.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends what is allowed up to `wish` for `rounds`, losing `random` and what is above `capacity`.
    fn run(loss: &mut Loss, rounds: std::ops::Range<u64>, wish: f64, random: f64, capacity: f64) -> Vec<f64> {
        let mut rates = Vec::new();
        for round in rounds {
            let rate = loss.bound().map_or(wish, |bound| bound.min(wish));
            let share = random + (1.0 - capacity / rate).max(0.0);
            let total = (rate / 2.0 / 9600.0).round();
            let lost = (total * share).round();
            loss.note((total - lost) as u32, lost as i32);
            loss.conclude(Stamp(round * 500_000), rate, Some(rate * (1.0 - share)));
            rates.push(rate);
        }
        rates
    }

    #[test]
    fn random_losses_cost_a_trial_at_most() {
        for (random, least) in [(0.03, 0.999), (0.10, 0.93), (0.2, 0.9)] {
            let rates = run(&mut Loss::default(), 0..120, 2e6, random, f64::MAX);
            let mean = rates.iter().sum::<f64>() / rates.len() as f64;
            assert!(mean >= least * 2e6, "{random}: {mean}");
        }
    }

    #[test]
    fn losses_of_a_full_queue_bound_the_rate_at_once() {
        for overload in [1.15, 1.5, 3.0] {
            let mut loss = Loss::default();
            run(&mut loss, 0..2, 1e6 * overload, 0.0, 1e6);
            let rates = run(&mut loss, 2..60, 1e6 * overload, 0.0, 1e6);
            assert!(rates[0] <= 1e6, "{overload}: {rates:?}");
            let mean = rates.iter().sum::<f64>() / rates.len() as f64;
            assert!((0.85e6..1.1e6).contains(&mean), "{overload}: {mean} {rates:?}");
        }
    }

    #[test]
    fn a_probe_lifts_a_stale_bound() {
        let mut loss = Loss::default();
        run(&mut loss, 0..4, 3e6, 0.0, 1e6);
        assert!(loss.bound().is_some());
        loss.note(100, 0);
        loss.conclude(Stamp(10_000_000), 1e6, Some(1e6));
        loss.probed(2e6);
        assert_eq!(loss.bound(), None);
    }
}
