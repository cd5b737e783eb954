//! Data messages between participants.
#![allow(deprecated)] // Clients still read the fields of `DataPacket` and `UserPacket` that newer ones replace.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use door::{ChannelLabel, Command, PeerKey};
use livekit_protocol as proto;
use prost::Message as _;
use proto::data_packet::{Kind, Value};
use proto::data_stream::header::ContentHeader;
use room::{ParticipantKind, ParticipantSid, State};

use super::session::{Session, WAITING_MESSAGES_MAX, WaitingMessage};
use super::{Now, World};

/// A message for a client whose channel is not open by then is dropped.
const WAITING_TIME_MAX: Duration = Duration::from_secs(2);

/// To whom a message goes.
enum Destination {
    /// Everybody but the sender.
    Others,
    /// These.
    Named { identities: BTreeSet<String>, sids: BTreeSet<String> },
    /// Everybody else who may receive metrics.
    Observers,
}

impl World {
    /// A message on a data channel.
    pub(super) fn data(&mut self, peer: PeerKey, channel: ChannelLabel, payload: Vec<u8>, now: Now) {
        let Some(sid) = self.peers.get(&peer).cloned() else { return };
        if !self.room.participant(&sid).is_some_and(|it| it.grants.can_publish_data) {
            return;
        }
        let kind = match &channel {
            ChannelLabel::Reliable => Kind::Reliable,
            ChannelLabel::Lossy => Kind::Lossy,
            // Not ours to understand.
            ChannelLabel::DataTrack | ChannelLabel::Other(_) => {
                return self.deliver(&sid, &channel, &Destination::Others, payload.into(), now);
            }
        };
        let Ok(mut packet) = proto::DataPacket::decode(payload.as_slice()) else { return };
        if kind == Kind::Reliable && !self.is_new(&sid, packet.sequence) {
            return;
        }
        packet.kind = kind.into();
        let Some(destination) = self.stamp(&sid, &mut packet) else { return };
        self.deliver(&sid, &channel, &destination, packet.encode_to_vec().into(), now);
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
        let mut ready = Vec::new();
        for (sid, session) in &mut self.sessions {
            let Some(participant) = self.room.participant(sid).filter(|_| sid != sender) else { continue };
            let meant = match destination {
                Destination::Others => true,
                Destination::Named { identities, sids } => {
                    identities.contains(&session.identity) || sids.contains(sid.as_str())
                }
                Destination::Observers => participant.grants.can_subscribe_metrics,
            };
            if !meant {
                continue;
            }
            let open = session.primary().filter(|it| it.channels.contains(channel)).map(|it| it.key);
            match open.filter(|_| participant.state == State::Active) {
                Some(peer) => ready.push(peer),
                None if *channel == ChannelLabel::Reliable => keep(session, payload.clone(), now),
                None => {}
            }
        }
        for peer in ready {
            self.command(Command::SendData { peer, channel: channel.clone(), payload: payload.clone() });
        }
    }

    /// Sends what waited for the reliable channel.
    pub(super) fn send_waiting(&mut self, sid: &ParticipantSid, now: Now) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        let open = |it: &&super::link::Link| it.channels.contains(&ChannelLabel::Reliable);
        let Some(peer) = session.primary().filter(open).map(|it| it.key) else { return };
        for message in std::mem::take(&mut session.waiting_messages) {
            if now.monotonic.saturating_duration_since(message.since) <= WAITING_TIME_MAX {
                self.command(Command::SendData { peer, channel: ChannelLabel::Reliable, payload: message.payload });
            }
        }
    }
}

/// Keeps a message for a client that is still connecting; the oldest goes when there are too many.
fn keep(session: &mut Session, payload: Arc<[u8]>, now: Now) {
    let waiting = &mut session.waiting_messages;
    let expired = |it: &WaitingMessage| now.monotonic.saturating_duration_since(it.since) > WAITING_TIME_MAX;
    while waiting.front().is_some_and(expired) || waiting.len() >= WAITING_MESSAGES_MAX {
        waiting.pop_front();
    }
    waiting.push_back(WaitingMessage { since: now.monotonic, payload });
}

/// Older and newer clients name recipients in different places: both get both.
fn unify(packet: &mut Vec<String>, user: &mut Vec<String>) {
    if packet.is_empty() {
        packet.clone_from(user);
    } else {
        user.clone_from(packet);
    }
}
