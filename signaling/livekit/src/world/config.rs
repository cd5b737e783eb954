//! What a room's world is told once, when it begins.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use livekit_protocol as proto;

/// What every description says of the media house.
#[derive(Clone, Debug)]
pub struct MediaFacts {
    /// Hash of the server's certificate.
    pub fingerprint: door::Fingerprint,
    /// Where the media house listens.
    pub candidates: Vec<sdp::Candidate>,
}

/// The credentials of one participant for a TURN server, by its session id and the time in seconds since 1970.
pub type RelayCredentials = dyn Fn(&str, u64) -> proto::IceServer + Send + Sync;

/// What clients should use besides our own candidates.
#[derive(Clone, Default)]
pub struct IceServers {
    /// The same for everybody.
    pub fixed: Vec<proto::IceServer>,
    /// A TURN server with credentials for each participant; told first.
    pub relay: Option<Arc<RelayCredentials>>,
}

impl IceServers {
    /// What a participant is told.
    pub fn of(&self, participant: &room::ParticipantSid, unix_ms: u64) -> Vec<proto::IceServer> {
        let relay = self.relay.iter().map(|make| make(&participant.to_string(), unix_ms / 1000));
        relay.chain(self.fixed.iter().cloned()).collect()
    }
}

impl fmt::Debug for IceServers {
    /// Names no credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceServers({} fixed, relay: {})", self.fixed.len(), self.relay.is_some())
    }
}

/// How the server names itself to clients.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// A dotted number; clients switch features by it.
    pub version: String,
    /// `ND_` and more.
    pub node_id: String,
    /// May be empty.
    pub region: String,
}

/// All that a [`super::World`] needs to know beforehand.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// The room's name.
    pub room_name: String,
    /// Unique in the process: the high 32 bits of the serial of every key that this world makes.
    pub room_serial: u32,
    /// Text that clients see as the room's metadata.
    pub room_metadata: String,
    /// One participant's sound and picture reach browsers as one stream.
    pub sync_streams: bool,
    /// How long viewers are told to hold pictures, at least and at most, in milliseconds; nothing leaves it to them.
    pub playout_delay_ms: Option<(u32, u32)>,
    /// Shards of the media house, at least 1.
    pub shards: u16,
    /// Participants on the home shard (`room_serial % shards`) before the rest is spread round robin.
    pub spread_after: usize,
    /// What descriptions say of the media house.
    pub media: MediaFacts,
    /// Sizes and counts.
    pub limits: room::RoomLimits,
    /// Codecs that may be published, best first.
    pub codecs: Vec<door::Codec>,
    /// How long the room waits for its first participant.
    pub empty_timeout: Duration,
    /// How long the room stays after the last participant left.
    pub departure_timeout: Duration,
    /// Participants that may be in the room at once; 0 is without limit.
    pub max_participants: u32,
    /// Seconds between a client's pings; never 0.
    pub ping_interval_s: u32,
    /// Seconds without an answer after which a client gives the signal up; never 0.
    pub ping_timeout_s: u32,
    /// Server facts for the join response.
    pub server: ServerFacts,
    /// What clients should use besides our own candidates; empty keeps them from reaching out.
    pub ice_servers: IceServers,
    /// Decides every random choice of this world, its ICE passwords among them: nobody may guess it.
    pub seed: [u8; 32],
}
