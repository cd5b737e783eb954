//! Asks a server for a stream: resolves its name once, looks at the addresses, connects to the very one that was looked at,
//! and follows a few redirects in the same way.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hooks::Reach;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::{Address, AddressError};

/// How long one address may take to answer; then the next is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// From the request, or the beginning of TLS, to the end of the answer's head.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;
/// Redirects that are followed.
const REDIRECTS_MAX: usize = 3;
/// Bytes that are read at once, and of an answer's head.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// The name that the server gives itself.
const AGENT: &str = "Thalweg";

type Sender = SendRequest<Empty<Bytes>>;

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The name is not known.
    #[error("its name cannot be resolved: {0}")]
    Name(io::Error),
    /// None of its addresses may be reached.
    #[error("its address is not one of the public internet; see ingress.url_private")]
    Forbidden,
    /// No connection, or no TLS.
    #[error("no connection: {0}")]
    Connect(io::Error),
    /// The exchange broke off.
    #[error("the exchange broke off: {0}")]
    Http(hyper::Error),
    /// No answer in time.
    #[error("no answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Late,
    /// Its server says no.
    #[error("its server answers {0}")]
    Status(StatusCode),
    /// A redirect leads nowhere, or there are too many.
    #[error("a redirect too many, or one that leads nowhere")]
    Redirect,
    /// It is something else.
    #[error("{0} cannot be pulled, only FLV")]
    Kind(&'static str),
}

impl FetchError {
    /// Whether it is worth another try.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Name(_) | Self::Connect(_) | Self::Http(_) | Self::Late => true,
            Self::Forbidden | Self::Redirect | Self::Kind(_) => false,
            Self::Status(status) => {
                status.is_server_error()
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
        }
    }
}

impl From<AddressError> for FetchError {
    fn from(_: AddressError) -> Self {
        Self::Redirect
    }
}

/// Asks for a stream; the answer's body is what follows.
pub(super) async fn fetch(
    address: &Address,
    reach: Reach,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Incoming, FetchError> {
    let mut address = address.clone();
    for _ in 0..=REDIRECTS_MAX {
        let answer = ask(&address, reach, tls).await?;
        let status = answer.status();
        if status.is_redirection() {
            let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            address = address.follow(location.ok_or(FetchError::Redirect)?)?;
            continue;
        }
        if status != StatusCode::OK {
            return Err(FetchError::Status(status));
        }
        return match kind(&answer) {
            Some(other) => Err(FetchError::Kind(other)),
            None => Ok(answer.into_body()),
        };
    }
    Err(FetchError::Redirect)
}

/// What the answer says that it is, when that is surely no FLV. How it begins tells the rest.
fn kind(answer: &Response<Incoming>) -> Option<&'static str> {
    let told = answer.headers().get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let kinds = [
        ("application/vnd.apple.mpegurl", "an HLS playlist"),
        ("application/x-mpegurl", "an HLS playlist"),
        ("audio/mpegurl", "an HLS playlist"),
        ("application/dash+xml", "a DASH manifest"),
        ("video/mp4", "MP4"),
        ("video/webm", "WebM"),
        ("video/mp2t", "MPEG-TS"),
        ("text/html", "a page"),
        ("application/json", "JSON"),
    ];
    kinds.iter().find(|(mime, _)| told.starts_with(mime)).map(|(_, name)| *name)
}

async fn ask(
    address: &Address,
    reach: Reach,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Response<Incoming>, FetchError> {
    let stream = connect(address, reach).await?;
    let request = Request::builder().uri(&address.target).header(HOST, &address.authority);
    let request = request.header(ACCEPT, "video/x-flv, */*").header(USER_AGENT, AGENT).body(Empty::new());
    // The URL was checked: this request can be built.
    let request = request.map_err(|_| FetchError::Redirect)?;
    let exchange = async {
        let mut sender = speak(address, stream, tls).await?;
        sender.send_request(request).await.map_err(FetchError::Http)
    };
    timeout(ANSWER_TIMEOUT, exchange).await.map_err(|_| FetchError::Late)?
}

async fn connect(address: &Address, reach: Reach) -> Result<TcpStream, FetchError> {
    let found = timeout(ANSWER_TIMEOUT, lookup_host((address.host.as_str(), address.port))).await;
    let found = found.map_err(|_| FetchError::Late)?.map_err(FetchError::Name)?;
    let allowed: Vec<SocketAddr> = found.filter(|address| reach.allows(address.ip())).take(ADDRESSES_MAX).collect();
    let mut error = FetchError::Forbidden;
    for address in allowed {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(source)) => error = FetchError::Connect(source),
            Err(_) => error = FetchError::Connect(io::ErrorKind::TimedOut.into()),
        }
    }
    Err(error)
}

async fn speak(address: &Address, stream: TcpStream, tls: &Arc<rustls::ClientConfig>) -> Result<Sender, FetchError> {
    if !address.tls {
        return begin(stream).await;
    }
    let name = ServerName::try_from(address.host.clone()).map_err(|_| FetchError::Redirect)?;
    begin(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.map_err(FetchError::Connect)?).await
}

async fn begin(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Sender, FetchError> {
    let mut builder = Builder::new();
    builder.max_buf_size(BUFFER_BYTES_MAX);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(FetchError::Http)?;
    // Ends when the sender and the body are dropped or the other side closes; its errors come out of these, too.
    tokio::spawn(async { drop(connection.await) });
    Ok(sender)
}
