//! One remote end: ICE-lite, DTLS, SRTP and SCTP. Datagrams go in and come out; cleartext RTP, RTCP and data channel
//! messages are on the other side.
//!
//! Knows no socket, no clock of its own, no room, and not what is inside an RTP payload.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test starts its own clock"))]

pub mod client;
pub mod data;
pub mod event;
mod hello;
pub mod ice;
pub mod identity;
pub mod peer;
pub mod srtp;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod tunnel;

pub use event::{DataRefused, PeerEvent, Received, Reject};
pub use identity::{Identity, IdentityError};
pub use peer::Peer;
pub use srtp::{SRTP_OVERHEAD_MAX, SrtpProfile};

/// The longest data channel message sent or accepted, in bytes; what `a=max-message-size` must say (RFC 8841 section 6).
pub const MESSAGE_BYTES_MAX: usize = 65_535;
