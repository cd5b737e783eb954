//! News from the media house, from websockets that end, and from the clock.

use door::{ChannelLabel, Notice, PeerEnd, PeerKey};
use livekit_protocol as proto;
use proto::leave_request::Action;
use proto::signal_response::Message;
use room::{LeaveReason, ParticipantSid};

use super::alarm::{Alarm, RESUME_TIMEOUT};
use super::departure::leave;
use super::{ConnectionId, Mode, Now, Output, RoomEvent, World};

impl World {
    /// News from the media house.
    pub(super) fn media(&mut self, notice: Notice, now: Now) {
        match notice {
            Notice::PeerConnected(peer) | Notice::PeerHeard(peer) => self.peer_up(peer, now),
            Notice::PeerEnded(peer, end) => self.peer_ended(peer, end, now),
            Notice::ChannelOpen(peer, channel) => self.channel_open(peer, channel, now),
            Notice::Data { peer, channel, payload } => self.data(peer, channel, payload, now),
            Notice::DataBacklog(peer, full) => self.data_backlog(peer, full, now),
            Notice::Paused { peer, down, paused } => self.video_paused(peer, down, paused),
            Notice::KeyframeWanted { track, encoding } => self.keyframe_wanted(track, encoding),
            Notice::Levels(levels) => self.levels(&levels, now),
            Notice::Health(health) => self.health(&health),
            Notice::Reports(reports) => self.reports(reports, now),
            // It may come back.
            Notice::PeerSilent(peer) => self.peer_silent(peer, true),
            // A track was announced when it was described; a peer counts when it is connected.
            Notice::TrackStarted(_) | Notice::PeerReached(_) | Notice::Stats(_) => {}
        }
    }

    /// Whose a peer is, by identity.
    pub fn whose(&self, peer: PeerKey) -> Option<&str> {
        let participant = self.room.participant(self.peers.get(&peer)?)?;
        Some(participant.identity.as_str())
    }

    fn peer_up(&mut self, peer: PeerKey, now: Now) {
        let Some(sid) = self.peers.get(&peer).cloned() else { return };
        let Some(session) = self.sessions.get_mut(&sid) else { return };
        if let Some(link) = session.link_mut(peer) {
            (link.connected, link.lost) = (true, false);
        }
        let publishes = session.publisher.link.as_ref().is_some_and(|it| it.key == peer);
        if !session.is_lost() {
            self.alarms.clear(&Alarm::Lost(sid.clone()));
        }
        if publishes {
            self.room.set_publisher(&sid);
            self.room_changed(now);
        }
        if self.sessions.get(&sid).is_some_and(|it| it.is_primary(peer)) {
            self.enter(&sid);
        }
        self.peer_silent(peer, false);
        self.catch_up(&sid, now);
    }

    /// The deciding connection is up.
    pub(super) fn enter(&mut self, sid: &ParticipantSid) {
        self.room.activate(sid);
        let Some(session) = self.sessions.get_mut(sid) else { return };
        if std::mem::replace(&mut session.entered, true) {
            return;
        }
        if let Some(info) = self.room.participant(sid).map(|it| self.participant_info(it)) {
            self.event(RoomEvent::ParticipantJoined(Box::new(self.room_info()), Box::new(info)));
        }
        self.tell_quality(sid, sid);
    }

    fn peer_ended(&mut self, peer: PeerKey, end: PeerEnd, now: Now) {
        let Some(sid) = self.peers.get(&peer).cloned() else { return };
        let Some(session) = self.sessions.get_mut(&sid) else { return };
        let primary = session.is_primary(peer);
        if let Some(link) = session.link_mut(peer) {
            link.lost |= link.connected && (primary || end == PeerEnd::ConsentExpired);
            link.connected = false;
        }
        let (signal, once) = (session.connection, session.mode == Mode::Once);
        match end {
            PeerEnd::FingerprintMismatch | PeerEnd::DtlsFailed => {
                self.room.leave(&sid, LeaveReason::MediaFailure, now.monotonic);
            }
            PeerEnd::Closed if !primary => {}
            // Closing is how a client leaves that speaks no signal protocol.
            PeerEnd::Closed if once => self.room.leave(&sid, LeaveReason::ClientInitiated, now.monotonic),
            PeerEnd::Closed if signal.is_none() => self.room.leave(&sid, LeaveReason::SignalClosed, now.monotonic),
            // A client that closes its side is about to leave or to come anew.
            PeerEnd::Closed => self.await_return(&sid, now),
            PeerEnd::ConsentExpired => {
                self.ask_to_resume(&sid);
                self.await_return(&sid, now);
            }
        }
    }

    fn ask_to_resume(&mut self, sid: &ParticipantSid) {
        let Some(connection) = self.sessions.get_mut(sid).and_then(|it| it.connection.take()) else { return };
        self.connections.remove(&connection);
        self.say(connection, Message::Leave(leave(LeaveReason::ConnectionTimeout, Action::Resume)));
        self.outputs.push_back(Output::Close(connection));
    }

    fn await_return(&mut self, sid: &ParticipantSid, now: Now) {
        self.alarms.set(now.monotonic + RESUME_TIMEOUT, Alarm::Lost(sid.clone()));
    }

    fn channel_open(&mut self, peer: PeerKey, channel: ChannelLabel, now: Now) {
        let Some(sid) = self.peers.get(&peer).cloned() else { return };
        let Some(link) = self.sessions.get_mut(&sid).and_then(|it| it.link_mut(peer)) else { return };
        if link.channels.len() < CHANNELS_MAX {
            link.channels.insert(channel);
        }
        self.catch_up(&sid, now);
    }

    /// A websocket is gone. The participant stays while its media is up.
    pub(super) fn connection_closed(&mut self, connection: ConnectionId, now: Now) {
        let Some(sid) = self.connections.remove(&connection) else { return };
        let Some(session) = self.sessions.get_mut(&sid) else { return };
        session.connection = None;
        if !session.is_connected() {
            self.room.leave(&sid, LeaveReason::SignalClosed, now.monotonic);
        }
    }

    /// The deadline has come.
    pub(super) fn tick(&mut self, now: Now) {
        self.room.tick(now.monotonic);
        self.expire_rpcs(now);
        while let Some(alarm) = self.alarms.pop(now.monotonic) {
            match alarm {
                Alarm::Refresh(sid) => self.refresh_token(&sid, now),
                Alarm::Answer(sid) => self.answer_held(&sid, now),
                Alarm::Negotiation(sid) => self.negotiation_expired(&sid, now),
                Alarm::Requirement(sid) => self.requirement_expired(&sid),
                Alarm::Lost(sid) => self.lost(&sid, now),
                Alarm::Pace(sid) => self.repay(&sid, now),
                Alarm::Patience(sid) => self.lose_patience(&sid, now),
                Alarm::Unwatched(track) => self.unwatched(&track),
                Alarm::Backup(track) => self.ask_for_backup(&track, now),
                Alarm::RoomUpdate => self.broadcast_room(),
                Alarm::Speakers => self.silence_speakers(now),
                Alarm::LiveEnd => self.end_live(),
            }
        }
    }

    fn lost(&mut self, sid: &ParticipantSid, now: Now) {
        if self.sessions.get(sid).is_some_and(|it| it.is_lost()) {
            self.room.leave(sid, LeaveReason::ConnectionTimeout, now.monotonic);
        }
    }
}

/// Data channels of one peer that are remembered as open; clients use three.
const CHANNELS_MAX: usize = 16;
