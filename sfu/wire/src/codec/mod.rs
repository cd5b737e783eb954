//! What an SFU must know of payloads: where a decoder can start, and which frames depend on which.

pub mod av1;
pub mod counters;
pub mod dependency;
pub mod h264;
pub mod h265;
pub mod marking;
pub mod red;
pub mod vp8;
pub mod vp9;
