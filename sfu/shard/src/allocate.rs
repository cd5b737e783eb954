//! Shares a peer's rate among the videos that it watches, and tells control which of them pause.

use std::time::{Duration, Instant};

use congestion::allocator::{self, Budget, Demand, Holding};
use congestion::{Ladder, Step};
use door::{DownKey, DownTrackParams, ExtensionKind, Kind, LayerTarget, Notice, Weight};
use forward::{SILENCE, UpTrack};

use crate::Shard;
use crate::control::AddDown;
use crate::estimate::LOOK_INTERVAL;
use crate::peers::PeerEntry;
use crate::routes::PeerSlot;
use crate::sending::Watched;
use crate::tracks::TrackEntry;

/// A rate is shared out anew at most this often, and where there is room for all.
const SHARE_INTERVAL: (Duration, Duration) = (Duration::from_millis(100), LOOK_INTERVAL);

/// Nobody rises for this long after the link was found full.
const CALM: Duration = Duration::from_secs(2);

/// How long a rate lasts in the smoothed one: layers breathe with what they show, and a keyframe is no layer's rate.
const SMOOTHING: f64 = 0.15;

/// Share of the estimate that is reserved for repetitions at most.
const REPEAT_RESERVE_MAX: f64 = 0.3;

/// Spatial and temporal layers told apart.
const LAYERS: (usize, usize) = (4, 4);

/// Measured rates of one track's layers, smoothed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LayerRates {
    bps: [[f64; LAYERS.1]; LAYERS.0],
}

impl LayerRates {
    /// Looks at what arrives.
    pub(crate) fn measure(&mut self, now: Instant, up: &UpTrack) {
        let there = up.spatial_layers();
        for (spatial, row) in (0_u8..).zip(&mut self.bps) {
            for (temporal, smoothed) in (0_u8..).zip(row) {
                let bps = if spatial < there { up.layer_bps(now, spatial, temporal) } else { 0 } as f64;
                *smoothed = match (bps, *smoothed) {
                    (0.0, _) => 0.0,
                    (_, 0.0) => bps,
                    (_, before) => before + SMOOTHING * (bps - before),
                };
            }
        }
    }

    /// The layers that are there, up to `wish`. Above the lowest picture only high frame rates are taken: a larger
    /// picture that stutters is no step up.
    pub(crate) fn ladder(&self, wish: LayerTarget) -> Ladder {
        let mut ladder = Ladder::default();
        let LayerTarget::UpTo { spatial: spatial_max, temporal: temporal_max } = wish else { return ladder };
        let lives = |row: &[f64]| row.iter().any(|&bps| bps > 0.0);
        let lowest = self.bps.iter().position(|row| lives(row));
        for (index, row) in self.bps.iter().enumerate().filter(|(_, row)| lives(row.as_slice())) {
            let spatial = u8::try_from(index).unwrap_or(u8::MAX);
            // The only layer that lives is better than none.
            if spatial > spatial_max && Some(index) != lowest {
                break;
            }
            let best = row.iter().copied().fold(0.0, f64::max);
            for (temporal, &bps) in (0_u8..).zip(row) {
                let is_thin = Some(index) != lowest && bps < 0.5 * best && temporal < temporal_max;
                if temporal <= temporal_max && bps > 0.0 && !is_thin {
                    ladder.push(Step { spatial, temporal, bps: bps as u64 });
                }
            }
        }
        ladder
    }
}

impl Shard {
    /// Whether videos that do not fit a peer's link are paused, which is so at first, or keep their lowest layer. A peer may
    /// have it its own way.
    pub fn allow_pause(&mut self, allow: bool) {
        self.keeps_lowest = !allow;
    }

    /// Begins to watch what is subscribed to, if it is a video; the limit to begin with.
    pub(crate) fn watch_video(&mut self, slot: PeerSlot, add: &AddDown, params: &DownTrackParams) -> LayerTarget {
        let adapts = params.extensions.id(ExtensionKind::TransportSequence).is_some();
        let Some(entry) = self.peers.at(slot).filter(|_| params.kind == Kind::Video) else { return LayerTarget::BEST };
        // Where feedback will come, the lowest comes first: a link is sooner filled than emptied.
        let limit = if adapts || entry.sending.estimator.is_heard() { LOWEST } else { LayerTarget::BEST };
        let (weight, holding) = (Weight::default(), Holding::default());
        let (down, track, wish) = (add.down, add.track, add.target);
        let can_pad = params.rtx_ssrc.is_some() && params.payloads.iter().any(|map| map.rtx.is_some());
        entry.sending.watched.push(Watched { down, track, wish, weight, holding, can_pad, limit });
        limit
    }

