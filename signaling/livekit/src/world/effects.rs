//! Carries out what the room decided.

use std::collections::BTreeMap;

use door::{Command, Kind};
use livekit_protocol as proto;
use proto::SubscriptionError;
use proto::signal_response::Message;
use rand::Rng;
use room::{Effect, ParticipantSid, Publication, TrackSid};
use wire::Ssrc;

use super::dynacast::Wanted;
use super::subscription::{self, Down, Place, Rendition};
use super::{Mode, Now, RoomEvent, World};

impl World {
    /// Carries out all effects that the room has queued.
    pub(super) fn drain(&mut self, now: Now) {
        while let Some(effect) = self.room.poll() {
            self.carry_out(effect, now);
        }
    }

    fn carry_out(&mut self, effect: Effect, now: Now) {
        match effect {
            Effect::Changed(sid) => _ = self.changed.insert(sid),
            Effect::Left { participant, reason, replaced } => self.part(&participant, reason, replaced, now),
            Effect::Published(track) => self.published(&track),
            Effect::Unpublished(publication) => self.unpublished(&publication),
            Effect::Withdrawn { publisher, track } => self.withdrawn(&publisher, &track),
            Effect::Vanished(sid) => self.vanished(&sid),
            Effect::Muted { track, muted } => self.muted(&track, muted),
            Effect::Subscribed { subscriber, track } => self.subscribed(&subscriber, &track),
            Effect::Unsubscribed { subscriber, track } => self.unsubscribed(&subscriber, &track),
            Effect::Settled { subscriber, track } => self.retarget(&subscriber, &track),
            Effect::FirstSubscribed(track) => self.first_subscribed(&track),
            Effect::Allowed { subscriber, track, allowed } => self.permissions_due.push((subscriber, track, allowed)),
            Effect::Missing { subscriber, track } => {
                self.subscription_failed(&subscriber, &track, SubscriptionError::SeTrackNotfound);
            }
            Effect::Finished => {
                self.alarms.forget_all();
                self.event(RoomEvent::RoomFinished(Box::new(self.room_info()), self.usage()));
            }
        }
    }

    fn published(&mut self, track: &TrackSid) {
        let Some(publication) = self.room.publication(track).cloned() else { return };
        if let Some((participant, info)) = self.publication_infos(&publication) {
            self.event(RoomEvent::TrackPublished(Box::new(self.room_info()), Box::new(participant), Box::new(info)));
        }
        if publication.kind == Kind::Video {
            // A client sends everything at first without being told, and would not know the track before it has our answer.
            let publisher = self.sessions.get(&publication.publisher);
            if publisher.is_none_or(|it| it.publisher.link.is_none()) {
                self.tell_wanted(track, Wanted::AT_FIRST);
            }
            self.viewers_changed.insert(track.clone());
        }
    }

    fn publication_infos(&self, publication: &Publication) -> Option<(proto::ParticipantInfo, proto::TrackInfo)> {
        let participant = self.room.participant(&publication.publisher)?;
        let info = self.tracks.get(&publication.sid)?.info(publication);
        Some((self.participant_info(participant), info))
    }

    fn unpublished(&mut self, publication: &Publication) {
        let participant = self.publisher_info(&publication.publisher);
        let Some(published) = self.tracks.remove(&publication.sid) else { return };
        self.viewers_changed.insert(publication.sid.clone());
        self.sessions.values_mut().for_each(|it| _ = it.denied.remove(&publication.sid));
        for live in published.lives() {
            if published.borrowed.is_some() {
                self.lent.remove(&live.key);
            } else {
                self.ups.remove(&live.key);
                self.command(Command::RemoveUpTrack(live.key));
            }
        }
        if let Some(session) = self.sessions.get_mut(&publication.publisher) {
            session.publisher.published.retain(|_, it| it.track != publication.sid);
        }
        if let Some(participant) = participant.filter(|_| publication.announced) {
            let (room, info) = (Box::new(self.room_info()), Box::new(published.info(publication)));
            self.event(RoomEvent::TrackUnpublished(room, Box::new(participant), info));
        }
        self.retry_queued(&publication.publisher, &published.cid);
    }

    /// A publisher, also one that is about to go and of whom only the session is left.
    fn publisher_info(&self, sid: &ParticipantSid) -> Option<proto::ParticipantInfo> {
        if let Some(participant) = self.room.participant(sid) {
            return Some(self.participant_info(participant));
        }
        let identity = self.sessions.get(sid)?.identity.clone();
        Some(proto::ParticipantInfo { sid: sid.to_string(), identity, ..Default::default() })
    }

    fn muted(&mut self, track: &TrackSid, muted: bool) {
        let Some(published) = self.tracks.get(track) else { return };
        if published.borrowed.is_some() {
            // Others watch it elsewhere: only those here go without.
            let subscribers = self.room.publication(track).map(|it| it.subscribers.clone()).unwrap_or_default();
            return subscribers.iter().for_each(|it| self.retarget(it, track));
        }
        let keys: Vec<_> = published.lives().map(|it| it.key).collect();
        keys.into_iter().for_each(|track| self.command(Command::MuteUpTrack { track, muted }));
    }

