//! What a client without a websocket could not be told: it learns of it when it comes back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use room::ParticipantSid;

use super::World;

/// How long departures are remembered. A client that was heard of within this time learns of all of them.
pub(super) const DEPARTURES_TIME_MAX: Duration = Duration::from_secs(120);
/// How many departures are remembered; the oldest go first.
pub(super) const DEPARTURES_MAX: usize = 2_000;

/// Who has gone lately.
#[derive(Debug, Default)]
pub(super) struct Departures {
    gone: VecDeque<(Instant, proto::ParticipantInfo)>,
    /// The last departure that is remembered no longer.
    forgotten: Option<Instant>,
}

impl Departures {
    /// Remembers that somebody has gone.
    pub(super) fn note(&mut self, last: proto::ParticipantInfo, now: Instant) {
        self.gone.push_back((now, last));
        let old = |at: Instant| now.saturating_duration_since(at) > DEPARTURES_TIME_MAX;
        while let Some((at, _)) = self.gone.front().filter(|(at, _)| self.gone.len() > DEPARTURES_MAX || old(*at)) {
            self.forgotten = Some(*at);
            self.gone.pop_front();
        }
    }

    /// Everybody who has gone since; nothing when that is not known any more.
    fn since(&self, heard: Instant) -> Option<Vec<&proto::ParticipantInfo>> {
        if self.forgotten.is_some_and(|at| at >= heard) {
            return None;
        }
        Some(self.gone.iter().filter(|(at, _)| *at >= heard).map(|(_, last)| last).collect())
    }
}

impl World {
    /// Who has gone since a client was surely told; nothing when that is not known any more. Who is there anew is told
    /// of as such, and was told of as gone by that.
    pub(super) fn missed_departures(&self, sid: &ParticipantSid) -> Option<Vec<proto::ParticipantInfo>> {
        let heard = self.sessions.get(sid)?.heard;
        let gone = self.departures.since(heard)?.into_iter();
        Some(gone.filter(|it| self.room.by_identity(&it.identity).is_none()).cloned().collect())
    }

    /// Tells a client that has come back of all that is no part of a participant's info.
    pub(super) fn tell_missed(&mut self, sid: &ParticipantSid) {
        self.tell_all_wanted(sid);
        self.tell_handles(sid);
        let Some(session) = self.sessions.get(sid) else { return };
        let tracks: std::collections::BTreeSet<_> =
            self.room.denied(sid).into_iter().chain(session.denied.iter().cloned()).collect();
        let rights = tracks.into_iter().map(|track| (sid.clone(), self.room.lets(sid, &track), track));
        self.permissions_due.extend(rights.map(|(sid, allowed, track)| (sid, track, allowed)));
        let publishers: std::collections::BTreeSet<_> = session.downs.values().map(|it| it.publisher.clone()).collect();
        self.tell_quality(sid, sid);
        for publisher in publishers {
            self.tell_quality(sid, &publisher);
            self.tell_speaker(sid, &publisher);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_as_far_as_it_can_be_sure() {
        let (mut departures, now) = (Departures::default(), Instant::now());
        let second = Duration::from_secs(1);
        departures.note(proto::ParticipantInfo::default(), now);
        departures.note(proto::ParticipantInfo::default(), now + second);
        let count = |departures: &Departures, heard| departures.since(heard).map(|it| it.len());
        assert_eq!(count(&departures, now), Some(2));
        assert_eq!(count(&departures, now + second), Some(1));
        departures.note(proto::ParticipantInfo::default(), now + DEPARTURES_TIME_MAX + second);
        assert_eq!(count(&departures, now), None);
        assert_eq!(count(&departures, now + second), Some(2));
        for _ in 0..=DEPARTURES_MAX {
            departures.note(proto::ParticipantInfo::default(), now + DEPARTURES_TIME_MAX + second);
        }
        assert_eq!(departures.gone.len(), DEPARTURES_MAX);
    }
}
