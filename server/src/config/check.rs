//! From what was written to what it means: defaults, limits and what belongs together.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use super::fault::{Fault, Faults, Place};
use super::outside;
use super::raw::Raw;
use super::read::{NodeIps, Preset};
use super::telemetry;
use super::values::{Cidr, HostPort, Level, Secret, TcpPort, TurnServer, UdpPorts};
use super::{Calls, Choice, Config, Http, Ingress, Limit, Logging, Rates, Room, Rtc, keyfile};
use super::{
    DEVELOPMENT_KEY, DEVELOPMENT_SECRET, MEDIA_TCP_PORT_DEFAULT, PORT_DEFAULT, RTMP_PORT_DEFAULT, SECRET_CHARS_MIN,
    UDP_PORT_DEFAULT,
};

/// Most media threads.
const SHARDS_MAX: u16 = 256;
/// Longest grace at the end: beyond, a supervisor has killed the process anyway.
const PATIENCE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Log lines of one kind about one source in a second.
const LINES_PER_SOURCE: u32 = 5;
const MAKE_KEYS: &str = "`thalweg keys` makes a key and a secret";

/// Checks all values. `from_file` tells that there was a configuration text.
pub(crate) fn check(mut raw: Raw, from_file: bool) -> Result<(Config, Vec<Fault>), Faults> {
    let nothing_said = !from_file && !raw.has("keys") && !raw.has("key_file") && !raw.has("development");
    let development = raw.take("development").unwrap_or(nothing_said);
    let http = http(&mut raw, development);
    let key_files = key_files(&raw);
    let keys = keys(&mut raw, development, http.bind.iter().all(IpAddr::is_loopback));
    let webhook = outside::webhook(&mut raw, &keys);
    let tls = outside::tls(&mut raw, "tls.cert_file", "tls.key_file");
    let config = Config {
        development,
        http,
        keys,
        key_files,
        ingress: ingress(&mut raw, tls.is_some()),
        tls,
        region: raw.take("region").unwrap_or_default(),
        logging: logging(&mut raw),
        shutdown_drain: patience(&mut raw, "shutdown.drain", Duration::ZERO),
        shutdown_grace: patience(&mut raw, "shutdown.grace", Duration::from_secs(10)),
        rtc: rtc(&mut raw, development),
        room: room(&mut raw),
        limit: limit(&mut raw),
        rates: rates(&mut raw),
        trusted_proxies: trusted_proxies(&mut raw),
        store: outside::store(&mut raw, development),
        webhook,
        turn: outside::turn(&mut raw),
        calls: calls(&mut raw),
        otlp: telemetry::otlp(&mut raw),
    };
    match raw.verdict() {
        (faults, warnings) if faults.is_empty() => Ok((config, warnings)),
        (mut faults, _) => {
            // In the order of the file; what stands elsewhere or nowhere comes last.
            faults.sort_by_key(|fault| match fault.place {
                Some(Place::File { line, column, .. }) => (line, column),
                _ => (usize::MAX, usize::MAX),
            });
            Err(Faults(faults))
        }
    }
}

fn http(raw: &mut Raw, development: bool) -> Http {
    let named: Vec<IpAddr> = raw.take("bind_addresses").unwrap_or_default();
    let port = raw.take("port").unwrap_or(PORT_DEFAULT);
    let bind_named = !named.is_empty();
    let bind = match (bind_named, development) {
        (true, _) => named,
        (false, true) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        (false, false) => vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
    };
    Http { port, bind, bind_named }
}

/// The file that holds keys itself, and the one that `key_file` names.
fn key_files(raw: &Raw) -> Vec<PathBuf> {
    let of = |place| match place {
        Some(Place::File { name, .. }) => Some(PathBuf::from(&*name)),
        _ => None,
    };
    let named = raw.text("key_file").filter(|path| !path.is_empty()).map(PathBuf::from);
    of(raw.place("keys")).into_iter().chain(named).collect()
}

fn keys(raw: &mut Raw, development: bool, loopback: bool) -> BTreeMap<String, Secret> {
    let mut keys: BTreeMap<String, Secret> = raw.take("keys").unwrap_or_default();
    let file: Option<String> = raw.take("key_file");
    if let Some(path) = file.filter(|path| !path.is_empty()) {
        match keyfile::read(&path) {
            Ok(more) => keys.extend(more),
            Err(text) => raw.fault(raw.place("key_file"), "key_file", &text),
        }
    }
    if keys.is_empty() && development {
        keys.insert(DEVELOPMENT_KEY.into(), Secret::new(DEVELOPMENT_SECRET));
    }
    if keys.is_empty() && !raw.is_faulty("keys") && !raw.is_faulty("key_file") {
        raw.fault(raw.place("keys"), "keys", &format!("there is none, so nobody could join: {MAKE_KEYS}"));
    }
    guard_secrets(raw, &keys, development, loopback);
    keys
}