    fn subscribed(&mut self, subscriber: &ParticipantSid, track: &TrackSid) {
        let Some(publication) = self.room.publication(track) else { return };
        let (kind, publisher) = (publication.kind, publication.publisher.clone());
        let rendition = self.tracks.get(track).map_or(Rendition::Primary, |it| it.preferred());
        let Some(session) = self.sessions.get_mut(subscriber) else { return };
        let (ssrc, rtx_ssrc) = free_pair(&session.downs, kind, &mut self.rng);
        let down = Down { kind, publisher, ssrc, rtx_ssrc, rendition, place: Place::Waiting };
        session.downs.insert(track.clone(), down);
        self.viewers_changed.insert(track.clone());
        self.dirty.insert(subscriber.clone());
    }

    fn unsubscribed(&mut self, subscriber: &ParticipantSid, track: &TrackSid) {
        let Some(session) = self.sessions.get_mut(subscriber) else { return };
        let Some(down) = session.downs.remove(track) else { return };
        self.viewers_changed.insert(track.clone());
        if let (Mode::Dual, Some(mid)) = (session.mode, down.place.mid()) {
            session.subscriber.vacate(mid);
        }
        if let Some(key) = down.place.key() {
            self.command(Command::RemoveDownTrack(key));
            self.hush_speaker(subscriber, &down);
        }
        self.dirty.insert(subscriber.clone());
    }

    /// Forwards what the subscriber wants to see.
    fn retarget(&mut self, subscriber: &ParticipantSid, track: &TrackSid) {
        self.viewers_changed.insert(track.clone());
        let Some(key) = self.sessions.get(subscriber).and_then(|it| it.downs.get(track)?.place.key()) else { return };
        if let Some(target) = self.target(subscriber, track) {
            self.weigh(subscriber, track, key);
            self.command(Command::SetTarget { down: key, target });
        }
    }

    /// What a subscriber should get of a track.
    pub(super) fn target(&self, subscriber: &ParticipantSid, track: &TrackSid) -> Option<door::LayerTarget> {
        let settings = self.room.participant(subscriber)?.settings(track);
        let adaptive = self.sessions.get(subscriber)?.adaptive_stream;
        let publication = self.room.publication(track)?;
        if publication.muted && self.tracks.get(track)?.borrowed.is_some() {
            return Some(door::LayerTarget::Off);
        }
        Some(subscription::target(publication, settings, adaptive))
    }

    fn first_subscribed(&mut self, track: &TrackSid) {
        let Some(publisher) = self.room.publication(track).map(|it| it.publisher.clone()) else { return };
        self.tell(&publisher, Message::TrackSubscribed(proto::TrackSubscribed { track_sid: track.to_string() }));
    }

    /// Tells clients of rights, after the tracks themselves were told.
    pub(super) fn flush_permissions(&mut self) {
        for (subscriber, track, allowed) in std::mem::take(&mut self.permissions_due) {
            let Some(session) = self.sessions.get_mut(&subscriber) else { continue };
            // One that is away is told when it is back.
            if allowed && session.connection.is_some() {
                session.denied.remove(&track);
            } else if !allowed {
                session.denied.insert(track.clone());
            }
            let Some(publisher) = self.room.publication(&track).map(|it| it.publisher.to_string()) else { continue };
            let update = proto::SubscriptionPermissionUpdate {
                participant_sid: publisher,
                track_sid: track.to_string(),
                allowed,
            };
            self.tell(&subscriber, Message::SubscriptionPermissionUpdate(update));
        }
    }

    /// A subscription comes to nothing.
    pub(super) fn subscription_failed(&mut self, sid: &ParticipantSid, track: &TrackSid, error: SubscriptionError) {
        let response = proto::SubscriptionResponse { track_sid: track.to_string(), err: error.into() };
        self.tell(sid, Message::SubscriptionResponse(response));
    }
}

/// Sources for a subscription: for the media, and for retransmissions of a picture.
pub(super) fn free_pair(downs: &BTreeMap<TrackSid, Down>, kind: Kind, rng: &mut impl Rng) -> (Ssrc, Option<Ssrc>) {
    let ssrc = free_ssrc(downs.values(), rng);
    let rtx_ssrc = (kind == Kind::Video).then(|| free_ssrc(downs.values(), rng));
    (ssrc, rtx_ssrc.filter(|it| *it != ssrc))
}

/// A source that this subscriber does not have yet. Zero is left out: some stacks take it for none.
fn free_ssrc<'a>(downs: impl Iterator<Item = &'a Down> + Clone, rng: &mut impl Rng) -> Ssrc {
    loop {
        let ssrc = Ssrc(rng.random_range(1..u32::MAX));
        if !downs.clone().any(|it| it.ssrc == ssrc || it.rtx_ssrc == Some(ssrc)) {
            return ssrc;
        }
    }
}
