//! Picture: H.264 of any kind that can be decoded, to layers of constrained baseline without reordering.
//!
//! Two halves, each for a thread of its own where there are two: [`Decoding`] makes [`Work`] of the stream, [`Coding`] does
//! it. Together they take more than one core of a machine that has no fast instructions for the encoder.

mod coding;
pub mod decoder;
mod decoding;
pub mod encoder;
pub mod governor;
pub mod layer;
pub mod picture;
pub mod scale;

use bytes::Bytes;

use crate::sps::Colour;
use crate::state::LayerState;
use picture::Picture;

pub use coding::Coding;
pub use decoding::Decoding;

/// What decoding leaves to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// The pictures that follow are of another form.
    Source {
        /// Luma samples.
        size: (u16, u16),
        /// Pictures per second in thousandths, as the stream tells.
        frame_rate_milli: u32,
        /// Written into the layers.
        colour: Colour,
    },
    /// A picture, and when it is shown, microseconds on the sender's clock.
    Picture(i64, Picture),
    /// The next picture of a layer shall be a key frame.
    Keyframe(u8),
    /// A layer's watchers and rate, bits per second.
    Layer {
        /// Index into the plan's layers.
        layer: u8,
        /// Whether anybody watches it.
        watched: bool,
        /// Target, bits per second.
        bitrate: u32,
    },
    /// Something cannot be decoded, in words.
    Unsupported(String),
    /// A unit of the stream is done: how much of the media's time it is, and how long its decoding took, microseconds.
    Decoded {
        /// Media time since the unit before it.
        media_us: u64,
        /// Working time.
        busy_us: u64,
    },
}

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

#[cfg(test)]
mod tests;
