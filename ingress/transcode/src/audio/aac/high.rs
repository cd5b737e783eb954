//! High-efficiency AAC by syom: a core, its upper band (SBR), and two channels made of one (parametric stereo).

use syom::{DecodeOptions, Decoder};

use super::low::LowComplexity;
use super::{AacConfig, AudioDecoder, sound};
use crate::audio::Frame;

/// Longest frame in bytes: what ADTS can carry (ISO/IEC 14496-3, 1.A.2.2: 13 bits), five times the standard's own limit for
/// two channels. It bounds what one frame can make the decoder do.
const FRAME_BYTES_MAX: usize = 8191;

/// See the module's description.
pub(super) struct HighEfficiency {
    decoder: Decoder,
    config: AacConfig,
    core: LowComplexity,
}

impl HighEfficiency {
    /// # Errors
    /// In words, when the decoders refuse the configuration.
    pub(super) fn new(config: AacConfig) -> Result<Self, String> {
        let decoder = Decoder::from_asc(&config.whole(), DecodeOptions::unbounded());
        let decoder = decoder.map_err(|error| format!("HE-AAC: {error}"))?;
        Ok(Self { decoder, config, core: LowComplexity::new(config)? })
    }

    fn whole(&mut self, data: &[u8], out: &mut Vec<Frame>) -> Option<u32> {
        let mut rate = None;
        let decoded = self.decoder.decode_au(data, |frame| {
            let left = frame.planar.first().copied().unwrap_or_default();
            let right = frame.planar.get(1).copied().unwrap_or(left);
            out.extend(left.iter().zip(right).map(|(&left, &right)| [sound(left), sound(right)]));
            rate = Some(frame.sample_rate);
            Ok(())
        });
        if decoded.is_err() {
            // It says nothing more until then.
            self.decoder.reset();
            let _ = self.decoder.set_asc(&self.config.whole());
        }
        rate.filter(|_| decoded.is_ok())
    }
}

impl AudioDecoder for HighEfficiency {
    fn decode(&mut self, data: &[u8], out: &mut Vec<Frame>) -> Result<u32, String> {
        if data.len() > FRAME_BYTES_MAX {
            return Err(format!("a frame of {} bytes", data.len()));
        }
        let before = out.len();
        if let Some(rate) = self.whole(data, out) {
            return Ok(rate);
        }
        // How an upper band is to be read is told twice a second only: who comes in between has the core until then.
        out.truncate(before);
        self.core.decode(data, out)
    }
}
