//! The load tester: simulated publishers and viewers that really do LiveKit signaling, ICE, DTLS, SRTP and RTCP against
//! any LiveKit-compatible server, on one thread that polls, and report what the server delivered and what it cost.

pub mod answer;
pub mod bare;
pub mod clock;
pub mod crowd;
pub mod encoder;
mod error;
pub mod histogram;
pub mod ledger;
pub mod mark;
pub mod media;
pub mod offer;
pub mod outcome;
pub mod participant;
pub mod plan;
pub mod process;
pub mod report;
pub mod run;
pub mod seats;
pub mod signal;
pub mod sink;
pub mod source;
pub mod tally;
pub mod target;

pub use error::LoadError;
pub use outcome::{Outcome, Second};
pub use plan::{Knobs, Scenario, Tiles};
pub use run::{Options, run};
pub use target::Target;
