//! Prometheus' text form of what lobby, shards and sockets count.

use std::fmt::{Display, Write as _};

use door::ShardStats;
use livekit::LobbyCounts;
use livekit::view::{Coded, Traffic, Usage};
use net::NetStats;

/// Whether a number only rises.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gauge,
    Counter,
}
use Kind::{Counter, Gauge};

/// One number of a shard: name, kind, meaning, where it stands.
type Row<T> = (&'static str, Kind, &'static str, fn(&T) -> u64);

const SHARD: &[Row<ShardStats>] = &[
    ("peers", Gauge, "Peers (ICE and DTLS associations)", |s| s.peers),
    ("up_tracks", Gauge, "Published tracks", |s| s.up_tracks),
    ("mirrors", Gauge, "Tracks of other shards with subscribers here", |s| s.mirrors),
    ("down_tracks", Gauge, "Subscriptions", |s| s.down_tracks),
    ("addresses", Gauge, "Remote addresses known", |s| s.addresses),
    ("datagrams_in", Counter, "Datagrams received", |s| s.datagrams_in),
    ("datagrams_out", Counter, "Datagrams to send", |s| s.datagrams_out),
    ("bytes_in", Counter, "Bytes of datagrams received", |s| s.bytes_in),
    ("bytes_out", Counter, "Bytes of datagrams to send", |s| s.bytes_out),
    ("rtp_in", Counter, "Media packets received", |s| s.rtp_in),
    ("rtp_out", Counter, "Media packets sent", |s| s.rtp_out),
    ("rtp_lost", Counter, "Media packets of publishers that never came", |s| s.rtp_lost),
    ("rtx_out", Counter, "Retransmissions sent", |s| s.rtx_out),
    ("rtx_withheld", Counter, "Retransmissions not sent because they would have taken too much of the link", |s| {
        s.rtx_withheld
    }),
    ("paced_dropped", Counter, "Media packets not sent because too many waited for their turn", |s| s.paced_dropped),
    ("paced_left", Counter, "Media packets not sent because a lower layer had come while they waited", |s| {
        s.paced_left
    }),
    ("probes", Counter, "Probes for bandwidth begun", |s| s.probes),
    ("padding_out", Counter, "Packets of padding sent by probes", |s| s.padding_out),
    ("nacks_in", Counter, "Packets that subscribers asked for again", |s| s.nacks_in),
    ("nacks_out", Counter, "Packets asked of publishers again", |s| s.nacks_out),
    ("plis_in", Counter, "Keyframe requests of subscribers", |s| s.plis_in),
    ("plis_out", Counter, "Keyframe requests to publishers", |s| s.plis_out),
    ("sounds_withheld", Counter, "Audio packets not among the loudest of a large room", |s| s.sounds_withheld),
    ("replays", Counter, "Subscriptions served from the ring instead of by a keyframe request", |s| s.replays),
    ("datagrams_unknown", Counter, "Datagrams of nobody known", |s| s.datagrams_unknown),
    ("checks_throttled", Counter, "ICE checks not looked at: too many of their source were wrong", |s| {
        s.checks_throttled
    }),
    ("handshakes_throttled", Counter, "DTLS handshakes put off: their source begins too many", |s| {
        s.handshakes_throttled
    }),
    ("datagrams_bad", Counter, "Datagrams that could not be read", |s| s.datagrams_bad),
    ("srtp_rejected", Counter, "Packets that failed authentication or replay check", |s| s.srtp_rejected),
    ("commands_stale", Counter, "Commands for what had ended", |s| s.commands_stale),
    ("data_in", Counter, "Data channel messages received", |s| s.data_in),
    ("data_out", Counter, "Data channel messages sent", |s| s.data_out),
    ("data_dropped", Counter, "Data channel messages dropped", |s| s.data_dropped),
    ("data_shed", Counter, "Lossy data messages dropped because control did not keep up", |s| s.data_shed),
    ("handshakes", Counter, "DTLS handshakes done", |s| s.handshakes),
    ("srtp_aes128_gcm", Counter, "Peers that negotiated AES-128-GCM", |s| s.srtp_aes128_gcm),
    ("srtp_aes256_gcm", Counter, "Peers that negotiated AES-256-GCM", |s| s.srtp_aes256_gcm),
    ("srtp_aes128_sha1", Counter, "Peers that negotiated AES-128-CM with HMAC-SHA1", |s| s.srtp_aes128_sha1),
];

