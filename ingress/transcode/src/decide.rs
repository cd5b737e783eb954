//! Whether a stream goes through as it is, is transcoded, or cannot be taken; always with the reason in words.

use std::fmt;

use crate::sps::{Reordering, Sps};

/// Highest `level_idc` that goes through: hardware decoders of browsers end at 5.1.
const LEVEL_MAX: u8 = 51;
/// Longer and shorter side of the largest picture that is decoded here (what openh264 encodes, too).
const SIDES_MAX: (u16, u16) = (3840, 2160);
/// Pictures that are looked at when only time stamps can tell about reordering: two groups of B-pictures and more.
const WATCHED: u8 = 16;

/// What is to be done with a stream's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes through as it is.
    Passthrough,
    /// It is decoded and encoded again.
    Transcode(Why),
    /// It can neither go through nor be decoded.
    Refuse(Why),
    /// The next pictures' time stamps will tell: ask again with [`Stamps::reordering`].
    Watch,
}

/// Why a stream does not go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The ingress asks for layers.
    LayersAsked,
    /// Pictures are reordered by so many; 0 when only seen by their time stamps.
    BFrames(u8),
    /// Interlaced pictures.
    Interlaced,
    /// `profile_idc` that browsers do not take.
    Profile(u8),
    /// `level_idc` beyond browsers' decoders.
    Level(u8),
    /// More bits per sample than eight.
    Depth(u8),
    /// `chroma_format_idc` other than 4:2:0.
    Chroma(u8),
    /// Larger than can be decoded here.
    Size(u16, u16),
}

/// Decides about a stream by its parameter set. `layers_asked`: whether the ingress wants simulcast layers made;
/// `seen`: what time stamps told where the parameter set does not ([`Stamps`]).
pub fn decide(sps: &Sps, layers_asked: bool, seen: Option<bool>) -> Decision {
    let why = match obstacle(sps, seen) {
        Some(why) => why,
        None if layers_asked => Why::LayersAsked,
        None if sps.reordering == Reordering::Unknown && seen.is_none() => return Decision::Watch,
        None => return Decision::Passthrough,
    };
    undecodable(sps).map_or(Decision::Transcode(why), Decision::Refuse)
}

/// Why browsers would not show it as it is.
fn obstacle(sps: &Sps, seen: Option<bool>) -> Option<Why> {
    match sps {
        Sps { chroma: 0 | 2.., .. } => Some(Why::Chroma(sps.chroma)),
        Sps { depth: 9.., .. } => Some(Why::Depth(sps.depth)),
        Sps { interlaced: true, .. } => Some(Why::Interlaced),
        Sps { profile, .. } if !matches!(profile, 66 | 77 | 100) => Some(Why::Profile(*profile)),
        Sps { level, .. } if *level > LEVEL_MAX => Some(Why::Level(*level)),
        Sps { reordering: Reordering::Pictures(pictures), .. } => Some(Why::BFrames(*pictures)),
        Sps { reordering: Reordering::Unknown, .. } if seen == Some(true) => Some(Why::BFrames(0)),
        _ => None,
    }
}

/// Why it cannot be decoded here.
fn undecodable(sps: &Sps) -> Option<Why> {
    let (longer, shorter) = (sps.width.max(sps.height), sps.width.min(sps.height));
    if sps.chroma == 3 {
        return Some(Why::Chroma(sps.chroma));
    }
    if !matches!(sps.depth, 8 | 10) {
        return Some(Why::Depth(sps.depth));
    }
    (longer > SIDES_MAX.0 || shorter > SIDES_MAX.1).then_some(Why::Size(sps.width, sps.height))
}

/// Watches time stamps for reordering.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamps {
    seen: u8,
    reordered: bool,
    first_offset_ms: Option<i64>,
}

impl Stamps {
    /// Takes a picture's time stamps, in milliseconds. Without reordering every picture is shown equally long after
    /// its decoding, up to rounding.
    pub fn look(&mut self, dts_ms: i64, pts_ms: i64) {
        let offset = pts_ms.saturating_sub(dts_ms);
        let first = *self.first_offset_ms.get_or_insert(offset);
        self.reordered |= offset.abs_diff(first) > 1;
        self.seen = self.seen.saturating_add(1);
    }

