//! Data messages between participants.
#![allow(deprecated)] // Clients still read the fields of `DataPacket` and `UserPacket` that newer ones replace.

use std::collections::BTreeSet;
use std::sync::Arc;

use door::{ChannelLabel, Command, PeerKey};
use livekit_protocol as proto;
use prost::Message as _;
use proto::data_packet::{Kind, Value};
use proto::data_stream::header::ContentHeader;
use proto::request_response::Reason;
use room::{Participant, ParticipantKind, ParticipantSid, State};

use super::alarm::Alarm;
use super::pace::Due;
use super::replay::{Behind, Kept};
use super::{Now, World};

/// To whom a message goes.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// Everybody but the sender.
    Others,
    /// These.
    Named { identities: BTreeSet<String>, sids: BTreeSet<String> },
    /// Everybody else who may receive metrics.
    Observers,
}

impl Destination {
    fn means(&self, participant: &Participant) -> bool {
        match self {
            Self::Others => true,
            Self::Named { identities, sids } => {
                identities.contains(&participant.identity) || sids.contains(participant.sid.as_str())
            }
            Self::Observers => participant.grants.can_subscribe_metrics,
        }
    }
}

impl World {
    /// A message on a data channel. Its sender gets the credit for it back once it is dealt with.
    pub(super) fn data(&mut self, peer: PeerKey, channel: ChannelLabel, payload: Vec<u8>, now: Now) {
        let Some(sid) = self.peers.get(&peer).cloned() else { return };
        let (reliable, cost) = (channel == ChannelLabel::Reliable, door::data::cost(payload.len()));
        self.take_message(&sid, channel, payload, now);
        if let Some(session) = self.sessions.get_mut(&sid) {
            session.pace.owe(peer, reliable, cost);
        }
        self.repay(&sid, now);
    }

    fn take_message(&mut self, sid: &ParticipantSid, channel: ChannelLabel, payload: Vec<u8>, now: Now) {
        if !self.room.participant(sid).is_some_and(|it| it.grants.can_publish_data) {
            return;
        }
        let kind = match &channel {
            ChannelLabel::Reliable => Kind::Reliable,
            ChannelLabel::Lossy => Kind::Lossy,
            ChannelLabel::DataTrack => return self.data_frame(sid, &payload, now),
            // Not ours to understand.
            ChannelLabel::Other(_) => {
                return self.deliver(sid, &channel, &Destination::Others, payload.into(), now);
            }
        };
        let Ok(mut packet) = proto::DataPacket::decode(payload.as_slice()) else { return };
        if kind == Kind::Reliable && !self.is_new(sid, packet.sequence) {
            return;
        }
        if self.takes_rpc_answer(sid, &packet) {
            return;
        }
        packet.kind = kind.into();
        let sequence = packet.sequence;
        let Some(destination) = self.stamp(sid, &mut packet) else { return };
        self.deliver_counted(sid, sequence, &channel, &destination, packet.encode_to_vec().into(), now);
    }

    /// Whether a reliable message was not taken before. Clients number theirs from 1 and repeat some after a resume.
    fn is_new(&mut self, sid: &ParticipantSid, sequence: u32) -> bool {
        let Some(session) = self.sessions.get_mut(sid) else { return false };
        if sequence == 0 {
            return true;
        }
        let new = sequence > session.reliable_sequence;
        session.reliable_sequence = session.reliable_sequence.max(sequence);
        new
    }

    /// Sends a packet of the server's own to those that it names, else to everybody.
    pub(super) fn send_of_server(&mut self, packet: proto::DataPacket, now: Now) {
        let channel = if packet.kind() == Kind::Lossy { ChannelLabel::Lossy } else { ChannelLabel::Reliable };
        let sids: BTreeSet<String> = match &packet.value {
            Some(Value::User(user)) => user.destination_sids.iter().cloned().collect(),
            _ => BTreeSet::new(),
        };
        let identities: BTreeSet<_> = packet.destination_identities.iter().cloned().collect();
        let destination = match identities.is_empty() && sids.is_empty() {
            true => Destination::Others,
            false => Destination::Named { identities, sids },
        };
        self.deliver(&ParticipantSid::new(""), &channel, &destination, packet.encode_to_vec().into(), now);
    }

