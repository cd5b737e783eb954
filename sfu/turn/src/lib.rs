//! A TURN server's mind (RFC 8656): who may relay, and what is relayed. It owns no socket and no clock.
//!
//! It relays to one place for each address family: this server's own media. Any other peer is refused, so that nobody
//! can reach through it what only this machine can. For the same reason a relayed address needs no port in the firewall:
//! the two ends of it are on this machine.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test starts its own clock"))]

mod allocation;
mod answer;
mod credentials;
mod nonce;
mod server;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

pub use allocation::{CHANNEL_TIME, LIFETIME_MAX_S, LIFETIME_S, PERMISSION_TIME};
pub use credentials::Credentials;
pub use server::{Counts, Heard, Now, Settings, Turn};

/// Realm of all credentials.
pub const REALM: &str = "thalweg";

/// Who speaks to us: the two ends of a UDP flow or of a connection (RFC 8656 section 2.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Client {
    /// By TCP or TLS, where ChannelData is padded.
    pub is_stream: bool,
    /// Our end.
    pub local: SocketAddr,
    /// The client's end.
    pub remote: SocketAddr,
}

/// Version of IP of a relayed address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}
