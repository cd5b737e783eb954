//! A stream's picture on its way to its feed: as it is where browsers can show it, else through a transcoder.

use std::time::Instant;

use livekit_protocol::ingress_video_options::EncodingOptions;
use livekit_protocol::{IngressVideoOptions, SubscribedQualityUpdate, VideoLayer, VideoQuality};
use publish::Feed;
use rtmp::{Refusal, VideoCodec, VideoConfig, VideoUnit};
use sdp::{Format, H264Profile, Variant};
use transcode::avcc::Avcc;
use transcode::decide::Stamps;
use transcode::sps::Sps;
use transcode::{
    AccessUnit, Codec, Cost, Decision, Launch, LayerPlan, Output, Plan, Preset, Transcoder, VideoPlan, decide,
};

use super::gauge::Gauge;
use super::told::Told;

/// Pictures per second of a layer that names none.
const FRAME_RATE: u8 = 30;

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Picture {
    way: Way,
    avcc: Option<Avcc>,
    config: Option<VideoConfig>,
    sps: Option<Sps>,
    stamps: Stamps,
    /// Pictures that wait until it is known how they go on.
    held: Vec<VideoUnit>,
    pub(super) gauge: Gauge,
    pub(super) told: Told,
    /// What the publisher should know, in words.
    pub(super) remark: String,
}

/// How pictures go on.
#[derive(Debug, Default)]
enum Way {
    /// There are none.
    #[default]
    None,
    /// Their time stamps will tell.
    Watch,
    /// As they are.
    Pass,
    /// Through a transcoder, into these layers, the largest first.
    Transcode(Transcoder, Vec<LayerPlan>),
}

/// What a track of this picture is.
#[derive(Clone, Debug)]
pub(super) struct Description {
    /// The codec as LiveKit names it.
    pub(super) codec: &'static str,
    /// What subscribers must be able to decode, best first.
    pub(super) formats: Vec<Format>,
    /// Lowest quality first.
    pub(super) layers: Vec<VideoLayer>,
}

impl Picture {
    /// The picture's form is told. True when a track must begin, or begin anew.
    ///
    /// # Errors
    /// When it can neither go through nor be transcoded.
    pub(super) fn configure(
        &mut self,
        config: VideoConfig,
        options: Option<&IngressVideoOptions>,
        transcoding: bool,
        feed: &mut Feed,
    ) -> Result<bool, Refusal> {
        if self.config.as_ref().is_some_and(|known| known.codec != config.codec) {
            return Err(Refusal::Unfit("its video codec changes"));
        }
        self.avcc = Avcc::parse(&config.record).filter(|_| config.codec == VideoCodec::H264);
        let sps = self.avcc.as_ref().and_then(|avcc| Sps::find(avcc.sets()));
        if sps != self.sps {
            // Of a form that is said again the codecs say nothing again.
            self.told.renew();
            self.sps = sps;
        }
        self.config = Some(config);
        let asked = options.is_some_and(|options| options.encoding_options.is_some());
        self.choose(options, asked && transcoding, transcoding, feed)
    }

    fn choose(
        &mut self,
        options: Option<&IngressVideoOptions>,
        asked: bool,
        transcoding: bool,
        feed: &mut Feed,
    ) -> Result<bool, Refusal> {
        let Some(config) = &self.config else { return Ok(false) };
        let decision = match &self.sps {
            Some(sps) if transcoding => decide(sps, asked, self.stamps.reordering()),
            _ => Decision::Passthrough,
        };
        self.remark = if decision == Decision::Passthrough { String::new() } else { decision.to_string() };
        match (decision, &self.way) {
            (Decision::Watch, _) => {
                self.way = Way::Watch;
                Ok(false)
            }
            (Decision::Passthrough, way) => {
                let begins = !matches!(way, Way::Pass);
                let before = feed.params(publish::Line::Video);
                feed.configure_video(config).map_err(|_| Refusal::Unfit("its video configuration cannot be read"))?;
                self.way = Way::Pass;
                Ok(begins || before != feed.params(publish::Line::Video))
            }
            (Decision::Transcode(_), Way::Transcode(..)) => Ok(false),
            (Decision::Transcode(_), _) => {
                let layers = layers(options, self.sps.as_ref());
                let plan = Plan { audio: None, video: Some(VideoPlan { layers: layers.clone() }) };
                let transcoder = Transcoder::start(Launch::this_program(), plan)
                    .map_err(|_| Refusal::Unfit("the layers that its ingress asks for cannot be made"))?;
                feed.begin_layers(layers.len());
                self.way = Way::Transcode(transcoder, layers);
                Ok(true)
            }
            (Decision::Refuse(_), _) => Err(Refusal::Unfit("its video can neither be passed on nor decoded")),
        }
    }

