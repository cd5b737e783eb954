//! A client that lost its websocket or its network comes back to its session.

use livekit_protocol as proto;
use proto::leave_request::Action;
use proto::signal_response::Message;
use room::{LeaveReason, ParticipantSid, Settings, TrackSid};

use super::alarm::{Alarm, MEDIA_RETURN_TIMEOUT};
use super::departure::leave;
use super::facts::client_configuration;
use super::signal::{Resume, Sabotage};
use super::{Join, Mode, Now, Output, World};

impl World {
    /// Swaps the websocket of a session that is still there, or sends the client away to join anew.
    pub(super) fn resume(&mut self, join: Join, now: Now) {
        let connection = join.connection;
        self.outputs.push_back(Output::Accepted(connection));
        let Some((sid, departed)) = self.resumable(&join) else {
            self.say(connection, Message::Leave(leave(LeaveReason::StateMismatch, Action::Reconnect)));
            return self.outputs.push_back(Output::Close(connection));
        };
        let sabotage = self.sessions.get_mut(&sid).map(|it| Sabotage::strike(&mut it.sabotage, now.monotonic));
        if sabotage == Some(Resume::EndsBefore) {
            return self.outputs.push_back(Output::Close(connection));
        }
        self.swap_connection(&sid, &join, now);
        self.tell_resumed(&sid, departed, now);
        self.tell_missed(&sid);
        if let Some(session) = self.sessions.get(&sid).filter(|it| it.is_lost()) {
            self.alarms.set(now.monotonic + MEDIA_RETURN_TIMEOUT, Alarm::Lost(session.sid.clone()));
        }
        if join.mode == Mode::Dual {
            self.restart_subscriber(&sid);
        }
        if let Some(state) = join.request.sync_state {
            self.sync_state(&sid, &state, now);
        }
        if let Some(offer) = join.request.publisher_offer.filter(|it| !it.sdp.is_empty()) {
            self.client_offer(&sid, &offer, now);
        }
        self.refresh_token(&sid, now);
        if sabotage == Some(Resume::EndsAfter) {
            self.connection_closed(connection, now);
            self.outputs.push_back(Output::Close(connection));
        }
    }

    /// The session that a client can come back to, and who has gone since it was heard of. Its peer connections belong
    /// to that very session: the identity alone may by now be somebody else's, or its own in another window.
    fn resumable(&self, join: &Join) -> Option<(ParticipantSid, Vec<proto::ParticipantInfo>)> {
        let sid = &self.room.by_identity(&join.identity)?.sid;
        let named = &join.request.participant_sid;
        let same = named.is_empty() || named == sid.as_str();
        self.sessions.get(sid).filter(|it| same && it.mode == join.mode)?;
        Some((sid.clone(), self.missed_departures(sid)?))
    }

    fn swap_connection(&mut self, sid: &ParticipantSid, join: &Join, now: Now) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        session.claims_json.clone_from(&join.claims_json);
        session.requirement.forget();
        session.heard = now.monotonic;
        let old = session.connection.replace(join.connection);
        self.connections.insert(join.connection, sid.clone());
        if let Some(old) = old {
            self.connections.remove(&old);
            self.outputs.push_back(Output::Close(old));
        }
        self.alarms.clear(&Alarm::Requirement(sid.clone()));
        self.let_go(sid);
        self.dirty.insert(sid.clone());
    }

    /// `reconnect` must be the first message: clients drop what comes before it.
    fn tell_resumed(&mut self, sid: &ParticipantSid, departed: Vec<proto::ParticipantInfo>, now: Now) {
        let Some(participant) = self.room.participant(sid) else { return };
        let version = participant.version;
        let own = self.participant_info(participant);
        let mut participants = departed;
        participants.extend(self.others_infos(sid));
        participants.push(own);
        let (room, server_info) = (self.room_info(), self.server_info());
        let Some(session) = self.sessions.get_mut(sid) else { return };
        session.told_version = version;
        let response = proto::ReconnectResponse {
            ice_servers: self.config.ice_servers.of(sid, now.unix_ms),
            client_configuration: client_configuration(&session.client),
            server_info: Some(server_info),
            last_message_seq: session.reliable_sequence,
        };
        self.tell(sid, Message::Reconnect(response));
        self.tell(sid, Message::Update(proto::ParticipantUpdate { participants }));
        self.tell(sid, Message::RoomUpdate(proto::RoomUpdate { room: Some(room) }));
    }

    /// The client's view of its session after it has resumed.
    pub(super) fn sync_state(&mut self, sid: &ParticipantSid, state: &proto::SyncState, now: Now) {
        let of = |it: &proto::TrackPublishedResponse| it.track.as_ref().map(|track| TrackSid::new(&track.sid));
        let known = |it: &TrackSid| self.room.own_publication(sid, it).is_some();
        if !state.publish_tracks.iter().filter_map(of).all(|it| known(&it)) {
            return self.mismatch(sid, "the client publishes tracks that are not there", now);
        }
        let data_tracks = state.publish_data_tracks.iter().filter_map(|it| it.info.as_ref());
        if data_tracks.into_iter().any(|it| !self.has_data_track(sid, &it.sid)) {
            return self.mismatch(sid, "the client publishes data tracks that are not there", now);
        }
        if let Some(subscription) = &state.data_subscription {
            self.update_data_subscription(sid, subscription);
        }
        self.send_missed(sid, &state.datachannel_receive_states, now);
        if let Some(subscription) = &state.subscription {
            self.update_subscription(sid, subscription, now);
        }
        for track in &state.track_sids_disabled {
            let track = TrackSid::new(track);
            let Some(settings) = self.room.participant(sid).map(|it| it.settings(&track)) else { return };
            self.room.settle(sid, &track, Settings { disabled: true, ..settings });
        }
    }
}
