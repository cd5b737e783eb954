//! A bounded queue between threads. The reader takes all there is at once and leaves its emptied vector behind, so
//! that neither side allocates in the steady state and the lock is held for a moment once per turn.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most commands waiting for one shard: a full conference's worth many times over. Beyond it
/// [`crate::Commands::send`] fails.
pub const COMMANDS_MAX: usize = 65_536;

/// Commands waiting for one shard from which on packets among them are dropped, so that the rest keeps its room.
pub const FEEDS_MAX: usize = 8_192;

/// Messages from other shards waiting for one shard, some 10 ms of full load, from which on packets are dropped.
/// Other messages are dropped from twice as many on.
pub const MESSAGES_MAX: usize = 8_192;

#[derive(Debug)]
pub(crate) struct Mailbox<T>(Mutex<Vec<T>>);

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T> Mailbox<T> {
    /// Adds `letter`, or gives it back when `limit` letters wait.
    pub(crate) fn push(&self, letter: T, limit: usize) -> Result<(), T> {
        let mut queue = self.queue();
        if queue.len() >= limit {
            return Err(letter);
        }
        queue.push(letter);
        Ok(())
    }

    /// Adds all of `letters` that fit, and gives the number of those dropped: droppable ones when `limit` letters
    /// wait, others when twice as many do.
    pub(crate) fn append(&self, letters: &mut Vec<T>, limit: usize, is_droppable: impl Fn(&T) -> bool) -> usize {
        let mut queue = self.queue();
        let mut dropped = 0;
        for letter in letters.drain(..) {
            let room = if is_droppable(&letter) { limit } else { limit * 2 };
            if queue.len() < room { queue.push(letter) } else { dropped += 1 }
        }
        dropped
    }

    /// Takes all letters in exchange for `empty`.
    pub(crate) fn take(&self, empty: &mut Vec<T>) {
        std::mem::swap(&mut *self.queue(), empty);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue().is_empty()
    }

    /// No code that can panic runs under the lock, so a poisoned one is sound.
    fn queue(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_box_refuses() {
        let mailbox = Mailbox::default();
        assert_eq!((mailbox.push(1, 2), mailbox.push(2, 2), mailbox.push(3, 2)), (Ok(()), Ok(()), Err(3)));
        let mut taken = Vec::new();
        mailbox.take(&mut taken);
        assert_eq!(taken, [1, 2]);
        assert!(mailbox.is_empty());
    }

    #[test]
    fn a_lagging_reader_loses_packets_first() {
        let mailbox = Mailbox::default();
        let mut letters: Vec<i32> = (0..8).collect();
        // Odd letters stand for packets.
        assert_eq!(mailbox.append(&mut letters, 3, |letter| letter % 2 == 1), 3);
        let mut taken = Vec::new();
        mailbox.take(&mut taken);
        assert_eq!(taken, [0, 1, 2, 4, 6]);
        let mut more: Vec<i32> = (0..10).map(|n| n * 2).collect();
        assert_eq!(mailbox.append(&mut more, 3, |letter| letter % 2 == 1), 4);
    }
}
