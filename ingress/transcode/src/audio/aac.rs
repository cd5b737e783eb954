//! AAC: its configuration, read here, and the decoders behind a small trait.

mod high;
mod low;

use super::Frame;
use crate::bits::Bits;
use high::HighEfficiency;
use low::LowComplexity;

/// Frames of the core that one AAC frame decodes to.
pub const FRAMES: usize = 1024;
/// Rates by `samplingFrequencyIndex` (ISO/IEC 14496-3 table 1.18).
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];
/// Audio object types (table 1.17).
const LOW_COMPLEXITY: u32 = 2;
const SPECTRAL_BAND_REPLICATION: u32 = 5;
const PARAMETRIC_STEREO: u32 = 29;
/// What stands behind a configuration before the word whether there is an upper band (1.6.2.1, `syncExtensionType`).
const SYNC_EXTENSION: u32 = 0x2b7;
/// Up to this rate a core whose configuration is silent about it may have an upper band, as ADTS does it: no encoder
/// describes one above 24 kHz.
const UNSAID_RATE_MAX: u32 = 24_000;
/// Up to this rate of the core an upper band is decoded: above, the core has all that can be heard.
const CORE_RATE_MAX: u32 = 48_000;

/// What an AudioSpecificConfig says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AacConfig {
    /// Frames per second that the core decodes to.
    pub rate: u32,
    /// 1 or 2.
    pub channels: u8,
    rate_index: u8,
    upper: Upper,
}

/// The upper band of high-efficiency AAC, which is described beside the core (spectral band replication).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upper {
    Absent,
    /// The frames will tell.
    Unsaid,
    /// With the rate that comes out of it.
    Present(u32),
}

impl AacConfig {
    /// Reads an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
    ///
    /// # Errors
    /// In words for the creator, when it cannot be decoded here.
    pub fn parse(config: &[u8]) -> Result<Self, String> {
        let mut bits = Bits::raw(config);
        let broken = || "AAC: its configuration is broken".to_owned();
        let mut kind = object_type(&mut bits).ok_or_else(broken)?;
        let rate_index = rate_index(&mut bits).ok_or_else(broken)?;
        let channels = bits.bits(4).ok_or_else(broken)?;
        let mut upper = None;
        if matches!(kind, SPECTRAL_BAND_REPLICATION | PARAMETRIC_STEREO) {
            upper = Some(Upper::Present(self::rate(&mut bits).ok_or_else(broken)?));
            kind = object_type(&mut bits).ok_or_else(broken)?;
        }
        if kind != LOW_COMPLEXITY {
            return Err(format!("AAC of object type {kind} cannot be decoded: set the encoder to AAC-LC"));
        }
        if !matches!(channels, 1 | 2) {
            return Err(format!("AAC with channel configuration {channels} cannot be decoded: send mono or stereo"));
        }
        if bits.flag().ok_or_else(broken)? {
            return Err("AAC frames of 960 samples cannot be decoded: set the encoder to 1024".to_owned());
        }
        let rate = RATES.get(rate_index).copied().ok_or_else(broken)?;
        let channels = if channels == 1 { 1 } else { 2 };
        let upper = upper.or_else(|| told_behind(&mut bits)).unwrap_or(Upper::Unsaid);
        let upper = match upper {
            Upper::Unsaid if rate > UNSAID_RATE_MAX => Upper::Absent,
            Upper::Present(_) if rate > CORE_RATE_MAX => Upper::Absent,
            // The same rate twice cuts the upper band to what the core's rate holds (4.6.18.4.3).
            Upper::Present(output) if output != rate && output != 2 * rate => return Err(broken()),
            upper => upper,
        };
        Ok(Self { rate, channels, rate_index: u8::try_from(rate_index).map_err(|_| broken())?, upper })
    }

    /// Frames per second that come out unless its frames say otherwise.
    pub fn output_rate(&self) -> u32 {
        if let Upper::Present(rate) = self.upper { rate } else { self.rate }
    }

    /// The decoder for it.
    ///
    /// # Errors
    /// In words, when there is none.
    pub fn decoder(&self) -> Result<Box<dyn AudioDecoder>, String> {
        Ok(match self.upper {
            Upper::Absent => Box::new(LowComplexity::new(*self)?),
            Upper::Unsaid | Upper::Present(_) => Box::new(HighEfficiency::new(*self)?),
        })
    }

    /// The configuration with its upper band, said before the core where it is said at all.
    fn whole(&self) -> Vec<u8> {
        let Upper::Present(upper) = self.upper else { return self.core().to_vec() };
        let upper = RATES.iter().position(|known| *known == upper).unwrap_or_default() as u32;
        let (core, channels) = (u32::from(self.rate_index), u32::from(self.channels));
        let bits = SPECTRAL_BAND_REPLICATION << 27 | core << 23 | channels << 19 | upper << 15 | LOW_COMPLEXITY << 10;
        bits.to_be_bytes().to_vec()
    }

    /// The configuration of the core alone.
    fn core(&self) -> [u8; 2] {
        [(LOW_COMPLEXITY as u8) << 3 | self.rate_index >> 1, (self.rate_index & 1) << 7 | self.channels << 3]
    }
}

fn object_type(bits: &mut Bits) -> Option<u32> {
    match bits.bits(5)? {
        31 => Some(32 + bits.bits(6)?),
        kind => Some(kind),
    }
}

/// An index into [`RATES`]; a rate written out must be one of them.
fn rate_index(bits: &mut Bits) -> Option<usize> {
    match bits.bits(4)? {
        15 => {
            let rate = bits.bits(24)?;
            RATES.iter().position(|known| *known == rate)
        }
        index => usize::try_from(index).ok(),
    }
}

fn rate(bits: &mut Bits) -> Option<u32> {
    RATES.get(rate_index(bits)?).copied()
}

/// What is said of an upper band behind the rest of a configuration, where decoders that do not know it do not look
/// (backward-compatible signalling).
fn told_behind(bits: &mut Bits) -> Option<Upper> {
    let depends_on_core_coder = bits.flag()?;
    if depends_on_core_coder {
        bits.bits(14)?;
    }
    let _extension = bits.flag()?;
    if bits.bits(11)? != SYNC_EXTENSION || object_type(bits)? != SPECTRAL_BAND_REPLICATION {
        return None;
    }
    Some(if bits.flag()? { Upper::Present(rate(bits)?) } else { Upper::Absent })
}

/// Decodes frames of one configuration.
pub trait AudioDecoder {
    /// Appends a frame's samples, mono on both channels; the answer is their rate.
    ///
    /// # Errors
    /// In words, when the frame is broken; the next one may be decoded.
    fn decode(&mut self, data: &[u8], out: &mut Vec<Frame>) -> Result<u32, String>;
}

/// A sample as it may be played: broken streams decode to infinities.
fn sound(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests;
