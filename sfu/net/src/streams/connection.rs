//! One TCP connection that carries datagrams as frames (RFC 4571), in both directions.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::time::Instant;

use door::{Path, Protocol, ShardId};
use wire::framing::{self, Deframer, FRAME_BYTES_MAX, LENGTH_BYTES};

use crate::socket;

/// Bytes that wait for a slow reader at most: half a second of 4 Mbit/s. A frame that does not fit is dropped whole,
/// like a datagram at a full router.
pub(crate) const WAITING_BYTES_MAX: usize = 256 << 10;

/// Bytes that the kernel may hold unsent, so that what waits waits here, where it can be dropped, and stays young.
const UNSENT_BYTES_MAX: libc::c_int = 64 << 10;

/// Room that an idle connection keeps.
const KEPT_BYTES_MAX: usize = 16 << 10;

/// How far a connection has come.
#[derive(Debug)]
enum Stage {
    /// Nobody's: its first bytes, until they are a frame that tells whose it is.
    Stranger(Vec<u8>),
    /// Its frames go to the engine, which has not answered yet.
    Claimed(Deframer),
    /// The engine answered, and it answers only what is authentic.
    Proven(Deframer),
}

/// Why a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The far side closed it, or it broke.
    Closed,
    /// What came is no stream of frames, or nobody's.
    Unreadable,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    pub(crate) path: Path,
    stage: Stage,
    /// What waits to be written, behind `written` bytes that were.
    waiting: Vec<u8>,
    written: usize,
    /// Something was added since the last write.
    pub(crate) is_dirty: bool,
    /// It waits for room.
    pub(crate) is_full: bool,
    /// When it began, and later when the engine last sent.
    pub(crate) used: Instant,
}

impl Connection {
    /// Takes an accepted connection.
    pub(crate) fn new(stream: TcpStream, now: Instant) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        // A comfort: without it more waits in the kernel.
        let _ = socket::set(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, UNSENT_BYTES_MAX);
        let path = Path { protocol: Protocol::Tcp, local: stream.local_addr()?, remote: stream.peer_addr()? };
        let (stage, waiting) = (Stage::Stranger(Vec::new()), Vec::new());
        Ok(Self { stream, path, stage, waiting, written: 0, is_dirty: false, is_full: false, used: now })
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn is_proven(&self) -> bool {
        matches!(self.stage, Stage::Proven(_))
    }

    pub(crate) fn is_stranger(&self) -> bool {
        matches!(self.stage, Stage::Stranger(_))
    }

    /// Reads for a stranger: whose it is, as soon as `home` can tell by its first frame.
    pub(crate) fn introduce(&mut self, home: impl Fn(&[u8]) -> Option<ShardId>) -> Result<Option<ShardId>, End> {
        let Stage::Stranger(early) = &mut self.stage else { return Ok(None) };
        let mut buffer = [0; FRAME_BYTES_MAX + LENGTH_BYTES];
        let room = buffer.len().saturating_sub(early.len());
        let len = read(&mut self.stream, buffer.get_mut(..room).unwrap_or_default())?;
        early.extend_from_slice(buffer.get(..len).unwrap_or_default());
        let frame = framing::first(early).map_err(|_| End::Unreadable)?;
        let Some(frame) = frame.and_then(|frame| early.get(frame)) else { return Ok(None) };
        home(frame).map(Some).ok_or(End::Unreadable)
    }

    /// Makes a stranger a claimed one; gives the bytes that it has sent.
    pub(crate) fn claim(&mut self) -> Vec<u8> {
        match std::mem::replace(&mut self.stage, Stage::Claimed(Deframer::default())) {
            Stage::Stranger(early) => early,
            known => {
                self.stage = known;
                Vec::new()
            }
        }
    }

    /// Reads once into `room`, and hands each whole frame to `each`; gives the bytes read.
    pub(crate) fn receive(&mut self, room: &mut [u8], each: impl FnMut(&mut [u8])) -> Result<usize, End> {
        let len = read(&mut self.stream, room)?;
        self.take(room.get_mut(..len).unwrap_or_default(), each)?;
        Ok(len)
    }

    /// Takes bytes that were read.
    pub(crate) fn take(&mut self, bytes: &mut [u8], each: impl FnMut(&mut [u8])) -> Result<(), End> {
        match &mut self.stage {
            Stage::Stranger(_) => Ok(()),
            Stage::Claimed(frames) | Stage::Proven(frames) => frames.take(bytes, each).map_err(|_| End::Unreadable),
        }
    }

    /// Adds a datagram to what is written next; false when it is dropped for want of room.
    pub(crate) fn push(&mut self, datagram: &[u8], now: Instant) -> bool {
        if let Stage::Claimed(frames) = &mut self.stage {
            self.stage = Stage::Proven(std::mem::take(frames));
        }
        self.used = now;
        let Some(length) = framing::length(datagram.len()) else { return false };
        if self.waiting.len() - self.written + length.len() + datagram.len() > WAITING_BYTES_MAX {
            return false;
        }
        self.waiting.extend_from_slice(&length);
        self.waiting.extend_from_slice(datagram);
        true
    }

    /// Writes what the kernel takes.
    pub(crate) fn flush(&mut self) -> Result<(), End> {
        self.is_full = false;
        while let Some(rest) = self.waiting.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return Err(End::Closed),
                Ok(len) => self.written += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_full = true;
                    break;
                }
                Err(_) => return Err(End::Closed),
            }
        }
        // What is written goes at once, so that the buffer holds what waits and no more.
        self.waiting.drain(..self.written);
        self.written = 0;
        if self.waiting.is_empty() {
            self.waiting.shrink_to(KEPT_BYTES_MAX);
        }
        Ok(())
    }
}

/// Reads once; nothing is 0 bytes, the end is an error.
fn read(stream: &mut TcpStream, room: &mut [u8]) -> Result<usize, End> {
    match stream.read(room) {
        Ok(0) => Err(End::Closed),
        Ok(len) => Ok(len),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
        Err(_) => Err(End::Closed),
    }
}
