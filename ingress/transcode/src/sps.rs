//! The sequence parameter set: who may decode it, how large it is, whether pictures are reordered (H.264 7.3.2.1.1, E.1).

use crate::annexb;
use crate::bits::Bits;

/// Largest side in luma samples that is believed; level 6.2 allows 16 384 in principle, but nobody streams that.
const SIDE_MAX: u32 = 8192;
/// Most entries of `offset_for_ref_frame` (7.4.2.1.1).
const CYCLE_MAX: u32 = 255;
/// Most coded picture buffers of a hypothetical reference decoder (E.2.2).
const CPB_MAX: u32 = 32;
/// `aspect_ratio_idc` that says the ratio follows (table E-1).
const EXTENDED_SAR: u32 = 255;
/// `matrix_coefficients` that says nothing (table E-5).
const MATRIX_UNSPECIFIED: u8 = 2;
/// Profiles with chroma format, bit depth and scaling matrices in the SPS (7.3.2.1.1).
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// What a sequence parameter set says, as far as it matters for passing the stream on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sps {
    /// `profile_idc`: 66 baseline, 77 main, 100 high.
    pub profile: u8,
    /// The byte of `constraint_set` flags, the first in the highest bit.
    pub constraints: u8,
    /// `level_idc`: ten times the level.
    pub level: u8,
    /// `chroma_format_idc`: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma: u8,
    /// Bits of a sample, of the deeper plane.
    pub depth: u8,
    /// Whether pictures may be interlaced.
    pub interlaced: bool,
    /// Shown width, luma samples.
    pub width: u16,
    /// Shown height, luma samples.
    pub height: u16,
    /// Pictures per second in thousandths, if the stream tells.
    pub frame_rate_milli: Option<u32>,
    /// How its numbers are colours.
    pub colour: Colour,
    /// Whether decoding order differs from showing order.
    pub reordering: Reordering,
}

/// How a picture's numbers are colours (E.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Colour {
    /// `matrix_coefficients`; 2, as `None`, means that nobody knows.
    pub matrix: Option<u8>,
    /// Whether black is 0 and not 16.
    pub full_range: bool,
}

/// Whether a stream shows pictures in another order than it carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reordering {
    /// Never.
    None,
    /// By this many pictures at most, one or more.
    Pictures(u8),
    /// The parameter set does not tell: time stamps have to.
    Unknown,
}

impl Sps {
    /// Reads a NAL unit with its header byte and without start code; `None` for one that is none or broken.
    pub fn parse(nal: &[u8]) -> Option<Self> {
        let (&header, payload) = nal.split_first()?;
        if header & 0x80 != 0 || annexb::kind(nal) != annexb::SPS {
            return None;
        }
        let mut bits = Bits::nal(payload);
        let profile = u8::try_from(bits.bits(8)?).ok()?;
        let constraints = u8::try_from(bits.bits(8)?).ok()?;
        let level = u8::try_from(bits.bits(8)?).ok()?;
        bits.unsigned().filter(|&id| id < 32)?;
        let (chroma, depth) = if HIGH_PROFILES.contains(&profile) { high(&mut bits)? } else { (1, 8) };
        bits.unsigned().filter(|&log| log <= 12)?;
        let order_type = order_count(&mut bits)?;
        bits.unsigned().filter(|&frames| frames <= 16)?;
        bits.flag()?;
        let (width, height, interlaced) = size(&mut bits, chroma)?;
        let told = if bits.flag()? { usability(&mut bits) } else { Usability::default() };
        let never = order_type == 2 || (profile == 66 && told.reordered.is_none()) || intra_only(profile, constraints);
        let reordering = match told.reordered {
            _ if never => Reordering::None,
            Some(0) => Reordering::None,
            Some(pictures) => Reordering::Pictures(pictures),
            None => Reordering::Unknown,
        };
        let Usability { frame_rate_milli, colour, .. } = told;
        Some(Self {
            profile,
            constraints,
            level,
            chroma,
            depth,
            interlaced,
            width,
            height,
            frame_rate_milli,
            colour,
            reordering,
        })
    }

    /// The first readable one of a byte stream with start codes.
    pub fn find(stream: &[u8]) -> Option<Self> {
        annexb::nals(stream).find_map(Self::parse)
    }
}

/// High profiles' intra variants (constraint_set3, E.2.1: then nothing is reordered).
fn intra_only(profile: u8, constraints: u8) -> bool {
    profile == 44 || (matches!(profile, 86 | 100 | 110 | 122 | 244) && constraints & 0x10 != 0)
}