fn guard_secrets(raw: &mut Raw, keys: &BTreeMap<String, Secret>, development: bool, loopback: bool) {
    let weak = keys.iter().filter(|(_, secret)| secret.expose().chars().count() < SECRET_CHARS_MIN);
    let weak: Vec<&str> = weak.map(|(key, _)| key.as_str()).collect();
    if weak.is_empty() {
        return;
    }
    let names = weak.join(", ");
    if !development {
        let text = format!("the secret of {names} has fewer than {SECRET_CHARS_MIN} characters: {MAKE_KEYS}");
        raw.fault(raw.place("keys").or_else(|| raw.place("key_file")), "keys", &text);
    } else if !loopback {
        let text = format!(
            "the secret of {names} can be guessed, so that only loopback may be listened on: \
             bind to 127.0.0.1 and ::1, or set keys ({MAKE_KEYS})"
        );
        raw.fault(raw.place("bind_addresses"), "bind_addresses", &text);
    }
}

fn ingress(raw: &mut Raw, has_certificate: bool) -> Ingress {
    let unnamed = TcpPort::On { port: RTMP_PORT_DEFAULT, named: false };
    let rtmp_base_url: String = raw.take("ingress.rtmp_base_url").unwrap_or_default();
    if !rtmp_base_url.is_empty() && !rtmp_base_url.starts_with("rtmp://") && !rtmp_base_url.starts_with("rtmps://") {
        let text = "expected an address such as rtmp://live.example.com:1935/live";
        raw.fault(raw.place("ingress.rtmp_base_url"), "ingress.rtmp_base_url", text);
    }
    let whip_base_url: String = raw.take("ingress.whip_base_url").unwrap_or_default();
    if !whip_base_url.is_empty() && !whip_base_url.starts_with("http://") && !whip_base_url.starts_with("https://") {
        let text = "expected an address such as https://live.example.com/whip";
        raw.fault(raw.place("ingress.whip_base_url"), "ingress.whip_base_url", text);
    }
    let rtmps_port = raw.take("ingress.rtmps_port").unwrap_or(TcpPort::Off);
    if rtmps_port != TcpPort::Off && !has_certificate {
        let text = "needs a certificate: set tls.cert_file and tls.key_file";
        raw.fault(raw.place("ingress.rtmps_port"), "ingress.rtmps_port", text);
    }
    Ingress {
        rtmp_port: raw.take("ingress.rtmp_port").unwrap_or(unnamed),
        rtmps_port,
        rtmp_base_url,
        whip_base_url,
        per_address: above_zero(raw, "ingress.connections_per_address", 32),
        wrong_keys: above_zero(raw, "ingress.wrong_keys", 10),
        url_input: raw.take("ingress.url_input").unwrap_or(true),
        url_private: raw.take("ingress.url_private").unwrap_or(false),
    }
}

fn calls(raw: &mut Raw) -> Calls {
    let url: String = raw.take("calls.url").unwrap_or_default();
    if !url.is_empty() && !url.starts_with("ws://") && !url.starts_with("wss://") {
        raw.fault(raw.place("calls.url"), "calls.url", "expected an address such as wss://live.example.com");
    }
    let origins: Vec<String> = raw.take("calls.allowed_origins").unwrap_or_default();
    let plain = |origin: &&String| !origin.starts_with("http://") && !origin.starts_with("https://");
    if let Some(origin) = origins.iter().find(|origin| plain(origin) || origin.ends_with('/')) {
        let text = format!("{origin} is no web origin: expected one such as https://app.example.com");
        raw.fault(raw.place("calls.allowed_origins"), "calls.allowed_origins", &text);
    }
    let rates = calls_api::Rates::default();
    Calls {
        enabled: raw.take("calls.enabled").unwrap_or(true),
        url,
        guests: raw.take("calls.guests").unwrap_or(false),
        anonymous: raw.take("calls.anonymous").unwrap_or(false),
        origins,
        user_rate: raw.take("calls.rate_limit.user").unwrap_or(rates.user),
        key_rate: raw.take("calls.rate_limit.key").unwrap_or(rates.key),
    }
}

