//! Messages into chunks. Every message begins with a whole header: what a server says is short and rare.

use super::header::EXTENDED;
use super::kind;

/// Chunk size until it is set (RTMP 1.0 section 5.4.1).
const CHUNK_BYTES_DEFAULT: usize = 128;

/// The sending side of one connection.
#[derive(Debug)]
pub(crate) struct Writer {
    chunk_size: usize,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { chunk_size: CHUNK_BYTES_DEFAULT }
    }

    /// Announces a chunk size, at least 1, and uses it from here on.
    pub(crate) fn set_chunk_size(&mut self, out: &mut Vec<u8>, size: u32) {
        self.write(out, kind::SET_CHUNK_SIZE, 0, 0, &size.to_be_bytes());
        self.chunk_size = (size as usize).max(1);
    }

    /// Appends one message to `out`. Payloads beyond 16 MiB cannot be said and are not sent.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, kind: u8, stream: u32, timestamp: u32, payload: &[u8]) {
        let Some(len) = u32::try_from(payload.len()).ok().filter(|len| *len <= EXTENDED) else { return };
        let id = chunk_stream(kind);
        out.push(id);
        out.extend_from_slice(&timestamp.min(EXTENDED).to_be_bytes()[1..]);
        out.extend_from_slice(&len.to_be_bytes()[1..]);
        out.push(kind);
        out.extend_from_slice(&stream.to_le_bytes());
        let extended = (timestamp >= EXTENDED).then_some(timestamp.to_be_bytes());
        out.extend(extended.into_iter().flatten());
        for (index, chunk) in payload.chunks(self.chunk_size).enumerate() {
            if index > 0 {
                out.push(0xc0 | id);
                out.extend(extended.into_iter().flatten());
            }
            out.extend_from_slice(chunk);
        }
    }
}

/// Control messages belong on chunk stream 2 (section 5.4); the rest is habit.
fn chunk_stream(kind: u8) -> u8 {
    match kind {
        kind::SET_CHUNK_SIZE..=kind::PEER_BANDWIDTH => 2,
        kind::AUDIO => 4,
        kind::VIDEO => 6,
        _ => 3,
    }
}
