//! Bandwidth in the virtual world: a studio of simulcast or layered videos, viewers that give transport-wide feedback, links
//! whose capacity changes, and what came of it as a table.

mod layered;
pub mod plot;
pub mod scenario;
pub mod studio;
pub mod trace;
pub mod viewer;

pub use scenario::{Scenario, run};
pub use studio::Studio;
pub use trace::{Row, Trace};
pub use viewer::Viewer;
