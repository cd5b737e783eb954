//! What the operator decided: file, over it the environment, over that the flags, all checked.
//!
//! Two storeys: [`raw`] holds what was written and where, [`Config`] what it means. Every fault of every
//! source is found in one go. Only this module reads files and variables.

mod check;
mod fault;
mod keyfile;
mod outside;
mod raw;
mod read;
pub mod schema;
mod telemetry;
mod tree;
mod values;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use outside::Webhook;
pub use telemetry::{CollectorUrl, Otlp};

pub use fault::{Fault, Faults, Place};
pub use values::{Cidr, HostPort, Level, Secret, TcpPort, TurnServer, TurnTransport, UdpPorts, duration};

/// The key that development mode uses when none is given.
pub const DEVELOPMENT_KEY: &str = "devkey";
/// Its secret, which everybody knows.
pub const DEVELOPMENT_SECRET: &str = "secret";
/// Shortest secret outside development mode, in characters: below, HS256 can be guessed.
pub const SECRET_CHARS_MIN: usize = 32;
/// Default TCP port of signalling, LiveKit's own.
pub const PORT_DEFAULT: u16 = 7880;
/// Default TCP port of RTMP, the one that encoders take when none is named.
pub const RTMP_PORT_DEFAULT: u16 = 1935;
/// Default UDP port of TURN (RFC 8656 section 3.1).
pub const TURN_PORT_DEFAULT: u16 = 3478;
/// Default UDP port of media, LiveKit's own in development mode.
pub const UDP_PORT_DEFAULT: u16 = 7882;
/// Default TCP port of media, LiveKit's own.
pub const MEDIA_TCP_PORT_DEFAULT: u16 = 7881;

/// A configuration that can be started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Development mode: a known key, loopback, tokens for the asking.
    pub development: bool,
    /// Where HTTP and WebSocket listen.
    pub http: Http,
    /// API keys and their secrets; never empty.
    pub keys: BTreeMap<String, Secret>,
    /// Files from which keys came, which are read again when they change.
    pub key_files: Vec<PathBuf>,
    /// The certificate of the HTTP port; without it the port speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Region told to clients, may be empty.
    pub region: String,
    /// What is logged and how.
    pub logging: Logging,
    /// How long calls may go on when the server is told to stop.
    pub shutdown_drain: Duration,
    /// How long a stopping server waits for its participants once they were asked to go.
    pub shutdown_grace: Duration,
    /// Where media flows.
    pub rtc: Rtc,
    /// How rooms begin and end.
    pub room: Room,
    /// When to say no.
    pub limit: Limit,
    /// How often.
    pub rates: Rates,
    /// Proxies that are believed when they tell whom a request is from.
    pub trusted_proxies: Vec<Cidr>,
    /// Where what outlives a room is kept.
    pub store: store::Place,
    /// Who is told of rooms.
    pub webhook: Webhook,
    /// How foreign media comes in.
    pub ingress: Ingress,
    /// The TURN server inside.
    pub turn: TurnInside,
    /// The Calls API.
    pub calls: Calls,
    /// Who is sent traces.
    pub otlp: Option<Otlp>,
}

/// The TURN server inside, which relays to this server's media and to nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TurnInside {
    /// It is wanted.
    pub enabled: bool,
    /// The name in its certificate, by which clients find its TLS port.
    pub domain: String,
    /// UDP port.
    pub udp_port: TcpPort,
    /// TLS port.
    pub tls_port: TcpPort,
    /// Its own certificate; without it that of the HTTP port.
    pub tls: Option<TlsFiles>,
    /// Life of credentials, in seconds.
    pub ttl_s: u32,
    /// Relayed addresses of one participant at a time.
    pub per_user_max: u32,
}

/// A certificate and its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// PEM, the server's certificate first.
    pub cert: PathBuf,
    /// PEM, not encrypted.
    pub key: PathBuf,
}

/// The Calls API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calls {
    /// It is served.
    pub enabled: bool,
    /// The WebSocket URL of media that clients are told; empty makes it of the request's host.
    pub url: String,
    /// Anybody may become a guest.
    pub guests: bool,
    /// Requests without a token are those of a viewer.
    pub anonymous: bool,
    /// Web origins that may ask; empty is all.
    pub origins: Vec<String>,
    /// Requests of one user in a second; 0 is no limit.
    pub user_rate: u32,
    /// Requests with one key in a second; 0 is no limit.
    pub key_rate: u32,
}

/// How foreign media comes in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ingress {
    /// Where encoders push RTMP.
    pub rtmp_port: TcpPort,
    /// Where encoders push RTMP over TLS; off unless there is a certificate.
    pub rtmps_port: TcpPort,
    /// The address that encoders are told; empty makes it of the port.
    pub rtmp_base_url: String,
    /// The address that clients of WHIP are told; empty makes it of the HTTP port.
    pub whip_base_url: String,
    /// Encoders of one address at a time.
    pub per_address: u32,
    /// Wrong stream keys after which an address is kept out for a minute.
    pub wrong_keys: u32,
    /// URLs may be pulled.
    pub url_input: bool,
    /// Also from this machine and its networks.
    pub url_private: bool,
}

/// Where HTTP and WebSocket listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Http {
    /// TCP port; 0 lets the system choose.
    pub port: u16,
    /// Addresses; never empty.
    pub bind: Vec<IpAddr>,
    /// The operator named the addresses, so that each of them must work.
    pub bind_named: bool,
}

