//! What peers tell of their links, and what follows from it in time: rates, probes, what waits.

use std::time::{Duration, Instant};

use congestion::pacer::QUANTUM;
use congestion::{Estimate, Stamp};
use door::PeerKey;
use wire::rtcp::TransportFeedback;

use crate::media::send;
use crate::routes::PeerSlot;
use crate::tracks::TrackEntry;
use crate::{Shard, Task};

/// A look at a link from which nothing is heard.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Longest packet of padding: header, extensions, 255 bytes and the seal.
const PADDING_BYTES_MAX: usize = 400;

/// Packets of padding in one turn at most, whatever the estimate: 100 Mbit/s of them.
const PADDING_PACKETS_MAX: usize = 256;

impl Shard {
    /// The present in the arithmetic's time.
    pub(crate) fn stamp(&self, now: Instant) -> Stamp {
        Stamp::of(self.epoch, now)
    }

    /// What is known of the link toward a peer; `None` before it told anything.
    pub fn estimate(&mut self, now: Instant, peer: PeerKey) -> Option<Estimate> {
        let (at, slot) = (self.stamp(now), self.peers.slot(peer)?);
        self.peers.at(slot)?.sending.estimator.estimate(at)
    }

    /// Sends a peer no more than this, whatever its link carries.
    pub(crate) fn limit_rate(&mut self, now: Instant, peer: PeerKey, bps: Option<u64>) -> Option<()> {
        let slot = self.peers.slot(peer)?;
        self.peers.at(slot)?.sending.estimator.limit(bps);
        self.follow_estimate(now, slot);
        self.share_out(now, slot);
        Some(())
    }

    /// Closes a peer's pace to all that waits for its turn, or opens it.
    pub(crate) fn hold_video(&mut self, now: Instant, peer: PeerKey, at_most: Duration) -> Option<()> {
        let slot = self.peers.slot(peer)?;
        let until = self.stamp(now).after(at_most);
        self.peers.at(slot)?.sending.pacer.close_until(until);
        self.release(now, slot);
        self.arm_rate(now, slot);
        Some(())
    }

    pub(crate) fn on_transport_feedback(&mut self, now: Instant, slot: PeerSlot, feedback: &TransportFeedback<'_>) {
        let at = self.stamp(now);
        let Some(entry) = self.peers.at(slot) else { return };
        if !entry.sending.estimator.feedback(at, feedback) {
            self.stats.datagrams_bad += 1;
            return;
        }
        self.follow_estimate(now, slot);
    }

    pub(crate) fn on_remb(&mut self, now: Instant, slot: PeerSlot, bps: u64) {
        let at = self.stamp(now);
        let Some(entry) = self.peers.at(slot) else { return };
        entry.sending.estimator.remb(at, bps);
        self.follow_estimate(now, slot);
    }

    /// Sets the pace, shares the rate out, and probes.
    fn follow_estimate(&mut self, now: Instant, slot: PeerSlot) {
        let at = self.stamp(now);
        let Some(entry) = self.peers.at(slot) else { return };
        let Some(estimate) = entry.sending.estimator.estimate(at) else { return };
        entry.sending.set_pace(estimate.target_bps);
        self.share_if_due(now, slot);
        self.probe(now, slot);
        self.arm_rate(now, slot);
    }

    /// Begins a probe if there is something to gain.
    fn probe(&mut self, now: Instant, slot: PeerSlot) {
        let at = self.stamp(now);
        let Some(entry) = self.peers.at(slot) else { return };
        let sending = &mut entry.sending;
        if let Some(probe) = sending.estimator.probe(at, sending.desired_bps) {
            self.stats.probes += 1;
            // The probe's own packets must pass.
            sending.set_pace(probe.rate_bps);
            self.send_padding(now, slot);
        }
    }

    /// What is due of a peer's rate.
    pub(crate) fn advance_rate(&mut self, now: Instant, slot: PeerSlot) {
        let at = self.stamp(now);
        self.release(now, slot);
        self.send_padding(now, slot);
        let Some(entry) = self.peers.at(slot) else { return };
        let sending = &mut entry.sending;
        let has_sent = std::mem::take(&mut sending.has_sent);
        sending.estimator.advance(at, has_sent);
        if at.since(sending.shared_at) >= LOOK_INTERVAL {
            if let Some(estimate) = sending.estimator.estimate(at) {
                sending.set_pace(estimate.target_bps);
            }
            self.share_out(now, slot);
        }
        self.probe(now, slot);
        self.arm_rate(now, slot);
    }

