//! Tells clients who and what is in the room.

use livekit_protocol as proto;
use proto::signal_response::Message;
use room::ParticipantSid;

use super::alarm::{Alarm, REFRESH_INTERVAL, ROOM_UPDATE_INTERVAL};
use super::{Now, Output, Refresh, World};

impl World {
    /// One update to everybody with all participants that changed. Hidden ones are told of themselves only.
    pub(super) fn flush_updates(&mut self) {
        let changed = std::mem::take(&mut self.changed);
        let infos: Vec<_> = changed
            .iter()
            .filter_map(|sid| self.room.participant(sid))
            .map(|it| (it.sid.clone(), it.grants.hidden, self.participant_info(it)))
            .collect();
        if infos.is_empty() {
            return;
        }
        let mut updates = Vec::new();
        for session in self.sessions.values_mut() {
            let Some(connection) = session.connection else { continue };
            let told = session.told_version;
            let news = |(sid, hidden, info): &&(ParticipantSid, bool, proto::ParticipantInfo)| {
                if *sid == session.sid { info.version > told } else { !hidden }
            };
            let participants: Vec<_> = infos.iter().filter(news).map(|(.., info)| info.clone()).collect();
            if let Some((.., own)) = infos.iter().find(|(sid, ..)| *sid == session.sid) {
                session.told_version = own.version;
            }
            if !participants.is_empty() {
                updates.push((connection, participants));
            }
        }
        for (connection, participants) in updates {
            self.say(connection, Message::Update(proto::ParticipantUpdate { participants }));
        }
    }

    /// The room's counts changed: they are told soon.
    pub(super) fn room_changed(&mut self, now: Now) {
        if !self.room.is_finished() {
            self.alarms.set_once(now.monotonic + ROOM_UPDATE_INTERVAL, Alarm::RoomUpdate);
        }
    }

    /// Tells everybody of the room itself.
    pub(super) fn broadcast_room(&mut self) {
        let room = self.room_info();
        let connections: Vec<_> = self.connections.keys().copied().collect();
        for connection in connections {
            self.say(connection, Message::RoomUpdate(proto::RoomUpdate { room: Some(room.clone()) }));
        }
    }

    /// Has a fresh token signed and sent, and comes again.
    pub(super) fn refresh_token(&mut self, sid: &ParticipantSid, now: Now) {
        let (Some(session), Some(participant)) = (self.sessions.get(sid), self.room.participant(sid)) else { return };
        self.alarms.set(now.monotonic + REFRESH_INTERVAL, Alarm::Refresh(sid.clone()));
        let Some(connection) = session.connection else { return };
        let refresh = Refresh {
            claims_json: session.claims_json.clone(),
            identity: participant.identity.clone(),
            name: participant.name.clone(),
            metadata: participant.metadata.clone(),
            attributes: participant.attributes.clone(),
            grants: participant.grants.clone(),
        };
        self.outputs.push_back(Output::RefreshToken(connection, Box::new(refresh)));
    }
}
