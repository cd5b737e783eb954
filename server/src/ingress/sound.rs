//! A stream's sound on its way to its feed: Opus as it is, AAC through a transcoder.

use std::time::Instant;

use livekit_protocol::{IngressAudioEncodingPreset, IngressAudioOptions, ingress_audio_options::EncodingOptions};
use publish::Feed;
use rtmp::{AudioCodec, AudioConfig, AudioUnit, Refusal};
use transcode::{AccessUnit, AudioPlan, Codec, Cost, Launch, Output, Plan, Transcoder};

use super::gauge::Gauge;
use super::told::Told;

/// Bits per second of Opus unless the ingress says otherwise: LiveKit's default.
const BITRATE: u32 = 96_000;

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Sound {
    transcoder: Option<Transcoder>,
    pub(super) gauge: Gauge,
    pub(super) told: Told,
    pub(super) codec: Option<AudioCodec>,
}

impl Sound {
    /// The sound's form is told. True when a track must begin.
    ///
    /// # Errors
    /// When it is another codec than before: each change would cost a process.
    pub(super) fn configure(
        &mut self,
        config: AudioConfig,
        options: Option<&IngressAudioOptions>,
        feed: &mut Feed,
    ) -> Result<bool, Refusal> {
        if self.codec.is_some_and(|codec| codec != config.codec) {
            return Err(Refusal::Unfit("its audio codec changes"));
        }
        let first = self.codec.replace(config.codec).is_none();
        if config.codec == AudioCodec::Aac {
            if first {
                let plan = Plan { audio: Some(AudioPlan { bitrate: bitrate(options) }), video: None };
                // The bit rate is within its range, so the plan is sound.
                self.transcoder = Transcoder::start(Launch::this_program(), plan).ok();
            }
            self.send(Codec::AacConfig, 0, config.record);
        }
        if first {
            feed.begin_audio();
        }
        Ok(first)
    }

    /// A piece of sound came.
    pub(super) fn unit(&mut self, now: Instant, unit: AudioUnit, feed: &mut Feed) {
        self.gauge.unit(now, unit.data.len());
        match unit.codec {
            AudioCodec::Opus => feed.sound(now, unit.pts_ms.saturating_mul(1000), &unit.data),
            AudioCodec::Aac => self.send(Codec::Aac, unit.pts_ms, unit.data),
        }
    }

    fn send(&self, codec: Codec, time_ms: i64, data: bytes::Bytes) {
        if let Some(transcoder) = &self.transcoder {
            // What the child has no time for is told as a state.
            let _ = transcoder.send(AccessUnit { dts_ms: time_ms, pts_ms: time_ms, codec, keyframe: true, data });
        }
    }

    /// What the transcoder cost, while there is one.
    pub(super) fn cost(&self) -> Option<Cost> {
        self.transcoder.as_ref().map(Transcoder::cost)
    }

    /// What the transcoder made. Safe to be cancelled.
    pub(super) async fn next(&mut self) -> Option<Output> {
        match &mut self.transcoder {
            Some(transcoder) => transcoder.next().await,
            None => std::future::pending().await,
        }
    }

    /// The transcoder gave up.
    pub(super) fn stop(&mut self) {
        self.transcoder = None;
    }
}

fn bitrate(options: Option<&IngressAudioOptions>) -> u32 {
    let wanted = match options.and_then(|options| options.encoding_options.as_ref()) {
        Some(EncodingOptions::Preset(preset)) if *preset == i32::from(IngressAudioEncodingPreset::OpusMono64kbs) => {
            64_000
        }
        Some(EncodingOptions::Options(options)) if options.bitrate > 0 => options.bitrate,
        _ => BITRATE,
    };
    wanted.clamp(*transcode::plan::OPUS_BITRATE.start(), *transcode::plan::OPUS_BITRATE.end())
}
