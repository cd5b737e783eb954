//! Feedback in, rate out: arithmetic on arrivals. Knows no socket and no clock.

pub mod arrivals;

pub use arrivals::Arrivals;
