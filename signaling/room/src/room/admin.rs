//! What an administrator decides about a room and the people in it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Alarm, ProfileError, Room};
use crate::effect::Effect;
use crate::{Grants, ParticipantSid};

impl Room {
    /// Changes a participant's name, metadata and attributes whatever its own rights. Empty name and metadata leave
    /// them as they are; an empty attribute value removes its key.
    ///
    /// # Errors
    /// When it is not there or something is too long; nothing has changed then.
    pub fn amend_profile(
        &mut self,
        sid: &ParticipantSid,
        name: &str,
        metadata: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), ProfileError> {
        let changes = !name.is_empty() || !metadata.is_empty() || !attributes.is_empty();
        self.merge_profile(sid, name, metadata, attributes)?;
        if changes {
            self.touch(sid);
        }
        Ok(())
    }

    /// Gives and takes rights. Publications that are no longer allowed end, subscriptions come and go. False when
    /// nothing changed.
    pub fn set_grants(&mut self, sid: &ParticipantSid, grants: Grants, now: Instant) -> bool {
        let Some(participant) = self.participants.get_mut(sid).filter(|it| it.grants != grants) else { return false };
        let vanishes = grants.hidden && !participant.grants.hidden;
        participant.is_publisher &= grants.can_publish;
        participant.grants = grants;
        let published = participant.publications.clone();
        self.touch(sid);
        for track in published {
            let Some(source) = self.publications.get(&track).map(|it| it.source) else { continue };
            if self.participants.get(sid).is_some_and(|it| !it.grants.allows_source(source)) {
                self.effects.push_back(Effect::Withdrawn { publisher: sid.clone(), track: track.clone() });
                self.unpublish(&track);
            }
        }
        self.reconcile_subscriber(sid);
        self.reconcile_publisher(sid);
        if vanishes {
            self.effects.push_back(Effect::Vanished(sid.clone()));
        }
        self.watch_emptiness(now);
        true
    }

    /// Changes how long the room waits for its first participant and stays after its last one. A wait that has begun is
    /// measured anew from its beginning.
    pub fn set_timeouts(&mut self, empty: Duration, departure: Duration) {
        (self.settings.empty_timeout, self.settings.departure_timeout) = (empty, departure);
        if self.empty_at.is_some() {
            self.alarms.retain(|(_, alarm)| *alarm != Alarm::Empty);
            self.await_end();
        }
    }

    /// Changes how many may be there; those who are, stay. 0 is without limit.
    pub fn set_participants_max(&mut self, max: u32) {
        self.settings.limits.participants_max = max;
    }
}
