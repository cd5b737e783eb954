//! What is due when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use room::{ParticipantSid, TrackSid};

/// A fresh token goes out this often, well within the ten minutes for which it is signed at least.
pub(super) const REFRESH_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// A client that does not answer our offer in this time has lost track.
pub(super) const NEGOTIATION_TIMEOUT: Duration = Duration::from_secs(15);
/// A client that does not offer after we asked for media sections is asked again.
pub(super) const REQUIREMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// A client whose media is lost must resume its session within this time, as LiveKit has it.
pub(super) const RESUME_TIMEOUT: Duration = Duration::from_secs(5);
/// A client that has resumed must have its media back within this time.
pub(super) const MEDIA_RETURN_TIMEOUT: Duration = Duration::from_secs(30);
/// Counts of participants are told no more often than this.
pub(super) const ROOM_UPDATE_INTERVAL: Duration = Duration::from_secs(5);
/// A speaker of whom no level came for this long is silent; the media house reports every 400 ms.
pub(super) const SPEAKER_TIMEOUT: Duration = Duration::from_secs(1);

/// Something due.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Alarm {
    /// A token.
    Refresh(ParticipantSid),
    /// An offer has been held for long enough.
    Answer(ParticipantSid),
    /// Our offer was not answered.
    Negotiation(ParticipantSid),
    /// Media sections were asked for and not offered.
    Requirement(ParticipantSid),
    /// Media was lost and did not come back.
    Lost(ParticipantSid),
    /// A sender of data may go on.
    Pace(ParticipantSid),
    /// A slow reader of data has been waited for long enough.
    Patience(ParticipantSid),
    /// A track's size has been unwatched for a while.
    Unwatched(TrackSid),
    /// A second codec was asked for and has not come.
    Backup(TrackSid),
    /// The room's counts may be told.
    RoomUpdate,
    /// Speakers may have fallen silent.
    Speakers,
    /// The room has had no track for a while.
    LiveEnd,
}

/// All that is due, by time. Each alarm stands at most once.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    due: BTreeSet<(Instant, Alarm)>,
    times: BTreeMap<Alarm, Instant>,
}

impl Alarms {
    /// Sets `alarm`, replacing an earlier setting.
    pub(super) fn set(&mut self, at: Instant, alarm: Alarm) {
        self.clear(&alarm);
        self.times.insert(alarm.clone(), at);
        self.due.insert((at, alarm));
    }

    /// Sets `alarm` unless it is set.
    pub(super) fn set_once(&mut self, at: Instant, alarm: Alarm) {
        if !self.times.contains_key(&alarm) {
            self.set(at, alarm);
        }
    }

    pub(super) fn clear(&mut self, alarm: &Alarm) {
        if let Some(at) = self.times.remove(alarm) {
            self.due.remove(&(at, alarm.clone()));
        }
    }

    /// Forgets everything about a participant.
    pub(super) fn forget(&mut self, sid: &ParticipantSid) {
        let stays = |alarm: &Alarm| match alarm {
            Alarm::Refresh(it) | Alarm::Negotiation(it) | Alarm::Requirement(it) | Alarm::Lost(it) => it != sid,
            Alarm::Answer(it) | Alarm::Pace(it) | Alarm::Patience(it) => it != sid,
            Alarm::Unwatched(_) | Alarm::Backup(_) | Alarm::RoomUpdate | Alarm::Speakers | Alarm::LiveEnd => true,
        };
        self.due.retain(|(_, alarm)| stays(alarm));
        self.times.retain(|alarm, _| stays(alarm));
    }

    /// Forgets everything.
    pub(super) fn forget_all(&mut self) {
        *self = Self::default();
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The next that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Alarm> {
        if self.deadline().is_none_or(|at| at > now) {
            return None;
        }
        let (_, alarm) = self.due.pop_first()?;
        self.times.remove(&alarm);
        Some(alarm)
    }
}
