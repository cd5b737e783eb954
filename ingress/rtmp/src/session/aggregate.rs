//! Several tags in one message (RTMP 1.0 section 7.1.6), as old encoders batch them.

use bytes::{Buf, Bytes};

use crate::chunk::{Message, kind};

/// Behind each tag stands its length, in bytes.
const BACK_POINTER_BYTES: usize = 4;

/// What is left of an aggregate.
#[derive(Debug)]
pub(super) struct Aggregate {
    rest: Bytes,
    stream: u32,
    timestamp: u32,
    /// What makes the tags' times the connection's, once the first is known.
    shift: Option<u32>,
}

impl Aggregate {
    pub(super) fn new(message: Message) -> Self {
        let Message { stream, timestamp, payload, .. } = message;
        Self { rest: Bytes::from(payload), stream, timestamp, shift: None }
    }

    /// The next tag of sound, picture or data; `None` at the end or where the bytes are cut short.
    pub(super) fn next(&mut self) -> Option<Message> {
        let head = self.rest.get(..11)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0_u32, |number, &byte| number << 8 | u32::from(byte));
        let (kind, len) = (head[0], number(&head[1..4]) as usize);
        let time = number(&head[4..7]) | u32::from(head[7]) << 24;
        self.rest.advance(11);
        let payload = self.rest.get(..len)?.to_vec();
        self.rest.advance(self.rest.len().min(len + BACK_POINTER_BYTES));
        let shift = *self.shift.get_or_insert_with(|| self.timestamp.wrapping_sub(time));
        if !matches!(kind, kind::AUDIO | kind::VIDEO | kind::DATA) {
            return None;
        }
        Some(Message { kind, stream: self.stream, timestamp: time.wrapping_add(shift), payload })
    }
}
