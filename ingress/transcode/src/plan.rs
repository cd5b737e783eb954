//! What is to be made of a stream: sound, layers of picture, and LiveKit's presets for them.

/// Most layers of one picture: what simulcast carries (RIDs `q`, `h`, `f`).
pub const LAYERS_MAX: usize = 3;
/// Bit rates of one layer, bits per second: below, H.264 is no picture; above, no room can carry it.
pub const LAYER_BITRATE: std::ops::RangeInclusive<u32> = 30_000..=20_000_000;
/// Bit rates of Opus, bits per second (RFC 7587 section 4: 6 to 510 kb/s).
pub const OPUS_BITRATE: std::ops::RangeInclusive<u32> = 6_000..=510_000;
/// Frame rates of a layer.
pub const FRAME_RATE: std::ops::RangeInclusive<u8> = 1..=60;
/// Heights of a layer, luma samples.
pub const LAYER_HEIGHT: std::ops::RangeInclusive<u16> = 90..=2160;

/// What a transcoder is started for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Plan {
    /// Sound, when it is to be transcoded.
    pub audio: Option<AudioPlan>,
    /// Picture, when it is to be transcoded.
    pub video: Option<VideoPlan>,
}

/// What is made of the sound: Opus, 48 kHz, stereo, 20 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioPlan {
    /// Target, bits per second, within [`OPUS_BITRATE`].
    pub bitrate: u32,
}

/// What is made of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoPlan {
    /// One to [`LAYERS_MAX`] layers, the largest first.
    pub layers: Vec<LayerPlan>,
}

/// One layer. The picture keeps its shape: it is scaled to fit the height (the width, if it stands upright) and never
/// enlarged; a source smaller than the largest layers is encoded at its own size in the first layer it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerPlan {
    /// The shorter side, luma samples, within [`LAYER_HEIGHT`].
    pub height: u16,
    /// Target, bits per second, within [`LAYER_BITRATE`].
    pub bitrate: u32,
    /// Pictures per second at most, within [`FRAME_RATE`]: a faster source loses pictures evenly.
    pub frame_rate: u8,
}

/// LiveKit's `IngressVideoEncodingPreset`, by the numbers of its wire protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// 0: 1280x720, three layers.
    H264_720p30Fps3Layers,
    /// 1: 1920x1080, three layers.
    H264_1080p30Fps3Layers,
    /// 2: 960x540, two layers.
    H264_540p25Fps2Layers,
    /// 3: 1280x720.
    H264_720p30Fps1Layer,
    /// 4: 1920x1080.
    H264_1080p30Fps1Layer,
    /// 5: as 0, for fast motion.
    H264_720p30Fps3LayersHighMotion,
    /// 6: as 1, for fast motion.
    H264_1080p30Fps3LayersHighMotion,
    /// 7: as 2, for fast motion.
    H264_540p25Fps2LayersHighMotion,
    /// 8: as 3, for fast motion.
    H264_720p30Fps1LayerHighMotion,
    /// 9: as 4, for fast motion.
    H264_1080p30Fps1LayerHighMotion,
}

impl Preset {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::H264_720p30Fps3Layers,
        Self::H264_1080p30Fps3Layers,
        Self::H264_540p25Fps2Layers,
        Self::H264_720p30Fps1Layer,
        Self::H264_1080p30Fps1Layer,
        Self::H264_720p30Fps3LayersHighMotion,
        Self::H264_1080p30Fps3LayersHighMotion,
        Self::H264_540p25Fps2LayersHighMotion,
        Self::H264_720p30Fps1LayerHighMotion,
        Self::H264_1080p30Fps1LayerHighMotion,
    ];

    /// The preset with LiveKit's number; `None` for one that LiveKit does not know.
    pub fn from_number(number: i32) -> Option<Self> {
        usize::try_from(number).ok().and_then(|index| Self::ALL.get(index).copied())
    }

    /// Its layers, the largest first. The largest has LiveKit's size and bit rate; those below it are chosen for
    /// viewers: 720 and 360 lines below 1080, 360 and 180 below 720, 270 below 540.
    pub fn layers(self) -> Vec<LayerPlan> {
        let layer = |height, kilobits: u32, frame_rate| LayerPlan { height, bitrate: kilobits * 1000, frame_rate };
        let below_1080 = |top| vec![layer(1080, top, 30), layer(720, top * 38 / 100, 30), layer(360, top / 10, 30)];
        let below_720 = |top| vec![layer(720, top, 30), layer(360, top * 26 / 100, 30), layer(180, top / 12, 30)];
        let below_540 = |top| vec![layer(540, top, 25), layer(270, top * 30 / 100, 25)];
        match self {
            Self::H264_720p30Fps3Layers => below_720(1900),
            Self::H264_1080p30Fps3Layers => below_1080(3500),
            Self::H264_540p25Fps2Layers => below_540(1000),
            Self::H264_720p30Fps1Layer => vec![layer(720, 1900, 30)],
            Self::H264_1080p30Fps1Layer => vec![layer(1080, 3500, 30)],
            Self::H264_720p30Fps3LayersHighMotion => below_720(2500),
            Self::H264_1080p30Fps3LayersHighMotion => below_1080(4500),
            Self::H264_540p25Fps2LayersHighMotion => below_540(1300),
            Self::H264_720p30Fps1LayerHighMotion => vec![layer(720, 2500, 30)],
            Self::H264_1080p30Fps1LayerHighMotion => vec![layer(1080, 4500, 30)],
        }
    }
}

