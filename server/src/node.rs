//! The two houses put together: media threads below, the lobby above, words carried between them.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::available_parallelism;
use std::time::{SystemTime, UNIX_EPOCH};

use door::{Notice, Protocol, ShardId, ShardStats};
use livekit::{IceServers, Limits, Lobby, MediaFacts, RoomSettings, ServerFacts, SignalSettings};
use livekit_protocol::IceServer;
use quota::Rate;
use rand::distr::{Alphanumeric, SampleString};

use crate::StartError;
use crate::candidates::{self, Rules};
use crate::config::{Config, TcpPort, UdpPorts};
use crate::relay::{self, Relay};
use crate::tls::Certificates;

/// The LiveKit server whose behaviour clients may expect of us: they switch features by its number.
const LIVEKIT_LEVEL: &str = "1.13.5";
/// Participants of a room that stay on one shard before the room spreads: few enough to leave the core
/// headroom, enough that small rooms never pay for crossing.
const SPREAD_AFTER: usize = 16;
/// Random characters of the node's id.
const NODE_ID_CHARS: usize = 12;

/// Both houses, running.
pub(crate) struct Node {
    /// The rooms.
    pub(crate) lobby: Lobby,
    /// The media threads.
    pub(crate) media: Arc<net::Running>,
    /// What the media house last told of itself.
    pub(crate) stats: Arc<Stats>,
    /// Where clients are told to send media.
    pub(crate) candidates: Vec<SocketAddr>,
    /// And where, when UDP does not reach us; empty without TCP.
    pub(crate) tcp_candidates: Vec<SocketAddr>,
    /// The TURN server.
    pub(crate) relay: Option<Arc<Relay>>,
}

impl Node {
    /// Where a client finds what listens on `address`: on the address of media, when it listens on all.
    pub(crate) fn reachable(&self, address: SocketAddr) -> SocketAddr {
        let found = self.candidates.first().map(SocketAddr::ip);
        let ip = if address.ip().is_unspecified() { found.unwrap_or_else(|| address.ip()) } else { address.ip() };
        SocketAddr::new(ip, address.port())
    }
}

/// The last report of each shard, and what went wrong between the houses.
#[derive(Debug)]
pub(crate) struct Stats {
    shards: Mutex<Vec<ShardStats>>,
    commands_lost: AtomicU64,
}

impl Stats {
    fn new(shards: u16) -> Self {
        let empty = (0..shards).map(|shard| ShardStats { shard: ShardId(shard), ..ShardStats::default() });
        Self { shards: Mutex::new(empty.collect()), commands_lost: AtomicU64::new(0) }
    }

    fn keep(&self, stats: ShardStats) {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = shards.get_mut(usize::from(stats.shard.0)) {
            *place = stats;
        }
    }

    /// The last report of each shard, at most a second old.
    pub(crate) fn shards(&self) -> Vec<ShardStats> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Commands that found their shard's queue full.
    pub(crate) fn commands_lost(&self) -> u64 {
        self.commands_lost.load(Ordering::Relaxed)
    }
}

/// Starts the media threads on `bind`, then the lobby. `external` is what STUN told.
///
/// # Errors
/// When a socket, a thread or a certificate cannot be had, or no address is left for clients.
pub(crate) fn start(
    config: &Config,
    bind: Vec<IpAddr>,
    external: &[IpAddr],
    certificates: Option<&Arc<Certificates>>,
) -> Result<Node, StartError> {
    let shards = shards(config);
    let identity = peer::Identity::generate()?;
    let fingerprint = identity.fingerprint();
    let stats = Arc::new(Stats::new(shards.get()));
    let lobby: Arc<OnceLock<Lobby>> = Arc::default();
    let known_relay: Arc<OnceLock<Arc<Relay>>> = Arc::default();
    let (sound, pauses) = (sound(config), config.rtc.allow_pause);
    let sources = sources(config);
    let engine = move |id, now| {
        let config = shard::ShardConfig { id, shards: shards.get(), identity: identity.clone(), seed: None };
        let mut shard = shard::Shard::new(config, now);
        shard.limit_sound(sound);
        shard.allow_pause(pauses);
        shard.limit_sources(sources);
        shard
    };
    let media = net::start(&media_config(config, shards, bind.clone()), engine, notices(&lobby, &stats, &known_relay))?;
    let told = |sockets: &[SocketAddr]| {
        candidates::choose(Rules::new(&config.rtc, external), &candidates::interfaces(), sockets)
    };
    let (candidates, tcp_candidates) = (told(media.local_addrs(ShardId(0))), told(media.tcp_addrs()));
    if candidates.is_empty() {
        return Err(StartError::ConfigNoAddress);
    }
    let relay = relay::start(config, &bind, (media.local_addrs(ShardId(0)), &candidates), certificates)?;
    if let Some(relay) = &relay {
        // Set once, here.
        let _ = known_relay.set(Arc::clone(relay));
    }
    let facts = facts(fingerprint, &candidates, &tcp_candidates);
    let lobby = lobby
        .get_or_init(|| Lobby::new(lobby_config(config, shards, facts, relay.clone()), sender(&media, &stats)))
        .clone();
    Ok(Node { lobby, media: Arc::new(media), stats, candidates, tcp_candidates, relay })
}

fn shards(config: &Config) -> NonZeroU16 {
    let cores = available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX));
    NonZeroU16::new(config.rtc.shards.unwrap_or(cores)).unwrap_or(NonZeroU16::MIN)
}

fn sound(config: &Config) -> shard::SoundLimits {
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    shard::SoundLimits { loudest: count(config.room.loudest), from: count(config.room.loudest_from) }
}

