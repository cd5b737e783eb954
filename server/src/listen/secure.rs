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

use super::Census;
use crate::config::Cidr;

/// Handshakes under way at a time; more connections wait to be accepted.
const HANDSHAKES_MAX: usize = 512;
/// Handshakes of one source under way at a time, so that no source takes all places; an office whose people all come back
/// in a second has fewer.
const HANDSHAKES_PER_SOURCE_MAX: u32 = 128;
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
    /// Accepts on `listener` from here on. Behind `proxies` are many sources.
    ///
    /// # Errors
    /// When the listener does not know its address.
    pub(crate) fn new(listener: TcpListener, tls: Arc<ServerConfig>, proxies: &[Cidr]) -> io::Result<Self> {
        let (sender, ready) = mpsc::channel(READY_MAX);
        let local = listener.local_addr()?;
        let census = Census::new(HANDSHAKES_PER_SOURCE_MAX, proxies);
        tokio::spawn(accept(listener, TlsAcceptor::from(tls), census, sender));
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

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    census: Arc<Census>,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
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
        let Some(seat) = census.admit(remote.ip()) else { continue };
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream)).await;
            drop((place, seat));
            match shaken {
                // A front that has ended takes nobody.
                Ok(Ok(stream)) => _ = ready.send((stream, remote)).await,
                Ok(Err(error)) => tracing::debug!(%remote, %error, "no TLS"),
                Err(_) => tracing::debug!(%remote, "TLS takes too long"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    async fn secure(proxies: &[Cidr]) -> Secure {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let tls = builder.with_single_cert(vec![made.cert.der().clone()], key.into()).unwrap();
        Secure::new(TcpListener::bind("127.0.0.1:0").await.unwrap(), Arc::new(tls), proxies).unwrap()
    }

    /// Whether the other end closes, without a word.
    async fn ends(mut stream: TcpStream) -> bool {
        stream.read(&mut [0; 9]).await.is_ok_and(|len| len == 0)
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_never_ends_is_ended() {
        let secure = secure(&[]).await;
        let began = tokio::time::Instant::now();
        assert!(ends(TcpStream::connect(secure.local).await.unwrap()).await);
        assert!(began.elapsed() >= HANDSHAKE_TIME_MAX);
    }

    #[tokio::test]
    async fn a_source_shakes_so_many_hands_at_a_time() {
        let secure = secure(&[]).await;
        let mut held = Vec::new();
        for _ in 0..HANDSHAKES_PER_SOURCE_MAX {
            held.push(TcpStream::connect(secure.local).await.unwrap());
        }
        assert!(ends(TcpStream::connect(secure.local).await.unwrap()).await, "one too many");
        drop(held);
    }
}
