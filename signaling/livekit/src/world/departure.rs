//! How a session ends: the message to its client, the end of its media, the news for others.

use livekit_protocol as proto;
use proto::leave_request::Action;
use proto::participant_info::State as ProtoState;
use proto::signal_response::Message;
use room::{LeaveReason, Participant, ParticipantSid};

use super::participant::{disconnect_reason, info};
use super::{Now, Output, RoomEvent, World};

/// Clients from this protocol version on take a new session of an identity for the end of the old one.
const REPLACES_SILENTLY: i32 = 12;

impl World {
    /// Carries out that a participant has left.
    pub(super) fn part(&mut self, participant: &Participant, reason: LeaveReason, replaced: bool, now: Now) {
        let sid = &participant.sid;
        let mut last = info(participant, self.sessions.get(sid).map(Box::as_ref));
        last.state = ProtoState::Disconnected.into();
        last.disconnect_reason = disconnect_reason(reason).into();
        let usage = self.sessions.get(sid).map(|session| session.usage).unwrap_or_default();
        let entered = self.close_session(sid, reason);
        self.changed.remove(sid);
        self.forget_speaker(sid);
        self.forget_rpcs(sid);
        self.take_down(sid);
        self.forget_data_tracks(sid);
        self.wait_no_more(sid, now);
        if !participant.grants.hidden {
            self.departures.note(last.clone(), now.monotonic);
            self.tell_departure(&last, replaced);
        }
        let (room, last) = (Box::new(self.room_info()), Box::new(last));
        self.event(if entered {
            RoomEvent::ParticipantLeft(room, last, usage)
        } else {
            RoomEvent::ParticipantConnectionAborted(room, last)
        });
        self.room_changed(now);
    }

    /// Ends the session; tells whether its media was ever up.
    fn close_session(&mut self, sid: &ParticipantSid, reason: LeaveReason) -> bool {
        let Some(session) = self.sessions.remove(sid) else { return false };
        self.alarms.forget(sid);
        self.dirty.remove(sid);
        for link in session.links() {
            self.peers.remove(&link.key);
            self.outputs.push_back(Output::Media(door::Command::RemovePeer(link.key)));
        }
        if let Some(connection) = session.connection {
            self.connections.remove(&connection);
            if let Some(leave) = farewell(reason) {
                self.say(connection, Message::Leave(leave));
            }
            self.outputs.push_back(Output::Close(connection));
        }
        session.entered
    }

    fn tell_departure(&mut self, last: &proto::ParticipantInfo, replaced: bool) {
        let listeners: Vec<_> = self
            .sessions
            .values()
            .filter(|it| !replaced || it.client.protocol < REPLACES_SILENTLY)
            .filter_map(|it| it.connection)
            .collect();
        for connection in listeners {
            self.say(connection, Message::Update(proto::ParticipantUpdate { participants: vec![last.clone()] }));
        }
    }
}

/// A leave message.
pub(super) fn leave(reason: LeaveReason, action: Action) -> proto::LeaveRequest {
    proto::LeaveRequest {
        // Clients before protocol 13 know only this field.
        can_reconnect: action != Action::Disconnect,
        reason: disconnect_reason(reason).into(),
        action: action.into(),
        regions: None,
    }
}

/// What the client is told at the end; nothing when it knows.
fn farewell(reason: LeaveReason) -> Option<proto::LeaveRequest> {
    let action = match reason {
        LeaveReason::ClientInitiated
        | LeaveReason::UserUnavailable
        | LeaveReason::UserRejected
        | LeaveReason::AgentError
        | LeaveReason::SignalClosed => return None,
        LeaveReason::DuplicateIdentity
        | LeaveReason::Removed
        | LeaveReason::RoomDeleted
        | LeaveReason::RoomClosed
        | LeaveReason::JoinFailure => Action::Disconnect,
        LeaveReason::Moved
        | LeaveReason::ServerShutdown
        | LeaveReason::StateMismatch
        | LeaveReason::ConnectionTimeout
        | LeaveReason::MediaFailure => Action::Reconnect,
    };
    Some(leave(reason, action))
}