fn logging(raw: &mut Raw) -> Logging {
    let older = raw.take("log_level");
    let level = raw.take("logging.level").or(older).unwrap_or(Level::Info);
    let per_source = raw.take("logging.lines_per_source").unwrap_or(LINES_PER_SOURCE);
    Logging { level, json: raw.take("logging.json").unwrap_or(false), per_source }
}

fn patience(raw: &mut Raw, key: &'static str, unnamed: Duration) -> Duration {
    let patience = raw.take(key).unwrap_or(unnamed);
    if patience > PATIENCE_MAX {
        raw.fault(raw.place(key), key, "at most 24h");
    }
    patience
}

fn rtc(raw: &mut Raw, development: bool) -> Rtc {
    let udp = udp(raw);
    Rtc {
        udp,
        tcp: raw.take("rtc.tcp_port").unwrap_or_else(|| unnamed_tcp(udp)),
        shards: shards(raw),
        allow_pause: raw.take("rtc.congestion_control.allow_pause").unwrap_or(false),
        node_ips: node_ips(raw),
        use_external_ip: raw.take("rtc.use_external_ip").unwrap_or(false),
        loopback_candidate: raw.take("rtc.enable_loopback_candidate").unwrap_or(development),
        interfaces: Choice {
            includes: raw.take("rtc.interfaces.includes").unwrap_or_default(),
            excludes: raw.take("rtc.interfaces.excludes").unwrap_or_default(),
        },
        ips: Choice {
            includes: raw.take("rtc.ips.includes").unwrap_or_default(),
            excludes: raw.take("rtc.ips.excludes").unwrap_or_default(),
        },
        stun_servers: raw.take::<Vec<HostPort>>("rtc.stun_servers").unwrap_or_default(),
        turn_servers: turn_servers(raw),
    }
}

fn udp(raw: &mut Raw) -> UdpPorts {
    let named = raw.take("rtc.udp_port");
    let start: Option<u16> = raw.take("rtc.port_range_start");
    let end: Option<u16> = raw.take("rtc.port_range_end");
    match (named, start, end) {
        (Some(ports), _, _) => ports,
        (None, None | Some(0), None | Some(0)) => UdpPorts::One(UDP_PORT_DEFAULT),
        (None, Some(first), Some(last)) => UdpPorts::range(first, last).unwrap_or_else(|| {
            let text = format!("the range {first}-{last} is empty: put the lower port first");
            raw.fault(raw.place("rtc.port_range_start"), "rtc.port_range_start", &text);
            UdpPorts::One(UDP_PORT_DEFAULT)
        }),
        (None, start, _) => {
            let (there, missing) = match start {
                Some(_) => ("rtc.port_range_start", "rtc.port_range_end"),
                None => ("rtc.port_range_end", "rtc.port_range_start"),
            };
            raw.fault(raw.place(there), there, &format!("{missing} is missing: give both or use rtc.udp_port"));
            UdpPorts::One(UDP_PORT_DEFAULT)
        }
    }
}

/// Who lets the system choose for UDP wants several servers side by side, and no fixed port for TCP either.
fn unnamed_tcp(udp: UdpPorts) -> TcpPort {
    let port = if udp == UdpPorts::One(0) { 0 } else { MEDIA_TCP_PORT_DEFAULT };
    TcpPort::On { port, named: false }
}

fn shards(raw: &mut Raw) -> Option<u16> {
    let shards: u16 = raw.take("rtc.shards").filter(|&shards| shards > 0)?;
    if shards > SHARDS_MAX {
        raw.fault(raw.place("rtc.shards"), "rtc.shards", &format!("at most {SHARDS_MAX}; 0 is one per core"));
    }
    Some(shards)
}

fn node_ips(raw: &mut Raw) -> Vec<IpAddr> {
    let ips = raw.take::<NodeIps>("rtc.node_ip").map(|ips| ips.0).unwrap_or_default();
    if ips.iter().any(|ip| ip.is_unspecified() || ip.is_multicast()) {
        raw.fault(raw.place("rtc.node_ip"), "rtc.node_ip", "give the address at which clients reach this machine");
    }
    ips
}

fn turn_servers(raw: &mut Raw) -> Vec<TurnServer> {
    let servers: Vec<TurnServer> = raw.take("rtc.turn_servers").unwrap_or_default();
    let (shared, fixed): (Vec<_>, Vec<_>) = servers.into_iter().partition(|server| server.wants_shared_secret);
    for server in shared {
        let text = format!(
            "{} is left out: secret, secret_file and ttl are not supported yet, give username and credential",
            server.host
        );
        raw.warn(raw.place("rtc.turn_servers"), "rtc.turn_servers", &text);
    }
    fixed
}

