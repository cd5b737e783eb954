//! One track to many: arrivals are told apart, numbered and kept once; each subscriber chooses a layer
//! and gets it renumbered.
//!
//! Knows RTP and time spans; knows no sockets, no keys, no rooms.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test starts its own clock"))]

pub mod demux;
mod descriptor;
pub mod downtrack;
mod encoding;
mod extensions;
pub mod frame;
mod history;
mod inspect;
pub mod keyframe;
mod layout;
pub mod missing;
pub mod points;
mod rate;
pub mod reception;
pub mod replay;
mod rewriter;
pub mod ring;
mod selector;
mod sequence;
pub mod uptrack;

#[cfg(test)]
mod testing;

pub use demux::{Demux, Route, Stream};
pub use downtrack::{DownStats, DownTrack, SenderReport, Written};
pub use encoding::SILENCE;
pub use frame::Frame;
pub use points::{Point, Points};
pub use reception::{ClockPoint, ReceptionReport, ReceptionTotals};
pub use ring::{Meta, Ring};
pub use uptrack::{Arrival, ENCODINGS_MAX, KeyframeRequest, UpStats, UpTrack};
