//! Outgoing datagrams of one loop turn, in one growing buffer that is reused.

use std::net::SocketAddr;
use std::ops::Range;

/// How a datagram travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Protocol {
    /// A UDP datagram.
    Udp,
    /// A frame on a TCP connection (RFC 4571).
    Tcp,
}

/// The remote end of a datagram and the local socket it uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Path {
    /// UDP or framed TCP.
    pub protocol: Protocol,
    /// Our side, as the socket is bound.
    pub local: SocketAddr,
    /// The far side.
    pub remote: SocketAddr,
}

/// One datagram's place in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it goes.
    pub path: Path,
    /// Its bytes in [`Datagrams::bytes`].
    pub range: Range<usize>,
}

/// Datagrams waiting for the end of the turn. Cleared, not freed, so the steady state allocates nothing.
#[derive(Debug, Default)]
pub struct Datagrams {
    bytes: Vec<u8>,
    segments: Vec<Segment>,
}

impl Datagrams {
    /// Adds a copy of `datagram`.
    pub fn push(&mut self, path: Path, datagram: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(datagram);
        self.segments.push(Segment { path, range: start..self.bytes.len() });
    }

    /// Lends room for a datagram of at most `len_max` bytes to `fill`, which returns the length it
    /// wrote, or `None` to send nothing.
    pub fn write(
        &mut self,
        path: Path,
        len_max: usize,
        fill: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Option<usize> {
        let start = self.bytes.len();
        self.bytes.resize(start + len_max, 0);
        let written = fill(&mut self.bytes[start..]);
        self.bytes.truncate(start + written.unwrap_or(0));
        if let Some(len) = written {
            self.segments.push(Segment { path, range: start..start + len });
        }
        written
    }

    /// All datagrams' bytes, back to back in the order of [`Datagrams::segments`].
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The datagrams in the order they were added.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Forgets all datagrams and keeps the room they took.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.segments.clear();
    }
}
