//! The queue from a room to one connection: bounded in messages and bytes; who is too slow is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use livekit_protocol as proto;
use prost::Message;
use tokio::sync::{mpsc, oneshot};

/// Most messages that wait for one client. Some hundred joins in one turn must fit.
pub const OUTGOING_MESSAGES_MAX: usize = 1024;
/// Most bytes that wait for one client, so that a thousand slow ones cannot take the memory.
pub const OUTGOING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The room's end. Dropping it closes the connection after all that waits is sent.
#[derive(Debug)]
pub(crate) struct Outbox {
    letters: mpsc::Sender<Letter>,
    queued_bytes: Arc<AtomicUsize>,
    cut: oneshot::Sender<()>,
}

/// The connection's end.
#[derive(Debug)]
pub(crate) struct Inbox {
    letters: mpsc::Receiver<Letter>,
    queued_bytes: Arc<AtomicUsize>,
}

/// Tells the connection that it was cut off, also while a write hangs.
#[derive(Debug)]
pub(crate) struct Scissors(oneshot::Receiver<()>);

/// Why a message cannot be queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PostError {
    /// More than the caps allow.
    PeerSlow,
    /// The connection has ended.
    PeerGone,
}

#[derive(Debug)]
struct Letter {
    message: Box<proto::SignalResponse>,
    bytes: usize,
}

/// A fresh queue.
pub(crate) fn mailbox() -> (Outbox, Inbox, Scissors) {
    let (sender, receiver) = mpsc::channel(OUTGOING_MESSAGES_MAX);
    let (cut, cut_receiver) = oneshot::channel();
    let queued_bytes = Arc::new(AtomicUsize::new(0));
    let outbox = Outbox { letters: sender, queued_bytes: Arc::clone(&queued_bytes), cut };
    (outbox, Inbox { letters: receiver, queued_bytes }, Scissors(cut_receiver))
}

impl Outbox {
    /// Queues a message and never waits.
    ///
    /// # Errors
    /// The queue is full, or the connection is gone; the message is lost and the outbox of no more use.
    pub(crate) fn post(&self, message: Box<proto::SignalResponse>) -> Result<(), PostError> {
        let bytes = message.encoded_len();
        let queued = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        // A single message may be larger than the cap: a join into a crowded room.
        let result = if queued > 0 && queued + bytes > OUTGOING_BYTES_MAX {
            Err(PostError::PeerSlow)
        } else {
            self.letters.try_send(Letter { message, bytes }).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => PostError::PeerSlow,
                mpsc::error::TrySendError::Closed(_) => PostError::PeerGone,
            })
        };
        if result.is_err() {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        result
    }

    /// Ends the connection at once; what waits is lost.
    pub(crate) fn cut(self) {
        // The connection may have gone by itself.
        let _ = self.cut.send(());
    }
}

impl Inbox {
    /// Waits for the next message, or for `None` when all is sent and nothing will come. May be
    /// cancelled without loss.
    pub(crate) async fn next(&mut self) -> Option<Box<proto::SignalResponse>> {
        let letter = self.letters.recv().await?;
        self.queued_bytes.fetch_sub(letter.bytes, Ordering::Relaxed);
        Some(letter.message)
    }
}

impl Scissors {
    /// Returns when the connection is cut off, and never if it ends in order.
    pub(crate) async fn cut(self) {
        if self.0.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Box<proto::SignalResponse> {
        let message = proto::signal_response::Message::RefreshToken("x".repeat(bytes));
        Box::new(proto::SignalResponse { message: Some(message) })
    }

    #[test]
    fn too_many_messages_make_a_client_slow() {
        let (outbox, _inbox, _scissors) = mailbox();
        for _ in 0..OUTGOING_MESSAGES_MAX {
            assert_eq!(outbox.post(message(1)), Ok(()));
        }
        assert_eq!(outbox.post(message(1)), Err(PostError::PeerSlow));
    }

    #[tokio::test]
    async fn too_many_bytes_make_a_client_slow_until_it_reads() {
        let (outbox, mut inbox, _scissors) = mailbox();
        assert_eq!(outbox.post(message(OUTGOING_BYTES_MAX + 1)), Ok(()), "one message may be larger than the cap");
        assert_eq!(outbox.post(message(1)), Err(PostError::PeerSlow));
        assert!(inbox.next().await.is_some());
        assert_eq!(outbox.post(message(1)), Ok(()));
    }

    #[tokio::test]
    async fn what_is_queued_outlives_the_outbox() {
        let (outbox, mut inbox, _scissors) = mailbox();
        outbox.post(message(1)).unwrap();
        drop(outbox);
        assert!(inbox.next().await.is_some());
        assert!(inbox.next().await.is_none());
    }

    #[tokio::test]
    async fn a_cut_is_felt_and_a_drop_is_not() {
        let (outbox, inbox, scissors) = mailbox();
        outbox.cut();
        scissors.cut().await;
        drop(inbox);

        let (outbox, _inbox, scissors) = mailbox();
        drop(outbox);
        let waiting = scissors.cut();
        let ready = std::future::ready(());
        tokio::select! {
            biased;
            () = waiting => panic!("an orderly end is no cut"),
            () = ready => {}
        }
    }

    #[test]
    fn a_gone_client_is_not_slow() {
        let (outbox, inbox, _scissors) = mailbox();
        drop(inbox);
        assert_eq!(outbox.post(message(1)), Err(PostError::PeerGone));
    }
}
