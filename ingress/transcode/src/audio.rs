//! Sound: AAC at any rate, mono or stereo, to Opus packets of 20 ms that lie on the sender's clock without a gap.
//!
//! Samples are counted, time stamps are believed only slowly: a sender's sound card and its clock drift apart by
//! parts in ten thousand, and its time stamps are rounded to milliseconds. So the difference between both steers the
//! resampler ([`timeline`]); only a difference of 30 ms and more is a hole or an overlap in the sound.

pub mod aac;
pub mod opus;
pub mod resample;
pub mod timeline;

use bytes::Bytes;

use crate::plan::AudioPlan;
use aac::{AacConfig, AudioDecoder};
use opus::{AudioEncoder, OpusEncoder};
use resample::Resampler;
use timeline::{Step, Timeline};

/// One sample of both channels, full scale at ±1.
pub type Frame = [f32; 2];
/// Frames per second of everything after the resampler.
pub const RATE: u32 = 48_000;
/// Frames of one Opus packet: 20 ms.
pub const PACKET_FRAMES: usize = 960;

/// A packet with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When its first sample is heard, microseconds on the sender's clock.
    pub pts_us: i64,
    /// The Opus packet.
    pub data: Bytes,
}

/// The pipeline for one source.
pub struct Audio {
    config: Option<AacConfig>,
    decoder: Option<Box<dyn AudioDecoder>>,
    resampler: Resampler,
    timeline: Timeline,
    encoder: OpusEncoder,
    decoded: Vec<Frame>,
    /// Resampled, not yet a whole packet.
    pending: Vec<Frame>,
}

impl Audio {
    /// # Errors
    /// In words, when the encoder does not take the plan.
    pub fn new(plan: AudioPlan) -> Result<Self, String> {
        Ok(Self {
            config: None,
            decoder: None,
            resampler: Resampler::new(RATE),
            timeline: Timeline::default(),
            encoder: OpusEncoder::new(plan.bitrate)?,
            decoded: Vec::new(),
            pending: Vec::new(),
        })
    }

    /// Takes an AudioSpecificConfig.
    ///
    /// # Errors
    /// In words for the creator, when it cannot be decoded.
    pub fn configure(&mut self, config: &[u8]) -> Result<(), String> {
        let config = AacConfig::parse(config)?;
        if self.config == Some(config) && self.decoder.is_some() {
            // Said again: a new decoder would lose half a frame.
            return Ok(());
        }
        self.decoder = Some(config.decoder()?);
        self.config = Some(config);
        self.tune(config.output_rate());
        Ok(())
    }

    /// What is decoded has another rate from here on.
    fn tune(&mut self, rate: u32) {
        if rate == self.resampler.rate() {
            return;
        }
        if !self.resampler.is_fresh() {
            let mut rest = Vec::new();
            self.resampler.drain(&mut rest);
            self.timeline.produced(rest.len());
            self.pending.append(&mut rest);
        }
        self.resampler = Resampler::new(rate);
    }

    /// Takes an AAC frame and gives the packets that are ready. A frame that cannot be decoded counts as silence.
    /// Without a configuration nothing happens.
    pub fn decode(&mut self, pts_ms: i64, data: &[u8]) -> Vec<Packet> {
        let Some(decoder) = &mut self.decoder else { return Vec::new() };
        self.decoded.clear();
        match decoder.decode(data, &mut self.decoded) {
            Ok(rate) => self.tune(rate),
            Err(_) => {
                let core_rate = self.config.map_or(RATE, |config| config.rate);
                let frames = aac::FRAMES * (self.resampler.rate() / core_rate).max(1) as usize;
                self.decoded.clear();
                self.decoded.resize(frames, [0.0; 2]);
            }
        }
        let rate = i64::from(self.resampler.rate());
        let step = self.timeline.place(pts_ms.saturating_mul(1000), self.resampler.pending_us());
        match step {
            Step::Restart => {
                self.resampler = Resampler::new(self.resampler.rate());
                self.pending.clear();
            }
            Step::Silence { us } => self.silence(us),
            Step::Drop { us } => {
                let frames = usize::try_from(us.saturating_mul(rate) / 1_000_000).unwrap_or(usize::MAX);
                self.decoded.drain(..frames.min(self.decoded.len()));
            }
            Step::Follow => {}
        }
        let before = self.pending.len();
        self.resampler.push(&self.decoded, self.timeline.correction(), &mut self.pending);
        self.timeline.produced(self.pending.len() - before);
        self.packets()
    }

    /// Tells how far the source's clock has come by its other medium; sound that is long overdue becomes silence.
    pub fn advance(&mut self, now_ms: i64) -> Vec<Packet> {
        match self.timeline.overdue(now_ms.saturating_mul(1000), self.resampler.pending_us()) {
            Some(us) => {
                self.silence(us);
                self.packets()
            }
            None => Vec::new(),
        }
    }

    fn silence(&mut self, us: i64) {
        let rate = i64::from(self.resampler.rate());
        let frames = usize::try_from(us.saturating_mul(rate) / 1_000_000).unwrap_or(0);
        let before = self.pending.len();
        self.resampler.push(&vec![[0.0; 2]; frames], 0.0, &mut self.pending);
        self.timeline.produced(self.pending.len() - before);
    }

    fn packets(&mut self) -> Vec<Packet> {
        let mut packets = Vec::new();
        let whole = self.pending.len() / PACKET_FRAMES * PACKET_FRAMES;
        for frames in self.pending.chunks_exact(PACKET_FRAMES) {
            let pts_us = self.timeline.packet_us() - self.encoder.lookahead_us();
            // An encoder that fails on one packet leaves a hole that the receiver conceals.
            packets.extend(self.encoder.encode(frames).ok().map(|data| Packet { pts_us, data }));
        }
        self.pending.drain(..whole);
        packets
    }
}

#[cfg(test)]
mod tests;
