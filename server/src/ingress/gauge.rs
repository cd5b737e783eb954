//! What a stream is like, measured: rates of bits and pictures, and how far apart key frames are.

use std::time::{Duration, Instant};

/// Span over which rates are measured.
const WINDOW: Duration = Duration::from_secs(1);

/// One medium.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    began: Option<Instant>,
    bytes: usize,
    units: u32,
    bits_per_second: u32,
    units_per_second: f64,
    keyframe: Option<i64>,
    keyframe_interval_ms: Option<i64>,
}

impl Gauge {
    /// A unit came.
    pub(super) fn unit(&mut self, now: Instant, bytes: usize) {
        let began = *self.began.get_or_insert(now);
        let elapsed = now.saturating_duration_since(began);
        if elapsed >= WINDOW {
            let seconds = elapsed.as_secs_f64();
            // Rounded, and far below the type's end.
            self.bits_per_second = (self.bytes as f64 * 8.0 / seconds) as u32;
            self.units_per_second = f64::from(self.units) / seconds;
            (self.began, self.bytes, self.units) = (Some(now), 0, 0);
        }
        self.bytes += bytes;
        self.units += 1;
    }

    /// A key frame came, at a time in milliseconds.
    pub(super) fn keyframe(&mut self, time_ms: i64) {
        if let Some(before) = self.keyframe.replace(time_ms) {
            self.keyframe_interval_ms = Some(time_ms - before);
        }
    }

    /// Bits per second in the last window.
    pub(super) fn bits_per_second(&self) -> u32 {
        self.bits_per_second
    }

    /// Units per second in the last window.
    pub(super) fn units_per_second(&self) -> f64 {
        self.units_per_second
    }

    /// Between the last two key frames, in milliseconds.
    pub(super) fn keyframe_interval_ms(&self) -> Option<i64> {
        self.keyframe_interval_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_rates_and_key_frames() {
        let (mut gauge, start) = (Gauge::default(), Instant::now());
        for index in 0..=30 {
            gauge.unit(start + WINDOW * index / 30, 12_500);
        }
        assert_eq!((gauge.bits_per_second(), gauge.units_per_second().round()), (3_000_000, 30.0));
        assert_eq!(gauge.keyframe_interval_ms(), None);
        gauge.keyframe(40);
        gauge.keyframe(2040);
        assert_eq!(gauge.keyframe_interval_ms(), Some(2000));
    }
}
