//! The first half: units of the stream to pictures in showing order.

use super::Work;
use super::decoder::{PortedDecoder, VideoDecoder};
use crate::decide::{self, Decision};
use crate::group::Group;
use crate::plan::VideoPlan;
use crate::sps::{Colour, Sps};
use crate::unit::AccessUnit;

/// Frame rate that is believed until the stream tells its own, in thousandths.
const FRAME_RATE_MILLI: u32 = 30_000;

/// Decodes one source.
pub struct Decoding {
    decoder: PortedDecoder,
    /// Of each layer.
    watched: Vec<bool>,
    source: Option<Sps>,
    /// A parameter set that cannot be decoded, and of which that was said.
    refused: Option<Sps>,
    /// What the decoder does not know was said.
    complained: bool,
    /// Nothing can be decoded before a key frame with parameter sets that can be decoded here.
    waiting: bool,
    /// Nobody watches: what was not decoded.
    pub(super) resting: Option<Group>,
    last_dts_ms: Option<i64>,
}

impl Decoding {
    /// For layers that keep the plan's rules, each of them watched.
    pub fn new(plan: &VideoPlan) -> Self {
        Self {
            decoder: PortedDecoder::default(),
            watched: vec![true; plan.layers.len()],
            source: None,
            refused: None,
            complained: false,
            waiting: true,
            resting: None,
            last_dts_ms: None,
        }
    }

    /// Takes a picture and appends what is to be done; one that is not `shown` is only decoded. While nobody watches, not
    /// even that: from a key frame on pictures are kept, and decoded when somebody comes.
    pub fn decode(&mut self, unit: &AccessUnit, work: &mut Vec<Work>, shown: bool) {
        let watched = self.watched.contains(&true);
        match &mut self.resting {
            Some(kept) if !watched => kept.push(unit),
            None if !watched && unit.keyframe => self.resting.insert(Group::default()).push(unit),
            resting => {
                if let Some(kept) = resting.take() {
                    // A group too long to be kept begins anew with the next key frame.
                    self.waiting = true;
                    kept.units().iter().for_each(|unit| self.decode_one(unit, work, false));
                }
                self.decode_one(unit, work, shown);
            }
        }
    }

    fn decode_one(&mut self, unit: &AccessUnit, work: &mut Vec<Work>, shown: bool) {
        if let Some(sps) = Sps::find(&unit.data) {
            self.enter(sps, work);
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
            work.push(Work::Unsupported(format!("H.264: {}", why.what)));
        }
        let shown = pictures.into_iter().filter(|_| shown);
        work.extend(shown.map(|(pts_us, picture)| Work::Picture(pts_us, picture)));
    }

    /// Whether anybody watches a layer. An index that the plan does not have is nobody's.
    pub fn watch(&mut self, layer: u8, watched: bool) {
        if let Some(known) = self.watched.get_mut(usize::from(layer)) {
            *known = watched;
        }
    }

    /// Media time from the unit that was told before to this one, microseconds.
    pub fn media_us(&mut self, unit: &AccessUnit) -> u64 {
        let media_ms = unit.dts_ms.saturating_sub(self.last_dts_ms.replace(unit.dts_ms).unwrap_or(unit.dts_ms));
        u64::try_from(media_ms).unwrap_or(0).saturating_mul(1000)
    }

    /// Takes a parameter set; a new one begins a new sequence.
    fn enter(&mut self, sps: Sps, work: &mut Vec<Work>) {
        if self.source == Some(sps) || self.refused == Some(sps) {
            return;
        }
        self.complained = false;
        if let Decision::Refuse(why) = decide::decide(&sps, true, None) {
            work.push(Work::Unsupported(Decision::Refuse(why).to_string()));
            (self.source, self.refused) = (None, Some(sps));
            self.waiting = true;
            return;
        }
        let frame_rate_milli = sps.frame_rate_milli.unwrap_or(FRAME_RATE_MILLI);
        work.push(Work::Source { size: (sps.width, sps.height), frame_rate_milli, colour: colour(&sps) });
        self.decoder.enter(&sps);
        (self.source, self.refused) = (Some(sps), None);
    }
}

/// The source's colours; where it does not tell, as decoders guess by its size. Layers of other sizes must not be
/// guessed anew, so theirs are always told.
fn colour(sps: &Sps) -> Colour {
    let guessed = if sps.width.min(sps.height) >= 720 { 1 } else { 6 };
    Colour { matrix: sps.colour.matrix.or(Some(guessed)), ..sps.colour }
}
