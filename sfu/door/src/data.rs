//! How data messages flow across the wall without loss and without end.
//!
//! A peer's messages cross to control as long as its credit lasts: [`CREDIT`] for the reliable channel and as much for
//! all others. Each message costs [`cost`], and control gives that back by [`crate::Command::DataTaken`] when it has
//! dealt with the message. Without credit, reliable messages stay in SCTP, whose receive window then slows the sender
//! down; other messages are shed and counted. The other way, a peer with more than [`BACKLOG_HIGH`] bytes unsent is
//! told of by [`crate::Notice::DataBacklog`], so that control can slow down whoever sends to it.

/// Credit of one peer for each class of channels. Some milliseconds' worth at the highest rate that a client reaches;
/// a thousand peers cannot fill the memory with it.
pub const CREDIT: u32 = 64 * 1024;
/// What every message costs beside its bytes, so that at most 64 small ones are under way.
pub const MESSAGE_COST: u32 = 1024;
/// Unsent bytes from which a peer counts as slow.
pub const BACKLOG_HIGH: usize = 1024 * 1024;
/// Unsent bytes below which it has caught up.
pub const BACKLOG_LOW: usize = 256 * 1024;

/// What a message of `len` bytes takes from its sender's credit.
pub fn cost(len: usize) -> u32 {
    MESSAGE_COST.saturating_add(u32::try_from(len).unwrap_or(u32::MAX))
}
