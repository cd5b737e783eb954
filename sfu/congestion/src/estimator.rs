//! What one peer's link carries: feedback in, rate out.

use std::time::Duration;

use wire::rtcp::TransportFeedback;

use crate::Stamp;
use crate::acknowledged::Acknowledged;
use crate::aimd::{Aimd, Input};
use crate::history::{HISTORY_PACKETS, History};
use crate::loss::Loss;
use crate::probe::{Known, Probe, Probes, Shown};
use crate::queue::Queue;
use crate::trains::Trains;
use crate::trend::{Trend, Usage};

/// What is sent before anything is known, in bits per second: a lowest layer with sound.
pub const START_BPS: u64 = 300_000;
/// Least and most that is ever estimated, in bits per second.
pub const TARGET_BPS: (u64, u64) = (50_000, 200_000_000);
/// Statuses of one feedback packet that are looked at: beyond the history there is nothing to tell.
pub const STATUSES_MAX: u16 = HISTORY_PACKETS as u16;
/// Delays below this are no overuse, whatever their trend.
const STANDING_MIN: Duration = Duration::from_millis(15);
/// Delays above this are overuse, whatever their trend, unless they are about to drain.
const STANDING_MAX: Duration = Duration::from_millis(100);
/// Above this nothing grows, and nothing is probed: what stands must drain first.
const STANDING_CALM: Duration = Duration::from_millis(50);
/// How long a queue may stand before it is taken for the way itself.
const DOUBT: Duration = Duration::from_secs(4);
/// How long, beside a round trip, a queue may be a probe's own doing.
const SETTLING: Duration = Duration::from_millis(200);
/// Nothing is probed for this long after a reduction: the queue must drain, and the cause may still be there.
const CALM: Duration = Duration::from_millis(1500);
/// Without feedback for this long, with packets sent, the rate falls.
const SILENCE: Duration = Duration::from_millis(1000);
/// What is kept of the rate for each further half of a silence.
const SILENCE_KEEPS: f64 = 0.7;
/// A silence lowers the rate to this at most: what is left must begin anew at once when the link is back.
const SILENCE_BPS: f64 = START_BPS as f64 / 2.0;
/// A client's own estimate is trusted this long.
const REMB_TRUST: Duration = Duration::from_secs(5);
/// What arrives for this long is proven to pass.
const STEADY: Duration = Duration::from_secs(2);
/// Round trip assumed before one was seen.
const RTT_START: Duration = Duration::from_millis(100);
/// Longest round trip believed.
const RTT_MAX: Duration = Duration::from_secs(2);

/// What is known of a link.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// What may be sent in all, in bits per second.
    pub target_bps: u64,
    /// What arrives, in bits per second; 0 when unknown.
    pub acknowledged_bps: u64,
    /// What of the target has been seen to pass for long enough to be no bucket's doing, in bits per second: more than that should
    /// not be sent at once.
    pub proven_bps: u64,
    /// Share of packets lost lately, 0.0..=1.0.
    pub loss: f64,
    /// Delay that stands in queues.
    pub standing: Duration,
    /// Least round trip of the last report, with the receiver's waiting.
    pub rtt: Duration,
    /// What the delay says.
    pub usage: Usage,
}

/// See the module. All stamps are of one epoch.
#[derive(Debug)]
pub struct Estimator {
    history: History,
    acknowledged: Acknowledged,
    trend: Trend,
    queue: Queue,
    trains: Trains,
    loss: Loss,
    aimd: Aimd,
    probes: Probes,
    /// Copy of the probes' present cluster, at hand for every packet.
    cluster: u8,
    clock: ReceiverClock,
    remb: Option<(f64, Stamp)>,
    rtt: Duration,
    heard: Option<Stamp>,
    quiet_since: Option<Stamp>,
    /// When the last silence ended.
    back_at: Stamp,
    /// When the queue that the last probe made has drained.
    settled_at: Stamp,
    has_feedback: bool,
    /// Since when more than [`STANDING_MAX`] stands.
    standing_since: Option<Stamp>,
    /// What is granted at most, in bits per second, whatever the link carries.
    ceiling: Option<f64>,
    /// The highest rate, in bits per second, that a probe has proven since the last reduction.
    proof: f64,
    /// What arrives, smoothed over [`STEADY`], in bits per second.
    steady: f64,
    concluded_at: Stamp,
}

