//! Clients that speak TLS: one connection each, messages back to back (RFC 8656 section 3.1).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Semaphore, mpsc};
use turn::Client;
use wire::turn::{MESSAGE_BYTES_MAX, stream_length};

use super::{Back, Relay};
use crate::listen::{Census, Secure};

/// Connections of one port at a time.
const CONNECTIONS_MAX: usize = 4096;
/// Connections of one source to one port at a time: an office that has no other way out.
pub(super) const CONNECTIONS_PER_SOURCE_MAX: u32 = 1024;
/// Messages that wait for a slow client, some 300 KiB; more are dropped like datagrams.
const WAITING_MAX: usize = 256;
/// How long a connection may be silent while it has no relayed address.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Serves connections of one port until the server ends.
pub(super) async fn accept(relay: Arc<Relay>, mut listener: Secure, census: Arc<Census>, local: SocketAddr) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let (stream, remote) = listener.accept().await;
        // When all places are taken, the connection is closed.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let Some(seat) = census.admit(remote.ip()) else { continue };
        let relay = Arc::clone(&relay);
        tokio::spawn(async move {
            let client = Client { is_stream: true, local, remote };
            converse(&relay, client, stream).await;
            relay.gone(client);
            drop((place, seat));
        });
    }
}

/// One connection's life.
async fn converse(relay: &Arc<Relay>, client: Client, stream: impl AsyncRead + AsyncWrite) {
    let (mut input, mut output) = tokio::io::split(stream);
    let (sender, mut waiting) = mpsc::channel::<Vec<u8>>(WAITING_MAX);
    let read = listen(relay, client, &mut input, Back::Stream(sender));
    let write = async {
        while let Some(bytes) = waiting.recv().await {
            if output.write_all(&bytes).await.is_err() || output.flush().await.is_err() {
                return;
            }
        }
    };
    // Whichever ends first ends the other.
    tokio::select! {
        () = read => {}
        () = write => {}
    }
}

async fn listen(relay: &Arc<Relay>, client: Client, input: &mut (impl AsyncRead + Unpin), back: Back) {
    let mut room = vec![0; MESSAGE_BYTES_MAX];
    let mut filled = 0;
    loop {
        let rest = room.get_mut(filled..).unwrap_or_default();
        match tokio::time::timeout(SILENCE_MAX, input.read(rest)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(len)) => filled += len,
            Err(_) if relay.has(client) => continue,
            Err(_) => return,
        }
        let mut at = 0;
        loop {
            let bytes = room.get(at..filled).unwrap_or_default();
            match stream_length(bytes) {
                Ok(Some(len)) if len <= bytes.len() => {
                    relay.hear(client, bytes.get(..len).unwrap_or_default(), &back);
                    at += len;
                }
                Ok(_) => break,
                Err(_) => return,
            }
        }
        room.copy_within(at..filled, 0);
        filled -= at;
    }
}
