//! The TCP sockets of the HTTP front.

mod census;
mod secure;

pub(crate) use census::{Census, Place, refused};
pub(crate) use secure::Secure;

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

use crate::StartError;
use crate::config::Http;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Room for datagrams that wait to be read; the system may grant less.
const UDP_BUFFER_BYTES: usize = 4 << 20;

/// Opens a socket on each address. One whose address family this machine lacks is left out, unless the
/// operator named it. Port 0 is chosen once and then used for all.
///
/// # Errors
/// The first address that cannot be had.
pub(crate) fn open(http: &Http) -> Result<Vec<TcpListener>, StartError> {
    tcp(http, http.port).map_err(|(address, source)| StartError::IoHttp { address, source })
}

/// As [`open`], on another port of the same addresses.
///
/// # Errors
/// The first address that cannot be had, and why.
pub(crate) fn tcp(http: &Http, port: u16) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut port = port;
    for ip in &http.bind {
        let address = SocketAddr::new(*ip, port);
        match one(address) {
            Ok(listener) => {
                port = listener.local_addr().map_or(port, |address| address.port());
                listeners.push(listener);
            }
            Err(error) if !http.bind_named && ip.is_ipv6() && is_missing(&error) && !listeners.is_empty() => {
                tracing::debug!(%address, %error, "left out");
            }
            Err(source) => return Err((address, source)),
        }
    }
    Ok(listeners)
}

/// Where media listens: on loopback alone in a server that is on loopback alone and in development, else on
/// all addresses of the families that HTTP has (a reverse proxy in front hides HTTP, never media).
pub(crate) fn media(http: &[IpAddr], loopback_only: bool) -> Vec<IpAddr> {
    let families = http.iter().map(|ip| match (loopback_only, ip) {
        (true, ip) => *ip,
        (false, IpAddr::V4(_)) => IpAddr::from([0; 4]),
        (false, IpAddr::V6(_)) => IpAddr::from([0_u16; 8]),
    });
    let mut binds: Vec<IpAddr> = families.collect();
    binds.sort();
    binds.dedup();
    binds
}

/// Listens on one address.
///
/// # Errors
/// What the system says.
pub(crate) fn one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restarted server must not wait for its old connections to be forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

/// Opens a UDP socket on one address, with a buffer for a crowd.
///
/// # Errors
/// What the system says.
pub(crate) fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_recv_buffer_size(UDP_BUFFER_BYTES)?;
    socket.bind(&address.into())?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

fn is_missing(error: &io::Error) -> bool {
    // EAFNOSUPPORT has no kind of its own.
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(97)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_hides_only_with_a_server_in_development() {
        let ips = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        let local = ips(&["127.0.0.1", "::1"]);
        assert_eq!(media(&local, true), local);
        assert_eq!(media(&local, false), ips(&["0.0.0.0", "::"]));
        assert_eq!(media(&ips(&["10.0.0.1", "10.0.0.2"]), false), ips(&["0.0.0.0"]));
    }

    #[tokio::test]
    async fn a_port_in_use_is_named_with_the_way_out() {
        let first = open(&Http { port: 0, bind: vec![[127, 0, 0, 1].into()], bind_named: true }).unwrap();
        let port = first[0].local_addr().unwrap().port();
        let error = open(&Http { port, bind: vec![[127, 0, 0, 1].into()], bind_named: true }).expect_err("in use");
        let text = error.to_string();
        assert!(text.contains(&format!("127.0.0.1:{port}")) && text.contains("--port"), "{text}");
    }
}
