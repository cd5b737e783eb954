//! One try to deliver: resolve, check the address, connect to it, speak HTTP/1.1, look at the status.
//!
//! Redirects are not followed and nothing of an answer is believed but its status and `Retry-After`: at most
//! [`ANSWER_BYTES_MAX`] of it are read, and none of it is decoded.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::connect::{CONNECT_TIMEOUT, Unreached, connect};
use crate::lane::{FLYING_MAX, Outcome};
use crate::{HookUrl, Reach};

/// How long one try may take in all.
pub(crate) const TRY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read so that its connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an answer's head, all headers together; hyper's least is 8 KiB.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// A connection that was idle for longer is not used again: the other side may be about to close it.
const IDLE_MAX: Duration = Duration::from_secs(15);
/// What receivers tell webhooks by.
const BODY_TYPE: &str = "application/webhook+json";
/// The name that LiveKit's server gives itself in webhooks; firewalls may know it.
const AGENT: &str = "LiveKit";

type Sender = SendRequest<Full<Bytes>>;

/// Delivers to one URL, over connections that it keeps.
pub(crate) struct Client {
    url: HookUrl,
    reach: Reach,
    tls: TlsConnector,
    idle: Mutex<Vec<(Sender, Instant)>>,
}

/// What went wrong with a try.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The name is not known.
    Name(io::Error),
    /// None of the addresses may be reached.
    Forbidden,
    /// No connection, or no TLS.
    Connect(io::Error),
    /// The exchange broke off.
    Http(hyper::Error),
    /// It took too long.
    Late,
    /// The receiver says no.
    Status(StatusCode),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => write!(f, "the name cannot be resolved: {error}"),
            Self::Forbidden => f.write_str("the address is not one that webhooks may go to"),
            Self::Connect(error) => write!(f, "no connection: {error}"),
            Self::Http(error) => write!(f, "the exchange broke off: {error}"),
            Self::Late => write!(f, "no answer within {} s", TRY_TIMEOUT.as_secs()),
            Self::Status(status) if status.is_redirection() => {
                write!(f, "status {status}; redirects are not followed: configure the URL that it leads to")
            }
            Self::Status(status) => write!(f, "status {status}"),
        }
    }
}

impl Client {
    pub(crate) fn new(url: HookUrl, reach: Reach, tls: Arc<rustls::ClientConfig>) -> Self {
        Self { url, reach, tls: TlsConnector::from(tls), idle: Mutex::default() }
    }

    pub(crate) fn url(&self) -> &HookUrl {
        &self.url
    }

    /// Tries once.
    pub(crate) async fn post(&self, body: &str, authorization: &str) -> (Outcome, Option<Fault>) {
        match timeout(TRY_TIMEOUT, self.exchange(body, authorization)).await {
            Ok(Ok((status, _))) if status.is_success() => (Outcome::Delivered, None),
            Ok(Ok((status, asked))) => {
                let trouble = status.is_server_error()
                    || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
                let outcome = if trouble { Outcome::Failed(asked) } else { Outcome::Refused };
                (outcome, Some(Fault::Status(status)))
            }
            Ok(Err(fault)) => (Outcome::Failed(None), Some(fault)),
            Err(_) => (Outcome::Failed(None), Some(Fault::Late)),
        }
    }

    async fn exchange(&self, body: &str, authorization: &str) -> Result<(StatusCode, Option<Duration>), Fault> {
        let request = || {
            let request = Request::builder().method(Method::POST).uri(&self.url.url.target);
            let request = request.header(HOST, &self.url.url.authority).header(CONTENT_TYPE, BODY_TYPE);
            let request = request.header(AUTHORIZATION, authorization).header(USER_AGENT, AGENT);
            request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        };
        // The URL was checked and a signature is ASCII: this request can be built.
        let Ok(first) = request() else { return Err(Fault::Forbidden) };
        if let Some(mut sender) = self.kept()
            && sender.ready().await.is_ok()
        {
            match sender.send_request(first).await {
                Ok(answer) => return Ok(self.judge(answer, sender).await),
                // It had been closed just then, before it read anything.
                Err(error) if error.is_canceled() || error.is_closed() => {}
                Err(error) => return Err(Fault::Http(error)),
            }
        }
        let Ok(first) = request() else { return Err(Fault::Forbidden) };
        let mut sender = self.connect().await?;
        let answer = sender.send_request(first).await.map_err(Fault::Http)?;
        Ok(self.judge(answer, sender).await)
    }

    /// Takes the status, and keeps the connection if the rest of the answer is short.
    async fn judge(
        &self,
        answer: hyper::Response<hyper::body::Incoming>,
        sender: Sender,
    ) -> (StatusCode, Option<Duration>) {
        let status = answer.status();
        let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let rest = timeout(CONNECT_TIMEOUT, Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect()).await;
        if rest.is_ok_and(|rest| rest.is_ok()) {
            self.keep(sender);
        }
        (status, asked.map(Duration::from_secs))
    }

    fn kept(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(sender, since)| since.elapsed() < IDLE_MAX && !sender.is_closed());
        idle.pop().map(|(sender, _)| sender)
    }

    fn keep(&self, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if !sender.is_closed() && idle.len() < FLYING_MAX {
            idle.push((sender, Instant::now()));
        }
    }

    async fn connect(&self) -> Result<Sender, Fault> {
        match connect(&self.url.url, self.reach).await {
            Ok(stream) => self.speak(stream).await,
            Err(Unreached::Name(error)) => Err(Fault::Name(error)),
            Err(Unreached::Forbidden) => Err(Fault::Forbidden),
            Err(Unreached::Connect(error)) => Err(Fault::Connect(error)),
        }
    }

    async fn speak(&self, stream: TcpStream) -> Result<Sender, Fault> {
        // A small request must not wait for more.
        stream.set_nodelay(true).map_err(Fault::Connect)?;
        if !self.url.url.tls {
            return begin(stream).await;
        }
        let name = ServerName::try_from(self.url.url.host.clone()).map_err(|_| Fault::Forbidden)?;
        begin(self.tls.connect(name, stream).await.map_err(Fault::Connect)?).await
    }
}

async fn begin(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Sender, Fault> {
    let mut builder = Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(Fault::Http)?;
    // Ends when the sender is dropped or the other side closes; its errors come out of the sender, too.
    tokio::spawn(async { drop(connection.await) });
    Ok(sender)
}
