//! The body of an answer as a stream of media.

use std::io;
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use rtmp::{Event, Fault, FlvReader};

use crate::ingress::source::Source;

/// What comes of one answer; its reader lives longer.
pub(super) struct Tap<'a> {
    pub(super) reader: &'a mut FlvReader,
    pub(super) body: Incoming,
    /// What was read and not yet understood.
    pub(super) piece: Bytes,
}

impl Source for Tap<'_> {
    fn event(&mut self, now: Instant) -> Result<Option<Event>, Fault> {
        let mut input = self.piece.as_ref();
        let event = self.reader.receive(now, &mut input);
        let used = self.piece.len() - input.len();
        self.piece.advance(used);
        event
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn read(&mut self) -> io::Result<()> {
        while self.piece.is_empty() {
            let frame = self.body.frame().await.ok_or(io::ErrorKind::UnexpectedEof)?;
            // What comes behind a body is of no use.
            self.piece = frame.map_err(io::Error::other)?.into_data().unwrap_or_default();
        }
        Ok(())
    }

    fn deadline(&self) -> Instant {
        self.reader.deadline()
    }

    fn expired(&self, now: Instant) -> Option<Fault> {
        self.reader.expired(now)
    }
}
