//! Asks a server for a file: resolves its name once, looks at the addresses, connects to the very one that was looked at,
//! and follows a few redirects in the same way.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hooks::{HttpUrl, Reach, Unreached, UrlError};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{ACCEPT, CONTENT_RANGE, HOST, HeaderValue, LOCATION, RANGE, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use reel::Fault;
use reel::limits::PLAYLIST_BYTES_MAX;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// From the request, or the beginning of TLS, to the end of the answer's head; and for a playlist's body.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Redirects that are followed.
const REDIRECTS_MAX: usize = 3;
/// Bytes that are read at once, and of an answer's head.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// The name that the server gives itself.
const AGENT: &str = "Thalweg";

type Sender = SendRequest<Empty<Bytes>>;

/// Why there is no file, or no more of it.
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
    /// A part of it was asked for, and its server does not know parts.
    #[error(
        "a part of it is needed, and its server hands out no ranges (of an MP4: put the index first, ffmpeg: -movflags +faststart)"
    )]
    Whole,
    /// A playlist names what is no URL.
    #[error("its playlist names what cannot be asked for: {0}")]
    Url(#[from] UrlError),
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] Fault),
}

impl FetchError {
    /// Whether it is worth another try.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Name(_) | Self::Connect(_) | Self::Http(_) | Self::Late => true,
            Self::Forbidden | Self::Redirect | Self::Whole | Self::Url(_) | Self::File(_) => false,
            Self::Status(status) => {
                status.is_server_error()
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
        }
    }

    /// Whether its server says that it has no such file, or none any more.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Status(StatusCode::NOT_FOUND | StatusCode::GONE))
    }
}

impl From<Unreached> for FetchError {
    fn from(error: Unreached) -> Self {
        match error {
            Unreached::Name(error) => Self::Name(error),
            Unreached::Forbidden => Self::Forbidden,
            Unreached::Connect(error) => Self::Connect(error),
        }
    }
}

/// Which bytes of a file: from one on, and up to another if that is said.
pub(super) type Span = (u64, Option<u64>);

/// Asks for files.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) reach: Reach,
    pub(super) tls: Arc<rustls::ClientConfig>,
}

impl Client {
    /// Asks for a file, or for a part of one: where it was found, and its bytes.
    pub(super) async fn fetch(&self, url: &HttpUrl, span: Option<Span>) -> Result<(HttpUrl, Incoming), FetchError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.ask(&url, span).await?;
            let status = answer.status();
            if status.is_redirection() {
                let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
                let location = location.filter(|location| !location.is_empty()).ok_or(FetchError::Redirect)?;
                url = url.follow(location).map_err(|_| FetchError::Redirect)?;
                continue;
            }
            return match (status, span) {
                (StatusCode::OK, None) => Ok((url, answer.into_body())),
                (StatusCode::PARTIAL_CONTENT, Some(span)) if is_part(&answer, span) => Ok((url, answer.into_body())),
                (status, Some(_)) if status.is_success() => Err(FetchError::Whole),
                (status, _) => Err(FetchError::Status(status)),
            };
        }
        Err(FetchError::Redirect)
    }

    /// Asks for a playlist.
    pub(super) async fn playlist(&self, url: &HttpUrl) -> Result<(HttpUrl, String), FetchError> {
        let (url, body) = self.fetch(url, None).await?;
        Ok((url, text(Bytes::new(), body).await?))
    }

    async fn ask(&self, url: &HttpUrl, span: Option<Span>) -> Result<Response<Incoming>, FetchError> {
        let connected = timeout(ANSWER_TIMEOUT, hooks::connect(url, self.reach)).await;
        let stream = connected.map_err(|_| FetchError::Late)??;
        let mut request = Request::builder().uri(&url.target).header(HOST, &url.authority);
        if let Some((from, to)) = span {
            // The last byte of a range belongs to it (RFC 9110 section 14.1.2).
            let last = to.and_then(|to| to.checked_sub(1)).map(|last| last.to_string()).unwrap_or_default();
            request = request.header(RANGE, format!("bytes={from}-{last}"));
        }
        let request = request.header(ACCEPT, "*/*").header(USER_AGENT, AGENT).body(Empty::new());
        // The URL was checked: this request can be built.
        let request = request.map_err(|_| FetchError::Redirect)?;
        let exchange = async {
            let mut sender = self.speak(url, stream).await?;
            sender.send_request(request).await.map_err(FetchError::Http)
        };
        timeout(ANSWER_TIMEOUT, exchange).await.map_err(|_| FetchError::Late)?
    }

    async fn speak(&self, url: &HttpUrl, stream: TcpStream) -> Result<Sender, FetchError> {
        if !url.tls {
            return begin(stream).await;
        }
        let name = ServerName::try_from(url.host.clone()).map_err(|_| FetchError::Redirect)?;
        let tls = TlsConnector::from(Arc::clone(&self.tls));
        begin(tls.connect(name, stream).await.map_err(FetchError::Connect)?).await
    }
}

/// All of a playlist, of which the first bytes were read.
pub(super) async fn text(first: Bytes, body: Incoming) -> Result<String, FetchError> {
    let rest = timeout(ANSWER_TIMEOUT, Limited::new(body, PLAYLIST_BYTES_MAX).collect()).await;
    let rest = rest.map_err(|_| FetchError::Late)?.map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(error) => FetchError::Http(*error),
        Err(_) => FetchError::File(Fault::TooLong("playlist")),
    })?;
    let bytes = [first.as_ref(), &rest.to_bytes()].concat();
    String::from_utf8(bytes).map_err(|_| FetchError::File(Fault::Broken("playlist")))
}

/// Whether an answer is the part that was asked for.
fn is_part(answer: &Response<Incoming>, (from, _): Span) -> bool {
    let told = answer.headers().get(CONTENT_RANGE).and_then(|range: &HeaderValue| range.to_str().ok());
    let range = told.and_then(|told| told.trim().strip_prefix("bytes")?.trim_start().split_once('-'));
    range.is_some_and(|(begin, _)| begin.parse() == Ok(from))
}

async fn begin(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Sender, FetchError> {
    let mut builder = Builder::new();
    builder.max_buf_size(BUFFER_BYTES_MAX);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(FetchError::Http)?;
    // Ends when the sender and the body are dropped or the other side closes; its errors come out of these, too.
    tokio::spawn(async { drop(connection.await) });
    Ok(sender)
}
