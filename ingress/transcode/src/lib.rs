//! Foreign codecs become WebRTC's: AAC to Opus, H.264 with B-frames to simulcast H.264 without.
//!
//! Three storeys. [`decide`] reads a stream's parameters and says in words whether it can be passed through.
//! [`audio`] and [`video`] are the codec pipelines: synchronous, no clock, no socket; they run in a child process
//! ([`child`]), since a decoder fed by strangers may crash, hang or eat memory. [`Transcoder`] is the tokio shell in
//! the server: it starts the child, feeds it, restarts it and tells its state. The two processes talk by
//! [`protocol`].

pub mod annexb;
pub mod audio;
pub mod avcc;
mod bits;
pub mod child;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod confine;
pub mod decide;
mod group;
pub mod limits;
pub mod plan;
pub mod protocol;
pub mod sps;
pub mod state;
mod supervisor;
#[cfg(test)]
mod testing;
pub mod unit;
pub mod video;

pub use decide::{Decision, decide};
pub use plan::{AudioPlan, LayerPlan, Plan, Preset, VideoPlan};
pub use state::{Failure, State};
pub use supervisor::{Accepted, Cost, Feed, Launch, Patience, Transcoder};
pub use unit::{AccessUnit, Codec, Output};
