//! The client's offer: on the only connection, or on the one that it publishes on.

use livekit_protocol as proto;
use proto::SignalTarget;
use proto::signal_response::Message;
use room::ParticipantSid;

use crate::world::alarm::Alarm;
use crate::world::link::Link;
use crate::world::{Now, World};

impl World {
    /// Takes what the client offers and answers it, if not at once then soon.
    pub(in crate::world) fn client_offer(&mut self, sid: &ParticipantSid, offer: &proto::SessionDescription, now: Now) {
        self.end_lull(sid);
        match sdp::Description::parse(&offer.sdp) {
            Ok(parsed) if self.may_wait(sid, &parsed) => self.hold(sid, offer.id, parsed, now),
            Ok(parsed) => self.answer(sid, offer.id, &parsed, now),
            Err(error) => self.mismatch(sid, &format!("offer: {error}"), now),
        }
    }

    /// Answers offer number `id`.
    pub(super) fn answer(&mut self, sid: &ParticipantSid, id: u32, parsed: &sdp::Description, now: Now) {
        let Some(transport) = &parsed.transport else {
            return self.mismatch(sid, "offer: no section is alive", now);
        };
        let fresh = self.meet_publisher(sid, transport);
        let uses = self.section_uses(sid, parsed, now);
        let Some(session) = self.sessions.get_mut(sid) else { return };
        let mid_to_track_id = session.mid_to_track();
        let Some(link) = session.publisher.link.as_mut() else { return };
        link.local.version += 1;
        let answer = proto::SessionDescription {
            r#type: "answer".into(),
            sdp: sdp::answer(&link.local, parsed, &uses),
            id,
            mid_to_track_id,
        };
        self.alarms.clear(&Alarm::Requirement(sid.clone()));
        self.tell(sid, Message::Answer(answer));
        if let Some(section) = parsed.sections.iter().find(|it| !it.rejected).filter(|_| fresh) {
            self.trickle(sid, SignalTarget::Publisher, section.mid);
        }
        self.dirty.insert(sid.clone());
    }

    /// Makes the peer or tells the media house what changed. True when the client must learn our addresses.
    fn meet_publisher(&mut self, sid: &ParticipantSid, transport: &sdp::Transport) -> bool {
        let Some(identity) = self.sessions.get(sid).map(|it| it.identity.clone()) else { return false };
        let media = self.media_facts(&identity);
        let Some(session) = self.sessions.get_mut(sid) else { return false };
        let command = match &mut session.publisher.link {
            Some(link) => link.offered(transport, &mut self.rng),
            none => {
                let mut link = Link::new(self.mint.peer(session.shard), &media, &mut self.rng);
                link.remote = Some(transport.clone());
                let command = link.add(false, session.pauses);
                self.peers.insert(link.key, sid.clone());
                *none = Some(link);
                Some(command)
            }
        };
        let fresh = command.is_some();
        command.into_iter().for_each(|it| self.command(it));
        fresh
    }
}
