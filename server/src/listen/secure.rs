//! A listener that speaks TLS: handshakes run beside each other, so that a slow one holds nobody up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Handshakes under way at a time; more connections wait to be accepted.
const HANDSHAKES_MAX: usize = 512;
/// How long one may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// Finished ones that wait to be taken.
const READY_MAX: usize = 64;
/// Between two tries when the system gives no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// See the module. Dropping it closes the port.
pub(crate) struct Secure {
    local: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Secure {
    /// Accepts on `listener` from here on.
    ///
    /// # Errors
    /// When the listener does not know its address.
    pub(crate) fn new(listener: TcpListener, tls: Arc<ServerConfig>) -> io::Result<Self> {
        let (sender, ready) = mpsc::channel(READY_MAX);
        let local = listener.local_addr()?;
        tokio::spawn(accept(listener, TlsAcceptor::from(tls), sender));
        Ok(Self { local, ready })
    }
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The acceptor ends after its receiver, never before.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>) {
    let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        // Nobody closes the semaphore.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ready.closed() => return,
        };
        let Ok((stream, remote)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream)).await;
            drop(place);
            match shaken {
                // A front that has ended takes nobody.
                Ok(Ok(stream)) => _ = ready.send((stream, remote)).await,
                Ok(Err(error)) => tracing::debug!(%remote, %error, "no TLS"),
                Err(_) => tracing::debug!(%remote, "TLS takes too long"),
            }
        });
    }
}
