//! The words between server and child: a length, a kind, fields in little-endian order, the rest is data.
//!
//! The child is the same binary, so nothing is negotiated. It is also what a stranger may have taken over: the server
//! believes no length and no number of it.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::plan::{AudioPlan, LAYERS_MAX, LayerPlan, Plan, VideoPlan};
use crate::state::LayerState;
use crate::unit::{AccessUnit, Codec, UNIT_BYTES_MAX};

/// Longest frame in bytes after its length: the largest unit with its fields.
pub const FRAME_BYTES_MAX: usize = UNIT_BYTES_MAX + 64;
/// Bytes of the length before a frame.
pub const LENGTH_BYTES: usize = 4;
/// Longest text, bytes: a sentence for the page.
const TEXT_BYTES_MAX: usize = 500;
/// Longest Opus packet, bytes (RFC 6716 section 3.4: 1275 for one frame, and its header byte).
const OPUS_BYTES_MAX: usize = 1276;

/// What the server tells the child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToChild {
    /// What to make; the first word.
    Plan(Plan),
    /// A piece of the stream.
    Unit(AccessUnit),
    /// A picture that a child before had: it is decoded for the sake of what follows and not shown.
    Again(AccessUnit),
    /// The next picture of this layer shall be a key frame.
    Keyframe(u8),
    /// A layer's watchers and rate.
    Layer {
        /// Index into the plan's layers.
        layer: u8,
        /// Whether anybody watches it.
        watched: bool,
        /// Target, bits per second.
        bitrate: u32,
    },
}

/// What the child answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromChild {
    /// It has its plan.
    Ready,
    /// So many units were handled since its start: its sign of life.
    Done(u64),
    /// A packet of sound.
    Opus {
        /// As in [`crate::Output::Opus`].
        pts_us: i64,
        /// The packet.
        data: Bytes,
    },
    /// A picture of a layer.
    Picture {
        /// Index into the plan's layers.
        layer: u8,
        /// As in [`crate::Output::H264`].
        pts_us: i64,
        /// Whether decoding can begin here.
        keyframe: bool,
        /// NAL units with start codes.
        data: Bytes,
    },
    /// Something cannot be transcoded, in words.
    Unsupported(String),
    /// What is encoded.
    Layers(Vec<LayerState>),
    /// A layer is left out for want of CPU.
    LayerDropped {
        /// Index into the plan's layers.
        layer: u8,
        /// Share of the media's time that the codecs took.
        busy_percent: u32,
    },
    /// A layer is back.
    LayerRestored(u8),
}

/// Why bytes are no word of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Garbled {
    /// A frame longer than [`FRAME_BYTES_MAX`], or empty.
    #[error("a frame of {0} bytes")]
    Length(usize),
    /// No such kind of frame.
    #[error("a frame of kind {0}")]
    Kind(u8),
    /// It ended early, went on too long, or a field is out of its range.
    #[error("a broken frame of kind {0}")]
    Body(u8),
}

/// The length of the frame that these four bytes announce.
///
/// # Errors
/// When it is empty or too long.
pub fn frame_len(length: [u8; LENGTH_BYTES]) -> Result<usize, Garbled> {
    let announced = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if (1..=FRAME_BYTES_MAX).contains(&announced) { Ok(announced) } else { Err(Garbled::Length(announced)) }
}

impl ToChild {
    /// The frame with its length before it.
    pub fn frame(&self) -> BytesMut {
        match self {
            Self::Plan(plan) => framed(PLAN, 64, |out| put_plan(out, plan)),
            Self::Unit(unit) => framed(UNIT, unit.data.len(), |out| put_unit(out, unit)),
            Self::Again(unit) => framed(AGAIN, unit.data.len(), |out| put_unit(out, unit)),
            Self::Keyframe(layer) => framed(KEYFRAME, 0, |out| out.put_u8(*layer)),
            Self::Layer { layer, watched, bitrate } => framed(LAYER, 0, |out| {
                out.put_u8(*layer);
                out.put_u8(u8::from(*watched));
                out.put_u32_le(*bitrate);
            }),
        }
    }

