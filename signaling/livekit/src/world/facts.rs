//! What clients are told of the room, the server and the codecs.

use door::Codec;
use livekit_protocol as proto;
use proto::server_info::Edition;

use super::publication::is_video;
use super::{ServerFacts, World};

/// The protocol version that the server speaks. From 18 on clients would negotiate data channels out of band.
const PROTOCOL: i32 = 17;
/// The agents' protocol version.
const AGENT_PROTOCOL: i32 = 1;

impl World {
    /// The room in LiveKit's words.
    pub(super) fn room_info(&self) -> proto::Room {
        let config = &self.config;
        let visible = || self.room.participants().filter(|it| !it.grants.hidden && !it.is_dependent());
        let publishers = visible().filter(|it| it.is_publisher).count();
        let created_ms = i64::try_from(self.created_unix_ms).unwrap_or(i64::MAX);
        proto::Room {
            sid: self.room.sid().to_string(),
            name: config.room_name.clone(),
            empty_timeout: u32::try_from(config.empty_timeout.as_secs()).unwrap_or(u32::MAX),
            departure_timeout: u32::try_from(config.departure_timeout.as_secs()).unwrap_or(u32::MAX),
            max_participants: config.max_participants,
            creation_time: created_ms / 1000,
            creation_time_ms: created_ms,
            enabled_codecs: self.enabled_codecs(),
            metadata: config.room_metadata.clone(),
            num_participants: u32::try_from(visible().count()).unwrap_or(u32::MAX),
            num_publishers: u32::try_from(publishers).unwrap_or(u32::MAX),
            active_recording: self.room.participants().any(|it| it.grants.recorder),
            ..Default::default()
        }
    }

    /// Pictures first: a client that asks for a codec which is not there takes the first picture codec.
    pub(super) fn enabled_codecs(&self) -> Vec<proto::Codec> {
        let codec = |mime: String| proto::Codec { mime, fmtp_line: String::new() };
        let of = |video: bool| self.config.codecs.iter().copied().filter(move |it: &Codec| is_video(*it) == video);
        let mut codecs: Vec<_> = of(true).map(|it| codec(sdp::mime(it))).collect();
        if !codecs.is_empty() {
            codecs.push(codec("video/rtx".into()));
        }
        codecs.extend(of(false).map(|it| codec(sdp::mime(it))));
        codecs
    }

    /// The server in LiveKit's words.
    pub(super) fn server_info(&self) -> proto::ServerInfo {
        server_info(&self.config.server)
    }
}

/// The server in LiveKit's words.
pub(crate) fn server_info(facts: &ServerFacts) -> proto::ServerInfo {
    proto::ServerInfo {
        edition: Edition::Standard.into(),
        version: facts.version.clone(),
        protocol: PROTOCOL,
        region: facts.region.clone(),
        node_id: facts.node_id.clone(),
        debug_info: String::new(),
        agent_protocol: AGENT_PROTOCOL,
    }
}

/// What a client should avoid: Safari's AV1 and, on Linux and Android, Firefox's H.264 encoder.
pub(super) fn client_configuration(client: &proto::ClientInfo) -> Option<proto::ClientConfiguration> {
    let codec = |mime: &str| vec![proto::Codec { mime: mime.into(), fmtp_line: String::new() }];
    let os = client.os.to_ascii_lowercase();
    let disabled = match client.browser.to_ascii_lowercase().as_str() {
        "safari" => proto::DisabledCodecs { codecs: codec("video/AV1"), publish: vec![] },
        "firefox" if os.contains("linux") || os.contains("android") => {
            proto::DisabledCodecs { codecs: vec![], publish: codec("video/H264") }
        }
        _ => return None,
    };
    Some(proto::ClientConfiguration { disabled_codecs: Some(disabled), ..Default::default() })
}
