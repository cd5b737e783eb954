//! An RTMP session on its socket.

use std::io;
use std::time::{Duration, Instant};

use rtmp::{Event, Fault, Session};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::source::Source;

/// Bytes taken from the socket at once.
const READ_BYTES: usize = 32 << 10;
/// How long one write may hang.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a publisher that is turned away may take to read why.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    /// The publisher did something that is not allowed.
    #[error(transparent)]
    Peer(#[from] Fault),
    /// What is pulled cannot be read.
    #[error(transparent)]
    Pulled(#[from] reel::Fault),
    /// The publisher was turned away.
    #[error("{0}")]
    Refused(rtmp::Refusal),
    /// The network, or the publisher itself.
    #[error("the connection is gone")]
    Io(#[from] io::Error),
}

/// What carries bytes both ways: a socket, or TLS on one.
pub(super) trait Pipe: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Pipe for T {}

/// The socket, its session, and what was read and not yet understood.
pub(super) struct Channel {
    stream: Box<dyn Pipe>,
    pub(super) session: Session,
    buffer: Vec<u8>,
    waiting: std::ops::Range<usize>,
}

impl Channel {
    pub(super) fn new(stream: Box<dyn Pipe>) -> Self {
        let session = Session::new(Instant::now(), super::seed());
        Self { stream, session, buffer: vec![0; READ_BYTES], waiting: 0..0 }
    }

    /// Waits for the next event, however long the session has patience.
    pub(super) async fn next(&mut self) -> Result<Event, End> {
        loop {
            if let Some(event) = self.event(Instant::now())? {
                return Ok(event);
            }
            self.flush().await?;
            let deadline = self.session.deadline();
            tokio::select! {
                read = self.read() => read?,
                () = tokio::time::sleep_until(deadline.into()) => {
                    self.session.expired(Instant::now()).map_or(Ok(()), |fault| Err(End::Peer(fault)))?;
                }
            }
        }
    }

    /// Says why, lets the publisher read it, and closes. Closing at once would take the words back with a reset.
    pub(super) async fn close(mut self, end: &End) {
        match end {
            End::Peer(fault) => self.session.fail(*fault),
            End::Refused(refusal) => self.session.refuse(Instant::now(), *refusal),
            End::Io(_) | End::Pulled(_) => return,
        }
        let farewell = async {
            self.flush().await?;
            self.stream.shutdown().await?;
            while self.stream.read(&mut self.buffer).await? > 0 {}
            io::Result::Ok(())
        };
        // Whoever does not listen is left.
        let _ = timeout(FAREWELL_TIMEOUT, farewell).await;
    }
}

impl Source for Channel {
    fn event(&mut self, now: Instant) -> Result<Option<Event>, End> {
        let mut input = self.buffer.get(self.waiting.clone()).unwrap_or_default();
        let event = self.session.receive(now, &mut input);
        self.waiting.start = self.waiting.end - input.len();
        Ok(event?)
    }

    async fn flush(&mut self) -> io::Result<()> {
        if self.session.output().is_empty() {
            return Ok(());
        }
        let output = std::mem::take(self.session.output());
        let written = timeout(WRITE_TIMEOUT, self.stream.write_all(&output)).await;
        written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn read(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            return Ok(());
        }
        let read = self.stream.read(&mut self.buffer).await?;
        self.waiting = 0..read;
        if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    fn deadline(&self) -> Instant {
        self.session.deadline()
    }

    fn expired(&self, now: Instant) -> Option<End> {
        self.session.expired(now).map(End::Peer)
    }
}
