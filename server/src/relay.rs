//! The TURN server's sockets: clients on one side, this server's own media on the other, [`turn::Turn`] between them.
//!
//! A relayed address is a socket on this machine that is connected to the media port, so that nothing else can reach or
//! be reached by it.

mod client;
mod stream;

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use door::{Leg, PeerReport};
use livekit_protocol::IceServer;
use quota::Rate;
use rand::TryRngCore as _;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;
use turn::{Client, Counts, Credentials, Family, Heard, Now, Settings, Turn};

use crate::StartError;
use crate::config::{Cidr, Config, TcpPort};
use crate::listen::{self, Census, Secure};
use crate::tls::Certificates;
use client::Back;

/// Allocations at a time: each is a socket, a task and some 5 KiB.
const ALLOCATIONS_MAX: usize = 4096;
/// How often allocations are looked at for their end.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Largest datagram of media or of a client, in bytes.
const DATAGRAM_BYTES_MAX: usize = 4096;
/// Pause after a socket failed, so that no task spins.
const DISTRESS_PAUSE: Duration = Duration::from_millis(10);

/// The media port of one family: as clients know it, and as it is reached from here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Media {
    told: SocketAddr,
    real: SocketAddr,
}

/// What the relay holds under its lock.
struct State {
    turn: Turn,
    legs: HashMap<Client, Relayed>,
}

/// A relayed address.
struct Relayed {
    socket: Arc<UdpSocket>,
    /// Where media sees it come from.
    source: SocketAddr,
    carrier: AbortHandle,
}

impl Drop for Relayed {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

/// See the module.
pub(crate) struct Relay {
    state: Mutex<State>,
    media: Vec<Media>,
    credentials: Credentials,
    ttl_s: u64,
    urls: Vec<String>,
    counters: Counters,
}

/// What passed, in bytes of media, and what did not.
#[derive(Debug, Default)]
struct Counters {
    to_media: AtomicU64,
    to_clients: AtomicU64,
    dropped: AtomicU64,
}

/// Numbers for metrics.
pub(crate) struct Numbers {
    pub(crate) counts: Counts,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) dropped: u64,
}

/// Opens the TURN ports, if they are wanted. `sockets` is where media listens, `candidates` what clients are told of it.
///
/// # Errors
/// When a port cannot be had, or TLS has no certificate.
pub(crate) fn start(
    config: &Config,
    bind: &[IpAddr],
    (sockets, candidates): (&[SocketAddr], &[SocketAddr]),
    certificates: Option<&Arc<Certificates>>,
) -> Result<Option<Arc<Relay>>, StartError> {
    if !config.turn.enabled {
        return Ok(None);
    }
    let media = media(sockets, candidates);
    let udp = match config.turn.udp_port {
        TcpPort::Off => Vec::new(),
        TcpPort::On { port, .. } => open_udp(bind, port)?,
    };
    let tls = match config.turn.tls_port {
        TcpPort::Off => Vec::new(),
        TcpPort::On { port, .. } => open_tls(bind, port, certificates, &config.trusted_proxies)?,
    };
    let mut urls: Vec<String> = Vec::new();
    if let Some(port) = udp.first().and_then(|socket| socket.local_addr().ok()).map(|address| address.port()) {
        let hosts = media.iter().map(|media| SocketAddr::new(media.told.ip(), port));
        urls.extend(hosts.map(|address| format!("turn:{address}?transport=udp")));
    }
    if let Some(port) = tls.first().map(|(_, address)| address.port()) {
        urls.push(format!("turns:{}:{port}?transport=tcp", config.turn.domain));
    }
    tracing::info!(?urls, "TURN");
    let relay = Arc::new(Relay::new(config, media, urls)?);
    for socket in udp {
        tokio::spawn(client::datagrams(Arc::clone(&relay), Arc::new(socket)));
    }
    for (listener, local) in tls {
        let census = Census::new(stream::CONNECTIONS_PER_SOURCE_MAX, &config.trusted_proxies);
        tokio::spawn(stream::accept(Arc::clone(&relay), listener, census, local));
    }
    tokio::spawn(sweep(Arc::clone(&relay)));
    Ok(Some(relay))
}

