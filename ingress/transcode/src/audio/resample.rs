//! Resampling to 48 kHz by a windowed sinc at any ratio, which may change with every call (drift).
//!
//! Written here because the place of every output frame on the input's time must be known exactly, and the ratio
//! changed by parts in a million: then it is a hundred lines.

use super::{Frame, RATE};

/// Filter taps on each side of an output frame: with this window stop band −80 dB from 1.03 times the lower Nyquist
/// frequency on, pass band to 0.87 of it (19 kHz from 44.1 kHz).
const SIDE: usize = 32;
/// Phases between two input frames in the table; between them the taps are interpolated (error −94 dB).
const PHASES: usize = 256;
/// Where the filter falls to half, as a share of the lower Nyquist frequency.
const CUTOFF: f64 = 0.95;
/// Kaiser window's shape for a stop band of −80 dB.
const KAISER_BETA: f64 = 7.86;

/// A resampler from one rate to [`RATE`]. Output frame 0 lies on input frame 0: it has no delay to account for, it only
/// waits for [`SIDE`] frames to come.
pub struct Resampler {
    rate: u32,
    /// `PHASES + 1` rows of taps.
    table: Vec<Vec<f32>>,
    side: usize,
    history: Vec<Frame>,
    /// The next output frame's place in `history`.
    next: f64,
}

impl Resampler {
    /// A resampler from `rate` frames per second, 7350 to 96 000 (ISO/IEC 14496-3 table 1.18).
    pub fn new(rate: u32) -> Self {
        let rate = rate.clamp(7350, 96_000);
        let scale = (f64::from(RATE) / f64::from(rate)).min(1.0);
        let side = (SIDE as f64 / scale).ceil() as usize;
        let table = (0..=PHASES).map(|phase| taps(phase as f64 / PHASES as f64, side, scale * CUTOFF)).collect();
        Self { rate, table, side, history: vec![[0.0; 2]; side], next: side as f64 }
    }

    /// Input frames per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Whether nothing was pushed yet.
    pub fn is_fresh(&self) -> bool {
        self.history.len() == self.side && self.next == self.side as f64
    }

    /// The time of what was pushed and is not given out yet, microseconds.
    pub fn pending_us(&self) -> i64 {
        ((self.history.len() as f64 - self.next) * 1e6 / f64::from(self.rate)).round() as i64
    }

    /// Takes frames and appends what is ready; `correction` lengthens the output by a small share.
    pub fn push(&mut self, frames: &[Frame], correction: f64, out: &mut Vec<Frame>) {
        self.history.extend_from_slice(frames);
        let step = f64::from(self.rate) / (f64::from(RATE) * (1.0 + correction.clamp(-0.1, 0.1)));
        while let Some(frame) = self.frame() {
            out.push(frame);
            self.next += step;
        }
        let spent = (self.next as usize).saturating_sub(self.side).min(self.history.len());
        self.history.drain(..spent);
        self.next -= spent as f64;
    }

    /// Gives out what is still held, silence behind it.
    pub fn drain(&mut self, out: &mut Vec<Frame>) {
        self.push(&vec![[0.0; 2]; self.side], 0.0, out);
    }

    /// The frame at `next`, if all that it needs is there.
    fn frame(&self) -> Option<Frame> {
        let whole = self.next as usize;
        let fraction = self.next - whole as f64;
        let around = self.history.get(whole + 1 - self.side..=whole + self.side)?;
        if fraction == 0.0 && self.rate == RATE {
            return self.history.get(whole).copied();
        }
        let place = fraction * PHASES as f64;
        let phase = place as usize;
        let between = (place - phase as f64) as f32;
        let (low, high) = (self.table.get(phase)?, self.table.get(phase + 1)?);
        let mut sum = [0.0f32; 2];
        for ((frame, low), high) in around.iter().zip(low).zip(high) {
            let tap = low + (high - low) * between;
            sum[0] += frame[0] * tap;
            sum[1] += frame[1] * tap;
        }
        Some(sum)
    }
}

