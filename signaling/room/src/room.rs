//! One room.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::effect::Effect;
use crate::{Participant, ParticipantSid, Publication, RoomLimits, RoomSid, TrackSid};

mod admin;
mod entry;
mod profile;
mod publish;
mod subscribe;
#[cfg(test)]
mod tests;

pub use entry::{JOIN_TIMEOUT, JoinError};
pub use profile::ProfileError;
pub use publish::PublishError;
pub use subscribe::WISH_TIMEOUT;

/// What a room is told once.
#[derive(Clone, Debug)]
pub struct RoomSettings {
    /// Sizes and counts.
    pub limits: RoomLimits,
    /// How long it waits for its first participant.
    pub empty_timeout: Duration,
    /// How long it stays after the last participant left.
    pub departure_timeout: Duration,
}

/// Who is there, what they publish and receive. Commands queue effects; drain them with [`Room::poll`].
#[derive(Debug)]
pub struct Room {
    sid: RoomSid,
    settings: RoomSettings,
    participants: BTreeMap<ParticipantSid, Participant>,
    identities: BTreeMap<String, ParticipantSid>,
    publications: BTreeMap<TrackSid, Publication>,
    effects: VecDeque<Effect>,
    alarms: BTreeSet<(Instant, Alarm)>,
    /// When it ends, while nobody is there.
    empty_at: Option<Instant>,
    /// Since when nobody is there.
    empty_since: Instant,
    /// Somebody was there.
    inhabited_once: bool,
    finished: bool,
}

/// Something that is due at a time, unless it no longer holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Alarm {
    Empty,
    Join(ParticipantSid),
    Wish(ParticipantSid, TrackSid),
}

impl Room {
    /// An empty room, which ends by itself when nobody comes.
    pub fn new(settings: RoomSettings, now: Instant, rng: &mut impl rand::Rng) -> Self {
        let empty_at = now + settings.empty_timeout;
        Self {
            sid: RoomSid::random(rng),
            settings,
            participants: BTreeMap::new(),
            identities: BTreeMap::new(),
            publications: BTreeMap::new(),
            effects: VecDeque::new(),
            alarms: BTreeSet::from([(empty_at, Alarm::Empty)]),
            empty_at: Some(empty_at),
            empty_since: now,
            inhabited_once: false,
            finished: false,
        }
    }

    /// The room's id.
    pub fn sid(&self) -> &RoomSid {
        &self.sid
    }

    /// Everybody, hidden ones too.
    pub fn participants(&self) -> impl Iterator<Item = &Participant> {
        self.participants.values()
    }

    /// Number of everybody.
    pub fn len(&self) -> usize {
        self.participants.len()
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.participants.is_empty()
    }

    /// One participant.
    pub fn participant(&self, sid: &ParticipantSid) -> Option<&Participant> {
        self.participants.get(sid)
    }

    /// The present session of an identity.
    pub fn by_identity(&self, identity: &str) -> Option<&Participant> {
        self.participants.get(self.identities.get(identity)?)
    }

    /// All publications, pending ones too.
    pub fn publications(&self) -> impl Iterator<Item = &Publication> {
        self.publications.values()
    }

    /// One publication.
    pub fn publication(&self, sid: &TrackSid) -> Option<&Publication> {
        self.publications.get(sid)
    }

    /// A participant's own publication.
    pub fn own_publication(&self, publisher: &ParticipantSid, sid: &TrackSid) -> Option<&Publication> {
        self.publications.get(sid).filter(|it| it.publisher == *publisher)
    }

    /// Sizes and counts that hold here.
    pub fn limits(&self) -> &RoomLimits {
        &self.settings.limits
    }

    /// Whether the room is over.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The next consequence.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Room::tick`] is due at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        while self.alarms.first().is_some_and(|(at, _)| *at <= now) {
            match self.alarms.pop_first() {
                Some((at, Alarm::Empty)) => self.end_if_empty(at),
                Some((_, Alarm::Join(sid))) => self.expire_join(&sid, now),
                Some((_, Alarm::Wish(sid, track))) => self.expire_wish(&sid, &track),
                None => return,
            }
        }
    }

    /// Tells others that something about a participant changed that the room itself does not know.
    pub fn touch(&mut self, sid: &ParticipantSid) {
        if let Some(participant) = self.participants.get_mut(sid) {
            participant.version += 1;
            self.effects.push_back(Effect::Changed(sid.clone()));
        }
    }
}