impl Relay {
    fn new(config: &Config, media: Vec<Media>, urls: Vec<String>) -> Result<Self, StartError> {
        let (secret, seed) = (secret()?, secret()?);
        let credentials = Credentials::new(&secret);
        let settings = Settings {
            peers: media.iter().map(|media| media.told).collect(),
            allocations_max: ALLOCATIONS_MAX,
            per_user_max: usize::try_from(config.turn.per_user_max).unwrap_or(usize::MAX),
            strangers: Rate::of(config.rates.turn),
        };
        let turn = Turn::new(settings, credentials.clone(), &seed, Instant::now());
        let state = Mutex::new(State { turn, legs: HashMap::new() });
        let ttl_s = u64::from(config.turn.ttl_s);
        Ok(Self { state, media, credentials, ttl_s, urls, counters: Counters::default() })
    }

    /// What one participant's client is told: URLs, name, and a password that ends soon. Allocations that were made with it
    /// go on.
    pub(crate) fn ice_server(&self, participant: &str, now_s: u64) -> IceServer {
        let (username, credential) = self.credentials.issue(participant, now_s.saturating_add(self.ttl_s));
        IceServer { urls: self.urls.clone(), username, credential }
    }

    /// What there is and what happened.
    pub(crate) fn numbers(&self) -> Numbers {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Numbers {
            counts: self.state().turn.counts(),
            bytes_in: read(&self.counters.to_media),
            bytes_out: read(&self.counters.to_clients),
            dropped: read(&self.counters.dropped),
        }
    }

    /// Says of peers that come from a relayed address that they came through TURN.
    pub(crate) fn mark(&self, reports: &mut [PeerReport]) {
        let state = self.state();
        if state.legs.is_empty() {
            return;
        }
        let sources: HashSet<SocketAddr> = state.legs.values().map(|leg| leg.source).collect();
        for report in reports.iter_mut().filter(|it| it.remote.is_some_and(|remote| sources.contains(&remote))) {
            report.leg = Some(Leg::Turn);
        }
    }

