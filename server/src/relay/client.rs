//! The way back to a client, and clients that speak UDP.

use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use turn::Client;

use super::{DATAGRAM_BYTES_MAX, DISTRESS_PAUSE, Relay};

/// The way back to a client. Nothing waits on it: what does not fit is dropped.
#[derive(Clone, Debug)]
pub(super) enum Back {
    /// A UDP socket that all clients share.
    Datagrams(Arc<UdpSocket>),
    /// One client's connection.
    Stream(mpsc::Sender<Vec<u8>>),
}

impl Back {
    /// Whether it could be sent.
    pub(super) fn send(&self, client: Client, bytes: Vec<u8>) -> bool {
        match self {
            Self::Datagrams(socket) => socket.try_send_to(&bytes, client.remote).is_ok(),
            Self::Stream(sender) => sender.try_send(bytes).is_ok(),
        }
    }
}

/// Serves clients on one UDP socket.
pub(super) async fn datagrams(relay: Arc<Relay>, socket: Arc<UdpSocket>) {
    let Ok(local) = socket.local_addr() else { return };
    let back = Back::Datagrams(Arc::clone(&socket));
    let mut room = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        match socket.recv_from(&mut room).await {
            Ok((len, remote)) => {
                let client = Client { is_stream: false, local, remote };
                relay.hear(client, room.get(..len).unwrap_or_default(), &back);
            }
            // What an earlier answer met with is told here.
            Err(error) => {
                tracing::debug!(%error, "TURN over UDP");
                tokio::time::sleep(DISTRESS_PAUSE).await;
            }
        }
    }
}
