//! Messages out of a stream of chunks.

use super::header::{self, HEADER_BYTES_MAX, Header};
use super::{Message, kind};
use crate::Fault;
use crate::limits::{
    AUDIO_BYTES_MAX, CHUNK_BYTES_MAX, CHUNK_STREAMS_MAX, COMMAND_BYTES_MAX, CONTROL_BYTES_MAX, DATA_BYTES_MAX,
    RESERVED_BYTES_MAX, UNFINISHED_BYTES_MAX, VIDEO_BYTES_MAX,
};

/// Chunk size until the sender sets another (RTMP 1.0 section 5.4.1).
const CHUNK_BYTES_DEFAULT: usize = 128;

/// Puts the chunks of one connection together.
#[derive(Debug)]
pub(crate) struct Reader {
    chunk_size: usize,
    streams: Vec<ChunkStream>,
    /// Bytes of a header that is not all there.
    head: [u8; HEADER_BYTES_MAX],
    head_len: usize,
    /// The stream whose chunk is being read, and how much of the chunk is still to come.
    body: Option<(usize, usize)>,
    /// Bytes of unfinished messages of all streams.
    unfinished: usize,
}

/// What a chunk stream remembers from chunk to chunk.
#[derive(Debug)]
struct ChunkStream {
    id: u32,
    kind: u8,
    len: usize,
    stream: u32,
    timestamp: u32,
    /// What a message without a time field adds.
    delta: u32,
    /// The time field of the last header that had one, when it was extended.
    extended: Option<u32>,
    /// A message has begun and is not complete.
    open: bool,
    payload: Vec<u8>,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            chunk_size: CHUNK_BYTES_DEFAULT,
            streams: Vec::new(),
            head: [0; HEADER_BYTES_MAX],
            head_len: 0,
            body: None,
            unfinished: 0,
        }
    }

    /// The next whole message; `None` when `input` is used up before.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Fault> {
        loop {
            if self.body.is_none() && !self.begin_chunk(input)? {
                return Ok(None);
            }
            let message = self.read_body(input)?;
            if message.is_some() || self.body.is_some() {
                return Ok(message);
            }
        }
    }

    /// The sender's chunk size from here on; larger than a message can be is like as large.
    ///
    /// # Errors
    /// When it is zero or has the first bit set.
    pub(crate) fn set_chunk_size(&mut self, size: u32) -> Result<(), Fault> {
        if size == 0 || size >> 31 != 0 {
            return Err(Fault::PeerChunkSize(size));
        }
        self.chunk_size = size.min(CHUNK_BYTES_MAX) as usize;
        Ok(())
    }

    /// The sender gives up its unfinished message on a chunk stream.
    pub(crate) fn abort(&mut self, id: u32) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) {
            self.unfinished -= stream.payload.len();
            stream.drop_message();
        }
    }

    /// Bytes of unfinished messages.
    #[cfg(test)]
    pub(crate) fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Reads one header; false when it is not all there.
    fn begin_chunk(&mut self, input: &mut &[u8]) -> Result<bool, Fault> {
        let carried = self.head_len;
        let streams = &self.streams;
        let extended = |id| streams.iter().find(|stream| stream.id == id).and_then(|stream| stream.extended);
        let parsed = if carried == 0 {
            header::parse(input, extended)
        } else {
            let more = (HEADER_BYTES_MAX - carried).min(input.len());
            self.head[carried..carried + more].copy_from_slice(&input[..more]);
            header::parse(&self.head[..carried + more], extended)
        };
        let Some(header) = parsed else {
            // Less than the longest header is left, else it would have been read.
            let more = (HEADER_BYTES_MAX - carried).min(input.len());
            self.head[carried..carried + more].copy_from_slice(&input[..more]);
            self.head_len += more;
            *input = &input[more..];
            return Ok(false);
        };
        *input = input.get(header.len.saturating_sub(carried)..).unwrap_or_default();
        self.head_len = 0;
        let index = self.stream_for(&header)?;
        self.apply(index, &header)?;
        let stream = &self.streams[index];
        self.body = Some((index, self.chunk_size.min(stream.len - stream.payload.len())));
        Ok(true)
    }

    fn stream_for(&mut self, header: &Header) -> Result<usize, Fault> {
        if let Some(index) = self.streams.iter().position(|stream| stream.id == header.id) {
            return Ok(index);
        }
        // librtmp begins with a header without a message stream, which then is 0.
        if header.message.is_none() {
            return Err(Fault::PeerChunkOrder(header.id));
        }
        if self.streams.len() >= CHUNK_STREAMS_MAX {
            return Err(Fault::PeerChunkStreams);
        }
        self.streams.push(ChunkStream::new(header.id));
        Ok(self.streams.len() - 1)
    }

    fn apply(&mut self, index: usize, header: &Header) -> Result<(), Fault> {
        let Some(stream) = self.streams.get_mut(index) else { return Ok(()) };
        if stream.open && header.time.is_none() {
            return Ok(());
        }
        // A sender that begins a message before the last one is whole has given that up.
        self.unfinished -= stream.payload.len();
        stream.drop_message();
        stream.begin(header)?;
        if self.unfinished > UNFINISHED_BYTES_MAX { Err(Fault::PeerUnfinished) } else { Ok(()) }
    }

    fn read_body(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Fault> {
        let Some((index, left)) = self.body else { return Ok(None) };
        let Some(stream) = self.streams.get_mut(index) else { return Ok(None) };
        let (taken, rest) = input.split_at(left.min(input.len()));
        stream.make_room(taken.len());
        stream.payload.extend_from_slice(taken);
        self.unfinished += taken.len();
        *input = rest;
        let left = left - taken.len();
        self.body = (left > 0).then_some((index, left));
        if self.unfinished > UNFINISHED_BYTES_MAX {
            return Err(Fault::PeerUnfinished);
        }
        if stream.payload.len() < stream.len {
            return Ok(None);
        }
        self.unfinished -= stream.payload.len();
        stream.open = false;
        let payload = std::mem::take(&mut stream.payload);
        Ok(Some(Message { kind: stream.kind, stream: stream.stream, timestamp: stream.timestamp, payload }))
    }
}

