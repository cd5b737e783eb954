//! One track to many: arrivals are told apart, numbered and kept once; each subscriber chooses a layer
//! and gets it renumbered.
//!
//! Knows RTP and time spans; knows no sockets, no keys, no rooms.

pub mod demux;
pub mod downtrack;
pub mod ring;
pub mod uptrack;

pub use demux::{Demux, Route, Stream};
pub use downtrack::{DownStats, DownTrack, SenderReport, Written};
pub use ring::{Meta, Ring};
pub use uptrack::{Arrival, KeyframeRequest, ReceptionReport, UpStats, UpTrack};
