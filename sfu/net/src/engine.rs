//! What a thread drives: a shard, or a stand-in for it in tests.

use std::time::Instant;

use door::{Command, Datagrams, Notice, Path, ShardId};
use shard::{Shard, ShardMessage};

use crate::signpost::{Mark, Signpost};

/// A STUN check as browsers write it (RFC 8489 sections 5 and 14.3): a Binding request whose first attribute is USERNAME,
/// which begins with our user fragment.
const CHECK: Signpost = Signpost {
    marks: &[
        Mark { at: 0, value: 0x0001 },
        Mark { at: 4, value: 0x2112 },
        Mark { at: 6, value: 0xa442 },
        Mark { at: 20, value: 0x0006 },
    ],
    digits_at: 24,
};

/// What one turn of an engine produced; the thread empties all of it.
#[derive(Debug)]
pub struct Outbox<'a, M> {
    /// Datagrams to send, in order.
    pub datagrams: &'a mut Datagrams,
    /// What control must hear.
    pub notices: &'a mut Vec<Notice>,
    /// What other shards must hear.
    pub messages: &'a mut Vec<(ShardId, M)>,
}

/// One core's world. All methods are called on one thread, with `now` taken once per turn.
pub trait Engine: Send + 'static {
    /// What engines tell each other.
    type Message: Send + 'static;

    /// Takes one datagram, and may write to it.
    fn receive(&mut self, now: Instant, path: Path, datagram: &mut [u8]);
    /// Takes one request of control.
    fn command(&mut self, now: Instant, command: Command);
    /// Takes one message of another engine.
    fn message(&mut self, now: Instant, from: ShardId, message: Self::Message);
    /// Runs what is due.
    fn advance(&mut self, now: Instant);
    /// When [`Engine::advance`] must run next.
    fn deadline(&self) -> Option<Instant>;
    /// Whether nobody minds if what comes next waits for some milliseconds. Asked once per turn, at its end.
    fn is_calm(&mut self, now: Instant) -> bool;
    /// Bytes of datagrams in the outbox.
    fn waiting_bytes(&self) -> usize;
    /// Ends the turn: writes what is still to be written to the outbox. Whenever a portion is there, `full` sends it and
    /// clears it, so that the first of many datagrams does not wait for the last.
    fn finish(&mut self, full: &mut dyn FnMut(&mut Datagrams));
    /// What there is to carry out.
    fn outbox(&mut self) -> Outbox<'_, Self::Message>;
    /// Whose a first datagram is, by what it says itself; `None` when it says nothing of the kind.
    fn home(datagram: &[u8]) -> Option<ShardId>;
    /// Where datagrams name their shard in a way that the kernel can read.
    fn signpost() -> Option<Signpost>;
    /// Whether the loss of a message is like the loss of a packet, so that it may be dropped when its
    /// receiver lags.
    fn is_droppable(message: &Self::Message) -> bool;
}

impl Engine for Shard {
    type Message = ShardMessage;

    fn receive(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        Self::receive(self, now, path, datagram);
    }

    fn command(&mut self, now: Instant, command: Command) {
        Self::command(self, now, command);
    }

    fn message(&mut self, now: Instant, from: ShardId, message: ShardMessage) {
        Self::message(self, now, from, message);
    }

    fn advance(&mut self, now: Instant) {
        Self::advance(self, now);
    }

    fn deadline(&self) -> Option<Instant> {
        Self::deadline(self)
    }

    fn is_calm(&mut self, now: Instant) -> bool {
        Self::is_calm(self, now)
    }

    fn waiting_bytes(&self) -> usize {
        Self::waiting_bytes(self)
    }

    fn finish(&mut self, full: &mut dyn FnMut(&mut Datagrams)) {
        Self::finish(self, full);
    }

    fn outbox(&mut self) -> Outbox<'_, ShardMessage> {
        let outbox = Self::outbox(self);
        Outbox { datagrams: &mut outbox.datagrams, notices: &mut outbox.notices, messages: &mut outbox.messages }
    }

    fn home(datagram: &[u8]) -> Option<ShardId> {
        Self::home(datagram)
    }

    fn signpost() -> Option<Signpost> {
        Some(CHECK)
    }

    fn is_droppable(message: &ShardMessage) -> bool {
        matches!(message, ShardMessage::Packet { .. } | ShardMessage::Backlog { .. } | ShardMessage::Datagram { .. })
    }
}
