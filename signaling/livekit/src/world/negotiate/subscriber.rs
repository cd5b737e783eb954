//! The server's offers in dual mode, one at a time, and their answers.

use std::collections::BTreeSet;

use livekit_protocol as proto;
use proto::SignalTarget;
use proto::signal_response::Message;
use room::{ParticipantSid, TrackSid};
use sdp::OfferSection;
use wire::Mid;

use crate::world::alarm::{Alarm, NEGOTIATION_TIMEOUT};
use crate::world::link::Link;
use crate::world::session::Outstanding;
use crate::world::subscription::Place;
use crate::world::{Mode, Now, World};

/// The section of the data channels.
const DATA_MID: &[u8] = b"0";

impl World {
    /// Offers what changed, unless an offer is out already.
    pub(super) fn offer_subscriber(&mut self, sid: &ParticipantSid, now: Now) {
        self.seat_downs(sid);
        let Some(session) = self.sessions.get(sid) else { return };
        let busy = session.subscriber.outstanding.is_some() || session.connection.is_none();
        if busy || !session.subscriber.stale {
            return;
        }
        let fresh = self.meet_subscriber(sid);
        let Some(data_mid) = Mid::new(DATA_MID) else { return };
        let sections = self.offer_sections(sid, data_mid);
        let Some(session) = self.sessions.get_mut(sid) else { return };
        let mid_to_track_id = session.mid_to_track();
        let subscriber = &mut session.subscriber;
        let Some(link) = subscriber.link.as_mut() else { return };
        let sends: BTreeSet<_> = sections.iter().filter_map(sending).collect();
        subscriber.seats.iter_mut().for_each(|seat| seat.hot = sends.contains(&seat.mid));
        subscriber.offers += 1;
        subscriber.stale = false;
        subscriber.outstanding = Some(Outstanding { id: subscriber.offers, sends });
        link.local.version += 1;
        let offer = proto::SessionDescription {
            r#type: "offer".into(),
            sdp: sdp::offer(&link.local, &sections),
            id: subscriber.offers,
            mid_to_track_id,
        };
        self.tell(sid, Message::Offer(offer));
        self.alarms.set(now.monotonic + NEGOTIATION_TIMEOUT, Alarm::Negotiation(sid.clone()));
        if fresh {
            self.trickle(sid, SignalTarget::Subscriber, data_mid);
        }
    }

    fn seat_downs(&mut self, sid: &ParticipantSid) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        if session.subscriber.outstanding.is_some() {
            return;
        }
        for (track, down) in session.downs.iter_mut().filter(|(_, down)| down.place == Place::Waiting) {
            if let Some(mid) = session.subscriber.seat(track, down.kind) {
                down.place = Place::Offered(mid);
                session.subscriber.stale = true;
            }
        }
    }

    fn offer_sections(&self, sid: &ParticipantSid, data_mid: Mid) -> Vec<OfferSection> {
        let Some(session) = self.sessions.get(sid) else { return Vec::new() };
        let seats = session.subscriber.seats.iter().map(|seat| {
            let (mid, kind) = (seat.mid, seat.kind);
            match seat.track.as_ref().and_then(|track| self.send(sid, track)) {
                Some(send) => OfferSection::Send { mid, kind, send },
                None => OfferSection::Inactive { mid, kind },
            }
        });
        std::iter::once(OfferSection::Data { mid: data_mid }).chain(seats).collect()
    }

    /// Makes the peer at the first offer. True when the client must learn our addresses.
    fn meet_subscriber(&mut self, sid: &ParticipantSid) -> bool {
        let Some(identity) = self.sessions.get(sid).map(|it| it.identity.clone()) else { return false };
        let media = self.media_facts(&identity);
        let Some(session) = self.sessions.get_mut(sid) else { return false };
        if session.subscriber.link.is_some() {
            return false;
        }
        let link = Link::new(self.mint.peer(session.shard), &media, &mut self.rng);
        let command = link.add(true, session.pauses);
        self.peers.insert(link.key, sid.clone());
        session.subscriber.link = Some(link);
        self.command(command);
        true
    }

    /// The client answers our offer.
    pub(in crate::world) fn client_answer(
        &mut self,
        sid: &ParticipantSid,
        answer: &proto::SessionDescription,
        now: Now,
    ) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        // An answer to an offer that was overtaken is of no use. Older clients do not number theirs.
        let ours = |it: &Outstanding| answer.id == 0 || it.id == answer.id;
        if session.mode != Mode::Dual || !session.subscriber.outstanding.as_ref().is_some_and(ours) {
            return;
        }
        let parsed = match sdp::Description::parse(&answer.sdp) {
            Ok(parsed) => parsed,
            Err(error) => return self.mismatch(sid, &format!("answer: {error}"), now),
        };
        let Some(transport) = &parsed.transport else {
            return self.mismatch(sid, "answer: no section is alive", now);
        };
        let outstanding = session.subscriber.outstanding.take();
        let command = session.subscriber.link.as_mut().and_then(|it| it.answered(transport));
        command.into_iter().for_each(|it| self.command(it));
        self.alarms.clear(&Alarm::Negotiation(sid.clone()));
        for mid in outstanding.into_iter().flat_map(|it| it.sends) {
            self.take_seat(sid, mid, parsed.section(mid));
        }
        self.dirty.insert(sid.clone());
    }

    /// Forwards the track of an offered section as the answer has it.
    fn take_seat(&mut self, sid: &ParticipantSid, mid: Mid, section: Option<&sdp::Section>) {
        let Some(track) = self.offered_at(sid, mid) else { return };
        match section.filter(|it| !it.rejected && it.direction.receives()) {
            Some(section) => _ = self.attach(sid, &track, section),
            None => self.refuse(sid, &track),
        }
        let Some(session) = self.sessions.get_mut(sid) else { return };
        if session.downs.get(&track).is_some_and(|it| it.place.mid().is_none()) {
            session.subscriber.vacate(mid);
        }
    }

    fn offered_at(&self, sid: &ParticipantSid, mid: Mid) -> Option<TrackSid> {
        let session = self.sessions.get(sid)?;
        let offered = |down: &crate::world::subscription::Down| down.place == Place::Offered(mid);
        session.downs.iter().find(|(_, down)| offered(down)).map(|(track, _)| track.clone())
    }

    /// Our next offer restarts ICE: the client has come back.
    pub(in crate::world) fn restart_subscriber(&mut self, sid: &ParticipantSid) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        let Some(link) = session.subscriber.link.as_mut() else { return };
        let command = link.restart(&mut self.rng);
        session.subscriber.outstanding = None;
        session.subscriber.stale = true;
        self.alarms.clear(&Alarm::Negotiation(sid.clone()));
        command.into_iter().for_each(|it| self.command(it));
        self.dirty.insert(sid.clone());
    }

    /// Our offer was not answered in time. A client without a websocket could not.
    pub(in crate::world) fn negotiation_expired(&mut self, sid: &ParticipantSid, now: Now) {
        if self.sessions.get(sid).is_some_and(|it| it.connection.is_some()) {
            self.mismatch(sid, "our offer was not answered", now);
        }
    }
}

fn sending(section: &OfferSection) -> Option<Mid> {
    if let OfferSection::Send { mid, .. } = section { Some(*mid) } else { None }
}