    /// Control wishes another best.
    pub(crate) fn wish(&mut self, now: Instant, slot: PeerSlot, down: DownKey, wish: LayerTarget) {
        let Some(watched) = self.peers.at(slot).and_then(|entry| entry.sending.watched(down)) else { return };
        watched.wish = wish;
        self.share_out(now, slot);
        self.arm_rate(now, slot);
    }

    /// How important a video is to its viewer.
    pub(crate) fn weigh(&mut self, now: Instant, slot: PeerSlot, down: DownKey, weight: Weight) {
        let Some(watched) = self.peers.at(slot).and_then(|entry| entry.sending.watched(down)) else { return };
        watched.weight = weight;
        self.share_out(now, slot);
    }

    /// Shares the peer's rate among its videos.
    pub(crate) fn share_out(&mut self, now: Instant, slot: PeerSlot) {
        let at = self.stamp(now);
        let Some(entry) = self.peers.at(slot) else { return };
        let keeps_lowest = entry.pauses.map_or(self.keeps_lowest, |pauses| !pauses);
        let sending = &mut entry.sending;
        let elapsed = at.since(std::mem::replace(&mut sending.shared_at, at));
        let Some(estimate) = sending.estimator.estimate(at) else {
            if sending.patience().is_some_and(|until| until <= at) {
                self.give_all(now, slot);
            }
            return;
        };
        let target = estimate.target_bps as f64;
        let sound = sending.sound.take(elapsed);
        sending.judge_sound(target, sound);
        let repeats = sending.repeats.take(elapsed).min(REPEAT_RESERVE_MAX * target);
        let left = |bps: f64| (bps - sound - repeats).max(0.0) as u64;
        let (bps, proven_bps) = (left(target), left(estimate.proven_bps as f64));
        let is_calm = sending.estimator.reduced().is_none_or(|reduced| at.since(reduced) >= CALM);
        let (estimator, waits) = (&sending.estimator, sending.is_closed(at));
        let may_rise = is_calm && !waits && estimator.has_drained() && !estimator.is_verifying();
        sending.watched.sort_by_key(|watched| (watched.weight.rank(), watched.down));
        let demand = |watched: &Watched| {
            // A track that is muted or stopped brings nothing, whatever it brought before.
            let flows = |track: &&TrackEntry| track.layers_at.is_some_and(|at| now < at + SILENCE);
            let track = self.tracks.by_key.get(&watched.track).filter(flows);
            let ladder = track.map(|track| track.rates.ladder(watched.wish)).unwrap_or_default();
            Demand { rank: watched.weight.rank(), ladder, holding: watched.holding }
        };
        let mut demands: Vec<Demand> = sending.watched.iter().map(demand).collect();
        let budget = Budget { bps, proven_bps, may_rise, may_pause: !keeps_lowest };
        allocator::allocate(at, budget, &mut demands);
        // What is sent although it does not fit must pass, so that the link shows what it carries.
        let lowest: u64 = demands.iter().filter_map(|demand| demand.ladder.steps().first()).map(|step| step.bps).sum();
        sending.owed_bps = if keeps_lowest { lowest } else { 0 };
        let top = demands.iter().map(|demand| demand.ladder.top_bps()).sum::<u64>() + sound as u64;
        // Rising takes a little more than the sum.
        sending.desired_bps = top + top / 8;
        sending.is_content = demands.iter().all(Demand::has_the_best);
        let peer = entry.key;
        let mut changes = Vec::new();
        for (watched, demand) in sending.watched.iter_mut().zip(&demands) {
            watched.holding = demand.holding;
            let before = watched.limit;
            if !watched.follow() {
                continue;
            }
            changes.push((watched.down, watched.limit));
            let paused = watched.limit == LayerTarget::Off;
            if paused != (before == LayerTarget::Off) {
                self.outbox.notices.push(Notice::Paused { peer, down: watched.down, paused });
            }
        }
        for (down, limit) in changes {
            self.set_limit(now, down, limit);
        }
    }