fn room(raw: &mut Raw) -> Room {
    Room {
        auto_create: raw.take("room.auto_create").unwrap_or(true),
        empty_timeout_s: raw.take("room.empty_timeout").unwrap_or(300),
        departure_timeout_s: raw.take("room.departure_timeout").unwrap_or(20),
        max_participants: raw.take("room.max_participants").unwrap_or(0),
        remote_unmute: raw.take("room.enable_remote_unmute").unwrap_or(false),
        sync_streams: raw.take("room.sync_streams").unwrap_or(false),
        playout_delay_ms: playout_delay(raw),
        loudest: raw.take("audio.forward_loudest").unwrap_or(10),
        loudest_from: raw.take("audio.forward_loudest_from").unwrap_or(30),
        presets: presets(raw),
    }
}

fn playout_delay(raw: &mut Raw) -> Option<(u32, u32)> {
    let enabled = raw.take("room.playout_delay.enabled").unwrap_or(false);
    let delays = (raw.take("room.playout_delay.min").unwrap_or(0), raw.take("room.playout_delay.max").unwrap_or(2000));
    enabled.then_some(delays)
}

fn presets(raw: &mut Raw) -> BTreeMap<String, livekit::RoomWish> {
    let presets: BTreeMap<String, Preset> = raw.take("room.room_configurations").unwrap_or_default();
    for (name, preset) in presets.iter().filter(|(_, preset)| !preset.idle.is_empty()) {
        let text = format!("{name}: {} has no effect here", preset.idle.join(", "));
        raw.warn(raw.place("room.room_configurations"), "room.room_configurations", &text);
    }
    presets.into_iter().map(|(name, preset)| (name, preset.wish)).collect()
}

fn limit(raw: &mut Raw) -> Limit {
    Limit {
        rooms: above_zero(raw, "limit.rooms", 10_000),
        connections: above_zero(raw, "limit.connections", 50_000),
        room_name_bytes: above_zero(raw, "limit.max_room_name_length", 256),
        identity_bytes: above_zero(raw, "limit.max_participant_identity_length", 256),
        name_bytes: above_zero(raw, "limit.max_participant_name_length", 256),
        metadata_bytes: above_zero(raw, "limit.max_metadata_size", 512 * 1024),
        attributes_bytes: above_zero(raw, "limit.max_attributes_size", 64 * 1024),
        api_body_bytes: above_zero(raw, "limit.max_api_request_body_size", 10 * 1024 * 1024),
        token_life: token_life(raw),
    }
}

fn rates(raw: &mut Raw) -> Rates {
    let unnamed = Rates::default();
    Rates {
        http: raw.take("limit.rate.http").unwrap_or(unnamed.http),
        joins: raw.take("limit.rate.joins").unwrap_or(unnamed.joins),
        identity: raw.take("limit.rate.identity").unwrap_or(unnamed.identity),
        key: raw.take("limit.rate.key").unwrap_or(unnamed.key),
        ice: raw.take("limit.rate.ice").unwrap_or(unnamed.ice),
        dtls: raw.take("limit.rate.dtls").unwrap_or(unnamed.dtls),
        turn: raw.take("limit.rate.turn").unwrap_or(unnamed.turn),
    }
}

/// A proxy on this machine is the operator's own.
fn trusted_proxies(raw: &mut Raw) -> Vec<Cidr> {
    let own = || ["127.0.0.0/8", "::1/128"].into_iter().filter_map(Cidr::parse).collect();
    raw.take("trusted_proxies").unwrap_or_else(own)
}

/// Clients reconnect with tokens that the server mints for ten minutes at least.
const TOKEN_LIFE_MIN: Duration = Duration::from_secs(600);

fn token_life(raw: &mut Raw) -> Duration {
    let life = raw.take("limit.token_life").unwrap_or(Duration::ZERO);
    if !life.is_zero() && life < TOKEN_LIFE_MIN {
        raw.fault(raw.place("limit.token_life"), "limit.token_life", "at least 10m, or 0s for any");
    }
    life
}

fn above_zero(raw: &mut Raw, path: &str, default: u32) -> u32 {
    let value = raw.take(path).unwrap_or(default);
    if value == 0 {
        raw.fault(raw.place(path), path, "must be at least 1");
    }
    value
}
