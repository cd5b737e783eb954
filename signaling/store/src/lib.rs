//! What outlives a room: a small relational store, SQLite inside the process or PostgreSQL outside it.
//!
//! One schema and one text of SQL for both. One writer carries out all changes in order and commits what waits together
//! (group commit): [`Store::commit`] returns once its changes are on disk, so that not even `kill -9` loses them. Knows
//! tables, not what their rows mean to a dialect.

mod error;
mod lock;
mod place;
mod postgres;
mod schema;
mod sqlite;
mod store;
pub mod tables;
mod tls;
mod value;
mod vault;
mod work;

pub use error::{OpenError, StoreError};
pub use place::Place;
pub use store::{COMMIT_TIMEOUT, Counts, Store};
pub use value::{Change, Row, Value};
pub use vault::Vault;
