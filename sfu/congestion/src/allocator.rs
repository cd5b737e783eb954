//! Who gets how much: shares one peer's rate among the videos that it watches.
//!
//! Each video is a ladder of layers, each step costing more than the one before. In order of rank everybody gets the
//! lowest step, or is paused when even that does not fit; then everybody keeps what it has; then, rank by rank, all
//! rise step by step while there is room to spare. What fell waits before it rises, longer each time that rising
//! was in vain, so that a rate between two steps does not make the picture jump. A rise in vain ends where it began:
//! the rate that is left while the queue of the trial drains does not tell what the link carries.

use std::time::Duration;

use crate::Stamp;

/// Steps of a ladder: four encodings of four temporal layers.
pub const STEPS_MAX: usize = 16;
/// To rise, the new sum must fit this share of the rate.
const RISE_SHARE: f64 = 0.95;
/// To stay, the sum may exceed the rate by this: measured layers breathe.
const KEEP_SHARE: f64 = 1.04;
/// How long one that fell stays, at first and at most.
const STAY: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(24));
/// How long one stays paused at most: no picture is worse than one that comes and goes.
const STAY_PAUSED_MAX: Duration = Duration::from_secs(12);
/// A fall this soon after a rise shows that the rise was in vain.
const VAIN: Duration = Duration::from_secs(10);
/// How long one waits that rose from one layer to another in vain before it tries the like again, at first and at most.
const BARRED: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(48));
/// A layer that was carried for this long is proven: a rise in vain falls back to it.
const PROVEN: Duration = Duration::from_secs(3);
/// How long a proven layer is kept after a rise in vain although the rate says less: until probes have told anew what the
/// link carries.
const REFUGE: Duration = Duration::from_secs(3);
/// Share of its cost that must be there all the same.
const REFUGE_SHARE: f64 = 0.6;

/// One layer and what it costs, with all layers that it needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Step {
    /// Index of the encoding or spatial layer.
    pub spatial: u8,
    /// Index of the temporal layer.
    pub temporal: u8,
    /// Bits per second.
    pub bps: u64,
}

/// The steps of one video, cheapest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ladder {
    steps: [Step; STEPS_MAX],
    len: usize,
}

impl Ladder {
    /// Adds a step above the others. One that costs less than the one below replaces it: it is better and cheaper.
    /// A full ladder takes no more.
    pub fn push(&mut self, step: Step) {
        while self.steps().last().is_some_and(|last| last.bps >= step.bps) {
            self.len -= 1;
        }
        if let Some(place) = self.steps.get_mut(self.len) {
            *place = step;
            self.len += 1;
        }
    }

    /// The steps, cheapest first.
    pub fn steps(&self) -> &[Step] {
        self.steps.get(..self.len).unwrap_or_default()
    }

    /// What the best costs.
    pub fn top_bps(&self) -> u64 {
        self.steps().last().map_or(0, |step| step.bps)
    }

    /// Cost of the first `count` steps' best; 0 for none.
    fn cost(&self, count: usize) -> u64 {
        count.checked_sub(1).and_then(|index| self.steps().get(index)).map_or(0, |step| step.bps)
    }

    /// How many steps lead up to this layer or to the best below it.
    fn reach(&self, spatial: u8, temporal: u8) -> usize {
        let fits = |step: &&Step| (step.spatial, step.temporal) <= (spatial, temporal);
        self.steps().iter().take_while(fits).count()
    }
}

/// What one video gets, and what is remembered of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Holding {
    /// The layer that it has; `None` while paused.
    layer: Option<(u8, u8)>,
    begun: bool,
    /// When it got it.
    since: Stamp,
    rose: Option<Rise>,
    may_rise: Stamp,
    stay: Duration,
    refuge: Option<Refuge>,
    barred: Option<Bar>,
}

/// A rise of which it is not known yet whether it was in vain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rise {
    at: Stamp,
    /// The layer before, and whether that was proven.
    from: Option<(u8, u8)>,
    is_proven: bool,
}

/// The proven layer to which a rise in vain fell back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Refuge {
    layer: (u8, u8),
    until: Stamp,
}

/// What was in vain above a layer is not tried again for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Bar {
    above: (u8, u8),
    until: Stamp,
    wait: Duration,
}

