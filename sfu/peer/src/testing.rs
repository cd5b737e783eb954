//! [`crate::client`] under the name that tests know it by.

pub use crate::client::*;
