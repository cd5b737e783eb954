//! What one loop turn of a shard produced, for the shell to carry out.

use door::{Datagrams, Notice};

use crate::message::Addressed;

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