    /// A picture came. True when it is known only now how they go on, and a track must begin.
    ///
    /// # Errors
    /// As for [`Picture::configure`].
    pub(super) fn unit(
        &mut self,
        now: Instant,
        unit: VideoUnit,
        options: Option<&IngressVideoOptions>,
        feed: &mut Feed,
    ) -> Result<bool, Refusal> {
        self.gauge.unit(now, unit.data.len());
        if unit.keyframe {
            self.gauge.keyframe(unit.dts_ms);
        }
        if !matches!(self.way, Way::Watch) {
            self.send(now, &unit, feed);
            return Ok(false);
        }
        self.stamps.look(unit.dts_ms, unit.pts_ms);
        self.held.push(unit);
        if self.stamps.reordering().is_none() {
            return Ok(false);
        }
        let begins = self.choose(options, false, true, feed)?;
        for unit in std::mem::take(&mut self.held) {
            self.send(now, &unit, feed);
        }
        Ok(begins)
    }

    fn send(&self, now: Instant, unit: &VideoUnit, feed: &mut Feed) {
        match &self.way {
            Way::None | Way::Watch => {}
            Way::Pass => feed.picture(now, unit),
            Way::Transcode(transcoder, _) => {
                if let Some(data) = self.avcc.as_ref().and_then(|avcc| avcc.annexb(&unit.data)) {
                    let VideoUnit { dts_ms, pts_ms, keyframe, .. } = *unit;
                    // What the child has no time for is told as a state.
                    let _ = transcoder.send(AccessUnit { dts_ms, pts_ms, codec: Codec::H264, keyframe, data });
                }
            }
        }
    }

    /// What the transcoder cost, while there is one.
    pub(super) fn cost(&self) -> Option<Cost> {
        match &self.way {
            Way::Transcode(transcoder, _) => Some(transcoder.cost()),
            _ => None,
        }
    }

    /// What the transcoder made. Safe to be cancelled.
    pub(super) async fn next(&mut self) -> Option<Output> {
        match &mut self.way {
            Way::Transcode(transcoder, _) => transcoder.next().await,
            _ => std::future::pending().await,
        }
    }

    /// A layer's picture goes into the feed.
    pub(super) fn made(&self, now: Instant, layer: u8, pts_us: i64, stream: &[u8], feed: &mut Feed) {
        if let Way::Transcode(_, layers) = &self.way
            && let Some(encoding) = encoding(layers.len(), layer)
        {
            feed.layer(now, &publish::Picture { encoding, pts_us, stream });
        }
    }

    /// The transcoder gave up.
    pub(super) fn stop(&mut self) {
        self.way = Way::None;
    }

    /// Viewers wait for a key frame. What goes through cannot be asked for one: RTMP has no way back.
    pub(super) fn keyframe(&self, wanted: u8) {
        if let Way::Transcode(transcoder, layers) = &self.way
            && let Some(layer) = encoding(layers.len(), wanted)
        {
            transcoder.feed().keyframe(layer);
        }
    }

    /// Layers that nobody watches are not encoded.
    pub(super) fn watched(&self, update: &SubscribedQualityUpdate) {
        let Way::Transcode(transcoder, layers) = &self.way else { return };
        let Some(codec) = update.subscribed_codecs.first() else { return };
        for (layer, plan) in (0..).zip(layers) {
            let mine = encoding(layers.len(), layer);
            let serves =
                |quality: i32| u8::try_from(quality).ok().map(|quality| quality.min(top(layers.len()))) == mine;
            let watched = codec.qualities.iter().any(|it| it.enabled && serves(it.quality));
            transcoder.feed().layer(layer, watched, plan.bitrate);
        }
    }

    /// What others are told of it; `size` is what the publisher says where the stream itself does not.
    pub(super) fn describe(&self, size: (u32, u32)) -> Option<Description> {
        let config = self.config.as_ref()?;
        let (width, height) = self.size().unwrap_or(size);
        let byte = |at: usize| config.record.get(at).copied().unwrap_or_default();
        if let Way::Transcode(_, layers) = &self.way {
            let baseline = h264(H264Profile::ConstrainedBaseline);
            let layers = layers.iter().rev().zip(0..).map(|(plan, quality)| layer(plan, (width, height), quality));
            return Some(Description { codec: "h264", formats: vec![baseline], layers: layers.collect() });
        }
        let (codec, formats) = match config.codec {
            VideoCodec::H264 => {
                let id = format!("{:02x}{:02x}{:02x}", byte(1), byte(2), byte(3));
                let own = H264Profile::parse(&id).unwrap_or(H264Profile::High);
                // Decoders of browsers go by the stream: who offers only baseline shows main and high as well.
                ("h264", vec![h264(own), h264(H264Profile::ConstrainedBaseline)])
            }
            VideoCodec::H265 => ("h265", vec![profile(door::Codec::H265, byte(1) & 0x1f)]),
            VideoCodec::Av1 => ("av1", vec![profile(door::Codec::Av1, byte(1) >> 5)]),
        };
        let bitrate = self.gauge.bits_per_second();
        let quality = VideoQuality::High.into();
        let layers = vec![VideoLayer { quality, width, height, bitrate, ..Default::default() }];
        Some(Description { codec, formats, layers })
    }

