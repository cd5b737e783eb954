//! A connection to a URL's host: its name is resolved once, and the connection goes to an address that was looked at.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::{HttpUrl, Reach};

/// How long one address may take to answer; then the next is tried.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Why there is no connection.
#[derive(Debug)]
pub enum Unreached {
    /// The name is not known.
    Name(io::Error),
    /// None of its addresses may be reached.
    Forbidden,
    /// None of them answers.
    Connect(io::Error),
}

/// Connects to the host of a URL, as far as it may be reached. TLS is the caller's affair.
///
/// # Errors
/// See [`Unreached`].
pub async fn connect(url: &HttpUrl, reach: Reach) -> Result<TcpStream, Unreached> {
    let found = lookup_host((url.host.as_str(), url.port)).await.map_err(Unreached::Name)?;
    let allowed: Vec<SocketAddr> = found.filter(|address| reach.allows(address.ip())).take(ADDRESSES_MAX).collect();
    let mut fault = Unreached::Forbidden;
    for address in allowed {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => fault = Unreached::Connect(error),
            Err(_) => fault = Unreached::Connect(io::ErrorKind::TimedOut.into()),
        }
    }
    Err(fault)
}
