//! The front door: configuration, composition, HTTP.

pub mod config;
