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

/// Datagrams waiting for the end of the turn. Cleared, not freed, so the steady state neither allocates nor zeroes.
#[derive(Debug, Default)]
pub struct Datagrams {
    /// The first `used` bytes are datagrams; behind them lies what earlier turns left.
    bytes: Vec<u8>,
    used: usize,
    segments: Vec<Segment>,
}

impl Datagrams {
    /// Adds a copy of `datagram`.
    pub fn push(&mut self, path: Path, datagram: &[u8]) {
        self.write(path, datagram.len(), |room| {
            room.copy_from_slice(datagram);
            Some(datagram.len())
        });
    }

    /// Lends room for a datagram of at most `len_max` bytes to `fill`, which returns the length it wrote, or `None` to
    /// send nothing. The room holds stale bytes of earlier datagrams.
    pub fn write(
        &mut self,
        path: Path,
        len_max: usize,
        fill: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Option<usize> {
        let room = self.used..self.used + len_max;
        if self.bytes.len() < room.end {
            self.bytes.resize(room.end, 0);
        }
        let len = fill(&mut self.bytes[room])?.min(len_max);
        self.segments.push(Segment { path, range: self.used..self.used + len });
        self.used += len;
        Some(len)
    }

    /// All datagrams' bytes, back to back in the order of [`Datagrams::segments`].
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
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
        self.used = 0;
        self.segments.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_datagrams_apart_and_forgets_what_was_not_sent() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let path = Path { protocol: Protocol::Udp, local: address, remote: address };
        let mut datagrams = Datagrams::default();
        for _ in 0..2 {
            datagrams.push(path, b"one");
            assert_eq!(datagrams.write(path, 100, |_| None), None);
            let write = |room: &mut [u8]| {
                room[..3].copy_from_slice(b"two");
                Some(3)
            };
            assert_eq!(datagrams.write(path, 100, write), Some(3));
            datagrams.push(path, b"three");
            let texts: Vec<_> = datagrams.segments().iter().map(|it| &datagrams.bytes()[it.range.clone()]).collect();
            assert_eq!(texts, [&b"one"[..], b"two", b"three"]);
            assert_eq!(datagrams.bytes(), b"onetwothree");
            datagrams.clear();
            assert!(datagrams.is_empty() && datagrams.bytes().is_empty());
        }
    }
}