const SOCKETS: &[Row<NetStats>] = &[
    ("net_turns", Counter, "Turns of the media loop", |s| s.turns),
    ("net_receive_calls", Counter, "System calls that received something", |s| s.receive_calls),
    ("net_kernel_dropped", Counter, "Datagrams dropped by the kernel before they were read", |s| s.kernel_dropped),
    ("net_receive_dropped", Counter, "Datagrams too long or from port zero", |s| s.receive_dropped),
    ("net_receive_errors", Counter, "Errors when receiving", |s| s.receive_errors),
    ("net_send_calls", Counter, "System calls that sent something", |s| s.send_calls),
    ("net_datagrams_out", Counter, "Datagrams sent", |s| s.datagrams_out),
    ("net_bytes_out", Counter, "Bytes of datagrams sent", |s| s.bytes_out),
    ("net_send_full", Counter, "Datagrams dropped because the socket's buffer was full", |s| s.send_full),
    ("net_send_refused", Counter, "Datagrams that the kernel refused", |s| s.send_refused),
    ("net_send_unroutable", Counter, "Datagrams for an address without a socket", |s| s.send_unroutable),
    ("net_offload_refused", Counter, "Runs that the kernel refused to split", |s| s.offload_refused),
    ("net_bytes_in", Counter, "Bytes received by UDP", |s| s.bytes_in),
    ("net_tcp_accepted", Counter, "TCP connections of media accepted", |s| s.tcp_accepted),
    ("net_tcp_refused", Counter, "TCP connections of media closed at once by a limit", |s| s.tcp_refused),
    ("net_tcp_unreadable", Counter, "TCP connections closed because they spoke no STUN", |s| s.tcp_unreadable),
    ("net_tcp_closed", Counter, "TCP connections of media that ended otherwise", |s| s.tcp_closed),
    ("net_tcp_frames_in", Counter, "Datagrams received by TCP", |s| s.tcp_frames_in),
    ("net_tcp_bytes_in", Counter, "Bytes received by TCP", |s| s.tcp_bytes_in),
    ("net_tcp_frames_out", Counter, "Datagrams written to TCP", |s| s.tcp_frames_out),
    ("net_tcp_bytes_out", Counter, "Bytes of datagrams written to TCP", |s| s.tcp_bytes_out),
    ("net_tcp_dropped", Counter, "Datagrams dropped because a TCP reader is slow", |s| s.tcp_dropped),
    ("net_tcp_unroutable", Counter, "Datagrams for a TCP connection that has ended", |s| s.tcp_unroutable),
    ("net_messages_dropped", Counter, "Messages between shards dropped", |s| s.messages_dropped),
];

/// All numbers: of the lobby, each of the shards' summed (`thalweg_peers`) and by shard
/// (`thalweg_shard_peers{shard="0"}`).
pub(super) fn text(lobby: &LobbyCounts, shards: &[ShardStats], sockets: &[NetStats], commands_lost: u64) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in [
        ("rooms", Gauge, "Rooms", lobby.rooms as u64),
        ("participants", Gauge, "Participants", lobby.participants as u64),
        ("connections", Gauge, "Signal connections", lobby.connections as u64),
        ("tasks", Gauge, "Tasks of rooms and connections", lobby.tasks as u64),
        ("joins_refused", Counter, "Joins and validations refused", lobby.joins_refused),
        ("api_requests", Counter, "Requests to the server API", lobby.api_requests),
        ("api_refused", Counter, "Requests to the server API answered with an error", lobby.api_refused),
        ("agent_workers", Gauge, "Agents' workers that are connected", lobby.agent_workers as u64),
        ("agent_jobs", Gauge, "Jobs that agents do", lobby.agent_jobs as u64),
        ("revocations", Gauge, "Identities whose older tokens are refused in a room", lobby.revocations as u64),
        ("clients_cut", Counter, "Signal connections cut because the client lagged", lobby.clients_cut),
        ("notices_dropped", Counter, "Notices that a room did not take in time", lobby.notices_dropped),
        ("notices_stale", Counter, "Notices of rooms that had ended", lobby.notices_stale),
        ("commands_lost", Counter, "Commands that a media thread did not take in time", commands_lost),
    ] {
        let name = head(&mut text, "thalweg_", name, kind, help);
        line(&mut text, &name, value);
    }
    livekit(&mut text, lobby, shards);
    table(&mut text, SHARD, shards);
    table(&mut text, SOCKETS, sockets);
    text
}

