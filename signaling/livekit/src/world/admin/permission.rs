//! Words and rights of a participant, changed while it is there.
#![allow(deprecated)] // Server SDKs still set `recorder` and `agent` in permissions.

use livekit_protocol as proto;
use proto::participant_info::State as ProtoState;
use proto::signal_response::Message;
use room::{Grants, ParticipantSid, TrackSid};

use super::{Fault, Reply, profile_fault};
use crate::world::participant::info;
use crate::world::publication::source;
use crate::world::{Now, World};

impl World {
    /// Name, metadata and attributes as far as they are given, then the rights, which are replaced as a whole.
    pub(super) fn update_participant(
        &mut self,
        request: proto::UpdateParticipantRequest,
        now: Now,
    ) -> Result<Reply, Fault> {
        let sid = self.named(&request.identity)?;
        let attributes = request.attributes.into_iter().collect();
        let limits = *self.room.limits();
        self.room
            .amend_profile(&sid, &request.name, &request.metadata, &attributes)
            .map_err(|error| profile_fault(error, &limits))?;
        if let Some(permission) = &request.permission {
            self.permit(&sid, permission, now);
        }
        self.refresh_token(&sid, now);
        self.somebody(&request.identity)
    }

    fn permit(&mut self, sid: &ParticipantSid, permission: &proto::ParticipantPermission, now: Now) {
        let Some(before) = self.room.participant(sid).map(|it| it.grants.clone()) else { return };
        let grants = grants(permission, &before);
        let recorder = grants.recorder;
        if !self.room.set_grants(sid, grants, now.monotonic) {
            return;
        }
        self.follow_data_rights(sid, &before);
        let publishes = self.sessions.get(sid).and_then(|it| it.publisher.link.as_ref());
        if publishes.is_some_and(|it| it.connected) {
            self.room.set_publisher(sid);
        }
        if recorder != before.recorder {
            self.broadcast_room();
        }
        self.room_changed(now);
    }

    /// A track's right is gone: its publisher is told to let go of it.
    pub(in crate::world) fn withdrawn(&mut self, publisher: &ParticipantSid, track: &TrackSid) {
        self.tell(
            publisher,
            Message::TrackUnpublished(proto::TrackUnpublishedResponse { track_sid: track.to_string() }),
        );
    }

    /// Others are told that a participant has left, who in truth is hidden from here on.
    pub(in crate::world) fn vanished(&mut self, sid: &ParticipantSid) {
        let Some(participant) = self.room.participant(sid) else { return };
        let mut last = info(participant, self.sessions.get(sid).map(Box::as_ref));
        last.state = ProtoState::Disconnected.into();
        let others = self.sessions.values().filter(|it| it.sid != *sid).filter_map(|it| it.connection);
        for connection in others.collect::<Vec<_>>() {
            self.say(connection, Message::Update(proto::ParticipantUpdate { participants: vec![last.clone()] }));
        }
    }
}

/// The rights that a permission names; the right to administrate the room is the token's alone.
fn grants(permission: &proto::ParticipantPermission, before: &Grants) -> Grants {
    Grants {
        can_publish: permission.can_publish,
        can_subscribe: permission.can_subscribe,
        can_publish_data: permission.can_publish_data,
        can_publish_sources: permission.can_publish_sources.iter().map(|it| source(*it)).collect(),
        can_update_metadata: permission.can_update_metadata,
        can_subscribe_metrics: permission.can_subscribe_metrics,
        can_manage_agent_session: permission.can_manage_agent_session,
        hidden: permission.hidden,
        recorder: permission.recorder,
        agent: permission.agent,
        room_admin: before.room_admin,
    }
}