/// The filter for an output frame that lies `fraction` behind an input frame; unity gain at 0 Hz.
fn taps(fraction: f64, side: usize, cutoff: f64) -> Vec<f32> {
    let places = (0..2 * side).map(|index| index as f64 - (side as f64 - 1.0) - fraction);
    let raw: Vec<f64> = places.map(|at| sinc(at * cutoff) * kaiser(at / side as f64)).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|tap| (tap / sum) as f32).collect()
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x.abs() < 1e-9 { 1.0 } else { x.sin() / x }
}

fn kaiser(x: f64) -> f64 {
    bessel((1.0 - x * x).max(0.0).sqrt() * KAISER_BETA) / bessel(KAISER_BETA)
}

/// The modified Bessel function of the first kind and order 0.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..40 {
        term *= (x / (2.0 * f64::from(n))).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hertz: f64, rate: u32, frames: usize) -> Vec<Frame> {
        let wave = |n: usize| (n as f64 * hertz / f64::from(rate) * std::f64::consts::TAU).sin() as f32 * 0.5;
        (0..frames).map(|n| [wave(n), -wave(n)]).collect()
    }

    fn resampled(rate: u32, correction: f64, frames: &[Frame]) -> Vec<Frame> {
        let mut resampler = Resampler::new(rate);
        let mut out = Vec::new();
        frames.chunks(1024).for_each(|chunk| resampler.push(chunk, correction, &mut out));
        resampler.drain(&mut out);
        out
    }

    /// Signal against everything else, dB, edges left out.
    fn snr(frames: &[Frame], hertz: f64) -> f64 {
        let ideal = sine(hertz, RATE, frames.len());
        let inner = 500..frames.len() - 500;
        let power = |of: &dyn Fn(usize) -> f32| inner.clone().map(|n| f64::from(of(n)).powi(2)).sum::<f64>();
        10.0 * (power(&|n| ideal[n][0]) / power(&|n| ideal[n][0] - frames[n][0])).log10()
    }

    #[test]
    fn a_tone_stays_where_and_what_it_is() {
        for rate in [8000, 16_000, 22_050, 32_000, 44_100, 96_000] {
            let out = resampled(rate, 0.0, &sine(1000.0, rate, rate as usize));
            assert!(out.len().abs_diff(48_000) <= 2, "{rate}: {} frames", out.len());
            let quality = snr(&out, 1000.0);
            assert!(quality > 75.0, "{rate}: {quality} dB");
            assert!(out.iter().all(|frame| (frame[0] + frame[1]).abs() < 1e-6), "channels keep apart");
        }
    }

    #[test]
    fn at_48_khz_nothing_changes() {
        let tone = sine(5000.0, RATE, 4800);
        assert_eq!(resampled(RATE, 0.0, &tone), tone);
    }

    #[test]
    fn what_48_khz_cannot_hold_is_gone() {
        let out = resampled(96_000, 0.0, &sine(30_000.0, 96_000, 96_000));
        let loudest = out[500..47_000].iter().map(|frame| frame[0].abs()).fold(0.0, f32::max);
        assert!(loudest < 1e-3, "{loudest}");
    }

    #[test]
    fn a_correction_lengthens() {
        let out = resampled(RATE, 0.001, &sine(1000.0, RATE, 48_000));
        assert!(out.len().abs_diff(48_048) <= 2, "{}", out.len());
    }

    #[test]
    fn what_is_held_is_told() {
        let mut resampler = Resampler::new(44_100);
        let mut out = Vec::new();
        for _ in 0..50 {
            resampler.push(&[[0.0; 2]; 441], 0.0, &mut out);
        }
        let heard_us = out.len() as i64 * 1_000_000 / 48_000;
        assert!((heard_us + resampler.pending_us()).abs_diff(500_000) <= 2);
        assert!(resampler.pending_us() < 1000);
    }
}
