//! What the whole crowd received: totals, and latencies of the second and of the window that is measured.

use std::time::Duration;

use crate::histogram::Histogram;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Media packets received, retransmissions included.
    pub packets: u64,
    /// Their bytes, as datagrams.
    pub bytes: u64,
    /// Media that came before its receiver could decrypt.
    pub early: u64,
    /// Media of a source that nobody announced.
    pub strange: u64,
    /// Latencies since the last second's end.
    pub second: Histogram,
    /// Latencies while measuring.
    pub window: Histogram,
    /// Whether the window is open.
    pub measuring: bool,
}

impl Tally {
    /// Notes the time from a packet's first sending to its arrival.
    pub fn note_latency(&mut self, latency: Duration) {
        self.second.note(latency);
        if self.measuring {
            self.window.note(latency);
        }
    }
}
