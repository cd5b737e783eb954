//! Rules for the manifests: who may depend on whom, and captions for members.

use crate::Complaint;

/// Which crates of the workspace a crate may use. Everything may be used by `server` and in `tests/`, `benches`.
const EDGES: &[(&str, &[&str])] = &[
    ("sfu/wire", &[]),
    ("sfu/door", &["wire"]),
    ("sfu/quota", &[]),
    ("sfu/congestion", &["wire"]),
    ("sfu/peer", &["wire", "door", "congestion"]),
    ("sfu/forward", &["wire", "door", "congestion"]),
    ("sfu/shard", &["wire", "door", "congestion", "peer", "forward", "quota"]),
    ("sfu/turn", &["wire", "quota"]),
    ("sfu/net", &["wire", "door", "shard"]),
    ("signaling/room", &["door"]),
    ("signaling/sdp", &["door", "wire"]),
    ("signaling/spans", &[]),
    ("signaling/store", &[]),
    ("signaling/hooks", &["spans", "store"]),
    ("signaling/calls", &["room"]),
    ("signaling/calls-api", &["calls", "room", "store"]),
    ("signaling/livekit", &["door", "wire", "room", "sdp", "spans", "quota"]),
    ("signaling/whip", &["door", "sdp"]),
    ("ingress/rtmp", &[]),
    ("ingress/reel", &["rtmp"]),
    ("ingress/publish", &["door", "wire", "rtmp"]),
    ("ingress/transcode", &[]),
];
/// Folders whose crates may use every crate of the workspace.
const FREE: &[&str] = &["server", "tests/", "benches", "benches/"];
/// Names under which the workspace's crates are used.
const CRATES: &[&str] = &[
    "wire",
    "door",
    "congestion",
    "quota",
    "peer",
    "forward",
    "shard",
    "turn",
    "net",
    "room",
    "sdp",
    "store",
    "hooks",
    "calls",
    "calls-api",
    "livekit",
    "whip",
    "rtmp",
    "reel",
    "publish",
    "transcode",
    "thalweg",
];
/// Dependencies that only these crates may name: heavy ones, and those that would let the world into a pure core.
const WRAPPERS: &[(&str, &[&str])] = &[
    ("dimpl", &["sfu/peer"]),
    ("sctp-proto", &["sfu/peer"]),
    ("md-5", &["sfu/turn"]),
    ("aws-lc-rs", &["sfu/peer", "sfu/turn", "signaling/store", "signaling/hooks"]),
    ("libc", &["sfu/net", "ingress/transcode"]),
    ("rusqlite", &["signaling/store"]),
    ("tokio-postgres", &["signaling/store"]),
    ("hyper", &["signaling/hooks", "server"]),
    ("rustls", &["signaling/store", "signaling/hooks", "server"]),
    ("rustls-native-certs", &["server"]),
    ("tokio-rustls", &["signaling/store", "signaling/hooks", "server"]),
    (
        "tokio",
        &[
            "signaling/livekit",
            "signaling/calls-api",
            "signaling/store",
            "signaling/hooks",
            "ingress/transcode",
            "server",
        ],
    ),
    ("openh264", &["ingress/transcode"]),
    ("ropus", &["ingress/transcode"]),
    ("rust_h264", &["ingress/transcode"]),
    ("symphonia-codec-aac", &["ingress/transcode"]),
    ("symphonia-core", &["ingress/transcode"]),
    ("syom", &["ingress/transcode"]),
    ("rustix", &["ingress/transcode"]),
    ("seccompiler", &["ingress/transcode"]),
    ("axum", &["signaling/livekit", "signaling/calls-api", "server"]),
    ("tokio-tungstenite", &["signaling/livekit"]),
    ("jsonwebtoken", &["signaling/livekit", "signaling/calls-api"]),
    ("livekit-protocol", &["signaling/livekit", "server"]),
    ("prost", &["signaling/livekit"]),
    ("schemars", &["signaling/calls", "signaling/calls-api"]),
    ("serde", &["signaling/livekit", "signaling/calls", "signaling/calls-api", "server"]),
    ("serde_json", &["signaling/livekit", "signaling/calls-api", "server"]),
    ("clap", &["server"]),
    ("saphyr-parser", &["server"]),
    ("if-addrs", &["server"]),
    ("socket2", &["server"]),
    ("tracing-subscriber", &["server"]),
];

/// A crate's manifest against the tables. `folder` is its path from the root.
pub fn check_edges(folder: &str, manifest: &str) -> Vec<Complaint> {
    if FREE.iter().any(|free| folder == *free || (free.ends_with('/') && folder.starts_with(free))) {
        return Vec::new();
    }
    let allowed = EDGES.iter().find(|(crate_, _)| *crate_ == folder).map(|row| row.1);
    let Some(allowed) = allowed else {
        return vec![format!("{folder}/Cargo.toml:1: the crate has no row in tests/tidy's table of edges")];
    };
    let mut complaints = Vec::new();
    for (line, name) in dependencies(manifest) {
        if CRATES.contains(&name) && !allowed.contains(&name) {
            complaints.push(format!("{folder}/Cargo.toml:{line}: {folder} may not use {name} (see ARCHITECTURE.md)"));
        }
        let wrapper = WRAPPERS.iter().find(|(wrapped, homes)| *wrapped == name && !homes.contains(&folder));
        if let Some((_, homes)) = wrapper {
            complaints.push(format!("{folder}/Cargo.toml:{line}: only {} may use {name}", homes.join(", ")));
        }
    }
    complaints
}

/// Line and name of what stands under `[dependencies]`; development dependencies are free.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut section = "";
    let mut found = Vec::new();
    for (line, text) in (1..).zip(manifest.lines().map(str::trim)) {
        if let Some(header) = text.strip_prefix('[') {
            section = header.trim_end_matches(']');
            found.extend(section.strip_prefix("dependencies.").map(|name| (line, name)));
        } else if section == "dependencies"
            || section.ends_with("'.dependencies")
            || section.ends_with(").dependencies")
        {
            let name = text.split(['.', '=', ' ']).next().filter(|name| !name.is_empty() && !name.starts_with('#'));
            found.extend(name.map(|name| (line, name)));
        }
    }
    found
}

/// Every member of the workspace has a caption on its line, and none is a pattern.
pub fn check_captions(manifest: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (line, member) in members(manifest) {
        let caption = member.split_once('#').map_or("", |(_, caption)| caption.trim());
        if caption.is_empty() {
            complaints.push(format!("Cargo.toml:{line}: this member has no caption"));
        }
        if member.contains('*') {
            complaints.push(format!("Cargo.toml:{line}: members are listed by hand, not by pattern"));
        }
    }
    complaints
}

/// The folders of the workspace's members.
pub fn folders(manifest: &str) -> Vec<&str> {
    members(manifest).into_iter().filter_map(|(_, member)| member.split('"').nth(1)).collect()
}

fn members(manifest: &str) -> Vec<(usize, &str)> {
    let lines = (1..).zip(manifest.lines().map(str::trim));
    let inside = lines.skip_while(|(_, line)| !line.starts_with("members = [")).skip(1);
    inside.take_while(|(_, line)| *line != "]").filter(|(_, line)| line.starts_with('"')).collect()
}
