//! One layer: its size, its pace, its encoder.

use super::encoder::{Encoded, OpenEncoder, Target, VideoEncoder};
use super::picture::Picture;
use super::scale::Scaler;
use crate::plan::{LAYER_BITRATE, LayerPlan};
use crate::sps::Colour;
use crate::state::LayerState;

/// A new rate within this share of the encoder's is not worth the key frame that it costs.
const RATE_STEP_PERCENT: u32 = 10;
/// The pace is measured over so many pictures: a second or two.
const PACE_PICTURES: u32 = 30;
/// A measured pace within this share of the encoder's is the same.
const PACE_STEP_PERCENT: f32 = 20.0;
/// Shorter sides are no picture for an encoder.
const SIDE_MIN: usize = 16;

/// One layer of the plan.
pub struct Layer {
    plan: LayerPlan,
    /// Luma samples; `None` while the source is too small or unknown.
    size: Option<(usize, usize)>,
    frame_rate: f32,
    colour: Colour,
    bitrate: u32,
    watched: bool,
    dropped: bool,
    keyframe: bool,
    due_us: Option<i64>,
    pace: Pace,
    scaler: Option<Scaler>,
    scaled: Picture,
    encoder: Option<OpenEncoder>,
}

/// A picture that the layer's pace lets through.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    pts_us: i64,
    size: (usize, usize),
}

impl Layer {
    /// A layer that is watched, of no size yet.
    pub fn new(plan: LayerPlan) -> Self {
        Self {
            plan,
            size: None,
            frame_rate: f32::from(plan.frame_rate),
            colour: Colour::default(),
            bitrate: plan.bitrate,
            watched: true,
            dropped: false,
            keyframe: false,
            due_us: None,
            pace: Pace::default(),
            scaler: None,
            scaled: Picture::default(),
            encoder: None,
        }
    }

    /// What it was planned as.
    pub fn plan(&self) -> &LayerPlan {
        &self.plan
    }

    /// What is encoded.
    pub fn state(&self) -> LayerState {
        let (width, height) = self.size.unwrap_or_default();
        let side = |side: usize| u16::try_from(side).unwrap_or(u16::MAX);
        let active = self.watched && !self.dropped && self.size.is_some();
        LayerState { active, width: side(width), height: side(height), bitrate: self.bitrate }
    }

    /// Whether it is left out for want of CPU.
    pub fn is_dropped(&self) -> bool {
        self.dropped
    }

    /// Leaves it out for want of CPU.
    pub fn drop_for_now(&mut self) {
        self.dropped = true;
        self.encoder = None;
    }

    /// Ends [`Layer::drop_for_now`].
    pub fn restore(&mut self) {
        self.dropped = false;
    }

    /// The next picture shall be a key frame.
    pub fn keyframe(&mut self) {
        self.keyframe = true;
    }

    /// Watchers and rate. A rate that differs by a tenth begins with a key frame, since the encoder is made anew.
    pub fn set(&mut self, watched: bool, bitrate: u32) {
        let bitrate = bitrate.clamp(*LAYER_BITRATE.start(), *LAYER_BITRATE.end());
        self.watched = watched;
        let step = self.bitrate / 100 * RATE_STEP_PERCENT;
        if bitrate.abs_diff(self.bitrate) > step {
            self.bitrate = bitrate;
            self.encoder = None;
        }
        if !watched {
            self.encoder = None;
        }
    }

    /// A new source: the layer's size in it, its pictures per second in thousandths, its colours.
    pub fn source(&mut self, size: Option<(usize, usize)>, frame_rate_milli: u32, colour: Colour) {
        self.size = size;
        self.frame_rate = (frame_rate_milli as f32 / 1000.0).clamp(1.0, f32::from(self.plan.frame_rate));
        self.colour = colour;
        (self.due_us, self.scaler, self.encoder) = (None, None, None);
        self.pace = Pace::default();
    }

