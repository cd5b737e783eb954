//! What one loop turn of a shard produced, for the shell to carry out.

use door::{Datagrams, Notice};

use crate::message::Addressed;

/// Bytes of datagrams that are sent before more are made: long runs to each of twenty destinations, and little enough to
/// lie in a core's own cache from when it is written until the kernel has copied it.
pub const PORTION_BYTES: usize = 256 << 10;

/// Emptied by the shell after every turn.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Datagrams to send, in order.
    pub datagrams: Datagrams,
    /// What control must hear.
    pub notices: Vec<Notice>,
    /// What other shards must hear.
    pub messages: Vec<Addressed>,
}
