//! One request to the collector: a connection, a POST, a look at the status. What it does not take is dropped and counted:
//! a trace is worth no memory, and no second try.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use spans::Span;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::otlp;
use crate::StartError;
use crate::config::Otlp;
use crate::tls;

/// How long a collector may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Spans that no collector took. There is one process.
static LOST: AtomicU64 = AtomicU64::new(0);
static SENT: AtomicU64 = AtomicU64::new(0);

/// Spans sent, and spans that were lost on the way.
pub(super) fn counts() -> (u64, u64) {
    (SENT.load(Ordering::Relaxed), LOST.load(Ordering::Relaxed))
}

/// Where spans go.
pub(super) struct Collector {
    otlp: Otlp,
    tls: Arc<ClientConfig>,
    failures: AtomicU64,
}

/// Why a collector took nothing.
enum Fault {
    Io(io::Error),
    Http(hyper::Error),
    Request(axum::http::Error),
    Status(StatusCode),
    Late,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "no connection: {error}"),
            Self::Http(error) => write!(f, "the exchange broke off: {error}"),
            Self::Request(error) => write!(f, "no request: {error}"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Late => write!(f, "no answer within {} s", ANSWER_MAX.as_secs()),
        }
    }
}

impl Collector {
    pub(super) fn new(otlp: Otlp) -> Result<Self, StartError> {
        Ok(Self { otlp, tls: tls::client()?, failures: AtomicU64::new(0) })
    }

    /// Sends once.
    pub(super) async fn send(&self, spans: &[Span]) {
        let body = otlp::request(spans).to_string();
        let sent = timeout(ANSWER_MAX, self.exchange(body)).await.unwrap_or(Err(Fault::Late));
        let count = if sent.is_ok() { &SENT } else { &LOST };
        count.fetch_add(spans.len() as u64, Ordering::Relaxed);
        let Err(fault) = sent else { return self.failures.store(0, Ordering::Relaxed) };
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        // Ever more seldom, so that a dead collector does not fill the log.
        if failures.is_power_of_two() {
            tracing::warn!(endpoint = %self.otlp.url, failures, %fault, "the collector takes no traces");
        }
    }

    async fn exchange(&self, body: String) -> Result<(), Fault> {
        let url = &self.otlp.url;
        let stream = TcpStream::connect((url.host.as_str(), url.port)).await.map_err(Fault::Io)?;
        if !url.is_secure {
            return self.post(stream, body).await;
        }
        let name = ServerName::try_from(url.host.clone()).map_err(|error| Fault::Io(io::Error::other(error)))?;
        let secure = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await.map_err(Fault::Io)?;
        self.post(secure, body).await
    }

    async fn post(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        body: String,
    ) -> Result<(), Fault> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Fault::Http)?;
        let request = Request::builder().method(Method::POST).uri(&self.otlp.url.path);
        let request = request.header(header::HOST, &self.otlp.url.authority);
        let request = request.header(header::CONTENT_TYPE, "application/json").header(header::CONNECTION, "close");
        let mut request = request.body(Body::from(body)).map_err(Fault::Request)?;
        for (name, value) in &self.otlp.headers {
            // Both were looked at when the configuration was read.
            let pair = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.expose()));
            if let (Ok(name), Ok(value)) = pair {
                request.headers_mut().insert(name, value);
            }
        }
        // Ends with the answer, or with the sender; its errors come out of the sender, too.
        tokio::spawn(async { drop(connection.await) });
        let answer = sender.send_request(request).await.map_err(Fault::Http)?;
        if answer.status().is_success() { Ok(()) } else { Err(Fault::Status(answer.status())) }
    }
}