    /// Whether a picture of this time is to be encoded: somebody watches, and it is not too early for the pace.
    pub fn due(&mut self, pts_us: i64) -> Option<Due> {
        let size = self.size.filter(|_| self.state().active)?;
        let interval_us = 1_000_000 / i64::from(self.plan.frame_rate);
        let due_us = self.due_us.unwrap_or(pts_us);
        let early_us = due_us.saturating_sub(pts_us);
        // Time stamps are rounded to milliseconds; a clock that jumped back is no reason to wait.
        if early_us > interval_us / 4 && early_us < 2 * interval_us {
            return None;
        }
        let behind = early_us.abs() >= interval_us;
        self.due_us = Some(if behind { pts_us } else { due_us }.saturating_add(interval_us));
        Some(Due { pts_us, size })
    }

    /// Encodes a picture of this layer's size or larger. The second value is the picture in this layer's size, from
    /// which the next can be scaled. An encoder that fails is made anew with the next picture.
    pub fn encode<'a>(&'a mut self, picture: &'a Picture, due: Due) -> (Option<Encoded>, &'a Picture) {
        self.follow_pace(due.pts_us);
        let picture = if picture.size() == due.size {
            picture
        } else {
            let sizes = (picture.size(), due.size);
            let scaler = match self.scaler.take() {
                Some(scaler) if scaler.sizes() == sizes => scaler,
                _ => Scaler::new(sizes.0, sizes.1),
            };
            self.scaler.insert(scaler).scale(picture, &mut self.scaled);
            &self.scaled
        };
        let target = Target { bitrate: self.bitrate, frame_rate: self.frame_rate, colour: self.colour };
        if self.encoder.is_none() {
            self.encoder = OpenEncoder::new(target).ok();
        }
        let keyframe = std::mem::take(&mut self.keyframe);
        let encoded = self.encoder.as_mut().map(|encoder| encoder.encode(picture, due.pts_us, keyframe));
        match encoded {
            Some(Ok(encoded)) => (encoded, picture),
            Some(Err(_)) | None => {
                self.encoder = None;
                (None, picture)
            }
        }
    }
}

impl Layer {
    /// An encoder that is wrong about the pace is wrong about the bits of each picture: a source may tell anything.
    fn follow_pace(&mut self, pts_us: i64) {
        let Some(measured) = self.pace.measure(pts_us) else { return };
        let measured = measured.clamp(1.0, f32::from(self.plan.frame_rate));
        if (measured / self.frame_rate - 1.0).abs() * 100.0 > PACE_STEP_PERCENT {
            self.frame_rate = measured;
            self.encoder = None;
        }
    }
}

/// Pictures per second as they come.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    first_us: i64,
    pictures: u32,
}

impl Pace {
    /// Takes a picture's time; every [`PACE_PICTURES`] it tells the pace since then.
    fn measure(&mut self, pts_us: i64) -> Option<f32> {
        if self.pictures == 0 {
            self.first_us = pts_us;
        }
        self.pictures += 1;
        if self.pictures <= PACE_PICTURES {
            return None;
        }
        let span_us = pts_us.saturating_sub(self.first_us);
        *self = Self { first_us: pts_us, pictures: 1 };
        // A clock that jumped tells nothing.
        (span_us > 0).then(|| PACE_PICTURES as f32 * 1e6 / span_us as f32)
    }
}

