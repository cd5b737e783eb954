//! Coming and going.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::{Alarm, Room};
use crate::effect::Effect;
use crate::participant::Newcomer;
use crate::{LeaveReason, Participant, ParticipantSid, State};

/// A participant whose media is not up this long after its join is removed, as LiveKit does.
pub const JOIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Why nobody was let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JoinError {
    /// The identity is empty.
    #[error("identity is empty")]
    IdentityEmpty,
    /// Identity, name, metadata or attributes are too long.
    #[error("name, metadata or attributes are too long")]
    TooLarge,
    /// The room has as many participants as it may.
    #[error("room is full")]
    Full,
    /// The room is over.
    #[error("room is over")]
    Finished,
}

impl Room {
    /// Lets somebody in. An older session of the same identity leaves.
    ///
    /// # Errors
    /// When the room is full or over, or the newcomer exceeds a limit; an older session then stays.
    pub fn join(
        &mut self,
        newcomer: Newcomer,
        now: Instant,
        unix_ms: u64,
        rng: &mut impl rand::Rng,
    ) -> Result<ParticipantSid, JoinError> {
        self.admits(&newcomer)?;
        if let Some(older) = self.identities.get(&newcomer.identity).cloned() {
            self.depart(&older, LeaveReason::DuplicateIdentity, true);
        }
        let participant = participant(newcomer, now, unix_ms, rng);
        let sid = participant.sid.clone();
        self.alarms.insert((now + JOIN_TIMEOUT, Alarm::Join(sid.clone())));
        self.identities.insert(participant.identity.clone(), sid.clone());
        self.participants.insert(sid.clone(), participant);
        self.watch_emptiness(now);
        Ok(sid)
    }

    fn admits(&self, newcomer: &Newcomer) -> Result<(), JoinError> {
        if self.finished {
            return Err(JoinError::Finished);
        }
        if newcomer.identity.is_empty() {
            return Err(JoinError::IdentityEmpty);
        }
        let limits = &self.settings.limits;
        let long = newcomer.identity.len().max(newcomer.name.len()) > limits.name_bytes_max;
        let attributes = super::profile::attributes_bytes(&newcomer.attributes);
        if long || newcomer.metadata.len() > limits.metadata_bytes_max || attributes > limits.attributes_bytes_max {
            return Err(JoinError::TooLarge);
        }
        let counted = |it: &&Participant| !it.is_dependent() && it.identity != newcomer.identity;
        let dependent = newcomer.kind.is_dependent(&newcomer.grants);
        let present = self.participants.values().filter(counted).count();
        let max = usize::try_from(limits.participants_max).unwrap_or(usize::MAX);
        if max > 0 && !dependent && present >= max {
            return Err(JoinError::Full);
        }
        Ok(())
    }

    /// The join was answered: others may see the participant, and it receives what it wants.
    pub fn answered(&mut self, sid: &ParticipantSid) {
        self.advance(sid, State::Joining, State::Joined);
        self.reconcile_subscriber(sid);
        self.report_denied(sid);
    }

    /// Media is up.
    pub fn activate(&mut self, sid: &ParticipantSid) {
        self.advance(sid, State::Joined, State::Active);
    }

    fn advance(&mut self, sid: &ParticipantSid, from: State, to: State) {
        let Some(participant) = self.participants.get_mut(sid).filter(|it| it.state == from) else { return };
        participant.state = to;
        if from != State::Joining {
            participant.version += 1;
        }
        self.effects.push_back(Effect::Changed(sid.clone()));
    }

    /// The participant has a connection on which it may publish.
    pub fn set_publisher(&mut self, sid: &ParticipantSid) {
        let Some(participant) = self.participants.get_mut(sid) else { return };
        if participant.grants.can_publish && !participant.is_publisher {
            participant.is_publisher = true;
            self.touch(sid);
        }
    }

    /// A participant goes; nothing happens when it is not there.
    pub fn leave(&mut self, sid: &ParticipantSid, reason: LeaveReason, now: Instant) {
        self.depart(sid, reason, false);
        self.watch_emptiness(now);
    }

    /// Everybody goes and the room ends.
    pub fn close(&mut self, reason: LeaveReason) {
        let everybody: Vec<_> = self.participants.keys().cloned().collect();
        for sid in everybody {
            self.depart(&sid, reason, false);
        }
        self.finish();
    }

    fn depart(&mut self, sid: &ParticipantSid, reason: LeaveReason, replaced: bool) {
        let Some(participant) = self.participants.get(sid) else { return };
        let (received, published) = (participant.subscriptions.clone(), participant.publications.clone());
        for track in &received {
            self.detach(sid, track);
        }
        for track in &published {
            self.remove_publication(track);
        }
        let Some(mut participant) = self.participants.remove(sid) else { return };
        if self.identities.get(&participant.identity) == Some(sid) {
            self.identities.remove(&participant.identity);
        }
        self.alarms.retain(|(_, alarm)| !alarm.concerns(sid));
        participant.state = State::Disconnected;
        participant.version += 1;
        self.effects.push_back(Effect::Left { participant: Box::new(participant), reason, replaced });
    }

    /// Starts or stops the clock after which an empty room ends. Programs alone do not keep it alive.
    pub(super) fn watch_emptiness(&mut self, now: Instant) {
        let inhabited = self.participants.values().any(|it| !it.is_dependent());
        if inhabited {
            self.alarms.retain(|(_, alarm)| *alarm != Alarm::Empty);
            self.empty_at = None;
            self.inhabited_once = true;
        } else if self.empty_at.is_none() {
            self.empty_since = now;
            self.await_end();
        }
    }

    /// Sets the time at which the empty room ends.
    pub(super) fn await_end(&mut self) {
        let timeouts = &self.settings;
        let timeout = if self.inhabited_once { timeouts.departure_timeout } else { timeouts.empty_timeout };
        let at = self.empty_since + timeout;
        self.empty_at = Some(at);
        self.alarms.insert((at, Alarm::Empty));
    }

    pub(super) fn end_if_empty(&mut self, at: Instant) {
        if self.empty_at == Some(at) {
            self.close(LeaveReason::RoomClosed);
        }
    }

    pub(super) fn expire_join(&mut self, sid: &ParticipantSid, now: Instant) {
        if self.participants.get(sid).is_some_and(|it| it.state < State::Active) {
            self.leave(sid, LeaveReason::JoinFailure, now);
        }
    }

    fn finish(&mut self) {
        if !self.finished {
            self.finished = true;
            self.alarms.clear();
            self.effects.push_back(Effect::Finished);
        }
    }
}

impl Alarm {
    fn concerns(&self, sid: &ParticipantSid) -> bool {
        match self {
            Self::Empty => false,
            Self::Join(whose) | Self::Wish(whose, _) => whose == sid,
        }
    }
}

fn participant(newcomer: Newcomer, now: Instant, unix_ms: u64, rng: &mut impl rand::Rng) -> Participant {
    Participant {
        sid: ParticipantSid::random(rng),
        identity: newcomer.identity,
        name: newcomer.name,
        metadata: newcomer.metadata,
        attributes: newcomer.attributes,
        kind: newcomer.kind,
        grants: newcomer.grants,
        state: State::Joining,
        version: 1,
        joined: now,
        joined_unix_ms: unix_ms,
        is_publisher: false,
        publications: Vec::new(),
        subscriptions: BTreeSet::new(),
        auto_subscribe: newcomer.auto_subscribe,
        wishes: BTreeMap::new(),
        settings: BTreeMap::new(),
        audience: Default::default(),
    }
}
