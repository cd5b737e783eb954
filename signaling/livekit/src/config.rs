//! What an operator decides about the dialect; plain checked values, no file format.

use std::collections::BTreeMap;
use std::time::Duration;

use door::Codec;
use quota::Rate;

use crate::token::Keys;
use crate::world::{IceServers, MediaFacts, ServerFacts};

/// Everything the lobby must know before the first join.
#[derive(Clone, Debug)]
pub struct Config {
    /// API keys and their secrets. Without any, every join is refused.
    pub keys: Keys,
    /// Number of media shards over which the peers are spread, at least 1.
    pub shards: u16,
    /// How many of a room's participants share one shard before the next shard is used.
    pub spread_after: usize,
    /// What SDP must say of the media house.
    pub media: MediaFacts,
    /// How rooms are born and end.
    pub room: RoomSettings,
    /// When to say no.
    pub limits: Limits,
    /// What clients get as `JoinResponse.ice_servers`.
    pub ice_servers: IceServers,
    /// The rhythm of the signal connection.
    pub signal: SignalSettings,
    /// How the server names itself in `JoinResponse.server_info`.
    pub server: ServerFacts,
}

/// How rooms are born and end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomSettings {
    /// A join creates its room. Otherwise only a token with `roomCreate` does.
    pub auto_create: bool,
    /// Seconds until a room that nobody entered ends.
    pub empty_timeout_s: u32,
    /// Seconds until a room ends after its last participant left.
    pub departure_timeout_s: u32,
    /// Participants per room; 0 is no limit.
    pub max_participants: u32,
    /// Sizes and counts inside one room; its `participants_max` is overruled by `max_participants`.
    pub limits: room::RoomLimits,
    /// Codecs that may be published, best first.
    pub codecs: Vec<Codec>,
    /// An administrator may give a muted track voice again, not only silence it.
    pub remote_unmute: bool,
    /// One participant's sound and picture reach browsers as one stream, played in step.
    pub sync_streams: bool,
    /// How long viewers are told to hold pictures, at least and at most, in milliseconds; nothing leaves it to them.
    pub playout_delay_ms: Option<(u32, u32)>,
    /// Settings by name, for rooms that are made by that name (`roomPreset`, `room_preset`).
    pub presets: BTreeMap<String, RoomWish>,
}

/// The longest time that pictures are held where only the shortest is told, in milliseconds: the configuration's default.
const PLAYOUT_DELAY_MAX_MS: u32 = 2_000;

/// What one room is to be like; 0 and empty text leave the default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoomWish {
    /// Seconds until it ends when nobody enters.
    pub empty_timeout_s: u32,
    /// Seconds until it ends after its last participant left.
    pub departure_timeout_s: u32,
    /// Participants at a time.
    pub max_participants: u32,
    /// What everybody may read.
    pub metadata: String,
    /// Sound and picture in step, also where that is not the default.
    pub sync_streams: bool,
    /// How long viewers hold pictures, at least, in milliseconds.
    pub playout_delay_min_ms: u32,
    /// How long viewers hold pictures, at most, in milliseconds.
    pub playout_delay_max_ms: u32,
}

impl RoomWish {
    /// This wish, and where it says nothing another.
    pub fn over(self, below: &Self) -> Self {
        let or = |above: u32, below: u32| if above == 0 { below } else { above };
        Self {
            empty_timeout_s: or(self.empty_timeout_s, below.empty_timeout_s),
            departure_timeout_s: or(self.departure_timeout_s, below.departure_timeout_s),
            max_participants: or(self.max_participants, below.max_participants),
            metadata: if self.metadata.is_empty() { below.metadata.clone() } else { self.metadata },
            sync_streams: self.sync_streams || below.sync_streams,
            playout_delay_min_ms: or(self.playout_delay_min_ms, below.playout_delay_min_ms),
            playout_delay_max_ms: or(self.playout_delay_max_ms, below.playout_delay_max_ms),
        }
    }

    /// How long viewers hold pictures, at least and at most, in milliseconds; nothing when it says nothing of that.
    pub fn playout_delay_ms(&self) -> Option<(u32, u32)> {
        match (self.playout_delay_min_ms, self.playout_delay_max_ms) {
            (0, 0) => None,
            (min, 0) => Some((min, min.max(PLAYOUT_DELAY_MAX_MS))),
            delays => Some(delays),
        }
    }
}

impl Default for RoomSettings {
    /// LiveKit's own defaults.
    fn default() -> Self {
        let codecs = [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1, Codec::H265];
        let codecs = codecs.into_iter().chain([Codec::Opus, Codec::Red, Codec::Pcmu, Codec::Pcma]);
        Self {
            auto_create: true,
            empty_timeout_s: 300,
            departure_timeout_s: 20,
            max_participants: 0,
            limits: room::RoomLimits::default(),
            codecs: codecs.collect(),
            remote_unmute: false,
            sync_streams: false,
            playout_delay_ms: None,
            presets: BTreeMap::new(),
        }
    }
}

/// When to say no. A join beyond a limit is answered with 503.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Rooms at a time.
    pub rooms_max: usize,
    /// Signal connections at a time.
    pub connections_max: usize,
    /// Longest room name, in bytes.
    pub room_name_bytes_max: usize,
    /// Longest participant identity, in bytes.
    pub identity_bytes_max: usize,
    /// Longest body of a request to the server API, in bytes.
    pub api_body_bytes_max: usize,
    /// Longest time from a token's `nbf` to its `exp` with which it opens a room; zero is any.
    pub token_life_max: Duration,
    /// Joins of one identity in one room; beyond, 429.
    pub identity: Rate,
    /// Requests to the server API with one key; beyond, 429.
    pub key: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rooms_max: 10_000,
            connections_max: 50_000,
            room_name_bytes_max: 256,
            identity_bytes_max: 256,
            api_body_bytes_max: 10 * 1024 * 1024,
            token_life_max: Duration::ZERO,
            identity: Rate::NONE,
            key: Rate::NONE,
        }
    }
}

/// The rhythm of the signal connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignalSettings {
    /// How often the client should send its own ping, told in `JoinResponse`; whole seconds, not zero.
    pub ping_interval: Duration,
    /// When the client should give the connection up, told in `JoinResponse`; whole seconds, not zero.
    pub ping_timeout: Duration,
    /// A client that has sent nothing for so long gets a WebSocket ping (RFC 6455 section 5.5.2), and then another.
    pub socket_ping_interval: Duration,
    /// A WebSocket that shows no frame at all for so long, not even a pong, is dead and closed.
    pub socket_silence_max: Duration,
}

impl Default for SignalSettings {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(5),
            ping_timeout: Duration::from_secs(15),
            socket_ping_interval: Duration::from_secs(10),
            socket_silence_max: Duration::from_secs(60),
        }
    }
}