/// The numbers of which LiveKit's dashboards know the names; `direction` is seen from here.
fn livekit(text: &mut String, lobby: &LobbyCounts, shards: &[ShardStats]) {
    let sum = |value: fn(&ShardStats) -> u64| shards.iter().map(value).sum::<u64>();
    let packets = vec![
        ("{direction=\"incoming\",transmission=\"initial\"}", sum(|s| s.rtp_in)),
        ("{direction=\"outgoing\",transmission=\"initial\"}", sum(|s| s.rtp_out)),
        ("{direction=\"outgoing\",transmission=\"retransmit\"}", sum(|s| s.rtx_out)),
    ];
    for (name, kind, help, rows) in [
        ("room_total", "gauge", "Rooms", vec![("", lobby.rooms as u64)]),
        ("participant_total", "gauge", "Participants", vec![("", lobby.participants as u64)]),
        ("track_published_total", "gauge", "Published tracks", vec![("", sum(|s| s.up_tracks))]),
        ("track_subscribed_total", "gauge", "Subscriptions", vec![("", sum(|s| s.down_tracks))]),
        ("packet_total", "counter", "Media packets", packets),
        ("packet_bytes", "counter", "Bytes of datagrams", both_ways(sum(|s| s.bytes_in), sum(|s| s.bytes_out))),
        ("nack_total", "counter", "Packets asked for again", both_ways(sum(|s| s.nacks_in), sum(|s| s.nacks_out))),
        ("pli_total", "counter", "Keyframe requests", both_ways(sum(|s| s.plis_in), sum(|s| s.plis_out))),
        (
            "packet_loss_total",
            "counter",
            "Media packets that never came",
            vec![("{direction=\"incoming\"}", sum(|s| s.rtp_lost))],
        ),
    ] {
        // Writing to a String does not fail.
        let _ = writeln!(text, "# HELP livekit_{name} {help}\n# TYPE livekit_{name} {kind}");
        for (labels, value) in rows {
            line(text, &format_args!("livekit_{name}{labels}"), value);
        }
    }
}

fn both_ways(incoming: u64, outgoing: u64) -> Vec<(&'static str, u64)> {
    vec![("{direction=\"incoming\"}", incoming), ("{direction=\"outgoing\"}", outgoing)]
}

/// The numbers of calls.
pub(super) fn calls(counts: &calls_api::Counts) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in [
        ("calls_cached", Gauge, "Calls in memory", counts.cached as u64),
        ("calls_listeners", Gauge, "Connections for events of calls", counts.hub.connections as u64),
        ("calls_requests", Counter, "Requests to the Calls API", counts.requests),
        ("calls_refused", Counter, "Requests to the Calls API refused", counts.refused),
        ("calls_failed", Counter, "Requests to the Calls API that the server failed", counts.failed),
        ("calls_news_dropped", Counter, "News of rooms that calls did not take", counts.news_dropped),
        ("calls_events", Counter, "Events of calls sent to connections", counts.hub.told),
        ("calls_listeners_cut", Counter, "Connections for events cut because they did not keep up", counts.hub.cut),
    ] {
        let name = head(&mut text, "thalweg_", name, kind, help);
        line(&mut text, &name, value);
    }
    text
}

/// Numbers of a door, of which the first `gauges` are present sizes.
pub(super) fn numbers(numbers: &[(&'static str, &'static str, u64)], gauges: usize) -> String {
    let mut text = String::new();
    for (index, (name, help, value)) in numbers.iter().enumerate() {
        let name = head(&mut text, "thalweg_", name, if index < gauges { Gauge } else { Counter }, help);
        line(&mut text, &name, *value);
    }
    text
}