/// The size of the plan's layer `index` in a source: the plan's shorter side at the source's shape, not enlarged. A
/// source that is no larger than the next layer leaves this one empty; the last layer is never empty.
pub fn fit(plans: &[LayerPlan], index: usize, source: (u16, u16)) -> Option<(usize, usize)> {
    let (width, height) = (usize::from(source.0), usize::from(source.1));
    let shorter = width.min(height);
    let planned = usize::from(plans.get(index)?.height);
    let next = plans.get(index + 1).map_or(0, |next| usize::from(next.height));
    if shorter <= next || shorter < SIDE_MIN {
        return None;
    }
    let side = |side: usize| if planned < shorter { (side * planned).div_ceil(shorter) & !1 } else { side & !1 };
    Some((side(width).max(SIDE_MIN), side(height).max(SIDE_MIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(heights: &[u16]) -> Vec<LayerPlan> {
        heights.iter().map(|&height| LayerPlan { height, bitrate: 1_000_000, frame_rate: 30 }).collect()
    }

    #[test]
    fn layers_fit_the_source() {
        let ladder = plans(&[1080, 720, 360]);
        for (source, sizes) in [
            ((1920, 1080), [Some((1920, 1080)), Some((1280, 720)), Some((640, 360))]),
            ((1280, 720), [None, Some((1280, 720)), Some((640, 360))]),
            ((1600, 900), [Some((1600, 900)), Some((1280, 720)), Some((640, 360))]),
            ((640, 360), [None, None, Some((640, 360))]),
            ((320, 240), [None, None, Some((320, 240))]),
            ((1080, 1920), [Some((1080, 1920)), Some((720, 1280)), Some((360, 640))]),
            ((853, 480), [None, Some((852, 480)), Some((640, 360))]),
            ((3840, 2160), [Some((1920, 1080)), Some((1280, 720)), Some((640, 360))]),
            ((8, 8), [None, None, None]),
        ] {
            let found = [0, 1, 2].map(|index| fit(&ladder, index, source));
            assert_eq!(found, sizes, "{source:?}");
        }
    }

    #[test]
    fn a_fast_source_loses_pictures_evenly() {
        let mut layer = Layer::new(plans(&[360])[0]);
        layer.source(Some((640, 360)), 60_000, Colour::default());
        let shown: Vec<_> = (0..60).filter(|n| layer.due(n * 1_000_000 / 60).is_some()).collect();
        assert_eq!(shown, (0..60).step_by(2).collect::<Vec<_>>());
        let mut layer = Layer::new(plans(&[360])[0]);
        layer.source(Some((640, 360)), 30_000, Colour::default());
        let rounded = (0..30).filter(|n| layer.due(n * 1000 / 30 * 1000).is_some()).count();
        assert_eq!(rounded, 30, "rounded time stamps cost no picture");
    }

    #[test]
    fn the_pace_is_measured_whatever_the_source_tells() {
        let mut layer = Layer::new(plans(&[360])[0]);
        layer.source(Some((640, 360)), 1000, Colour::default());
        assert!((layer.frame_rate - 1.0).abs() < 0.01);
        (0..=60).for_each(|n| layer.follow_pace(n * 40_000));
        assert!((layer.frame_rate - 25.0).abs() < 0.01, "{}", layer.frame_rate);
        (61..=120).for_each(|n| layer.follow_pace(n * 41_000));
        assert!((layer.frame_rate - 25.0).abs() < 0.01, "a little off is no news: {}", layer.frame_rate);
        (0..=90).for_each(|n| layer.follow_pace(n * 100));
        assert!((layer.frame_rate - 30.0).abs() < 0.01, "the plan's pace is the most: {}", layer.frame_rate);
    }

    #[test]
    fn a_clock_that_jumps_is_followed() {
        let mut layer = Layer::new(plans(&[360])[0]);
        layer.source(Some((640, 360)), 30_000, Colour::default());
        for pts_us in [10_000_000, 10_033_000, 0, 33_000, 90_000_000, 90_033_000] {
            assert!(layer.due(pts_us).is_some(), "{pts_us}");
        }
    }

    #[test]
    fn only_a_new_rate_worth_it_makes_a_new_encoder() {
        let mut layer = Layer::new(plans(&[360])[0]);
        layer.set(true, 1_050_000);
        assert_eq!(layer.state().bitrate, 1_000_000);
        layer.set(true, 500_000);
        assert_eq!(layer.state().bitrate, 500_000);
        layer.set(true, 0);
        assert_eq!(layer.state().bitrate, 30_000);
    }
}