impl ChunkStream {
    fn new(id: u32) -> Self {
        let payload = Vec::new();
        Self { id, kind: 0, len: 0, stream: 0, timestamp: 0, delta: 0, extended: None, open: false, payload }
    }

    /// A message begins.
    fn begin(&mut self, header: &Header) -> Result<(), Fault> {
        if let Some((len, kind)) = header.message {
            if len > bytes_max(kind) {
                return Err(Fault::PeerMessageTooLong { kind, bytes: len });
            }
            (self.len, self.kind) = (len, kind);
        }
        if let Some(time) = header.time {
            // A message without a time field that follows an absolute time adds that time (section 5.3.1.2.4).
            self.delta = time.ms;
            self.extended = time.is_extended.then_some(time.ms);
        }
        match header.stream {
            Some(stream) => (self.stream, self.timestamp) = (stream, self.delta),
            None => self.timestamp = self.timestamp.wrapping_add(self.delta),
        }
        self.open = true;
        self.payload.reserve_exact(self.len.min(RESERVED_BYTES_MAX));
        Ok(())
    }

    /// Takes the room of the whole message once its beginning has come: doubling would take more.
    fn make_room(&mut self, more: usize) {
        if self.payload.capacity() - self.payload.len() < more {
            self.payload.reserve_exact(self.len - self.payload.len());
        }
    }

    fn drop_message(&mut self) {
        self.open = false;
        self.payload = Vec::new();
    }
}

/// How long a message of a type may be; unknown types are skipped and may be as long as data.
fn bytes_max(kind: u8) -> usize {
    match kind {
        kind::VIDEO | kind::AGGREGATE => VIDEO_BYTES_MAX,
        kind::AUDIO => AUDIO_BYTES_MAX,
        kind::COMMAND | kind::COMMAND_AMF3 => COMMAND_BYTES_MAX,
        kind::SET_CHUNK_SIZE..=kind::PEER_BANDWIDTH => CONTROL_BYTES_MAX,
        _ => DATA_BYTES_MAX,
    }
}

#[cfg(test)]
mod tests;
