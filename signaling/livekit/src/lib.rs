//! The LiveKit dialect: access tokens, the signal connection on `/rtc` and `/rtc/v1`, and the rooms behind it.
//!
//! [`Lobby`] is the shell with sockets, tasks and clocks; [`world`] is the pure core, one [`world::World`]
//! for each room. Knows no media: commands go out through a closure, notices come in by [`Lobby::notice`].

mod agents;
mod caller;
pub mod config;
pub mod error;
mod grants;
mod guest;
pub mod http;
pub mod ingress;
pub mod join_request;
mod ledger;
pub mod lobby;
pub mod mailbox;
mod registry;
mod revocation;
mod room_task;
pub mod token;
mod trail;
pub mod twirp;
mod validate;
pub mod verdict;
pub mod view;
pub mod webhook;
pub mod world;
pub mod ws;

pub use caller::{Caller, CallerNews, OfferError, Pass, People};
pub use config::{Config, Limits, RoomSettings, RoomWish, SignalSettings};
pub use error::JoinError;
pub use guest::{Guest, GuestNews, GuestWish};
pub use lobby::{Gate, Knock, Lobby, LobbyCounts, MediaSender, Observer, Opening};
pub use revocation::{Revocation, RevocationKeeper};
pub use token::{AccessToken, Keys, Secret};
pub use world::{IceServers, MediaFacts, RelayCredentials, ServerFacts};
