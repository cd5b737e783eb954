//! What the server says of itself: credentials, certificate, addresses.

use std::fmt;
use std::net::SocketAddr;

use door::{Fingerprint, IceCredentials, Protocol};

/// The server's own half of a description.
#[derive(Clone, Debug)]
pub struct Local {
    /// Our credentials for this peer.
    pub ice: IceCredentials,
    /// Hash of our certificate.
    pub fingerprint: Fingerprint,
    /// Our addresses, written into the description; may be empty when they are only trickled.
    pub candidates: Vec<Candidate>,
    /// Session id of the `o=` line; the same in all descriptions to one peer connection.
    pub session: u64,
    /// Version of the `o=` line; rises with every description to one peer connection.
    pub version: u64,
}

/// One host candidate of the server. Displays as `candidate:...`, for `a=` lines and for trickling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Equal for candidates of one base address and protocol (RFC 8445 section 5.1.1.3).
    pub foundation: u32,
    /// UDP, or TCP on which the server listens.
    pub protocol: Protocol,
    /// Higher is tried first.
    pub priority: u32,
    /// The address that a client can reach.
    pub addr: SocketAddr,
}

/// RFC 8445 section 5.1.2.2.
const HOST_PREFERENCE: u32 = 126;
/// Below every UDP candidate (RFC 6544 section 4.2).
const TCP_HOST_PREFERENCE: u32 = 99;
/// Direction preference of a passive host candidate, shifted (RFC 6544 section 4.2).
const TCP_PASSIVE: u32 = 4 << 13;
/// RTP and RTCP are multiplexed: there is one component.
const COMPONENT: u32 = 1;

impl Candidate {
    /// The `index`-th address of the server, best first, with the priority that follows (RFC 8445 section 5.1.2.1).
    pub fn host(protocol: Protocol, addr: SocketAddr, index: u16) -> Self {
        let (kind, local, salt) = match protocol {
            Protocol::Udp => (HOST_PREFERENCE, u32::from(u16::MAX - index), 1),
            Protocol::Tcp => (TCP_HOST_PREFERENCE, TCP_PASSIVE + (0x1fff_u32.saturating_sub(index.into())), 2),
        };
        let priority = (kind << 24) | (local << 8) | (256 - COMPONENT);
        Self { foundation: u32::from(index) * 2 + salt, protocol, priority, addr }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { foundation, protocol, priority, addr } = self;
        let (name, tail) = match protocol {
            Protocol::Udp => ("udp", ""),
            Protocol::Tcp => ("tcp", " tcptype passive"),
        };
        let (ip, port) = (addr.ip(), addr.port());
        write!(f, "candidate:{foundation} {COMPONENT} {name} {priority} {ip} {port} typ host{tail}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_candidates_as_clients_expect_them() {
        let udp = Candidate::host(Protocol::Udp, "192.0.2.10:7882".parse().unwrap(), 0);
        assert_eq!(udp.to_string(), "candidate:1 1 udp 2130706431 192.0.2.10 7882 typ host");
        let tcp = Candidate::host(Protocol::Tcp, "192.0.2.10:7881".parse().unwrap(), 0);
        assert_eq!(tcp.to_string(), "candidate:2 1 tcp 1671430143 192.0.2.10 7881 typ host tcptype passive");
        let six = Candidate::host(Protocol::Udp, "[2001:db8::1]:7882".parse().unwrap(), 1);
        assert_eq!(six.to_string(), "candidate:3 1 udp 2130706175 2001:db8::1 7882 typ host");
        assert!(Candidate::host(Protocol::Tcp, udp.addr, u16::MAX).priority < tcp.priority);
    }
}