    /// Pixels, as the stream tells.
    pub(super) fn size(&self) -> Option<(u32, u32)> {
        self.sps.as_ref().map(|sps| (sps.width.into(), sps.height.into()))
    }

    /// The MIME type of what came.
    pub(super) fn mime(&self) -> Option<&'static str> {
        Some(match self.config.as_ref()?.codec {
            VideoCodec::H264 => "video/H264",
            VideoCodec::H265 => "video/H265",
            VideoCodec::Av1 => "video/AV1",
        })
    }
}

/// Layers stand from the largest, encodings from the lowest: the index of one from that of the other.
fn encoding(count: usize, index: u8) -> Option<u8> {
    top(count).checked_sub(index)
}

/// The highest index of so many.
fn top(count: usize) -> u8 {
    u8::try_from(count.saturating_sub(1)).unwrap_or(u8::MAX)
}

fn h264(profile: H264Profile) -> Format {
    Format { codec: door::Codec::H264, variant: Variant::H264 { profile, packetization: 1 } }
}

fn profile(codec: door::Codec, profile: u8) -> Format {
    Format { codec, variant: Variant::Profile(profile) }
}

fn layer(plan: &LayerPlan, (width, height): (u32, u32), quality: i32) -> VideoLayer {
    let shorter = width.min(height).max(1);
    let side = u32::from(plan.height).min(shorter);
    // Even sides, rounded as the transcoder rounds them.
    let scaled = |length: u32| if side < shorter { (length * side).div_ceil(shorter) & !1 } else { length & !1 };
    VideoLayer { quality, width: scaled(width), height: scaled(height), bitrate: plan.bitrate, ..Default::default() }
}

/// The layers that an ingress asks for, or LiveKit's default, as far as the source is large enough for them.
fn layers(options: Option<&IngressVideoOptions>, sps: Option<&Sps>) -> Vec<LayerPlan> {
    let mut layers = match options.and_then(|options| options.encoding_options.as_ref()) {
        Some(EncodingOptions::Options(options)) if !options.layers.is_empty() => {
            let frame_rate = if options.frame_rate >= 1.0 { options.frame_rate.min(60.0) as u8 } else { FRAME_RATE };
            options.layers.iter().map(|it| plan_of(it, frame_rate)).collect()
        }
        Some(EncodingOptions::Preset(preset)) => Preset::from_number(*preset).unwrap_or(Preset::ALL[0]).layers(),
        _ => Preset::ALL[0].layers(),
    };
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.height));
    layers.dedup_by_key(|layer| layer.height);
    layers.truncate(transcode::plan::LAYERS_MAX);
    let shorter = sps.map_or(u16::MAX, |sps| sps.width.min(sps.height));
    let smallest = layers.last().copied();
    layers.retain(|layer| layer.height <= shorter);
    if layers.is_empty() {
        layers.extend(smallest);
    }
    layers
}

fn plan_of(layer: &VideoLayer, frame_rate: u8) -> LayerPlan {
    let side = u16::try_from(layer.width.min(layer.height)).unwrap_or(u16::MAX);
    LayerPlan { height: side, bitrate: layer.bitrate, frame_rate }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_follow_preset_options_and_source() {
        let heights = |options: Option<EncodingOptions>| {
            let options = IngressVideoOptions { encoding_options: options, ..Default::default() };
            layers(Some(&options), None).iter().map(|it| it.height).collect::<Vec<_>>()
        };
        assert_eq!(heights(None), [720, 360, 180]);
        assert_eq!(heights(Some(EncodingOptions::Preset(1))), [1080, 720, 360]);
        let layer = |height| VideoLayer { width: 2 * height, height, bitrate: 500_000, ..Default::default() };
        let own = livekit_protocol::IngressVideoEncodingOptions {
            frame_rate: 25.0,
            layers: vec![layer(240), layer(480)],
            ..Default::default()
        };
        assert_eq!(heights(Some(EncodingOptions::Options(own))), [480, 240]);
    }

    #[test]
    fn layers_and_encodings_run_opposite_ways() {
        assert_eq!([0, 1, 2, 3].map(|index| encoding(3, index)), [Some(2), Some(1), Some(0), None]);
        assert_eq!(encoding(1, 0), Some(0));
    }

    #[test]
    fn a_layer_keeps_the_pictures_shape() {
        let plan = LayerPlan { height: 360, bitrate: 1, frame_rate: 30 };
        let size = |size| {
            let layer = layer(&plan, size, 0);
            (layer.width, layer.height)
        };
        assert_eq!((size((1280, 720)), size((720, 1280)), size((320, 180))), ((640, 360), (360, 640), (320, 180)));
        assert_eq!(size((0, 0)), (0, 0));
        for source in [(854, 480), (1002, 564), (1366, 768), (853, 481)] {
            let made = transcode::video::layer::fit(&[plan], 0, source).unwrap();
            let (width, height) = size((source.0.into(), source.1.into()));
            assert_eq!((width as usize, height as usize), made, "{source:?}");
        }
    }
}
