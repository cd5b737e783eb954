//! AAC-LC by symphonia.

use symphonia_codec_aac::AacDecoder;
use symphonia_core::audio::{Audio as _, GenericAudioBufferRef};
use symphonia_core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia_core::codecs::audio::{AudioCodecParameters, AudioDecoder as _, AudioDecoderOptions};
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};

use super::{AacConfig, AudioDecoder, sound};
use crate::audio::Frame;

/// See the module's description.
pub(super) struct LowComplexity {
    decoder: AacDecoder,
    rate: u32,
}

impl LowComplexity {
    /// # Errors
    /// In words, when the decoder refuses the configuration.
    pub(super) fn new(config: AacConfig) -> Result<Self, String> {
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(CODEC_ID_AAC).with_extra_data(Box::new(config.core()));
        let decoder = AacDecoder::try_new(&parameters, &AudioDecoderOptions::default());
        Ok(Self { decoder: decoder.map_err(|error| format!("AAC: {error}"))?, rate: config.rate })
    }
}

impl AudioDecoder for LowComplexity {
    fn decode(&mut self, data: &[u8], out: &mut Vec<Frame>) -> Result<u32, String> {
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, data);
        let decoded = self.decoder.decode_ref(&packet).map_err(|error| error.to_string())?;
        let GenericAudioBufferRef::F32(samples) = decoded else { return Err("no float samples".to_owned()) };
        let left = samples.plane(0).unwrap_or_default();
        let right = samples.plane(1).unwrap_or(left);
        out.extend(left.iter().zip(right).map(|(&left, &right)| [sound(left), sound(right)]));
        Ok(self.rate)
    }
}
