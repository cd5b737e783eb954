//! Foreign media on its way into a room: access units become RTP packets, paced, with one clock for sound and picture.
//!
//! A [`Feed`] is one publisher. It knows no socket, no room and no decoder: what it is given must be fit for browsers
//! already. Its packets enter the media plane by [`door::Command::Feed`].

mod av1;
mod avc;
mod fault;
mod feed;
mod h264;
mod h265;
mod nal;
mod schedule;
mod stream;

pub use fault::Unreadable;
pub use feed::{Feed, Line, Picture, Sending};
pub use nal::ParameterSets;
