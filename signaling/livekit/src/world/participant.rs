//! A participant in LiveKit's words.
#![allow(deprecated)] // Older clients read `recorder` and `agent` in the permissions.

use livekit_protocol as proto;
use proto::DisconnectReason;
use proto::participant_info::{Kind as ProtoKind, State as ProtoState};
use room::{Grants, LeaveReason, Participant, ParticipantKind, State};

use super::World;
use super::publication::proto_source;
use super::session::Session;

impl World {
    /// What clients are told of a participant.
    pub(super) fn participant_info(&self, participant: &Participant) -> proto::ParticipantInfo {
        let session = self.sessions.get(&participant.sid).map(Box::as_ref);
        proto::ParticipantInfo {
            tracks: self.track_infos(participant),
            data_tracks: self.data_track_infos(&participant.sid),
            ..info(participant, session)
        }
    }

    fn track_infos(&self, participant: &Participant) -> Vec<proto::TrackInfo> {
        let announced = participant.publications.iter().filter_map(|sid| {
            let publication = self.room.publication(sid).filter(|it| it.announced)?;
            Some(self.tracks.get(sid)?.info(publication))
        });
        announced.collect()
    }

    /// Everybody that `viewer` may see, without itself.
    pub(super) fn others_infos(&self, viewer: &room::ParticipantSid) -> Vec<proto::ParticipantInfo> {
        let visible = |it: &&Participant| it.sid != *viewer && !it.grants.hidden && it.state > State::Joining;
        self.room.participants().filter(visible).map(|it| self.participant_info(it)).collect()
    }
}

/// What clients are told of a participant, without its tracks. `session` is its client, while there is one.
pub(super) fn info(participant: &Participant, session: Option<&Session>) -> proto::ParticipantInfo {
    let joined_ms = i64::try_from(participant.joined_unix_ms).unwrap_or(i64::MAX);
    proto::ParticipantInfo {
        sid: participant.sid.to_string(),
        identity: participant.identity.clone(),
        state: state(participant.state).into(),
        metadata: participant.metadata.clone(),
        joined_at: joined_ms / 1000,
        joined_at_ms: joined_ms,
        name: participant.name.clone(),
        version: participant.version,
        permission: Some(permission(&participant.grants)),
        is_publisher: participant.is_publisher,
        kind: kind(participant.kind).into(),
        attributes: participant.attributes.clone().into_iter().collect(),
        kind_details: session.map(|it| it.kind_details.clone()).unwrap_or_default(),
        client_protocol: session.map(|it| it.client.client_protocol).unwrap_or_default(),
        capabilities: session.map(|it| it.client.capabilities.clone()).unwrap_or_default(),
        ..Default::default()
    }
}

fn state(state: State) -> ProtoState {
    match state {
        State::Joining => ProtoState::Joining,
        State::Joined => ProtoState::Joined,
        State::Active => ProtoState::Active,
        State::Disconnected => ProtoState::Disconnected,
    }
}

fn kind(kind: ParticipantKind) -> ProtoKind {
    match kind {
        ParticipantKind::Standard => ProtoKind::Standard,
        ParticipantKind::Ingress => ProtoKind::Ingress,
        ParticipantKind::Egress => ProtoKind::Egress,
        ParticipantKind::Sip => ProtoKind::Sip,
        ParticipantKind::Agent => ProtoKind::Agent,
        ParticipantKind::Connector => ProtoKind::Connector,
        ParticipantKind::Bridge => ProtoKind::Bridge,
    }
}

/// Grants as clients and the server API know them.
pub(crate) fn permission(grants: &Grants) -> proto::ParticipantPermission {
    proto::ParticipantPermission {
        can_subscribe: grants.can_subscribe,
        can_publish: grants.can_publish,
        can_publish_data: grants.can_publish_data,
        can_publish_sources: grants.can_publish_sources.iter().map(|it| proto_source(*it).into()).collect(),
        hidden: grants.hidden,
        recorder: grants.recorder,
        can_update_metadata: grants.can_update_metadata,
        agent: grants.agent,
        can_subscribe_metrics: grants.can_subscribe_metrics,
        can_manage_agent_session: grants.can_manage_agent_session,
    }
}

/// Why somebody left, in LiveKit's words.
pub(super) fn disconnect_reason(reason: LeaveReason) -> DisconnectReason {
    match reason {
        LeaveReason::ClientInitiated => DisconnectReason::ClientInitiated,
        LeaveReason::UserUnavailable => DisconnectReason::UserUnavailable,
        LeaveReason::UserRejected => DisconnectReason::UserRejected,
        LeaveReason::AgentError => DisconnectReason::AgentError,
        LeaveReason::DuplicateIdentity => DisconnectReason::DuplicateIdentity,
        LeaveReason::ServerShutdown => DisconnectReason::ServerShutdown,
        LeaveReason::Removed => DisconnectReason::ParticipantRemoved,
        LeaveReason::Moved => DisconnectReason::Migration,
        LeaveReason::RoomDeleted => DisconnectReason::RoomDeleted,
        LeaveReason::RoomClosed => DisconnectReason::RoomClosed,
        LeaveReason::StateMismatch => DisconnectReason::StateMismatch,
        LeaveReason::JoinFailure => DisconnectReason::JoinFailure,
        LeaveReason::SignalClosed => DisconnectReason::SignalClose,
        LeaveReason::ConnectionTimeout => DisconnectReason::ConnectionTimeout,
        LeaveReason::MediaFailure => DisconnectReason::MediaFailure,
    }
}
