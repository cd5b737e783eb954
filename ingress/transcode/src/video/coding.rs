//! The second half: pictures to layers.

use std::time::Duration;

use super::governor::{Governor, Verdict};
use super::layer::{self, Layer};
use super::picture::Picture;
use super::{Made, Work};
use crate::plan::{LayerPlan, VideoPlan};
use crate::sps::Colour;
use crate::state::LayerState;

/// Makes the layers of one source.
pub struct Coding {
    layers: Vec<Layer>,
    governor: Governor,
    /// Working time since the last unit was told, microseconds.
    busy_us: u64,
    told: Vec<LayerState>,
}

impl Coding {
    /// For layers that keep the plan's rules.
    pub fn new(plan: &VideoPlan) -> Self {
        let layers = plan.layers.iter().copied().map(Layer::new).collect();
        Self { layers, governor: Governor::default(), busy_us: 0, told: Vec::new() }
    }

    /// Does a piece of work and appends what comes of it; `clock` is any monotonic one.
    pub fn take(&mut self, work: Work, clock: &impl Fn() -> Duration, made: &mut Vec<Made>) {
        match work {
            Work::Source { size, frame_rate_milli, colour } => self.enter(size, frame_rate_milli, colour),
            Work::Picture(pts_us, picture) => {
                let begun = clock();
                self.encode(&picture, pts_us, made);
                let busy_us = u64::try_from(clock().saturating_sub(begun).as_micros()).unwrap_or(u64::MAX);
                self.busy_us = self.busy_us.saturating_add(busy_us);
            }
            Work::Keyframe(layer) => {
                if let Some(layer) = self.layers.get_mut(usize::from(layer)) {
                    layer.keyframe();
                }
            }
            Work::Layer { layer, watched, bitrate } => {
                if let Some(layer) = self.layers.get_mut(usize::from(layer)) {
                    layer.set(watched, bitrate);
                }
            }
            Work::Unsupported(what) => made.push(Made::Unsupported(what)),
            Work::Decoded { media_us, busy_us } => self.govern(media_us, busy_us, made),
        }
    }

    fn enter(&mut self, size: (u16, u16), frame_rate_milli: u32, colour: Colour) {
        let plans: Vec<LayerPlan> = self.layers.iter().map(|layer| *layer.plan()).collect();
        for (index, layer) in self.layers.iter_mut().enumerate() {
            layer.source(layer::fit(&plans, index, size), frame_rate_milli, colour);
        }
    }

    fn encode(&mut self, picture: &Picture, pts_us: i64, made: &mut Vec<Made>) {
        let mut larger = picture;
        for (index, layer) in (0..).zip(&mut self.layers) {
            let Some(due) = layer.due(pts_us) else { continue };
            let (encoded, scaled) = layer.encode(larger, due);
            made.extend(encoded.map(|encoded| Made::Picture {
                layer: index,
                pts_us,
                keyframe: encoded.keyframe,
                data: encoded.data,
            }));
            larger = scaled;
        }
        self.tell(made);
    }

    /// The slower half decides whether the codecs keep up: each has a thread.
    fn govern(&mut self, media_us: u64, decoding_us: u64, made: &mut Vec<Made>) {
        let busy_us = std::mem::take(&mut self.busy_us).max(decoding_us);
        match self.governor.observe(busy_us, media_us) {
            Some(Verdict::Shed { busy_percent }) => {
                let mut busy = (0..).zip(&mut self.layers).filter(|(_, layer)| layer.state().active);
                // The last layer stays: a jerky picture is better than none.
                if let (Some((index, layer)), Some(_)) = (busy.next(), busy.next()) {
                    layer.drop_for_now();
                    made.push(Made::Dropped { layer: index, busy_percent });
                }
            }
            Some(Verdict::Restore) => {
                let dropped = (0..).zip(&mut self.layers).filter(|(_, layer)| layer.is_dropped()).last();
                if let Some((index, layer)) = dropped {
                    layer.restore();
                    made.push(Made::Restored(index));
                }
            }
            None => {}
        }
        self.tell(made);
    }

    fn tell(&mut self, made: &mut Vec<Made>) {
        if self.layers.iter().map(Layer::state).ne(self.told.iter().copied()) {
            self.told = self.layers.iter().map(Layer::state).collect();
            made.push(Made::Layers(self.told.clone()));
        }
    }
}
