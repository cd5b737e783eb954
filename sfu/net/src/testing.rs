//! A shard's way out without its thread, for benches.

use std::io;
use std::net::SocketAddr;

use door::Datagrams;

use crate::counters::{Counters, NetStats};
use crate::outlet::Outlet;
use crate::socket::Socket;

/// One socket, and what sends through it as a shard's thread does.
pub struct Sender {
    sockets: [Socket; 1],
    outlet: Outlet,
    counters: Counters,
}

impl Sender {
    /// Opens the socket on `local`, from which the paths of what is sent must lead.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn bind(local: SocketAddr) -> io::Result<Self> {
        let sockets = [Socket::open(local, false, true)?];
        Ok(Self { sockets, outlet: Outlet::new(), counters: Counters::default() })
    }

    /// Sends all of `datagrams`; what cannot be sent is counted.
    pub fn flush(&mut self, datagrams: &Datagrams) {
        self.outlet.flush(&self.sockets, datagrams, &self.counters);
    }

    /// What was counted.
    pub fn stats(&self) -> NetStats {
        self.counters.snapshot()
    }
}