    /// Whether pictures are reordered; `None` before enough were seen.
    pub fn reordering(&self) -> Option<bool> {
        (self.reordered || self.seen >= WATCHED).then_some(self.reordered)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passthrough => f.write_str("passed through"),
            Self::Transcode(why) => write!(f, "{why}: transcoding"),
            Self::Refuse(why) => write!(f, "{why}: cannot be decoded; {}", advice(*why)),
            Self::Watch => f.write_str("looking for B-frames"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LayersAsked => f.write_str("layers are asked for"),
            Self::BFrames(0) => f.write_str("B-frames"),
            Self::BFrames(1) => f.write_str("B-frames (reordered by 1 picture)"),
            Self::BFrames(pictures) => write!(f, "B-frames (reordered by {pictures} pictures)"),
            Self::Interlaced => f.write_str("interlaced pictures"),
            Self::Profile(profile) => write!(f, "H.264 profile {profile}, which browsers do not take"),
            Self::Level(level) => write!(f, "H.264 level {}.{}, beyond browsers' decoders", level / 10, level % 10),
            Self::Depth(bits) => write!(f, "{bits} bits per sample"),
            Self::Chroma(0) => f.write_str("a picture without colour"),
            Self::Chroma(format) => write!(f, "colour format {}", if *format == 2 { "4:2:2" } else { "4:4:4" }),
            Self::Size(width, height) => write!(f, "a picture of {width}x{height}"),
        }
    }
}

fn advice(why: Why) -> &'static str {
    match why {
        Why::Size(..) => "send 3840x2160 or smaller",
        _ => "set the encoder to NV12 or I420, 8 bits, profile high or below",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sps::Colour;

    const SPS: Sps = Sps {
        profile: 100,
        constraints: 0,
        level: 40,
        chroma: 1,
        depth: 8,
        interlaced: false,
        width: 1920,
        height: 1080,
        frame_rate_milli: Some(30_000),
        colour: Colour { matrix: Some(1), full_range: false },
        reordering: Reordering::None,
    };

    #[test]
    fn what_goes_through_and_what_does_not() {
        let two = Reordering::Pictures(2);
        let unknown = Reordering::Unknown;
        for (sps, asked, seen, words) in [
            (SPS, false, None, "passed through"),
            (SPS, true, None, "layers are asked for: transcoding"),
            (Sps { profile: 66, ..SPS }, false, None, "passed through"),
            (Sps { reordering: two, ..SPS }, false, None, "B-frames (reordered by 2 pictures): transcoding"),
            (Sps { reordering: two, ..SPS }, true, None, "B-frames (reordered by 2 pictures): transcoding"),
            (Sps { reordering: unknown, ..SPS }, false, None, "looking for B-frames"),
            (Sps { reordering: unknown, ..SPS }, false, Some(true), "B-frames: transcoding"),
            (Sps { reordering: unknown, ..SPS }, false, Some(false), "passed through"),
            (Sps { interlaced: true, ..SPS }, false, None, "interlaced pictures: transcoding"),
            (Sps { level: 52, ..SPS }, false, None, "H.264 level 5.2, beyond browsers' decoders: transcoding"),
            (Sps { depth: 10, profile: 110, ..SPS }, false, None, "10 bits per sample: transcoding"),
            (Sps { chroma: 2, profile: 122, ..SPS }, false, None, "colour format 4:2:2: transcoding"),
        ] {
            assert_eq!(decide(&sps, asked, seen).to_string(), words);
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_refused_with_advice() {
        for (sps, asked, word) in [
            (Sps { chroma: 3, profile: 244, ..SPS }, false, "NV12"),
            (Sps { depth: 12, profile: 244, ..SPS }, false, "8 bits"),
            (Sps { width: 7680, height: 4320, level: 60, ..SPS }, false, "3840x2160"),
            (Sps { width: 4096, ..SPS }, true, "3840x2160"),
        ] {
            let decision = decide(&sps, asked, None);
            assert!(matches!(decision, Decision::Refuse(_)), "{decision}");
            assert!(decision.to_string().contains(word), "{decision}");
        }
        // Nobody asks for layers and browsers take it: its size is no reason here.
        assert_eq!(decide(&Sps { width: 4096, ..SPS }, false, None), Decision::Passthrough);
    }

    #[test]
    fn time_stamps_tell() {
        let mut plain = Stamps::default();
        (0..16).for_each(|n| plain.look(n * 33, n * 33 + 67));
        assert_eq!(plain.reordering(), Some(false));
        let mut reordered = Stamps::default();
        assert_eq!(reordered.reordering(), None);
        [(0, 67), (33, 167), (67, 100)].into_iter().for_each(|(dts, pts)| reordered.look(dts, pts));
        assert_eq!(reordered.reordering(), Some(true));
    }
}