impl Plan {
    /// What is wrong with it, in words; a plan from our own presets is never wrong.
    ///
    /// # Errors
    /// When a number is out of its range, or layers are none, too many or not in order.
    pub fn check(&self) -> Result<(), String> {
        if let Some(audio) = self.audio.filter(|audio| !OPUS_BITRATE.contains(&audio.bitrate)) {
            return Err(format!("Opus at {} b/s: it runs from 6 to 510 kb/s", audio.bitrate));
        }
        let Some(video) = &self.video else { return Ok(()) };
        if video.layers.is_empty() || video.layers.len() > LAYERS_MAX {
            return Err(format!("{} layers: one to {LAYERS_MAX} can be sent", video.layers.len()));
        }
        if !video.layers.is_sorted_by(|larger, smaller| larger.height > smaller.height) {
            return Err("layers stand from the largest to the smallest, each smaller than the one before".to_owned());
        }
        video.layers.iter().try_for_each(LayerPlan::check)
    }
}

impl LayerPlan {
    fn check(&self) -> Result<(), String> {
        let Self { height, bitrate, frame_rate } = *self;
        if !LAYER_HEIGHT.contains(&height) {
            return Err(format!("a layer of {height} lines: 90 to 2160 can be encoded"));
        }
        if !LAYER_BITRATE.contains(&bitrate) {
            return Err(format!("a layer of {bitrate} b/s: 30 000 to 20 000 000 can be encoded"));
        }
        if !FRAME_RATE.contains(&frame_rate) {
            return Err(format!("a layer of {frame_rate} pictures per second: 1 to 60 can be encoded"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_sound_and_keep_livekits_numbers() {
        for (number, preset) in (0..).zip(Preset::ALL) {
            assert_eq!(Preset::from_number(number), Some(preset));
            let plan = Plan { audio: None, video: Some(VideoPlan { layers: preset.layers() }) };
            assert_eq!(plan.check(), Ok(()), "{preset:?}");
        }
        assert_eq!((Preset::from_number(10), Preset::from_number(-1)), (None, None));
        assert_eq!(Preset::H264_1080p30Fps3Layers.layers()[0].bitrate, 3_500_000);
    }

    #[test]
    fn what_cannot_be_made_is_said() {
        let layer = LayerPlan { height: 720, bitrate: 1_000_000, frame_rate: 30 };
        let video = |layers| Plan { audio: None, video: Some(VideoPlan { layers }) };
        for (plan, word) in [
            (Plan { audio: Some(AudioPlan { bitrate: 1 }), video: None }, "Opus"),
            (video(vec![]), "0 layers"),
            (video(vec![layer; 4]), "4 layers"),
            (video(vec![layer, layer]), "largest"),
            (video(vec![LayerPlan { height: 0, ..layer }]), "0 lines"),
            (video(vec![LayerPlan { bitrate: 1, ..layer }]), "1 b/s"),
            (video(vec![LayerPlan { frame_rate: 0, ..layer }]), "0 pictures"),
        ] {
            let why = plan.check().expect_err(word);
            assert!(why.contains(word), "{why}");
        }
    }
}