/// Extends the receiver's 24-bit time to stamps.
#[derive(Debug, Default)]
struct ReceiverClock {
    last: Option<u32>,
    micros: u64,
}

impl Default for Estimator {
    fn default() -> Self {
        Self {
            history: History::default(),
            acknowledged: Acknowledged::default(),
            trend: Trend::default(),
            queue: Queue::default(),
            trains: Trains::default(),
            loss: Loss::default(),
            aimd: Aimd::new(START_BPS as f64),
            probes: Probes::new(),
            cluster: 0,
            clock: ReceiverClock::default(),
            remb: None,
            rtt: RTT_START,
            heard: None,
            quiet_since: None,
            back_at: Stamp(0),
            settled_at: Stamp(0),
            has_feedback: false,
            standing_since: None,
            ceiling: None,
            proof: 0.0,
            steady: 0.0,
            concluded_at: Stamp(0),
        }
    }
}

impl Estimator {
    /// The transport-wide sequence number that the next packet is to carry.
    #[inline]
    pub fn sequence(&self) -> u16 {
        self.history.next()
    }

    /// Notes that a packet left under [`Estimator::sequence`]. `bytes` counts what its datagram holds.
    #[inline]
    pub fn sent(&mut self, at: Stamp, bytes: u16) {
        if self.cluster != 0 {
            self.sent_in_probe(at, bytes);
        } else {
            self.history.push(at, bytes, 0);
        }
    }

    #[cold]
    fn sent_in_probe(&mut self, at: Stamp, bytes: u16) {
        self.history.push(at, bytes, self.cluster);
        self.probes.sent(bytes);
        self.cluster = self.probes.sending();
    }

    /// Takes transport-wide feedback; false, and nothing taken, when it claims more than could have been sent.
    pub fn feedback(&mut self, now: Stamp, feedback: &TransportFeedback<'_>) -> bool {
        if feedback.status_count > STATUSES_MAX {
            return false;
        }
        let mut arrival = self.clock.extend(feedback.reference_time);
        let (mut arrived, mut lost, mut newest) = (0_u32, 0_i32, None);
        for (sequence, delta) in feedback.statuses() {
            arrival = arrival.saturating_add_signed(i64::from(delta.unwrap_or(0)) * 250);
            let Some(told) = self.history.tell(now, sequence, delta.is_some()) else { continue };
            // What an outage swallowed says nothing of the rate.
            if told.sent >= self.back_at {
                lost += if told.was_lost { -1 } else { i32::from(delta.is_none()) };
            }
            let at = Stamp(arrival);
            self.trains.note(told.sent, delta.map(|_| at), told.bytes);
            if delta.is_none() {
                continue;
            }
            arrived += 1;
            self.acknowledged.note(at, told.bytes);
            self.probes.arrived(told.cluster, told.sent, at, told.bytes);
            self.queue.note(told.sent, at);
            self.trend.note(told.sent, at);
            newest = newest.max(Some(told.sent));
        }
        self.has_feedback = true;
        self.heard = Some(now);
        if self.quiet_since.take().is_some() {
            (lost, self.back_at) = (0, now);
            self.probes.resume(now);
        }
        if let Some(newest) = newest {
            let sample = now.since(newest).min(RTT_MAX);
            self.rtt = if sample < self.rtt { sample } else { (self.rtt * 7 + sample) / 8 };
        }
        self.loss.note(arrived, lost);
        self.conclude(now);
        true
    }

