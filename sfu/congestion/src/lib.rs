//! Feedback in, rate out: arithmetic on arrivals. Knows no socket and no clock.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test starts its own clock"))]

pub mod arrivals;

pub use arrivals::Arrivals;
