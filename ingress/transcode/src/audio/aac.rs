//! AAC: its configuration, read here, and the decoder behind a small trait.

use symphonia_codec_aac::AacDecoder;
use symphonia_core::audio::{Audio as _, GenericAudioBufferRef};
use symphonia_core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia_core::codecs::audio::{AudioCodecParameters, AudioDecoder as _, AudioDecoderOptions};
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};

use super::Frame;
use crate::bits::Bits;

/// Frames that one AAC-LC frame decodes to.
pub const FRAMES: usize = 1024;
/// Rates by `samplingFrequencyIndex` (ISO/IEC 14496-3 table 1.18).
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];
/// Audio object types (table 1.17).
const LOW_COMPLEXITY: u32 = 2;
const SPECTRAL_BAND_REPLICATION: u32 = 5;
const PARAMETRIC_STEREO: u32 = 29;

/// What an AudioSpecificConfig says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AacConfig {
    /// Frames per second that the core decodes to.
    pub rate: u32,
    /// 1 or 2.
    pub channels: u8,
    rate_index: u8,
    /// High-efficiency AAC, of which the core is decoded.
    efficient: bool,
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
        let efficient = matches!(kind, SPECTRAL_BAND_REPLICATION | PARAMETRIC_STEREO);
        if efficient {
            self::rate_index(&mut bits).ok_or_else(broken)?;
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
        Ok(Self { rate, channels, rate_index: u8::try_from(rate_index).map_err(|_| broken())?, efficient })
    }

    /// What the listener misses, in words.
    pub fn warning(&self) -> Option<String> {
        self.efficient.then(|| {
            format!("HE-AAC: only its sound up to {} kHz is decoded; set the encoder to AAC-LC", self.rate / 2000)
        })
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

/// Decodes frames of one configuration.
pub trait AudioDecoder {
    /// Appends a frame's samples, mono on both channels.
    ///
    /// # Errors
    /// In words, when the frame is broken; the next one may be decoded.
    fn decode(&mut self, data: &[u8], out: &mut Vec<Frame>) -> Result<(), String>;
}

/// AAC-LC by symphonia.
pub struct LowComplexity {
    decoder: AacDecoder,
}

impl LowComplexity {
    /// # Errors
    /// In words, when the decoder refuses the configuration.
    pub fn new(config: AacConfig) -> Result<Self, String> {
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(CODEC_ID_AAC).with_extra_data(Box::new(config.core()));
        let decoder = AacDecoder::try_new(&parameters, &AudioDecoderOptions::default());
        Ok(Self { decoder: decoder.map_err(|error| format!("AAC: {error}"))? })
    }
}

impl AudioDecoder for LowComplexity {
    fn decode(&mut self, data: &[u8], out: &mut Vec<Frame>) -> Result<(), String> {
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, data);
        let decoded = self.decoder.decode_ref(&packet).map_err(|error| error.to_string())?;
        let GenericAudioBufferRef::F32(samples) = decoded else { return Err("no float samples".to_owned()) };
        let left = samples.plane(0).unwrap_or_default();
        let right = samples.plane(1).unwrap_or(left);
        out.extend(left.iter().zip(right).map(|(&left, &right)| [sound(left), sound(right)]));
        Ok(())
    }
}

/// A sample as it may be played: broken streams decode to infinities.
fn sound(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations() {
        let stereo_44 = AacConfig::parse(&[0x12, 0x10]).unwrap();
        assert_eq!((stereo_44.rate, stereo_44.channels, stereo_44.warning()), (44_100, 2, None));
        assert_eq!(stereo_44.core(), [0x12, 0x10]);
        let mono_48 = AacConfig::parse(&[0x11, 0x88, 0x56, 0xe5, 0x00]).unwrap();
        assert_eq!((mono_48.rate, mono_48.channels), (48_000, 1));
        // Object type 5, core 24 kHz, output 48 kHz, object type 2.
        let efficient = AacConfig::parse(&[0x2b, 0x11, 0x88, 0x00]).unwrap();
        assert_eq!((efficient.rate, efficient.channels), (24_000, 2));
        assert!(efficient.warning().unwrap().contains("12 kHz"));
    }

    #[test]
    fn what_cannot_be_decoded_is_said() {
        for (config, word) in [
            (&[][..], "broken"),
            (&[0x12], "broken"),
            (&[0x0a, 0x10], "object type 1"),
            (&[0x12, 0x30], "channel configuration 6"),
            (&[0x12, 0x00], "channel configuration 0"),
            (&[0x12, 0x14], "960"),
            (&[0x16, 0x90], "broken"),
        ] {
            let why = AacConfig::parse(config).expect_err(word);
            assert!(why.contains(word), "{config:?}: {why}");
        }
    }

    #[test]
    fn noise_is_an_error_or_sound_but_no_panic() {
        let mut decoder = LowComplexity::new(AacConfig::parse(&[0x12, 0x10]).unwrap()).unwrap();
        let mut state = 1u32;
        for _ in 0..500 {
            let noise: Vec<u8> = (0..200)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            let mut out = Vec::new();
            let _ = decoder.decode(&noise, &mut out);
            assert!(out.iter().flatten().all(|sample| (-1.0..=1.0).contains(sample)));
        }
    }
}
