//! What a thread counts, readable from any other.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Cumulative counters of one shard's sockets and queues.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct NetStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The living form of [`NetStats`]; one thread writes.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> NetStats {
                NetStats { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Turns of the loop.
    turns,
    /// Calls that received something.
    receive_calls,
    /// Datagrams received.
    datagrams_in,
    /// Their payload bytes.
    bytes_in,
    /// Datagrams that the kernel dropped because the shard did not read them in time, as last reported.
    kernel_dropped,
    /// Datagrams too long for the buffer, or from port zero.
    receive_dropped,
    /// Errors when receiving, apart from having nothing to receive.
    receive_errors,
    /// Calls that sent something.
    send_calls,
    /// Datagrams sent.
    datagrams_out,
    /// Their payload bytes.
    bytes_out,
    /// Datagrams dropped because the socket's buffer stayed full.
    send_full,
    /// Datagrams that the kernel refused to send (no route, forbidden, too long).
    send_refused,
    /// Datagrams for a local address without a socket.
    send_unroutable,
    /// Runs of datagrams that the kernel refused to split, sent one by one.
    offload_refused,
    /// TCP connections accepted.
    tcp_accepted,
    /// TCP connections closed at once by a limit.
    tcp_refused,
    /// TCP connections closed because what came was no stream of frames or nobody's.
    tcp_unreadable,
    /// TCP connections that ended otherwise.
    tcp_closed,
    /// Datagrams received by TCP.
    tcp_frames_in,
    /// Bytes received by TCP.
    tcp_bytes_in,
    /// Datagrams written to TCP.
    tcp_frames_out,
    /// Their payload bytes.
    tcp_bytes_out,
    /// Datagrams dropped because a TCP reader is slow.
    tcp_dropped,
    /// Datagrams for a TCP connection that has ended.
    tcp_unroutable,
    /// Messages to other shards dropped because their queue was full.
    messages_dropped,
}

/// A number that one thread adds to.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        // One writer: no need for the cost of an atomic addition.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    pub(crate) fn add_len(&self, count: usize) {
        self.add(u64::try_from(count).unwrap_or_default());
    }
}