/// What is logged and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logging {
    /// The least severe thing logged.
    pub level: Level,
    /// JSON lines in place of text.
    pub json: bool,
    /// Lines of one kind about one source in a second; 0 is no limit.
    pub per_source: u32,
}

/// Where media flows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rtc {
    /// UDP ports.
    pub udp: UdpPorts,
    /// The TCP port for clients whose network lets no UDP through.
    pub tcp: TcpPort,
    /// Media threads; `None` is one per core.
    pub shards: Option<u16>,
    /// Videos that do not fit a viewer's link are paused; else each keeps its lowest layer.
    pub allow_pause: bool,
    /// Addresses told to clients in place of the interfaces' own.
    pub node_ips: Vec<IpAddr>,
    /// Ask a STUN server for the address outside the NAT.
    pub use_external_ip: bool,
    /// Loopback addresses are told to clients.
    pub loopback_candidate: bool,
    /// Which network interfaces.
    pub interfaces: Choice<String>,
    /// Which addresses.
    pub ips: Choice<Cidr>,
    /// STUN servers.
    pub stun_servers: Vec<HostPort>,
    /// TURN servers.
    pub turn_servers: Vec<TurnServer>,
}

/// Some of many: what is included (all, when empty) and not excluded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice<T> {
    /// Only these, unless empty.
    pub includes: Vec<T>,
    /// Not these.
    pub excludes: Vec<T>,
}

impl<T> Choice<T> {
    /// Whether a thing is chosen, given how an entry is matched with it.
    pub fn takes(&self, matches: impl Fn(&T) -> bool) -> bool {
        (self.includes.is_empty() || self.includes.iter().any(&matches)) && !self.excludes.iter().any(&matches)
    }
}

/// How rooms begin and end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Room {
    /// A join makes its room.
    pub auto_create: bool,
    /// Seconds until a room that nobody entered ends.
    pub empty_timeout_s: u32,
    /// Seconds until a room ends after the last one left.
    pub departure_timeout_s: u32,
    /// Participants per room; 0 is no limit.
    pub max_participants: u32,
    /// The server API may unmute, not only mute.
    pub remote_unmute: bool,
    /// One participant's sound and picture are played in step.
    pub sync_streams: bool,
    /// How long viewers hold pictures, at least and at most, in milliseconds; `None` leaves it to them.
    pub playout_delay_ms: Option<(u32, u32)>,
    /// Sounds that are sent on of a room with many; 0 sends all.
    pub loudest: u32,
    /// Sounds from which on a room has many.
    pub loudest_from: u32,
    /// Settings by name; 0 and empty text leave the default.
    pub presets: BTreeMap<String, livekit::RoomWish>,
}

/// When to say no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limit {
    /// Rooms at a time.
    pub rooms: u32,
    /// Signal connections at a time.
    pub connections: u32,
    /// Longest room name, in bytes.
    pub room_name_bytes: u32,
    /// Longest participant identity, in bytes.
    pub identity_bytes: u32,
    /// Longest name of a participant, in bytes.
    pub name_bytes: u32,
    /// Metadata of one participant or room, in bytes.
    pub metadata_bytes: u32,
    /// Attributes of one participant, in bytes.
    pub attributes_bytes: u32,
    /// Body of a request to the server API, in bytes.
    pub api_body_bytes: u32,
    /// Longest life of a token that opens a room; zero is any.
    pub token_life: Duration,
}

/// How much one source may do in a second; as much as in [`quota::BURST_S`] seconds may come at once, and 0 is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rates {
    /// Requests of one address to the HTTP port.
    pub http: u32,
    /// WebSockets that one address opens.
    pub joins: u32,
    /// Joins of one identity in one room.
    pub identity: u32,
    /// Requests to the server API with one key.
    pub key: u32,
    /// ICE checks of one address that fail, for each media thread.
    pub ice: u32,
    /// DTLS handshakes that one address begins, for each media thread.
    pub dtls: u32,
    /// TURN and STUN answers to one address that has proven nothing.
    pub turn: u32,
}

impl Default for Rates {
    /// Several times what an office behind one address needs when its network comes back.
    fn default() -> Self {
        Self { http: 1000, joins: 300, identity: 5, key: 2000, ice: 100, dtls: 300, turn: 50 }
    }
}

/// The texts that a configuration is made of.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file's name as the operator gave it, and its text.
    pub file: Option<(String, String)>,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Flags in the order of the schema: key, flag as it was written without dashes, values.
    pub flags: Vec<(&'static schema::Key, String, Vec<String>)>,
}

impl Config {
    /// Reads and checks all sources; the second value is warnings.
    ///
    /// # Errors
    /// Every fault of every source.
    pub fn read(sources: &Sources) -> Result<(Self, Vec<Fault>), Faults> {
        let mut raw = raw::Raw::default();
        if let Some((name, text)) = &sources.file {
            raw.file(name, text);
        }
        raw.environment(&sources.environment);
        for (key, flag, values) in &sources.flags {
            raw.flag(key, flag, values);
        }
        check::check(raw, sources.file.is_some())
    }

    /// Whether nothing but this machine can reach the HTTP port.
    pub fn is_loopback_only(&self) -> bool {
        self.http.bind.iter().all(IpAddr::is_loopback)
    }
}

#[cfg(test)]
mod tests;