    /// No code that can panic leaves the state half changed, so a poisoned lock is sound.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a client sent.
    fn hear(self: &Arc<Self>, client: Client, bytes: &[u8], back: &Back) {
        let mut state = self.state();
        let State { turn, legs } = &mut *state;
        let open = |family| self.open(family, client, back, legs);
        match turn.receive(now(), client, bytes, open) {
            Heard::Nothing => {}
            Heard::Answer(answer) => self.answer(back, client, answer),
            Heard::Ended(answer) => {
                legs.remove(&client);
                self.answer(back, client, answer);
            }
            Heard::ToPeer(data) => {
                let sent = legs.get(&client).is_some_and(|leg| leg.socket.try_send(data).is_ok());
                let (counter, count) = if sent { (&self.counters.to_media, data.len() as u64) } else { self.lost() };
                counter.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    fn lost(&self) -> (&AtomicU64, u64) {
        (&self.counters.dropped, 1)
    }

    fn answer(&self, back: &Back, client: Client, bytes: Vec<u8>) {
        if !back.send(client, bytes) {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens a relayed address; what the client should take it for.
    fn open(
        self: &Arc<Self>,
        family: Family,
        client: Client,
        back: &Back,
        legs: &mut HashMap<Client, Relayed>,
    ) -> Option<SocketAddr> {
        let media = self.media.iter().find(|media| Family::of(media.told) == family)?;
        let socket = connected(media.real).inspect_err(|error| tracing::warn!(%error, "no relayed address")).ok()?;
        // Nobody can use the address from elsewhere; clients want one that looks like one.
        let source = socket.local_addr().ok()?;
        let told = SocketAddr::new(media.told.ip(), source.port());
        let socket = Arc::new(socket);
        let carrier = tokio::spawn(carry(Arc::clone(self), client, Arc::clone(&socket), back.clone())).abort_handle();
        legs.insert(client, Relayed { socket, source, carrier });
        Some(told)
    }

    fn has(&self, client: Client) -> bool {
        self.state().turn.has(client)
    }

    /// A client's connection has ended.
    fn gone(&self, client: Client) {
        let mut state = self.state();
        state.turn.gone(client);
        state.legs.remove(&client);
    }
}

/// Brings what media sends to a relayed address to its client.
async fn carry(relay: Arc<Relay>, client: Client, socket: Arc<UdpSocket>, back: Back) {
    let mut room = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok(len) = socket.recv(&mut room).await else {
            tokio::time::sleep(DISTRESS_PAUSE).await;
            continue;
        };
        let Some(data) = room.get(..len) else { continue };
        let mut bytes = Vec::with_capacity(len + 64);
        relay.state().turn.deliver(now(), client, data, &mut bytes);
        if bytes.is_empty() {
            continue;
        }
        relay.counters.to_clients.fetch_add(len as u64, Ordering::Relaxed);
        relay.answer(&back, client, bytes);
    }
}

async fn sweep(relay: Arc<Relay>) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        let mut state = relay.state();
        for client in state.turn.advance(now()) {
            state.legs.remove(&client);
        }
    }
}

/// Media of each family: the best address that clients are told, and the way to it from here.
fn media(sockets: &[SocketAddr], candidates: &[SocketAddr]) -> Vec<Media> {
    let of = |v4: bool| {
        let told = *candidates.iter().find(|candidate| candidate.is_ipv4() == v4)?;
        let is_its = |socket: &&SocketAddr| socket.is_ipv4() == v4 && socket.port() == told.port();
        let socket = sockets.iter().find(|socket| socket.ip() == told.ip()).or_else(|| sockets.iter().find(is_its))?;
        let here: IpAddr = if v4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let ip = if socket.ip().is_unspecified() { here } else { socket.ip() };
        Some(Media { told, real: SocketAddr::new(ip, socket.port()) })
    };
    [of(true), of(false)].into_iter().flatten().collect()
}

fn connected(real: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind((real.ip(), 0))?;
    socket.connect(real)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

fn open_udp(bind: &[IpAddr], port: u16) -> Result<Vec<UdpSocket>, StartError> {
    let mut port = port;
    let mut sockets = Vec::new();
    for ip in bind {
        let address = SocketAddr::new(*ip, port);
        let opened = listen::udp(address).and_then(|socket| Ok((socket.local_addr()?.port(), socket)));
        let (chosen, socket) = opened.map_err(|source| StartError::IoTurn { address, source })?;
        port = chosen;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn open_tls(
    bind: &[IpAddr],
    port: u16,
    certificates: Option<&Arc<Certificates>>,
    proxies: &[Cidr],
) -> Result<Vec<(Secure, SocketAddr)>, StartError> {
    let missing = || StartError::Certificate {
        key: "turn.tls_port",
        fault: "TLS needs a certificate: name turn.cert_file and turn.key_file, or tls.cert_file and tls.key_file"
            .into(),
    };
    let tls = certificates.ok_or_else(missing)?.server(&[]).map_err(StartError::Tls)?;
    let mut port = port;
    let mut listeners = Vec::new();
    for ip in bind {
        let address = SocketAddr::new(*ip, port);
        let opened = listen::one(address).and_then(|listener| {
            let local = listener.local_addr()?;
            Ok((Secure::new(listener, Arc::clone(&tls), proxies)?, local))
        });
        let (listener, local) = opened.map_err(|source| StartError::IoTurn { address, source })?;
        port = local.port();
        listeners.push((listener, local));
    }
    Ok(listeners)
}

fn secret() -> Result<[u8; 32], StartError> {
    let mut secret = [0; 32];
    rand::rngs::OsRng
        .try_fill_bytes(&mut secret)
        .map_err(|error| StartError::Io { what: "get random bytes of the system", source: io::Error::other(error) })?;
    Ok(secret)
}

fn now() -> Now {
    let unix_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Now { monotonic: Instant::now(), unix_s }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_is_reached_from_here_wherever_it_listens() {
        let at = |text: &str| text.parse().unwrap();
        let all = |texts: &[&str]| texts.iter().map(|text| at(text)).collect::<Vec<SocketAddr>>();
        for (sockets, candidates, expected) in [
            (&["0.0.0.0:7", "[::]:7"][..], &["203.0.113.5:7"][..], vec![("203.0.113.5:7", "127.0.0.1:7")]),
            (&["10.0.0.1:7"], &["10.0.0.1:7"], vec![("10.0.0.1:7", "10.0.0.1:7")]),
            (
                &["127.0.0.1:7", "[::1]:8"],
                &["127.0.0.1:7", "[::1]:8"],
                vec![("127.0.0.1:7", "127.0.0.1:7"), ("[::1]:8", "[::1]:8")],
            ),
            (&["0.0.0.0:7", "[::]:7"], &["[2001:db8::1]:7"], vec![("[2001:db8::1]:7", "[::1]:7")]),
        ] {
            let expected: Vec<Media> =
                expected.into_iter().map(|(told, real)| Media { told: at(told), real: at(real) }).collect();
            assert_eq!(media(&all(sockets), &all(candidates)), expected);
        }
    }
}
