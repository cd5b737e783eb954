//! Pictures to H.264 constrained baseline, behind a small trait.

use bytes::Bytes;
use openh264::OpenH264API;
use openh264::Timestamp;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, Profile, RateControlMode, UsageType, VuiConfig,
};
use openh264::formats::YUVSlices;

use super::picture::Picture;
use crate::sps::Colour;

/// A picture as it goes into the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Whether decoding can begin here.
    pub keyframe: bool,
    /// NAL units with start codes.
    pub data: Bytes,
}

/// What an encoder is made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Bits per second.
    pub bitrate: u32,
    /// Pictures per second.
    pub frame_rate: f32,
    /// Written into the stream.
    pub colour: Colour,
}

/// Encodes pictures of one size, the first as a key frame; times grow from picture to picture.
pub trait VideoEncoder {
    /// Encodes a picture; `None` when the encoder leaves it out.
    ///
    /// # Errors
    /// In words; the encoder is then to be made anew.
    fn encode(&mut self, picture: &Picture, pts_us: i64, keyframe: bool) -> Result<Option<Encoded>, String>;
}

/// openh264, one thread, fastest mode.
pub struct OpenEncoder {
    encoder: Encoder,
    begun: bool,
    first_us: Option<i64>,
}

impl OpenEncoder {
    /// # Errors
    /// In words, when the encoder cannot be made.
    pub fn new(target: Target) -> Result<Self, String> {
        let config = EncoderConfig::new()
            .bitrate(BitRate::from_bps(target.bitrate))
            .max_frame_rate(FrameRate::from_hz(target.frame_rate))
            .usage_type(UsageType::CameraVideoRealTime)
            .rate_control_mode(RateControlMode::Bitrate)
            // A picture left out would be a jerk in all viewers' streams; quality gives way instead.
            .skip_frames(false)
            .profile(Profile::Baseline)
            .complexity(Complexity::Low)
            .num_threads(1)
            .vui(vui(target.colour));
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config);
        Ok(Self { encoder: encoder.map_err(|error| format!("openh264: {error}"))?, begun: false, first_us: None })
    }
}

impl VideoEncoder for OpenEncoder {
    fn encode(&mut self, picture: &Picture, pts_us: i64, keyframe: bool) -> Result<Option<Encoded>, String> {
        if keyframe && self.begun {
            self.encoder.force_intra_frame();
        }
        let (width, height) = picture.size();
        let [luma, blue, red] = picture.planes();
        let source = YUVSlices::new((luma, blue, red), (width, height), (width, width / 2, width / 2));
        let since_us = pts_us.saturating_sub(*self.first_us.get_or_insert(pts_us));
        let time = Timestamp::from_millis(u64::try_from(since_us / 1000).unwrap_or(0));
        let stream = self.encoder.encode_at(&source, time).map_err(|error| format!("openh264: {error}"))?;
        self.begun = true;
        let keyframe = stream.frame_type() == FrameType::IDR;
        let data = stream.to_vec();
        Ok((!data.is_empty()).then(|| Encoded { keyframe, data: Bytes::from(data) }))
    }
}

/// The nearest of the matrices that the encoder can write.
fn vui(colour: Colour) -> VuiConfig {
    match colour.matrix {
        Some(5 | 6) => VuiConfig::bt601(),
        Some(9 | 10) => VuiConfig::bt2020(),
        _ => VuiConfig::bt709(),
    }
    .full_range(colour.full_range)
}
