//! H.264 to pictures in showing order, behind a small trait.

use rust_h264::decoder::{ChromaFormat, Decoder, Frame};
use rust_h264::error::DecodeError;
use rust_h264::nal::parse_annex_b;

use super::picture::Picture;
use crate::sps::{Reordering, Sps};
use crate::unit::AccessUnit;

/// Most pictures that wait for their turn: what H.264 allows at all (A.3.1).
const WAITING_MAX: usize = 16;

/// Why a unit was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecoded {
    /// In words.
    pub what: &'static str,
    /// Whether the stream uses something that this decoder does not know, so that nothing of it will be decoded.
    pub unsupported: bool,
}

/// Decodes one stream.
pub trait VideoDecoder {
    /// A parameter set that differs from the one before begins a new sequence: what waits is shown first.
    fn enter(&mut self, sps: &Sps);

    /// Takes an access unit and appends the pictures whose turn it is, with their time in microseconds.
    ///
    /// # Errors
    /// When a part of it could not be decoded; the decoder goes on with the next.
    fn decode(&mut self, unit: &AccessUnit, out: &mut Vec<(i64, Picture)>) -> Result<(), Undecoded>;
}

/// The decoder `rust_h264`, and the order of its pictures.
#[derive(Default)]
pub struct PortedDecoder {
    decoder: Decoder,
    order: Order,
}

impl VideoDecoder for PortedDecoder {
    fn enter(&mut self, sps: &Sps) {
        self.order.depth = match sps.reordering {
            Reordering::None => 0,
            Reordering::Pictures(pictures) => usize::from(pictures),
            Reordering::Unknown => WAITING_MAX,
        };
        self.order.sequence = self.order.sequence.wrapping_add(1);
    }

    fn decode(&mut self, unit: &AccessUnit, out: &mut Vec<(i64, Picture)>) -> Result<(), Undecoded> {
        let mut result = Ok(());
        let mut frame = None;
        for nal in parse_annex_b(&unit.data) {
            match self.decoder.decode_nal(&nal) {
                Ok(Some(decoded)) => frame = Some(decoded),
                Ok(None) => {}
                Err(error) => result = Err(undecoded(&error)),
            }
        }
        // An access unit is a whole picture: without this the decoder would keep it until the next one begins.
        let frame = self.decoder.flush().or(frame);
        let picture = frame.and_then(picture);
        self.order.take(unit, picture, out);
        result
    }
}

fn undecoded(error: &DecodeError) -> Undecoded {
    match error {
        DecodeError::UnexpectedEof => Undecoded { what: "a picture ends early", unsupported: false },
        DecodeError::InvalidSyntax(what) => Undecoded { what, unsupported: false },
        DecodeError::Unsupported(what) => Undecoded { what, unsupported: true },
    }
}

/// Puts pictures into showing order by their time stamps.
#[derive(Default)]
struct Order {
    /// How many pictures the stream holds back at most.
    depth: usize,
    sequence: u32,
    waiting: Vec<(u32, i64, Picture)>,
}

impl Order {
    fn take(&mut self, unit: &AccessUnit, picture: Option<Picture>, out: &mut Vec<(i64, Picture)>) {
        if unit.keyframe {
            // What follows an IDR picture in decoding follows it in showing, too (H.264 7.4.1.2.4).
            self.release(out, |_, _| true);
        }
        self.waiting.extend(picture.map(|picture| (self.sequence, unit.pts_ms.saturating_mul(1000), picture)));
        self.waiting.sort_by_key(|(sequence, pts_us, _)| (*sequence, *pts_us));
        let depth = self.depth.min(WAITING_MAX);
        // No later unit is shown before it is decoded, so whatever is due by now has nothing to wait for.
        let now_us = unit.dts_ms.saturating_mul(1000);
        self.release(out, |waiting, pts_us| waiting > depth || pts_us <= now_us);
    }

    fn release(&mut self, out: &mut Vec<(i64, Picture)>, due: impl Fn(usize, i64) -> bool) {
        while let Some((_, pts_us, _)) = self.waiting.first() {
            if !due(self.waiting.len(), *pts_us) {
                return;
            }
            let (_, pts_us, picture) = self.waiting.remove(0);
            out.push((pts_us, picture));
        }
    }
}