/// What was too much of one source, by the entrance at which it came.
pub(super) fn throttled(entrances: &[(&'static str, u64)], lines: u64) -> String {
    let mut text = String::new();
    let name = head(&mut text, "thalweg_", "throttled", Counter, "What was refused because one source had too much");
    for (entrance, count) in entrances {
        line(&mut text, &format_args!("{name}{{entrance=\"{entrance}\"}}"), *count);
    }
    let name = head(&mut text, "thalweg_", "log_lines_withheld", Counter, "Log lines about sources that had enough");
    line(&mut text, &name, lines);
    text
}

/// Media by the way that it went: of all, and of the rooms that moved most; and what transcoding cost these.
pub(super) fn traffic(all: &Traffic, rooms: &[(String, Usage)]) -> String {
    let mut text = String::new();
    let name = head(&mut text, "thalweg_", "media_bytes", Counter, "Bytes of media by the way that it went");
    legs(&mut text, &name, "", all);
    let name = head(&mut text, "thalweg_", "room_media_bytes", Counter, "The same of the rooms that moved most");
    // As the text format has it.
    let label = |room: &str| room.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    for (room, usage) in rooms {
        legs(&mut text, &name, &format!("room=\"{}\",", label(room)), &usage.traffic);
    }
    let help = "Seconds of streams that were transcoded for these rooms";
    let name = head(&mut text, "thalweg_", "room_transcode_seconds", Counter, help);
    for (room, usage) in rooms.iter().filter(|(_, usage)| usage.transcode != Coded::default()) {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name}{{room=\"{}\"}} {}", label(room), usage.transcode.ran_ms as f64 / 1000.0);
    }
    text
}

/// How long streams of encoders were transcoded, and the processor time for it.
pub(super) fn transcoded([video, audio, cpu]: [f64; 3]) -> String {
    let mut text = String::new();
    let name = head(&mut text, "thalweg_", "transcode_seconds", Counter, "Seconds of streams that were transcoded");
    for (kind, seconds) in [("video", video), ("audio", audio)] {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name}{{kind=\"{kind}\"}} {seconds}");
    }
    let name = head(&mut text, "thalweg_", "transcode_cpu_seconds", Counter, "Processor time for it, of all codecs");
    let _ = writeln!(text, "{name} {cpu}");
    text
}

fn legs(text: &mut String, name: &str, room: &str, traffic: &Traffic) {
    for (leg, bytes) in traffic.legs() {
        for (direction, count) in [("incoming", bytes.incoming), ("outgoing", bytes.outgoing)] {
            line(text, &format_args!("{name}{{{room}leg=\"{leg}\",direction=\"{direction}\"}}"), count);
        }
    }
}

/// The numbers of the TURN server.
pub(super) fn relay(numbers: &crate::relay::Numbers) -> String {
    let counts = &numbers.counts;
    let mut text = String::new();
    for (name, kind, help, value) in [
        ("turn_allocations", Gauge, "Relayed addresses", counts.allocations),
        ("turn_allocated", Counter, "Relayed addresses given", counts.allocated),
        ("turn_refused", Counter, "TURN requests refused, peers that may not be reached among them", counts.refused),
        ("turn_unauthenticated", Counter, "TURN requests without good credentials", counts.unauthenticated),
        ("turn_throttled", Counter, "TURN and STUN requests not answered: too many of one source", counts.throttled),
        ("turn_ignored", Counter, "What came to the TURN ports and was no TURN", counts.ignored),
        ("turn_bytes_in", Counter, "Bytes relayed from clients", numbers.bytes_in),
        ("turn_bytes_out", Counter, "Bytes relayed to clients", numbers.bytes_out),
        ("turn_dropped", Counter, "Datagrams that TURN dropped because somebody is slow", numbers.dropped),
    ] {
        let name = head(&mut text, "thalweg_", name, kind, help);
        line(&mut text, &name, value);
    }
    text
}

/// The numbers of what outlives rooms and of those who are told of them.
pub(super) fn kept(hooks: &hooks::Counts, store: &store::Counts) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in [
        ("hooks_waiting", Gauge, "Webhooks that wait or are under way, for each URL", hooks.waiting),
        ("hooks_delivered", Counter, "Webhooks delivered", hooks.delivered),
        ("hooks_tries_failed", Counter, "Tries to deliver a webhook that failed", hooks.tries_failed),
        ("hooks_dropped_queue", Counter, "Webhooks dropped because the store stood still", hooks.dropped_queue),
        ("hooks_dropped_overflow", Counter, "Webhooks dropped because too many waited", hooks.dropped_overflow),
        ("hooks_dropped_expired", Counter, "Webhooks dropped because they were a day old", hooks.dropped_expired),
        (
            "hooks_dropped_refused",
            Counter,
            "Webhooks dropped because they were refused again and again",
            hooks.dropped_refused,
        ),
        ("hooks_unspooled", Counter, "Webhooks that would not have survived a restart", hooks.unspooled),
        ("store_commits", Counter, "Commits to the store", store.commits),
        ("store_groups", Counter, "Writes to the disk that commits shared", store.groups),
        ("store_queries", Counter, "Queries of the store", store.queries),
        ("store_failures", Counter, "Commits and queries that failed", store.failures),
        ("store_refused", Counter, "Commits and queries refused because too many waited", store.refused),
    ] {
        let name = head(&mut text, "thalweg_", name, kind, help);
        line(&mut text, &name, value);
    }
    text
}

fn table<T>(text: &mut String, rows: &[Row<T>], shards: &[T]) {
    for (name, kind, help, value) in rows {
        let sum = head(text, "thalweg_", name, *kind, help);
        line(text, &sum, shards.iter().map(value).sum());
        let each = head(text, "thalweg_shard_", name, *kind, help);
        for (shard, stats) in shards.iter().enumerate() {
            line(text, &format_args!("{each}{{shard=\"{shard}\"}}"), value(stats));
        }
    }
}

/// Writes what is said of a metric before its lines, and returns its full name.
fn head(text: &mut String, prefix: &str, name: &str, kind: Kind, help: &str) -> String {
    let (suffix, kind) = match kind {
        Gauge => ("", "gauge"),
        Counter => ("_total", "counter"),
    };
    let name = format!("{prefix}{name}{suffix}");
    // Writing to a String does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    name
}

fn line(text: &mut String, name: &impl Display, value: u64) {
    let _ = writeln!(text, "{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_shards() {
        let shards = [
            ShardStats { peers: 2, rtp_in: 5, ..ShardStats::default() },
            ShardStats { peers: 3, ..ShardStats::default() },
        ];
        let lobby = LobbyCounts { rooms: 7, ..LobbyCounts::default() };
        let text = text(&lobby, &shards, &[NetStats::default(); 2], 0);
        for line in [
            "# TYPE thalweg_rooms gauge",
            "thalweg_rooms 7",
            "thalweg_peers 5",
            "thalweg_shard_peers{shard=\"0\"} 2",
            "thalweg_shard_peers{shard=\"1\"} 3",
            "# TYPE thalweg_rtp_in_total counter",
            "thalweg_rtp_in_total 5",
            "thalweg_net_turns_total 0",
            "livekit_room_total 7",
            "livekit_packet_total{direction=\"incoming\",transmission=\"initial\"} 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn rooms_have_their_bytes_by_the_way_that_they_went() {
        let mut all = Traffic::default();
        all.turn.outgoing = 7;
        let transcode = Coded { ran_ms: 1_500, cpu_ms: 300 };
        let rooms = [
            (r#"a "b" \"#.to_owned(), Usage { traffic: all, transcode }),
            ("plain".to_owned(), Usage { traffic: all, ..Usage::default() }),
        ];
        let text = traffic(&all, &rooms);
        assert!(!text.contains(r#"transcode_seconds_total{room="plain"}"#), "{text}");
        for line in [
            r#"thalweg_room_transcode_seconds_total{room="a \"b\" \\"} 1.5"#,
            r#"thalweg_media_bytes_total{leg="turn",direction="outgoing"} 7"#,
            r#"thalweg_room_media_bytes_total{room="a \"b\" \\",leg="udp",direction="incoming"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn every_name_is_declared_once() {
        let mut text = text(&LobbyCounts::default(), &[ShardStats::default()], &[NetStats::default()], 0);
        text.push_str(&kept(&hooks::Counts::default(), &store::Counts::default()));
        let mut types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let all = types.len();
        types.sort_unstable();
        types.dedup();
        assert_eq!(types.len(), all);
    }
}
