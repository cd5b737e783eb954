//! The RTMP door: listens for encoders and brings their streams into rooms.

mod account;
mod channel;
mod connection;
mod gauge;
mod guard;
mod kept;
mod live;
mod picture;
mod pull;
mod sound;
mod source;
mod told;

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::serve::Listener as _;
use hooks::Reach;
use livekit::Lobby;
use rand::TryRngCore as _;
use tokio::net::TcpListener;

use crate::StartError;
use crate::config::{Config, TcpPort};
use crate::listen::Secure;
use crate::node::Node;
use crate::tls::Certificates;

use account::Transcoded;
use channel::Pipe;
pub(crate) use guard::Guard;
pub(crate) use kept::restore;
use pull::Well;

/// The application in the address that encoders are given; any other is taken as well.
const APPLICATION: &str = "live";
/// Between two tries when the system gives no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all connections share.
pub(crate) struct Door {
    lobby: Lobby,
    commands: net::Commands,
    guard: Mutex<Guard>,
    counters: Counters,
    transcoded: Transcoded,
}

/// What happened since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    refused: AtomicU64,
    keys_refused: AtomicU64,
    faults: AtomicU64,
    feeds_dropped: AtomicU64,
    codecs_restarted: AtomicU64,
}

/// Numbers for metrics: name, meaning and value; the first three are present sizes.
pub(crate) type Numbers = [(&'static str, &'static str, u64); 9];

impl Door {
    /// What there is and what happened.
    pub(crate) fn numbers(&self) -> Numbers {
        let (ingresses, pushes) = self.lobby.ingresses().counts();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("rtmp_connections", "Connections of encoders", self.guard().connections() as u64),
            ("ingress_active", "Ingresses that are pushed to", pushes as u64),
            ("ingresses", "Ingresses", ingresses as u64),
            ("rtmp_accepted", "Connections of encoders accepted", count(&self.counters.accepted)),
            ("rtmp_refused", "Connections of encoders refused by a limit", count(&self.counters.refused)),
            ("rtmp_keys_refused", "Stream keys refused", count(&self.counters.keys_refused)),
            ("rtmp_faults", "Connections ended by a fault of the encoder", count(&self.counters.faults)),
            (
                "rtmp_feeds_dropped",
                "Groups of packets that a media thread did not take",
                count(&self.counters.feeds_dropped),
            ),
            ("ingress_codecs_restarted", "Codec processes that failed", count(&self.counters.codecs_restarted)),
        ]
    }

    /// Seconds in which pictures were transcoded, sound was, and of processor time.
    pub(crate) fn transcoded(&self) -> [f64; 3] {
        self.transcoded.seconds()
    }

    /// Connections refused by a limit.
    pub(crate) fn refused(&self) -> u64 {
        self.counters.refused.load(Ordering::Relaxed)
    }

    fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a command to the media house; what finds its queue full is dropped and counted.
    fn command(&self, command: door::Command) {
        if self.commands.send(command).is_err() {
            count(&self.counters.feeds_dropped);
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Opens the RTMP and RTMPS ports, as far as they are wanted, and lets encoders in; has URLs pulled, with `tls`, where that
/// is wanted. A default port that is taken is passed over with a word; one that the operator named must be had.
///
/// # Errors
/// When a named port cannot be listened on.
pub(crate) fn start(
    config: &Config,
    node: &Node,
    certificates: Option<&Arc<Certificates>>,
    tls: Arc<rustls::ClientConfig>,
) -> Result<Option<Arc<Door>>, StartError> {
    let plain = open(config, config.ingress.rtmp_port)?;
    let secure = if certificates.is_some() { open(config, config.ingress.rtmps_port)? } else { Vec::new() };
    let told = url(config, node, &plain, "rtmp").or_else(|| url(config, node, &secure, "rtmps"));
    if told.is_none() && !config.ingress.url_input {
        return Ok(None);
    }
    if let Some(told) = told {
        node.lobby.ingresses().serve_rtmp(&told);
        tracing::info!(url = told, rtmps = url(config, node, &secure, "rtmps"), "RTMP");
    }
    let door = Arc::new(Door {
        lobby: node.lobby.clone(),
        commands: node.media.commands(),
        guard: Mutex::new(Guard::new(&config.ingress)),
        counters: Counters::default(),
        transcoded: Transcoded::default(),
    });
    if config.ingress.url_input {
        let reach = if config.ingress.url_private { Reach::Anywhere } else { Reach::Public };
        node.lobby.ingresses().serve_urls(Arc::new(Well::new(Arc::clone(&door), reach, tls)));
    }
    for listener in plain {
        tokio::spawn(accept(Arc::clone(&door), listener));
    }
    if let Some(certificates) = certificates {
        let tls = certificates.server(&[]).map_err(StartError::Tls)?;
        for listener in secure {
            let listener = Secure::new(listener, Arc::clone(&tls), &config.trusted_proxies);
            let listener = listener.map_err(|source| StartError::Io { what: "listen for RTMPS", source })?;
            tokio::spawn(accept_secure(Arc::clone(&door), listener));
        }
    }
    Ok(Some(door))
}

fn open(config: &Config, port: TcpPort) -> Result<Vec<TcpListener>, StartError> {
    let TcpPort::On { port, named } = port else { return Ok(Vec::new()) };
    match crate::listen::tcp(&config.http, port) {
        Ok(listeners) => Ok(listeners),
        Err((address, source)) if named => Err(StartError::IoRtmp { address, source }),
        Err((address, error)) => {
            tracing::warn!(%address, %error, "no RTMP: the port cannot be had; see ingress.rtmp_port");
            Ok(Vec::new())
        }
    }
}

/// What encoders are told: the operator's word, else the address at which clients find media.
fn url(config: &Config, node: &Node, listeners: &[TcpListener], scheme: &str) -> Option<String> {
    let address = listeners.first().and_then(|listener| listener.local_addr().ok())?;
    let told = &config.ingress.rtmp_base_url;
    Some(if told.is_empty() { format!("{scheme}://{}/{APPLICATION}", node.reachable(address)) } else { told.clone() })
}

/// TLS' own handshakes are limited in number and time by the listener.
async fn accept_secure(door: Arc<Door>, mut listener: Secure) {
    loop {
        let (stream, remote) = listener.accept().await;
        // Replies are small and awaited.
        let _ = stream.get_ref().0.set_nodelay(true);
        admit(&door, Box::new(stream), remote.ip());
    }
}

async fn accept(door: Arc<Door>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                // Replies are small and awaited.
                let _ = stream.set_nodelay(true);
                admit(&door, Box::new(stream), remote.ip());
            }
            Err(error) => {
                tracing::warn!(%error, "an encoder's connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Lets a connection in if limits allow; else it is closed without a word.
fn admit(door: &Arc<Door>, stream: Box<dyn Pipe>, ip: IpAddr) {
    if !door.guard().admit(ip, Instant::now()) {
        count(&door.counters.refused);
        return;
    }
    count(&door.counters.accepted);
    let pass = Pass { door: Arc::clone(door), ip };
    tokio::spawn(connection::serve(pass, stream));
}

/// A connection's place. Its drop gives it back.
struct Pass {
    door: Arc<Door>,
    ip: IpAddr,
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.door.guard().leave(self.ip);
    }
}

/// A seed of the system's; the handshake's bytes and RTP's first numbers need no better one when it gives none.
fn seed() -> u64 {
    rand::rngs::OsRng.try_next_u64().unwrap_or_default()
}

/// Whether an error of a socket means that its other end went.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof)
}
