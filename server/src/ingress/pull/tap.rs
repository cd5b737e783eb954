//! What is fetched, as a stream of media.

use std::io;
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use reel::{Fault, Reader, Step};
use rtmp::Event;
use tokio::sync::mpsc;

use super::supply::Piece;
use crate::ingress::channel::End;
use crate::ingress::source::Source;

/// What comes of one try; its reader lives longer.
pub(super) struct Tap<'a> {
    reader: &'a mut Reader,
    pieces: mpsc::Receiver<Piece>,
    seeks: mpsc::Sender<u64>,
    /// What was read and not yet understood.
    piece: Bytes,
    /// Another part of the file was asked for.
    sought: bool,
    turned: bool,
    ended: bool,
    fault: Option<Fault>,
}

impl<'a> Tap<'a> {
    pub(super) fn new(reader: &'a mut Reader, pieces: mpsc::Receiver<Piece>, seeks: mpsc::Sender<u64>) -> Self {
        let (sought, turned, ended) = (false, false, false);
        Self { reader, pieces, seeks, piece: Bytes::new(), sought, turned, ended, fault: None }
    }

    /// Takes what was fetched; a fault is told with the next event.
    fn take(&mut self, piece: Piece) {
        let result = match piece {
            Piece::Data(data) => {
                // What was on its way when another part was asked for.
                self.piece = if self.sought { Bytes::new() } else { data };
                Ok(())
            }
            Piece::Begin { at, anew } => {
                (self.sought, self.turned) = (false, true);
                self.reader.begin(Instant::now(), at, anew)
            }
            Piece::End => {
                self.ended = !self.sought;
                self.reader.finish()
            }
        };
        self.fault = result.err().or(self.fault);
    }
}

impl Source for Tap<'_> {
    fn event(&mut self, now: Instant) -> Result<Option<Event>, End> {
        if let Some(fault) = self.fault.take() {
            return Err(fault.into());
        }
        let mut input = self.piece.as_ref();
        let step = self.reader.receive(now, &mut input);
        let used = self.piece.len() - input.len();
        self.piece.advance(used);
        match step? {
            Some(Step::Event(event)) => return Ok(Some(event)),
            Some(Step::Seek(at)) => {
                self.sought = true;
                self.piece.clear();
                // Who no longer listens says why elsewhere.
                let _ = self.seeks.try_send(at);
            }
            None => {}
        }
        match self.ended {
            true if self.reader.brought() => Ok(Some(Event::Ended)),
            true => Err(Fault::Empty.into()),
            false => Ok(None),
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn read(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            let piece = self.pieces.recv().await.ok_or(io::ErrorKind::UnexpectedEof)?;
            self.take(piece);
        }
        Ok(())
    }

    fn deadline(&self) -> Instant {
        self.reader.deadline()
    }

    fn expired(&self, now: Instant) -> Option<End> {
        self.reader.expired(now).map(End::from)
    }

    fn turned(&mut self) -> bool {
        std::mem::take(&mut self.turned)
    }
}
