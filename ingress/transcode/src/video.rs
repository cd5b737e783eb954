//! Picture: H.264 of any kind that can be decoded, to layers of constrained baseline without reordering.

pub mod decoder;
pub mod encoder;
pub mod governor;
pub mod layer;
pub mod picture;
pub mod scale;

use bytes::Bytes;

use crate::decide::{self, Decision};
use crate::group::Group;
use crate::plan::{LayerPlan, VideoPlan};
use crate::sps::{Colour, Sps};
use crate::state::LayerState;
use crate::unit::AccessUnit;
use decoder::{PortedDecoder, VideoDecoder};
use governor::{Governor, Verdict};
use layer::Layer;
use picture::Picture;

/// Frame rate that is believed until the stream tells its own, in thousandths.
const FRAME_RATE_MILLI: u32 = 30_000;

/// What comes out of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// A picture of a layer.
    Picture {
        /// Index into the plan's layers.
        layer: u8,
        /// When it is shown, microseconds on the sender's clock.
        pts_us: i64,
        /// Whether decoding can begin here.
        keyframe: bool,
        /// NAL units with start codes.
        data: Bytes,
    },
    /// The source changed so that the layers did.
    Layers(Vec<LayerState>),
    /// The source cannot be transcoded, in words; said once for each parameter set.
    Unsupported(String),
    /// A layer is left out for want of CPU.
    Dropped {
        /// Index into the plan's layers.
        layer: u8,
        /// The codecs' share of the media's time, per cent.
        busy_percent: u32,
    },
    /// A layer is back.
    Restored(u8),
}

/// The pipeline for one source.
pub struct Video {
    decoder: PortedDecoder,
    layers: Vec<Layer>,
    governor: Governor,
    source: Option<Sps>,
    /// A parameter set that cannot be decoded, and of which that was said.
    refused: Option<Sps>,
    /// What the decoder does not know was said.
    complained: bool,
    /// Nothing can be decoded before a key frame with parameter sets that can be decoded here.
    waiting: bool,
    /// Nobody watches: what was not decoded.
    resting: Option<Group>,
    last_dts_ms: Option<i64>,
    told: Vec<LayerState>,
}

impl Video {
    /// A pipeline for layers that keep the plan's rules.
    pub fn new(plan: &VideoPlan) -> Self {
        Self {
            decoder: PortedDecoder::default(),
            layers: plan.layers.iter().copied().map(Layer::new).collect(),
            governor: Governor::default(),
            source: None,
            refused: None,
            complained: false,
            waiting: true,
            resting: None,
            last_dts_ms: None,
            told: Vec::new(),
        }
    }

    /// Takes a picture and appends what is ready; one that is not `shown` is only decoded. While nobody watches, not
    /// even that: from a key frame on pictures are kept, and decoded when somebody comes.
    pub fn decode(&mut self, unit: &AccessUnit, made: &mut Vec<Made>, shown: bool) {
        let watched = self.layers.iter().any(Layer::is_watched);
        match &mut self.resting {
            Some(kept) if !watched => kept.push(unit),
            None if !watched && unit.keyframe => self.resting.insert(Group::default()).push(unit),
            resting => {
                if let Some(kept) = resting.take() {
                    // A group too long to be kept begins anew with the next key frame.
                    self.waiting = true;
                    kept.units().iter().for_each(|unit| self.decode_one(unit, made, false));
                }
                self.decode_one(unit, made, shown);
            }
        }
    }

    fn decode_one(&mut self, unit: &AccessUnit, made: &mut Vec<Made>, shown: bool) {
        if let Some(sps) = Sps::find(&unit.data) {
            self.enter(sps, made);
        }
        if self.waiting && !(unit.keyframe && self.source.is_some()) {
            return;
        }
        self.waiting = false;
        let mut pictures = Vec::new();
        if let Err(why) = self.decoder.decode(unit, &mut pictures)
            && why.unsupported
            && !std::mem::replace(&mut self.complained, true)
        {
            made.push(Made::Unsupported(format!("H.264: {}", why.what)));
        }
        for (pts_us, picture) in pictures.into_iter().filter(|_| shown) {
            self.encode(&picture, pts_us, made);
        }
    }

    /// The next picture of a layer shall be a key frame. An index that the plan does not have is nobody's.
    pub fn keyframe(&mut self, layer: u8) {
        if let Some(layer) = self.layers.get_mut(usize::from(layer)) {
            layer.keyframe();
        }
    }

    /// A layer's watchers and rate, bits per second.
    pub fn set(&mut self, layer: u8, watched: bool, bitrate: u32) {
        if let Some(layer) = self.layers.get_mut(usize::from(layer)) {
            layer.set(watched, bitrate);
        }
    }

    /// Tells how long the pipeline worked on the unit that was decoded last, microseconds.
    pub fn worked(&mut self, unit: &AccessUnit, busy_us: u64, made: &mut Vec<Made>) {
        let media_ms = unit.dts_ms.saturating_sub(self.last_dts_ms.replace(unit.dts_ms).unwrap_or(unit.dts_ms));
        match self.governor.observe(busy_us, u64::try_from(media_ms).unwrap_or(0).saturating_mul(1000)) {
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

    /// Takes a parameter set; a new one begins a new sequence.
    fn enter(&mut self, sps: Sps, made: &mut Vec<Made>) {
        if self.source == Some(sps) || self.refused == Some(sps) {
            return;
        }
        self.complained = false;
        if let Decision::Refuse(why) = decide::decide(&sps, true, None) {
            made.push(Made::Unsupported(Decision::Refuse(why).to_string()));
            (self.source, self.refused) = (None, Some(sps));
            self.waiting = true;
            return;
        }
        let (frame_rate, colour) = (sps.frame_rate_milli.unwrap_or(FRAME_RATE_MILLI), colour(&sps));
        let plans: Vec<LayerPlan> = self.layers.iter().map(|layer| *layer.plan()).collect();
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let size = layer::fit(&plans, index, (sps.width, sps.height));
            layer.source(size, frame_rate, colour);
        }
        self.decoder.enter(&sps);
        (self.source, self.refused) = (Some(sps), None);
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

    fn tell(&mut self, made: &mut Vec<Made>) {
        if self.layers.iter().map(Layer::state).ne(self.told.iter().copied()) {
            self.told = self.layers.iter().map(Layer::state).collect();
            made.push(Made::Layers(self.told.clone()));
        }
    }
}

/// The source's colours; where it does not tell, as decoders guess by its size. Layers of other sizes must not be
/// guessed anew, so theirs are always told.
fn colour(sps: &Sps) -> Colour {
    let guessed = if sps.width.min(sps.height) >= 720 { 1 } else { 6 };
    Colour { matrix: sps.colour.matrix.or(Some(guessed)), ..sps.colour }
}

#[cfg(test)]
mod tests;