impl Holding {
    /// The highest spatial and temporal layer that it has; `None` while paused.
    pub fn layer(&self) -> Option<(u8, u8)> {
        self.layer
    }

    /// It was given something, or paused, and has not just come.
    pub fn is_begun(&self) -> bool {
        self.begun
    }

    fn change(&mut self, now: Stamp, layer: Option<(u8, u8)>) {
        if self.begun && layer == self.layer {
            return;
        }
        let rises = layer > self.layer;
        if self.begun && !rises {
            // Falling on from a fall is the same fall.
            if let Some(rise) = self.rose.take() {
                self.judge(now, rise, layer);
            }
            let stay = if layer.is_none() { self.stay.min(STAY_PAUSED_MAX) } else { self.stay };
            self.may_rise = now.after(stay.max(STAY.0));
        } else if rises {
            let (from, is_proven) = (self.layer, now.since(self.since) >= PROVEN);
            self.rose = Some(Rise { at: now, from, is_proven });
        }
        (self.layer, self.begun, self.since) = (layer, true, now);
    }

    /// It fell to `layer` after a rise.
    fn judge(&mut self, now: Stamp, rise: Rise, layer: Option<(u8, u8)>) {
        let in_vain = now.since(rise.at) < VAIN;
        let Some(from) = rise.from.filter(|_| in_vain) else {
            self.stay = if in_vain && !self.stay.is_zero() { (self.stay * 2).min(STAY.1) } else { STAY.0 };
            if !in_vain {
                self.barred = None;
            }
            return;
        };
        self.stay = STAY.0;
        let wait = self.barred.map_or(BARRED.0, |bar| (bar.wait * 2).min(BARRED.1));
        self.barred = Some(Bar { above: from, until: now.after(wait), wait });
        if layer >= Some(from) && rise.is_proven {
            self.refuge = Some(Refuge { layer: from, until: now.after(REFUGE) });
        }
    }

    /// The layer that it does not lose to a rate that fell for a moment.
    fn proven(&self, now: Stamp) -> Option<(u8, u8)> {
        let risen = self.rose.filter(|rise| rise.is_proven && now.since(rise.at) < VAIN).and_then(|rise| rise.from);
        risen.or_else(|| self.refuge.filter(|refuge| now < refuge.until).map(|refuge| refuge.layer))
    }

    /// Whether it may not yet get what is above its present layers.
    fn waits(&self, now: Stamp, step: &Step) -> bool {
        let barred = |bar: Bar| now < bar.until && (step.spatial, step.temporal) > bar.above;
        now < self.may_rise || self.barred.is_some_and(barred)
    }
}

/// One video that wants a share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Demand {
    /// Lower comes first; equals rise together.
    pub rank: u32,
    /// What it could get.
    pub ladder: Ladder,
    /// What it has.
    pub holding: Holding,
}

impl Demand {
    /// Whether it has all that it could get.
    pub fn has_the_best(&self) -> bool {
        let best = self.ladder.steps().last().map(|step| (step.spatial, step.temporal));
        best.is_none_or(|best| self.holding.layer() == Some(best))
    }
}

/// What is shared out, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Bits per second for all.
    pub bps: u64,
    /// What of it is certain enough for larger pictures.
    pub proven_bps: u64,
    /// Without it nobody rises.
    pub may_rise: bool,
    /// Without it nobody is paused.
    pub may_pause: bool,
}