    /// Shares the peer's rate out if that is due by what is known of its link now.
    pub(crate) fn share_if_due(&mut self, now: Instant, slot: PeerSlot) {
        let at = self.stamp(now);
        let Some(PeerEntry { sending, .. }) = self.peers.at(slot) else { return };
        let has_room = sending.is_content && !sending.estimator.lacks(at, sending.desired_bps);
        let interval = if has_room { SHARE_INTERVAL.1 } else { SHARE_INTERVAL.0 };
        if at.since(sending.shared_at) >= interval {
            self.share_out(now, slot);
        }
    }

    /// A peer that never tells how packets arrive gets what it wants.
    fn give_all(&mut self, now: Instant, slot: PeerSlot) {
        let Some(entry) = self.peers.at(slot) else { return };
        let limited = entry.sending.watched.iter_mut().filter(|watched| watched.limit != LayerTarget::BEST);
        let mut changes = Vec::new();
        for watched in limited {
            watched.limit = LayerTarget::BEST;
            changes.push(watched.down);
        }
        for down in changes {
            self.set_limit(now, down, LayerTarget::BEST);
        }
    }

    /// Tells a down track, and asks for the keyframe that it then needs.
    fn set_limit(&mut self, now: Instant, down: DownKey, limit: LayerTarget) {
        let Some((track, entry)) = self.tracks.subscriber(down) else { return };
        let Some(subscriber) = entry.subscriber(down) else { return };
        subscriber.down.set_limit(limit);
        self.request_keyframes(now, track);
    }
}

impl Watched {
    /// Follows its holding; whether its limit changed.
    fn follow(&mut self) -> bool {
        if !self.holding.is_begun() || self.wish == LayerTarget::Off {
            return false;
        }
        let limit = match self.holding.layer() {
            Some((spatial, temporal)) => LayerTarget::UpTo { spatial, temporal },
            None => LayerTarget::Off,
        };
        std::mem::replace(&mut self.limit, limit) != limit
    }
}

/// The lowest picture at its full frame rate.
const LOWEST: LayerTarget = LayerTarget::UpTo { spatial: 0, temporal: u8::MAX };

#[cfg(test)]
mod tests {
    use super::*;

    fn up_to(spatial: u8, temporal: u8) -> LayerTarget {
        LayerTarget::UpTo { spatial, temporal }
    }

    fn steps(bps: [[f64; 4]; 4], wish: LayerTarget) -> Vec<(u8, u8, u64)> {
        let ladder = LayerRates { bps }.ladder(wish);
        ladder.steps().iter().map(|step| (step.spatial, step.temporal, step.bps)).collect()
    }

    const DEAD: [f64; 4] = [0.0; 4];
    const LOW: [f64; 4] = [40.0, 60.0, 100.0, 100.0];
    const HIGH: [f64; 4] = [360.0, 540.0, 900.0, 900.0];

    #[test]
    fn a_ladder_has_what_comes_up_to_the_wish() {
        let all = [LOW, HIGH, DEAD, DEAD];
        let best = [(0, 0, 40), (0, 1, 60), (0, 3, 100), (1, 1, 540), (1, 3, 900)];
        assert_eq!(steps(all, LayerTarget::BEST), best);
        assert_eq!(steps(all, up_to(0, 1)), [(0, 0, 40), (0, 1, 60)]);
        assert_eq!(steps(all, LayerTarget::Off), []);
        assert_eq!(steps([DEAD; 4], LayerTarget::BEST), []);
    }

    #[test]
    fn a_larger_picture_keeps_its_frame_rate_unless_the_viewer_wants_less() {
        assert_eq!(steps([LOW, HIGH, DEAD, DEAD], up_to(1, 0)), [(0, 0, 40), (1, 0, 360)]);
    }

    #[test]
    fn the_only_layer_that_comes_is_better_than_none() {
        assert_eq!(steps([DEAD, HIGH, DEAD, DEAD], up_to(0, 3)), [(1, 0, 360), (1, 1, 540), (1, 3, 900)]);
    }
}
