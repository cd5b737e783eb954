//! The Calls dialect's shell: REST and events over the pure core of `calls`, kept in the store, enforced in rooms.
//!
//! [`Calls`] is the whole of it. It knows no media and no other dialect: rooms are reached through [`Rooms`], which the
//! server carries out, and ask back through [`Calls::admit`] and [`Calls::news`].

mod access;
mod cache;
mod clock;
mod config;
mod endpoint;
mod entry;
mod error;
mod event;
mod gate;
mod http;
mod hub;
mod kept;
mod limiter;
mod openapi;
mod presence;
mod push;
mod react;
mod ring;
mod rooms;
mod routes;
mod service;
mod sockets;
mod token;
mod users;
mod view;

pub use config::{Config, Rates, Secret};
pub use error::{ApiError, Code};
pub use event::EVENTS;
pub use hub::HubCounts;
pub use push::{Push, PushState, PushedAudio, PushedVideo};
pub use rooms::{Done, Ingress, Knock, News, Opening, Pass, Rooms, Visitor};
pub use service::{Calls, Counts, Hook, HookSink};