    /// Reads a frame without its length.
    ///
    /// # Errors
    /// When it is none of these words.
    pub fn parse(frame: Bytes) -> Result<Self, Garbled> {
        let (kind, mut body) = kind_of(frame)?;
        let word = match kind {
            PLAN => take_plan(&mut body).map(Self::Plan),
            UNIT => take_unit(&mut body).map(Self::Unit),
            AGAIN => take_unit(&mut body).map(Self::Again),
            KEYFRAME => take_layer(&mut body).map(Self::Keyframe),
            LAYER => take_rate(&mut body),
            _ => return Err(Garbled::Kind(kind)),
        };
        word.filter(|_| body.is_empty()).ok_or(Garbled::Body(kind))
    }
}

impl FromChild {
    /// The frame with its length before it.
    pub fn frame(&self) -> BytesMut {
        match self {
            Self::Ready => framed(READY, 0, |_| ()),
            Self::Done(units) => framed(DONE, 0, |out| out.put_u64_le(*units)),
            Self::Opus { pts_us, data } => framed(OPUS, data.len(), |out| {
                out.put_i64_le(*pts_us);
                out.put_slice(data);
            }),
            Self::Picture { layer, pts_us, keyframe, data } => framed(PICTURE, data.len(), |out| {
                out.put_u8(*layer);
                out.put_u8(u8::from(*keyframe));
                out.put_i64_le(*pts_us);
                out.put_slice(data);
            }),
            Self::Unsupported(text) => {
                let end = (0..=TEXT_BYTES_MAX.min(text.len())).rfind(|&at| text.is_char_boundary(at)).unwrap_or(0);
                framed(UNSUPPORTED, end, |out| out.put_slice(text.get(..end).unwrap_or_default().as_bytes()))
            }
            Self::Layers(layers) => framed(LAYERS, 64, |out| put_layers(out, layers)),
            Self::LayerDropped { layer, busy_percent } => framed(DROPPED, 0, |out| {
                out.put_u8(*layer);
                out.put_u32_le(*busy_percent);
            }),
            Self::LayerRestored(layer) => framed(RESTORED, 0, |out| out.put_u8(*layer)),
        }
    }

    /// Reads a frame without its length.
    ///
    /// # Errors
    /// When it is none of these words.
    pub fn parse(frame: Bytes) -> Result<Self, Garbled> {
        let (kind, mut body) = kind_of(frame)?;
        let word = match kind {
            READY => Some(Self::Ready),
            DONE => body.try_get_u64_le().ok().map(Self::Done),
            OPUS => take_opus(&mut body),
            PICTURE => take_picture(&mut body),
            UNSUPPORTED => take_text(&mut body).map(Self::Unsupported),
            LAYERS => take_layers(&mut body).map(Self::Layers),
            DROPPED => take_dropped(&mut body),
            RESTORED => take_layer(&mut body).map(Self::LayerRestored),
            _ => return Err(Garbled::Kind(kind)),
        };
        word.filter(|_| body.is_empty()).ok_or(Garbled::Body(kind))
    }
}

fn framed(kind: u8, data_len: usize, fill: impl FnOnce(&mut BytesMut)) -> BytesMut {
    let mut out = BytesMut::with_capacity(LENGTH_BYTES + 32 + data_len);
    out.put_u32_le(0);
    out.put_u8(kind);
    fill(&mut out);
    let len = u32::try_from(out.len() - LENGTH_BYTES).unwrap_or(u32::MAX);
    out[..LENGTH_BYTES].copy_from_slice(&len.to_le_bytes());
    out
}

fn kind_of(mut frame: Bytes) -> Result<(u8, Bytes), Garbled> {
    let kind = frame.try_get_u8().map_err(|_| Garbled::Length(0))?;
    Ok((kind, frame))
}

fn put_plan(out: &mut BytesMut, plan: &Plan) {
    out.put_u32_le(plan.audio.map_or(0, |audio| audio.bitrate));
    for layer in plan.video.iter().flat_map(|video| &video.layers) {
        out.put_u16_le(layer.height);
        out.put_u32_le(layer.bitrate);
        out.put_u8(layer.frame_rate);
    }
}

/// A plan; one that does not keep its own rules is none.
fn take_plan(body: &mut Bytes) -> Option<Plan> {
    let bitrate = body.try_get_u32_le().ok()?;
    let audio = (bitrate > 0).then_some(AudioPlan { bitrate });
    let mut layers = Vec::new();
    while !body.is_empty() && layers.len() < LAYERS_MAX {
        layers.push(LayerPlan {
            height: body.try_get_u16_le().ok()?,
            bitrate: body.try_get_u32_le().ok()?,
            frame_rate: body.try_get_u8().ok()?,
        });
    }
    let plan = Plan { audio, video: (!layers.is_empty()).then_some(VideoPlan { layers }) };
    plan.check().is_ok().then_some(plan)
}

