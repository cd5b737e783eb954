//! Messages out of chunks and into chunks (RTMP 1.0 section 5.3).

mod header;
mod reader;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

/// Types of messages (RTMP 1.0 sections 5.4 and 7.1).
pub(crate) mod kind {
    pub(crate) const SET_CHUNK_SIZE: u8 = 1;
    pub(crate) const ABORT: u8 = 2;
    pub(crate) const ACKNOWLEDGEMENT: u8 = 3;
    pub(crate) const USER_CONTROL: u8 = 4;
    pub(crate) const WINDOW_SIZE: u8 = 5;
    pub(crate) const PEER_BANDWIDTH: u8 = 6;
    pub(crate) const AUDIO: u8 = 8;
    pub(crate) const VIDEO: u8 = 9;
    pub(crate) const DATA_AMF3: u8 = 15;
    pub(crate) const COMMAND_AMF3: u8 = 17;
    pub(crate) const DATA: u8 = 18;
    pub(crate) const COMMAND: u8 = 20;
    pub(crate) const AGGREGATE: u8 = 22;
}

/// One whole message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    /// The message stream.
    pub(crate) stream: u32,
    /// Milliseconds on the sender's clock.
    pub(crate) timestamp: u32,
    pub(crate) payload: Vec<u8>,
}
