//! One participant's client: its websocket and its peer connections.

mod publisher;
mod single;
mod subscriber;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use door::{ChannelLabel, Kind, PeerKey, ShardId};
use livekit_protocol as proto;
use proto::client_info::Sdk;
use room::{ParticipantSid, TrackSid};
use wire::Mid;

pub(super) use publisher::{PublishedSection, Publisher};
pub(super) use single::Requirement;
pub(super) use subscriber::{Outstanding, Subscriber};

use super::link::Link;
use super::observed::Observed;
use super::pace::{Backlog, Pace};
use super::quality::Condition;
use super::replay::Behind;
use super::signal::Sabotage;
use super::subscription::{Down, Place};
use super::{ConnectionId, Mode};

/// Requests to publish a track whose cid is still in use, per participant.
pub(super) const QUEUED_TRACKS_MAX: usize = 20;

/// Clients from this protocol version on find a track whose stream is not named after it.
const SYNCS_STREAMS: i32 = 10;

/// Signal and media state of one participant.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) sid: ParticipantSid,
    pub(super) identity: String,
    /// The websocket; none while the client is between two.
    pub(super) connection: Option<ConnectionId>,
    pub(super) mode: Mode,
    pub(super) client: proto::ClientInfo,
    pub(super) kind_details: Vec<i32>,
    pub(super) claims_json: String,
    pub(super) adaptive_stream: bool,
    /// Its videos are paused where they do not fit its link, or keep their lowest layer; nothing when it did not say.
    pub(super) pauses: Option<bool>,
    /// Where its peers live.
    pub(super) shard: ShardId,
    /// The subscriber connection decides whether media is up, and carries data to the client.
    pub(super) subscriber_primary: bool,
    pub(super) publisher: Publisher,
    pub(super) subscriber: Subscriber,
    pub(super) requirement: Requirement,
    pub(super) downs: BTreeMap<TrackSid, Down>,
    pub(super) queued_tracks: Vec<proto::AddTrackRequest>,
    /// The last reliable data message taken from the client.
    pub(super) reliable_sequence: u32,
    /// Set while it must be sent kept reliable messages before any new one.
    pub(super) behind: Option<Behind>,
    /// The first reliable message of the room that was sent after it joined.
    pub(super) replay_from: u64,
    /// How it sends data.
    pub(super) pace: Pace,
    /// How it reads data.
    pub(super) backlog: Backlog,
    /// The version of its own info that the client was told last.
    pub(super) told_version: u32,
    /// It receives every data track without asking.
    pub(super) auto_data_tracks: bool,
    /// Tracks that it was told it may not receive.
    pub(super) denied: BTreeSet<TrackSid>,
    /// How good its connections are.
    pub(super) condition: Condition,
    /// How its media flows, by connection.
    pub(super) observed: BTreeMap<PeerKey, Box<Observed>>,
    /// What it used.
    pub(super) usage: crate::view::Usage,
    /// How its next resume is to fail, on its own wish.
    pub(super) sabotage: Option<Sabotage>,
    /// When its client was heard of last by signal.
    pub(super) heard: Instant,
    /// Its media was up once.
    pub(super) entered: bool,
}

impl Session {
    /// The connection that decides whether media is up, and carries data to the client.
    pub(super) fn primary(&self) -> Option<&Link> {
        if self.subscriber_primary { self.subscriber.link.as_ref() } else { self.publisher.link.as_ref() }
    }

    /// Whether `link` of this session, by key, is the deciding one.
    pub(super) fn is_primary(&self, key: door::PeerKey) -> bool {
        self.primary().is_some_and(|it| it.key == key)
    }

    /// Both connections, as far as they exist.
    pub(super) fn links(&self) -> impl Iterator<Item = &Link> {
        self.publisher.link.iter().chain(self.subscriber.link.iter())
    }

    pub(super) fn link_mut(&mut self, key: door::PeerKey) -> Option<&mut Link> {
        self.publisher.link.iter_mut().chain(self.subscriber.link.iter_mut()).find(|it| it.key == key)
    }

    /// Media of the deciding connection is up.
    pub(super) fn is_connected(&self) -> bool {
        self.primary().is_some_and(|it| it.connected)
    }

    /// The peer that carries a channel's data to the client, when the channel is open.
    pub(super) fn open_for(&self, channel: &ChannelLabel) -> Option<PeerKey> {
        self.primary().filter(|it| it.channels.contains(channel)).map(|it| it.key)
    }

    /// Media of a connection was up and is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.links().any(|it| it.lost)
    }

    /// Subscriptions of `kind` without a media section, in order.
    pub(super) fn waiting(&self, kind: Kind) -> impl Iterator<Item = &TrackSid> {
        let waits = move |down: &Down| down.kind == kind && down.place == Place::Waiting;
        self.downs.iter().filter(move |(_, down)| waits(down)).map(|(track, _)| track)
    }

    /// Its client brings libwebrtc itself instead of being in a browser.
    pub(super) fn is_native(&self) -> bool {
        !matches!(self.client.sdk(), Sdk::Unknown | Sdk::Js | Sdk::UnityWeb)
    }

    /// Which track flows to the client on `mid`.
    pub(super) fn down_at(&self, mid: Mid) -> Option<&TrackSid> {
        self.downs.iter().find(|(_, down)| down.place.mid() == Some(mid)).map(|(track, _)| track)
    }

    /// Which section carries which track to the client.
    pub(super) fn mid_to_track(&self) -> std::collections::HashMap<String, String> {
        let placed = self.downs.iter().filter_map(|(track, down)| Some((down.place.mid()?, track)));
        placed.map(|(mid, track)| (mid.to_string(), track.to_string())).collect()
    }

    /// Firefox cannot tell tracks of one stream apart, and old clients look for the track in the stream's name.
    pub(super) fn syncs_streams(&self) -> bool {
        self.client.protocol >= SYNCS_STREAMS && !self.client.browser.eq_ignore_ascii_case("firefox")
    }

    /// Firefox neither keeps our order of codecs on some systems nor sends the announced track id.
    pub(super) fn ignores_codec_order(&self) -> bool {
        let os = self.client.os.to_ascii_lowercase();
        self.client.browser.eq_ignore_ascii_case("firefox") && (os.contains("linux") || os.contains("android"))
    }
}
