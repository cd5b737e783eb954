//! A UDP socket as a shard wants it.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::address::{RAW_ADDRESS_BYTES, RawAddress};

/// Room for datagrams in each direction: 4 MiB, some 100 ms of a shard's full load. The system may grant less.
const BUFFER_BYTES: libc::c_int = 4 << 20;

/// TCP connections that wait to be accepted.
const BACKLOG: libc::c_int = 1024;

#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    local: SocketAddr,
    /// The kernel can split long runs on sending.
    segments: Cell<bool>,
    /// The kernel's count of datagrams that the full receive buffer cost, as last seen.
    dropped: Cell<u32>,
}

impl Socket {
    /// Opens a non-blocking socket on `address`. `shared` lets others of this user share the port; `offload` asks
    /// for joined datagrams and allows split ones.
    pub(crate) fn open(address: SocketAddr, shared: bool, offload: bool) -> io::Result<Self> {
        let fd = unbound(address, libc::SOCK_DGRAM)?;
        let raw = fd.as_raw_fd();
        if shared {
            set(raw, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
        }
        enlarge(raw, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF);
        enlarge(raw, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF);
        let local = bind(raw, address)?;
        // Both are comforts: without them drops go unseen and datagrams come one by one.
        let _ = set(raw, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1);
        let _ = offload.then(|| set(raw, libc::SOL_UDP, libc::UDP_GRO, 1));
        // Setting no segment size changes nothing and fails where the option is unknown.
        let segments = offload && set(raw, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
        Ok(Self { fd, local, segments: Cell::new(segments), dropped: Cell::new(0) })
    }

    /// Whether nobody listens on `address`. Sharing a port would otherwise let two servers split one port's peers
    /// without any error.
    pub(crate) fn check_free(address: SocketAddr) -> io::Result<()> {
        Self::open(address, false, false).map(drop)
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// The bound address.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether the kernel can split long runs on sending.
    pub(crate) fn segments(&self) -> bool {
        self.segments.get()
    }

    /// Takes the kernel's wrapping count of dropped datagrams and gives its growth.
    pub(crate) fn note_dropped(&self, dropped: u32) -> u32 {
        dropped.wrapping_sub(self.dropped.replace(dropped))
    }

    /// No more splitting: the network device cannot.
    pub(crate) fn give_up_segments(&self) {
        self.segments.set(false);
    }
}

/// A non-blocking socket of the address's family. IPv6 never takes IPv4.
fn unbound(address: SocketAddr, kind: libc::c_int) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: the call takes no pointer.
    let fd = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and belongs to nobody else.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    if address.is_ipv6() {
        set(fd.as_raw_fd(), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    }
    Ok(fd)
}

/// Opens a TCP listener on `address`. IPv6 never takes IPv4.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let fd = unbound(address, libc::SOCK_STREAM)?;
    let raw = fd.as_raw_fd();
    // A restarted server must not wait for its old connections to be forgotten.
    set(raw, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    bind(raw, address)?;
    // SAFETY: the call takes no pointer.
    if unsafe { libc::listen(raw, BACKLOG) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(TcpListener::from(fd))
}

fn bind(fd: RawFd, address: SocketAddr) -> io::Result<SocketAddr> {
    let (mut raw, mut len) = RawAddress::new(&address);
    // SAFETY: `raw` lives through the call and `len` is not more than its size.
    if unsafe { libc::bind(fd, raw.as_mut_ptr().cast_const().cast(), len) } != 0 {
        return Err(io::Error::last_os_error());
    }
    len = RAW_ADDRESS_BYTES;
    // SAFETY: `raw` and `len` live through the call, and `len` is the size of `raw`.
    if unsafe { libc::getsockname(fd, raw.as_mut_ptr().cast(), &mut len) } != 0 {
        return Err(io::Error::last_os_error());
    }
    raw.get().ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))
}

/// Enlarges a buffer beyond the system's limit where the process may, else up to it.
pub(crate) fn enlarge(fd: RawFd, force: libc::c_int, plain: libc::c_int) {
    if set(fd, libc::SOL_SOCKET, force, BUFFER_BYTES).is_err() {
        let _ = set(fd, libc::SOL_SOCKET, plain, BUFFER_BYTES);
    }
}

pub(crate) fn set(fd: RawFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value lives through the call and its true size is given.
    let result = unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
