//! Bytes to values and back: STUN, RTP, RTCP, header extensions, codec descriptors.
//!
//! Knows no state, no time and no crypto, and borrows rather than allocates.

pub mod ids;

pub use ids::{Mid, Pt, Rid, Ssrc};