    fn conclude(&mut self, now: Stamp) {
        self.queue.conclude(now);
        self.doubt_the_floor(now);
        let acknowledged = self.acknowledged.bps();
        let probed = self.probes.conclude(now, self.rtt);
        let usage = self.usage();
        if usage == Usage::Over {
            self.trains.forget();
        }
        let before = self.aimd.bps();
        let recent = if usage == Usage::Over { self.acknowledged.recent_bps() } else { None };
        let (standing, rtt) = (self.queue.standing(), self.rtt);
        let usage = if usage == Usage::Normal && !self.has_drained() { Usage::Under } else { usage };
        self.aimd.update(&Input { now, usage, acknowledged, recent, standing, rtt });
        if let Some(Shown { bps, is_proof }) = probed.filter(|_| usage != Usage::Over) {
            self.loss.probed(bps);
            if bps > self.aimd.bps() {
                self.aimd.set(now, bps);
            }
            if is_proof {
                self.proof = self.proof.max(bps);
            }
        }
        self.note_steady(now, acknowledged);
        self.proof = self.proof.max(self.steady).min(self.aimd.bps());
        if self.aimd.bps() < before {
            self.probes.postpone(now.after(CALM));
        }
        self.loss.conclude(now, self.target(now), acknowledged);
        self.aimd.cap(TARGET_BPS.1 as f64);
    }

    /// What has arrived for some seconds is no bucket's doing.
    fn note_steady(&mut self, now: Stamp, acknowledged: Option<f64>) {
        let elapsed = now.since(std::mem::replace(&mut self.concluded_at, now));
        let weight = (elapsed.as_secs_f64() / STEADY.as_secs_f64()).min(1.0);
        self.steady += weight * (acknowledged.unwrap_or(0.0) - self.steady);
    }

    /// A delay that stays although less and less is sent is the way's own: another route has become the way.
    fn doubt_the_floor(&mut self, now: Stamp) {
        if self.queue.standing() < STANDING_MAX {
            self.standing_since = None;
        } else if now.since(*self.standing_since.get_or_insert(now)) > DOUBT {
            self.queue.relearn();
            self.standing_since = None;
        }
    }

    /// The trend's verdict, checked against the delay itself: a slope of nothing is nothing, and a queue that stands
    /// is too much although it does not grow.
    fn usage(&self) -> Usage {
        let standing = self.queue.standing();
        let own_doing = self.heard.is_some_and(|now| now < self.settled_at) && standing < STANDING_MAX;
        match self.trend.usage() {
            Usage::Over if standing < STANDING_MIN || own_doing => Usage::Normal,
            Usage::Normal if standing > STANDING_MAX => Usage::Over,
            usage => usage,
        }
    }

    /// Whether no queue stands in the way of more.
    pub fn has_drained(&self) -> bool {
        self.queue.standing() < STANDING_CALM
    }

    /// Takes the client's own estimate (draft-alvestrand-rmcat-remb-03). It counts where no transport-wide feedback
    /// comes.
    pub fn remb(&mut self, now: Stamp, bps: u64) {
        self.remb = Some((bps as f64, now));
        self.heard = Some(now);
    }

    /// Lets time pass without feedback; `sent` tells that there was something to tell of.
    pub fn advance(&mut self, now: Stamp, sent: bool) {
        let Some(heard) = self.heard.filter(|&heard| self.has_feedback && sent && now.since(heard) >= SILENCE) else {
            return;
        };
        let since = *self.quiet_since.get_or_insert(heard);
        if now.since(since) >= SILENCE / 2 {
            self.quiet_since = Some(now);
            self.aimd.set(now, (self.aimd.bps() * SILENCE_KEEPS).max(SILENCE_BPS.min(self.aimd.bps())));
            self.probes.abandon(now);
            self.cluster = 0;
        }
    }

    /// Bytes that the link has shown to pass in one go, with as many again.
    pub fn burst_bytes(&self) -> u32 {
        self.trains.burst_bytes()
    }

    /// Whether the peer ever told how packets arrive.
    pub fn is_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// Grants no more than this from here on, in bits per second; `None` takes the ceiling away.
    pub fn limit(&mut self, bps: Option<u64>) {
        self.ceiling = bps.map(|bps| bps as f64);
    }

