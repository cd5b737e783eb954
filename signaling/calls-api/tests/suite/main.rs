//! The API over HTTP, with rooms that only note what they are told.

mod figures;
mod flows;
mod matrix;
mod sockets;
mod trouble;
mod world;
