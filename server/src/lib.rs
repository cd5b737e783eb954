//! The front door: command line, configuration, composition, HTTP, metrics, shutdown.
//!
//! The only crate that sees both houses. It holds no logic of rooms or media: it reads what the operator
//! wants, starts the media house, puts the lobby behind an HTTP port and carries words between the two.

mod announce;
mod audit;
mod calls;
mod candidates;
pub mod cli;
pub mod config;
mod doctor;
mod external;
mod front;
mod gate;
mod hooks;
mod http;
mod ingress;
mod listen;
mod logs;
mod node;
mod relay;
mod reload;
mod revocations;
mod serve;
mod start_error;
mod store;
mod telemetry;
mod tls;
mod whip;

pub use start_error::StartError;