fn put_unit(out: &mut BytesMut, unit: &AccessUnit) {
    out.put_u8(match unit.codec {
        Codec::H264 => 0,
        Codec::AacConfig => 1,
        Codec::Aac => 2,
    });
    out.put_u8(u8::from(unit.keyframe));
    out.put_i64_le(unit.dts_ms);
    out.put_i64_le(unit.pts_ms);
    out.put_slice(&unit.data);
}

fn take_unit(body: &mut Bytes) -> Option<AccessUnit> {
    let codec = match body.try_get_u8().ok()? {
        0 => Codec::H264,
        1 => Codec::AacConfig,
        2 => Codec::Aac,
        _ => return None,
    };
    let keyframe = take_flag(body)?;
    let (dts_ms, pts_ms) = (body.try_get_i64_le().ok()?, body.try_get_i64_le().ok()?);
    let data = take_data(body, UNIT_BYTES_MAX)?;
    Some(AccessUnit { dts_ms, pts_ms, codec, keyframe, data })
}

fn take_rate(body: &mut Bytes) -> Option<ToChild> {
    Some(ToChild::Layer { layer: take_layer(body)?, watched: take_flag(body)?, bitrate: body.try_get_u32_le().ok()? })
}

fn take_opus(body: &mut Bytes) -> Option<FromChild> {
    Some(FromChild::Opus { pts_us: body.try_get_i64_le().ok()?, data: take_data(body, OPUS_BYTES_MAX)? })
}

fn take_picture(body: &mut Bytes) -> Option<FromChild> {
    Some(FromChild::Picture {
        layer: take_layer(body)?,
        keyframe: take_flag(body)?,
        pts_us: body.try_get_i64_le().ok()?,
        data: take_data(body, UNIT_BYTES_MAX)?,
    })
}

fn take_dropped(body: &mut Bytes) -> Option<FromChild> {
    Some(FromChild::LayerDropped { layer: take_layer(body)?, busy_percent: body.try_get_u32_le().ok()? })
}

fn put_layers(out: &mut BytesMut, layers: &[LayerState]) {
    for layer in layers {
        out.put_u8(u8::from(layer.active));
        out.put_u16_le(layer.width);
        out.put_u16_le(layer.height);
        out.put_u32_le(layer.bitrate);
    }
}

fn take_layers(body: &mut Bytes) -> Option<Vec<LayerState>> {
    let mut layers = Vec::new();
    while !body.is_empty() && layers.len() < LAYERS_MAX {
        layers.push(LayerState {
            active: take_flag(body)?,
            width: body.try_get_u16_le().ok()?,
            height: body.try_get_u16_le().ok()?,
            bitrate: body.try_get_u32_le().ok()?,
        });
    }
    Some(layers)
}

fn take_layer(body: &mut Bytes) -> Option<u8> {
    body.try_get_u8().ok().filter(|&layer| usize::from(layer) < LAYERS_MAX)
}

fn take_flag(body: &mut Bytes) -> Option<bool> {
    body.try_get_u8().ok().filter(|&flag| flag <= 1).map(|flag| flag == 1)
}

fn take_data(body: &mut Bytes, bytes_max: usize) -> Option<Bytes> {
    (body.len() <= bytes_max).then(|| body.split_to(body.len()))
}

/// A text in which nothing can steer a terminal or a page.
fn take_text(body: &mut Bytes) -> Option<String> {
    let data = take_data(body, TEXT_BYTES_MAX)?;
    let text = std::str::from_utf8(&data).ok()?;
    (!text.chars().any(char::is_control)).then(|| text.to_owned())
}