/// What one address may do on one media thread.
fn sources(config: &Config) -> shard::SourceLimits {
    let (failed_checks, handshakes) = (Rate::of(config.rates.ice), Rate::of(config.rates.dtls));
    shard::SourceLimits { failed_checks, handshakes, seed: rand::random() }
}

fn media_config(config: &Config, shards: NonZeroU16, bind: Vec<IpAddr>) -> net::Config {
    let ports = match config.rtc.udp {
        UdpPorts::One(port) => net::Ports::Shared(port),
        UdpPorts::Range { first, .. } => net::Ports::Shared(first),
    };
    let tcp = tcp_port(config.rtc.tcp, &bind);
    net::Config { shards, bind, ports, tcp, pin: !config.development, offload: true }
}

/// The TCP port of media. A default port that is taken is passed over with a word; one that the operator named must be
/// had.
fn tcp_port(asked: TcpPort, bind: &[IpAddr]) -> Option<u16> {
    let TcpPort::On { port, named } = asked else { return None };
    let taken = bind.iter().find_map(|ip| std::net::TcpListener::bind((*ip, port)).err());
    if let Some(error) = taken.filter(|_| !named) {
        tracing::warn!(port, %error, "no media over TCP: the port cannot be had; see rtc.tcp_port");
        return None;
    }
    Some(port)
}

fn notices(
    lobby: &Arc<OnceLock<Lobby>>,
    stats: &Arc<Stats>,
    relay: &Arc<OnceLock<Arc<Relay>>>,
) -> impl Fn(Notice) + Clone + Send + 'static {
    let (lobby, stats, relay) = (Arc::clone(lobby), Arc::clone(stats), Arc::clone(relay));
    move |notice| match notice {
        Notice::Stats(stats_now) => stats.keep(*stats_now),
        Notice::Reports(mut reports) => {
            if let Some(relay) = relay.get() {
                relay.mark(&mut reports);
            }
            if let Some(lobby) = lobby.get() {
                lobby.notice(Notice::Reports(reports));
            }
        }
        // Before the lobby is there, no peer is there to be told of.
        other => drop(lobby.get().map(|lobby| lobby.notice(other))),
    }
}

fn sender(media: &net::Running, stats: &Arc<Stats>) -> livekit::MediaSender {
    let (commands, stats) = (media.commands(), Arc::clone(stats));
    Arc::new(move |command| {
        if commands.send(command).is_err() && stats.commands_lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!("a media thread does not keep up with its commands; see thalweg_commands_lost_total");
        }
    })
}

fn facts(fingerprint: door::Fingerprint, udp: &[SocketAddr], tcp: &[SocketAddr]) -> MediaFacts {
    let host = |protocol| move |(index, address): (u16, &SocketAddr)| sdp::Candidate::host(protocol, *address, index);
    let udp = (0..).zip(udp).map(host(Protocol::Udp));
    let tcp = (0..).zip(tcp).map(host(Protocol::Tcp));
    MediaFacts { fingerprint, candidates: udp.chain(tcp).collect() }
}

fn lobby_config(config: &Config, shards: NonZeroU16, media: MediaFacts, relay: Option<Arc<Relay>>) -> livekit::Config {
    let keys = config.keys.iter().map(|(key, secret)| (key.clone(), livekit::Secret::new(secret.expose())));
    let node_id = Alphanumeric.sample_string(&mut rand::rng(), NODE_ID_CHARS);
    livekit::Config {
        keys: keys.collect(),
        shards: shards.get(),
        spread_after: SPREAD_AFTER,
        media,
        room: room_settings(config),
        limits: Limits {
            rooms_max: size(config.limit.rooms),
            connections_max: size(config.limit.connections),
            room_name_bytes_max: size(config.limit.room_name_bytes),
            identity_bytes_max: size(config.limit.identity_bytes),
            api_body_bytes_max: size(config.limit.api_body_bytes),
            token_life_max: config.limit.token_life,
            identity: Rate::of(config.rates.identity),
            key: Rate::of(config.rates.key),
        },
        ice_servers: IceServers { fixed: ice_servers(config), relay: relay.map(credentials) },
        signal: SignalSettings::default(),
        server: ServerFacts {
            version: LIVEKIT_LEVEL.into(),
            node_id: format!("ND_{node_id}"),
            region: config.region.clone(),
        },
    }
}

fn room_settings(config: &Config) -> RoomSettings {
    let mut settings = RoomSettings {
        auto_create: config.room.auto_create,
        empty_timeout_s: config.room.empty_timeout_s,
        departure_timeout_s: config.room.departure_timeout_s,
        max_participants: config.room.max_participants,
        remote_unmute: config.room.remote_unmute,
        sync_streams: config.room.sync_streams,
        playout_delay_ms: config.room.playout_delay_ms,
        presets: config.room.presets.clone(),
        ..RoomSettings::default()
    };
    settings.limits.name_bytes_max = size(config.limit.name_bytes);
    settings.limits.metadata_bytes_max = size(config.limit.metadata_bytes);
    settings.limits.attributes_bytes_max = size(config.limit.attributes_bytes);
    settings
}

fn credentials(relay: Arc<Relay>) -> Arc<livekit::RelayCredentials> {
    Arc::new(move |participant, now_s| relay.ice_server(participant, now_s))
}

fn ice_servers(config: &Config) -> Vec<IceServer> {
    let turn = config.rtc.turn_servers.iter().map(|server| IceServer {
        urls: vec![server.url()],
        username: server.username.clone(),
        credential: server.credential.expose().to_owned(),
    });
    let stun = config.rtc.stun_servers.iter();
    let stun = stun.map(|server| IceServer { urls: vec![format!("stun:{}", server.0)], ..IceServer::default() });
    turn.chain(stun).collect()
}

/// Seconds since 1970.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
