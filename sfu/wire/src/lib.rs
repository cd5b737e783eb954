//! Bytes to values and back: STUN, RTP, RTCP, header extensions, codec descriptors.
//!
//! Knows no state, no time and no crypto, and borrows rather than allocates.

pub mod codec;
pub mod ext;
pub mod framing;
pub mod ids;
pub mod rtcp;
pub mod rtp;
pub mod stun;
pub mod turn;

pub use ids::{Mid, Pt, Rid, Ssrc};