/// Chroma format and depth; steps over the scaling matrices.
fn high(bits: &mut Bits) -> Option<(u8, u8)> {
    let chroma = bits.unsigned().filter(|&format| format <= 3)?;
    if chroma == 3 {
        bits.flag()?;
    }
    let luma_depth = bits.unsigned().filter(|&depth| depth <= 6)?;
    let chroma_depth = bits.unsigned().filter(|&depth| depth <= 6)?;
    bits.flag()?;
    if bits.flag()? {
        for list in 0..if chroma == 3 { 12 } else { 8 } {
            if bits.flag()? {
                scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    let depth = 8 + luma_depth.max(chroma_depth);
    Some((u8::try_from(chroma).ok()?, u8::try_from(depth).ok()?))
}

/// 7.3.2.1.1.1
fn scaling_list(bits: &mut Bits, entries: u32) -> Option<()> {
    let mut last = 8i32;
    for _ in 0..entries {
        let delta = bits.signed().filter(|delta| (-128..=127).contains(delta))?;
        last = (last + delta).rem_euclid(256);
        if last == 0 {
            break;
        }
    }
    Some(())
}

/// `pic_order_cnt_type`, with its parameters stepped over.
fn order_count(bits: &mut Bits) -> Option<u32> {
    let kind = bits.unsigned().filter(|&kind| kind <= 2)?;
    if kind == 0 {
        bits.unsigned().filter(|&log| log <= 12)?;
    }
    if kind == 1 {
        bits.flag()?;
        bits.signed()?;
        bits.signed()?;
        for _ in 0..bits.unsigned().filter(|&cycle| cycle <= CYCLE_MAX)? {
            bits.signed()?;
        }
    }
    Some(kind)
}

/// Shown width and height, and whether pictures may be interlaced.
fn size(bits: &mut Bits, chroma: u8) -> Option<(u16, u16, bool)> {
    let side = |macroblocks: u32| macroblocks.checked_add(1)?.checked_mul(16).filter(|&side| side <= SIDE_MAX);
    let width = side(bits.unsigned()?)?;
    let map_height = side(bits.unsigned()?)?;
    let frames_only = bits.flag()?;
    let height = if frames_only { map_height } else { map_height.checked_mul(2).filter(|&side| side <= SIDE_MAX)? };
    if !frames_only {
        bits.flag()?;
    }
    bits.flag()?;
    let (mut cut_width, mut cut_height) = (0u32, 0u32);
    if bits.flag()? {
        // 7-19 to 7-22: cropping counts in chroma samples, and in field lines where fields may be.
        let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
        let unit_y = if chroma == 1 { 2 } else { 1 } * if frames_only { 1 } else { 2 };
        cut_width = bits.unsigned()?.checked_add(bits.unsigned()?)?.checked_mul(unit_x)?;
        cut_height = bits.unsigned()?.checked_add(bits.unsigned()?)?.checked_mul(unit_y)?;
    }
    let width = width.checked_sub(cut_width).filter(|&side| side > 0)?;
    let height = height.checked_sub(cut_height).filter(|&side| side > 0)?;
    Some((u16::try_from(width).ok()?, u16::try_from(height).ok()?, !frames_only))
}

/// What is read of the video usability information.
#[derive(Clone, Copy, Debug, Default)]
struct Usability {
    frame_rate_milli: Option<u32>,
    colour: Colour,
    reordered: Option<u8>,
}

/// E.1.1. What breaks off tells what stood before: broken usability information harms no decoding.
fn usability(bits: &mut Bits) -> Usability {
    let mut told = Usability::default();
    let _ = read_usability(bits, &mut told);
    told
}

fn read_usability(bits: &mut Bits, told: &mut Usability) -> Option<()> {
    if bits.flag()? && bits.bits(8)? == EXTENDED_SAR {
        bits.bits(32)?;
    }
    if bits.flag()? {
        bits.flag()?;
    }
    if bits.flag()? {
        bits.bits(3)?;
        told.colour.full_range = bits.flag()?;
        if bits.flag()? {
            bits.bits(16)?;
            told.colour.matrix = u8::try_from(bits.bits(8)?).ok().filter(|&matrix| matrix != MATRIX_UNSPECIFIED);
        }
    }
    if bits.flag()? {
        bits.unsigned()?;
        bits.unsigned()?;
    }
    if bits.flag()? {
        let (units, scale) = (bits.bits(32)?, bits.bits(32)?);
        bits.flag()?;
        // A tick is half a picture (E.2.1, table E-6).
        let milli = (u64::from(scale) * 500).checked_div(u64::from(units));
        told.frame_rate_milli = milli.and_then(|rate| u32::try_from(rate).ok()).filter(|rate| *rate > 0);
    }
    let nal_reference = bits.flag()?;
    if nal_reference {
        reference_decoder(bits)?;
    }
    let vcl_reference = bits.flag()?;
    if vcl_reference {
        reference_decoder(bits)?;
    }
    if nal_reference || vcl_reference {
        bits.flag()?;
    }
    bits.flag()?;
    if bits.flag()? {
        bits.flag()?;
        for _ in 0..4 {
            bits.unsigned()?;
        }
        told.reordered = bits.unsigned().filter(|&pictures| pictures <= 16).and_then(|some| u8::try_from(some).ok());
    }
    Some(())
}

/// E.1.2
fn reference_decoder(bits: &mut Bits) -> Option<()> {
    let buffers = bits.unsigned()?.checked_add(1).filter(|&buffers| buffers <= CPB_MAX)?;
    bits.bits(8)?;
    for _ in 0..buffers {
        bits.unsigned()?;
        bits.unsigned()?;
        bits.flag()?;
    }
    bits.bits(20)?;
    Some(())
}

#[cfg(test)]
mod tests;