    /// Sets the timer for what comes next. A peer that watches nothing and for which nothing waits has none.
    pub(crate) fn arm_rate(&mut self, now: Instant, slot: PeerSlot) {
        let at = self.stamp(now);
        let Some(entry) = self.peers.at(slot) else { return };
        let sending = &entry.sending;
        let held = (!sending.held.is_empty()).then(|| sending.pacer.opens_at().max(at.after(QUANTUM)));
        let probing = sending.estimator.probe_lacks(at).map(|_| at.after(QUANTUM));
        let looks = sending.has_sent && !sending.watched.is_empty() && sending.estimator.is_heard();
        let look = looks.then(|| at.after(LOOK_INTERVAL));
        let wants_more = sending.estimator.lacks(at, sending.desired_bps);
        let next_probe = sending.estimator.next_probe().filter(|_| wants_more);
        let next_probe = next_probe.map(|next| next.max(at.after(LOOK_INTERVAL / 2)));
        let patience = sending.patience().filter(|_| !sending.watched.is_empty() && sending.patience() > Some(at));
        let next = [held, probing, look, next_probe, patience].into_iter().flatten().min();
        let next = next.map(|next| next.instant(self.epoch));
        self.timers.set(Task::Rate(slot), next);
    }

    /// Sends what waits, as far as the pace allows.
    fn release(&mut self, now: Instant, slot: PeerSlot) {
        let at = self.stamp(now);
        loop {
            let Some(entry) = self.peers.at(slot) else { return };
            if !entry.sending.pacer.is_open(at) {
                return;
            }
            let Some(first) = entry.sending.held.front().copied() else { return };
            let Some(TrackEntry { up, subscribers, .. }) = self.tracks.by_key.get_mut(&first.track) else {
                entry.sending.held.pop_front();
                continue;
            };
            let Some(subscriber) = subscribers.iter_mut().find(|subscriber| subscriber.key == first.down) else {
                entry.sending.held.pop_front();
                continue;
            };
            // All that follow of the same subscription go while it is at hand.
            while entry.sending.pacer.is_open(at)
                && entry.sending.held.front().is_some_and(|held| held.down == first.down)
                && let Some(held) = entry.sending.held.pop_front()
            {
                if held.arrival.keyframe && subscriber.held_switch == Some(held.arrival.encoding) {
                    subscriber.held_switch = None;
                }
                let Some((_, packet)) = up.packet(held.arrival.encoding, held.arrival.seq) else { continue };
                let len = packet.len();
                let down = &mut subscriber.down;
                let write = |out: &mut [u8]| down.forward(now, up, &held.arrival, out);
                if let Some(bytes) = send(entry, &mut self.outbox.datagrams, at, len, write) {
                    self.stats.rtp_out += 1;
                    self.stats.datagrams_out += 1;
                    self.stats.bytes_out += bytes as u64;
                }
            }
        }
    }

    /// Sends the padding that a probe lacks.
    fn send_padding(&mut self, now: Instant, slot: PeerSlot) {
        let at = self.stamp(now);
        let Some(entry) = self.peers.at(slot) else { return };
        if entry.sending.estimator.probe_lacks(at).is_none_or(|lacks| lacks == 0) {
            return;
        }
        let carrier = entry.sending.watched.iter().find(|watched| watched.can_pad).map(|it| (it.track, it.down));
        let carrier = carrier.and_then(|(track, down)| self.tracks.by_key.get_mut(&track)?.subscriber(down));
        let Some(down) = carrier.map(|subscriber| &mut subscriber.down) else {
            return entry.sending.estimator.abandon_probe(at);
        };
        for _ in 0..PADDING_PACKETS_MAX {
            if entry.sending.estimator.probe_lacks(at).is_none_or(|lacks| lacks == 0) {
                return;
            }
            let write = |out: &mut [u8]| down.padding(out);
            let Some(bytes) = send(entry, &mut self.outbox.datagrams, at, PADDING_BYTES_MAX, write) else {
                return entry.sending.estimator.abandon_probe(at);
            };
            self.stats.padding_out += 1;
            self.stats.datagrams_out += 1;
            self.stats.bytes_out += bytes as u64;
        }
    }
}