/// The picture with 8 bits and 4:2:0, its sides even; `None` for one whose planes do not fit its size.
fn picture(frame: Frame) -> Option<Picture> {
    let (width, height) = (usize::try_from(frame.width).ok()?, usize::try_from(frame.height).ok()?);
    let [luma, blue, red] = if frame.bit_depth > 8 {
        let shift = u32::from(frame.bit_depth) - 8;
        [frame.y, frame.u, frame.v].map(|plane| narrowed(&plane, shift))
    } else {
        [frame.y, frame.u, frame.v]
    };
    let (blue, red) = match frame.chroma_format {
        ChromaFormat::Yuv420 => (blue, red),
        ChromaFormat::Yuv422 => (halved(&blue, width / 2), halved(&red, width / 2)),
    };
    if width.is_multiple_of(2) && height.is_multiple_of(2) {
        return Picture::of(width, height, [luma, blue, red]);
    }
    let planes = [
        cut(&luma, width, width & !1, height & !1),
        cut(&blue, width / 2, width / 2, height / 2),
        cut(&red, width / 2, width / 2, height / 2),
    ];
    Picture::of(width & !1, height & !1, planes)
}

/// The upper eight bits of samples that take two bytes, the lower byte first.
fn narrowed(plane: &[u8], shift: u32) -> Vec<u8> {
    let (samples, _) = plane.as_chunks::<2>();
    samples.iter().map(|sample| u8::try_from(u16::from_le_bytes(*sample) >> shift).unwrap_or(u8::MAX)).collect()
}

/// Half the rows, each the mean of two.
fn halved(plane: &[u8], width: usize) -> Vec<u8> {
    let width = width.max(1);
    let pairs = plane.chunks_exact(2 * width).map(|pair| pair.split_at(width));
    pairs.flat_map(|(upper, lower)| upper.iter().zip(lower).map(|(&a, &b)| a.midpoint(b))).collect()
}

/// The left upper part of a plane.
fn cut(plane: &[u8], stride: usize, width: usize, height: usize) -> Vec<u8> {
    let rows = plane.chunks_exact(stride.max(1)).take(height);
    rows.flat_map(|row| row.get(..width).unwrap_or_default()).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    use crate::unit::Codec;

    fn shown(depth: usize, units: &[(i64, i64, bool)]) -> Vec<i64> {
        let mut order = Order { depth, ..Order::default() };
        let mut out = Vec::new();
        for &(dts_ms, pts_ms, keyframe) in units {
            let unit = AccessUnit { dts_ms, pts_ms, codec: Codec::H264, keyframe, data: Bytes::new() };
            order.take(&unit, Some(Picture::new(2, 2)), &mut out);
        }
        out.into_iter().map(|(pts_us, _)| pts_us / 1000).collect()
    }

    #[test]
    fn pictures_come_in_showing_order_as_early_as_may_be() {
        let none = [(0, 0, true), (33, 33, false), (67, 67, false)];
        assert_eq!(shown(16, &none), [0, 33, 67], "what is due is not held, whatever the depth");
        let two = [(0, 67, true), (33, 200, false), (67, 133, false), (100, 100, false), (133, 300, false)];
        assert_eq!(shown(2, &two), [67, 100, 133], "as many wait as the stream says");
        assert_eq!(shown(16, &two), [67, 100, 133], "time tells, too");
        let again = [(0, 67, true), (33, 200, false), (67, 100, true)];
        assert_eq!(shown(2, &again), [67, 200], "nothing before a key frame is shown after it");
    }

    #[test]
    fn deeper_and_richer_pictures_are_made_plain() {
        assert_eq!(narrowed(&[0xff, 0x03, 0x00, 0x02], 2), [255, 128]);
        assert_eq!(halved(&[0, 10, 20, 30, 1, 1, 3, 3], 2), [10, 20, 2, 2]);
        assert_eq!(cut(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 3, 2, 2), [1, 2, 4, 5]);
    }
}
