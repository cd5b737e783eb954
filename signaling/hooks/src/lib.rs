//! Delivery of webhooks: signed, in order for each room, at least once, over a restart.
//!
//! An event is spooled in the store before its first try and taken off when its receiver has said yes; the next event of
//! its room goes out after that. Every URL has a lane of its own, so that a dead one delays no other. What an event says
//! and how it is signed is the dialect's affair: bodies and the [`Signer`] come from outside.

mod backoff;
mod client;
mod connect;
mod hooks;
mod http;
mod lane;
mod policy;
mod reach;
mod url;
mod worker;

pub use connect::{Unreached, connect};
pub use hooks::{Counts, Event, Hooks, Signer, StartError};
pub use http::{HttpUrl, UrlError};
pub use policy::{Filter, Policy};
pub use reach::Reach;
pub use url::HookUrl;
