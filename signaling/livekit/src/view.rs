//! A room as an operator looks at it: who is there, what flows, and why it is bad where it is. Plain data.

use door::Leg;
use serde::Serialize;

use crate::verdict::Verdict;

/// One room.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct RoomView {
    /// Its name.
    pub name: String,
    /// Its id.
    pub sid: String,
    /// When it began, in milliseconds since 1970.
    pub since_ms: u64,
    /// Everybody, hidden ones too.
    pub people: Vec<PersonView>,
    /// Media that it moved since it began.
    pub traffic: Traffic,
    /// What transcoding for it cost since it began.
    pub transcode: Coded,
}

/// One participant.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct PersonView {
    /// Id of the session.
    pub sid: String,
    /// Who it is.
    pub identity: String,
    /// What others see; may be empty.
    pub name: String,
    /// `standard`, `agent`, `ingress` and so on.
    pub kind: String,
    /// Browser, system and SDK, as far as the client told.
    pub client: String,
    /// Where it comes from, as far as is known.
    pub address: String,
    /// Since when, in milliseconds since 1970.
    pub joined_ms: u64,
    /// Seconds since then.
    pub here_s: u64,
    /// It has a signal connection.
    pub signalled: bool,
    /// Its media is up, or is not asked of it.
    pub connected: bool,
    /// Nothing is heard of its media.
    pub silent: bool,
    /// By which way its media travels: `udp`, `tcp` or `turn`.
    pub leg: Option<&'static str>,
    /// Round trip in milliseconds.
    pub rtt_ms: Option<u16>,
    /// What it sends, as it arrives.
    pub up: Way,
    /// What it is sent, as it arrives there.
    pub down: Way,
    /// What the way to it is thought to carry, in bits per second.
    pub estimate_bps: Option<u64>,
    /// What it publishes.
    pub tracks: Vec<TrackView>,
    /// What it receives.
    pub watches: Vec<WatchView>,
    /// Media that it moved since it came.
    pub traffic: Traffic,
    /// What transcoding its media cost since it came.
    pub transcode: Coded,
    /// What is wrong, the worst first; empty when all is well.
    pub verdicts: Vec<Verdict>,
}

/// One direction of a participant's media, over the last seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Way {
    /// Bits per second.
    pub bps: u64,
    /// Packets lost and not recovered, in thousandths, of the worst track; none when nothing was told.
    pub loss_permille: Option<u16>,
    /// Jitter in milliseconds, of the worst track.
    pub jitter_ms: Option<u16>,
}

/// A published track.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct TrackView {
    /// Its id.
    pub sid: String,
    /// Its name; may be empty.
    pub name: String,
    /// `camera`, `microphone`, `screen_share` and so on.
    pub source: String,
    /// Something to see.
    pub is_video: bool,
    /// Its codec.
    pub codec: String,
    /// It is silenced.
    pub muted: bool,
    /// Pixels, 0 for sound.
    pub width: u32,
    /// Pixels, 0 for sound.
    pub height: u32,
    /// Bits per second of all encodings.
    pub bps: u64,
    /// Media bytes since it began.
    pub bytes: u64,
    /// Encodings that are sent, the smallest first.
    pub encodings: Vec<EncodingView>,
    /// Participants that receive it.
    pub viewers: usize,
}

/// An encoding that is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct EncodingView {
    /// Its place, 0 is the smallest.
    pub index: u8,
    /// Bits per second.
    pub bps: u64,
    /// Pictures per second.
    pub fps: u16,
    /// The most pictures per second of the last minutes.
    pub fps_best: u16,
}

/// A track that is received.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct WatchView {
    /// Its id.
    pub sid: String,
    /// Whose it is, by identity.
    pub of: String,
    /// `camera`, `microphone` and so on.
    pub source: String,
    /// Something to see.
    pub is_video: bool,
    /// Bits per second.
    pub bps: u64,
    /// Media bytes since it began.
    pub bytes: u64,
    /// Spatial and temporal layer that is sent.
    pub layer: Option<(u8, u8)>,
    /// Encodings that its publisher sends.
    pub layers: u8,
    /// Its viewer's link allows less than its viewer wishes.
    pub limited: bool,
    /// The link does not even allow the lowest layer.
    pub paused: bool,
    /// Its viewer wants nothing of it at present.
    pub off: bool,
    /// What its publisher's uplink loses, in thousandths: its viewer misses that as well, but it is not its link's loss.
    pub up_loss_permille: u16,
    /// By how much its publisher's uplink trembles, in milliseconds.
    pub up_jitter_ms: u16,
}

/// Bytes of media, payloads alone, by the way that they went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Traffic {
    /// By UDP.
    pub udp: Bytes,
    /// By TCP.
    pub tcp: Bytes,
    /// Through TURN.
    pub turn: Bytes,
}

/// What a room or a participant used of this server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Media that it moved.
    pub traffic: Traffic,
    /// What transcoding its media cost.
    pub transcode: Coded,
}

/// What transcoding cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Coded {
    /// Milliseconds during which sound or pictures were transcoded, each counted by itself.
    pub ran_ms: u64,
    /// Processor time for it, in milliseconds.
    pub cpu_ms: u64,
}

impl Coded {
    /// Adds what came since.
    pub(crate) fn add(&mut self, more: Self) {
        self.ran_ms = self.ran_ms.saturating_add(more.ran_ms);
        self.cpu_ms = self.cpu_ms.saturating_add(more.cpu_ms);
    }
}

/// Both directions, seen from here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Bytes {
    /// Received.
    #[serde(rename = "in")]
    pub incoming: u64,
    /// Sent, without repetitions.
    #[serde(rename = "out")]
    pub outgoing: u64,
}

impl Traffic {
    /// Adds what went by a way.
    pub(crate) fn add(&mut self, leg: Leg, more: door::Bytes) {
        let bytes = match leg {
            Leg::Udp => &mut self.udp,
            Leg::Tcp => &mut self.tcp,
            Leg::Turn => &mut self.turn,
        };
        bytes.incoming = bytes.incoming.saturating_add(more.up);
        bytes.outgoing = bytes.outgoing.saturating_add(more.down);
    }

    /// All of it.
    pub(crate) fn sum(&self) -> u64 {
        self.legs().iter().map(|(_, bytes)| bytes.incoming.saturating_add(bytes.outgoing)).fold(0, u64::saturating_add)
    }

    /// Each way with its name.
    pub fn legs(&self) -> [(&'static str, Bytes); 3] {
        [(name(Leg::Udp), self.udp), (name(Leg::Tcp), self.tcp), (name(Leg::Turn), self.turn)]
    }
}

/// A way's name.
pub(crate) fn name(leg: Leg) -> &'static str {
    match leg {
        Leg::Udp => "udp",
        Leg::Tcp => "tcp",
        Leg::Turn => "turn",
    }
}