    /// Writes the true sender into a packet and says to whom it goes; nothing when it may not go at all.
    fn stamp(&self, sid: &ParticipantSid, packet: &mut proto::DataPacket) -> Option<Destination> {
        let sender = self.room.participant(sid)?;
        let agent = sender.kind == ParticipantKind::Agent || sender.grants.agent;
        let named = std::mem::replace(&mut packet.participant_identity, sender.identity.clone());
        packet.participant_sid = sid.to_string();
        let mut sids = BTreeSet::new();
        let mut observers = false;
        match packet.value.as_mut()? {
            Value::User(user) => {
                let hidden = sender.grants.hidden;
                user.participant_sid = if hidden { String::new() } else { sid.to_string() };
                user.participant_identity = if hidden { String::new() } else { sender.identity.clone() };
                unify(&mut packet.destination_identities, &mut user.destination_identities);
                sids.extend(user.destination_sids.iter().cloned());
            }
            // Levels come from the server alone.
            Value::Speaker(_) => return None,
            Value::Transcription(_) if !agent => return None,
            Value::Metrics(_) => observers = true,
            // An agent may speak in somebody's name, and is seen to do so.
            Value::ChatMessage(chat) if agent && !named.is_empty() => {
                chat.generated = true;
                packet.participant_identity = named;
            }
            Value::StreamHeader(header) if agent && !named.is_empty() => {
                if let Some(ContentHeader::TextHeader(text)) = &mut header.content_header {
                    text.generated = true;
                }
                packet.participant_identity = named;
            }
            _ => {}
        }
        let identities: BTreeSet<_> = packet.destination_identities.iter().cloned().collect();
        Some(match (observers, identities.is_empty() && sids.is_empty()) {
            (true, _) => Destination::Observers,
            (false, true) => Destination::Others,
            (false, false) => Destination::Named { identities, sids },
        })
    }

    /// Sends one payload to all it is for.
    fn deliver(
        &mut self,
        sender: &ParticipantSid,
        channel: &ChannelLabel,
        destination: &Destination,
        payload: Arc<[u8]>,
        now: Now,
    ) {
        self.deliver_counted(sender, 0, channel, destination, payload, now);
    }

    fn deliver_counted(
        &mut self,
        sender: &ParticipantSid,
        sequence: u32,
        channel: &ChannelLabel,
        destination: &Destination,
        payload: Arc<[u8]>,
        now: Now,
    ) {
        let reliable = *channel == ChannelLabel::Reliable;
        let position = self.replay.next();
        if reliable {
            let (since, destination) = (now.monotonic, Arc::new(destination.clone()));
            let payload = payload.clone();
            self.replay.keep(Kept { since, sender: sender.clone(), sequence, destination, payload });
        }
        let (mut ready, mut slow) = (Vec::new(), BTreeSet::new());
        for (sid, session) in &mut self.sessions {
            let Some(participant) = self.room.participant(sid).filter(|_| sid != sender) else { continue };
            if !destination.means(participant) {
                continue;
            }
            let open = session.open_for(channel).filter(|_| participant.state == State::Active);
            match open.filter(|_| !reliable || session.behind.is_none()) {
                Some(peer) => ready.push(peer),
                // It gets what is kept once it can.
                None if reliable => _ = session.behind.get_or_insert_with(|| Behind::from(position)),
                None => {}
            }
            if reliable && session.backlog.holds(now.monotonic) {
                slow.insert(sid.clone());
            }
        }
        if let Some(session) = self.sessions.get_mut(sender) {
            session.pace.spend(now.monotonic, ready.len(), payload.len());
            session.pace.waits_for.extend(slow);
        }
        for peer in ready {
            self.command(Command::SendData { peer, channel: channel.clone(), payload: payload.clone() });
        }
    }

