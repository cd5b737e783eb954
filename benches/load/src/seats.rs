//! Where the simulated participants sit: each has an address and port of its own, as the server sees it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use net::GuestSockets;

/// Ends that share one socket: few enough that their bursts fit its buffer.
const ENDS_PER_SOCKET: usize = 64;
/// Room of a shared socket: a keyframe to each of its ends, twice.
const SHARED_BYTES: i32 = 64 << 20;
/// Room of a socket with one end.
const SINGLE_BYTES: i32 = 2 << 20;
/// The first of the loopback addresses that stand for ends (127.64.0.1).
const FIRST: u32 = 0x7f40_0001;

/// See the module.
#[derive(Default)]
pub struct Seats {
    /// All sockets, the shared and the single ones.
    pub sockets: GuestSockets,
    /// Who sits where.
    pub places: Places,
    shared: Vec<SocketAddr>,
}

/// Who sits where.
#[derive(Default)]
pub struct Places {
    /// Who sits at each loopback address.
    aliases: Vec<usize>,
    /// Who owns each single socket, by its index.
    owners: Vec<Option<usize>>,
}

impl Seats {
    /// Gives `who` an address from which the server at `server` can be reached.
    ///
    /// # Errors
    /// When the system refuses a socket.
    pub fn take(&mut self, who: usize, server: SocketAddr) -> io::Result<SocketAddr> {
        let ours = toward(server)?;
        if ours.is_ipv4() && ours == server.ip() {
            return self.take_alias(who);
        }
        let local = self.sockets.open(ours, SINGLE_BYTES)?;
        self.places.owners.resize(self.sockets.len() - 1, None);
        self.places.owners.push(Some(who));
        Ok(local)
    }

    /// The server is on this machine: an address of the loopback network will do.
    fn take_alias(&mut self, who: usize) -> io::Result<SocketAddr> {
        let place = self.places.aliases.len();
        let socket = place / ENDS_PER_SOCKET;
        if socket == self.shared.len() {
            self.shared.push(self.sockets.open(IpAddr::V4(Ipv4Addr::UNSPECIFIED), SHARED_BYTES)?);
        }
        let full = || io::Error::other("no loopback address is left");
        let offset = u32::try_from(place).ok().filter(|&offset| offset < 0x00b0_0000).ok_or_else(full)?;
        let port = self.shared.get(socket).map(SocketAddr::port).ok_or_else(full)?;
        self.places.aliases.push(who);
        Ok(SocketAddr::from((Ipv4Addr::from(FIRST + offset), port)))
    }
}

impl Places {
    /// Who sits at `local`, an address of the socket with that index.
    #[inline]
    pub fn owner(&self, socket: usize, local: SocketAddr) -> Option<usize> {
        if let Some(owner) = self.owners.get(socket).copied().flatten() {
            return Some(owner);
        }
        let IpAddr::V4(ip) = local.ip() else { return None };
        let offset = u32::from(ip).checked_sub(FIRST)?;
        self.aliases.get(usize::try_from(offset).ok()?).copied()
    }
}

/// Our address toward `server`, as the routing table has it; the server's own when it is on this machine.
fn toward(server: SocketAddr) -> io::Result<IpAddr> {
    let any: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let probe = UdpSocket::bind(any)?;
    // This sends nothing.
    probe.connect(server)?;
    Ok(probe.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_an_address_of_its_own_on_few_sockets() {
        let (mut seats, server) = (Seats::default(), SocketAddr::from(([127, 0, 0, 1], 7882)));
        let taken: Vec<_> = (0..130).map(|who| seats.take(who + 1000, server).unwrap()).collect();
        assert_eq!(seats.sockets.len(), 3);
        for (who, local) in taken.iter().enumerate() {
            assert_eq!(seats.places.owner(who / ENDS_PER_SOCKET, *local), Some(who + 1000));
        }
        let mut unique = taken.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), 130);
        assert_eq!(seats.places.owner(0, "127.0.0.1:1".parse().unwrap()), None);
    }

    #[test]
    fn elsewhere_each_end_has_a_socket() {
        let (mut seats, server) = (Seats::default(), "[::1]:7882".parse().unwrap());
        let Ok(first) = seats.take(7, server) else { return };
        let second = seats.take(8, server).unwrap();
        assert_ne!(first, second);
        assert_eq!((seats.places.owner(0, first), seats.places.owner(1, second)), (Some(7), Some(8)));
    }
}