    /// What is known, once the peer has told anything or is limited.
    pub fn estimate(&self, now: Stamp) -> Option<Estimate> {
        if self.ceiling.is_none() {
            self.heard?;
        }
        let acknowledged_bps = self.acknowledged.bps().unwrap_or(0.0) as u64;
        let target_bps = self.granted(self.target(now)) as u64;
        Some(Estimate {
            target_bps,
            acknowledged_bps,
            proven_bps: target_bps.min(self.proof_bps()),
            loss: self.loss.share(),
            standing: self.queue.standing(),
            rtt: self.rtt,
            usage: self.usage(),
        })
    }

    /// Whether less than this is known to pass, in bits per second; false before the peer has told anything.
    pub fn lacks(&self, now: Stamp, desired_bps: u64) -> bool {
        self.heard.is_some() && (self.granted(self.target(now)) as u64).min(self.proof_bps()) < desired_bps
    }

    fn proof_bps(&self) -> u64 {
        if self.has_feedback { self.proof as u64 } else { u64::MAX }
    }

    fn target(&self, now: Stamp) -> f64 {
        let remb = self.remb.filter(|&(_, at)| now.since(at) < REMB_TRUST).map(|(bps, _)| bps);
        let own = self.loss.bound().unwrap_or(f64::INFINITY).min(self.aimd.bps());
        let target = if self.has_feedback { own } else { remb.unwrap_or(own) };
        target.clamp(TARGET_BPS.0 as f64, TARGET_BPS.1 as f64)
    }

    fn granted(&self, bps: f64) -> f64 {
        self.ceiling.map_or(bps, |ceiling| bps.min(ceiling.max(TARGET_BPS.0 as f64)))
    }

    /// Begins a probe if `desired_bps` cannot be had and the link is calm.
    pub fn probe(&mut self, now: Stamp, desired_bps: u64) -> Option<Probe> {
        let is_calm = self.usage() == Usage::Normal && self.has_drained();
        if !self.has_feedback || !is_calm || self.quiet_since.is_some() {
            return None;
        }
        let (target, desired) = (self.target(now), self.granted(desired_bps as f64));
        let arriving = self.acknowledged.bps().unwrap_or(target / 2.0);
        let probe = self.probes.begin(now, Known { estimate: target, proven: self.proof, arriving }, desired)?;
        self.cluster = self.probes.sending();
        let length = Duration::from_secs_f64(probe.bytes as f64 * 8.0 / probe.rate_bps.max(1) as f64);
        self.settled_at = now.after(length + self.rtt + SETTLING);
        Some(probe)
    }

    /// Bytes that the probe being sent lacks at `now`; `None` when none is being sent.
    pub fn probe_lacks(&self, now: Stamp) -> Option<u64> {
        self.probes.lacking(now)
    }

    /// Whether the rate was just raised by a probe that another is about to confirm: nothing large should be built on it yet.
    pub fn is_verifying(&self) -> bool {
        self.probes.is_verifying()
    }

    /// The probe cannot be sent.
    pub fn abandon_probe(&mut self, now: Stamp) {
        self.probes.abandon(now);
        self.cluster = 0;
    }

    /// When a probe may begin; `None` while one is underway or none is possible.
    pub fn next_probe(&self) -> Option<Stamp> {
        (self.has_feedback && !self.probes.is_underway()).then(|| self.probes.next_at())
    }

    /// When the rate was last reduced because the queue grew.
    pub fn reduced(&self) -> Option<Stamp> {
        self.aimd.reduced()
    }

    /// Probes begun, and bytes asked for by them.
    pub fn probed(&self) -> (u64, u64) {
        (self.probes.begun, self.probes.bytes)
    }
}

impl ReceiverClock {
    /// Microseconds of a reference time in units of 64 ms, extended over its wraps. It begins late enough for
    /// deltas that reach back.
    fn extend(&mut self, reference: u32) -> u64 {
        const BEGINNING: u64 = 1 << 40;
        match self.last.replace(reference) {
            None => self.micros = BEGINNING,
            Some(last) => {
                // The upper 24 bits carry the sign.
                let step = (reference.wrapping_sub(last) << 8).cast_signed() >> 8;
                self.micros = self.micros.saturating_add_signed(i64::from(step) * 64_000);
            }
        }
        self.micros
    }
}

#[cfg(test)]
mod tests;
