//! Lets somebody in and tells the newcomer everything.

use std::collections::{BTreeMap, BTreeSet};

use livekit_protocol as proto;
use proto::signal_response::Message;
use room::{JoinError, Newcomer, ParticipantSid};

use super::facts::client_configuration;
use super::pace::{Backlog, Pace};
use super::quality::Condition;
use super::replay::Behind;
use super::session::{Publisher, Requirement, Session, Subscriber};
use super::{Join, JoinRefusal, Mode, Now, Output, World};

impl World {
    /// Somebody knocks.
    pub(super) fn join(&mut self, join: Join, now: Now) {
        if join.reconnect {
            return self.resume(join, now);
        }
        let connection = join.connection;
        let admitted = newcomer(&join).and_then(|newcomer| {
            let joined = self.room.join(newcomer, now.monotonic, now.unix_ms, &mut self.rng);
            joined.map_err(refusal)
        });
        match admitted {
            Ok(sid) => self.admit(sid, join, now),
            Err(refusal) => self.outputs.push_back(Output::Refused(connection, refusal)),
        }
    }

    fn admit(&mut self, sid: ParticipantSid, mut join: Join, now: Now) {
        // An older session of the same identity ends first.
        self.drain(now);
        let request = std::mem::take(&mut join.request);
        self.outputs.push_back(Output::Accepted(join.connection));
        self.connections.insert(join.connection, sid.clone());
        let shard = self.mint.shard_for(self.sessions.len());
        let settings = request.connection_settings.unwrap_or(DEFAULT_SETTINGS);
        let session = session(&sid, join, settings, shard, self.replay.next(), now);
        let offers_first = session.subscriber_primary;
        self.sessions.insert(sid.clone(), Box::new(session));
        self.begin();
        self.room.answered(&sid);
        self.tell_joined(&sid, now);
        self.subscribe_all_data_tracks(&sid);
        self.drain(now);
        if offers_first && let Some(session) = self.sessions.get_mut(&sid) {
            session.subscriber.stale = true;
            self.dirty.insert(sid.clone());
        }
        for track in request.add_track_requests {
            self.add_track(&sid, track);
        }
        if let Some(offer) = request.publisher_offer.filter(|it| !it.sdp.is_empty()) {
            self.client_offer(&sid, &offer, now);
        }
        self.refresh_token(&sid, now);
        self.room_changed(now);
    }

    fn tell_joined(&mut self, sid: &ParticipantSid, now: Now) {
        let Some(participant) = self.room.participant(sid) else { return };
        let (version, can_publish) = (participant.version, participant.grants.can_publish);
        let info = self.participant_info(participant);
        let others = self.others_infos(sid);
        let (room, server_info, codecs) = (self.room_info(), self.server_info(), self.enabled_codecs());
        let Some(session) = self.sessions.get_mut(sid) else { return };
        session.told_version = version;
        let response = proto::JoinResponse {
            room: Some(room),
            participant: Some(info),
            other_participants: others,
            server_version: server_info.version.clone(),
            ice_servers: self.config.ice_servers.of(sid, now.unix_ms),
            subscriber_primary: session.subscriber_primary,
            client_configuration: client_configuration(&session.client),
            server_region: server_info.region.clone(),
            ping_timeout: i32::try_from(self.config.ping_timeout_s).unwrap_or(i32::MAX).max(1),
            ping_interval: i32::try_from(self.config.ping_interval_s).unwrap_or(i32::MAX).max(1),
            server_info: Some(server_info),
            enabled_publish_codecs: codecs,
            fast_publish: can_publish,
            ..Default::default()
        };
        self.tell(sid, Message::Join(response));
    }
}

/// What holds for a client that says nothing: LiveKit's default of old.
const DEFAULT_SETTINGS: proto::ConnectionSettings = proto::ConnectionSettings {
    auto_subscribe: true,
    adaptive_stream: false,
    subscriber_allow_pause: None,
    disable_ice_lite: false,
    auto_subscribe_data_track: None,
};

/// The token's participant with what the request overwrites, which takes a right.
fn newcomer(join: &Join) -> Result<Newcomer, JoinRefusal> {
    let request = &join.request;
    let overwrites = !request.metadata.is_empty() || request.participant_attributes.values().any(|it| !it.is_empty());
    if overwrites && !join.grants.can_update_metadata {
        return Err(JoinRefusal::MetadataNotAllowed);
    }
    let mut attributes: BTreeMap<String, String> = join.attributes.clone();
    let given = request.participant_attributes.iter().filter(|(_, value)| !value.is_empty());
    attributes.extend(given.map(|(key, value)| (key.clone(), value.clone())));
    let metadata = if request.metadata.is_empty() { &join.metadata } else { &request.metadata };
    Ok(Newcomer {
        identity: join.identity.clone(),
        name: join.name.clone(),
        metadata: metadata.clone(),
        attributes,
        kind: join.kind,
        grants: join.grants.clone(),
        auto_subscribe: request.connection_settings.unwrap_or(DEFAULT_SETTINGS).auto_subscribe,
    })
}

fn refusal(error: JoinError) -> JoinRefusal {
    match error {
        JoinError::IdentityEmpty => JoinRefusal::IdentityEmpty,
        JoinError::TooLarge => JoinRefusal::TooLarge,
        JoinError::Full => JoinRefusal::RoomFull,
        JoinError::Finished => JoinRefusal::Closing,
    }
}

fn session(
    sid: &ParticipantSid,
    join: Join,
    settings: proto::ConnectionSettings,
    shard: door::ShardId,
    replay_from: u64,
    now: Now,
) -> Session {
    Session {
        sid: sid.clone(),
        identity: join.identity,
        connection: Some(join.connection),
        mode: join.mode,
        client: join.client_info,
        kind_details: join.kind_details,
        claims_json: join.claims_json,
        adaptive_stream: settings.adaptive_stream,
        pauses: settings.subscriber_allow_pause,
        shard,
        subscriber_primary: join.mode == Mode::Dual && join.grants.can_subscribe,
        publisher: Publisher::default(),
        subscriber: Subscriber::default(),
        requirement: Requirement::default(),
        downs: BTreeMap::new(),
        queued_tracks: Vec::new(),
        reliable_sequence: 0,
        behind: Some(Behind::from(replay_from)),
        replay_from,
        pace: Pace::default(),
        backlog: Backlog::default(),
        told_version: 0,
        auto_data_tracks: settings.auto_subscribe_data_track.unwrap_or(false),
        denied: BTreeSet::new(),
        condition: Condition::default(),
        observed: BTreeMap::new(),
        usage: crate::view::Usage::default(),
        sabotage: None,
        heard: now.monotonic,
        entered: false,
    }
}
