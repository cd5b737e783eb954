//! Subscriptions: what is wished and allowed becomes what is.

use std::time::{Duration, Instant};

use super::{Alarm, Room};
use crate::effect::Effect;
use crate::publication::Audience;
use crate::subscription::{Settings, Wish};
use crate::{Participant, ParticipantSid, Publication, State, TrackSid};

/// A wished track that has not appeared after this time is reported as missing, as LiveKit does; the wish stays.
pub const WISH_TIMEOUT: Duration = Duration::from_secs(60);

impl Room {
    /// A participant wants to receive a track, or not; remembered also when there is no such track. False when too
    /// much is remembered already.
    pub fn wish(&mut self, subscriber: &ParticipantSid, track: &TrackSid, subscribe: bool, now: Instant) -> bool {
        let wishes_max = self.settings.limits.wishes_max;
        let Some(participant) = self.participants.get_mut(subscriber) else { return false };
        let known = participant.wishes.remove(track);
        if known.is_none() && participant.wishes.len() >= wishes_max {
            return false;
        }
        participant.wishes.insert(track.clone(), Wish { subscribe, since: now, reported: false });
        if let Some(wish) = known {
            self.alarms.remove(&(wish.since + WISH_TIMEOUT, Alarm::Wish(subscriber.clone(), track.clone())));
        }
        let there = self.publications.get(track).is_some_and(|it| it.announced);
        if subscribe && !there {
            self.alarms.insert((now + WISH_TIMEOUT, Alarm::Wish(subscriber.clone(), track.clone())));
        }
        self.reconcile(subscriber, track);
        true
    }

    pub(super) fn expire_wish(&mut self, subscriber: &ParticipantSid, track: &TrackSid) {
        let there = self.publications.get(track).is_some_and(|it| it.announced);
        let Some(participant) = self.participants.get_mut(subscriber) else { return };
        let Some(wish) = participant.wishes.get_mut(track) else { return };
        if !there && wish.subscribe && !wish.reported {
            wish.reported = true;
            let (subscriber, track) = (subscriber.clone(), track.clone());
            self.effects.push_back(Effect::Missing { subscriber, track });
        }
    }

    /// A participant says how it wants to see a track; remembered also when it does not receive it. False when too
    /// much is remembered already.
    pub fn settle(&mut self, subscriber: &ParticipantSid, track: &TrackSid, settings: Settings) -> bool {
        let settings_max = self.settings.limits.wishes_max;
        let Some(participant) = self.participants.get_mut(subscriber) else { return false };
        if !participant.settings.contains_key(track) && participant.settings.len() >= settings_max {
            return false;
        }
        let before = participant.settings.insert(track.clone(), settings);
        if before != Some(settings) && participant.subscriptions.contains(track) {
            self.effects.push_back(Effect::Settled { subscriber: subscriber.clone(), track: track.clone() });
        }
        true
    }

    /// A publisher says who may receive its tracks.
    pub fn set_audience(&mut self, publisher: &ParticipantSid, audience: Audience) -> bool {
        let audience_max = self.settings.limits.audience_max;
        let Some(participant) = self.participants.get_mut(publisher) else { return false };
        if audience.by_identity.len() > audience_max {
            return false;
        }
        let before = std::mem::replace(&mut participant.audience, audience);
        let after = participant.audience.clone();
        let tracks = participant.publications.clone();
        for track in &tracks {
            self.report_audience(publisher, track, &before, &after);
            self.reconcile_track(track);
        }
        true
    }

    fn report_audience(&mut self, publisher: &ParticipantSid, track: &TrackSid, before: &Audience, after: &Audience) {
        if !self.publications.get(track).is_some_and(|it| it.announced) {
            return;
        }
        for other in self.participants.values().filter(|it| it.sid != *publisher && !it.grants.recorder) {
            let allowed = after.allows(&other.identity, track);
            if allowed != before.allows(&other.identity, track) {
                let (subscriber, track) = (other.sid.clone(), track.clone());
                self.effects.push_back(Effect::Allowed { subscriber, track, allowed });
            }
        }
    }

    /// Tracks that others see and this participant may not receive, because their publishers do not let it.
    pub fn denied(&self, subscriber: &ParticipantSid) -> Vec<TrackSid> {
        let Some(participant) = self.participants.get(subscriber).filter(|it| !it.grants.recorder) else {
            return Vec::new();
        };
        let denies = |publisher: &&Participant| publisher.sid != *subscriber && !publisher.audience.everyone;
        let tracks = self.participants.values().filter(denies).flat_map(|publisher| {
            let denied = |track: &&TrackSid| {
                let announced = self.publications.get(*track).is_some_and(|it| it.announced);
                announced && !publisher.audience.allows(&participant.identity, track)
            };
            publisher.publications.iter().filter(denied)
        });
        tracks.cloned().collect()
    }