const PLAN: u8 = 1;
const UNIT: u8 = 2;
const KEYFRAME: u8 = 3;
const LAYER: u8 = 4;
const AGAIN: u8 = 5;
const READY: u8 = 33;
const DONE: u8 = 34;
const OPUS: u8 = 35;
const PICTURE: u8 = 36;
const UNSUPPORTED: u8 = 37;
const LAYERS: u8 = 38;
const DROPPED: u8 = 39;
const RESTORED: u8 = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Preset;
    use proptest::prelude::*;

    fn data() -> impl Strategy<Value = Bytes> {
        prop::collection::vec(any::<u8>(), 0..100).prop_map(Bytes::from)
    }

    fn to_child() -> impl Strategy<Value = ToChild> {
        let codec = prop_oneof![Just(Codec::H264), Just(Codec::Aac), Just(Codec::AacConfig)];
        let unit = (codec, any::<(bool, bool, i64, i64)>(), data());
        let unit = unit.prop_map(|(codec, (again, keyframe, dts_ms, pts_ms), data)| {
            let unit = AccessUnit { dts_ms, pts_ms, codec, keyframe, data };
            if again { ToChild::Again(unit) } else { ToChild::Unit(unit) }
        });
        let plan = (0..10i32, prop::option::of(6_000..510_000u32)).prop_map(|(preset, bitrate)| {
            let video = Preset::from_number(preset).map(|preset| VideoPlan { layers: preset.layers() });
            ToChild::Plan(Plan { audio: bitrate.map(|bitrate| AudioPlan { bitrate }), video })
        });
        let layer = (0..3u8, any::<(bool, u32)>()).prop_map(|(layer, (watched, bitrate))| ToChild::Layer {
            layer,
            watched,
            bitrate,
        });
        prop_oneof![unit, plan, layer, (0..3u8).prop_map(ToChild::Keyframe), Just(ToChild::Plan(Plan::default()))]
    }

    fn from_child() -> impl Strategy<Value = FromChild> {
        let layer = any::<(bool, u16, u16, u32)>().prop_map(|(active, width, height, bitrate)| LayerState {
            active,
            width,
            height,
            bitrate,
        });
        prop_oneof![
            Just(FromChild::Ready),
            any::<u64>().prop_map(FromChild::Done),
            (any::<i64>(), data()).prop_map(|(pts_us, data)| FromChild::Opus { pts_us, data }),
            (0..3u8, any::<(bool, i64)>(), data()).prop_map(|(layer, (keyframe, pts_us), data)| FromChild::Picture {
                layer,
                pts_us,
                keyframe,
                data
            }),
            "[a-z ]{0,40}".prop_map(FromChild::Unsupported),
            prop::collection::vec(layer, 0..=3).prop_map(FromChild::Layers),
            (0..3u8, any::<u32>()).prop_map(|(layer, busy_percent)| FromChild::LayerDropped { layer, busy_percent }),
            (0..3u8).prop_map(FromChild::LayerRestored),
        ]
    }

    fn body(frame: BytesMut) -> Bytes {
        let mut frame = frame.freeze();
        let length = frame.split_to(LENGTH_BYTES);
        assert_eq!(frame_len([length[0], length[1], length[2], length[3]]), Ok(frame.len()));
        frame
    }

    proptest! {
        #[test]
        fn words_to_the_child_come_back(word in to_child()) {
            prop_assert_eq!(ToChild::parse(body(word.frame())), Ok(word));
        }

        #[test]
        fn words_from_the_child_come_back(word in from_child()) {
            prop_assert_eq!(FromChild::parse(body(word.frame())), Ok(word));
        }

        #[test]
        fn any_bytes_are_survived(kind in 0u8..64, rest in data()) {
            let frame = Bytes::from([&[kind], &rest[..]].concat());
            let _ = (ToChild::parse(frame.clone()), FromChild::parse(frame));
        }
    }

    #[test]
    fn limits_hold() {
        assert_eq!(frame_len([0; 4]), Err(Garbled::Length(0)));
        assert!(frame_len(u32::MAX.to_le_bytes()).is_err());
        let long = FromChild::Opus { pts_us: 0, data: Bytes::from(vec![0; OPUS_BYTES_MAX + 1]) };
        assert_eq!(FromChild::parse(body(long.frame())), Err(Garbled::Body(OPUS)));
        let text = FromChild::Unsupported("ä".repeat(TEXT_BYTES_MAX));
        assert!(FromChild::parse(body(text.frame())).is_ok(), "a text is cut at a character");
        let escape = FromChild::Unsupported("\u{1b}[31m".to_owned());
        assert_eq!(FromChild::parse(body(escape.frame())), Err(Garbled::Body(UNSUPPORTED)));
        assert_eq!(ToChild::parse(Bytes::from_static(&[KEYFRAME, 3])), Err(Garbled::Body(KEYFRAME)));
        assert_eq!(ToChild::parse(Bytes::from_static(&[KEYFRAME, 0, 0])), Err(Garbled::Body(KEYFRAME)));
    }
}
