//! The receiver's record for transport-wide feedback: which packets came when, told every
//! [`FEEDBACK_INTERVAL`] (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use wire::rtcp::TransportReport;

/// Time between the first packet not yet told of and its feedback. Within the 50 to 250 ms that libwebrtc's
/// receivers keep; at most 60 statuses per packet of feedback at 600 packets/s.
pub const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);

/// Sequence numbers remembered: 250 ms at 16000 packets/s. What falls out behind is never told of.
pub const WINDOW_SEQUENCES: usize = 4096;

/// How far behind the newest a packet may come and still be told of, in sequence numbers. What was told since
/// is told again with it, so this bounds the work that one late packet causes.
pub const REORDER_SEQUENCES_MAX: u64 = 512;

/// Statuses in one feedback packet: with two bytes of delta each they fit beside other RTCP in 1200 bytes.
pub const REPORT_STATUSES_MAX: usize = 400;

/// Length of a tick, the unit of deltas.
const TICK_MICROS: u128 = 250;
/// log2 of the ticks in the unit of reference times, 64 ms.
const REFERENCE_SHIFT: u32 = 8;

/// Time since the first packet in ticks of 250 µs, wrapping after 12 days together with the 24 bits of the
/// reference time. Zero is skipped so that an empty slot costs no room.
type Tick = NonZeroU32;

/// See the module's description. Takes no memory before the first packet, 16 KiB afterwards.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// Arrival by extended sequence number modulo [`WINDOW_SEQUENCES`]; empty before the first packet.
    slots: Vec<Option<Tick>>,
    /// When tick zero was.
    epoch: Option<Instant>,
    /// Extended sequence number of the newest packet.
    newest: u64,
    /// Extended sequence number of the first packet to tell of; beyond `newest` when all are told.
    untold: u64,
    /// When to tell.
    due: Option<Instant>,
    /// Counts feedback packets.
    feedback_count: u8,
    deltas: Vec<Option<i16>>,
}

impl Arrivals {
    /// Notes that a packet arrived. Repetitions, and packets more than [`REORDER_SEQUENCES_MAX`] late, are ignored.
    pub fn note(&mut self, now: Instant, sequence: u16) {
        let epoch = *self.epoch.get_or_insert(now);
        let Some(extended) = self.extend(sequence) else { return };
        let ticks = now.saturating_duration_since(epoch).as_micros() / TICK_MICROS;
        let tick = u32::try_from(ticks & u128::from(u32::MAX)).ok().and_then(Tick::new).unwrap_or(Tick::MIN);
        let Some(slot) = self.slot_mut(extended) else { return };
        if slot.is_some() {
            return;
        }
        *slot = Some(tick);
        self.untold = self.untold.min(extended);
        self.due.get_or_insert(now + FEEDBACK_INTERVAL);
    }

    /// When [`Arrivals::poll`] has something to tell, if nothing else arrives.
    pub fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// What to tell the sender, when it is due. To be called until it gives `None`; each report fits one
    /// feedback packet.
    pub fn poll(&mut self, now: Instant) -> Option<TransportReport<'_>> {
        if now < self.due? {
            return None;
        }
        if self.untold > self.newest {
            self.due = None;
            return None;
        }
        let base = self.untold;
        let reference = self.fill_deltas(base);
        self.untold = base + self.deltas.len() as u64;
        let feedback_count = self.feedback_count;
        self.feedback_count = feedback_count.wrapping_add(1);
        let base_sequence = low_bits(base);
        Some(TransportReport { base_sequence, reference_time: reference, feedback_count, deltas: &self.deltas })
    }

    /// Collects deltas from `base` on, as many as one report takes, and gives the reference time.
    fn fill_deltas(&mut self, base: u64) -> u32 {
        let first = (base..=self.newest).find_map(|extended| self.slot(extended));
        let reference = first.map_or(0, |tick| tick.get() >> REFERENCE_SHIFT);
        let mut before = reference << REFERENCE_SHIFT;
        self.deltas.clear();
        for extended in (base..=self.newest).take(REPORT_STATUSES_MAX) {
            let delta = match self.slot(extended).map(Tick::get) {
                None => None,
                Some(tick) => {
                    // Two's complement makes the difference right across the wrap and for reordered packets.
                    let Ok(delta) = i16::try_from(tick.wrapping_sub(before).cast_signed()) else { break };
                    before = tick;
                    Some(delta)
                }
            };
            self.deltas.push(delta);
        }
        reference
    }

    /// Extends `sequence` by the wraps so far and moves the window on, or `None` when it is too old.
    fn extend(&mut self, sequence: u16) -> Option<u64> {
        if self.slots.is_empty() {
            self.slots.resize(WINDOW_SEQUENCES, None);
            self.deltas.reserve(REPORT_STATUSES_MAX);
            // One wrap ahead, so that packets from before the first one have a place.
            self.newest = u64::from(sequence) + (1 << 16);
            self.untold = self.newest;
            return Some(self.newest);
        }
        let distance = sequence.wrapping_sub(low_bits(self.newest)).cast_signed();
        let extended = self.newest.checked_add_signed(i64::from(distance))?;
        if distance > 0 {
            self.advance(extended);
        }
        (self.newest - extended <= REORDER_SEQUENCES_MAX).then_some(extended)
    }

    fn advance(&mut self, newest: u64) {
        let from = (self.newest + 1).max((newest + 1).saturating_sub(WINDOW_SEQUENCES as u64));
        for extended in from..=newest {
            if let Some(slot) = self.slot_mut(extended) {
                *slot = None;
            }
        }
        self.newest = newest;
        self.untold = self.untold.max((newest + 1).saturating_sub(WINDOW_SEQUENCES as u64));
    }

    fn slot(&self, extended: u64) -> Option<Tick> {
        self.slots.get(index(extended)).copied().flatten()
    }

    fn slot_mut(&mut self, extended: u64) -> Option<&mut Option<Tick>> {
        self.slots.get_mut(index(extended))
    }
}

fn index(extended: u64) -> usize {
    usize::from(low_bits(extended)) % WINDOW_SEQUENCES
}

fn low_bits(extended: u64) -> u16 {
    (extended & 0xffff) as u16
}

#[cfg(test)]
mod tests;