    /// Whether a publisher lets a participant receive a track.
    pub fn lets(&self, subscriber: &ParticipantSid, track: &TrackSid) -> bool {
        let Some(publication) = self.publications.get(track) else { return false };
        let publisher = self.participants.get(&publication.publisher);
        publisher.zip(self.participants.get(subscriber)).is_some_and(|(publisher, subscriber)| {
            subscriber.grants.recorder || publisher.audience.allows(&subscriber.identity, track)
        })
    }

    /// Tells a newcomer what it may not receive.
    pub(super) fn report_denied(&mut self, subscriber: &ParticipantSid) {
        for track in self.denied(subscriber) {
            self.effects.push_back(Effect::Allowed { subscriber: subscriber.clone(), track, allowed: false });
        }
    }

    /// Tells everybody who may not receive a new track.
    pub(super) fn report_new_track(&mut self, publisher: &ParticipantSid, track: &TrackSid) {
        let Some(audience) = self.participants.get(publisher).map(|it| it.audience.clone()) else { return };
        self.report_audience(publisher, track, &Audience::default(), &audience);
    }

    /// Media of the subscription is negotiated. Tells the publisher when that never was before.
    pub fn attached(&mut self, subscriber: &ParticipantSid, track: &TrackSid) {
        let hidden = self.participants.get(subscriber).is_none_or(|it| it.grants.hidden);
        let Some(publication) = self.publications.get_mut(track) else { return };
        if !hidden && !publication.was_subscribed {
            publication.was_subscribed = true;
            self.effects.push_back(Effect::FirstSubscribed(track.clone()));
        }
    }

    pub(super) fn reconcile_subscriber(&mut self, subscriber: &ParticipantSid) {
        let tracks: Vec<_> = self.publications.keys().cloned().collect();
        for track in tracks {
            self.reconcile(subscriber, &track);
        }
    }

    pub(super) fn reconcile_publisher(&mut self, publisher: &ParticipantSid) {
        let Some(participant) = self.participants.get(publisher) else { return };
        for track in participant.publications.clone() {
            self.reconcile_track(&track);
        }
    }

    pub(super) fn reconcile_track(&mut self, track: &TrackSid) {
        let everybody: Vec<_> = self.participants.keys().cloned().collect();
        for subscriber in everybody {
            self.reconcile(&subscriber, track);
        }
    }

    /// Makes the subscription what it should be.
    fn reconcile(&mut self, subscriber: &ParticipantSid, track: &TrackSid) {
        let Some(publication) = self.publications.get(track) else { return };
        let should = self.should_receive(subscriber, publication);
        let does = publication.subscribers.contains(subscriber);
        if should && !does {
            self.attach(subscriber, track);
        } else if !should && does {
            self.detach(subscriber, track);
        }
    }

    /// Tracks of hidden participants are for nobody: others do not know whose they would be.
    fn should_receive(&self, subscriber: &ParticipantSid, publication: &Publication) -> bool {
        let Some(participant) = self.participants.get(subscriber) else { return false };
        let Some(publisher) = self.participants.get(&publication.publisher) else { return false };
        let wished = participant.wishes.get(&publication.sid).map_or(participant.auto_subscribe, |it| it.subscribe);
        let may = participant.grants.can_subscribe && !publisher.grants.hidden;
        let allowed = participant.grants.recorder || publisher.audience.allows(&participant.identity, &publication.sid);
        let ready = publication.announced && participant.state > State::Joining;
        ready && wished && may && allowed && publication.publisher != *subscriber
    }

    fn attach(&mut self, subscriber: &ParticipantSid, track: &TrackSid) {
        let Some(participant) = self.participants.get_mut(subscriber) else { return };
        let Some(publication) = self.publications.get_mut(track) else { return };
        participant.subscriptions.insert(track.clone());
        publication.subscribers.insert(subscriber.clone());
        self.effects.push_back(Effect::Subscribed { subscriber: subscriber.clone(), track: track.clone() });
    }

    pub(super) fn detach(&mut self, subscriber: &ParticipantSid, track: &TrackSid) {
        let had = self.participants.get_mut(subscriber).is_some_and(|it| it.subscriptions.remove(track));
        if let Some(publication) = self.publications.get_mut(track) {
            publication.subscribers.remove(subscriber);
        }
        if had {
            self.effects.push_back(Effect::Unsubscribed { subscriber: subscriber.clone(), track: track.clone() });
        }
    }
}