    /// Sends a participant the kept messages that it lacks, when it can take them.
    pub(super) fn catch_up(&mut self, sid: &ParticipantSid, now: Now) {
        let Some(participant) = self.room.participant(sid).filter(|it| it.state == State::Active) else { return };
        let Some(session) = self.sessions.get_mut(sid) else { return };
        if session.is_lost() || session.backlog.since.is_some() {
            return;
        }
        let Some(peer) = session.open_for(&ChannelLabel::Reliable) else { return };
        let Some(behind) = session.behind.take() else { return };
        let for_it = |it: &&Kept| it.sender != *sid && it.destination.means(participant);
        let lacked = self.replay.lacked(&behind, now.monotonic).filter(for_it);
        for payload in lacked.map(|it| it.payload.clone()).collect::<Vec<_>>() {
            self.command(Command::SendData { peer, channel: ChannelLabel::Reliable, payload });
        }
    }

    /// A client that has come back tells the last message that it has of each sender; it gets the rest.
    pub(super) fn send_missed(&mut self, sid: &ParticipantSid, states: &[proto::DataChannelReceiveState], now: Now) {
        let next = self.replay.next();
        let Some(session) = self.sessions.get_mut(sid) else { return };
        let uncounted_from = session.behind.as_ref().map_or(next, |it| it.uncounted_from);
        let has = states.iter().map(|it| (ParticipantSid::new(&it.publisher_sid), it.last_seq)).collect();
        session.behind = Some(Behind { from: session.replay_from, uncounted_from, has });
        self.catch_up(sid, now);
    }

    /// A participant reads more slowly than it is sent to, or has caught up.
    pub(super) fn data_backlog(&mut self, peer: PeerKey, full: bool, now: Now) {
        let Some(sid) = self.peers.get(&peer).cloned() else { return };
        let Some(session) = self.sessions.get_mut(&sid) else { return };
        if full {
            session.backlog.begin(now.monotonic);
            self.alarms.set(now.monotonic + super::pace::PATIENCE, Alarm::Patience(sid));
        } else {
            session.backlog.end();
            self.alarms.clear(&Alarm::Patience(sid.clone()));
            self.catch_up(&sid, now);
            self.wait_no_more(&sid, now);
        }
    }

    /// A slow reader holds nobody up any longer. From here on it is sent what is kept, once it has caught up.
    pub(super) fn lose_patience(&mut self, sid: &ParticipantSid, now: Now) {
        let next = self.replay.next();
        let Some(session) = self.sessions.get_mut(sid).filter(|it| it.backlog.since.is_some()) else { return };
        session.backlog.tire(now.monotonic);
        session.behind.get_or_insert_with(|| Behind::from(next));
        self.wait_no_more(sid, now);
    }

    /// Senders that waited for a reader go on.
    pub(super) fn wait_no_more(&mut self, reader: &ParticipantSid, now: Now) {
        let sessions = self.sessions.values_mut();
        let released: Vec<_> =
            sessions.filter_map(|it| it.pace.waits_for.remove(reader).then(|| it.sid.clone())).collect();
        for sid in released {
            self.repay(&sid, now);
        }
    }

    /// Gives a sender its credit back, as far as its rate allows.
    pub(super) fn repay(&mut self, sid: &ParticipantSid, now: Now) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        match session.pace.due(now.monotonic) {
            Due::Nothing => {}
            Due::At(at) => {
                let warns = session.pace.warns(now.monotonic);
                self.alarms.set_once(at, Alarm::Pace(sid.clone()));
                if warns {
                    self.respond(sid, 0, Reason::LimitExceeded, TOO_FAST, None);
                }
            }
            Due::Pay(owed) => {
                for (peer, reliable, cost) in owed {
                    self.command(Command::DataTaken { peer, reliable, cost });
                }
            }
        }
    }
}

/// What a sender is told whose messages are slowed down or shed.
const TOO_FAST: &str = "data is sent faster than the server delivers: reliable messages wait, others are dropped";

/// Older and newer clients name recipients in different places: both get both.
fn unify(packet: &mut Vec<String>, user: &mut Vec<String>) {
    if packet.is_empty() {
        packet.clone_from(user);
    } else {
        user.clone_from(packet);
    }
}
