//! One request to a server's API: HTTP/1.1 by hand, since it is one request.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::StartError;
use crate::config::Config;
use crate::tls;

/// How long a server may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Where a server's API is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Address {
    host: String,
    port: u16,
    is_secure: bool,
}

impl Address {
    /// Reads `http://host:port`, or `https`, `ws` and `wss` as SDKs write it.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_secure = match scheme {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return None,
        };
        let rest = rest.trim_end_matches('/');
        let default = if is_secure { 443 } else { 80 };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (rest, default),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        (!host.is_empty() && !host.contains('/')).then_some(Self { host, port, is_secure })
    }

    /// The server of a configuration, from this machine.
    pub(super) fn of(config: &Config) -> Self {
        let ip = config.http.bind.first().copied().unwrap_or_else(|| IpAddr::from([127, 0, 0, 1]));
        let host = match ip {
            // Its certificate names no address.
            _ if config.tls.is_some() => "localhost".to_owned(),
            IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(ip) if ip.is_unspecified() => "::1".to_owned(),
            ip => ip.to_string(),
        };
        Self { host, port: config.http.port, is_secure: config.tls.is_some() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

/// Asks the room service.
///
/// # Errors
/// When the server is not reached or says no.
pub(super) async fn ask(address: &Address, method: &str, token: &str, body: &Value) -> Result<Value, StartError> {
    let failed = |source| StartError::RoomReach { host: address.host.clone(), port: address.port, source };
    let body = body.to_string();
    let asked = tokio::time::timeout(ANSWER_MAX, exchange(address, method, token, &body));
    let answer = asked.await.map_err(|_| failed(io::ErrorKind::TimedOut.into()))?.map_err(failed)?;
    let (status, body) = parse(&answer).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
    let value: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    if status == 200 {
        return Ok(value);
    }
    let said = value["msg"].as_str().unwrap_or_else(|| body.trim()).to_owned();
    Err(StartError::RoomRefused { status, said })
}

async fn exchange(address: &Address, method: &str, token: &str, body: &str) -> io::Result<String> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    let request = format!(
        "POST /twirp/livekit.RoomService/{method} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        address.host,
        body.len()
    );
    if !address.is_secure {
        return talk(stream, &request).await;
    }
    let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
    let config = tls::client().map_err(io::Error::other)?;
    talk(TlsConnector::from(config).connect(name, stream).await?, &request).await
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> io::Result<String> {
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    // A server that closes without a goodbye of TLS has answered all the same.
    if let Err(error) = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await
        && answer.is_empty()
    {
        return Err(error);
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Status and body. The server tells the length of short answers, and chunks are not asked for.
fn parse(answer: &str) -> Option<(u16, &str)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (url, expected) in [
            ("http://127.0.0.1:7880", Some(("127.0.0.1", 7880, false))),
            ("wss://live.example.com/", Some(("live.example.com", 443, true))),
            ("ws://[::1]:7880", Some(("::1", 7880, false))),
            ("http://[::1]", Some(("::1", 80, false))),
            ("live.example.com", None),
            ("ftp://x", None),
            ("http://", None),
        ] {
            let expected = expected.map(|(host, port, is_secure)| Address { host: host.into(), port, is_secure });
            assert_eq!(Address::parse(url), expected, "{url}");
        }
    }

    #[test]
    fn answers() {
        assert_eq!(parse("HTTP/1.1 404 Not Found\r\na: b\r\n\r\n{}"), Some((404, "{}")));
        assert_eq!(parse("SSH-2.0"), None);
    }
}
