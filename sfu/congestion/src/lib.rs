//! Feedback in, rate out: arithmetic on arrivals. Knows no socket and no clock.
//!
//! [`Estimator`] tells what a peer's link carries, [`allocator`] who gets how much of it, [`Pacer`] when to wait;
//! [`Arrivals`] is the other side, what we tell publishers. docs/congestion.md explains them.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test starts its own clock"))]

mod acknowledged;
mod aimd;
pub mod allocator;
pub mod arrivals;
pub mod estimator;
mod history;
mod loss;
pub mod pacer;
mod probe;
mod queue;
mod stamp;
mod trains;
mod trend;

pub use allocator::{Demand, Ladder, Step};
pub use arrivals::Arrivals;
pub use estimator::{Estimate, Estimator};
pub use pacer::Pacer;
pub use probe::Probe;
pub use stamp::Stamp;
pub use trend::Usage;
