//! RTMP as a server speaks it with a publisher: bytes in, timed access units out.
//!
//! A [`Session`] is one connection: handshake, chunks (RTMP 1.0), AMF0 and as much AMF3 as encoders send, the commands
//! of a publisher, FLV tags and enhanced RTMP. It knows no socket, no clock and no codec beyond its tags. Whoever drives
//! it decides about stream keys.

pub mod amf;
pub mod annexb;
mod chunk;
mod command;
mod fault;
mod file;
mod flv;
mod handshake;
pub mod limits;
pub mod media;
mod metadata;
mod meter;
mod session;
mod tags;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod timeline;

pub use fault::Fault;
pub use file::FlvReader;
pub use media::{AudioCodec, AudioConfig, AudioUnit, Metadata, VideoCodec, VideoConfig, VideoUnit};
pub use meter::Meter;
pub use session::{Event, PublishRequest, Refusal, Session};