/// Shares `budget` among `demands`, which are sorted by rank, and notes the outcome in their holdings.
pub fn allocate(now: Stamp, budget: Budget, demands: &mut [Demand]) {
    let may_pause = budget.may_pause;
    let mut sharing = Sharing::new(now, budget);
    let mut counts = [0_usize; DEMANDS_MAX];
    let len = demands.len().min(DEMANDS_MAX);
    let (shared, beyond) = demands.split_at_mut(len);
    for (demand, count) in shared.iter().zip(&mut counts) {
        if !sharing.climb(demand, count) && !may_pause {
            sharing.force(demand, count);
        }
    }
    // What is there is kept before anybody rises.
    while shared.iter().zip(&mut counts).fold(false, |any, (demand, count)| {
        let keeps = *count > 0 && *count < had(demand);
        (keeps && sharing.climb(demand, count)) || any
    }) {}
    let mut first = 0;
    while let Some(rank) = shared.get(first).map(|demand| demand.rank) {
        let end = shared.iter().position(|demand| demand.rank > rank).unwrap_or(len);
        while shared[first..end]
            .iter()
            .zip(&mut counts[first..end])
            .fold(false, |any, (demand, count)| (*count > 0 && sharing.climb(demand, count)) || any)
        {}
        first = end.max(first + 1);
    }
    one_at_a_time(shared, &mut counts);
    for (demand, &count) in shared.iter_mut().zip(&counts) {
        let step = count.checked_sub(1).and_then(|index| demand.ladder.steps().get(index));
        // A video of which nothing has arrived yet is neither paused nor given anything.
        if !demand.ladder.steps().is_empty() {
            demand.holding.change(now, step.map(|step| (step.spatial, step.temporal)));
        }
    }
    beyond.iter_mut().for_each(|demand| demand.holding.change(now, None));
}

/// Of all that would get a larger picture, only the one with the smallest gets it: each takes a keyframe, and many at
/// once are a burst.
fn one_at_a_time(demands: &[Demand], counts: &mut [usize]) {
    let grows = |demand: &Demand, count: usize| {
        let (before, _) = demand.holding.layer.filter(|_| demand.holding.begun)?;
        let after = demand.ladder.steps().get(count.checked_sub(1)?)?.spatial;
        (after > before).then_some(before)
    };
    let growing = || demands.iter().zip(counts.iter()).enumerate();
    let chosen = growing().filter_map(|(index, (demand, &count))| Some((grows(demand, count)?, index))).min();
    for (index, (demand, count)) in demands.iter().zip(counts.iter_mut()).enumerate() {
        if grows(demand, *count).is_some() && chosen.is_some_and(|(_, chosen)| chosen != index) {
            *count = had(demand);
        }
    }
}

/// Videos of one peer that get a share; more are paused. Four screens full of pictures.
pub const DEMANDS_MAX: usize = 128;

struct Sharing {
    now: Stamp,
    used: u64,
    keep: u64,
    refuge: u64,
    rise: u64,
    grow: u64,
    may_rise: bool,
}

impl Sharing {
    fn new(now: Stamp, budget: Budget) -> Self {
        let share = |share: f64| (budget.bps as f64 * share) as u64;
        let (keep, refuge) = (share(KEEP_SHARE), share(1.0 / REFUGE_SHARE));
        let grow = share(RISE_SHARE).min(budget.proven_bps);
        Self { now, used: 0, keep, refuge, rise: share(RISE_SHARE), grow, may_rise: budget.may_rise }
    }

    /// Takes one more step, if it fits.
    fn climb(&mut self, demand: &Demand, count: &mut usize) -> bool {
        let Some(step) = demand.ladder.steps().get(*count) else { return false };
        let is_new = *count >= had(demand);
        if is_new && demand.holding.begun && (!self.may_rise || demand.holding.waits(self.now, step)) {
            return false;
        }
        let proven = demand.holding.proven(self.now);
        let is_proven = proven.is_some_and(|layer| (step.spatial, step.temporal) <= layer);
        let sum = self.used - demand.ladder.cost(*count) + step.bps;
        let grows = demand.holding.layer.is_some_and(|(spatial, _)| step.spatial > spatial);
        let fits = match (is_new, is_proven) {
            (true, _) if grows => self.grow,
            (true, _) => self.rise,
            (false, true) => self.refuge,
            (false, false) => self.keep,
        };
        if sum > fits {
            return false;
        }
        self.used = sum;
        *count += 1;
        true
    }

    /// Takes the lowest step although it does not fit.
    fn force(&mut self, demand: &Demand, count: &mut usize) {
        if let Some(step) = demand.ladder.steps().first() {
            self.used += step.bps;
            *count = 1;
        }
    }
}

/// Steps that a video has.
fn had(demand: &Demand) -> usize {
    demand.holding.layer.map_or(0, |(spatial, temporal)| demand.ladder.reach(spatial, temporal))
}

#[cfg(test)]
mod tests;
